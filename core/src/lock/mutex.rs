//! One holder at a time, with what it protects.

use super::word::{Before, Held, Unwinding, Word};
use super::{Handle, LockError, LockResult, Robust, TryLockResult, sealed, told};
use crate::participant::Participant;
use crate::plain::Plain;
use crate::sync::{Cell, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake};
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::task::{Context, Poll};

/// A value that one at a time can reach; `Mutex<(), W>` is the lock alone.
///
/// To take it when it is free is one exchange, to give it back another; only if somebody sleeps, a wake-up besides. Who
/// finds it held looks a few times more, then sleeps as `W` says.
///
/// *Fairness*: none in order. Whoever comes when it is free takes it, ahead of those that sleep; that is what makes it
/// fast, and one that is suspended in the queue delays nobody. A sleeper is woken each time it is given back.
///
/// Memory: the value behind 8 bytes, or 4 on bare metal.
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
#[doc(alias = "Lock")]
#[doc(alias = "pthread_mutex_t")]
#[repr(C)]
pub struct Mutex<T, W: Wake = Spin> {
    word: Before<Word<W>>,
    value: Cell<T>,
}

// SAFETY: the value is reached by one holder at a time, so that `T: Send` is all it takes. `W` is shared as it is.
unsafe impl<T: Send, W: Wake + Sync> Sync for Mutex<T, W> {}

// SAFETY: the mutex owns its value, and nothing borrows it when it moves.
unsafe impl<T: Send, W: Wake + Send> Send for Mutex<T, W> {}

// A panic in the middle of a change is told to the next holder.
impl<T, W: Wake> UnwindSafe for Mutex<T, W> {}
impl<T, W: Wake> RefUnwindSafe for Mutex<T, W> {}

impl<T, W: Wake> Mutex<T, W> {
    const_unless_loom! {
        /// A free mutex.
        pub fn new(value: T) -> Self {
            Mutex { word: Before(Word::new()), value: Cell::new(value) }
        }
    }

    /// Who holds it, if somebody does: at this moment, which is past when this returns.
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
        self.word.0.holder()
    }

    /// The value, without taking the lock: nobody else has the mutex.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with it.
    ///
    /// ```
    /// let mut mutex = <ringway_core::lock::Mutex<_>>::new(5);
    /// *mutex.get_mut().unwrap() += 1;
    /// assert_eq!(mutex.into_inner(), Ok(6));
    /// ```
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let died = self.word.0.has_died();
        told(self.value.get_mut(), died)
    }

    /// The value, of a mutex that is no longer needed.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with it.
    pub fn into_inner(self) -> LockResult<T> {
        let died = self.word.0.has_died();
        told(self.value.into_inner(), died)
    }

    /// The mutex as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, Mutex<T, W>> {
        Handle::new(self, participant)
    }

    /// Takes it, if it is free. Never waits.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it is held.
    ///
    /// ```
    /// let mutex = <ringway_core::lock::Mutex<_>>::new(5);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.try_lock_as(Participant::LOCAL)
    }

    /// If `dead` holds it, it is free again, and the next one is told. Wakes those that wait. Whether it was held.
    ///
    /// # Safety
    /// `dead` takes no further step with this mutex: its process has ended (or its context was reset), and what it wrote
    /// is visible here, as it is once the operating system has reported its end.
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
    /// A value that owns something could have been dropped or copied out by the dead one already,
    /// so that there is no recovery of it:
    /// ```compile_fail,E0277
    /// use ringway_core::{participant::Participant, lock::Mutex};
    /// let mutex = <Mutex<_>>::new(String::new());
    /// // SAFETY: participant 1 does nothing any more.
    /// unsafe { mutex.recover(Participant::new(1).unwrap()) };
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> bool
    where
        T: Plain,
    {
        // SAFETY: `dead` takes no further step, and what it wrote is visible here.
        unsafe { self.word.0.recover(dead) }
    }
}

impl<T, W: Wait> Mutex<T, W> {
    /// Takes it; waits until it is free. One that holds it already waits for ever.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with it.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T, W>> {
        self.lock_as(Participant::LOCAL)
    }

    /// Takes it; waits until it is free, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it was held all the time.
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
        self.lock_deadline_as(Participant::LOCAL, deadline)
    }
}

impl<T, W: Register> Mutex<T, W> {
    /// The task's form of [`lock`](Self::lock). Cancel-safe: a task that stops polling takes nothing
    /// with it.
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
        self.poll_lock_as(Participant::LOCAL, cx)
    }

    /// [`lock`](Self::lock) for a task. Cancel-safe.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with it.
    pub fn lock_async(&self) -> impl Future<Output = LockResult<MutexGuard<'_, T, W>>> {
        poll_fn(move |cx| self.poll_lock(cx))
    }
}

