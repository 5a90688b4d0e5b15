//! A bounded queue for any number of producers and consumers, lock-free: one that is suspended, or killed, between any
//! two instructions delays nobody else.
//!
//! Most bounded queues with several producers are not lock-free, fast as they are: a producer takes a number, and until
//! it has filled the slot of that number nobody gets past it (Vyukov's sequence-per-slot queue, and those after it).
//! Here a slot is taken and filled *before* it gets its place in the order, and getting the place is one
//! compare-and-exchange.
//!
//! # How it works
//!
//! `N` slots hold the values; a word beside each says who holds it and why. `N` entries say in which slot the message of a
//! position is; `tail` is the next position to be filled, `head` the next to be taken.
//!
//! ```text
//!   slot's word                          what the step is, and what it says if its maker dies right there
//!   Free
//!    │ 1  a producer exchanges it        the slot is its own: nothing was sent, the slot is free again
//!   Writing(p)
//!    │ 2  it fills the slot, then says
//!    │    which position it tries        as before
//!   Committing(p, t)
//!    │ 3  entry[t] := (t, slot)          THE COMMIT. Before: as above. After: the message waits, and anybody
//!    │ 4  tail := t + 1                  does step 4
//!    │ 5  a consumer exchanges it        THE CLAIM. After: the message is the consumer's; anybody does step 6
//!   Reading(c, t)
//!    │ 6  head := t + 1
//!    │ 7  the value is read, the word
//!    │    stored                         before: the message goes to another consumer; after: it was delivered
//!   Free
//! ```
//!
//! In 3 and 5 whoever loses the exchange lost it to one who made progress, which is what lock-free means. A slot that is
//! held is on record before anything is done with it, so that [`Seat::recover`] can put things right after a death.
//!
//! The commit by exchange at the tail, and tail and head that anybody may push on, are Michael and Scott's, "Simple, Fast,
//! and Practical Non-Blocking and Blocking Concurrent Queue Algorithms", PODC 1996; bounded, on an array, and with the
//! message's slot apart from its place.
//!
//! # Order and fullness
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

mod seat;
mod waiting;
mod word;

pub use seat::{Claim, Loan, Seat};

use super::Full;
use crate::participant::Participant;
use crate::sync::{AtomicU64, CachePadded, Slots, array_of, const_unless_loom};
use crate::wait::{Bell, Polled};
use word::{Entry, Owned};

/// A queue of `N` values of `T`, for any number of producers and consumers. `B` says whether they can sleep, see
/// [`Bell`].
///
/// `N` is 1 to 65536; another does not compile. A power of two is quicker. Memory: `N` times the value and 16
/// bytes, and 16 bytes more (with cache lines of their own where the target has caches).
///
/// On a target without 64-bit compare-and-swap each step is a critical section.
///
/// Values that are in the queue when it is dropped are dropped with it.
///
/// ```
/// use ringway_core::ring::Full;
/// use ringway_core::ring::queue::Queue;
/// let queue = Queue::<_, 2>::new();
/// assert_eq!(queue.try_push('a'), Ok(()));
/// assert_eq!(queue.try_push('b'), Ok(()));
/// assert_eq!(queue.try_push('c'), Err(Full('c')));
/// assert_eq!(queue.try_pop(), Some('a'));
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct Queue<T, const N: usize, B = Polled> {
    tail: CachePadded<Side<B>>,
    head: CachePadded<Side<B>>,
    entries: [AtomicU64; N],
    owners: [AtomicU64; N],
    slots: Slots<T, N>,
}

/// What one end of the queue has on its cache line: its position, and what it rings for the other end.
#[derive(Debug)]
#[repr(C)]
struct Side<B> {
    position: AtomicU64,
    bell: B,
}

// SAFETY: a slot is touched only by the one whose name is in its word, and passes on through the exchanges of steps 1 and
// 5, so that `T: Send` is all it takes. `B` is shared as it is.
unsafe impl<T: Send, const N: usize, B: Sync> Sync for Queue<T, N, B> {}

// SAFETY: the queue owns its values, and nothing borrows it when it moves.
unsafe impl<T: Send, const N: usize, B: Send> Send for Queue<T, N, B> {}

