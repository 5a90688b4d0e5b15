//! A lock for one holder at a time, and the value that it protects.

use super::died::{LockError, LockResult, Robust, TryLockResult, lock_result, sealed};
use super::handle::{Caller, Forms, Handle, User, has_forms};
use super::turn::Turn;
use super::word::{Before, Held, Unwinding, Word};
use crate::participant::Participant;
use crate::plain::Plain;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::sync::{Cell, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::{Context, Poll};

/// A value that one holder at a time can use.
///
/// `Mutex<(), W>` is the lock alone.
///
/// Locking a free mutex is one exchange, and unlocking is another, with a wake-up only if somebody
/// sleeps. A caller that finds the mutex held checks it a few times more, then sleeps as `W` says.
///
/// *Fairness*: no order. A caller that finds the mutex free takes it, ahead of those that sleep.
/// That makes it fast, and a suspended waiter delays nobody. Each unlock wakes one sleeper.
///
/// Memory: 8 bytes (4 on bare metal), then the value.
///
/// Its operations are its [`Forms`], which each [`Handle`] of it has too. `&Mutex<[T; N], W>`
/// coerces to `&Mutex<[T], W>`, whose length is known when the program runs. To create such a mutex
/// on the heap or in memory of the caller, see [`InMemory`](crate::storage::InMemory).
///
/// ```
/// use ringway_core::lock::Mutex;
/// static TOTAL: Mutex<u32> = Mutex::new(0);
///
/// std::thread::scope(|s| {
///     for _ in 0..2 {
///         s.spawn(|| (0..1000).for_each(|_| *TOTAL.lock().unwrap() += 1));
///     }
/// });
/// assert_eq!(*TOTAL.lock().unwrap(), 2000);
/// ```
///
/// ```
/// use ringway_core::lock::Mutex;
/// fn sum(row: &Mutex<[u64]>) -> u64 {
///     row.lock().unwrap().iter().sum()
/// }
/// assert_eq!(sum(&Mutex::new([1, 2, 3])), 6);
/// ```
#[doc(alias = "Lock")]
#[doc(alias = "pthread_mutex_t")]
#[repr(C)]
pub struct Mutex<T: ?Sized, W: Wake = Spin> {
    word: Before<Word<W>>,
    value: Cell<T>,
}

// SAFETY: one holder at a time uses the value, so that `T: Send` suffices. `W` is shared by
// reference, for which `W: Sync` is required.
unsafe impl<T: Send + ?Sized, W: Wake + Sync> Sync for Mutex<T, W> {}

// SAFETY: the mutex owns its value and its `W`, both of which are `Send`, and nothing borrows a
// mutex that is moved.
unsafe impl<T: Send + ?Sized, W: Wake + Send> Send for Mutex<T, W> {}

// After a panic in the middle of a change, the next holder gets `OwnerDied`.
impl<T: ?Sized, W: Wake> UnwindSafe for Mutex<T, W> {}
impl<T: ?Sized, W: Wake> RefUnwindSafe for Mutex<T, W> {}

has_forms! { Mutex<T, W> where T: ?Sized, W: Wake }

impl<T, W: Wake> Mutex<T, W> {
    const_unless_loom! {
        /// A free mutex.
        pub fn new(value: T) -> Self {
            Mutex { word: Before(Word::new()), value: Cell::new(value) }
        }
    }

    /// Consumes the mutex and returns the value.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with the mutex.
    pub fn into_inner(self) -> LockResult<T> {
        let died = self.word.0.has_died();
        lock_result(self.value.into_inner(), died)
    }
}

impl<T: ?Sized, W: Wake> Mutex<T, W> {
    /// Returns the value without taking the lock, since nobody else can use the mutex.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with the mutex.
    ///
    /// ```
    /// let mut mutex = <ringway_core::lock::Mutex<_>>::new(5);
    /// *mutex.get_mut().unwrap() += 1;
    /// assert_eq!(mutex.into_inner(), Ok(6));
    /// ```
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let died = self.word.0.has_died();
        lock_result(self.value.get_mut(), died)
    }

    /// Returns a handle by which `participant` uses the mutex.
    pub fn handle(&self, participant: Participant) -> Handle<'_, Mutex<T, W>> {
        Handle::new(Caller { lock: self, me: participant })
    }

    /// Unlocks the mutex if `dead` holds it; returns whether it did.
    ///
    /// The next holder then gets [`OwnerDied`](super::OwnerDied). Wakes all that wait.
    ///
    /// # Safety
    /// `dead` takes no further step with this mutex: its process has ended (or its context was
    /// reset), and what it wrote is visible here, as it is once the operating system has reported
    /// its end.
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, participant::Participant};
    /// let mutex = <Mutex<_>>::new(0);
    /// let other = Participant::new(1).unwrap();
    /// std::mem::forget(mutex.handle(other).lock()); // it dies with the lock
    /// // SAFETY: participant 1 does nothing any more.
    /// assert!(unsafe { mutex.recover(other) });
    /// assert!(mutex.lock().is_err());
    /// ```
    ///
    /// A value that owns something cannot be recovered, since `dead` may already have dropped it or
    /// copied it out:
    /// ```compile_fail,E0277
    /// use ringway_core::{participant::Participant, lock::Mutex};
    /// let mutex = <Mutex<_>>::new(String::new());
    /// // SAFETY: participant 1 does nothing any more.
    /// unsafe { mutex.recover(Participant::new(1).unwrap()) };
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> bool
    where
        T: Recoverable,
    {
        // SAFETY: the caller guarantees that `dead` takes no further step with this mutex and that
        // what it wrote is visible here.
        unsafe { self.word.0.recover(dead) }
    }
}

