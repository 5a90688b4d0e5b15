//! The word of a lock with one holder: who holds it, whether a holder died with it, whether
//! somebody sleeps.
//!
//! ```text
//!   bit 31    30     13..=0
//!   WAITERS  DIED   the holder's number plus 1; 0: free
//!
//!   1  free → held           by exchange; DIED stays
//!   2  held → held|WAITERS   by whoever is about to sleep
//!   3  held → free           by the holder; DIED if it was told of a death and did not repair. Wakes one if WAITERS was
//!                            set. Who was woken sets it again when it takes the lock, as others may still sleep
//!   4  held → free|DIED      by whoever recovers the holder
//! ```
//!
//! No wake-up is lost: who sleeps has set WAITERS and sleeps only while it is set. It goes in 3 and
//! 4 alone, which wake. One that 3 wakes either takes the lock with WAITERS, or finds it held and
//! sets WAITERS before it sleeps, or before it gives up at its deadline: the wake-up that it may
//! have taken is then sent by the next release. It may die before it does either; 4 wakes all for
//! that reason, whatever the word says.

use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::{Cached, Cell, Ordering, RmwU32, const_unless_loom, pause};
use crate::wait::{Register, TimedOut, Wait, Wake, fresh, needs_wake};
#[cfg(not(loom))]
use core::marker::PhantomData;
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::{Context, Poll};

const FREE: u32 = 0;
pub(super) const HOLDER: u32 = (1 << 14) - 1;
const DIED: u32 = 1 << 30;
const WAITERS: u32 = 1 << 31;

/// How many pauses of the processor to wait before sleeping. A critical section of a few
/// instructions ends meanwhile; on one processor, where nothing can change meanwhile, it is less
/// than a system call.
#[cfg(not(loom))]
const SPINS: u32 = 100;
#[cfg(loom)]
const SPINS: u32 = 0;

/// How many pauses lie between two looks, at most: 1, then doubled each time. Every look takes the
/// cache line, where there are such, away from the holder, who needs it to give the lock back.
const BETWEEN_LOOKS: u32 = if Cached::ENABLED { 8 } else { 1 };

/// The name of a participant in a word where 0 means nobody.
pub(super) const fn name(participant: Participant) -> u32 {
    participant.number() as u32 + 1
}

/// Whose name that is.
pub(super) const fn named(name: u32) -> Option<Participant> {
    match (name & HOLDER).checked_sub(1) {
        Some(number) => Participant::new(number as u16),
        None => None,
    }
}

/// What lies before a value: on hosts it ends at a multiple of 8 bytes, so that the value lies at
/// the same place for 32 and for 64 bits.
#[derive(Debug)]
#[cfg_attr(any(not(target_os = "none"), feature = "shared-layout"), repr(C, align(8)))]
#[cfg_attr(not(any(not(target_os = "none"), feature = "shared-layout")), repr(C))]
pub(super) struct Before<T>(pub(super) T);

/// Where a guard that only looks finds the value. As one that looks is, it is covariant in `T`,
/// which a lock is not.
pub(super) struct Shared<'a, T> {
    #[cfg(not(loom))]
    value: NonNull<T>,
    #[cfg(not(loom))]
    borrow: PhantomData<&'a T>,
    #[cfg(loom)]
    value: &'a Cell<T>,
}

impl<'a, T> Shared<'a, T> {
    #[inline(always)]
    pub(super) fn new(value: &'a Cell<T>) -> Self {
        #[cfg(not(loom))]
        return Shared {
            // SAFETY: a cell is nowhere but at a valid address.
            value: value.with(|value| unsafe { NonNull::new_unchecked(value.cast_mut()) }),
            borrow: PhantomData,
        };
        #[cfg(loom)]
        return Shared { value };
    }

    /// # Safety
    /// Nobody changes the value, but inside its own cells, for as long as what is returned is used.
    #[inline(always)]
    pub(super) unsafe fn get(&self) -> &T {
        #[cfg(not(loom))]
        // SAFETY: the lock is borrowed, and nobody changes the value.
        return unsafe { self.value.as_ref() };
        #[cfg(loom)]
        // SAFETY: as above.
        return self.value.with(|value| unsafe { &*value });
    }
}

#[derive(Debug)]
#[repr(C)]
pub(super) struct Word<W: Wake> {
    state: RmwU32,
    how: W,
}

