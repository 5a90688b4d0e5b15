//! What many files say to the system, or of what it says.

use rustix::io::Errno;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The errno of the call that just failed, in this thread.
pub(crate) fn last_errno() -> Errno {
    errno(&io::Error::last_os_error())
}

/// The number of what the standard library reports.
pub(crate) fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// Locks what is put in place by single assignments: a panic elsewhere leaves it whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
