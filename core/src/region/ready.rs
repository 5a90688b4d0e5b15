//! Whether memory is laid out.

use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// A word that says that what lies beside it is laid out, once and for all.
///
/// ```
/// use ringway_core::region::Ready;
/// let ready = Ready::new();
/// assert!(!ready.is_set());
/// ready.set();
/// assert!(ready.is_set());
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct Ready(AtomicU32);

const READY: u32 = 1;

impl Ready {
    const_unless_loom! {
        /// Not yet.
        pub fn new() -> Self {
            Ready(AtomicU32::new(0))
        }
    }

    /// Says so. Everything that was written before is seen by whoever finds it said.
    pub fn set(&self) {
        // Release: partner is the acquire in `is_set`.
        self.0.store(READY, Ordering::Release);
    }

    /// Whether it was said.
    pub fn is_set(&self) -> bool {
        // Acquire: partner is the release in `set`.
        self.0.load(Ordering::Acquire) == READY
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}
