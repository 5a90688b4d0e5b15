//! A condition variable: waiting for a change that others make under a mutex.

use super::died::{LockResult, OwnerDied};
use super::mutex::MutexGuard;
use super::turn::Turn;
use crate::Error;
use crate::finally::Finally;
use crate::sync::{Ordering, RmwU32, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake, fresh, needs_wake};
use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;

/// A condition variable.
///
/// Use it with one [`Mutex`](super::Mutex). What the waiters wait for changes while that mutex is
/// held.
///
/// A wait may return for no reason, so check the condition again; [`wait_while`](Self::wait_while)
/// does. In a region, each wait does return within the bound in which deaths are detected. So if a
/// process dies with a notification, before or after it was sent, no waiter misses the change for
/// longer than that.
///
/// *Fairness*: [`notify`](Self::notify) wakes the given number of sleepers, in the order of the
/// target (a futex: roughly as they came), and also all that were about to sleep. They then compete
/// for the mutex with all others.
///
/// One word counts notifications, the other counts waiters. A process that dies while it waits
/// stays counted, which costs a needless system call at each notification.
///
/// ```
/// use ringway_core::lock::{Condition, Mutex};
/// static JOBS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// static MORE: Condition = Condition::new();
///
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         JOBS.lock().unwrap().push(7);
///         MORE.notify(1);
///     });
///     let jobs = JOBS.lock().unwrap();
///     let mut jobs = MORE.wait_while(jobs, |jobs| jobs.is_empty()).unwrap();
///     assert_eq!(jobs.pop(), Some(7));
/// });
/// ```
#[doc(alias = "pthread_cond_t")]
#[derive(Debug)]
#[repr(C)]
pub struct Condition<W: Wake = Spin> {
    count: RmwU32,
    waiters: RmwU32,
    how: W,
}

