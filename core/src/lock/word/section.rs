//! The transitions of a lock's word, each in one critical section. Twin of `exchanges.rs`.
//!
//! The sections order the transitions. Only what loads the word outside of them needs a release.

use super::{DIED, FREE, HOLDER, WAITERS, Word, name};
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::{Ordering, RmwU32};
use crate::wait::{Register, TimedOut, Wait, Wake, needs_wake};
use core::task::{Context, Poll};

/// Transition 1 if the lock is free: adds `taken` to the word, the holder. Returns the word as it
/// was.
// On bare metal it is one function for all locks of an image: a critical section takes more code
// than a call. So are the next two.
#[cfg_attr(target_os = "none", inline(never))]
fn take(state: &RmwU32, taken: u32) -> u32 {
    let next = |seen: u32| (seen & HOLDER == FREE).then_some(seen | taken);
    // SYNC POINT with the store in `release`, acquire: what the last holder wrote is seen. Nobody
    // acquires anything from a lock that is held.
    state.update_if(Ordering::Acquire, next).unwrap_or_else(|seen| seen)
}

/// As [`take`], with WAITERS in `taken` if others may still sleep. If the lock is held: transition
/// 2. For locks with waiters that sleep, whose word is written in critical sections alone.
#[cfg_attr(target_os = "none", inline(never))]
fn take_or_mark(state: &RmwU32, taken: u32) -> u32 {
    let next = |seen: u32| Some(seen | if seen & HOLDER == FREE { taken } else { WAITERS });
    // Relaxed: the sections order what earlier holders wrote. Nobody acquires anything from a lock
    // that is held.
    state.update_if(Ordering::Relaxed, next).unwrap_or_else(|seen| seen)
}

/// Whether a holder died with the lock that was taken from `seen`; `None` if it was held.
#[inline(always)]
fn taken_from(seen: u32) -> Option<bool> {
    (seen & HOLDER == FREE).then_some(seen & DIED != 0)
}

impl<W: Wake> Word<W> {
    /// Transition 1, once: whether a holder died with the lock; `None` if it is held.
    #[inline]
    pub(in crate::lock) fn try_acquire(&self, me: Participant) -> Option<bool> {
        taken_from(take(&self.state, name(me)))
    }

    /// Transition 3 where somebody may sleep; returns the word as it was. `left`: DIED, or FREE.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn leave(&self, left: u32) -> u32 {
        // SYNC POINT with the load in `died_if_free`, release: it sees what this holder wrote.
        self.state.swap(left, Ordering::Release)
    }

    /// [`recover`](Self::recover) without waking. The caller calls [`wake_all`](Self::wake_all)
    /// next.
    ///
    /// # Safety
    /// `dead` takes no further step, and what it wrote is visible here.
    pub(in crate::lock) unsafe fn recover_silently(&self, dead: Participant) -> bool {
        let next = |seen| (seen & HOLDER == name(dead)).then_some(DIED);
        // SYNC POINT with the load in `died_if_free`, release: it sees what the dead holder wrote,
        // as this caller does.
        self.state.update_if(Ordering::Release, next).is_ok()
    }
}

impl<W: Wait> Word<W> {
    /// Transition 1; waits until the lock is free. Whether a holder died with the lock.
    #[inline]
    pub(in crate::lock) fn acquire(
        &self,
        me: Participant,
        deadline: Option<W::Deadline>,
    ) -> Result<bool, TimedOut> {
        let mut timed_out = false;
        loop {
            let seen = take(&self.state, name(me));
            if let Some(died) = taken_from(seen) {
                return Ok(died);
            }
            if needs_wake::<W>() {
                return self.acquire_slow(name(me), deadline);
            }
            if timed_out {
                return Err(TimedOut);
            }
            timed_out = self.sleep(seen, deadline).is_err();
        }
    }

    /// The rest of [`acquire`](Self::acquire) where a waiter sleeps, when the lock was held.
    #[cold]
    fn acquire_slow(&self, me: u32, deadline: Option<W::Deadline>) -> Result<bool, TimedOut> {
        let (mut taken, mut timed_out) = (me, false);
        loop {
            let seen = take_or_mark(&self.state, taken);
            if let Some(died) = taken_from(seen) {
                return Ok(died);
            }
            if timed_out {
                return Err(TimedOut);
            }
            // Others may still sleep when this one takes the lock.
            taken |= WAITERS;
            timed_out = self.sleep(seen | WAITERS, deadline).is_err();
        }
    }

    /// Sleeps while the word is `seen`. If waiting panics, another waiter gets the wake-up that
    /// this one may have used up.
    #[cold]
    fn sleep(&self, seen: u32, deadline: Option<W::Deadline>) -> Result<(), TimedOut> {
        let panics = Finally(|| self.wake_one());
        let woken = self.how.wait(self.state.as_atomic(), seen, deadline);
        core::mem::forget(panics);
        woken
    }
}

impl<W: Register> Word<W> {
    /// Transition 1 if the lock is free, otherwise transition 2 for a task. Whether a holder died
    /// with the lock.
    pub(in crate::lock) fn poll_acquire(
        &self,
        me: Participant,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        if let Some(died) = self.try_acquire(me) {
            return Poll::Ready(died);
        }
        // Register first, then announce. Either `release` sees WAITERS and finds the waker; or it
        // came so early that the section below sees the word as `release` left it.
        self.how.register(cx.waker());
        // Others may sleep, so that WAITERS is to be set in both cases.
        let seen = take_or_mark(&self.state, name(me) | WAITERS);
        taken_from(seen).map_or(Poll::Pending, Poll::Ready)
    }
}
