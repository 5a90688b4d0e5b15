//! A broken pipe is an error, not a death.
//!
//! A write to a pipe that nobody reads fails with `EPIPE`, and before that the kernel sends the writing thread a
//! `SIGPIPE`, which ends the process unless it is ignored or handled. Rust's runtime ignores it before `main`. A
//! library may be linked where that did not happen: into a C program, or into a program that chose to die of it.
//!
//! What this does not do is change the disposition: it belongs to the program, every thread shares it, and an ignored
//! signal is inherited through `exec` by children that rely on it. What it does instead, per write, and
//! only where the disposition is the default:
//!
//! | where | how | cost |
//! |---|---|---|
//! | the signal is ignored or handled | a plain `write(2)` | none |
//! | Linux 6.18 and later | `pwritev2(2)` with `RWF_NOSIGNAL` | a few percent of a small write |
//! | elsewhere, and for `splice(2)` and `tee(2)` | block the signal in this thread, write, take back what our write raised, unblock | four system calls |
//!
//! The signal of a write goes to the thread that wrote, so that the last way can take it back without a race. One
//! that was pending before is left pending: it is not ours.
//!
//! An end looks at the disposition once, when it is made ([`kills`]); the functions that know only a
//! descriptor look each time. So a program that sets `SIGPIPE` to its default does it before it makes its ends. Sockets have a flag of their own,
//! `MSG_NOSIGNAL`, and need none of this.

use rustix::io::{self, Errno};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::ptr;

/// Whether a `SIGPIPE` would end this process now.
#[doc(alias = "sigaction")]
pub(crate) fn kills() -> bool {
    let mut old = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call only fills `old`, which is ours and large enough.
    let result = unsafe { libc::sigaction(libc::SIGPIPE, ptr::null(), old.as_mut_ptr()) };
    // SAFETY: the call succeeded, so that it filled `old`.
    result == 0 && unsafe { old.assume_init_ref() }.sa_sigaction == libc::SIG_DFL
}

/// `write(2)` where a `SIGPIPE` would end the process: it fails with `EPIPE` and nothing else happens.
pub(crate) fn write(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    match super::raw::write_with(fd, buf, super::raw::NOSIGNAL) {
        // This kernel, or this file, does not know the flag; a socket or a pipe always says so before it writes.
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::SPIPE) => {}
        other => return other,
    }
    blocked(|| io::write(fd, buf))
}

/// Runs one system call that may raise `SIGPIPE`, in a program where that may be deadly.
pub(crate) fn without<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if kills() { blocked(call) } else { call() }
}

/// Runs one system call with `SIGPIPE` blocked in this thread, and takes back the one that the call raised.
fn blocked<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let (set, old, pending) = block();
    let result = call();
    if matches!(result, Err(Errno::PIPE)) && !pending {
        take_back(&set);
    }
    // SAFETY: `old` was filled by the call that blocked, of this thread; no old mask is asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut()) };
    result
}

/// Blocks the signal in this thread: the set that holds it alone, the mask of before, and whether one was
/// pending already.
fn block() -> (libc::sigset_t, libc::sigset_t, bool) {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut old = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut pending = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the three sets are ours; `sigemptyset` makes the first a valid set, whatever was in it.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: the set was just made valid, and the signal's number is one that exists.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE) };
    // SAFETY: as above. It fills `old` before it blocks.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), old.as_mut_ptr()) };
    // SAFETY: the set is ours, to be filled.
    unsafe { libc::sigpending(pending.as_mut_ptr()) };
    // SAFETY: zeroed, and filled by `sigpending`: a valid set either way.
    let was_pending = unsafe { libc::sigismember(pending.as_ptr(), libc::SIGPIPE) } == 1;
    // SAFETY: `sigemptyset` and `sigaddset` filled it.
    let set = unsafe { set.assume_init() };
    // SAFETY: zeroed, and filled by `pthread_sigmask`.
    let old = unsafe { old.assume_init() };
    (set, old, was_pending)
}

/// Takes the pending `SIGPIPE` of this thread, which is blocked here, so that unblocking delivers nothing.
#[cfg(not(target_os = "macos"))]
fn take_back(set: &libc::sigset_t) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid set and a valid time; no information about the signal is asked for.
    while unsafe { libc::sigtimedwait(set, ptr::null_mut(), &now) } == -1
        && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
    {}
}

/// The same without `sigtimedwait`: the signal is pending, so that `sigwait` returns at once.
#[cfg(target_os = "macos")]
fn take_back(set: &libc::sigset_t) {
    let mut pending = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set is ours, to be filled.
    unsafe { libc::sigpending(pending.as_mut_ptr()) };
    // SAFETY: zeroed, and filled by `sigpending`.
    if unsafe { libc::sigismember(pending.as_ptr(), libc::SIGPIPE) } == 1 {
        let mut taken = 0;
        // SAFETY: a valid set whose one signal is blocked in this thread and pending.
        unsafe { libc::sigwait(set, &mut taken) };
    }
}
