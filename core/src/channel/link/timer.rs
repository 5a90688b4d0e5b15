//! A timer that is told how much time passed.

/// What is left of a number of ticks, as its complement: 0 is off, all ones is due. So the timers
/// of a new link are zeros, which cost no flash, and the one that is due first is the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(u32);

/// So many ticks do not pass.
pub(super) const NEVER: u32 = u32::MAX;

impl Timer {
    pub(super) const OFF: Timer = Timer(0);

    /// One that is due after so many ticks; off for [`NEVER`].
    pub(super) fn after(ticks: u32) -> Self {
        Timer(!ticks)
    }

    pub(super) fn elapse(&mut self, ticks: u32) {
        if *self != Self::OFF {
            self.0 = self.0.saturating_add(ticks);
        }
    }

    pub(super) fn is_due(self) -> bool {
        self.left() == 0
    }

    /// How many ticks are left.
    pub(super) fn left(self) -> u32 {
        !self.0
    }
}
