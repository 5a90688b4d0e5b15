//! Whose turn it is: what several contexts that share one side of a channel pass among themselves.

use crate::sync::{Cell, Ordering, RmwU32, const_unless_loom};
use crate::wait::{Doorbell, Wait};

/// A turn that one context at a time has, for a bounded piece of work in which it never sleeps.
///
/// Taking never waits, so that an interrupt which finds the turn with the context that it interrupted can say so
/// and return. Who wants to wait sleeps on a doorbell of the channel, which whoever passes the turn on rings if
/// [`pass`](Self::pass) says that it was wanted.
///
/// Whoever wakes somebody in a turn runs code of others there, which may panic: a guard passes the turn on
/// ([`Taken`]).
#[derive(Debug)]
pub(super) struct Turn {
    word: RmwU32,
}

/// Somebody has the turn.
const TAKEN: u32 = 1;
/// And somebody else asked for it meanwhile.
const WANTED: u32 = 2;

impl Turn {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Turn { word: RmwU32::new(0) }
        }
    }

    /// Takes the turn, or says no and has the one who has it know that it is wanted.
    pub(super) fn try_take(&self) -> bool {
        // Acquire, here and below: partner is the release in `pass`. What was done in the turns before is seen in
        // this one.
        if self.word.fetch_or(TAKEN, Ordering::Acquire) & TAKEN == 0 {
            return true;
        }
        // It may have been passed on in between; then it is ours, and `WANTED` costs one needless ring.
        // Release: partner is the acquire in `pass`. Who learns that the turn is wanted sees what for.
        self.word.fetch_or(TAKEN | WANTED, Ordering::AcqRel) & TAKEN == 0
    }

    /// Passes the turn on; the answer is whether somebody asked for it, who may be asleep by now.
    pub(super) fn pass(&self) -> bool {
        // Release and acquire: partners are the acquire and the release in `try_take`.
        self.word.swap(0, Ordering::AcqRel) & WANTED != 0
    }
}

/// The turn, while it is ours. Dropped, it is passed on, and those who wait for it are woken.
#[derive(Debug)]
pub(super) struct Taken<'a, W: Wait> {
    turn: &'a Turn,
    bell: &'a Doorbell<W>,
}

impl<'a, W: Wait> Taken<'a, W> {
    /// Takes the turn, if nobody has it; `bell` is what others sleep on who want it.
    #[inline(always)]
    pub(super) fn take(turn: &'a Turn, bell: &'a Doorbell<W>) -> Option<Self> {
        // Lazily: a guard that is made and dropped passes on the turn that another context has.
        turn.try_take().then(|| Taken { turn, bell })
    }
}

impl<W: Wait> Drop for Taken<'_, W> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.turn.pass() {
            self.bell.ring();
        }
    }
}

/// A value that is touched by the one who has the turn, and by nobody else.
#[derive(Debug)]
pub(super) struct InTurn<T>(Cell<T>);

// SAFETY: every access is made in the turn, by the contracts below, which is with one context at a time and orders
// it after those before.
unsafe impl<T: Send> Sync for InTurn<T> {}

impl<T: Copy> InTurn<T> {
    const_unless_loom! {
        pub(super) fn new(value: T) -> Self {
            InTurn(Cell::new(value))
        }
    }

    /// # Safety
    /// The caller has the turn that this value goes with.
    pub(super) unsafe fn get(&self) -> T {
        // SAFETY: by the caller's word nobody else touches it now.
        self.0.with(|value| unsafe { *value })
    }

    /// # Safety
    /// The caller has the turn that this value goes with.
    pub(super) unsafe fn set(&self, new: T) {
        // SAFETY: by the caller's word nobody else touches it now.
        self.0.with_mut(|value| unsafe { *value = new });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::wait::Spin;

    #[test]
    fn one_that_does_not_get_the_turn_leaves_it_with_whoever_has_it() {
        let (turn, bell) = (Turn::new(), Doorbell::<Spin>::new());
        let taken = Taken::take(&turn, &bell).expect("nobody has it");
        assert!(Taken::take(&turn, &bell).is_none());
        assert!(!turn.try_take(), "it is still taken");
        drop(taken);
        assert!(Taken::take(&turn, &bell).is_some());
    }
}
