//! The words of a queue that a side reads only when nothing waits, or when a claim or a
//! registration ends. A microcontroller without caches saves the memory for them.

use super::registry::Registry;
use crate::sync::{AtomicU32, Ordering, RmwU32, const_unless_loom};

/// The limit of attempts, and the count of messages that reached it.
#[derive(Debug)]
#[repr(C)]
struct Limit {
    /// The largest number of claims of one message; 0 is no limit.
    max: AtomicU32,
    /// The count of messages that were given up.
    refused: RmwU32,
}

impl Limit {
    const_unless_loom! {
        fn new() -> Self {
            Limit { max: AtomicU32::new(0), refused: RmwU32::new(0) }
        }
    }
}

/// What a side reads only when nothing waits, or when a claim or a registration ends.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Rare {
    limit: Limit,
    pub(super) producers: Registry,
}

impl Rare {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Rare { limit: Limit::new(), producers: Registry::new() }
        }
    }

    pub(super) fn max_attempts(&self) -> u16 {
        // Relaxed: the number publishes nothing else.
        self.limit.max.load(Ordering::Relaxed) as u16
    }

    pub(super) fn set_max_attempts(&self, max: u16) {
        // Relaxed: the number publishes nothing else.
        self.limit.max.store(max.into(), Ordering::Relaxed);
    }

    pub(super) fn refused(&self) -> u32 {
        // Relaxed: the number publishes nothing else.
        self.limit.refused.load(Ordering::Relaxed)
    }

    /// Counts a message that was given up. Call it after its slot was freed: a participant that
    /// dies in between leaves the message uncounted.
    pub(super) fn count_refused(&self) {
        // Relaxed: the number publishes nothing else.
        self.limit.refused.fetch_add(1, Ordering::Relaxed);
    }
}
