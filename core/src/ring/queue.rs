//! A bounded, lock-free queue for any number of producers and consumers.
//!
//! It is lock-free on targets that swap words of 64 bits. On others each operation is [one short
//! critical section](#without-64-bit-compare-and-swap).
//!
//! A side that is suspended or killed between any two instructions delays nobody else. With a
//! doorbell, that holds for all who do not sleep. A sleeper depends on a wake-up: a side that is
//! suspended while it rings delays the sleepers until it goes on, or until their sleep ends by
//! itself (see [the seam](crate::wait)). After a death, [`Handle::recover`] wakes them.
//!
//! Most bounded queues with several producers are not lock-free, fast as they are. In Vyukov's
//! sequence-per-slot queue and those after it, a producer takes a number, and nobody gets past that
//! number until the producer has filled its slot. Here a producer takes and fills a slot *before*
//! the slot gets its place in line, and getting the place is one compare-and-exchange.
//!
//! # How it works
//!
//! `N` slots hold the values. Each slot has an *owner word*, which says who holds the slot and what
//! for. `N` *entries* form the line: the entry of a position says which slot holds the message of
//! that position.
//!
//! ```text
//!   owner word          step                                 if its maker dies here, the message
//!   Free
//!    │ 1  a producer exchanges the owner word                was not sent
//!   Writing(p)
//!    │ 2  it fills the slot, and stores which position
//!    │    it tries                                           was not sent
//!   Committing(p, t)
//!    │ 3  it exchanges entry[t] for (t, slot): the COMMIT    before: was not sent; after: waits
//!    │ 4  a consumer exchanges the owner word: the CLAIM     before: waits; after: goes to another
//!   Reading(c, t)
//!    │ 5  it reads the value, and stores the owner word      before: goes to another; after: done
//!   Free
//! ```
//!
//! `p` is the producer, `c` the consumer, `t` the position. The slot of a message that was not sent
//! is freed. In the folder `lock_free`, `word.rs` lists every state of both words, and `steps.rs`
//! has the steps.
//!
//! A side that loses the exchange of step 1, 3 or 4 lost it to a side that made progress: that is
//! what lock-free means. The owner word names the holder before the holder does anything with the
//! slot, so that [`Handle::recover`] can put things right after a death.
//!
//! A message costs three exchanges, and there is no other word that everybody must exchange. A side
//! finds the head and the tail by a walk along the entries. The walk starts at a hint, which the
//! last side that was there stored with a plain store. A hint that comes late makes the next walk
//! longer, once.
//!
//! # Backoff
//!
//! A side that meets another one at the same place backs off for a microsecond, and for some
//! microseconds as long as the other one makes quick progress. Meanwhile the other one works with
//! what it has in its cache. So many messages cross from one processor to another at a time,
//! instead of a cache line for each step of each message. These sides back off:
//!
//! - a side that loses an exchange;
//! - in a queue of 64 values or more, a producer whose likely slot was just taken;
//! - there too, a consumer that finds the next message just being put in line;
//! - there too, a producer that finds the queue full.
//!
//! # Without 64-bit compare-and-swap
//!
//! A Cortex-M and a 32-bit RISC-V lack it. There an operation is one critical section, of the
//! program's `critical-section` implementation. All of the above holds, but for this:
//!
//! - A section takes at most 40 instructions on a Cortex-M0 and on RISC-V, whatever the capacity
//!   and the size of a value. It moves a value of one or two words. A larger value is moved between
//!   two sections. [`Handle::recover`] and [`QueueWords::is_valid`] take one section for each slot.
//! - "Full" is exact: at that moment every slot was held. A [`Loan`] that is committed after the
//!   queue was closed is always refused.
//! - A queue holds at most 32767 values. [`QueueWords::pushed`] and [`Claim::position`] come around
//!   after 2^32.
//! - The queue cannot be a part of a region: the program on the other side may be one that swaps.
//! - A context that is reset was in no section, on a single core. With several cores, the
//!   `critical-section` implementation has to free its lock when a core is reset that holds it.
//!   That core may have stopped in the middle of an operation, so lay the queue out anew.
//!
//! # Where it comes from
//!
//! The commit by exchange at the first unfilled position is Michael and Scott's: "Simple, Fast, and
//! Practical Non-Blocking and Blocking Concurrent Queue Algorithms", PODC 1996. A suspended
//! predecessor does not hold it up. Here it is bounded, works on an array, and keeps a message's
//! slot apart from its place in line.
//!
//! # The end
//!
//! A closed queue takes no more pushes, and tells its consumers of the end once nothing waits. Both
//! become true at the same moment, because the end is a mark in the line. A consumer that finds the
//! queue closed and empty exchanges the next entry for the mark, and no push gets past it. A
//! message that was in line before (a claim given back, or taken from a dead participant) replaces
//! the mark. The next consumer that finds nothing then marks the end again.
//!
//! # Order and fullness
//!
//! First in, first out, by commit. The queue is linearizable, with one exception: "full" means that
//! each slot was seen to be held at some moment of the call. While others push and pop, that need
//! not have been the same moment for all slots. Slots that are lent out (a [`Loan`], a [`Claim`])
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

