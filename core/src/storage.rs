//! Storage: the array in which a structure keeps its slots. Its length is a constant, or known at
//! run time.
//!
//! A structure that has slots ends with them. One definition serves both kinds of length:
//!
//! | | is | how many slots |
//! |---|---|---|
//! | `RingInner<S, W>` | the structure, for any [`Storage`] `S` | |
//! | `Ring<T, N, W>` | `RingInner<[Slot<T>; N], W>` | a constant: for a `static`, or a part of a region that both sides compile |
//! | `RingView<T, W>` | `RingInner<[Slot<T>], W>` | known when the program runs |
//!
//! `&Ring<T, N, W>` coerces to `&RingView<T, W>`, as `&[T; N]` does to `&[T]`. `Box` and `Arc`
//! coerce too. Both mean the same bytes. The number of a view's slots is a part of the reference to
//! it. It lies in private memory, and nobody who shares the structure can change it.
//!
//! ```
//! use ringway_core::ring::{Ring, RingView};
//! fn last(ring: &RingView<u8>) -> Option<u8> {
//!     let mut consumer = ring.consumer()?;
//!     core::iter::from_fn(|| consumer.try_pop()).last()
//! }
//! static FOUR: Ring<u8, 4> = Ring::new();
//! FOUR.producer().unwrap().try_push_slice(&[1, 2, 3]);
//! assert_eq!(last(&FOUR), Some(3));
//! ```

#[cfg(not(loom))]
use crate::error::Error;
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;

mod cursor;
mod stable_ref;

pub use crate::sync::Slot;
pub(crate) use cursor::Cursor;
pub use stable_ref::StableRef;

/// The largest capacity: 2^30 slots.
pub(crate) const MAX_CAPACITY: usize = 1 << 30;

/// The array that a structure ends with: `[E; N]`, or `[E]` in its view. See the [module](self).
pub trait Storage: sealed::Storage {}

impl<S: sealed::Storage + ?Sized> Storage for S {}

/// An element of a [`Storage`]: a [`Slot`], or what another structure keeps for each slot.
pub trait Element: sealed::Element {}

impl<E: sealed::Element> Element for E {}

/// The number of slots: [`Fixed`], or [`Counted`].
pub trait Capacity: sealed::Capacity {}

impl<C: sealed::Capacity> Capacity for C {}

/// A constant number of slots. Takes no memory.
///
/// An invalid capacity does not compile.
#[derive(Debug, Clone, Copy)]
pub struct Fixed<const N: usize>;

/// A number of slots that is known at run time.
#[derive(Clone, Copy)]
pub struct Counted(u32);

