//! Repeats calls that a signal interrupted.

use rustix::io::{self, Errno};

/// Repeats a call as long as a signal interrupts it.
#[inline(always)]
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}
