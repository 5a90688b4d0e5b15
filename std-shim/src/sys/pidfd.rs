//! Processes held by descriptors: `pidfd_open(2)`, and `waitid(2)` on a pidfd.
//!
//! Called through the C library, since `rustix` leaves both out on Android.

use super::answer;
use rustix::io::{Errno, Result};
use rustix::process::Pid;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Opens a pidfd of a process, close-on-exec.
pub(crate) fn open(pid: Pid) -> Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory of this process.
    let fd = answer(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw_pid(), 0) })?;
    // SAFETY: the call has just opened this descriptor, which fits into an `int` as every one
    // does, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exited(i32),
    Killed(i32),
}

/// Waits until the child ends, and removes its zombie.
///
/// `EINTR` if a signal handler ran.
pub(crate) fn wait(pidfd: BorrowedFd<'_>) -> Result<End> {
    // `None` does not occur: the call waits, and asks only for an end.
    wait_id(pidfd, libc::WEXITED)?.ok_or(Errno::AGAIN)
}

/// Removes the child's zombie if it has ended; `None` if it runs.
pub(crate) fn try_wait(pidfd: BorrowedFd<'_>) -> Result<Option<End>> {
    wait_id(pidfd, libc::WEXITED | libc::WNOHANG)
}

fn wait_id(pidfd: BorrowedFd<'_>, options: libc::c_int) -> Result<Option<End>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // An open descriptor's number is not negative.
    let id = pidfd.as_raw_fd() as libc::id_t;
    // SAFETY: `info` is a local place for a `siginfo_t`.
    answer(unsafe { libc::waitid(libc::P_PIDFD, id, info.as_mut_ptr(), options) })?;
    // SAFETY: all zeroes is a valid `siginfo_t`, and the call wrote nothing else or a whole one.
    let info = unsafe { info.assume_init() };
    if info.si_signo != libc::SIGCHLD {
        return Ok(None);
    }
    // SAFETY: the number is `SIGCHLD`, so the kernel filled the fields of a child.
    let status = unsafe { info.si_status() };
    Ok(Some(if info.si_code == libc::CLD_EXITED {
        End::Exited(status)
    } else {
        End::Killed(status)
    }))
}
