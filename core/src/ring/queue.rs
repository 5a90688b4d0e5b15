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
//! Whoever finds another at the place that it wants steps aside, for a microsecond, and as long as the other gets on quickly
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

mod attempts;
mod handle;
mod look;
mod order;
mod producers;
#[cfg(all(test, not(loom)))]
mod tests;
mod waiting;
mod word;

pub use handle::{Claim, Handle, Loan};
pub use producers::Producer;

use crate::Error;
use crate::finally::finish;
use crate::participant::Participant;
#[cfg(not(loom))]
use crate::ring::InPlace;
#[cfg(not(loom))]
use crate::sync::RoomyRef;
use crate::sync::{AtomicU64, Ordering, Roomy, Slots, array_of, const_unless_loom, roomy};
use crate::wait::{Doorbell, Nobody, Wake};
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;
use order::{Ends, Order, Place};

/// A queue of `N` values of `T`, for any number of producers and consumers. `W` says how they can sleep, see
/// [`Wake`].
///
/// `N` is 1 to 65535; another does not compile. A power of two is quicker. Memory: `N` times the
/// value and 24 bytes, and 384 bytes more. On a microcontroller without caches it is the value and 16
/// bytes, and 32 bytes more, for which attempts are not counted there and producers not registered
/// (unless it has the feature `shared-layout`).
///
/// On a target without 64-bit compare-and-swap each step is a critical section.
///
/// Values that are in the queue when it is dropped are dropped with it.
///
/// ```
/// use ringway_core::ring::queue::{PushError, Queue};
/// let queue: Queue<_, 2> = Queue::new();
/// assert_eq!(queue.try_push('a'), Ok(()));
/// assert_eq!(queue.try_push('b'), Ok(()));
/// assert_eq!(queue.try_push('c'), Err(PushError::Full('c')));
/// assert_eq!(queue.try_pop(), Some('a'));
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct Queue<T, const N: usize, W: Wake = Nobody> {
    ends: Ends<W>,
    places: [Place; N],
    tries: Roomy<[AtomicU64; N]>,
    slots: Slots<T, N>,
}

// SAFETY: a slot is touched only by the one whose name is in its word, and passes on through the exchanges of steps 1 and
// 4, so that `T: Send` is all it takes. `B` is shared as it is.
unsafe impl<T: Send, const N: usize, W: Wake + Sync> Sync for Queue<T, N, W> {}

// SAFETY: the queue owns its values, and nothing borrows it when it moves.
unsafe impl<T: Send, const N: usize, W: Wake + Send> Send for Queue<T, N, W> {}

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
            Queue {
                ends: Ends::new(),
                places: array_of!(Place::new(); N),
                tries: roomy!(array_of!(AtomicU64::new(0); N)),
                slots: Slots::new(),
            }
        }
    }

    /// How many values the queue holds.
    pub const fn capacity(&self) -> usize {
        N
    }

    #[inline(always)]
    fn order(&self) -> Order<'_, W> {
        Order::new(&self.ends, &self.places, self.tries.slice())
    }
}

impl<T, const N: usize, W: Wake> Default for Queue<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: the ends are written, places and tries are zeroed, which fresh ones are, and slots need
// not be initialized.
#[cfg(not(loom))]
unsafe impl<T, const N: usize, W: Wake> InPlace for Queue<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        const { Self::VALID };
        let at = place.as_mut_ptr();
        // SAFETY: within the place, which is ours; here and below.
        let ends = unsafe { &raw mut (*at).ends };
        // SAFETY: as above.
        let places = unsafe { &raw mut (*at).places };
        // SAFETY: as above.
        let tries = unsafe { &raw mut (*at).tries };
        // SAFETY: as above.
        unsafe { ends.write(Ends::new()) };
        // SAFETY: as above.
        unsafe { tries.write_bytes(0, 1) };
        // SAFETY: as above.
        unsafe { places.write_bytes(0, 1) };
        // SAFETY: just made; see above.
        unsafe { place.assume_init_mut() }
    }
}

#[cfg(loom)]
impl<T, const N: usize, W: Wake> Queue<T, N, W> {
    /// For the models alone: what the producer of the first message does that comes very late with its note of where the
    /// next place is.
    #[doc(hidden)]
    pub fn note_second_place(&self) {
        let order = self.order();
        order.found(&order.tail.position, word::Position::FIRST.next(N));
    }
}