/// A value whose [`Mutex`] can be [recovered](Mutex::recover): [`Plain`], or a slice of plain
/// values.
///
/// Any bytes are such a value.
pub trait Recoverable: sealed::Sealed {}

impl<T: Plain> sealed::Sealed for T {}
impl<T: Plain> Recoverable for T {}
impl<T: Plain> sealed::Sealed for [T] {}
impl<T: Plain> Recoverable for [T] {}

#[cfg(not(loom))]
impl<T, W: Wake> Mutex<[T], W> {
    pub(crate) fn layout(length: usize) -> Option<Layout> {
        let values = Layout::array::<T>(length).ok()?;
        let (layout, _) = Layout::new::<Before<Word<W>>>().extend(values).ok()?;
        Some(layout.pad_to_align())
    }

    pub(crate) fn from_raw(at: NonNull<u8>, length: usize) -> Option<NonNull<Self>> {
        Self::layout(length)?;
        NonNull::new(storage::slice(at, length) as *mut Self)
    }
}

// SAFETY: `from_raw` points to `at`, and the layout is that of this `repr(C)` type: the word, then
// the values. `init_at` writes all of them.
#[cfg(not(loom))]
unsafe impl<T: Default, W: Wake> InMemory for Mutex<[T], W> {
    fn layout(length: usize) -> Option<Layout> {
        Self::layout(length)
    }

    fn from_raw(at: NonNull<u8>, length: usize) -> Option<NonNull<Self>> {
        Self::from_raw(at, length)
    }

    unsafe fn init_at(at: NonNull<u8>, length: usize) -> Option<NonNull<Self>> {
        let mutex = Self::from_raw(at, length)?;
        let to = mutex.as_ptr();
        // SAFETY: the caller guarantees memory of `layout(length)` at `at`, in which the word lies.
        let word_at = unsafe { &raw mut (*to).word };
        // SAFETY: the word lies in memory that the caller guarantees and nobody else uses, and is
        // aligned.
        unsafe { word_at.write(Before(Word::new())) };
        // SAFETY: the caller guarantees memory of `layout(length)` at `at`, in which the values
        // lie.
        let first = unsafe { &raw mut (*to).value }.cast::<T>();
        for index in 0..length {
            // SAFETY: a cell of a slice is the slice's values, one beside the other, and `index` is
            // less than their number, so that the value lies in the caller's memory.
            let value_at = unsafe { first.add(index) };
            // SAFETY: the value lies in memory that the caller guarantees and nobody else uses, and
            // is aligned.
            unsafe { value_at.write(T::default()) };
        }
        Some(mutex)
    }
}

