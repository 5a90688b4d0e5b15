//! Telling a copy of the process, which a fork made, from the process that it is a copy of.

use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between the first process that loaded this module and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The number of this process among its ancestors: a copy has another one than its parent.
pub fn count() -> u32 {
    // Relaxed, here and below: no partner. It changes only in a copy, before that has a second
    // thread.
    FORKS.load(Ordering::Relaxed)
}

/// Has every later copy of this process count itself.
pub fn watch() {
    unsafe extern "C" fn in_copy() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the function lives as long as the program, and does what is allowed in a copy: it
        // changes one atomic.
        let failed = unsafe { libc::pthread_atfork(None, None, Some(in_copy)) };
        assert_eq!(failed, 0, "no memory for a handler of forks");
    });
}

/// A value that belongs to the process that made it.
///
/// In a copy of the process, dropping it does nothing.
pub struct Ours<T> {
    value: ManuallyDrop<T>,
    forks: u32,
}

impl<T> Ours<T> {
    pub fn new(value: T) -> Self {
        Ours { value: ManuallyDrop::new(value), forks: count() }
    }

    /// The value, in the process that made it.
    pub fn get(&self) -> Option<&T> {
        (self.forks == count()).then_some(&*self.value)
    }

    /// The value, also in a copy, whose use is up to the caller.
    pub fn get_anyway(&self) -> &T {
        &self.value
    }

    /// The value, in the process that made it.
    pub fn into_inner(self) -> Option<T> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, and the value is taken once.
        (this.forks == count()).then(|| unsafe { ManuallyDrop::take(&mut this.value) })
    }
}

impl<T> Drop for Ours<T> {
    fn drop(&mut self) {
        if self.forks == count() {
            // SAFETY: nothing uses the value afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}
