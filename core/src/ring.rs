//! Rings: bounded queues in place, for exactly one producer and one consumer; and their family for more.
//!
//! | | producers | consumers | full means |
//! |---|---|---|---|
//! | [`Ring`], [`bytes::ByteRing`], [`messages::MessageRing`] | 1 | 1 | the producer waits |
//! | [`queue::Queue`] | any number | any number, each value to one | producers wait |
//! | [`broadcast::Broadcast`] | 1 | any number, each value to all | the oldest is overwritten |
//! | [`latest::Latest`] | 1 | any number | there is only the newest |
//!
//! [`Ring`] carries values, [`bytes::ByteRing`] carries bytes in contiguous grants. Both are wait-free, need loads and
//! stores alone (a Cortex-M0 runs them as they are), waste no slot, and live in a `static` or on a stack:
//!
//! - **`static`**: [`Ring::producer`] and [`Ring::consumer`] hand out each half once, and again after it was dropped. An
//!   interrupt handler takes its half, uses it and drops it, or keeps it. Dropping a half does not end the stream:
//!   [`Producer::close`] and [`Consumer::close`] do, and so does the death of a holder, once it was found
//!   ([`Ring::recover`]).
//! - **borrowed**: [`Ring::split`] hands out both halves of a ring that the caller owns.
//!
//! With [`Nobody`] (the default) each side looks when it suits it. With another `W` (see [`wait`](crate::wait)) the sides can
//! also sleep ([`Producer::push`], [`Consumer::pop`]) or await ([`Consumer::poll_pop`]), for a value or for its place in
//! memory ([`Producer::reserve`], [`Consumer::peek`]); where somebody has to be woken, each publication costs a fence, which is
//! why it is a choice.
//!
//! How many slots a ring has is a constant, or a number that is known when the program runs: a [`Ring`] is also seen as a
//! [`RingView`]. Also the size of a value may be known only then: [`RawRing`].
//!
//! A full ring never overwrites its oldest value: only the consumer may give that up, and to let the producer do it would
//! cost both sides a read-modify-write for every value. Where the newest counts, take a [`broadcast`] or a [`latest`] value.
//!
//! The peer's position is cached in the handle and looked up again only when the handle seems full or empty; the
//! handles lie on cache lines of their own, where the target has caches. There, in a ring of 64 or more, a consumer that has
//! taken all of two messages or more waits eight pauses of the processor, once, before it looks for others: so long that
//! several have come. Not between question and answer, of one message each.
//!
//! The positions run through twice the capacity as in Lamport, "Specifying Concurrent Program Modules", TOPLAS
//! 1983; the cached peer position follows Giacomoni, Moseley and Vachharajani, "FastForward for Efficient Pipeline
//! Parallelism", PPoPP 2008, and Lee et al., "MCRingBuffer", 2009.
//!
//! ```
//! use ringway_core::ring::Ring;
//! static SAMPLES: Ring<u16, 8> = Ring::new();
//!
//! // In the interrupt:
//! if let Some(mut adc) = SAMPLES.producer() {
//!     if adc.try_push(512).is_err() { /* full: count the loss */ }
//! }
//! // In main:
//! let mut samples = SAMPLES.consumer().unwrap();
//! assert_eq!(samples.try_pop(), Some(512));
//! assert_eq!(samples.try_pop(), None);
//! ```

pub mod broadcast;
pub mod bytes;
mod consumer;
mod error;
#[cfg(not(loom))]
mod in_place;
pub mod latest;
pub mod messages;
mod owner;
mod position;
mod producer;
pub mod queue;
#[cfg(not(loom))]
mod raw;
mod sides;
mod slots;

pub use consumer::{Consumer, ReadChunk};
pub use error::{Full, PushError};
#[cfg(not(loom))]
pub use in_place::InPlace;
pub use producer::{Producer, WriteChunk};
#[cfg(not(loom))]
pub use raw::{RawConsumer, RawProducer, RawRing};

use crate::participant::Participant;
use crate::plain::Plain;
use crate::storage::sealed::Capacity as _;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::storage::{Storage, fixed};
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
use sides::{ConsumerCursor, Header, ProducerCursor};

/// A ring of `N` values of `T` for one producer and one consumer. `W` says how a side can sleep, see
/// [`Wake`].
///
/// Memory: `N` values and 16 bytes (with [`Nobody`]) where the target has no caches; where it has, two cache lines
/// instead of the 16 bytes. `N` is 1 to 2^30; another does not compile. A [`RingView`]
/// is one whose capacity is known when the program runs.
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

/// A [`Ring`] whose number of slots is known when the program runs: a reference to it says how many they are.
///
/// `&Ring<T, N, W>` coerces to `&RingView<T, W>`. Others lie on the heap or in memory at hand, see [`InMemory`].
///
/// ```
/// use ringway_core::ring::{Ring, RingView};
/// static SMALL: Ring<u8, 4> = Ring::new();
/// static LARGE: Ring<u8, 400> = Ring::new();
/// let rings: [&RingView<u8>; 2] = [&SMALL, &LARGE];
/// assert_eq!(rings.map(RingView::capacity), [4, 400]);
/// ```
pub type RingView<T, W = Nobody> = RingInner<[Slot<T>], W>;

/// What [`Ring`] and [`RingView`] are. `S` is the array of its slots, see [`storage`].
#[repr(C)]
pub struct RingInner<S: Storage + ?Sized, W: Wake> {
    header: Header<W>,
    #[cfg(loom)]
    watch: Watch,
    slots: S,
}

// SAFETY: a value is given from one side to the other through SYNC POINT A and B, and touched by one side at a time
// (the ownership rule), so that `T: Send` is all it takes. `W` is shared as it is.
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

// SAFETY: `repr(C)`: the header, which is written, and behind it the slots, which need not be initialized.
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

