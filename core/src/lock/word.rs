//! The word of a lock that has one holder.
//!
//! It says who holds the lock, whether a holder died with it, and whether somebody sleeps.
//!
//! ```text
//!   bit 31    30     13..=0
//!   WAITERS  DIED   the holder's number plus 1; 0: free
//!
//!   1  free → held           by exchange; DIED stays
//!   2  held → held|WAITERS   by a waiter that is about to sleep
//!   3  held → free           by the holder; with DIED if it got `OwnerDied` and did not repair.
//!                            Wakes one waiter if WAITERS was set. That waiter sets WAITERS
//!                            again when it takes the lock, as others may still sleep
//!   4  held → free|DIED      by recovery of the dead holder
//! ```
//!
//! No wake-up is lost. A waiter sets WAITERS before it sleeps, and sleeps only while WAITERS is
//! set. Only transitions 3 and 4 clear it, and both wake. A waiter that 3 woke either takes the
//! lock and keeps WAITERS set, or finds the lock held. Then it sets WAITERS before it sleeps again,
//! or before it gives up at its deadline: so the next release sends the wake-up that this waiter
//! may have used up. The waiter may also die before it does either. For that reason recovery wakes
//! all waiters, whatever the word says.

// The transitions: each an exchange, or each a critical section.
#[cfg_attr(any(no_cas, not(any(loom, target_has_atomic = "32"))), path = "word/section.rs")]
mod exchanges;

use crate::participant::Participant;
use crate::sync::{Cell, Ordering, RmwU32, const_unless_loom};
use crate::wait::{Register, Wait, Wake, fresh, needs_wake};
#[cfg(not(loom))]
use core::marker::PhantomData;
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::{Context, Poll};

const FREE: u32 = 0;
pub(super) const HOLDER: u32 = (1 << 14) - 1;
const DIED: u32 = 1 << 30;
const WAITERS: u32 = 1 << 31;

/// Encodes `participant` for a word in which 0 means nobody.
pub(super) const fn name(participant: Participant) -> u32 {
    participant.number() as u32 + 1
}

/// Decodes what [`name`] encodes; `None` for nobody.
pub(super) const fn named(name: u32) -> Option<Participant> {
    match (name & HOLDER).checked_sub(1) {
        Some(number) => Participant::new(number as u16),
        None => None,
    }
}

/// The words in front of a value. On hosts their size is a multiple of 8 bytes, so that the value
/// has the same offset on 32-bit and on 64-bit targets.
#[derive(Debug)]
#[cfg_attr(any(not(target_os = "none"), feature = "shared-layout"), repr(C, align(8)))]
#[cfg_attr(not(any(not(target_os = "none"), feature = "shared-layout")), repr(C))]
pub(super) struct Before<T>(pub(super) T);

/// A guard's read-only pointer to the value. It is covariant in `T`, as a shared reference is; a
/// lock is not.
pub(super) struct ValueRef<'a, T> {
    #[cfg(not(loom))]
    value: NonNull<T>,
    #[cfg(not(loom))]
    borrow: PhantomData<&'a T>,
    #[cfg(loom)]
    value: &'a Cell<T>,
}

impl<'a, T> ValueRef<'a, T> {
    #[inline(always)]
    pub(super) fn new(value: &'a Cell<T>) -> Self {
        #[cfg(not(loom))]
        return ValueRef {
            // SAFETY: the pointer comes from a reference to a cell, so that it is not null.
            value: value.with(|value| unsafe { NonNull::new_unchecked(value.cast_mut()) }),
            borrow: PhantomData,
        };
        #[cfg(loom)]
        return ValueRef { value };
    }

    /// # Safety
    /// Nobody changes the value, except inside its own cells, while the returned reference is used.
    #[inline(always)]
    pub(super) unsafe fn get(&self) -> &T {
        #[cfg(not(loom))]
        // SAFETY: the lock is borrowed for `'a`, so that the value is there; the caller guarantees
        // that nobody changes it meanwhile.
        return unsafe { self.value.as_ref() };
        #[cfg(loom)]
        // SAFETY: the caller guarantees that nobody changes the value meanwhile.
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

    /// The holder at some moment of the call.
    pub(super) fn holder(&self) -> Option<Participant> {
        // Relaxed: the holder may have changed by the time the caller uses the answer.
        named(self.state.load(Ordering::Relaxed))
    }

    /// Whether a holder died with the lock; `None` if it is held. The caller keeps holders out by
    /// other means from now on.
    pub(super) fn died_if_free(&self) -> Option<bool> {
        // SYNC POINT with `release` and `recover_silently`, acquire: what earlier holders
        // wrote is seen.
        taken_from(self.state.load(Ordering::Acquire))
    }

    /// Whether a holder died with it and nobody repaired since. The caller holds it.
    pub(super) fn has_died(&self) -> bool {
        // Relaxed: only the holder changes the bit.
        self.state.load(Ordering::Relaxed) & DIED != 0
    }

    /// Records that a holder left the value half changed. The caller holds the lock.
    #[cold]
    pub(super) fn mark_died(&self) {
        // Relaxed: only the holder changes the bit, and `release` publishes it.
        self.state.fetch_or(DIED, Ordering::Relaxed);
    }

    /// Clears the record that a holder died. The caller holds the lock.
    pub(super) fn make_consistent(&self) {
        // Relaxed: only the holder changes the bit, and `release` publishes what it repaired.
        self.state.fetch_and(!DIED, Ordering::Relaxed);
    }
}

/// Whether the holder was already unwinding from a panic when it took the lock. If so, releasing
/// the lock during that unwinding is no sign of a half change: a destructor took the lock and
/// finished its work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unwinding(bool);

impl Unwinding {
    /// For a holder that has changed nothing: a panic leaves nothing half changed.
    pub(super) const HARMLESS: Unwinding = Unwinding(true);
}

/// What a guard remembers until it releases the lock: whether a holder died, and [`Unwinding`]. One
/// byte, as large as the first of the two would be alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held(u8);

impl Held {
    const LEFT: u8 = 1;
    const UNWINDING: u8 = 2;

