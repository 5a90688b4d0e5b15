//! Rings: bounded queues in place for one producer and one consumer, and related structures for
//! more.
//!
//! | | producers | consumers | full means |
//! |---|---|---|---|
//! | [`Ring`], [`bytes::ByteRing`], [`messages::MessageRing`] | 1 | 1 | the producer waits |
//! | [`queue::Queue`] | any number | any number, each value to one | producers wait |
//! | [`broadcast::Broadcast`] | 1 | any number, each value to all | the oldest is overwritten |
//! | [`latest::Latest`] | 1 | any number | there is only the newest |
//!
//! A [`Ring`] carries values. A [`bytes::ByteRing`] carries bytes in contiguous grants. Both are
//! wait-free and waste no slot. They need only loads and stores, so that a Cortex-M0 runs them
//! without a critical section. They live in a `static` or on a stack:
//!
//! - **`static`**: [`Ring::producer`] and [`Ring::consumer`] hand out each half once, and again
//!   after it was dropped. An interrupt handler takes its half, uses it and drops it, or keeps it.
//!   Dropping a half does not end the stream. [`Producer::close`] and [`Consumer::close`] end it.
//!   The death of a holder ends it too, once it is detected ([`Ring::recover`]).
//! - **borrowed**: [`Ring::split`] hands out both halves of a ring that the caller owns.
//! - **owned**: [`Producer::new`] and [`Consumer::new`] take a half together with what keeps its
//!   ring: an `Arc` (with the feature `alloc`) or a part of a region. Such a half borrows nothing,
//!   and can be kept in a struct.
//!
//! With [`Nobody`](crate::wait::Nobody) (the default) each side polls. With another `W` (see
//! [`wait`](crate::wait)) a side can also sleep ([`Producer::push`], [`Consumer::pop`]) or await
//! ([`Consumer::pop_async`]). It waits for a value, or for a value's place in memory
//! ([`Producer::reserve`], [`Consumer::peek`]). Where a side may have to be woken, each publication
//! costs a fence, so that this is a choice.
//!
//! The number of slots is a constant, or known only at run time: a reference to a [`Ring`] coerces
//! to one to a [`RingView`]. Where the size of a value is known only at run time, use a
//! [`RawRing`].
//!
//! A full ring never overwrites its oldest value. Only the consumer may give that value up. If the
//! producer could, both sides would need a read-modify-write for every value. Where only the newest
//! value counts, use a [`broadcast`] or a [`latest`] value.
//!
//! Each half caches the other side's position. It reads that position again only when the ring
//! seems full or empty. Where the target has caches, the halves lie on cache lines of their own.
//! There, in a ring of at least 64 slots, a consumer that found at least two messages and has taken
//! them all waits for eight pauses of the processor, once, before it looks for more. Several
//! messages arrive in that time. A consumer that finds one message at a time, as between a question
//! and its answer, does not wait.
//!
//! The positions run through twice the capacity, as in Lamport, "Specifying Concurrent Program
//! Modules", TOPLAS 1983. The cached peer position follows Giacomoni, Moseley and Vachharajani,
//! "FastForward for Efficient Pipeline Parallelism", PPoPP 2008, and Lee et al., "MCRingBuffer",
//! 2009.
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
pub mod pool;
mod position;
mod producer;
pub mod queue;
#[cfg(not(loom))]
mod raw;
mod sides;
mod slots;
#[cfg(feature = "futures")]
mod streams;
#[cfg(not(loom))]
mod window;

pub use consumer::{Consumer, ReadChunk};
pub use error::{Full, PushError};
#[cfg(not(loom))]
pub use in_place::InPlace;
pub use inner::{Ring, RingInner, RingRef, RingView};
pub use producer::{Producer, WriteChunk};
#[cfg(not(loom))]
pub use raw::{RawConsumer, RawProducer, RawRing};
#[cfg(not(loom))]
pub use window::{MessageWindow, Window};

use crate::participant::Participant;
use crate::storage::Storage;
use crate::wait::Wake;

impl<S: Storage + ?Sized, W: Wake> RingInner<S, W> {
    /// Takes the producer's half; `None` while somebody holds it.
    ///
    /// Any context may call this. When the half is dropped, it is given back, and the consumer
    /// waits for the next producer. [`Producer::close`] ends the stream.
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

    /// As [`producer`](Self::producer), for the participant `me`, where processes share the ring.
    ///
    /// It is also `None` when the memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn producer_as(&self, me: Participant) -> Option<Producer<&Self>> {
        Producer::take(self, me)
    }

    /// Takes the consumer's half; `None` while somebody holds it.
    ///
    /// Any context may call this. When the half is dropped, it is given back, and the values that
    /// are left are there for the next consumer. [`Consumer::close`] tells the producer that there
    /// will be no next one.
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

    /// As [`consumer`](Self::consumer), for the participant `me`, where processes share the ring.
    ///
    /// It is also `None` when the memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn consumer_as(&self, me: Participant) -> Option<Consumer<&Self>> {
        Consumer::take(self, me)
    }

    /// Both halves of a ring that the caller owns.
    ///
    /// This needs no read-modify-write, and so no critical section on any target.
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
        // SAFETY: `take_both_halves` has just taken the half, and only this call uses it.
        let producer = unsafe { Producer::from_taken(ring) };
        // SAFETY: `take_both_halves` has just taken the half, and only this call uses it.
        (producer, unsafe { Consumer::from_taken(ring) })
    }
}