impl<T: ?Sized, W: Wake> fmt::Debug for Mutex<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("holder", &self.holder()).finish_non_exhaustive()
    }
}

impl<T: Default, W: Wake> Default for Mutex<T, W> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized, W: Wake, U: User<Mutex<T, W>> + ?Sized> Forms<Mutex<T, W>, U> {
    /// The holder, if there is one, at some moment of the call.
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, participant::Participant};
    /// let mutex = <Mutex<_>>::new(());
    /// assert_eq!(mutex.holder(), None);
    /// let guard = mutex.lock();
    /// assert_eq!(mutex.holder(), Some(Participant::LOCAL));
    /// # drop(guard);
    /// ```
    pub fn holder(&self) -> Option<Participant> {
        self.caller().lock.word.0.holder()
    }

    /// Locks the mutex if it is free. Never waits.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with the mutex, or it is held.
    ///
    /// ```
    /// let mutex = <ringway_core::lock::Mutex<_>>::new(5);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.caller().try_lock()
    }
}

impl<T: ?Sized, W: Wait, U: User<Mutex<T, W>> + ?Sized> Forms<Mutex<T, W>, U> {
    /// Locks the mutex; waits until it is free.
    ///
    /// A caller that already holds the mutex waits for ever.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with the mutex.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T, W>> {
        self.caller().lock()
    }

    /// Locks the mutex; waits until it is free, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a holder died with the mutex, or it was held until the deadline.
    ///
    /// ```
    /// use ringway_core::lock::{LockError, Mutex};
    /// use ringway_core::{Error, wait::SpinClock};
    /// # struct Hundred;
    /// # impl ringway_core::wait::Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mutex = Mutex::<_, SpinClock<Hundred>>::new(());
    /// let guard = mutex.lock();
    /// let late = mutex.lock_deadline(Some(50));
    /// assert!(matches!(late, Err(LockError::NotTaken(Error::TimedOut))));
    /// drop(guard);
    /// assert!(mutex.lock_deadline(Some(50)).is_ok());
    /// ```
    #[inline]
    pub fn lock_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.caller().lock_deadline(deadline)
    }
}

impl<T: ?Sized, W: Register, U: User<Mutex<T, W>> + ?Sized> Forms<Mutex<T, W>, U> {
    /// Polls for the lock, for a task.
    ///
    /// Cancel-safe: a task that stops polling holds nothing. But it may have been woken in place of
    /// another, and only [`lock_async`](Self::lock_async) passes that on.
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, wait::Async};
    /// use std::task::{Context, Waker};
    /// let mutex = Mutex::<_, Async>::new(5);
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.poll_lock(&mut cx).is_pending());
    /// drop(guard);
    /// assert!(mutex.poll_lock(&mut cx).is_ready());
    /// ```
    pub fn poll_lock(&self, cx: &mut Context<'_>) -> Poll<LockResult<MutexGuard<'_, T, W>>> {
        // Whether the task has waited before, nobody knows.
        self.caller().poll_lock(true, cx)
    }

    /// [`lock`](Self::lock) for a task.
    ///
    /// Cancel-safe: dropped while it waits, it holds nothing, and another waiter is woken instead.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with the mutex.
    pub fn lock_async(&self) -> impl Future<Output = LockResult<MutexGuard<'_, T, W>>> {
        let caller = self.caller();
        let mut turn = Turn::new(move || caller.pass_on());
        poll_fn(move |cx| turn.kept(caller.poll_lock(turn.waits(), cx)))
    }
}

