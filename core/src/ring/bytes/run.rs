//! The contiguous bytes in front of a side, as far as the side knows them.

use crate::ring::position;
use crate::storage::Capacity;
use crate::sync::Cached;

/// The bytes in front of a side that belong to it and are contiguous.
///
/// An operation within the run needs neither the capacity nor the other side. So a view takes as
/// many steps for it as a ring with a constant capacity. Where nothing is cached (see [`Cached`]),
/// there is no run.
///
/// It lies within the bytes that the side's last look found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// The position at which this lap of the memory began: 0, or the capacity.
    lap: Cached,
    /// The position to which the side can advance without a check. It is at most the last of the
    /// lap, so that nothing wraps.
    to: Cached,
}

impl Run {
    /// No run.
    pub(super) const NONE: Self = Run { lap: Cached::new(0), to: Cached::new(0) };

    /// The run of `len` bytes from `position` on. They belong to the side and are contiguous.
    #[inline(always)]
    pub(super) fn new(n: impl Capacity, position: u32, len: u32) -> Self {
        let at = position::offset(n, position);
        Run {
            lap: Cached::new(position - at),
            to: Cached::new(position + len.min(n.get() - 1 - at)),
        }
    }

    /// Whether the run holds `count` bytes from `position` on, and the lap continues after them.
    /// `position` is that of the side.
    #[inline(always)]
    pub(super) fn holds(self, position: u32, count: usize) -> bool {
        // No overflow: a position is at most 2^31, and so is the length of a slice where `usize`
        // has 32 bits.
        self.to.get().is_some_and(|to| position as usize + count <= to as usize)
    }

    /// The position at which this lap began, and the one to which the side can advance without a
    /// check. `None` where nothing is cached.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) fn reach(self) -> Option<(u32, u32)> {
        Some((self.lap.get()?, self.to.get()?))
    }

    /// The slot at `position`, the position of the side. It is computed from the lap if there is a
    /// run.
    #[inline(always)]
    pub(super) fn at(self, n: impl Capacity, position: u32) -> u32 {
        match self.lap.get() {
            Some(lap) => position - lap,
            None => position::offset(n, position),
        }
    }
}
