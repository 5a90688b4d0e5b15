//! A bounded queue for any number of producers and consumers, lock-free: one that is suspended, or killed, between any
//! two instructions delays nobody else.
//!
//! With a doorbell, that holds for all who look. Those who sleep depend on a wake-up, and one that
//! is suspended while it rings delays them until it goes on or until their sleep ends by itself,
//! see [the seam](crate::wait). After a death, [`Handle::recover`] wakes them.
//!
//! Most bounded queues with several producers are not lock-free, fast as they are: a producer takes a number, and until
//! it has filled the slot of that number nobody gets past it (Vyukov's sequence-per-slot queue, and those after it).
//! Here a slot is taken and filled *before* it gets its place in the order, and getting the place is one
//! compare-and-exchange.
//!
//! # How it works
//!
//! `N` slots hold the values; a word of each says who holds it and why. `N` entries say in which slot the message of a
//! position is.
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
//! In 1, 3 and 4 whoever loses the exchange lost it to one who made progress, which is what lock-free means. A slot that is
//! held is on record before anything is done with it, so that [`Handle::recover`] can put things right after a death.
//!
//! Three exchanges for a message, and no other word that all must exchange: where the order begins and ends is found by going
//! along the entries, from a place that whoever was there last noted, with a plain store. A note that comes late costs those
//! after it a longer way, once.
//!
//! A side that finds another at the place that it wants backs off, for a microsecond, and as long as the other gets on quickly
//! for some microseconds, so that it can go on with what it has in its cache: who loses an exchange, and in a queue of 64
//! values or more a producer whose slot was just taken, a consumer that comes so close behind the producers that the next
//! message is just being put there, and a producer that finds the queue full. Many messages then go from one processor to the
//! other at a time, instead of a cache line for each step of each.
//!
//! The commit by exchange at the first unfilled place, which a suspended predecessor does not hold up, is Michael and Scott's,
//! "Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue Algorithms", PODC 1996; bounded, on an array, and
//! with the message's slot apart from its place.
//!
//! # The end
//!
//! A queue that is closed takes no more pushes, and its consumers are told of the end once nothing waits. Both hold at the
//! same moment, because the end is a mark in the order: a consumer that finds the queue closed and empty puts it into the
//! next entry by exchange, and no push gets past it. A message that was in the order before (a claim given back, or taken
//! from the dead) takes the mark's place, and the next consumer who finds nothing marks the end anew.
//!
//! # Shared and fullness
//!
//! First in, first out, by commit. Linearizable, but for one answer: "full" means that each slot was seen to be held at
//! some moment of the call, which with others pushing and popping at the same time need not have been the same moment.
//! Slots that are lent out (a [`Loan`], a [`Claim`]) count as held.
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
pub use producers::Producer;
#[cfg(not(loom))]
pub use raw::{RawClaim, RawHandle, RawLoan, RawQueue};