impl<'a, T: ?Sized, W: Wake> Caller<'a, Mutex<T, W>> {
    #[inline(always)]
    fn word(self) -> &'a Word<W> {
        &self.lock.word.0
    }

    /// A task that waited gives up: another is woken instead.
    pub(super) fn pass_on(self)
    where
        W: Register,
    {
        self.word().pass_on();
    }

    #[inline]
    fn try_lock(self) -> TryLockResult<MutexGuard<'a, T, W>> {
        let before = self.word().unwinding();
        let died = self.word().try_acquire(self.me).ok_or_else(LockError::would_block)?;
        Ok(self.guard(died, before)?)
    }

    #[inline(always)]
    fn guard(self, died: bool, before: Unwinding) -> LockResult<MutexGuard<'a, T, W>> {
        lock_result(
            MutexGuard { lock: self.lock, me: self.me, held: Held::new(died, before) },
            died,
        )
    }
}

impl<'a, T: ?Sized, W: Wait> Caller<'a, Mutex<T, W>> {
    #[inline]
    pub(super) fn lock(self) -> LockResult<MutexGuard<'a, T, W>> {
        let before = self.word().unwinding();
        self.guard(self.word().acquire_at_last(self.me), before)
    }

    #[inline]
    fn lock_deadline(self, deadline: Option<W::Deadline>) -> TryLockResult<MutexGuard<'a, T, W>> {
        let before = self.word().unwinding();
        let died = self.word().acquire(self.me, deadline)?;
        Ok(self.guard(died, before)?)
    }
}

impl<'a, T: ?Sized, W: Register> Caller<'a, Mutex<T, W>> {
    pub(super) fn poll_lock(
        self,
        waited: bool,
        cx: &mut Context<'_>,
    ) -> Poll<LockResult<MutexGuard<'a, T, W>>> {
        let before = self.word().unwinding();
        self.word().poll_acquire(self.me, waited, cx).map(|died| self.guard(died, before))
    }
}

/// A locked mutex, and its value.
///
/// Dropping the guard unlocks the mutex. If a panic drops it, the next holder
/// [gets](crate::lock#panics) [`OwnerDied`](super::OwnerDied).
#[must_use = "the mutex is given back at once if this is dropped"]
pub struct MutexGuard<'a, T: ?Sized, W: Wake> {
    // Not a `Caller`, so that `held` lies beside the participant's number.
    lock: &'a Mutex<T, W>,
    me: Participant,
    held: Held,
}

// SAFETY: a shared guard gives only shared access to the value, for which `T: Sync` suffices; it
// shares the mutex's `W`, which is `Sync`.
unsafe impl<T: Sync + ?Sized, W: Wake + Sync> Sync for MutexGuard<'_, T, W> {}

impl<'a, T: ?Sized, W: Wake> MutexGuard<'a, T, W> {
    /// The mutex and the holder, by which it can be taken again.
    pub(super) fn origin(&self) -> Caller<'a, Mutex<T, W>> {
        Caller { lock: self.lock, me: self.me }
    }

    /// The guard, in `OwnerDied` if the mutex was taken so.
    pub(super) fn into_taken(self) -> LockResult<Self> {
        let died = self.held.died();
        lock_result(self, died)
    }
}

impl<T: fmt::Debug + ?Sized, W: Wake> fmt::Debug for MutexGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, W: Wake> sealed::Sealed for MutexGuard<'_, T, W> {}

impl<T: ?Sized, W: Wake> Robust for MutexGuard<'_, T, W> {
    fn make_consistent(&mut self) {
        self.held = Held::new(false, self.lock.word.0.unwinding());
        self.lock.word.0.make_consistent();
    }
}

impl<T: ?Sized, W: Wake> Deref for MutexGuard<'_, T, W> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the mutex while it is borrowed, so that nobody else uses the
        // value.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized, W: Wake> DerefMut for MutexGuard<'_, T, W> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the mutex and is borrowed mutably, so that nobody else uses the
        // value.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized, W: Wake> Drop for MutexGuard<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        self.lock.word.0.release_held(self.held);
    }
}
