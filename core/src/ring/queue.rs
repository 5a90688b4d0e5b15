//! A bounded queue for any number of producers and consumers, lock-free: one that is suspended, or
//! killed, between any two instructions delays nobody else.
//!
//! With a doorbell, that holds for all who look. Those who sleep depend on a wake-up, and one that
//! is suspended while it rings delays them until it goes on or until their sleep ends by itself,
//! see [the seam](crate::wait). After a death, [`Handle::recover`] wakes them.
//!
//! Most bounded queues with several producers are not lock-free, fast as they are: a producer takes
//! a number, and until it has filled the slot of that number nobody gets past it (Vyukov's
//! sequence-per-slot queue, and those after it). Here a slot is taken and filled *before* it gets
//! its place in the order, and getting the place is one compare-and-exchange.
//!
//! # How it works
//!
//! `N` slots hold the values; a word of each says who holds it and why. `N` entries say in which
//! slot the message of a position is.
//!
//! ```text
//!   slot's word                          what the step is, and what it says if its maker dies right there
//!   Free
//!    │ 1  a producer exchanges it        the slot is its own: nothing was sent, the slot is free again
//!   Writing(p)
//!    │ 2  it fills the slot, then says
//!    │    which position it tries        as before
//!   Committing(p, t)
//!    │ 3  entry[t] := (t, slot)          THE COMMIT. Before: as above. After: the message waits
//!    │ 4  a consumer exchanges it        THE CLAIM. After: the message is the consumer's
//!   Reading(c, t)
//!    │ 5  the value is read, the word
//!    │    stored                         before: the message goes to another consumer; after: it was delivered
//!   Free
//! ```
//!
//! In 1, 3 and 4 whoever loses the exchange lost it to one who made progress, which is what
//! lock-free means. A slot that is held is on record before anything is done with it, so that
//! [`Handle::recover`] can put things right after a death.
//!
//! Three exchanges for a message, and no other word that all must exchange: where the order begins
//! and ends is found by going along the entries, from a place that whoever was there last noted,
//! with a plain store. A note that comes late costs those after it a longer way, once.
//!
//! A side that finds another at the place that it wants backs off, for a microsecond, and as long
//! as the other gets on quickly for some microseconds, so that it can go on with what it has in its
//! cache: who loses an exchange, and in a queue of 64 values or more a producer whose slot was just
//! taken, a consumer that comes so close behind the producers that the next message is just being
//! put there, and a producer that finds the queue full. Many messages then go from one processor to
//! the other at a time, instead of a cache line for each step of each.
//!
//! The commit by exchange at the first unfilled place, which a suspended predecessor does not hold
//! up, is Michael and Scott's, "Simple, Fast, and Practical Non-Blocking and Blocking Concurrent
//! Queue Algorithms", PODC 1996; bounded, on an array, and with the message's slot apart from its
//! place.
//!
//! # The end
//!
//! A queue that is closed takes no more pushes, and its consumers are told of the end once nothing
//! waits. Both hold at the same moment, because the end is a mark in the order: a consumer that
//! finds the queue closed and empty puts it into the next entry by exchange, and no push gets past
//! it. A message that was in the order before (a claim given back, or taken from the dead) takes
//! the mark's place, and the next consumer who finds nothing marks the end anew.
//!
//! # Shared and fullness
//!
//! First in, first out, by commit. Linearizable, but for one answer: "full" means that each slot
//! was seen to be held at some moment of the call, which with others pushing and popping at the
//! same time need not have been the same moment. Slots that are lent out (a [`Loan`], a [`Claim`])
//! count as held.
//!
//! ```
//! use ringway_core::ring::queue::Queue;
//! static JOBS: Queue<u32, 16> = Queue::new();
//!
//! std::thread::scope(|s| {
//!     for worker in 0..2 {
//!         s.spawn(move || JOBS.try_push(worker).unwrap());
//!     }
//! });
//! assert_eq!(JOBS.try_pop().unwrap() + JOBS.try_pop().unwrap(), 1);
//! assert_eq!(JOBS.try_pop(), None);
//! ```

mod attempts;

mod handle;
mod look;
mod probe;
mod producers;
#[cfg(not(loom))]
mod raw;
mod recovery;
mod registry;
mod shared;
mod steps;
#[cfg(not(loom))]
mod storage;
#[cfg(loom)]
#[path = "queue/storage_loom.rs"]
mod storage;
#[cfg(all(test, not(loom)))]
mod tests;
mod waiting;
mod word;

