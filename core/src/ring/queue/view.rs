//! The types of a queue, and what they tell without taking a value. [`Handle`](super::Handle) has
//! what a participant does with the queue.

use super::protocol::{Ends, MAX_SLOTS, Shared};
use super::rare::Rare;
use super::storage::{Counted, Fixed};
use crate::finally::finish;
#[cfg(not(loom))]
use crate::ring::InPlace;
#[cfg(not(loom))]
use crate::storage::InMemory;
use crate::sync::const_unless_loom;
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

/// A queue of `N` values of `T`, for any number of producers and consumers.
///
/// `W` says how they can sleep: see [`Wake`]. The methods are those of [`QueueView`], which the
/// queue lends by [`Deref`]. Values that are in the queue when it is dropped are dropped with it.
///
/// `N` is 1 to 65535; another `N` does not compile. A queue takes 384 bytes, and for each of the
/// `N` values its size and 24 bytes.
///
/// On a target [without 64-bit compare-and-swap], `N` is 1 to 32767. A queue takes 20 bytes there,
/// and for each value its size and 2 bytes; with doorbells 8 bytes more. On a microcontroller
/// without caches, attempts are not counted and producers not registered, unless it has the feature
/// `shared-layout`.
///
/// [without 64-bit compare-and-swap]: crate::ring::queue#without-64-bit-compare-and-swap
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

/// A queue whose capacity is known at run time.
///
/// It is the common form of every [`Queue`] with these `T` and `W`, whatever its `N`. It is also
/// the queue in memory whose size a configuration states. Both mean the same bytes. `&Queue<T, N,
/// W>` becomes `&QueueView<T, W>` where one is expected.
///
/// In memory of your own:
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
/// The capacity is a part of the reference. It lies in private memory, and nobody who shares the
/// queue can change it.
#[repr(transparent)]
pub struct QueueView<T, W: Wake = Nobody>(QueueWords<T, W>);

/// What a queue tells without taking or adding a value.
///
/// How many values wait, whether it is closed, and how often a value may be claimed. It can also
/// close the queue. [`QueueView`] and [`Handle`](super::Handle) both lend it, by [`Deref`].
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
/// It has no method that takes a value. So a participant takes values only under its name: nothing
/// leads from its handle to a queue that takes under another name.
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

// SAFETY: only the participant that the slot's word names touches the slot. The protocol hands the
// slot from one to the next, so `T: Send` is enough for the values. `W: Sync` lets all of them use
// the bells.
unsafe impl<T: Send, W: Wake + Sync> Sync for QueueWords<T, W> {}

// SAFETY: the queue owns its values and its words. It can move only while nobody borrows it.
unsafe impl<T: Send, W: Wake + Send> Send for QueueWords<T, W> {}

// SAFETY: a `Queue` is a `QueueWords` in memory, and gives access to nothing else.
unsafe impl<T: Send, const N: usize, W: Wake + Sync> Sync for Queue<T, N, W> {}

// SAFETY: a `Queue` is a `QueueWords` in memory, and owns nothing else.
unsafe impl<T: Send, const N: usize, W: Wake + Send> Send for Queue<T, N, W> {}

// A panic in a call leaves the queue as it was before or after that call.
impl<T, W: Wake> UnwindSafe for QueueWords<T, W> {}
impl<T, W: Wake> RefUnwindSafe for QueueWords<T, W> {}
impl<T, const N: usize, W: Wake> UnwindSafe for Queue<T, N, W> {}
impl<T, const N: usize, W: Wake> RefUnwindSafe for Queue<T, N, W> {}

impl<T, const N: usize, W: Wake> Queue<T, N, W> {
    /// Refuses an invalid capacity at compile time.
    pub(crate) const VALID: () = {
        assert!(N > 0, "a queue needs a capacity of at least 1");
        assert!(
            N <= MAX_SLOTS,
            "a queue holds at most 65535 values, 32767 without 64-bit compare-and-swap"
        );
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
        // SAFETY: `QueueView` is a `repr(transparent)` wrapper of `QueueWords`, and that of
        // `Counted`. So a `Counted` may be used as a `QueueView`.
        unsafe { &*(ptr::from_ref(self.0.counted()) as *const QueueView<T, W>) }
    }
}

// SAFETY: the view's `init_at` makes a fresh queue of `N` slots at `place`, and both have the same
// size.
#[cfg(not(loom))]
unsafe impl<T, const N: usize, W: Wake> InPlace for Queue<T, N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        const { Self::VALID };
        // SAFETY: `place` is borrowed exclusively, and has the layout of a queue of `N` slots.
        unsafe { Counted::<T, W>::init_at(NonNull::from(&mut *place).cast(), N) };
        // SAFETY: the call above made the queue.
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