use crate::error::Error;
use crate::finally::finish;
use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::ring::PushError;
#[cfg(not(loom))]
use crate::storage::InMemory;
use crate::sync::{Ordering, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
#[cfg(not(loom))]
use core::ptr::NonNull;
use shared::Cell;

/// A queue of `N` values of `T`, for any number of producers and consumers. `W` says how they can sleep, see
/// [`Wake`].
///
/// `N` is 1 to 65535; another does not compile. Memory: `N` times the
/// value and 24 bytes, and 384 bytes more. On a microcontroller without caches it is the value and 16
/// bytes, and 32 bytes more, for which attempts are not counted there and producers not registered
/// (unless it has the feature `shared-layout`).
///
/// On a target without 64-bit compare-and-swap each step is a critical section.
///
/// Values that are in the queue when it is dropped are dropped with it.
///
/// Its methods are those of [`QueueView`], which it lends by [`Deref`].
///
/// ```
/// use ringway_core::ring::{PushError, queue::Queue};
/// let queue: Queue<_, 2> = Queue::new();
/// assert_eq!(queue.try_push('a'), Ok(()));
/// assert_eq!(queue.try_push('b'), Ok(()));
/// assert_eq!(queue.try_push('c'), Err(PushError::Full('c')));
/// assert_eq!(queue.try_pop(), Some('a'));
/// ```
#[repr(transparent)]
pub struct Queue<T, const N: usize, W: Wake = Nobody>(storage::Fixed<T, N, W>);

/// A queue whose capacity is known when the program runs: a [`Queue`] as all see it who use it, and
/// one in memory of a size that a configuration says. Both mean the same bytes.
///
/// `&Queue<T, N, W>` becomes `&QueueView<T, W>` where one is expected, and has its methods. In memory
/// of one's own:
///
/// ```
/// use ringway_core::ring::queue::{Queue, QueueView};
/// use ringway_core::storage::InMemory;
/// use std::mem::MaybeUninit;
/// let capacity = std::env::args().count() + 2; // of a configuration
/// let layout = QueueView::<u64>::layout(capacity).unwrap();
/// let mut memory = vec![MaybeUninit::uninit(); layout.size() + layout.align()];
/// let jobs: &QueueView<u64> = QueueView::init_in(&mut memory, capacity).unwrap();
/// jobs.try_push(7).unwrap();
///
/// fn next(jobs: &QueueView<u64>) -> Option<u64> {
///     jobs.try_pop()
/// }
/// static FEW: Queue<u64, 2> = Queue::new();
/// assert_eq!((next(jobs), next(&FEW)), (Some(7), None));
/// ```
///
/// The capacity is a part of the reference: it lies in private memory, and nobody who shares the
/// queue can change it.
#[repr(transparent)]
pub struct QueueView<T, W: Wake = Nobody>(storage::Counted<T, W>);

impl<T, const N: usize, W: Wake> fmt::Debug for Queue<T, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_view(), f)
    }
}

impl<T, W: Wake> fmt::Debug for QueueView<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Queue");
        out.field("capacity", &self.capacity()).field("len", &self.len()).finish_non_exhaustive()
    }
}

// SAFETY: a slot is touched only by the one whose name is in its word, and passes on through the exchanges of steps 1 and
// 4, so that `T: Send` is all it takes. `W` is shared as it is.
unsafe impl<T: Send, W: Wake + Sync> Sync for QueueView<T, W> {}

// SAFETY: the queue owns its values, and nothing borrows it when it moves.
unsafe impl<T: Send, W: Wake + Send> Send for QueueView<T, W> {}

// SAFETY: as its view.
unsafe impl<T: Send, const N: usize, W: Wake + Sync> Sync for Queue<T, N, W> {}

// SAFETY: as its view.
unsafe impl<T: Send, const N: usize, W: Wake + Send> Send for Queue<T, N, W> {}

// A panic leaves a queue as it was before the call, or after it.
impl<T, W: Wake> UnwindSafe for QueueView<T, W> {}
impl<T, W: Wake> RefUnwindSafe for QueueView<T, W> {}
impl<T, const N: usize, W: Wake> UnwindSafe for Queue<T, N, W> {}
impl<T, const N: usize, W: Wake> RefUnwindSafe for Queue<T, N, W> {}

impl<T, const N: usize, W: Wake> Queue<T, N, W> {
    /// Refuses a capacity that cannot work when the program is compiled.
    pub(crate) const VALID: () = {
        assert!(N > 0, "a queue needs a capacity of at least 1");
        assert!(N <= word::MAX_SLOTS, "a queue holds at most 65535 values");
    };

    const_unless_loom! {
        /// An empty queue.
        ///
        /// ```compile_fail
        /// static TOO_SMALL: ringway_core::ring::queue::Queue<u32, 0> =
        ///     ringway_core::ring::queue::Queue::new();
        /// ```
        ///
        /// ```
        /// use ringway_core::ring::queue::Queue;
        /// use ringway_core::wait::Spin;
        /// static JOBS: Queue<u32, 4, Spin> =
        ///     Queue::new();
        /// std::thread::scope(|s| {
        ///     s.spawn(|| JOBS.push(1));
        ///     assert_eq!(JOBS.pop(), Ok(1));
        /// });
        /// ```
        pub fn new() -> Self {
            const { Self::VALID };
            Queue(Self::fresh())
        }
    }

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

impl<T, const N: usize, W: Wake> Default for Queue<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, W: Wake> Deref for Queue<T, N, W> {
    type Target = QueueView<T, W>;