impl<T, const N: usize, W: Wake> Queue<T, N, W> {
    /// The queue as `participant` uses it, whose name then stands in what it holds. A program that shares the queue
    /// with nobody does without: the queue's own methods are those of [`Participant::LOCAL`].
    pub fn handle(&self, participant: Participant) -> Handle<'_, T, N, W> {
        Handle::new(self, participant)
    }

    /// Pushes one value. Lock-free.
    ///
    /// # Errors
    /// [`PushError::Full`] when every slot is held, [`PushError::Closed`] when the queue is closed;
    /// [`PushError::Corrupt`]; with the value.
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        self.handle(Participant::LOCAL).try_push(value)
    }

    /// Pops the oldest value, if there is one. Lock-free.
    pub fn try_pop(&self) -> Option<T> {
        self.handle(Participant::LOCAL).try_pop()
    }

    /// Takes a slot to be filled in place. Lock-free.
    ///
    /// # Errors
    /// [`NoSlot::Full`] when every slot is held, [`NoSlot::Closed`] when the queue is closed; [`NoSlot::Corrupt`].
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
    pub fn try_reserve(&self) -> Result<Loan<'_, T, N, W>, NoSlot> {
        self.handle(Participant::LOCAL).try_reserve()
    }

    /// Takes the oldest value, to be used in place. Lock-free.
    pub fn try_claim(&self) -> Option<Claim<'_, T, N, W>> {
        self.handle(Participant::LOCAL).try_claim()
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
        self.order().len()
    }

    /// Whether the queue was empty at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.order().is_empty()
    }

    /// Closes the queue for good: no more pushes. What is in it can be popped, and a claim that is given back is taken
    /// back; then consumers are told that it has ended. Wakes everybody who sleeps. Any context may.
    ///
    /// A push that races with this either succeeds, and its value is popped before anybody is told of the end, or gets it
    /// back with [`PushError::Closed`].
    ///
    /// ```
    /// use ringway_core::ring::queue::{PushError, Queue};
    /// let queue: Queue<_, 4> = Queue::new();
    /// queue.try_push(1).unwrap();
    /// queue.close();
    /// assert_eq!(queue.try_push(2), Err(PushError::Closed(2)));
    /// assert!(!queue.has_ended());
    /// assert_eq!(queue.try_pop(), Some(1));
    /// assert!(queue.has_ended());
    /// ```
    pub fn close(&self) {
        self.order().close();
    }

    /// What consumers sleep on. Every push rings it, and so does the close.
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        &self.ends.tail.0.bell
    }

    /// What producers sleep on, and who waits for all to be done. Every slot that comes free rings it, and so does the close.
    pub fn producers_bell(&self) -> &Doorbell<W> {
        &self.ends.head.0.bell
    }

    /// Registers a producer, so that consumers are told when all producers are gone: see
    /// [`Handle::producer`].
    pub fn producer(&self) -> Option<Producer<'_, T, N, W>> {
        self.handle(Participant::LOCAL).producer()
    }

    /// Whether producers were registered (see [`Handle::producer`]) and all of them are gone, dropped
    /// or dead. Consumers that wait are then told that the queue has ended, once nothing waits in
    /// it. What they pushed is seen by a look after this.
    pub fn producers_are_gone(&self) -> bool {
        self.order().producers_are_gone()
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
        self.order().set_max_attempts(max);
    }

    /// How many claims there are of one value before it is given up; 0 is no limit.
    pub fn max_attempts(&self) -> u16 {
        self.order().max_attempts()
    }

    /// How many values were given up, because as many claims of them ended without a completion as
    /// there may be.
    pub fn refused(&self) -> u32 {
        self.order().refused()
    }

    /// Whether the queue was closed. See also [`has_ended`](Self::has_ended).
    pub fn is_closed(&self) -> bool {
        self.order().is_closed()
    }

    /// Whether the queue is closed and nothing waits in it. Only a claim that is given back, by a consumer or
    /// by its death, can make that untrue again: [`unfinished`](Self::unfinished) tells whether there are any.
    pub fn has_ended(&self) -> bool {
        self.is_closed() && self.order().has_ended()
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
        self.order().unfinished()
    }
}

/// Why a value was not pushed, and the value.
///
/// ```
/// use ringway_core::ring::queue::{PushError, Queue};
/// let queue: Queue<_, 1> = Queue::new();
/// queue.try_push(1).unwrap();
/// assert_eq!(queue.try_push(2), Err(PushError::Full(2)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// Every slot is held; with a deadline: none came free in time.
    Full(T),
    /// The queue is closed.
    Closed(T),
    /// The queue's words are corrupt, see [`NoSlot::Corrupt`].
    Corrupt(T),
}

impl<T> PushError<T> {
    /// The value that was not pushed.
    pub fn into_value(self) -> T {
        match self {
            PushError::Full(value) | PushError::Closed(value) | PushError::Corrupt(value) => value,
        }
    }

    fn without_value(&self) -> NoSlot {
        match self {
            PushError::Full(_) => NoSlot::Full,
            PushError::Closed(_) => NoSlot::Closed,
            PushError::Corrupt(_) => NoSlot::Corrupt,
        }
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PushError::Full(_) => "Full(..)",
            PushError::Closed(_) => "Closed(..)",
            PushError::Corrupt(_) => "Corrupt(..)",
        })
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.without_value(), f)
    }
}

impl<T> core::error::Error for PushError<T> {}

