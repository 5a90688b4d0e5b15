//! What many files say to the system, or of what it says.

use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// `AsFd` and `AsRawFd` of a type, by what it has the descriptor in.
macro_rules! descriptor {
    ($(#[$doc:meta])* $({$($of:tt)+})? $Type:ty, |$it:ident| $held:expr) => {
        impl $(<$($of)+>)? std::os::fd::AsFd for $Type {
            $(#[$doc])*
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                let $it = self;
                std::os::fd::AsFd::as_fd(&$held)
            }
        }

        impl $(<$($of)+>)? std::os::fd::AsRawFd for $Type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsRawFd::as_raw_fd(&std::os::fd::AsFd::as_fd(self))
            }
        }
    };
}
pub(crate) use descriptor;

/// The errno of the call that just failed, in this thread.
pub(crate) fn last_errno() -> Errno {
    errno(&io::Error::last_os_error())
}

/// What a system call answered, or the errno of one that failed.
pub(crate) fn answer(result: impl Into<libc::c_long>) -> rustix::io::Result<libc::c_long> {
    match result.into() {
        -1 => Err(last_errno()),
        answer => Ok(answer),
    }
}

/// A set of signals, as the C library has it, with none in it.
pub(crate) fn no_signals() -> libc::sigset_t {
    // SAFETY: numbers alone: all zeroes are such.
    let mut set = unsafe { std::mem::MaybeUninit::zeroed().assume_init() };
    // SAFETY: the set is ours.
    unsafe { libc::sigemptyset(&mut set) };
    set
}

/// The number of what the standard library reports.
pub(crate) fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// Locks what is put in place by single assignments: a panic elsewhere leaves it whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The kernel's name for an open file. Opening it gives another description.
pub(crate) fn alias(fd: impl AsFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}
