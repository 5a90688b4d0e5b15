//! What a queue is, and what is seen of it without taking anything: the rest is what its users do
//! with it, see [`Handle`](super::Handle).

use super::shared::{Cell, Ends, Shared};
use super::storage::{Counted, Fixed};
use super::word;
use crate::finally::finish;
#[cfg(not(loom))]
use crate::ring::InPlace;
#[cfg(not(loom))]
use crate::storage::InMemory;
use crate::sync::{Ordering, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// A queue of `N` values of `T`, for any number of producers and consumers. `W` says how they can
/// sleep, see [`Wake`].
///
/// `N` is 1 to 65535; another does not compile. Memory: `N` times the
/// value and 24 bytes, and 384 bytes more. On a microcontroller without caches it is the value and
/// 16 bytes, and 32 bytes more, for which attempts are not counted there and producers not
/// registered (unless it has the feature `shared-layout`).
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
pub struct Queue<T, const N: usize, W: Wake = Nobody>(Fixed<T, N, W>);

/// A queue whose capacity is known when the program runs: a [`Queue`] as all see it who use it, and
/// one in memory of a size that a configuration says. Both mean the same bytes.
///
/// `&Queue<T, N, W>` becomes `&QueueView<T, W>` where one is expected, and has its methods. In
/// memory of one's own:
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
pub struct QueueView<T, W: Wake = Nobody>(QueueWords<T, W>);

/// A queue as one sees it who takes nothing from it and puts nothing into it: how many values wait,
/// whether it is closed. It can be closed, too, and says how often a value may be claimed.
///
/// A [`QueueView`] lends it, and so does a [`Handle`](super::Handle), whose methods these are: by
/// [`Deref`].
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::{PushError, queue::Queue};
/// let queue: Queue<_, 4> = Queue::new();
/// let me = queue.handle(Participant::new(1).unwrap());
/// me.try_push("job").unwrap();
/// me.close();
/// assert_eq!(me.try_push("late"), Err(PushError::Closed("late")));
/// assert_eq!((me.len(), me.unfinished(), me.has_ended()), (1, 1, false));
/// ```
///
/// So what a participant takes is taken under its name, and nothing leads from its handle to a
/// queue from which another name takes:
/// ```compile_fail,E0599
/// # use ringway_core::{participant::Participant, ring::queue::Queue};
/// let queue: Queue<u8, 4> = Queue::new();
/// let me = queue.handle(Participant::new(1).unwrap());
/// me.handle(Participant::LOCAL);
/// ```
#[repr(transparent)]
pub struct QueueWords<T, W: Wake = Nobody>(Counted<T, W>);

impl<T, const N: usize, W: Wake> fmt::Debug for Queue<T, N, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&***self, f)
    }
}

impl<T, W: Wake> fmt::Debug for QueueView<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T, W: Wake> fmt::Debug for QueueWords<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Queue");
        out.field("capacity", &self.capacity()).field("len", &self.len()).finish_non_exhaustive()
    }
}

// SAFETY: a slot is touched only by the one whose name is in its word, and passes on through the
// exchanges of steps 1 and 4, so that `T: Send` is all it takes. `W` is shared as it is.
unsafe impl<T: Send, W: Wake + Sync> Sync for QueueWords<T, W> {}

// SAFETY: the queue owns its values, and nothing borrows it when it moves.
unsafe impl<T: Send, W: Wake + Send> Send for QueueWords<T, W> {}

// SAFETY: as its words.
unsafe impl<T: Send, const N: usize, W: Wake + Sync> Sync for Queue<T, N, W> {}

// SAFETY: as its words.
unsafe impl<T: Send, const N: usize, W: Wake + Send> Send for Queue<T, N, W> {}

// A panic leaves a queue as it was before the call, or after it.
impl<T, W: Wake> UnwindSafe for QueueWords<T, W> {}
impl<T, W: Wake> RefUnwindSafe for QueueWords<T, W> {}
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
            Queue(Fixed::new())
        }
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
        // SAFETY: the same in memory: `repr(transparent)`, twice.
        unsafe { &*(ptr::from_ref(self.0.counted()) as *const QueueView<T, W>) }
    }
}

// SAFETY: the view's `init_at` makes one there of as many slots, which is as large.
#[cfg(not(loom))]
unsafe impl<T, const N: usize, W: Wake> InPlace for Queue<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        const { Self::VALID };
        // SAFETY: the place is ours, and that of a queue of `N` slots.
        unsafe { Counted::<T, W>::init_at(NonNull::from(&mut *place).cast(), N) };
        // SAFETY: just made.
        unsafe { place.assume_init_mut() }
    }
}

impl<T, W: Wake> Deref for QueueView<T, W> {
    type Target = QueueWords<T, W>;