mod handle;
#[cfg(not(any(no_cas, not(any(loom, target_has_atomic = "64")))))]
mod lock_free;
mod outcome;
mod producers;
mod rare;
#[cfg(not(loom))]
mod raw;
mod registry;
#[cfg(any(no_cas, not(any(loom, target_has_atomic = "64"))))]
mod section;
#[cfg(not(loom))]
mod storage;
#[cfg(loom)]
#[path = "queue/storage_loom.rs"]
mod storage;
#[cfg(all(test, not(loom)))]
mod tests;
mod view;
mod waiting;

#[cfg(not(any(no_cas, not(any(loom, target_has_atomic = "64")))))]
use lock_free as protocol;
#[cfg(any(no_cas, not(any(loom, target_has_atomic = "64"))))]
use section as protocol;

pub use handle::{Claim, Handle, Loan};
pub use producers::Producer;
#[cfg(not(loom))]
pub use raw::{RawClaim, RawHandle, RawLoan, RawQueue};
pub use view::{Queue, QueueView, QueueWords};

use crate::error::Error;
use crate::participant::Participant;
use crate::ring::PushError;
use crate::wait::Wake;

impl<T, const N: usize, W: Wake> Queue<T, N, W> {
    // As the methods of the view, but compiled for a constant capacity.

    /// Pushes one value: [`QueueView::try_push`].
    ///
    /// # Errors
    /// [`PushError::Full`] when every slot is held, [`PushError::Closed`] when the queue is closed,
    /// [`PushError::Corrupt`]. Each returns the value.
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        self.handle(Participant::LOCAL).push_now(value)
    }

    /// Pops the oldest value, if there is one: [`QueueView::try_pop`].
    pub fn try_pop(&self) -> Option<T> {
        self.handle(Participant::LOCAL).pop_now()
    }
}

impl<T, W: Wake> QueueView<T, W> {
    /// The queue as `participant` uses it.
    ///
    /// What is taken through the handle is taken under the participant's name. A program that
    /// shares the queue with nobody needs no handle: the queue's own methods act for
    /// [`Participant::LOCAL`].
    #[inline(always)]
    pub fn handle(&self, participant: Participant) -> Handle<'_, T, W> {
        Handle::new(self, participant)
    }

    /// Pushes one value. Lock-free.
    ///
    /// # Errors
    /// [`PushError::Full`] when every slot is held, [`PushError::Closed`] when the queue is closed,
    /// [`PushError::Corrupt`] when something else wrote into its memory. Each returns the value.
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        self.handle(Participant::LOCAL).push_now(value)
    }

    /// Pops the oldest value, if there is one. Lock-free.
    pub fn try_pop(&self) -> Option<T> {
        self.handle(Participant::LOCAL).pop_now()
    }

    /// Pops the values that are in the queue now, one by one.
    ///
    /// There are fewer if others pop meanwhile. Values that are left when the iterator is dropped
    /// stay in the queue.
    ///
    /// ```
    /// let queue: ringway_core::ring::queue::Queue<_, 4> = ringway_core::ring::queue::Queue::new();
    /// (1..=3).for_each(|value| queue.try_push(value).unwrap());
    /// assert_eq!(queue.drain().take(2).sum::<i32>(), 3);
    /// // A value that is pushed meanwhile stays for the next call.
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
    /// closed, [`Error::Corrupt`] when something else wrote into its memory.
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

    /// Claims the oldest value, to be used in place. Lock-free.
    pub fn try_claim(&self) -> Option<Claim<'_, T, W>> {
        self.handle(Participant::LOCAL).claim_now().ok()?
    }

    /// Registers a producer, so that consumers learn when all producers are gone.
    ///
    /// See [`Handle::producer`].
    pub fn producer(&self) -> Option<Producer<'_, T, W>> {
        self.handle(Participant::LOCAL).producer_now()
    }
}
