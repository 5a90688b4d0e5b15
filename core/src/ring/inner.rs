//! The ring itself: where its sides and its slots lie, and what is seen of it without a half.

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

/// A ring of `N` values of `T` for one producer and one consumer. `W` says how a side can sleep,
/// see [`Wake`].
///
/// Memory: `N` values and 16 bytes (with [`Nobody`]) where the target has no caches; where it has,
/// two cache lines instead of the 16 bytes. `N` is 1 to 2^30; another does not compile. A
/// [`RingView`] is one whose capacity is known when the program runs.
///
/// Values that are in the ring when it is dropped are dropped with it.
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

/// A [`Ring`] whose number of slots is known when the program runs: a reference to it says how many
/// they are.
///
/// `&Ring<T, N, W>` coerces to `&RingView<T, W>`. Others lie on the heap or in memory at hand, see
/// [`InMemory`].
///
/// ```
/// use ringway_core::ring::{Ring, RingView};
/// static SMALL: Ring<u8, 4> = Ring::new();
/// static LARGE: Ring<u8, 400> = Ring::new();
/// let rings: [&RingView<u8>; 2] = [&SMALL, &LARGE];
/// assert_eq!(rings.map(RingView::capacity), [4, 400]);
/// ```
pub type RingView<T, W = Nobody> = RingInner<[Slot<T>], W>;

/// What [`Ring`] and [`RingView`] are. `S` is the array of its slots, see
/// [`storage`](crate::storage).
#[repr(C)]
pub struct RingInner<S: Storage + ?Sized, W: Wake> {
    header: Header<W>,
    #[cfg(loom)]
    watch: Watch,
    slots: S,
}

// SAFETY: a value is given from one side to the other through SYNC POINT A and B, and touched by
// one side at a time (the ownership rule), so that `T: Send` is all it takes. `W` is shared as it
// is.
unsafe impl<S: Storage<Value: Send> + ?Sized, W: Wake + Sync> Sync for RingInner<S, W> {}

// SAFETY: the ring owns its values, and no half borrows it when it moves.
unsafe impl<S: Storage<Value: Send> + ?Sized, W: Wake + Send> Send for RingInner<S, W> {}

// No panic leaves a ring half changed.
impl<S: Storage + ?Sized, W: Wake> RefUnwindSafe for RingInner<S, W> {}

impl<S: Storage + ?Sized, W: Wake> fmt::Debug for RingInner<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.slots.capacity();
        f.debug_struct("Ring").field("capacity", &n).field("len", &self.header.len(n)).finish()
    }
}

impl<T, const N: usize, W: Wake> Ring<T, N, W> {
    const_unless_loom! {
        /// An empty ring.
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

// SAFETY: the header is written, and slots need not be initialized.
#[cfg(not(loom))]
unsafe impl<T, const N: usize, W: Wake> InPlace for Ring<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        fixed::<N>();
        let at = place.as_mut_ptr();
        // SAFETY: within the place, which is ours.
        let header = unsafe { &raw mut (*at).header };
        // SAFETY: as above.
        unsafe { header.write(Header::new()) };
        // SAFETY: just written; see above.
        unsafe { place.assume_init_mut() }
    }
}

// SAFETY: `repr(C)`: the header, which is written, and behind it the slots, which need not be
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
        // SAFETY: the caller's memory begins with room for a header, see `layout`.
        unsafe { at.cast().write(Header::<W>::new()) };
        Some(ring)
    }
}

/// A reference to a ring by which a half reaches and keeps it: any [`StableRef`] to a [`Ring`] or a
/// [`RingView`].
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
    /// What the ring carries.
    type Value;
    /// The array of its slots.
    type Storage: Storage<Value = Self::Value> + ?Sized;
    /// How its sides sleep.
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

/// How many slots the ring has that `R` refers to.
pub(super) type CapacityOf<R> = <<R as RingRef>::Storage as sealed::Storage>::Capacity;

