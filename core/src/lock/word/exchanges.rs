//! The transitions of a lock's word, each an exchange. Twin of `section.rs`.

use super::{DIED, FREE, HOLDER, WAITERS, Word, name};
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::{Cached, Ordering, pause};
use crate::wait::{TimedOut, Wait, Wake, needs_wake};

/// Pauses of the processor to wait before sleeping. A critical section of a few instructions ends
/// within that time. On a single processor nothing can change meanwhile, and the wait costs less
/// than a system call.
#[cfg(not(loom))]
const SPINS: u32 = 100;
#[cfg(loom)]
const SPINS: u32 = 0;

/// The most pauses between two loads of the word: 1 at first, then doubled each time. Where there
/// are caches, every load takes the cache line away from the holder, which needs it to release the
/// lock.
const MAX_PAUSES: u32 = if Cached::ENABLED { 8 } else { 1 };

impl<W: Wake> Word<W> {
    /// Transition 1, once: whether a holder died with the lock; `None` if it is held.
    #[inline]
    pub(in crate::lock) fn try_acquire(&self, me: Participant) -> Option<bool> {
        match self.take_unmarked(me) {
            Ok(()) => Some(false),
            Err(seen) => self.try_acquire_marked(me, seen),
        }
    }

    /// Transition 1, if no holder died and nobody sleeps; otherwise the word that was found.
    #[inline(always)]
    fn take_unmarked(&self, me: Participant) -> Result<(), u32> {
        // SYNC POINT with `release` and `recover_silently`, acquire: what earlier holders wrote is
        // seen.
        let taken =
            self.state.compare_exchange(FREE, name(me), Ordering::Acquire, Ordering::Relaxed);
        taken.map(|_| ())
    }

    #[cold]
    fn try_acquire_marked(&self, me: Participant, mut seen: u32) -> Option<bool> {
        while seen & HOLDER == FREE {
            // SYNC POINT with `release` and `recover_silently`, acquire: what earlier holders wrote
            // is seen.
            match self.state.compare_exchange(
                seen,
                seen | name(me),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(seen & DIED != 0),
                Err(now) => seen = now,
            }
        }
        None
    }

    /// Transition 3; returns the word as it was. `left`: DIED, or FREE.
    #[inline(always)]
    pub(super) fn leave(&self, left: u32) -> u32 {
        // SYNC POINT with the exchanges of transition 1, release: the next holder sees what this
        // one wrote.
        self.state.swap(left, Ordering::Release)
    }

    /// Transition 1 if the lock is free, and WAITERS with it, because others may sleep; otherwise
    /// transition 2. Returns the word as it was.
    pub(super) fn take_or_mark(&self, me: Participant) -> u32 {
        let next = |seen: u32| {
            let is_free = seen & HOLDER == FREE;
            let next = if is_free { seen | name(me) } else { seen } | WAITERS;
            (is_free || seen & WAITERS == 0).then_some(next)
        };
        // SYNC POINT with `release` and `recover_silently`, acquire: what earlier holders wrote is
        // seen.
        self.state.update(Ordering::Acquire, next).unwrap_or_else(|seen| seen)
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
        match self.take_unmarked(me) {
            Ok(()) => Ok(false),
            Err(_) => self.acquire_slow(me, deadline),
        }
    }

    #[cold]
    fn acquire_slow(
        &self,
        me: Participant,
        deadline: Option<W::Deadline>,
    ) -> Result<bool, TimedOut> {
        let waiters = if needs_wake::<W>() { WAITERS } else { 0 };
        let (mut slept, mut spins, mut pauses) = (0, SPINS, 1);
        let mut timed_out = false;
        // Relaxed, here and below: an exchange succeeds only if the word still has this value.
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            if seen & HOLDER == FREE {
                // SYNC POINT with `release` and `recover_silently`, acquire: what earlier holders
                // wrote is seen.
                match self.state.compare_exchange(
                    seen,
                    seen | name(me) | slept,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return Ok(seen & DIED != 0),
                    Err(now) => seen = now,
                }
                continue;
            }
            if spins > 0 && seen & WAITERS == 0 {
                pause(pauses);
                spins = spins.saturating_sub(pauses);
                pauses = (2 * pauses).min(MAX_PAUSES);
                seen = self.state.load(Ordering::Relaxed);
                continue;
            }
            // Transition 2. Relaxed: the bit publishes nothing but itself.
            if seen & waiters != waiters {
                let announced = self.state.compare_exchange(
                    seen,
                    seen | WAITERS,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                if let Err(now) = announced {
                    seen = now;
                    continue;
                }
            }
            if timed_out {
                return Err(TimedOut);
            }
            slept = waiters;
            // If waiting panics, another waiter gets the wake-up that this one may have used up.
            let panics = Finally(|| self.wake_one());
            timed_out = self.how.wait(self.state.as_atomic(), seen | waiters, deadline).is_err();
            core::mem::forget(panics);
            seen = self.state.load(Ordering::Relaxed);
        }
    }
}
