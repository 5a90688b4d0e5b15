//! A timer that reads no clock: its owner tells it how much time passed.

/// A countdown in ticks, stored as the complement of the ticks left.
///
/// 0 is off, and all ones is due. So the timers of a new link are zeros, which cost no flash, and
/// the timer that is due first is the largest. It does not wrap: once it is due, it stays so,
/// however much time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(u32);

/// The number of ticks that never pass.
pub(super) const NEVER: u32 = u32::MAX;

impl Timer {
    pub(super) const OFF: Timer = Timer(0);

    /// Creates a timer that is due after `ticks`; off for 0 and [`NEVER`].
    #[inline(never)]
    pub(super) fn after(ticks: u32) -> Self {
        if ticks == 0 { Timer::OFF } else { Timer(!ticks) }
    }

    pub(super) fn elapse(&mut self, ticks: u32) {
        if *self != Self::OFF {
            self.0 = self.0.saturating_add(ticks);
        }
    }

    pub(super) fn is_due(self) -> bool {
        self.left() == 0
    }

    /// Returns how many ticks are left; [`NEVER`] if the timer is off.
    pub(super) fn left(self) -> u32 {
        !self.0
    }
}