/// The slots of the ring of `T` that begins with `header`.
///
/// # Safety
/// There is such a ring, for `'a`, and the pointer may be used for all of it.
#[inline(always)]
pub(super) unsafe fn slots<'a, T, W: Wake>(header: NonNull<Header<W>>) -> SlotsRef<'a, T> {
    // Where the slots begin does not depend on how many they are.
    let ring: *mut RingInner<[Slot<T>; 0], W> = header.as_ptr().cast();
    // SAFETY: within the ring, which is there as the caller states.
    let first = unsafe { &raw mut (*ring).slots };
    SlotsRef::new(
        first.cast(),
        #[cfg(loom)]
        // SAFETY: as above.
        unsafe {
            &(*ring).watch
        },
    )
}

impl<T, S: Storage<Value = T> + ?Sized, W: Wake> RingInner<S, W> {
    /// How many values the ring holds.
    ///
    /// ```
    /// assert_eq!(<ringway_core::ring::Ring<u8, 5>>::new().capacity(), 5);
    /// ```
    pub fn capacity(&self) -> usize {
        self.slots.capacity().get() as usize
    }

    /// How many slots there are, as positions count.
    #[inline(always)]
    pub(super) fn n(&self) -> S::Capacity {
        self.slots.capacity()
    }

    /// The header, with which the ring begins. The pointer may be used for all of the ring.
    #[inline(always)]
    pub(super) fn header(&self) -> NonNull<Header<W>> {
        NonNull::from(self).cast()
    }

    /// Takes both halves for the owner of the ring, who knows that nobody has them.
    pub(super) fn take_both_halves(&mut self) {
        self.header.take_both_halves();
    }

    /// Closes the halves that `dead` held, and wakes the other side so that it notices; returns how
    /// many there were. What it published can be read, what it had not published is gone. May be
    /// called by several at once, and again.
    /// The number is free for another [`Participant`] once all of these calls have returned.
    ///
    /// # Safety
    /// `dead` will not take another step in this ring: its process has ended (or its context was
    /// reset), and what it wrote is visible here, as it is once the operating system has reported
    /// its end.
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
    /// A value that owns something could have been dropped or copied out by the dead one already,
    /// so that there is no recovery of it:
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

    /// Whether both sides stand where the sides of such a ring can: always, but in memory that
    /// somebody corrupted.
    pub fn is_valid(&self) -> bool {
        self.header.is_valid(self.slots.capacity())
    }

    /// How many values are in the ring, more or less: for one who holds no half. 0 only if it was
    /// empty at some moment of the call.
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

    /// Whether the last producer closed its half or died, and nobody took it since. What it pushed
    /// can still be popped. One that has not come yet is not gone, nor is one that gave its half
    /// back.
    pub fn producer_is_gone(&self) -> bool {
        self.header.producer_half().is_gone()
    }

    /// Whether the last consumer closed its half or died, and nobody took it since. One that has
    /// not come yet is not gone, nor is one that gave its half back.
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

    /// How many values are in it. `None` when the two positions do not fit together: the sides are
    /// under way, or somebody corrupted them.
    #[cfg(not(loom))]
    pub(crate) fn used(&self) -> Option<usize> {
        self.header.used(self.slots.capacity())
    }

    /// Who has the halves: the producer's and the consumer's.
    #[cfg(not(loom))]
    pub(crate) fn holders(&self) -> [Option<Participant>; 2] {
        [self.header.producer_half().holder(), self.header.consumer_half().holder()]
    }

    /// What the consumer sleeps on. Every publication rings it, and so does
    /// [`Producer::close`](super::Producer::close).
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        self.header.consumers_bell()
    }

    /// What the producer sleeps on. Every release rings it, and so does
    /// [`Consumer::close`](super::Consumer::close).
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
            // SAFETY: it is the ring's own header, and the ring is still there.
            let slots = unsafe { slots::<S::Value, W>(NonNull::from(&mut *self).cast()) };
            // SAFETY: no half is left, so that the values between the positions are ours, and
            // nobody comes after.
            unsafe { slots.drop_values(n, head, left) };
        }
    }
}
