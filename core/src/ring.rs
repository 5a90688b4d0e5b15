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
//! With [`Nobody`] (the default) each side looks when it suits it. With a [`Doorbell`](crate::wait::Doorbell) the sides can
//! also sleep ([`Producer::push`], [`Consumer::pop`]) or await ([`Consumer::poll_pop`]); then each publication costs a
//! fence, which is why it is a choice.
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
mod chunk;
mod copy;
mod cursor;
mod half;
#[cfg(not(loom))]
mod in_place;
mod index;
pub mod latest;
pub mod messages;
pub mod queue;
mod raw;
mod untyped;
mod waiting;

pub use chunk::{ReadChunk, TooFew, WriteChunk};
#[cfg(not(loom))]
pub use in_place::InPlace;
pub use untyped::Untyped;
pub use waiting::PushError;

use crate::participant::Participant;
use crate::plain::Plain;
use crate::sync::{CachePadded, Kept, Slots, SlotsRef, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use cursor::{ConsumerCursor, Header, ProducerCursor};

/// The ring is full: here is the value back.
///
/// ```
/// use ringway_core::ring::{Full, Ring};
/// let mut ring: Ring<_, 1> = Ring::new();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.try_push('a'), Ok(()));
/// assert_eq!(producer.try_push('b'), Err(Full('b')));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(
    /// What was not pushed.
    pub T,
);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

#[cfg(feature = "defmt")]
impl<T> defmt::Format for Full<T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Full(..)");
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ring is full: pop first, or push again later")
    }
}

impl<T> core::error::Error for Full<T> {}

/// A ring of `N` values of `T` for one producer and one consumer. `W` says how a side can sleep, see
/// [`Wake`].
///
/// Memory: `N` values and 16 bytes (with [`Nobody`]) where the target has no caches; where it has, two cache lines
/// instead of the 16 bytes. `N` is 1 to 2^30; another does not compile.
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
#[derive(Debug)]
#[repr(C)]
pub struct Ring<T, const N: usize, W: Wake = Nobody> {
    header: Header<W>,
    slots: Slots<T, N>,
}

// SAFETY: a value is given from one side to the other through SYNC POINT A and B, and touched by one side at a time
// (the ownership rule), so that `T: Send` is all it takes. `B` is shared as it is.
unsafe impl<T: Send, const N: usize, W: Wake + Sync> Sync for Ring<T, N, W> {}

// SAFETY: the ring owns its values, and no half borrows it when it moves.
unsafe impl<T: Send, const N: usize, W: Wake + Send> Send for Ring<T, N, W> {}

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
        /// static RING: Ring<u32, 4, Spin> =
        ///     Ring::new();
        /// let mut producer = RING.producer().unwrap();
        /// producer.push(1).unwrap(); // waits for room if need be
        /// ```
        pub fn new() -> Self {
            index::capacity::<N>();
            Ring { header: Header::new(), slots: Slots::new() }
        }
    }

    /// How many values the ring holds.
    ///
    /// ```
    /// assert_eq!(<ringway_core::ring::Ring<u8, 5>>::new().capacity(), 5);
    /// ```
    pub const fn capacity(&self) -> usize {
        N
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
        index::capacity::<N>();
        let at = place.as_mut_ptr();
        // SAFETY: within the place, which is ours.
        let header = unsafe { &raw mut (*at).header };
        // SAFETY: as above.
        unsafe { header.write(Header::new()) };
        // SAFETY: just written; see above.
        unsafe { place.assume_init_mut() }
    }
}

impl<T, const N: usize, W: Wake> Ring<T, N, W> {
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
    pub fn producer(&self) -> Option<Producer<'_, T, N, W>> {
        self.producer_as(Participant::LOCAL)
    }

    /// [`producer`](Self::producer) for `me`, where processes share the ring. `None` also when its memory was scribbled over,
    /// see [`is_sound`](Self::is_sound).
    pub fn producer_as(&self, me: Participant) -> Option<Producer<'_, T, N, W>> {
        self.header.take_producer(me).map(|cursor| Producer::new(cursor, &self.slots))
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
    pub fn consumer(&self) -> Option<Consumer<'_, T, N, W>> {
        self.consumer_as(Participant::LOCAL)
    }

    /// [`consumer`](Self::consumer) for `me`, where processes share the ring. `None` also when its memory was scribbled over,
    /// see [`is_sound`](Self::is_sound).
    pub fn consumer_as(&self, me: Participant) -> Option<Consumer<'_, T, N, W>> {
        self.header.take_consumer(me).map(|cursor| Consumer::new(cursor, &self.slots))
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

    /// Whether both sides stand where the sides of such a ring can: always, but in memory that somebody scribbled over.
    pub fn is_sound(&self) -> bool {
        self.header.is_sound::<N>()
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
        self.header.len::<N>()
    }

    /// Whether the ring was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the last producer closed its half or died, see [`Consumer::producer_is_gone`].
    pub fn producer_is_gone(&self) -> bool {
        self.header.consumer.0.peer.is_gone()
    }

    /// What the consumer sleeps on. Every publication rings it, and so does [`Producer::close`].
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        &self.header.producer.0.bell
    }

    /// What the producer sleeps on. Every release rings it, and so does [`Consumer::close`].
    pub fn producers_bell(&self) -> &Doorbell<W> {
        &self.header.consumer.0.bell
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
    pub fn split(&mut self) -> (Producer<'_, T, N, W>, Consumer<'_, T, N, W>) {
        let (producer, consumer) = self.header.take_both();
        (Producer::new(producer, &self.slots), Consumer::new(consumer, &self.slots))
    }
}