    /// `died`: a holder died, and nobody has repaired what it left.
    #[inline(always)]
    pub(super) fn new(died: bool, before: Unwinding) -> Held {
        let left = if died { Held::LEFT } else { 0 };
        Held(if before.0 { left | Held::UNWINDING } else { left })
    }

    /// Whether a holder died, and nobody has repaired what it left.
    #[inline(always)]
    pub(super) fn died(self) -> bool {
        self.0 & Held::LEFT != 0
    }

    #[inline(always)]
    fn before(self) -> Unwinding {
        Unwinding(self.0 & Held::UNWINDING != 0)
    }
}

/// Whether a holder died with the lock that was taken from `seen`; `None` if it was held.
#[inline(always)]
fn taken_from(seen: u32) -> Option<bool> {
    (seen & HOLDER == FREE).then_some(seen & DIED != 0)
}

impl<W: Wake> Word<W> {
    /// Whether the caller unwinds. Call it before the lock is taken.
    #[inline(always)]
    pub(super) fn unwinding(&self) -> Unwinding {
        Unwinding(self.how.is_unwinding())
    }

    /// Whether the caller began to unwind after `before` was recorded: then it may leave the value
    /// half changed.
    #[inline(always)]
    pub(super) fn has_unwound(&self, before: Unwinding) -> bool {
        self.how.is_unwinding() && !before.0
    }

    /// Transition 3. The caller holds the lock. `died`: the next holder shall learn of a death.
    #[inline]
    pub(super) fn release(&self, died: bool) {
        let left = if died { DIED } else { FREE };
        if !needs_wake::<W>() {
            // Nobody sets WAITERS, so that only the holder changes the word. SYNC POINT with
            // transition 1 and the load in `died_if_free`, release: the next holder sees what this
            // one wrote.
            self.state.store_as_holder(left, Ordering::Release);
            return;
        }
        let seen = self.leave(left);
        if seen & WAITERS != 0 {
            self.wake_one();
        }
    }

    /// [`release`](Self::release) by a guard. The next holder also learns if this one panicked
    /// meanwhile.
    #[inline]
    pub(super) fn release_held(&self, held: Held) {
        self.release(held.died() || self.has_unwound(held.before()));
    }

    /// Wakes one of those that sleep.
    #[cold]
    pub(super) fn wake_one(&self) {
        self.how.wake(self.state.as_atomic(), 1);
    }

    /// Transition 4, if `dead` holds the lock; whether it did. Wakes all that sleep in any case.
    ///
    /// # Safety
    /// `dead` takes no further step, and what it wrote is visible here.
    pub(super) unsafe fn recover(&self, dead: Participant) -> bool {
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here.
        let held = unsafe { self.recover_silently(dead) };
        self.wake_all();
        held
    }

    /// [`recover`](Self::recover) without waking. The caller calls [`wake_all`](Self::wake_all)
    /// next.
    ///
    /// # Safety
    /// `dead` takes no further step, and what it wrote is visible here.
    pub(super) unsafe fn recover_silently(&self, dead: Participant) -> bool {
        let next = |seen| (seen & HOLDER == name(dead)).then_some(DIED);
        // SYNC POINT with transition 1 and the load in `died_if_free`, release: the next holder
        // sees what the dead one wrote, as this caller does. The caller sees it, so that the
        // update begins with a word at least as new as the dead holder's last store.
        self.state.update(Ordering::Release, next).is_ok()
    }

    /// Wakes all that sleep.
    pub(super) fn wake_all(&self) {
        self.how.wake(self.state.as_atomic(), u32::MAX);
    }
}

impl<W: Wait> Word<W> {
    /// [`acquire`](Self::acquire) without a deadline. It does not fail.
    #[inline]
    pub(super) fn acquire_at_last(&self, me: Participant) -> bool {
        loop {
            // If a `Wait` reports a timeout all the same, this keeps waiting.
            if let Ok(died) = self.acquire(me, None) {
                return died;
            }
        }
    }
}

impl<W: Register> Word<W> {
    /// A task that waited gives up: another is woken instead.
    #[cold]
    pub(super) fn pass_on(&self) {
        self.how.pass_on(self.state.as_atomic());
    }

    /// Transition 1 if the lock is free, otherwise transition 2 for a task. Whether a holder died
    /// with the lock.
    ///
    /// `waited`: whether the task may have been woken. If it was, others may sleep that were not,
    /// and the task takes WAITERS with the lock for their sake.
    pub(super) fn poll_acquire(
        &self,
        me: Participant,
        waited: bool,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        if let Some(died) = (!waited).then(|| self.try_acquire(me)).flatten() {
            return Poll::Ready(died);
        }
        let seen = self.take_or_mark(me);
        if let Some(died) = taken_from(seen) {
            return Poll::Ready(died);
        }
        self.how.register(self.state.as_atomic(), seen | WAITERS, cx.waker());
        Poll::Pending
    }
}
