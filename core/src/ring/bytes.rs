//! The byte ring: one producer, one consumer, and grants that are contiguous, so that a DMA transfer, a `memcpy` or a
//! parser gets one run of memory.
//!
//! Two ways in and two ways out, which may be mixed:
//!
//! | | copies | in place |
//! |---|---|---|
//! | as much as there is | [`try_write`](Producer::try_write), [`try_read`](Consumer::try_read) | [`try_reserve_up_to`](Producer::try_reserve_up_to), [`try_peek`](Consumer::try_peek) |
//! | exactly so much, in one publication | [`try_write_all`](Producer::try_write_all) | [`try_reserve`](Producer::try_reserve) |
//!
//! To copy 2 KiB or more, the methods that copy are quicker than a `copy_from_slice` into a grant where the C library leaves
//! such to the processor (`rep movsb`): they go in pieces, and long ones pass to the other side a stretch at a time.
//!
//! # Where the ring's end lies in the way
//!
//! An exact grant that does not fit before the end of the memory begins at its start, and the bytes before the end
//! stay unused for this lap. The producer writes down where the lap's bytes end (the *mark*), and the consumer skips
//! from there. As in Cooke's bip buffer (2003), but the consumer's view of such a gap costs no second position.
//!
//! A gap must not lead to a grant that can never succeed: with everything read, the free memory is still cut in two
//! at the position, and the larger piece has at least half of it. So an exact grant may ask for
//! [`MAX_GRANT`](ByteRing::MAX_GRANT), half the capacity rounded up, which always succeeds once the consumer has read
//! everything; more is refused as [`MessageTooLarge`](crate::Error::MessageTooLarge), not as full. Copies wrap around and have no such
//! limit.
//!
//! ```
//! use ringway_core::ring::bytes::ByteRing;
//! static UART: ByteRing<64> = ByteRing::new();
//! let (mut tx, mut rx) = (UART.producer().unwrap(), UART.consumer().unwrap());
//!
//! let mut grant = tx.try_reserve(5).unwrap();
//! grant.copy_from_slice(b"hello");
//! grant.commit(5);
//!
//! let grant = rx.try_peek(1).unwrap();
//! assert_eq!(&*grant, b"hello");
//! grant.release(5);
//! ```

#[cfg(not(loom))]
use super::InPlace;
use super::sides::{ConsumerCursor, Header, ProducerCursor};
use crate::participant::Participant;
use crate::storage::sealed::Capacity as _;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::storage::{Storage, fixed};
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

mod consumer;
#[cfg(feature = "embedded-io")]
mod io;
mod lend;
mod producer;
mod run;

pub use consumer::{Consumer, ReadGrant};
pub(crate) use producer::HEADER;
pub use producer::{Producer, WriteGrant};

/// A ring of `N` bytes for one producer and one consumer. `W` says how a side can sleep, see [`Wake`].
///
/// Memory: `N` bytes and 20 more (with [`Nobody`]) where the target has no caches; where it has, cache lines. `N` is
/// 1 to 2^30; another does not compile.
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
/// `&ByteRing<N, W>` coerces to `&ByteRingView<W>`. Others lie on the heap or in memory at hand, see
/// [`InMemory`].
///
/// ```
/// use ringway_core::ring::bytes::{ByteRing, ByteRingView};
/// static LOG: ByteRing<100> = ByteRing::new();
/// let log: &ByteRingView = &LOG;
/// log.producer().unwrap().try_write(b"a line");
/// assert_eq!((log.len(), log.capacity()), (6, 100));
/// ```
pub type ByteRingView<W = Nobody> = ByteRingInner<[Slot<u8>], W>;

/// What [`ByteRing`] and [`ByteRingView`] are. `S` is the array of its bytes, see [`storage`].
#[repr(C)]
pub struct ByteRingInner<S: Storage<Value = u8> + ?Sized, W: Wake> {
    header: Header<W>,
    /// The mark: where the bytes of the consumer's lap end, once the producer has left that lap. On a line of its own, so
    /// that the bytes begin with one: copies of whole lines are copies of whole lines.
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
    /// The largest exact grant: half the capacity, rounded up. See the [module](self) for why.
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

// SAFETY: `repr(C)`: the header, which is written, and behind it mark and slots, which are zero in a fresh one.
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

impl<S: Storage<Value = u8> + ?Sized, W: Wake> ByteRingInner<S, W> {
    /// How many bytes the ring holds.
    pub fn capacity(&self) -> usize {
        self.slots.capacity().get() as usize
    }