    #[inline(always)]
    fn deref(&self) -> &QueueView<T, W> {
        self.as_view()
    }
}

// SAFETY: the view's `init_at` makes one there of as many slots, which is as large.
#[cfg(not(loom))]
unsafe impl<T, const N: usize, W: Wake> InPlace for Queue<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        const { Self::VALID };
        // SAFETY: the place is ours, and that of a queue of `N` slots.
        unsafe { QueueView::<T, W>::init_at(NonNull::from(&mut *place).cast(), N) };
        // SAFETY: just made.
        unsafe { place.assume_init_mut() }
    }
}

#[cfg(loom)]
impl<T, W: Wake> QueueView<T, W> {
    /// For the models alone: what the producer of the first message does that comes very late with its note of where the
    /// next place is.
    #[doc(hidden)]
    pub fn note_second_place(&self) {
        let shared = self.shared();
        shared.found(&shared.tail.position, word::Position::FIRST.next(self.capacity()));
    }
}

impl<T, W: Wake> QueueView<T, W> {
    /// The queue as `participant` uses it, whose name then stands in what it holds. A program that shares the queue
    /// with nobody does without: the queue's own methods are those of [`Participant::LOCAL`].
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

    /// Pops every value that is in the queue now, one by one; fewer if others pop meanwhile. Values that
    /// are left when it is dropped stay in the queue.
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
    /// [`Error::WouldBlock`] when every slot is held, [`Error::BrokenPipe`] when the queue is closed;
    /// [`Error::Corrupt`] when something else wrote into its memory.
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

    /// How many values are in the queue, more or less: others push and pop meanwhile. 0 only if it was empty at some moment of
    /// the call.
    ///
    /// ```
    /// let queue: ringway_core::ring::queue::Queue<_, 4> = ringway_core::ring::queue::Queue::new();
    /// queue.try_push(1).unwrap();
    /// assert_eq!(queue.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared().len()
    }

    /// Whether the queue was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.shared().is_empty()
    }

    /// Closes the queue for good: no more pushes. What is in it can be popped, and a claim that is given back is taken
    /// back; then consumers are told that it has ended. Wakes everybody who sleeps. Any context may.
    ///
    /// A push that races with this either succeeds, and its value is popped before anybody is told of the end, or gets it
    /// back with [`PushError::Closed`].
    ///
    /// ```
    /// use ringway_core::ring::{PushError, queue::Queue};
    /// let queue: Queue<_, 4> = Queue::new();
    /// queue.try_push(1).unwrap();
    /// queue.close();
    /// assert_eq!(queue.try_push(2), Err(PushError::Closed(2)));
    /// assert!(!queue.has_ended());
    /// assert_eq!(queue.try_pop(), Some(1));
    /// assert!(queue.has_ended());
    /// ```
    pub fn close(&self) {
        self.shared().close();
    }

    /// What consumers sleep on. Every push rings it, and so does the close.
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        &self.ends().tail.0.bell
    }

    /// What producers sleep on, and who waits for all to be done. Every slot that comes free rings it, and so does the close.
    pub fn producers_bell(&self) -> &Doorbell<W> {
        &self.ends().head.0.bell
    }

    /// Registers a producer, so that consumers are told when all producers are gone: see
    /// [`Handle::producer`].
    pub fn producer(&self) -> Option<Producer<'_, T, W>> {
        self.handle(Participant::LOCAL).producer_now()
    }

    /// Whether producers were registered (see [`Handle::producer`]) and all of them are gone, dropped
    /// or dead. Consumers that wait are then told that the queue has ended, once nothing waits in
    /// it. What they pushed is seen by a look after this.
    pub fn producers_are_gone(&self) -> bool {
        self.shared().producers_are_gone()
    }

    /// Gives a value up when `max` claims of it ended without a completion: they were dropped, or
    /// their participant died. So a job that kills its worker does so `max` times. It goes to
    /// nobody then: it is dropped (or forgotten, after a death), its slot is free, and
    /// [`refused`](Self::refused) counts it. 0, as at first, is no limit. To keep what cannot be
    /// done, look at [`Claim::attempts`] instead. Where attempts are not counted (see [`Queue`])
    /// there is no limit, and [`max_attempts`](Self::max_attempts) stays 0.
    ///
    /// ```
    /// let queue: ringway_core::ring::queue::Queue<_, 2> = ringway_core::ring::queue::Queue::new();
    /// queue.set_max_attempts(2);
    /// queue.try_push("job").unwrap();
    /// for attempt in 1..=2 {
    ///     let claim = queue.try_claim().unwrap();
    ///     assert_eq!(claim.attempts(), attempt);
    ///     drop(claim); // could not do it
    /// }
    /// assert!(queue.try_claim().is_none());
    /// assert_eq!((queue.refused(), queue.unfinished()), (1, 0));
    /// ```
    pub fn set_max_attempts(&self, max: u16) {
        self.shared().set_max_attempts(max);
    }

    /// How many claims there are of one value before it is given up; 0 is no limit.
    pub fn max_attempts(&self) -> u16 {
        self.shared().max_attempts()
    }

    /// How many values were given up, because as many claims of them ended without a completion as
    /// there may be.
    pub fn refused(&self) -> u32 {
        self.shared().refused()
    }

    /// Whether the queue was closed. See also [`has_ended`](Self::has_ended).
    pub fn is_closed(&self) -> bool {
        self.shared().is_closed()
    }

    /// Whether the queue is closed and nothing waits in it. Only a claim that is given back, by a consumer or
    /// by its death, can make that untrue again: [`unfinished`](Self::unfinished) tells whether there are any.
    pub fn has_ended(&self) -> bool {
        self.is_closed() && self.shared().has_ended()
    }

    /// Whether the queue's words can be those of a queue. Only a foreign write into its memory can make them others; its
    /// operations then answer [`Error::Corrupt`], or as if it were empty or full.
    pub fn is_valid(&self) -> bool {
        self.shared().is_valid()
    }

    /// How many values were ever pushed; it comes around after 2^47 or more.
    pub fn pushed(&self) -> u64 {
        self.shared().pushed()
    }

    /// How many values were pushed and are not done with: they wait, or they are in a [`Claim`] that is neither completed
    /// nor taken. While others push and complete it is more or less that many, but 0 only if at some moment of the call all
    /// were done with. So a job that pushes others before it is completed never leaves a moment at which there seem to be none.
    /// What was done with a value before its completion is seen by a caller that is told 0.
    ///
    /// ```
    /// let queue: ringway_core::ring::queue::Queue<_, 4> = ringway_core::ring::queue::Queue::new();
    /// queue.try_push("job").unwrap();
    /// let job = queue.try_claim().unwrap();
    /// assert_eq!((queue.len(), queue.unfinished()), (0, 1));
    /// job.complete();
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    pub fn unfinished(&self) -> usize {
        self.shared().unfinished()
    }
}

