//! The byte ring itself: where its sides and its bytes lie, and what is seen of it without a half.

use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::ring::sides::Header;
use crate::storage::sealed::{self, Capacity as _};
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::storage::{StableRef, Storage, fixed};
#[cfg(loom)]
use crate::sync::Watch;
use crate::sync::{AtomicU32, CachePadded, Slot, SlotsRef, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::panic::RefUnwindSafe;
use core::ptr::NonNull;

/// A ring of `N` bytes for one producer and one consumer. `W` says how a side can sleep, see
/// [`Wake`].
///
/// Memory: `N` bytes and 20 more (with [`Nobody`]) where the target has no caches; where it has,
/// cache lines. `N` is 1 to 2^30; another does not compile.
///
/// ```
/// use ringway_core::ring::bytes::ByteRing;
/// let mut ring: ByteRing<8> = ByteRing::new();
/// let (mut producer, mut consumer) = ring.split();
/// assert_eq!(producer.try_write(b"0123456789"), 8, "as much as fits");
/// let mut out = [0; 4];
/// assert_eq!(consumer.try_read(&mut out), 4);
/// assert_eq!(&out, b"0123");
/// ```
pub type ByteRing<const N: usize, W = Nobody> = ByteRingInner<[Slot<u8>; N], W>;

/// A [`ByteRing`] whose capacity is known when the program runs: a reference to it says what it is.
///
/// `&ByteRing<N, W>` coerces to `&ByteRingView<W>`. Others lie on the heap or in memory at hand,
/// see [`InMemory`].
///
/// ```
/// use ringway_core::ring::bytes::{ByteRing, ByteRingView};
/// static LOG: ByteRing<100> = ByteRing::new();
/// let log: &ByteRingView = &LOG;
/// log.producer().unwrap().try_write(b"a line");
/// assert_eq!((log.len(), log.capacity()), (6, 100));
/// ```
pub type ByteRingView<W = Nobody> = ByteRingInner<[Slot<u8>], W>;

/// What [`ByteRing`] and [`ByteRingView`] are. `S` is the array of its bytes, see
/// [`storage`](crate::storage).
#[repr(C)]
pub struct ByteRingInner<S: Storage<Value = u8> + ?Sized, W: Wake> {
    header: Header<W>,
    /// The mark: where the bytes of the consumer's lap end, once the producer has left that lap. On
    /// a line of its own, so that the bytes begin with one: copies of whole lines are copies of
    /// whole lines.
    mark: CachePadded<AtomicU32>,
    #[cfg(loom)]
    watch: Watch,
    slots: S,
}

// SAFETY: bytes pass from one side to the other by the ownership rule, see `sides` and `slots`.
unsafe impl<S: Storage<Value = u8> + ?Sized, W: Wake + Sync> Sync for ByteRingInner<S, W> {}

// No panic leaves a ring half changed.
impl<S: Storage<Value = u8> + ?Sized, W: Wake> RefUnwindSafe for ByteRingInner<S, W> {}

impl<S: Storage<Value = u8> + ?Sized, W: Wake> fmt::Debug for ByteRingInner<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, len) = (self.capacity(), self.len());
        f.debug_struct("ByteRing").field("capacity", &n).field("len", &len).finish()
    }
}

impl<const N: usize, W: Wake> ByteRing<N, W> {
    /// The largest exact grant: half the capacity, rounded up. See the [module](crate::ring::bytes)
    /// for why.
    ///
    /// ```
    /// assert_eq!(ringway_core::ring::bytes::ByteRing::<7>::MAX_GRANT, 4);
    /// ```
    pub const MAX_GRANT: usize = N.div_ceil(2);

    const_unless_loom! {
        /// An empty ring.
        ///
        /// ```
        /// use ringway_core::ring::bytes::ByteRing;
        /// static RING: ByteRing<256> = ByteRing::new();
        /// ```
        ///
        /// ```
        /// use ringway_core::ring::bytes::ByteRing;
        /// use ringway_core::wait::Spin;
        /// static RING: ByteRing<16, Spin> = ByteRing::new();
        /// assert_eq!(RING.producer().unwrap().write(b"hi"), Ok(2));
        /// ```
        pub fn new() -> Self {
            fixed::<N>();
            ByteRingInner {
                header: Header::new(),
                mark: CachePadded(AtomicU32::new(0)),
                #[cfg(loom)]
                watch: Watch::new(N),
                slots: [const { Slot::zero() }; N],
            }
        }
    }
}

impl<const N: usize, W: Wake> Default for ByteRing<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: all of it is zeroed, which slots and mark are in a fresh one, and the header is written.
#[cfg(not(loom))]
unsafe impl<const N: usize, W: Wake> InPlace for ByteRing<N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        fixed::<N>();
        let at = NonNull::from(&mut *place).cast();
        // SAFETY: the place is ours; a sized ring is laid out as its view is.
        unsafe { ByteRingView::<W>::init_at(at, N) };
        // SAFETY: just made; see above.
        unsafe { place.assume_init_mut() }
    }
}