pub use handle::{Claim, Handle, Loan};
pub use look::{Queue, QueueView, QueueWords};
pub use producers::Producer;
#[cfg(not(loom))]
pub use raw::{RawClaim, RawHandle, RawLoan, RawQueue};

use crate::error::Error;
use crate::participant::Participant;
use crate::ring::PushError;
use crate::wait::Wake;

impl<T, const N: usize, W: Wake> Queue<T, N, W> {
    // The methods of the view, for which the capacity is a constant.

    /// [`QueueView::try_push`].
    ///
    /// # Errors
    /// As there.
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        self.handle(Participant::LOCAL).push_now(value)
    }

    /// [`QueueView::try_pop`].
    pub fn try_pop(&self) -> Option<T> {
        self.handle(Participant::LOCAL).pop_now()
    }
}

#[cfg(loom)]
impl<T, W: Wake> QueueView<T, W> {
    /// For the models alone: what the producer of the first message does that comes very late with
    /// its note of where the next place is.
    #[doc(hidden)]
    pub fn note_second_place(&self) {
        let shared = self.shared();
        shared.found(&shared.tail.position, word::Position::FIRST.next(self.capacity()));
    }
}

impl<T, W: Wake> QueueView<T, W> {
    /// The queue as `participant` uses it, whose name then stands in what it holds. A program that
    /// shares the queue with nobody does without: the queue's own methods are those of
    /// [`Participant::LOCAL`].
    #[inline(always)]
    pub fn handle(&self, participant: Participant) -> Handle<'_, T, W> {
        Handle::new(self, participant)
    }

    /// Pushes one value. Lock-free.
    ///
    /// # Errors
    /// [`PushError::Full`] when every slot is held, [`PushError::Closed`] when the queue is closed;
    /// [`PushError::Corrupt`]; with the value.
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        self.handle(Participant::LOCAL).push_now(value)
    }

    /// Pops the oldest value, if there is one. Lock-free.
    pub fn try_pop(&self) -> Option<T> {
        self.handle(Participant::LOCAL).pop_now()
    }

    /// Pops every value that is in the queue now, one by one; fewer if others pop meanwhile. Values
    /// that are left when it is dropped stay in the queue.
    ///
    /// ```
    /// let queue: ringway_core::ring::queue::Queue<_, 4> = ringway_core::ring::queue::Queue::new();
    /// (1..=3).for_each(|value| queue.try_push(value).unwrap());
    /// assert_eq!(queue.drain().take(2).sum::<i32>(), 3);
    /// // What is pushed meanwhile is for the next one.
    /// let drained: Vec<_> = queue.drain().inspect(|value| queue.try_push(value + 1).unwrap()).collect();
    /// assert_eq!((drained, queue.len()), (vec![3], 1));
    /// ```
    pub fn drain(&self) -> impl Iterator<Item = T> {
        (0..self.len()).map_while(|_| self.try_pop())
    }

    /// Takes a slot to be filled in place. Lock-free.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when every slot is held, [`Error::BrokenPipe`] when the queue is
    /// closed; [`Error::Corrupt`] when something else wrote into its memory.
    ///
    /// ```
    /// use ringway_core::ring::queue::Queue;
    /// let queue: Queue<[u8; 4096], 2> = Queue::new();
    /// let mut loan = queue.try_reserve().unwrap();
    /// loan.as_uninit().write([7; 4096]);
    /// // SAFETY: the value was written.
    /// unsafe { loan.commit() }.unwrap();
    /// let claim = queue.try_claim().unwrap();
    /// assert_eq!(claim[0], 7);
    /// claim.complete();
    /// ```
    pub fn try_reserve(&self) -> Result<Loan<'_, T, W>, Error> {
        Ok(self.handle(Participant::LOCAL).reserve_now()?)
    }

    /// Takes the oldest value, to be used in place. Lock-free.
    pub fn try_claim(&self) -> Option<Claim<'_, T, W>> {
        self.handle(Participant::LOCAL).claim_now().ok()?
    }

    /// Registers a producer, so that consumers are told when all producers are gone: see
    /// [`Handle::producer`].
    pub fn producer(&self) -> Option<Producer<'_, T, W>> {
        self.handle(Participant::LOCAL).producer_now()
    }
}
