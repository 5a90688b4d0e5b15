//! A signal does not end an operation.

use rustix::io::{self, Errno};

/// Makes a call again as long as a signal interrupts it.
#[inline(always)]
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}