impl<T, S: Storage<Value = T> + ?Sized, W: Wake> RingInner<S, W> {
    /// How many values the ring holds.
    ///
    /// ```
    /// assert_eq!(<ringway_core::ring::Ring<u8, 5>>::new().capacity(), 5);
    /// ```
    pub fn capacity(&self) -> usize {
        self.slots.capacity().get() as usize
    }

    fn slots(&self) -> SlotsRef<'_, T> {
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
    /// use ringway_core::ring::Ring;
    /// static RING: Ring<u8, 2> = Ring::new();
    /// let producer = RING.producer().unwrap();
    /// assert!(RING.producer().is_none(), "there is one");
    /// drop(producer);
    /// assert!(RING.producer().is_some(), "it was given back");
    /// ```
    pub fn producer(&self) -> Option<Producer<'_, T, W, S::Capacity>> {
        self.producer_as(Participant::LOCAL)
    }

    /// [`producer`](Self::producer) for `me`, where processes share the ring. `None` also when its memory was corrupted, see
    /// [`is_valid`](Self::is_valid).
    pub fn producer_as(&self, me: Participant) -> Option<Producer<'_, T, W, S::Capacity>> {
        let header = NonNull::from(&self.header);
        // SAFETY: the half borrows the ring, and the cursor is a part of it.
        let cursor = unsafe { Header::take_producer(header, self.slots.capacity(), me) };
        cursor.map(|cursor| Producer::new(cursor, self.slots()))
    }

    /// The consumer's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back; values that it left are there for the next. [`Consumer::close`] tells the producer
    /// that there will be no next.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// static RING: Ring<u8, 2> = Ring::new();
    /// let consumer = RING.consumer().unwrap();
    /// assert!(RING.consumer().is_none());
    /// ```
    pub fn consumer(&self) -> Option<Consumer<'_, T, W, S::Capacity>> {
        self.consumer_as(Participant::LOCAL)
    }

    /// [`consumer`](Self::consumer) for `me`, where processes share the ring. `None` also when its memory was corrupted, see
    /// [`is_valid`](Self::is_valid).
    pub fn consumer_as(&self, me: Participant) -> Option<Consumer<'_, T, W, S::Capacity>> {
        let header = NonNull::from(&self.header);
        // SAFETY: the half borrows the ring, and the cursor is a part of it.
        let cursor = unsafe { Header::take_consumer(header, self.slots.capacity(), me) };
        cursor.map(|cursor| Consumer::new(cursor, self.slots()))
    }

    /// Closes the halves that `dead` held, and wakes the other side so that it notices; returns how
    /// many they were. What it published can be read, what it had not published is gone. May be
    /// called by several at once, and again.
    /// The number is free for another [`Participant`] once all of these calls have returned.
    ///
    /// # Safety
    /// `dead` will not take another step in this ring: its process has ended (or its context was reset), and what it
    /// wrote is visible here, as it is once the operating system has reported its end.
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

    /// Whether both sides stand where the sides of such a ring can: always, but in memory that somebody corrupted.
    pub fn is_valid(&self) -> bool {
        self.header.is_valid(self.slots.capacity())
    }

    /// How many values are in the ring, more or less: for one who holds no half. 0 only if it was empty at some moment of the
    /// call.
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

    /// Whether the last producer closed its half or died, see [`Consumer::producer_is_gone`].
    pub fn producer_is_gone(&self) -> bool {
        self.header.producer_half().is_gone()
    }

    /// How many values are in it. `None` when the two positions do not fit together: the sides are under way, or somebody
    /// corrupted them.
    #[cfg(not(loom))]
    pub(crate) fn used(&self) -> Option<usize> {
        self.header.used(self.slots.capacity())
    }

    /// Who has the halves: the producer's and the consumer's.
    #[cfg(not(loom))]
    pub(crate) fn holders(&self) -> [Option<Participant>; 2] {
        [self.header.producer_half().holder(), self.header.consumer_half().holder()]
    }

    /// What the consumer sleeps on. Every publication rings it, and so does [`Producer::close`].
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        self.header.consumers_bell()
    }

    /// What the producer sleeps on. Every release rings it, and so does [`Consumer::close`].
    pub fn producers_bell(&self) -> &Doorbell<W> {
        self.header.producers_bell()
    }

    /// Both halves of a ring that the caller owns. Needs no read-modify-write, hence no critical section anywhere.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<_, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_push("hello").unwrap();
    /// assert_eq!(consumer.try_pop(), Some("hello"));
    /// ```
    #[allow(clippy::type_complexity)] // it is a pair
    pub fn split(&mut self) -> (Producer<'_, T, W, S::Capacity>, Consumer<'_, T, W, S::Capacity>) {
        self.header.take_both_halves();
        let (capacity, slots) = (self.slots.capacity(), self.slots());
        let header = NonNull::from(&self.header);
        // SAFETY: the halves borrow the ring, and the cursors are parts of them.
        let producer = unsafe { ProducerCursor::new(header, capacity) };
        // SAFETY: as above.
        let consumer = unsafe { ConsumerCursor::new(header, capacity) };
        (Producer::new(producer, slots), Consumer::new(consumer, slots))
    }
}

impl<S: Storage + ?Sized, W: Wake> Drop for RingInner<S, W> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<S::Value>() {
            let n = self.slots.capacity();
            let (head, tail) = self.header.positions_mut();
            let left = position::used(n, head, tail).unwrap_or(0);
            let slots = SlotsRef::<S::Value>::new(
                self.slots.first(),
                #[cfg(loom)]
                &self.watch,
            );
            // SAFETY: no half is left, so that the values between the positions are ours, and nobody comes after.
            unsafe { slots.drop_values(n, head, left) };
        }
    }
}