    #[inline(always)]
    fn deref(&self) -> &QueueWords<T, W> {
        &self.0
    }
}

// SAFETY: what it is in memory: `repr(transparent)`, twice.
#[cfg(not(loom))]
unsafe impl<T, W: Wake> InMemory for QueueView<T, W> {
    fn layout(capacity: usize) -> Option<Layout> {
        Counted::<T, W>::layout(capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        NonNull::new(Counted::<T, W>::from_raw(at, capacity)?.as_ptr() as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        // SAFETY: as the caller states.
        NonNull::new(unsafe { Counted::<T, W>::init_at(at, capacity) }?.as_ptr() as *mut Self)
    }
}

impl<T, W: Wake> QueueWords<T, W> {
    #[inline(always)]
    pub(super) fn shared(&self) -> Shared<'_, W> {
        self.0.shared()
    }

    pub(super) fn ends(&self) -> &Ends<W> {
        self.0.ends()
    }

    /// Where the value of a slot is. In bounds, if there is such a slot.
    #[inline(always)]
    pub(super) fn value(&self, slot: usize) -> *mut T {
        self.0.value(slot)
    }

    /// Tells loom that a value is being read.
    #[inline(always)]
    pub(super) fn touch_read(&self, slot: usize) {
        self.0.touch_read(slot);
    }

    /// Tells loom that a value is being written.
    #[inline(always)]
    pub(super) fn touch_write(&self, slot: usize) {
        self.0.touch_write(slot);
    }

    /// How many values the queue holds.
    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// How many values are in the queue, more or less: others push and pop meanwhile. 0 only if it
    /// was empty at some moment of the call.
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

    /// Closes the queue for good: no more pushes. What is in it can be popped, and a claim that is
    /// given back is taken back; then consumers are told that it has ended. Wakes everybody who
    /// sleeps. Any context may.
    ///
    /// A push that races with this either succeeds, and its value is popped before anybody is told
    /// of the end, or gets it back with [`PushError::Closed`](crate::ring::PushError::Closed).
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

    /// What producers sleep on, and who waits for all to be done. Every slot that comes free rings
    /// it, and so does the close.
    pub fn producers_bell(&self) -> &Doorbell<W> {
        &self.ends().head.0.bell
    }

    /// Whether producers were registered (see [`Handle::producer`](super::Handle::producer)) and
    /// all of them are gone, dropped or dead. Consumers that wait are then told that the queue has
    /// ended, once nothing waits in it. What they pushed is seen by a look after this.
    pub fn producers_are_gone(&self) -> bool {
        self.shared().producers_are_gone()
    }

    /// Gives a value up when `max` claims of it ended without a completion: they were dropped, or
    /// their participant died. So a job that kills its worker does so `max` times. It goes to
    /// nobody then: it is dropped (or forgotten, after a death), its slot is free, and
    /// [`refused`](Self::refused) counts it. 0, as at first, is no limit. To keep what cannot be
    /// done, look at [`Claim::attempts`](super::Claim::attempts) instead. Where attempts are not
    /// counted (see [`Queue`]) there is no limit, and [`max_attempts`](Self::max_attempts) stays 0.
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

    /// Whether the queue is closed and nothing waits in it. Only a claim that is given back, by a
    /// consumer or by its death, can make that untrue again: [`unfinished`](Self::unfinished) tells
    /// whether there are any.
    pub fn has_ended(&self) -> bool {
        self.is_closed() && self.shared().has_ended()
    }

    /// Whether the queue's words can be those of a queue. Only a foreign write into its memory can
    /// make them others; its operations then answer [`Error::Corrupt`](crate::Error::Corrupt), or
    /// as if it were empty or full.
    pub fn is_valid(&self) -> bool {
        self.shared().is_valid()
    }

    /// How many values were ever pushed; it comes around after 2^47 or more.
    pub fn pushed(&self) -> u64 {
        self.shared().pushed()
    }

    /// How many values were pushed and are not done with: they wait, or they are in a
    /// [`Claim`](super::Claim) that is neither completed nor taken. While others push and complete
    /// it is more or less that many, but 0 only if at some moment of the call all were done with.
    /// So a job that pushes others before it is completed never leaves a moment at which there seem
    /// to be none. What was done with a value before its completion is seen by a caller that is
    /// told 0.
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

impl<T, const N: usize, W: Wake> Drop for Queue<T, N, W> {
    fn drop(&mut self) {
        self.drop_values();
    }
}

impl<T, W: Wake> Drop for QueueView<T, W> {
    fn drop(&mut self) {
        self.drop_values();
    }
}

impl<T, W: Wake> QueueWords<T, W> {
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
                    // SAFETY: the message waits in its slot: initialized, and nobody's. Nobody
                    // comes after.
                    unsafe { self.0.value(slot).drop_in_place() };
                }
            }
        });
    }
}
