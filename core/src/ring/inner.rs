//! The ring itself: where its sides and its slots lie, and what can be seen without a half.

#[cfg(not(loom))]
use super::in_place::InPlace;
use super::position;
use super::sides::Header;
use crate::participant::Participant;
use crate::plain::Plain;
use crate::storage::sealed::{self, Capacity as _};
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::storage::{StableRef, Storage, fixed};
#[cfg(loom)]
use crate::sync::Watch;
use crate::sync::{Slot, SlotsRef, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::panic::RefUnwindSafe;
use core::ptr::NonNull;

/// A ring of `N` values of `T` for one producer and one consumer.
///
/// `W` says how a side can sleep, see [`Wake`]. `N` is 1 to 2^30; other numbers do not compile.
/// Where the capacity is known only at run time, use a [`RingView`].
///
/// Memory: `N` values, and 16 bytes (with [`Nobody`]) where the target has no caches. Where it has
/// caches, two cache lines replace the 16 bytes.
///
/// Dropping the ring drops the values that it still contains.
///
/// ```
/// use ringway_core::ring::Ring;
/// let mut ring: Ring<String, 2> = Ring::new();
/// let (mut producer, mut consumer) = ring.split();
/// std::thread::scope(|s| {
///     s.spawn(move || {
///         for word in ["to", "and", "fro"] {
///             while producer.try_push(word.to_string()).is_err() {}
///         }
///     });
///     let mut heard = Vec::new();
///     while heard.len() < 3 {
///         heard.extend(consumer.try_pop());
///     }
///     assert_eq!(heard, ["to", "and", "fro"]);
/// });
/// ```
pub type Ring<T, const N: usize, W = Nobody> = RingInner<[Slot<T>; N], W>;

/// A [`Ring`] whose number of slots is known at run time.
///
/// A reference to it carries that number. `&Ring<T, N, W>` coerces to `&RingView<T, W>`. Other
/// views lie on the heap or in memory that the caller provides, see [`InMemory`].
///
/// ```
/// use ringway_core::ring::{Ring, RingView};
/// static SMALL: Ring<u8, 4> = Ring::new();
/// static LARGE: Ring<u8, 400> = Ring::new();
/// let rings: [&RingView<u8>; 2] = [&SMALL, &LARGE];
/// assert_eq!(rings.map(RingView::capacity), [4, 400]);
/// ```
pub type RingView<T, W = Nobody> = RingInner<[Slot<T>], W>;

/// The type behind [`Ring`] and [`RingView`].
///
/// `S` is its array of slots, see [`storage`](crate::storage).
#[repr(C)]
pub struct RingInner<S: Storage + ?Sized, W: Wake> {
    header: Header<W>,
    #[cfg(loom)]
    watch: Watch,
    slots: S,
}

// SAFETY: a value passes from one side to the other by the release and acquire of the positions
// (see `sides`). By the ownership rule, one side at a time touches it. So `T: Send` is enough. The
// sides share `W`, which is `Sync`.
unsafe impl<S: Storage<Value: Send> + ?Sized, W: Wake + Sync> Sync for RingInner<S, W> {}

// SAFETY: the ring owns its values, and no half borrows it when it moves.
unsafe impl<S: Storage<Value: Send> + ?Sized, W: Wake + Send> Send for RingInner<S, W> {}

// A panic never leaves a ring half changed.
impl<S: Storage + ?Sized, W: Wake> RefUnwindSafe for RingInner<S, W> {}

impl<S: Storage + ?Sized, W: Wake> fmt::Debug for RingInner<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.slots.capacity();
        f.debug_struct("Ring").field("capacity", &n).field("len", &self.header.len(n)).finish()
    }
}

impl<T, const N: usize, W: Wake> Ring<T, N, W> {
    const_unless_loom! {
        /// Makes an empty ring.
        ///
        /// ```
        /// use ringway_core::ring::Ring;
        /// static RING: Ring<u32, 64> = Ring::new();
        /// ```
        ///
        /// A ring without slots does not compile:
        ///
        /// ```compile_fail
        /// static RING: ringway_core::ring::Ring<u32, 0> = ringway_core::ring::Ring::new();
        /// ```
        ///
        /// ```
        /// use ringway_core::ring::Ring;
        /// use ringway_core::wait::Spin;
        /// static RING: Ring<u32, 4, Spin> = Ring::new();
        /// let mut producer = RING.producer().unwrap();
        /// producer.push(1).unwrap(); // waits for room if need be
        /// ```
        pub fn new() -> Self {
            fixed::<N>();
            RingInner {
                header: Header::new(),
                #[cfg(loom)]
                watch: Watch::new(N),
                slots: [const { Slot::new() }; N],
            }
        }
    }
}