// SAFETY: `QueueView` is a `repr(transparent)` wrapper of `QueueWords`, and that of `Counted`,
// which upholds this contract.
#[cfg(not(loom))]
unsafe impl<T, W: Wake> InMemory for QueueView<T, W> {
    fn layout(capacity: usize) -> Option<Layout> {
        Counted::<T, W>::layout(capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        NonNull::new(Counted::<T, W>::from_raw(at, capacity)?.as_ptr() as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        // SAFETY: the caller guarantees memory of `layout(capacity)` at `at` that it may write.
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

    /// The address of a slot's value. In bounds if the slot exists.
    #[inline(always)]
    pub(super) fn value(&self, slot: usize) -> *mut T {
        self.0.value(slot)
    }

    /// Tells loom that the caller reads the value of `slot`.
    #[inline(always)]
    pub(super) fn touch_read(&self, slot: usize) {
        self.0.touch_read(slot);
    }

    /// Tells loom that the caller writes the value of `slot`.
    #[inline(always)]
    pub(super) fn touch_write(&self, slot: usize) {
        self.0.touch_write(slot);
    }

    /// The largest number of values that the queue holds.
    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// About how many values wait; others push and pop meanwhile.
    ///
    /// 0 only if the queue was empty at some moment of the call.
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

    /// Closes the queue for good: no more pushes. Wakes everybody who sleeps.
    ///
    /// Consumers can pop what is in the queue, and a claim that is given back goes into it. After
    /// that, consumers are told that the queue has ended. Any context may call this.
    ///
    /// A push that races with this either succeeds, or gets its value back with
    /// [`PushError::Closed`](crate::ring::PushError::Closed). If it succeeds, its value is popped
    /// before anybody is told of the end.
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

    /// The doorbell that consumers sleep on. Every push rings it, and so does
    /// [`close`](Self::close).
    pub fn consumers_bell(&self) -> &Doorbell<W> {
        self.ends().consumers_bell()
    }

    /// The doorbell that producers sleep on, and those that wait until all values are done.
    ///
    /// Every slot that comes free rings it, and so does [`close`](Self::close).
    pub fn producers_bell(&self) -> &Doorbell<W> {
        self.ends().producers_bell()
    }

    /// Whether producers were registered and all of them are gone, dropped or dead.
    ///
    /// See [`Handle::producer`](super::Handle::producer). Consumers that wait are then told that
    /// the queue has ended, once nothing waits in it. What the producers pushed is visible to a
    /// look after this call.
    pub fn producers_are_gone(&self) -> bool {
        self.shared().rare().is_some_and(|rare| rare.producers.are_gone())
    }

    /// Sets how many claims of one value may end without a completion before it is given up.
    ///
    /// A claim ends so when it is dropped, or when its participant dies. So a job that kills its
    /// worker does so `max` times. After that nobody gets the value: it is dropped (or forgotten,
    /// after a death), its slot is free, and [`refused`](Self::refused) counts it. 0, the initial
    /// value, is no limit.
    ///
    /// To keep a value that cannot be done, look at [`Claim::attempts`](super::Claim::attempts)
    /// instead. Where attempts are not counted (see [`Queue`]) there is no limit, and
    /// [`max_attempts`](Self::max_attempts) stays 0.
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
        if let Some(rare) = self.shared().rare() {
            rare.set_max_attempts(max);
        }
    }

    /// The limit of claims of one value before it is given up; 0 is no limit.
    pub fn max_attempts(&self) -> u16 {
        self.shared().rare().map_or(0, Rare::max_attempts)
    }

    /// How many values were given up because they reached the limit of claims.
    pub fn refused(&self) -> u32 {
        self.shared().rare().map_or(0, Rare::refused)
    }

    /// Whether the queue was closed. See also [`has_ended`](Self::has_ended).
    pub fn is_closed(&self) -> bool {
        self.shared().is_closed()
    }

    /// Whether the queue is closed and nothing waits in it.
    ///
    /// Only a claim that goes back into the queue can make this untrue again: its consumer gave it
    /// back, or died. [`unfinished`](Self::unfinished) tells whether there are any claims.
    pub fn has_ended(&self) -> bool {
        self.is_closed() && self.shared().has_ended()
    }

    /// Whether the queue's words can be those of a queue.
    ///
    /// Only a foreign write into its memory can make them invalid. Then the operations return
    /// [`Error::Corrupt`](crate::Error::Corrupt), or answer as if the queue were empty or full.
    pub fn is_valid(&self) -> bool {
        self.shared().is_valid()
    }

    /// How many values were ever pushed, or put back.
    ///
    /// The count comes around after 2^47 or more; after 2^32 on a target without 64-bit
    /// compare-and-swap.
    pub fn pushed(&self) -> u64 {
        self.shared().pushed()
    }

    /// About how many values were pushed and are not done.
    ///
    /// They wait, or they are in a [`Claim`](super::Claim) that is neither completed nor taken.
    /// While others push and complete, the count is approximate, but it is 0 only if all values
    /// were done at some moment of the call. So if a job pushes other jobs before its completion,
    /// this never returns 0 in between. A caller that is told 0 sees what was done with the values
    /// before their completion.
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
    /// Drops the values that wait, once. Nobody uses the queue any more.
    fn drop_values(&self) {
        if !core::mem::needs_drop::<T>() {
            return;
        }
        let mut waiting = self.shared().waiting();
        finish(|| {
            // The iterator passes a slot before its value is dropped, so that a panic drops none
            // twice.
            for slot in waiting.by_ref() {
                // SAFETY: the message waits in its slot, so it is initialized and nobody holds it.
                // Nobody uses the queue after this drop.
                unsafe { self.0.value(slot).drop_in_place() };
            }
        });
    }
}