impl<T, const N: usize> Queue<T, N> {
    const_unless_loom! {
        /// An empty queue whose producers and consumers look when it suits them.
        ///
        /// ```compile_fail
        /// static TOO_SMALL: ringway_core::ring::queue::Queue<u32, 0> =
        ///     ringway_core::ring::queue::Queue::new();
        /// ```
        pub fn new() -> Self {
            Queue::with_bells(Polled, Polled)
        }
    }
}

impl<T, const N: usize> Default for Queue<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, B> Queue<T, N, B> {
    const_unless_loom! {
        /// An empty queue whose consumers sleep on `consumers` and whose producers sleep on `producers`.
        ///
        /// ```
        /// use ringway_core::ring::queue::Queue;
        /// use ringway_core::wait::{Doorbell, Spin};
        /// static JOBS: Queue<u32, 4, Doorbell<Spin>> =
        ///     Queue::with_bells(Doorbell::new(Spin), Doorbell::new(Spin));
        /// std::thread::scope(|s| {
        ///     s.spawn(|| JOBS.push(1));
        ///     assert_eq!(JOBS.pop(), 1);
        /// });
        /// ```
        pub fn with_bells(consumers: B, producers: B) -> Self {
            const {
                assert!(N > 0, "a queue needs a capacity of at least 1");
                assert!(N <= 1 << 16, "a queue holds at most 65536 values");
            }
            Queue {
                tail: CachePadded(Side { position: AtomicU64::new(0), bell: consumers }),
                head: CachePadded(Side { position: AtomicU64::new(0), bell: producers }),
                entries: array_of!(AtomicU64::new(Entry::UNUSED.0); N),
                owners: array_of!(AtomicU64::new(Owned::FREE); N),
                slots: Slots::new(),
            }
        }
    }

    /// How many values the queue holds.
    pub const fn capacity(&self) -> usize {
        N
    }
}

impl<T, const N: usize, B: Bell> Queue<T, N, B> {
    /// The queue as `participant` uses it, whose name then stands in what it holds. A program that shares the queue
    /// with nobody does without: the queue's own methods are those of [`Participant::LOCAL`].
    pub fn seat(&self, participant: Participant) -> Seat<'_, T, N, B> {
        Seat::new(self, participant)
    }

    /// Pushes one value. Lock-free.
    ///
    /// # Errors
    /// [`Full`] with the value, when every slot is held.
    pub fn try_push(&self, value: T) -> Result<(), Full<T>> {
        self.seat(Participant::LOCAL).try_push(value)
    }

    /// Pops the oldest value, if there is one. Lock-free.
    pub fn try_pop(&self) -> Option<T> {
        self.seat(Participant::LOCAL).try_pop()
    }

    /// Takes a slot to be filled in place. Lock-free.
    ///
    /// ```
    /// use ringway_core::ring::queue::Queue;
    /// let queue = Queue::<[u8; 4096], 2>::new();
    /// let mut loan = queue.try_reserve().unwrap();
    /// loan.as_uninit().write([7; 4096]);
    /// // SAFETY: the value was written.
    /// unsafe { loan.commit() };
    /// let claim = queue.try_claim().unwrap();
    /// assert_eq!(claim[0], 7);
    /// claim.release();
    /// ```
    pub fn try_reserve(&self) -> Option<Loan<'_, T, N, B>> {
        self.seat(Participant::LOCAL).try_reserve()
    }

    /// Takes the oldest value, to be used in place. Lock-free.
    pub fn try_claim(&self) -> Option<Claim<'_, T, N, B>> {
        self.seat(Participant::LOCAL).try_claim()
    }

    /// How many values are in the queue, more or less: others push and pop meanwhile.
    ///
    /// ```
    /// let queue = ringway_core::ring::queue::Queue::<_, 4>::new();
    /// queue.try_push(1).unwrap();
    /// assert_eq!(queue.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.seat(Participant::LOCAL).len()
    }

    /// Whether the queue was empty a moment ago.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, const N: usize, B> Drop for Queue<T, N, B> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() {
            seat::drop_values(self);
        }
    }
}