impl<W: Wake> Word<W> {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Word { state: RmwU32::new(FREE), how: fresh!(W) }
        }
    }

    /// Who holds it now, more or less.
    pub(super) fn holder(&self) -> Option<Participant> {
        // Relaxed: it may be another one by the time that the caller looks at it.
        named(self.state.load(Ordering::Relaxed))
    }

    /// For one who keeps holders out from now on: whether a holder died with it, or `None` if it is
    /// held.
    pub(super) fn look(&self) -> Option<bool> {
        // SYNC POINT A, acquire: with the release of 3 and 4.
        let seen = self.state.load(Ordering::Acquire);
        (seen & HOLDER == FREE).then_some(seen & DIED != 0)
    }

    /// Whether a holder died with it; for one who holds it.
    pub(super) fn has_died(&self) -> bool {
        // Relaxed: the holder alone changes the bit.
        self.state.load(Ordering::Relaxed) & DIED != 0
    }

    /// Remembers that a holder left it half done. The caller holds it.
    #[cold]
    pub(super) fn mark_died(&self) {
        // Relaxed: the holder alone changes the bit, and 3 publishes it.
        self.state.fetch_or(DIED, Ordering::Relaxed);
    }

    /// Forgets that a holder died. The caller holds it.
    pub(super) fn make_consistent(&self) {
        // Relaxed: the holder alone changes the bit, and 3 publishes what it repaired.
        self.state.fetch_and(!DIED, Ordering::Relaxed);
    }
}

/// Whether a holder was unwinding from a panic when it took the lock. If it was, giving the lock
/// back while it still unwinds says nothing: a destructor took it, and did all that it wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unwinding(bool);

impl Unwinding {
    /// Of one that has changed nothing, whatever happens to it.
    pub(super) const HARMLESS: Unwinding = Unwinding(true);
}

/// What a guard remembers until it gives the lock back. One byte: where nobody can tell of panics,
/// it costs what the first of the two alone would.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held(u8);

impl Held {
    const LEFT: u8 = 1;
    const UNWINDING: u8 = 2;

    /// `died`: a holder died, and what it left was not repaired.
    #[inline(always)]
    pub(super) fn new(died: bool, before: Unwinding) -> Held {
        let left = if died { Held::LEFT } else { 0 };
        Held(if before.0 { left | Held::UNWINDING } else { left })
    }

    /// Whether a holder died, and what it left was not repaired.
    #[inline(always)]
    pub(super) fn died(self) -> bool {
        self.0 & Held::LEFT != 0
    }

    #[inline(always)]
    fn before(self) -> Unwinding {
        Unwinding(self.0 & Held::UNWINDING != 0)
    }
}

impl<W: Wake> Word<W> {
    /// To be asked before the lock is taken.
    #[inline(always)]
    pub(super) fn unwinding(&self) -> Unwinding {
        Unwinding(self.how.is_unwinding())
    }

    /// Whether a holder that was so before began to unwind since: it may leave half changed what
    /// the lock protects.
    #[inline(always)]
    pub(super) fn has_unwound(&self, before: Unwinding) -> bool {
        self.how.is_unwinding() && !before.0
    }

    /// 1: whether a holder died with it, or `None` if it is held.
    #[inline]
    pub(super) fn try_acquire(&self, me: Participant) -> Option<bool> {
        match self.take_unmarked(me) {
            Ok(()) => Some(false),
            Err(seen) => self.try_acquire_marked(me, seen),
        }
    }

    /// 1, if nobody died with it and nobody sleeps; what was seen instead.
    #[inline(always)]
    fn take_unmarked(&self, me: Participant) -> Result<(), u32> {
        // SYNC POINT A, acquire: with the release of 3 and 4. What the holders before wrote is
        // seen.
        let taken =
            self.state.compare_exchange(FREE, name(me), Ordering::Acquire, Ordering::Relaxed);
        taken.map(|_| ())
    }

