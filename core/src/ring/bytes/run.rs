//! What lies contiguous in front of a side, as far as it knows.

use crate::ring::position;
use crate::storage::Capacity;
use crate::sync::Cached;

/// The bytes in front of a side that are its own and contiguous. What stays within asks neither for
/// the capacity nor for the other side, so that a view does it in as many steps as a ring whose
/// capacity is a constant.
///
/// Where nothing is kept (see [`Cached`]), there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// The position at which this lap of the memory began: 0, or the capacity.
    lap: Cached,
    /// The position to which the side can go on without a thought: at most the last of the lap, so
    /// that nothing wraps.
    to: Cached,
}

impl Run {
    /// No run.
    pub(super) const NONE: Self = Run { lap: Cached::new(0), to: Cached::new(0) };

    /// The run of `len` bytes from `position` on, which are the side's and contiguous.
    #[inline(always)]
    pub(super) fn new(n: impl Capacity, position: u32, len: u32) -> Self {
        let at = position::offset(n, position);
        Run {
            lap: Cached::new(position - at),
            to: Cached::new(position + len.min(n.get() - 1 - at)),
        }
    }

    /// Whether `count` bytes from `position` on, at which the side stands, are in the run, and the
    /// lap goes on behind them.
    #[inline(always)]
    pub(super) fn holds(self, position: u32, count: usize) -> bool {
        // No overflow: a position is at most 2^31, and so is the length of a slice where that
        // matters.
        self.to.get().is_some_and(|to| position as usize + count <= to as usize)
    }

    /// The slot at `position`, at which the side stands, if there is a run.
    #[inline(always)]
    pub(super) fn at(self, n: impl Capacity, position: u32) -> u32 {
        match self.lap.get() {
            Some(lap) => position - lap,
            None => position::offset(n, position),
        }
    }
}
