//! Where a structure keeps its slots: in an array, whose length is a constant or known when the
//! program runs.
//!
//! A structure that has slots ends with them, and there is one definition of it for both:
//!
//! | | is | how many slots |
//! |---|---|---|
//! | `RingInner<S, W>` | the structure, for any [`Storage`] `S` | |
//! | `Ring<T, N, W>` | `RingInner<[Slot<T>; N], W>` | a constant: for a `static`, or a part of a region that both sides compile |
//! | `RingView<T, W>` | `RingInner<[Slot<T>], W>` | known when the program runs |
//!
//! `&Ring<T, N, W>` coerces to `&RingView<T, W>`, as `&[T; N]` does to `&[T]`; so do `Box` and
//! `Arc`. Both mean the same bytes. The number of a view's slots is a part of the reference to it:
//! it lies in private memory, and nobody who shares the structure can change it.
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

/// What a [`Storage`] consists of: a [`Slot`], or what another structure has for each of its slots.
pub trait Element: sealed::Element {}

impl<E: sealed::Element> Element for E {}

/// How many slots there are: [`Fixed`], or [`Counted`].
pub trait Capacity: sealed::Capacity {}

impl<C: sealed::Capacity> Capacity for C {}

/// `N` slots. Takes no memory.
///
/// A capacity that cannot work does not compile.
#[derive(Debug, Clone, Copy)]
pub struct Fixed<const N: usize>;

/// As many slots as were counted when the program runs.
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

/// A structure whose number of slots is known when the program runs, as it comes to be: in memory
/// of the caller's, on the heap, in a region. Nothing of it passes the stack.
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
/// assert_eq!((producer.capacity(), consumer.try_pop()), (capacity, Some(7)));
/// # Ok::<(), ringway_core::Error>(())
/// ```
///
/// # Safety
/// [`from_raw`](Self::from_raw) points to `at`, and what [`init_at`](Self::init_at) makes there is
/// a fresh structure, whose size and alignment are its [`layout`](Self::layout).
#[cfg(not(loom))]
pub unsafe trait InMemory {
    /// How much memory one of so many slots takes, and on which boundary it lies; `None` when none
    /// has so many.
    ///
    /// ```
    /// use ringway_core::ring::{Ring, RingView};
    /// use ringway_core::storage::InMemory;
    /// let layout = RingView::<u64>::layout(100).unwrap();
    /// assert_eq!(layout, std::alloc::Layout::new::<Ring<u64, 100>>());
    /// assert_eq!(RingView::<u64>::layout(0), None);
    /// ```
    fn layout(capacity: usize) -> Option<Layout>;

    /// The one of so many slots that lies at `at`, or is to lie there: to be used by reference or,
    /// if it was made on the heap, to be owned by a box. `None` when none has so many. Nothing is
    /// looked at.
    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>>;

    /// Makes a fresh one there. What was there is neither read nor dropped. `None` when none has so
    /// many slots.
    ///
    /// # Safety
    /// There is memory of [`layout(capacity)`](Self::layout), which is the caller's to write.
    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>>;

    /// Makes a fresh one in `memory`, which is at least as many bytes as [`layout`](Self::layout)
    /// says, and as many more as are needed to align it. The values that are in it in the end are
    /// dropped only if it is ([`drop_in_place`](core::ptr::drop_in_place)).
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], with what is needed; [`Error::Exhausted`] when none has so many
    /// slots.
    fn init_in(memory: &mut [MaybeUninit<u8>], capacity: usize) -> Result<&mut Self, Error> {
        let layout = Self::layout(capacity).ok_or(Error::Exhausted)?;
        let padding = memory.as_ptr().align_offset(layout.align());
        let needed = layout.size().saturating_add(padding);
        let memory = memory.get_mut(padding..needed).ok_or(Error::BufferTooSmall { needed })?;
        // SAFETY: it is aligned and as large as the layout says, and borrowed exclusively.
        let made = unsafe { Self::init_at(NonNull::from(memory).cast(), capacity) };
        let mut made = made.ok_or(Error::Exhausted)?;
        // SAFETY: just made, in memory that is borrowed for as long.
        Ok(unsafe { made.as_mut() })
    }
}

/// The layout of a `repr(C)` structure that begins as `head` says and ends with so many `E`.
#[cfg(not(loom))]
pub(crate) fn layout<E>(head: Layout, capacity: usize) -> Option<Layout> {
    let slots = Layout::array::<E>(capacity).ok().filter(|_| is_capacity(capacity))?;
    head.extend(slots).ok().map(|(layout, _)| layout.pad_to_align())
}

/// What a structure of so many slots at `at` is made of: a slice's pointer, to be cast.
#[cfg(not(loom))]
pub(crate) const fn slice(at: NonNull<u8>, capacity: usize) -> *mut [()] {
    core::ptr::slice_from_raw_parts_mut(at.as_ptr().cast(), capacity)
}

/// `N` as positions count. Refuses a capacity that cannot work when the program is compiled.
pub(crate) const fn fixed<const N: usize>() -> u32 {
    const {
        assert!(N > 0, "a capacity of at least 1 is needed");
        assert!(N <= MAX_CAPACITY, "a capacity is at most 2^30");
    }
    N as u32
}

/// Whether a structure can have so many slots.
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
        // No structure is made with more than `MAX_CAPACITY`.
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

/// A slot of a lock, in which a participant is on record.
impl sealed::Element for crate::sync::AtomicU32 {
    type Value = ();
}

pub(crate) mod sealed {
    /// See [`Storage`](super::Storage). The number of its elements is that of slots.
    pub trait Storage {
        /// What it consists of.
        type Element;
        /// What the structure holds.
        type Value;
        /// How many elements there are.
        type Capacity: Capacity;

        fn capacity(&self) -> Self::Capacity;
        fn as_slice(&self) -> &[Self::Element];

        /// Where the values are: in an array of [`Slot`](super::Slot)s, one beside the other.
        #[inline(always)]
        fn first(&self) -> *mut Self::Value {
            // The elements are cells, so that this may be written through.
            self.as_slice().as_ptr().cast::<Self::Value>().cast_mut()
        }
    }

    /// See [`Element`](super::Element).
    pub trait Element {
        /// What the structure holds.
        type Value;
    }

    /// See [`Capacity`](super::Capacity).
    pub trait Capacity: Copy + core::fmt::Debug {
        /// Whether the compiler knows it.
        const IS_FIXED: bool;

        /// Where a side stands that goes through the elements `E` in turn.
        type Cursor<E>: super::Cursor<E>;

        /// As positions count.
        fn get(self) -> u32;
    }
}