/// The result of a wait with a deadline.
///
/// The guard of the mutex, which was taken again, and [`Error::TimedOut`] if the deadline ended the
/// wait. Or [`OwnerDied`] with the guard, if a holder died with the mutex meanwhile.
pub type Waited<'a, T, W> =
    Result<(MutexGuard<'a, T, W>, Result<(), Error>), OwnerDied<MutexGuard<'a, T, W>>>;

/// How often a waiter that cannot sleep checks the count before it takes the mutex again. Taking
/// the mutex delays the others that want it.
#[cfg(not(loom))]
const SPINS: u32 = 100;
#[cfg(loom)]
const SPINS: u32 = u32::MAX;

impl<W: Wake> Condition<W> {
    const_unless_loom! {
        /// A condition without waiters.
        pub fn new() -> Self {
            Condition { count: RmwU32::new(0), waiters: RmwU32::new(0), how: fresh!(W) }
        }
    }
}

impl<W: Wake> Default for Condition<W> {
    fn default() -> Self {
        Condition::new()
    }
}

impl<W: Wake> Condition<W> {
    /// Wakes `n` waiters. Never waits.
    ///
    /// The caller need not hold the mutex now. It must have held the mutex when it changed what
    /// they wait for.
    ///
    /// Returns how many waiters it may have woken. A waiter that an earlier notification woke
    /// counts as waiting until it has the mutex again.
    ///
    /// ```
    /// let nobody_waits = <ringway_core::lock::Condition>::new();
    /// assert_eq!(nobody_waits.notify(1), 0);
    /// ```
    #[doc(alias = "pthread_cond_signal")]
    #[doc(alias = "notify_one")]
    pub fn notify(&self, n: u32) -> u32 {
        // Relaxed, both: the mutex orders the change and the counts, as `start` explains.
        let waiters = self.waiters.load(Ordering::Relaxed);
        if waiters != 0 {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.how.wake(self.count.as_atomic(), n);
        }
        waiters.min(n)
    }

    /// Wakes all waiters, as [`notify`](Self::notify).
    #[doc(alias = "pthread_cond_broadcast")]
    pub fn notify_all(&self) -> u32 {
        self.notify(u32::MAX)
    }

    /// Counts this waiter and unlocks the mutex. Returns what ends the counting when it is dropped,
    /// and the count of notifications from before the unlock.
    fn start<T: ?Sized>(&self, guard: MutexGuard<'_, T, W>) -> (Finally<impl FnMut()>, u32) {
        // Relaxed, all of it: a notifier held the mutex for its change either before this waiter
        // held it, or after this unlock. In the first case this waiter has seen the change. In the
        // second case the notifier sees this waiter counted, and this waiter has the count from
        // before the notification.
        self.waiters.fetch_add(1, Ordering::Relaxed);
        let counted = Finally(|| _ = self.waiters.fetch_sub(1, Ordering::Relaxed));
        let count = self.count.load(Ordering::Relaxed);
        drop(guard);
        (counted, count)
    }

    /// Whether nobody has notified since the count was `count`.
    fn is_still(&self, count: u32) -> bool {
        // Relaxed: the mutex orders the change.
        self.count.load(Ordering::Relaxed) == count
    }
}

impl<W: Wait> Condition<W> {
    /// Unlocks the mutex, waits for a notification, and locks the mutex again.
    ///
    /// A notification after the unlock is not missed. May return without a notification.
    ///
    /// # Errors
    /// [`OwnerDied`], with the guard: a holder died with the mutex meanwhile.
    ///
    /// ```
    /// # use ringway_core::lock::{Condition, Mutex};
    /// # static DONE: Mutex<bool> = Mutex::new(false);
    /// # static CHANGED: Condition = Condition::new();
    /// # std::thread::scope(|s| {
    /// #     s.spawn(|| { *DONE.lock().unwrap() = true; CHANGED.notify_all() });
    /// let mut done = DONE.lock().unwrap();
    /// while !*done {
    ///     done = CHANGED.wait(done).unwrap();
    /// }
    /// # });
    /// ```
    pub fn wait<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, W>,
    ) -> LockResult<MutexGuard<'a, T, W>> {
        Ok(self.wait_deadline(guard, None)?.0)
    }

    /// [`wait`](Self::wait), at most until `deadline` (`None`: for ever).
    ///
    /// After the deadline it still waits for the mutex.
    ///
    /// # Errors
    /// [`OwnerDied`], with the guard: a holder died with the mutex meanwhile.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::lock::{Condition, Mutex};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mutex = Mutex::<_, SpinClock<Hundred>>::new(());
    /// let never = Condition::new();
    /// let (guard, waited) = never.wait_deadline(mutex.lock().unwrap(), Some(50)).unwrap();
    /// assert_eq!(waited, Err(Error::TimedOut));
    /// # drop(guard);
    /// ```
    pub fn wait_deadline<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, W>,
        deadline: Option<W::Deadline>,
    ) -> Waited<'a, T, W> {
        let mutex = guard.origin();
        let (counted, count) = self.start(guard);
        let waited = self.sleep(count, deadline);
        let taken = mutex.lock();
        drop(counted);
        Ok((taken?, waited))
    }

    fn sleep(&self, count: u32, deadline: Option<W::Deadline>) -> Result<(), Error> {
        let checks = if needs_wake::<W>() { 1 } else { SPINS };
        for _ in 0..checks {
            let waited = self.how.wait(self.count.as_atomic(), count, deadline);
            // Even if the deadline passed: the notification may have been for this waiter, and then
            // no other waiter gets it.
            if !self.is_still(count) {
                break;
            }
            waited?;
        }
        Ok(())
    }

    /// Waits while `condition` returns true for the value.
    ///
    /// Calls `condition` with the mutex held. Returns at once, whatever the condition, when a
    /// holder died and the value may be half changed.
    ///
    /// # Errors
    /// [`OwnerDied`], with the guard: a holder died with the mutex meanwhile.
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, W>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T, W>> {
        Ok(self.wait_while_deadline(guard, None, &mut condition)?.0)
    }

    /// [`wait_while`](Self::wait_while), at most until `deadline` (`None`: for ever).
    ///
    /// After the deadline it still waits for the mutex.
    ///
    /// # Errors
    /// [`OwnerDied`], with the guard: a holder died with the mutex meanwhile.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::lock::{Condition, Mutex};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let level = Mutex::<_, SpinClock<Hundred>>::new(3);
    /// let changed = Condition::new();
    /// let guard = level.lock().unwrap();
    /// let (guard, waited) = changed.wait_while_deadline(guard, Some(50), |level| *level < 9).unwrap();
    /// assert_eq!((*guard, waited), (3, Err(Error::TimedOut)));
    /// ```
    pub fn wait_while_deadline<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T, W>,
        deadline: Option<W::Deadline>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T, W> {
        let mut waited = Ok(());
        while condition(&mut guard) {
            if waited.is_err() && deadline.is_some() {
                return Ok((guard.into_taken()?, waited));
            }
            (guard, waited) = self.wait_deadline(guard, deadline)?;
        }
        Ok((guard.into_taken()?, Ok(())))
    }
}

