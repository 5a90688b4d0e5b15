//! One holder at a time, with what it protects.

use super::word::{Before, Held, Unwinding, Word};
use super::{Handle, LockError, LockResult, Robust, TryLockResult, sealed, told};
use crate::participant::Participant;
use crate::plain::Plain;
use crate::sync::{Cell, const_unless_loom};
use crate::wait::{Spin, Wait, Wake};
use core::fmt;
use core::ops::{Deref, DerefMut};

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
/// use ringway_core::wait::Spin;
/// static TOTAL: Mutex<u32> = Mutex::new(0, Spin);
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

impl<T, W: Wake> Mutex<T, W> {
    const_unless_loom! {
        /// A free mutex, on which one sleeps as `how` says.
        pub fn new(value: T, how: W) -> Self {
            Mutex { word: Before(Word::new(how)), value: Cell::new(value) }
        }
    }

    /// Who holds it, if somebody does: at this moment, which is past when this returns.
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, participant::Participant, wait::Spin};
    /// let mutex = Mutex::new((), Spin);
    /// assert_eq!(mutex.holder(), None);
    /// let guard = mutex.lock();
    /// assert_eq!(mutex.holder(), Some(Participant::LOCAL));
    /// # drop(guard);
    /// ```
    pub fn holder(&self) -> Option<Participant> {
        self.word.0.holder()
    }
}

impl<T, W: Wake> fmt::Debug for Mutex<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("holder", &self.holder()).finish_non_exhaustive()
    }
}

impl<T: Default, W: Wake + Default> Default for Mutex<T, W> {
    fn default() -> Self {
        Mutex::new(T::default(), W::default())
    }
}

impl<T, W: Wait> Mutex<T, W> {
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
    /// use ringway_core::{lock::Mutex, wait::Spin};
    /// let mutex = Mutex::new(5, Spin);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.handle(Participant::LOCAL).try_lock()
    }

    /// Takes it; waits until it is free. One that holds it already waits for ever.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with it.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T, W>> {
        self.handle(Participant::LOCAL).lock()
    }

    /// Takes it; waits until it is free, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it was held all the time.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::lock::{LockError, Mutex};
    /// use ringway_core::wait::SpinClock;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// static NOW: AtomicU64 = AtomicU64::new(0);
    /// # struct Ticks;
    /// # impl ringway_core::wait::Clock for Ticks {
    /// #     fn now() -> u64 {
    /// #         NOW.fetch_add(1, Ordering::Relaxed)
    /// #     }
    /// # }
    /// let mutex = Mutex::new((), SpinClock::<Ticks>::new());
    /// let guard = mutex.lock();
    /// let late = mutex.lock_deadline(Some(10));
    /// assert!(matches!(late, Err(LockError::NotTaken(Error::TimedOut))));
    /// drop(guard);
    /// assert!(mutex.lock_deadline(Some(10)).is_ok());
    /// ```
    #[inline]
    pub fn lock_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.handle(Participant::LOCAL).lock_deadline(deadline)
    }

    /// If `dead` holds it, it is free again, and the next one is told. Wakes those that wait. Whether it was held.
    ///
    /// # Safety
    /// `dead` takes no further step with this mutex: its process has ended (or its context was reset), and what it wrote
    /// is visible here, as it is once the operating system has reported its end.
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, participant::Participant, wait::Spin};
    /// let mutex = Mutex::new(0, Spin);
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
    /// use ringway_core::{participant::Participant, lock::Mutex, wait::Spin};
    /// let mutex = Mutex::new(String::new(), Spin);
    /// // SAFETY: participant 1 does nothing any more.
    /// unsafe { mutex.recover(Participant::new(1).unwrap()) };
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> bool
    where
        T: Plain,
    {
        // SAFETY: the caller's word.
        unsafe { self.word.0.recover(dead) }
    }
}

impl<'a, T, W: Wait> Handle<'a, Mutex<T, W>> {
    /// [`Mutex::try_lock`] by this participant.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it is held.
    #[inline]
    pub fn try_lock(self) -> TryLockResult<MutexGuard<'a, T, W>> {
        let before = self.lock.word.0.unwinding();
        let died = self.lock.word.0.try_acquire(self.me).ok_or_else(LockError::would_block)?;
        Ok(self.guard(died, before)?)
    }

    /// [`Mutex::lock`] by this participant.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with it.
    #[inline]
    pub fn lock(self) -> LockResult<MutexGuard<'a, T, W>> {
        let before = self.lock.word.0.unwinding();
        loop {
            if let Ok(died) = self.lock.word.0.acquire(self.me, None) {
                return self.guard(died, before);
            }
        }
    }

    /// [`Mutex::lock_deadline`] by this participant.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it was held all the time.
    #[inline]
    pub fn lock_deadline(
        self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<MutexGuard<'a, T, W>> {
        let before = self.lock.word.0.unwinding();
        let died = self.lock.word.0.acquire(self.me, deadline)?;
        Ok(self.guard(died, before)?)
    }

    #[inline]
    fn guard(self, died: bool, before: Unwinding) -> LockResult<MutexGuard<'a, T, W>> {
        told(MutexGuard { handle: self, held: Held::new(died, before) }, died)
    }
}

/// The mutex, held, and its value. Dropped, it is given back; dropped by a panic, the next one is
/// [told](super#panics).
#[must_use = "the mutex is given back at once if this is dropped"]
pub struct MutexGuard<'a, T, W: Wait> {
    handle: Handle<'a, Mutex<T, W>>,
    held: Held,
}

// SAFETY: a shared guard gives shared access to the value alone, so that `T: Sync` is what it takes.
unsafe impl<T: Sync, W: Wait + Sync> Sync for MutexGuard<'_, T, W> {}

impl<'a, T, W: Wait> MutexGuard<'a, T, W> {
    /// Whose it is, to take it again.
    pub(super) fn handle(&self) -> Handle<'a, Mutex<T, W>> {
        self.handle
    }

    /// As the mutex was taken.
    pub(super) fn into_taken(self) -> LockResult<Self> {
        let died = self.held.died();
        told(self, died)
    }
}

impl<T: fmt::Debug, W: Wait> fmt::Debug for MutexGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, W: Wait> sealed::Sealed for MutexGuard<'_, T, W> {}

impl<T, W: Wait> Robust for MutexGuard<'_, T, W> {
    fn make_consistent(&mut self) {
        self.held = Held::new(false, self.handle.lock.word.0.unwinding());
        self.handle.lock.word.0.make_consistent();
    }
}

impl<T, W: Wait> Deref for MutexGuard<'_, T, W> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the mutex, so that nobody else reaches the value, and it is borrowed for as long.
        self.handle.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T, W: Wait> DerefMut for MutexGuard<'_, T, W> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the mutex, so that nobody else reaches the value, and it is borrowed mutably for as long.
        self.handle.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T, W: Wait> Drop for MutexGuard<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        self.handle.lock.word.0.release_held(self.held);
    }
}