// SAFETY: `repr(C)`: the header, which is written, and behind it mark and slots, which are zero in
// a fresh one.
#[cfg(not(loom))]
unsafe impl<W: Wake> InMemory for ByteRingView<W> {
    fn layout(capacity: usize) -> Option<Layout> {
        let mark = Layout::new::<CachePadded<AtomicU32>>();
        let (head, _) = Layout::new::<Header<W>>().extend(mark).ok()?;
        storage::layout::<Slot<u8>>(head, capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        Self::layout(capacity)?;
        NonNull::new(storage::slice(at, capacity) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        let ring = Self::from_raw(at, capacity)?;
        // SAFETY: the caller's memory is that large, and the caller's alone.
        unsafe { at.as_ptr().write_bytes(0, Self::layout(capacity)?.size()) };
        // SAFETY: as above; it begins with room for a header.
        unsafe { at.cast().write(Header::<W>::new()) };
        Some(ring)
    }
}

/// A reference to a byte ring by which a half reaches and keeps it: any [`StableRef`] to a
/// [`ByteRing`] or a [`ByteRingView`].
///
/// ```
/// use ringway_core::ring::bytes::{ByteRing, ByteRingRef, Consumer};
/// /// How many bytes wait in any ring, however it is kept.
/// fn backlog<R: ByteRingRef>(bytes: &mut Consumer<R>) -> usize {
///     bytes.len()
/// }
/// static UART: ByteRing<8> = ByteRing::new();
/// assert_eq!(backlog(&mut UART.consumer().unwrap()), 0);
/// ```
pub trait ByteRingRef:
    StableRef<Target = ByteRingInner<<Self as ByteRingRef>::Storage, <Self as ByteRingRef>::Wake>>
{
    /// The array of its bytes.
    type Storage: Storage<Value = u8> + ?Sized;
    /// How its sides sleep.
    type Wake: Wake;
}

impl<R, S, W> ByteRingRef for R
where
    R: StableRef<Target = ByteRingInner<S, W>>,
    S: Storage<Value = u8> + ?Sized,
    W: Wake,
{
    type Storage = S;
    type Wake = W;
}

/// How many bytes the ring holds that `R` refers to.
pub(super) type CapacityOf<R> = <<R as ByteRingRef>::Storage as sealed::Storage>::Capacity;

/// The ring that begins with `header`, as far as it lies alike whatever its capacity.
type AnyRing<W> = ByteRingInner<[Slot<u8>; 0], W>;

/// The mark of the ring that begins with `header`.
///
/// # Safety
/// There is such a ring, for `'a`, and the pointer may be used for all of it.
#[inline(always)]
pub(super) unsafe fn mark<'a, W: Wake>(header: NonNull<Header<W>>) -> &'a AtomicU32 {
    let ring: *const AnyRing<W> = header.as_ptr().cast();
    // SAFETY: within the ring, which is there as the caller states.
    unsafe { &(*ring).mark.0 }
}

/// The bytes of the ring that begins with `header`.
///
/// # Safety
/// As for [`mark`].
#[inline(always)]
pub(super) unsafe fn slots<'a, W: Wake>(header: NonNull<Header<W>>) -> SlotsRef<'a, u8> {
    let ring: *mut AnyRing<W> = header.as_ptr().cast();
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

impl<S: Storage<Value = u8> + ?Sized, W: Wake> ByteRingInner<S, W> {
    /// How many bytes the ring holds.
    pub fn capacity(&self) -> usize {
        self.slots.capacity().get() as usize
    }

    /// How many bytes the ring holds, as positions count.
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
    pub(in crate::ring) fn take_both_halves(&mut self) {
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
    /// use ringway_core::ring::bytes::ByteRing;
    /// static RING: ByteRing<8> = ByteRing::new();
    /// let one = Participant::new(1).unwrap();
    /// let mut producer = RING.producer_as(one).unwrap();
    /// std::mem::forget(producer.try_reserve(3)); // it dies with a grant
    /// std::mem::forget(producer);
    ///
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { RING.recover(one) }, 1);
    /// assert_eq!(RING.producer().unwrap().room(), 8);
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize {
        self.header.recover(dead)
    }

    /// Whether both sides stand where the sides of such a ring can: always, but in memory that
    /// somebody corrupted.
    pub fn is_valid(&self) -> bool {
        self.header.is_valid(self.slots.capacity())
    }

    /// How many bytes are in the ring, more or less (a gap counts): for one who holds no half. 0
    /// only if it was empty at some moment of the call.
    pub fn len(&self) -> usize {
        self.header.len(self.slots.capacity())
    }

    /// Whether the ring was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the last producer closed its half or died, and nobody took it since. What it wrote
    /// can still be read. One that has not come yet is not gone, nor is one that gave its half
    /// back.
    pub fn producer_is_gone(&self) -> bool {
        self.header.producer_half().is_gone()
    }

    /// Whether the last consumer closed its half or died, and nobody took it since. One that has
    /// not come yet is not gone, nor is one that gave its half back.
    pub fn consumer_is_gone(&self) -> bool {
        self.header.consumer_half().is_gone()
    }

    /// What the consumer sleeps on. Every publication rings it, and so does
    /// [`Producer::close`](super::Producer::close).
    #[inline(always)]
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        self.header.consumers_bell()
    }

    /// What the producer sleeps on. Every release rings it, and so does
    /// [`Consumer::close`](super::Consumer::close).
    #[inline(always)]
    pub fn producers_bell(&self) -> &Doorbell<W> {
        self.header.producers_bell()
    }
}