    fn slots(&self) -> SlotsRef<'_, u8> {
        SlotsRef::new(
            self.slots.first(),
            #[cfg(loom)]
            &self.watch,
        )
    }

    /// The producer's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back, and the consumer waits for the next producer; [`Producer::close`] ends the stream.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// static RING: ByteRing<8> = ByteRing::new();
    /// let producer = RING.producer().unwrap();
    /// assert!(RING.producer().is_none());
    /// ```
    pub fn producer(&self) -> Option<Producer<'_, W, S::Capacity>> {
        self.producer_as(Participant::LOCAL)
    }

    /// [`producer`](Self::producer) for `me`, where processes share the ring. `None` also when its memory was corrupted, see
    /// [`is_valid`](Self::is_valid).
    pub fn producer_as(&self, me: Participant) -> Option<Producer<'_, W, S::Capacity>> {
        let header = NonNull::from(&self.header);
        // SAFETY: the half borrows the ring, and the cursor is a part of it.
        let cursor = unsafe { Header::take_producer(header, self.slots.capacity(), me) }?;
        Some(Producer::new(cursor, &self.mark.0, self.slots()))
    }

    /// The consumer's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back; bytes that it left are there for the next. [`Consumer::close`] tells the producer
    /// that there will be no next.
    pub fn consumer(&self) -> Option<Consumer<'_, W, S::Capacity>> {
        self.consumer_as(Participant::LOCAL)
    }

    /// [`consumer`](Self::consumer) for `me`, where processes share the ring. `None` also when its memory was corrupted, see
    /// [`is_valid`](Self::is_valid).
    pub fn consumer_as(&self, me: Participant) -> Option<Consumer<'_, W, S::Capacity>> {
        let header = NonNull::from(&self.header);
        // SAFETY: the half borrows the ring, and the cursor is a part of it.
        let cursor = unsafe { Header::take_consumer(header, self.slots.capacity(), me) }?;
        Some(Consumer::new(cursor, &self.mark.0, self.slots()))
    }

    /// Closes the halves that `dead` held, and wakes the other side so that it notices; returns how
    /// many there were. What it published can be read, what it had not published is gone. May be
    /// called by several at once, and again.
    /// The number is free for another [`Participant`] once all of these calls have returned.
    ///
    /// # Safety
    /// `dead` will not take another step in this ring: its process has ended (or its context was reset), and what it
    /// wrote is visible here, as it is once the operating system has reported its end.
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

    /// Whether both sides stand where the sides of such a ring can: always, but in memory that somebody corrupted.
    pub fn is_valid(&self) -> bool {
        self.header.is_valid(self.slots.capacity())
    }

    /// How many bytes are in the ring, more or less (a gap counts): for one who holds no half. 0 only if it was empty at some
    /// moment of the call.
    pub fn len(&self) -> usize {
        self.header.len(self.slots.capacity())
    }

    /// Whether the ring was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the last producer closed its half or died, and nobody took it since.
    pub fn producer_is_gone(&self) -> bool {
        self.header.producer_half().is_gone()
    }

    /// What the consumer sleeps on. Every publication rings it, and so does [`Producer::close`].
    #[inline(always)]
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        self.header.consumers_bell()
    }

    /// What the producer sleeps on. Every release rings it, and so does [`Consumer::close`].
    #[inline(always)]
    pub fn producers_bell(&self) -> &Doorbell<W> {
        self.header.producers_bell()
    }

    /// Both halves of a ring that the caller owns. Needs no read-modify-write.
    pub fn split(&mut self) -> (Producer<'_, W, S::Capacity>, Consumer<'_, W, S::Capacity>) {
        self.header.take_both_halves();
        let (capacity, slots) = (self.slots.capacity(), self.slots());
        let header = NonNull::from(&self.header);
        // SAFETY: the half borrows the ring, and the cursor is a part of it.
        let producer = unsafe { ProducerCursor::new(header, capacity) };
        // SAFETY: as above.
        let consumer = unsafe { ConsumerCursor::new(header, capacity) };
        (Producer::new(producer, &self.mark.0, slots), Consumer::new(consumer, &self.mark.0, slots))
    }
}