impl<T, W: Wake> fmt::Debug for Mutex<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("holder", &self.holder()).finish_non_exhaustive()
    }
}

impl<T: Default, W: Wake> Default for Mutex<T, W> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

// What both a mutex and a handle of it do, in the name of `me`.
impl<T, W: Wake> Mutex<T, W> {
    #[inline]
    fn try_lock_as(&self, me: Participant) -> TryLockResult<MutexGuard<'_, T, W>> {
        let before = self.word.0.unwinding();
        let died = self.word.0.try_acquire(me).ok_or_else(LockError::would_block)?;
        Ok(self.guard(me, died, before)?)
    }

    #[inline(always)]
    fn guard(
        &self,
        me: Participant,
        died: bool,
        before: Unwinding,
    ) -> LockResult<MutexGuard<'_, T, W>> {
        told(MutexGuard { lock: self, me, held: Held::new(died, before) }, died)
    }
}

impl<T, W: Wait> Mutex<T, W> {
    #[inline]
    pub(super) fn lock_as(&self, me: Participant) -> LockResult<MutexGuard<'_, T, W>> {
        let before = self.word.0.unwinding();
        self.guard(me, self.word.0.acquire_at_last(me), before)
    }

    #[inline]
    fn lock_deadline_as(
        &self,
        me: Participant,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<MutexGuard<'_, T, W>> {
        let before = self.word.0.unwinding();
        let died = self.word.0.acquire(me, deadline)?;
        Ok(self.guard(me, died, before)?)
    }
}

impl<T, W: Register> Mutex<T, W> {
    pub(super) fn poll_lock_as(
        &self,
        me: Participant,
        cx: &mut Context<'_>,
    ) -> Poll<LockResult<MutexGuard<'_, T, W>>> {
        let before = self.word.0.unwinding();
        self.word.0.poll_acquire(me, cx).map(|died| self.guard(me, died, before))
    }
}

impl<T, W: Wake> Handle<'_, Mutex<T, W>> {
    /// [`Mutex::holder`].
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, participant::Participant};
    /// let mutex = <Mutex<_>>::new(5);
    /// let me = mutex.handle(Participant::new(3).unwrap());
    /// let guard = me.lock().unwrap();
    /// assert_eq!(me.holder(), Participant::new(3));
    /// # drop(guard);
    /// ```
    pub fn holder(&self) -> Option<Participant> {
        self.lock.holder()
    }

    /// [`Mutex::try_lock`] by this participant.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it is held.
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.lock.try_lock_as(self.me)
    }
}

impl<T, W: Wait> Handle<'_, Mutex<T, W>> {
    /// [`Mutex::lock`] by this participant.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with it.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T, W>> {
        self.lock.lock_as(self.me)
    }

    /// [`Mutex::lock_deadline`] by this participant.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it was held all the time.
    #[inline]
    pub fn lock_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.lock.lock_deadline_as(self.me, deadline)
    }
}

/// The mutex, held, and its value. Dropped, it is given back; dropped by a panic, the next one is
/// [told](super#panics).
#[must_use = "the mutex is given back at once if this is dropped"]
pub struct MutexGuard<'a, T, W: Wake> {
    lock: &'a Mutex<T, W>,
    me: Participant,
    held: Held,
}

// SAFETY: a shared guard gives shared access to the value alone, so that `T: Sync` is what it takes.
unsafe impl<T: Sync, W: Wake + Sync> Sync for MutexGuard<'_, T, W> {}

impl<'a, T, W: Wake> MutexGuard<'a, T, W> {
    /// What it holds, and whose it is, to take it again.
    pub(super) fn origin(&self) -> (&'a Mutex<T, W>, Participant) {
        (self.lock, self.me)
    }

    /// As the mutex was taken.
    pub(super) fn into_taken(self) -> LockResult<Self> {
        let died = self.held.died();
        told(self, died)
    }
}

impl<T: fmt::Debug, W: Wake> fmt::Debug for MutexGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, W: Wake> sealed::Sealed for MutexGuard<'_, T, W> {}

impl<T, W: Wake> Robust for MutexGuard<'_, T, W> {
    fn make_consistent(&mut self) {
        self.held = Held::new(false, self.lock.word.0.unwinding());
        self.lock.word.0.make_consistent();
    }
}

impl<T, W: Wake> Deref for MutexGuard<'_, T, W> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the mutex, so that nobody else reaches the value, and it is borrowed for as long.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T, W: Wake> DerefMut for MutexGuard<'_, T, W> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the mutex, so that nobody else reaches the value, and it is borrowed mutably for as long.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T, W: Wake> Drop for MutexGuard<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        self.lock.word.0.release_held(self.held);
    }
}
