//! Rings: bounded queues in place, for exactly one producer and one consumer; and their family for
//! more.
//!
//! | | producers | consumers | full means |
//! |---|---|---|---|
//! | [`Ring`], [`bytes::ByteRing`], [`messages::MessageRing`] | 1 | 1 | the producer waits |
//! | [`queue::Queue`] | any number | any number, each value to one | producers wait |
//! | [`broadcast::Broadcast`] | 1 | any number, each value to all | the oldest is overwritten |
//! | [`latest::Latest`] | 1 | any number | there is only the newest |
//!
//! [`Ring`] carries values, [`bytes::ByteRing`] carries bytes in contiguous grants. Both are
//! wait-free, need loads and stores alone (a Cortex-M0 runs them as they are), waste no slot, and
//! live in a `static` or on a stack:
//!
//! - **`static`**: [`Ring::producer`] and [`Ring::consumer`] hand out each half once, and again
//!   after it was dropped. An interrupt handler takes its half, uses it and drops it, or keeps it.
//!   Dropping a half does not end the stream: [`Producer::close`] and [`Consumer::close`] do, and
//!   so does the death of a holder, once it was found ([`Ring::recover`]).
//! - **borrowed**: [`Ring::split`] hands out both halves of a ring that the caller owns.
//! - **owned**: [`Producer::new`] and [`Consumer::new`] take a half together with what keeps its
//!   ring: an `Arc` (with the feature `alloc`), a part of a region. Such a half borrows nothing,
//!   and can be kept in a struct.
//!
//! With [`Nobody`](crate::wait::Nobody) (the default) each side looks when it suits it. With
//! another `W` (see [`wait`](crate::wait)) the sides can also sleep ([`Producer::push`],
//! [`Consumer::pop`]) or await ([`Consumer::pop_async`]), for a value or for its place in memory
//! ([`Producer::reserve`], [`Consumer::peek`]); where somebody has to be woken, each publication
//! costs a fence, which is why it is a choice.
//!
//! How many slots a ring has is a constant, or a number that is known when the program runs: a
//! [`Ring`] is also seen as a [`RingView`]. Also the size of a value may be known only then:
//! [`RawRing`].
//!
//! A full ring never overwrites its oldest value: only the consumer may give that up, and to let
//! the producer do it would cost both sides a read-modify-write for every value. Where the newest
//! counts, take a [`broadcast`] or a [`latest`] value.
//!
//! The peer's position is cached in the handle and looked up again only when the handle seems full
//! or empty; the handles lie on cache lines of their own, where the target has caches. There, in a
//! ring of 64 or more, a consumer that has taken all of two messages or more waits eight pauses of
//! the processor, once, before it looks for others: so long that several have come. Not between
//! question and answer, of one message each.
//!
//! The positions run through twice the capacity as in Lamport, "Specifying Concurrent Program
//! Modules", TOPLAS 1983; the cached peer position follows Giacomoni, Moseley and Vachharajani,
//! "FastForward for Efficient Pipeline Parallelism", PPoPP 2008, and Lee et al.,
//! "MCRingBuffer", 2009.
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
mod inner;
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
pub use inner::{Ring, RingInner, RingRef, RingView};
pub use producer::{Producer, WriteChunk};
#[cfg(not(loom))]
pub use raw::{RawConsumer, RawProducer, RawRing};

use crate::participant::Participant;
use crate::storage::Storage;
use crate::wait::Wake;

impl<S: Storage + ?Sized, W: Wake> RingInner<S, W> {
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
    pub fn producer(&self) -> Option<Producer<&Self>> {
        Producer::new(self)
    }

    /// [`producer`](Self::producer) for `me`, where processes share the ring. `None` also when its
    /// memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn producer_as(&self, me: Participant) -> Option<Producer<&Self>> {
        Producer::take(self, me)
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
    pub fn consumer(&self) -> Option<Consumer<&Self>> {
        Consumer::new(self)
    }

    /// [`consumer`](Self::consumer) for `me`, where processes share the ring. `None` also when its
    /// memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn consumer_as(&self, me: Participant) -> Option<Consumer<&Self>> {
        Consumer::take(self, me)
    }

    /// Both halves of a ring that the caller owns. Needs no read-modify-write, hence no critical
    /// section anywhere.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<_, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_push("hello").unwrap();
    /// assert_eq!(consumer.try_pop(), Some("hello"));
    /// ```
    pub fn split(&mut self) -> (Producer<&Self>, Consumer<&Self>) {
        self.take_both_halves();
        let ring = &*self;
        // SAFETY: just taken.
        let producer = unsafe { Producer::of_taken(ring) };
        // SAFETY: as above.
        (producer, unsafe { Consumer::of_taken(ring) })
    }
}