impl Counted {
    #[cfg(test)]
    pub(crate) const fn new(n: u32) -> Self {
        Counted(n)
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const N: usize> sealed::Capacity for Fixed<N> {
    const IS_FIXED: bool = true;
    type Cursor<E> = ();

    #[inline(always)]
    fn get(self) -> u32 {
        fixed::<N>()
    }
}

impl sealed::Capacity for Counted {
    const IS_FIXED: bool = false;
    type Cursor<E> = cursor::Steps<E>;

    #[inline(always)]
    fn get(self) -> u32 {
        self.0
    }
}

/// Makes a structure with a run-time number of slots in memory that the caller provides.
///
/// The memory may be a buffer, on the heap or in a region. The structure never passes through the
/// stack.
///
/// ```
/// use ringway_core::ring::RingView;
/// use ringway_core::storage::InMemory;
/// use std::mem::MaybeUninit;
/// let capacity = std::env::args().count() + 9;
/// let mut memory = [MaybeUninit::uninit(); 1024];
/// let ring = RingView::<u32>::init_in(&mut memory, capacity)?;
/// let (mut producer, mut consumer) = ring.split();
/// producer.try_push(7).unwrap();
/// assert_eq!((producer.ring().capacity(), consumer.try_pop()), (capacity, Some(7)));
/// # Ok::<(), ringway_core::Error>(())
/// ```
///
/// # Safety
/// [`from_raw`](Self::from_raw) returns a pointer to `at`. [`init_at`](Self::init_at) makes a fresh
/// structure there. Its size and alignment are those of [`layout`](Self::layout).
#[cfg(not(loom))]
pub unsafe trait InMemory {
    /// The memory that a structure of `capacity` slots takes, and its alignment.
    ///
    /// `None` when no structure has that many slots.
    ///
    /// ```
    /// use ringway_core::ring::{Ring, RingView};
    /// use ringway_core::storage::InMemory;
    /// let layout = RingView::<u64>::layout(100).unwrap();
    /// assert_eq!(layout, std::alloc::Layout::new::<Ring<u64, 100>>());
    /// assert_eq!(RingView::<u64>::layout(0), None);
    /// ```
    fn layout(capacity: usize) -> Option<Layout>;

    /// The structure of `capacity` slots that lies at `at`, or will.
    ///
    /// Use it by reference. If it was made on the heap, a box may own it. `None` when no structure
    /// has that many slots. This does not access the memory.
    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>>;

    /// Makes a fresh structure of `capacity` slots at `at`.
    ///
    /// What was there is neither read nor dropped. `None` when no structure has that many slots.
    ///
    /// # Safety
    /// There is memory of [`layout(capacity)`](Self::layout) at `at`, and the caller may write it.
    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>>;

    /// Makes a fresh structure of `capacity` slots in `memory`.
    ///
    /// `memory` needs as many bytes as [`layout`](Self::layout) says, and as many more as it takes
    /// to align them. The structure's values are dropped only if you drop the structure
    /// ([`drop_in_place`](core::ptr::drop_in_place)).
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], with the number of bytes that are needed; [`Error::Exhausted`]
    /// when no structure has that many slots.
    fn init_in(memory: &mut [MaybeUninit<u8>], capacity: usize) -> Result<&mut Self, Error> {
        let layout = Self::layout(capacity).ok_or(Error::Exhausted)?;
        let padding = memory.as_ptr().align_offset(layout.align());
        let needed = layout.size().saturating_add(padding);
        let memory = memory.get_mut(padding..needed).ok_or(Error::BufferTooSmall { needed })?;
        // SAFETY: `memory` is aligned and as large as the layout says, and borrowed exclusively.
        let made = unsafe { Self::init_at(NonNull::from(memory).cast(), capacity) };
        let mut made = made.ok_or(Error::Exhausted)?;
        // SAFETY: `init_at` made it, in memory that is borrowed exclusively for as long as the
        // result.
        Ok(unsafe { made.as_mut() })
    }
}

/// The layout of a `repr(C)` structure: `head`, and then `capacity` elements `E`.
#[cfg(not(loom))]
pub(crate) fn layout<E>(head: Layout, capacity: usize) -> Option<Layout> {
    let slots = Layout::array::<E>(capacity).ok().filter(|_| is_capacity(capacity))?;
    head.extend(slots).ok().map(|(layout, _)| layout.pad_to_align())
}

/// A slice pointer to `at` of length `capacity`, to be cast to a structure of that many slots.
#[cfg(not(loom))]
pub(crate) const fn slice(at: NonNull<u8>, capacity: usize) -> *mut [()] {
    core::ptr::slice_from_raw_parts_mut(at.as_ptr().cast(), capacity)
}

/// `N` as a `u32`, the type of positions. Refuses an invalid capacity at compile time.
pub(crate) const fn fixed<const N: usize>() -> u32 {
    const {
        assert!(N > 0, "a capacity of at least 1 is needed");
        assert!(N <= MAX_CAPACITY, "a capacity is at most 2^30");
    }
    N as u32
}

/// Whether a structure can have `slots` slots.
#[cfg(not(loom))]
pub(crate) const fn is_capacity(slots: usize) -> bool {
    0 < slots && slots <= MAX_CAPACITY
}

impl<E: sealed::Element, const N: usize> sealed::Storage for [E; N] {
    type Element = E;
    type Value = E::Value;
    type Capacity = Fixed<N>;

    #[inline(always)]
    fn capacity(&self) -> Fixed<N> {
        Fixed
    }

    #[inline(always)]
    fn as_slice(&self) -> &[E] {
        self
    }
}

impl<E: sealed::Element> sealed::Storage for [E] {
    type Element = E;
    type Value = E::Value;
    type Capacity = Counted;

    #[inline(always)]
    fn capacity(&self) -> Counted {
        // No structure is made with more than `MAX_CAPACITY` slots, so the number fits.
        Counted(self.len() as u32)
    }

    #[inline(always)]
    fn as_slice(&self) -> &[E] {
        self
    }
}

impl<T> sealed::Element for Slot<T> {
    type Value = T;
}

/// A lock's slot, which records a participant.
impl sealed::Element for crate::sync::AtomicU32 {
    type Value = ();
}

pub(crate) mod sealed {
    /// The methods of [`Storage`](super::Storage). It has one element for each slot.
    pub trait Storage {
        /// The type of its elements.
        type Element;
        /// The type of the values that the structure holds.
        type Value;
        /// The type of its length.
        type Capacity: Capacity;

        fn capacity(&self) -> Self::Capacity;
        fn as_slice(&self) -> &[Self::Element];
    }

    /// The type behind [`Element`](super::Element).
    pub trait Element {
        /// The type of the values that the structure holds.
        type Value;
    }

    /// The methods of [`Capacity`](super::Capacity).
    pub trait Capacity: Copy + core::fmt::Debug {
        /// Whether the length is known at compile time.
        const IS_FIXED: bool;

        /// The cursor of a side that goes through the elements `E` in turn.
        type Cursor<E>: super::Cursor<E>;

        /// The length as a `u32`, the type of positions.
        fn get(self) -> u32;
    }
}