impl<W: Register> Condition<W> {
    /// [`wait`](Self::wait) for a task.
    ///
    /// Dropped while it waits, it leaves the mutex unlocked.
    ///
    /// # Errors
    /// [`OwnerDied`], with the guard: a holder died with the mutex meanwhile.
    ///
    /// ```
    /// use ringway_core::lock::{Condition, Mutex};
    /// use ringway_core::wait::Async;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// let (mutex, changed) = (Mutex::<_, Async>::new(5), Condition::new());
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut waits = pin!(changed.wait_async(mutex.try_lock().unwrap()));
    /// assert!(waits.as_mut().poll(&mut cx).is_pending());
    /// *mutex.try_lock().unwrap() = 6;
    /// assert_eq!(changed.notify(1), 1);
    /// assert!(waits.as_mut().poll(&mut cx).is_ready());
    /// ```
    pub fn wait_async<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, W>,
    ) -> impl Future<Output = LockResult<MutexGuard<'a, T, W>>> {
        let mutex = guard.origin();
        let (mut guard, mut waits) = (Some(guard), None);
        // Whether it waits for the mutex.
        let mut locks = false;
        // Either of the two words may have woken this task alone.
        let mut turn = Turn::new(move || {
            let _both = Finally(|| mutex.pass_on());
            self.how.pass_on(self.count.as_atomic());
        });
        poll_fn(move |cx| {
            if let Some(guard) = guard.take() {
                waits = Some(self.start(guard));
            }
            match waits.as_ref().map(|(_, count)| *count) {
                Some(count) if self.is_still(count) => {
                    self.how.register(self.count.as_atomic(), count, cx.waker());
                    return turn.kept(Poll::Pending);
                }
                _ => (),
            }
            let taken = mutex.poll_lock(locks, cx);
            locks = taken.is_pending();
            if taken.is_ready() {
                waits = None;
            }
            turn.kept(taken)
        })
    }

    /// [`wait_while`](Self::wait_while) for a task, as [`wait_async`](Self::wait_async).
    ///
    /// Dropped, it leaves the mutex unlocked, and another waiter gets the notification.
    ///
    /// # Errors
    /// [`OwnerDied`], with the guard: a holder died with the mutex meanwhile.
    pub fn wait_while_async<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, W>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> impl Future<Output = LockResult<MutexGuard<'a, T, W>>> {
        let (mut guard, mut waits) = (Some(guard), None);
        poll_fn(move |cx| {
            loop {
                if let Some(mut guard) = guard.take() {
                    if !condition(&mut guard) {
                        return Poll::Ready(guard.into_taken());
                    }
                    waits = Some(self.wait_async(guard));
                }
                // The future was polled after its end.
                let Some(wait) = &mut waits else { return Poll::Pending };
                match Pin::new(wait).poll(cx) {
                    Poll::Ready(Ok(again)) => guard = Some(again),
                    other => return other,
                }
            }
        })
    }
}