/// Why no slot was given.
///
/// ```
/// use ringway_core::ring::queue::{NoSlot, Queue};
/// let queue: Queue<u8, 1> = Queue::new();
/// let loan = queue.try_reserve().unwrap();
/// assert_eq!(queue.try_reserve().unwrap_err(), NoSlot::Full);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NoSlot {
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

impl fmt::Display for NoSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoSlot::Full => f.write_str("the queue is full: pop first, or push again later"),
            NoSlot::Closed => fmt::Display::fmt(&Error::BrokenPipe, f),
            NoSlot::Corrupt => f.write_str("the queue is corrupt: lay out its memory anew"),
        }
    }
}

impl core::error::Error for NoSlot {}

impl<T, const N: usize, W: Wake> Drop for Queue<T, N, W> {
    fn drop(&mut self) {
        if !core::mem::needs_drop::<T>() {
            return;
        }
        let (order, first) = (self.order(), self.slots.as_slots_ref().first());
        let mut places = order.places.iter().enumerate();
        finish(|| {
            // Each is drawn before it is dropped, so that none is dropped twice.
            for (slot, Place { owner, .. }) in places.by_ref() {
                // Relaxed: `&mut` is alone here; whatever made it so orders the accesses.
                if order.is_committed(slot, owner.load(Ordering::Relaxed)) {
                    // SAFETY: the message waits in its slot: initialized, and nobody's. Nobody comes after.
                    unsafe { first.wrapping_add(slot).drop_in_place() };
                }
            }
        });
    }
}

/// A queue in shared memory as one sees it who knows how many slots it has, but not of what.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::queue::{Queue, Untyped};
/// let queue: Queue<u64, 8> = Queue::new();
/// queue.try_push(1).unwrap();
/// // SAFETY: that is where the queue is, and how many slots it has.
/// let untyped = unsafe { Untyped::at(std::ptr::NonNull::from(&queue).cast(), 8) };
/// assert_eq!(untyped.len(), 1);
/// # let _: &Untyped<'_, ringway_core::wait::Nobody> = &untyped;
/// ```
#[derive(Debug)]
pub struct Untyped<'q, W: Wake = Nobody>(Order<'q, W>);

impl<W: Wake> Untyped<'_, W> {
    /// How many bytes the words of a queue of `capacity` slots take, which its values follow; `None` when no queue has so
    /// many.
    pub const fn size(capacity: usize) -> Option<usize> {
        if capacity == 0 || capacity > word::MAX_SLOTS {
            return None;
        }
        Some(size_of::<Ends<W>>() + capacity * (size_of::<Place>() + size_of::<Roomy<AtomicU64>>()))
    }
}

impl<W: Wake> Untyped<'_, W> {
    /// The queue at `at`, which has `capacity` slots.
    ///
    /// # Safety
    /// There is a `Queue<T, N, B>` for some `T`, with `N == capacity`, for as long as this lives.
    #[cfg(not(loom))]
    pub unsafe fn at(at: NonNull<u8>, capacity: usize) -> Self {
        // SAFETY: as the caller states: the queue is `repr(C)` and begins with its ends, whatever
        // its other parameters.
        let ends = unsafe { at.cast::<Ends<W>>().as_ref() };
        // SAFETY: the places follow, with no padding in between: the ends' size is a multiple of 8.
        let places = unsafe { at.add(size_of::<Ends<W>>()) }.cast::<Place>();
        // SAFETY: so many, and then as many words, which are as aligned.
        let tries = unsafe { places.add(capacity) }.cast::<AtomicU64>();
        // SAFETY: they are there, and atomics.
        let places = unsafe { NonNull::slice_from_raw_parts(places, capacity).as_ref() };
        // SAFETY: as above, where there is room for them.
        let tries = unsafe { RoomyRef::at(NonNull::slice_from_raw_parts(tries, capacity)) };
        Untyped(Order::new(ends, places, tries))
    }

    /// [`Handle::recover`] by `me`.
    ///
    /// # Safety
    /// As there; and the queue's values are [`Plain`](crate::plain::Plain).
    pub unsafe fn recover(&self, me: Participant, dead: Participant) -> usize {
        self.0.recover(me, dead)
    }

    /// How many values wait, more or less.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none did at some moment of the call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// [`Queue::unfinished`].
    pub fn unfinished(&self) -> usize {
        self.0.unfinished()
    }

    /// [`Queue::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// [`Queue::refused`].
    pub fn refused(&self) -> u32 {
        self.0.refused()
    }

    /// [`Queue::producers_are_gone`].
    pub fn producers_are_gone(&self) -> bool {
        self.0.producers_are_gone()
    }

    /// Whether the queue's words can be those of a queue. Only a foreign write into its memory can make them others; its
    /// operations then answer [`NoSlot::Corrupt`], or as if it were empty or full.
    pub fn is_sound(&self) -> bool {
        self.0.is_sound()
    }

    /// How many values were ever pushed, modulo 2^48 or a little less.
    pub fn pushed(&self) -> u64 {
        self.0.pushed()
    }
}
