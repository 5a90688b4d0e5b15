//! A flag that says that memory is laid out.

use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// A word that says, once and for all, that the memory beside it is laid out.
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
        /// A flag that is not set.
        pub fn new() -> Self {
            Ready(AtomicU32::new(0))
        }
    }

    /// Sets the flag. Those that find it set see everything that was written before.
    pub fn set(&self) {
        // SYNC POINT with the load in `is_set`, release: what was written before is seen with the
        // flag.
        self.0.store(READY, Ordering::Release);
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        // SYNC POINT with the store in `set`, acquire: what was written before is seen with the
        // flag.
        self.0.load(Ordering::Acquire) == READY
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}