impl<T, const N: usize, W: Wake> Default for Ring<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: `init` writes the header. The slots need not be initialized.
#[cfg(not(loom))]
unsafe impl<T, const N: usize, W: Wake> InPlace for Ring<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        fixed::<N>();
        let at = place.as_mut_ptr();
        // SAFETY: the field lies within `place`, which `init` borrows exclusively.
        let header = unsafe { &raw mut (*at).header };
        // SAFETY: `header` points into `place`, which `init` borrows exclusively, and is aligned
        // for its type.
        unsafe { header.write(Header::new()) };
        // SAFETY: the header has just been written, and the slots need not be initialized.
        unsafe { place.assume_init_mut() }
    }
}

// SAFETY: by `repr(C)`, the header comes first, and `init_at` writes it. The slots need not be
// initialized.
#[cfg(not(loom))]
unsafe impl<T, W: Wake> InMemory for RingView<T, W> {
    fn layout(capacity: usize) -> Option<Layout> {
        storage::layout::<Slot<T>>(Layout::new::<Header<W>>(), capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        Self::layout(capacity)?;
        NonNull::new(storage::slice(at, capacity) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        let ring = Self::from_raw(at, capacity)?;
        // SAFETY: the caller provides memory of `layout(capacity)`, which begins with room for a
        // header.
        unsafe { at.cast().write(Header::<W>::new()) };
        Some(ring)
    }
}

/// A reference by which a half reaches and keeps its ring.
///
/// It is any [`StableRef`] to a [`Ring`] or a [`RingView`].
///
/// ```
/// use ringway_core::ring::{Consumer, Ring, RingRef, RingView};
/// /// Takes the half of any ring of numbers, however it is kept.
/// fn sum<R: RingRef<Value = u32>>(numbers: &mut Consumer<R>) -> u32 {
///     numbers.drain().sum()
/// }
/// static RING: Ring<u32, 4> = Ring::new();
/// RING.producer().unwrap().try_push_slice(&[1, 2, 3]);
/// assert_eq!(sum(&mut RING.consumer().unwrap()), 6);
/// let view: &RingView<u32> = &RING;
/// assert_eq!(sum(&mut view.consumer().unwrap()), 0);
/// ```
pub trait RingRef:
    StableRef<Target = RingInner<<Self as RingRef>::Storage, <Self as RingRef>::Wake>>
{
    /// The type of the values that the ring carries.
    type Value;
    /// The array of the ring's slots.
    type Storage: Storage<Value = Self::Value> + ?Sized;
    /// How the ring's sides sleep.
    type Wake: Wake;
}

impl<R, S, W> RingRef for R
where
    R: StableRef<Target = RingInner<S, W>>,
    S: Storage + ?Sized,
    W: Wake,
{
    type Value = S::Value;
    type Storage = S;
    type Wake = W;
}

/// The capacity type of the ring that `R` refers to.
pub(super) type CapacityOf<R> = <<R as RingRef>::Storage as sealed::Storage>::Capacity;

/// The slots of the ring of `T` that begins with `header`.
///
/// # Safety
/// For `'a`, `header` is the beginning of a ring of `T`, and the pointer may be used for the whole
/// ring.
#[inline(always)]
pub(super) unsafe fn slots<'a, T, W: Wake>(header: NonNull<Header<W>>) -> SlotsRef<'a, T> {
    // The slots begin at the same place, whatever their number.
    let ring: *mut RingInner<[Slot<T>; 0], W> = header.as_ptr().cast();
    // SAFETY: the field lies within the ring. The caller guarantees that the ring exists and that
    // the pointer may be used for all of it.
    let first = unsafe { &raw mut (*ring).slots };
    SlotsRef::new(
        first.cast(),
        #[cfg(loom)]
        // SAFETY: the field lies within the ring. The caller guarantees that the ring exists for
        // `'a`.
        unsafe {
            &(*ring).watch
        },
    )
}

impl<T, S: Storage<Value = T> + ?Sized, W: Wake> RingInner<S, W> {
    /// The number of values that the ring can hold.
    ///
    /// ```
    /// assert_eq!(<ringway_core::ring::Ring<u8, 5>>::new().capacity(), 5);
    /// ```
    pub fn capacity(&self) -> usize {
        self.slots.capacity().get() as usize
    }

    /// The capacity in the form that the functions of `position` take.
    #[inline(always)]
    pub(super) fn n(&self) -> S::Capacity {
        self.slots.capacity()
    }

    /// The header, with which the ring begins. The pointer may be used for the whole ring.
    #[inline(always)]
    pub(super) fn header(&self) -> NonNull<Header<W>> {
        NonNull::from(self).cast()
    }

    /// Takes both halves for the owner of the ring, who knows that they are free.
    pub(super) fn take_both_halves(&mut self) {
        self.header.take_both_halves();
    }

    /// Closes the halves that `dead` held, wakes the other side, and returns the number of halves.
    ///
    /// The consumer can still read what `dead` published. What `dead` had not published is lost.
    /// Several callers may do this at once, and again later. After all these calls have returned,
    /// the number is free for another [`Participant`].
    ///
    /// # Safety
    /// `dead` takes no further step in this ring: its process has ended, or its context was reset.
    /// What it wrote is visible to the caller, as it is once the operating system has reported its
    /// end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::Ring;
    /// static RING: Ring<u8, 4> = Ring::new();
    /// let one = Participant::new(1).unwrap();
    /// let mut producer = RING.producer_as(one).unwrap();
    /// producer.try_push(7).unwrap();
    /// std::mem::forget(producer); // it dies
    ///
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { RING.recover(one) }, 1);
    /// assert_eq!(RING.consumer().unwrap().try_pop(), Some(7));
    /// assert!(RING.producer().is_some(), "another can go on");
    /// ```
    ///
    /// A ring whose values own something cannot be recovered: the dead participant may already have
    /// dropped a value or copied it out.
    /// ```compile_fail,E0277
    /// use ringway_core::{participant::Participant, ring::Ring};
    /// let ring: Ring<String, 4> = Ring::new();
    /// // SAFETY: participant 1 does nothing any more.
    /// unsafe { ring.recover(Participant::new(1).unwrap()) };
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize
    where
        T: Plain,
    {
        self.header.recover(dead)
    }

    /// Whether both positions are valid for this ring.
    ///
    /// They always are, unless somebody corrupted the memory.
    pub fn is_valid(&self) -> bool {
        self.header.is_valid(self.slots.capacity())
    }

    /// The approximate number of values in the ring, for a caller that holds no half.
    ///
    /// It is 0 only if the ring was empty at some moment of the call.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// static RING: Ring<u8, 2> = Ring::new();
    /// RING.producer().unwrap().try_push(1).unwrap();
    /// assert_eq!(RING.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.header.len(self.slots.capacity())
    }

