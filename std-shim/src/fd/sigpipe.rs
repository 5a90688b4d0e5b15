//! Makes a broken pipe, and a file that grows too large, an error instead of a death.
//!
//! [`fd`](super) explains the ways and the reasons. The disposition of `SIGPIPE` is the program's
//! and is not changed. An end reads it once, when it is made ([`kills`]). The functions that know
//! only a descriptor read it each time.

use super::vectored::{ReadWriteFlags, pwritev2};
use crate::sys::no_signals;
use rustix::io::{self, Errno};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::ptr;

/// `RWF_NOSIGNAL`, since Linux 6.18.
pub(super) const NOSIGNAL: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x100);

/// Calls `pwritev2(2)` at the file's own position.
pub(super) fn write_with(
    fd: BorrowedFd<'_>,
    buf: &[u8],
    flags: ReadWriteFlags,
) -> io::Result<usize> {
    pwritev2(fd, &[io::IoSlice::new(buf)], u64::MAX, flags)
}

/// Whether a `SIGPIPE` would end this process now.
#[doc(alias = "sigaction")]
pub(crate) fn kills() -> bool {
    let mut old = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the null pointer asks for the current action alone, and `old` is a local place for
    // one.
    let result = unsafe { libc::sigaction(libc::SIGPIPE, ptr::null(), old.as_mut_ptr()) };
    // SAFETY: `sigaction` succeeded, so it filled `old`.
    result == 0 && unsafe { old.assume_init_ref() }.sa_sigaction == libc::SIG_DFL
}

/// Writes where a `SIGPIPE` would end the process: the write fails with `EPIPE` and no signal
/// comes.
pub(crate) fn write(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    match write_with(fd, buf, NOSIGNAL) {
        // This kernel or this file does not know the flag. A socket or a pipe reports that before
        // it writes anything.
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::SPIPE | Errno::PERM) => {}
        other => return other,
    }
    blocked(&PIPE, || io::write(fd, buf))
}

/// Runs one system call that may raise `SIGPIPE`, in a program that the signal may end.
pub(crate) fn without<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if kills() { blocked(&PIPE, call) } else { call() }
}

/// Runs one system call that may make a file larger than this process is allowed to.
///
/// The call fails with `EFBIG`. No `SIGXFSZ` comes, which ends a process that does not expect it.
pub(crate) fn without_xfsz<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    blocked(&XFSZ, call)
}

/// A signal that the kernel sends to the thread whose call fails, and the errno of that call.
struct Raised {
    signal: libc::c_int,
    errno: Errno,
}

const PIPE: Raised = Raised { signal: libc::SIGPIPE, errno: Errno::PIPE };
const XFSZ: Raised = Raised { signal: libc::SIGXFSZ, errno: Errno::FBIG };

/// Runs one system call with a signal blocked in this thread, and takes back the signal that it
/// raised.
fn blocked<T>(raised: &Raised, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let (set, old, pending) = block(raised.signal);
    let result = call();
    if matches!(result, Err(errno) if errno == raised.errno) && !pending {
        take_back(&set);
    }
    // SAFETY: `block` filled `old` with this thread's mask, and null asks for no old mask.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut()) };
    result
}

/// Blocks the signal in this thread.
///
/// Returns the set with this signal alone, the mask before, and whether the signal was pending
/// already.
fn block(signal: libc::c_int) -> (libc::sigset_t, libc::sigset_t, bool) {
    let [mut set, mut old, mut pending] = [no_signals(); 3];
    // SAFETY: `set` is an initialised set in a local variable, and `signal` is the number of a
    // signal.
    unsafe { libc::sigaddset(&mut set, signal) };
    // SAFETY: both sets are local variables, and `set` is initialised. The call fills `old` before
    // it blocks.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut old) };
    // SAFETY: `pending` is a set in a local variable, which the call fills.
    unsafe { libc::sigpending(&mut pending) };
    // SAFETY: `pending` is an initialised set, even if the call before failed.
    let was_pending = unsafe { libc::sigismember(&pending, signal) } == 1;
    (set, old, was_pending)
}

/// Takes this thread's pending signal, which is blocked, so that unblocking delivers nothing.
fn take_back(set: &libc::sigset_t) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `set` and `now` are initialised, and null asks for no information about the signal.
    while unsafe { libc::sigtimedwait(set, ptr::null_mut(), &now) } == -1
        && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
    {}
}
