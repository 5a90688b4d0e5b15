//! The lock-free protocol, for targets that swap words of 64 bits. Twin of `section`.
//!
//! The [queue](super) draws its steps, and [`word`] lists the states of its words.

mod attempts;
#[cfg(not(loom))]
mod bundle;
mod probe;
mod quick;
mod recovery;
mod shared;
mod steps;
#[cfg(all(test, not(loom)))]
mod tests;
mod word;

#[cfg(not(loom))]
pub(super) use self::bundle::{Bundle, WORDS, bundle_size};
pub(super) use self::shared::{Cell, Ends, Shared};
pub(super) use self::word::MAX_SLOTS;
/// How often a message was claimed: see [`attempts`].
pub(super) use crate::sync::AtomicU64 as Tries;

use self::word::Position;

/// A slot that a producer took and has not committed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    slot: usize,
    /// The tail when the slot was taken: where to start looking for the message's position.
    from: Position,
}

impl Taken {
    #[inline(always)]
    pub(super) fn slot(self) -> usize {
        self.slot
    }
}

/// A message that a consumer claimed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimed {
    slot: usize,
    position: Position,
}

impl Claimed {
    #[inline(always)]
    pub(super) fn slot(self) -> usize {
        self.slot
    }

    /// The message's position in the order of a queue of this capacity.
    pub(super) fn position(self, capacity: usize) -> u64 {
        self.position.ordinal(capacity)
    }
}
