//! The transitions of a lock's word, each in one critical section. Twin of `exchanges.rs`.
//!
//! The sections order the transitions. Only what loads the word outside of them needs a release.

use super::{FREE, HOLDER, WAITERS, Word, name, taken_from};
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::{Ordering, RmwU32};
use crate::wait::{TimedOut, Wait, Wake, needs_wake};

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

    /// Transition 1 if the lock is free, and WAITERS with it, because others may sleep; otherwise
    /// transition 2. Returns the word as it was.
    pub(super) fn take_or_mark(&self, me: Participant) -> u32 {
        take_or_mark(&self.state, name(me) | WAITERS)
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