/// Why no slot was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoSlot {
    /// Every slot is held.
    Full,
    /// The queue is closed.
    Closed,
    /// The queue's words are not those of a queue: something else wrote into its memory. What was in it cannot be told;
    /// lay it out anew.
    Corrupt,
}

impl NoSlot {
    /// Why `value` was not pushed.
    fn with<T>(self, value: T) -> PushError<T> {
        match self {
            NoSlot::Full => PushError::Full(value),
            NoSlot::Closed => PushError::Closed(value),
            NoSlot::Corrupt => PushError::Corrupt(value),
        }
    }
}

impl From<NoSlot> for Error {
    fn from(why: NoSlot) -> Self {
        match why {
            NoSlot::Full => Error::WouldBlock,
            NoSlot::Closed => Error::BrokenPipe,
            NoSlot::Corrupt => Error::Corrupt,
        }
    }
}

impl<T, const N: usize, W: Wake> Drop for Queue<T, N, W> {
    fn drop(&mut self) {
        self.drop_values();
    }
}

#[cfg(not(loom))]
impl<T, W: Wake> Drop for QueueView<T, W> {
    fn drop(&mut self) {
        self.drop_values();
    }
}

impl<T, W: Wake> QueueView<T, W> {
    /// Drops what waits, once: nobody uses the queue any more.
    fn drop_values(&self) {
        if !core::mem::needs_drop::<T>() {
            return;
        }
        let shared = self.shared();
        let mut cells = shared.cells.iter().enumerate();
        finish(|| {
            // Each is drawn before it is dropped, so that none is dropped twice.
            for (slot, Cell { owner, .. }) in cells.by_ref() {
                // Relaxed: `&mut` is alone here; whatever made it so orders the accesses.
                if shared.is_committed(slot, owner.load(Ordering::Relaxed)) {
                    // SAFETY: the message waits in its slot: initialized, and nobody's. Nobody comes after.
                    unsafe { self.value(slot).drop_in_place() };
                }
            }
        });
    }
}
