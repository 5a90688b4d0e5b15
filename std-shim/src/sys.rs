//! Helpers around system calls that many files need.

pub(crate) mod pidfd;

use crate::Result;
use crate::error::{Asked, refused};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Implements `AsFd` and `AsRawFd` for a type, given the expression for its descriptor.
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

/// The errno of the call that has just failed in this thread.
pub(crate) fn last_errno() -> Errno {
    errno(&io::Error::last_os_error())
}

/// The value that a system call returned, or the errno if it failed.
pub(crate) fn answer(result: impl Into<libc::c_long>) -> rustix::io::Result<libc::c_long> {
    match result.into() {
        -1 => Err(last_errno()),
        answer => Ok(answer),
    }
}

/// Has the number `old` refer to what `new` refers to, close-on-exec, and closes what `old` was
/// (`dup3(2)`, by its number: `libc` has no function for Android).
///
/// # Safety
/// The caller owns `old`, and no other handle uses what it refers to.
pub(crate) unsafe fn replace(new: RawFd, old: RawFd) -> rustix::io::Result<()> {
    // SAFETY: the call touches no memory of this process, and the caller owns the number that it
    // closes.
    answer(unsafe { libc::syscall(libc::SYS_dup3, new, old, libc::O_CLOEXEC) }).map(drop)
}

/// Makes an empty `sigset_t`.
pub(crate) fn no_signals() -> libc::sigset_t {
    // SAFETY: a `sigset_t` has only integers, so all zeroes is valid.
    let mut set = unsafe { std::mem::MaybeUninit::zeroed().assume_init() };
    // SAFETY: `set` is a local variable of that type.
    unsafe { libc::sigemptyset(&mut set) };
    set
}

/// The errno of an error of the standard library.
pub(crate) fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// Locks a mutex, also after a panic.
///
/// Its value is only changed by single assignments, so a panic cannot leave it half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a file of memory that has no name, and that can be sealed. An error says that `operation`
/// failed.
pub(crate) fn memory_file(name: &str, operation: &'static str) -> Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // A system may refuse files that could be executed (vm.memfd_noexec). Before Linux 6.3 there is
    // no such flag.
    let made = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(name, flags),
        made => made,
    };
    made.asked(operation, refused!("memfd_create(2)"))
}

/// Seals a file of memory. An error says that `operation` failed.
pub(crate) fn seal(file: &OwnedFd, seals: SealFlags, operation: &'static str) -> Result<()> {
    fcntl_add_seals(file, seals).asked(operation, refused!("fcntl(2) with F_ADD_SEALS"))
}

/// The kernel's path for an open file. Opening it makes another file description.
pub(crate) fn alias(fd: impl AsFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}