impl<T, const N: usize, W: Wake> Drop for Ring<T, N, W> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() {
            let (head, tail) = self.header.positions();
            let left = index::used::<N>(head, tail).unwrap_or(0);
            // SAFETY: no half is left, so that the values between the positions are ours, and nobody comes after.
            unsafe { self.slots.as_slots_ref().drop_values::<N>(head, left) };
        }
    }
}

/// The half that pushes. It can move to another thread or context, and is used from one at a time.
///
/// ```
/// use ringway_core::ring::Ring;
/// let mut ring: Ring<_, 3> = Ring::new();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.try_push_slice(&[1, 2, 3, 4]), 3);
/// assert_eq!(producer.room(), 0);
/// ```
#[derive(Debug)]
pub struct Producer<'a, T, const N: usize, W: Wake = Nobody> {
    cursor: CachePadded<ProducerCursor<'a, N, W>>,
    slots: SlotsRef<'a, T>,
}

// SAFETY: as for `Ring`: values pass from side to side by the ownership rule. The raw pointer inside is a borrow
// of the ring's slots.
unsafe impl<T: Send, const N: usize, W: Wake + Sync> Send for Producer<'_, T, N, W> {}

impl<'a, T, const N: usize, W: Wake> Producer<'a, T, N, W> {
    fn new(cursor: ProducerCursor<'a, N, W>, slots: &'a Slots<T, N>) -> Self {
        Producer { cursor: CachePadded(cursor), slots: slots.as_slots_ref() }
    }

    /// Pushes one value. Wait-free.
    ///
    /// # Errors
    /// [`Full`] with the value, when there is no room.
    #[inline]
    pub fn try_push(&mut self, value: T) -> Result<(), Full<T>> {
        let Some(tail) = self.cursor.0.first_free() else { return Err(Full(value)) };
        // SAFETY: the ownership rule: there is room for one.
        unsafe { self.slots.write::<N>(tail, value) };
        self.cursor.0.publish_from(tail, 1);
        Ok(())
    }

    /// Pushes as many of `values` as there is room for, in one publication, and returns how many. Wait-free.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<u32, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// assert_eq!(producer.try_push_slice(&[1, 2, 3]), 3);
    /// let mut out = [0; 8];
    /// assert_eq!(consumer.try_pop_slice(&mut out), 3);
    /// assert_eq!(out[..3], [1, 2, 3]);
    /// ```
    pub fn try_push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let want = values.len().min(N) as u32;
        let count = self.cursor.0.room(want).min(want);
        let (taken, _) = values.split_at_checked(count as usize).unwrap_or((values, &[]));
        if count > 0 {
            // SAFETY: the ownership rule: there is room for `count`, which is the length of `taken`.
            unsafe { self.slots.copy_in::<N>(self.cursor.0.tail(), taken) };
            self.cursor.0.publish(count);
        }
        count as usize
    }

    /// How many values can be pushed now. The consumer can only make it more.
    pub fn room(&mut self) -> usize {
        self.cursor.0.room(N as u32) as usize
    }

    /// How many values the ring holds when it is full.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Whether the last consumer closed its half or died, and nobody took it since. One that has
    /// not come yet is not gone, nor is one that gave its half back.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<u8, 4> = Ring::new();
    /// let (producer, consumer) = ring.split();
    /// assert!(!producer.consumer_is_gone());
    /// consumer.close();
    /// assert!(producer.consumer_is_gone());
    /// ```
    pub fn consumer_is_gone(&self) -> bool {
        self.cursor.0.peer_is_gone()
    }

    /// Ends the stream: the consumer gets what was pushed, and then its forms that wait answer
    /// [`EndOfFile`](crate::Error::EndOfFile). A producer that is taken later opens the
    /// stream again.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::Spin;
    /// static RING: Ring<u8, 4, Spin> = Ring::new();
    /// let mut consumer = RING.consumer().unwrap();
    /// RING.producer().unwrap().push(1).unwrap(); // given back: others may go on
    /// RING.producer().unwrap().close();
    /// assert_eq!(consumer.pop(), Ok(1));
    /// assert_eq!(consumer.pop(), Err(Error::EndOfFile));
    /// ```
    pub fn close(self) {
        self.cursor.0.close();
    }
}