    /// Whether the ring was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the last producer closed its half or died, and nobody has taken the half since.
    ///
    /// The values that it pushed can still be popped. A producer that has not come yet is not gone,
    /// and neither is one that gave its half back.
    pub fn producer_is_gone(&self) -> bool {
        self.header.producer_half().is_gone()
    }

    /// Whether the last consumer closed its half or died, and nobody has taken the half since.
    ///
    /// A consumer that has not come yet is not gone, and neither is one that gave its half back.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// static RING: Ring<u8, 4> = Ring::new();
    /// let consumer = RING.consumer().unwrap();
    /// assert!(!RING.consumer_is_gone());
    /// consumer.close();
    /// assert!(RING.consumer_is_gone());
    /// ```
    pub fn consumer_is_gone(&self) -> bool {
        self.header.consumer_half().is_gone()
    }

    /// The number of values in the ring. `None` when the two positions do not fit together: a side
    /// is moving, or somebody corrupted them.
    #[cfg(not(loom))]
    pub(crate) fn used(&self) -> Option<usize> {
        self.header.used(self.slots.capacity())
    }

    /// The holders of the producer's and of the consumer's half.
    #[cfg(not(loom))]
    pub(crate) fn holders(&self) -> [Option<Participant>; 2] {
        [self.header.producer_half().holder(), self.header.consumer_half().holder()]
    }

    /// The doorbell on which the consumer sleeps.
    ///
    /// Every publication rings it, and so does [`Producer::close`](super::Producer::close).
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        self.header.consumers_bell()
    }

    /// The doorbell on which the producer sleeps.
    ///
    /// Every release rings it, and so does [`Consumer::close`](super::Consumer::close).
    pub fn producers_bell(&self) -> &Doorbell<W> {
        self.header.producers_bell()
    }
}

impl<S: Storage + ?Sized, W: Wake> Drop for RingInner<S, W> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<S::Value>() {
            let n = self.slots.capacity();
            let (head, tail) = self.header.positions_mut();
            let left = position::used(n, head, tail).unwrap_or(0);
            // SAFETY: the pointer comes from `&mut self`, so that it may be used for the whole
            // ring, which exists until this function returns.
            let slots = unsafe { slots::<S::Value, W>(NonNull::from(&mut *self).cast()) };
            // SAFETY: no half is left, so that the values between the positions belong to the ring
            // and are initialized. Nobody reads them afterwards.
            unsafe { slots.drop_values(n, head, left) };
        }
    }
}