    #[cold]
    fn try_acquire_marked(&self, me: Participant, mut seen: u32) -> Option<bool> {
        while seen & HOLDER == FREE {
            // SYNC POINT A, as above.
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

    /// 3: the caller holds it. `died`: it was told of a death, and the next one shall be.
    #[inline]
    pub(super) fn release(&self, died: bool) {
        let left = if died { DIED } else { FREE };
        // SYNC POINT A, release: with the acquire of 1.
        let seen = self.state.swap(left, Ordering::Release);
        if seen & WAITERS != 0 {
            self.wake_one();
        }
    }

    /// [`release`](Self::release) by a guard: the next one is told also if this one panicked
    /// meanwhile.
    #[inline]
    pub(super) fn release_held(&self, held: Held) {
        self.release(held.died() || self.has_unwound(held.before()));
    }

    #[cold]
    fn wake_one(&self) {
        self.how.wake(self.state.as_atomic(), 1);
    }

    /// 4, if `dead` holds it, which is the answer. Wakes who sleeps in any case.
    ///
    /// # Safety
    /// `dead` takes no further step, and what it wrote is visible here.
    pub(super) unsafe fn recover(&self, dead: Participant) -> bool {
        // SAFETY: the caller's word.
        let held = unsafe { self.recover_unheard(dead) };
        self.wake_all();
        held
    }

    /// Wakes all who sleep.
    pub(super) fn wake_all(&self) {
        self.how.wake(self.state.as_atomic(), u32::MAX);
    }

    /// [`recover`](Self::recover) that wakes nobody: [`wake_all`](Self::wake_all) is to follow.
    ///
    /// # Safety
    /// As [`recover`](Self::recover): `dead` takes no further step, and what it wrote is visible
    /// here.
    pub(super) unsafe fn recover_unheard(&self, dead: Participant) -> bool {
        // Relaxed: the word is as new as the dead one left it: the caller sees what it wrote.
        let mut seen = self.state.load(Ordering::Relaxed);
        let mut held = false;
        while seen & HOLDER == name(dead) {
            // SYNC POINT A, release: with the acquire of 1. The next holder sees what the dead one
            // wrote, as we do.
            match self.state.compare_exchange(seen, DIED, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => {
                    held = true;
                    break;
                }
                Err(now) => seen = now,
            }
        }
        held
    }
}

impl<W: Wait> Word<W> {
    /// 1, when it can be done: whether a holder died with it.
    #[inline]
    pub(super) fn acquire(
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
        let (mut slept, mut spins, mut turns) = (0, SPINS, 1);
        let mut timed_out = false;
        // Relaxed, here and below: what is seen is exchanged only if it is still so.
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            if seen & HOLDER == FREE {
                // SYNC POINT A, as above.
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
                pause(turns);
                spins = spins.saturating_sub(turns);
                turns = (2 * turns).min(BETWEEN_LOOKS);
                seen = self.state.load(Ordering::Relaxed);
                continue;
            }
            // 2. Relaxed: the bit is about this word alone.
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
            // Should waiting panic: the wake-up that it may have taken goes to another.
            let panics = Finally(|| self.wake_one());
            timed_out = self.how.wait(self.state.as_atomic(), seen | waiters, deadline).is_err();
            core::mem::forget(panics);
            seen = self.state.load(Ordering::Relaxed);
        }
    }

    /// [`acquire`](Self::acquire) without a deadline.
    #[inline]
    pub(super) fn acquire_at_last(&self, me: Participant) -> bool {
        loop {
            // Should a `Wait` say that it timed out nevertheless, this waits on.
            if let Ok(died) = self.acquire(me, None) {
                return died;
            }
        }
    }
}

impl<W: Register> Word<W> {
    /// 1, when it can be done, or 2 for a task: whether a holder died with it.
    pub(super) fn poll_acquire(&self, me: Participant, cx: &mut Context<'_>) -> Poll<bool> {
        if let Some(died) = self.try_acquire(me) {
            return Poll::Ready(died);
        }
        // Register, then announce: 3 sees WAITERS and finds the waker, or it came so early that
        // registering acquired what it had published (see `WakerCell`), and the word is seen as it
        // left it.
        self.how.register(cx.waker());
        // Relaxed: what is seen is exchanged only if it is still so.
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            let is_free = seen & HOLDER == FREE;
            if !is_free && seen & WAITERS != 0 {
                return Poll::Pending;
            }
            // Others may sleep, so that WAITERS is set in both cases.
            let next = if is_free { seen | name(me) } else { seen } | WAITERS;
            // SYNC POINT A, as above.
            match self.state.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) if is_free => return Poll::Ready(seen & DIED != 0),
                Ok(_) => return Poll::Pending,
                Err(now) => seen = now,
            }
        }
    }
}