/// The half that pops. It can move to another thread or context, and is used from one at a time.
///
/// ```
/// use ringway_core::ring::Ring;
/// let mut ring: Ring<_, 4> = Ring::new();
/// let (mut producer, mut consumer) = ring.split();
/// producer.try_push_slice(&[1, 2, 3]);
/// assert_eq!(consumer.peek(), Some(&1));
/// assert_eq!(consumer.len(), 3);
/// consumer.clear();
/// assert!(consumer.is_empty());
/// ```
#[derive(Debug)]
pub struct Consumer<'a, T, const N: usize, W: Wake = Nobody> {
    cursor: CachePadded<ConsumerCursor<'a, N, W>>,
    slots: SlotsRef<'a, T>,
}

// SAFETY: as for `Producer`.
unsafe impl<T: Send, const N: usize, W: Wake + Sync> Send for Consumer<'_, T, N, W> {}

impl<'a, T, const N: usize, W: Wake> Consumer<'a, T, N, W> {
    fn new(cursor: ConsumerCursor<'a, N, W>, slots: &'a Slots<T, N>) -> Self {
        Consumer { cursor: CachePadded(cursor), slots: slots.as_slots_ref() }
    }

    /// Pops the oldest value, if there is one. Wait-free.
    #[inline]
    pub fn try_pop(&mut self) -> Option<T> {
        let head = self.cursor.0.first_filled()?;
        // SAFETY: the ownership rule: one is ready. `release_from` makes sure that it is not read again.
        let value = unsafe { self.slots.read::<N>(head) };
        self.cursor.0.release_from(head, 1);
        Some(value)
    }

    /// Pops as many values as there are, at most `out.len()`, and returns how many. Wait-free.
    pub fn try_pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let want = out.len().min(N) as u32;
        let count = self.cursor.0.ready_soon(want, Kept::new(want)).min(want);
        if let Some((taken, _)) = out.split_at_mut_checked(count as usize) {
            if count > 0 {
                // SAFETY: the ownership rule: `count` are ready, which is the length of `taken`.
                unsafe { self.slots.copy_out::<N>(self.cursor.0.head(), taken) };
                self.cursor.0.release(count);
            }
        }
        count as usize
    }

    /// The oldest value, in place.
    pub fn peek(&mut self) -> Option<&T> {
        if self.cursor.0.ready_soon(1, Kept::new(1)) == 0 {
            return None;
        }
        // SAFETY: the ownership rule: one is ready, and `&mut self` is borrowed for as long as the answer lives.
        let (first, _) = unsafe { self.slots.readable::<N>(self.cursor.0.head(), 1) };
        first.first()
    }

    /// Drops every value that is in the ring now, and wakes the producer.
    pub fn clear(&mut self) {
        let count = self.cursor.0.ready(N as u32);
        self.discard(count);
    }

    /// How many values can be popped now. The producer can only make it more.
    pub fn len(&mut self) -> usize {
        self.cursor.0.ready(N as u32) as usize
    }

    /// Whether there is nothing to pop now.
    pub fn is_empty(&mut self) -> bool {
        self.cursor.0.ready(1) == 0
    }

    /// How many values the ring holds when it is full.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Whether the last producer closed its half or died, and nobody took it since. What it pushed
    /// can still be popped. One that has not come yet is not gone, nor is one that gave its half
    /// back.
    pub fn producer_is_gone(&self) -> bool {
        self.cursor.0.peer_is_gone()
    }

    /// Takes no more: the producer's forms that wait answer [`PushError::Closed`]. Values that are
    /// left stay. A consumer that is taken later opens the ring again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// Drops the oldest `count` values, which are ready, and gives their slots back; also when a value panics as it is
    /// dropped.
    fn discard(&mut self, count: u32) {
        struct Release<'c, 'a, const N: usize, W: Wake>(&'c mut ConsumerCursor<'a, N, W>, u32);
        impl<const N: usize, W: Wake> Drop for Release<'_, '_, N, W> {
            fn drop(&mut self) {
                self.0.release(self.1);
            }
        }
        let release = Release(&mut self.cursor.0, count);
        if core::mem::needs_drop::<T>() {
            // SAFETY: the ownership rule: `count` are ready. `release` makes sure that they are not read again.
            unsafe { self.slots.drop_values::<N>(release.0.head(), count) };
        }
    }
}
