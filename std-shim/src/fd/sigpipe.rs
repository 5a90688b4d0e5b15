//! A broken pipe is an error, not a death; and a file that became too large is.
//!
//! What is done, and why so, is told in [`fd`](super): the disposition of `SIGPIPE` is the
//! program's and is not changed. An end looks at it once, when it is made ([`kills`]); the
//! functions that know only a descriptor look each time.

use crate::sys::no_signals;
use rustix::io::{self, Errno};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::ptr;

/// `RWF_NOSIGNAL`, since Linux 6.18.
pub(super) const NOSIGNAL: io::ReadWriteFlags = io::ReadWriteFlags::from_bits_retain(0x100);

/// `pwritev2(2)` at the file's own position.
pub(super) fn write_with(
    fd: BorrowedFd<'_>,
    buf: &[u8],
    flags: io::ReadWriteFlags,
) -> io::Result<usize> {
    io::pwritev2(fd, &[io::IoSlice::new(buf)], u64::MAX, flags)
}

/// Whether a `SIGPIPE` would end this process now.
#[doc(alias = "sigaction")]
pub(crate) fn kills() -> bool {
    let mut old = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call only fills `old`, which is ours and large enough.
    let result = unsafe { libc::sigaction(libc::SIGPIPE, ptr::null(), old.as_mut_ptr()) };
    // SAFETY: the call succeeded, so that it filled `old`.
    result == 0 && unsafe { old.assume_init_ref() }.sa_sigaction == libc::SIG_DFL
}

/// `write(2)` where a `SIGPIPE` would end the process: it fails with `EPIPE` and nothing else
/// happens.
pub(crate) fn write(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    match write_with(fd, buf, NOSIGNAL) {
        // This kernel, or this file, does not know the flag; a socket or a pipe always says so
        // before it writes.
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::SPIPE | Errno::PERM) => {}
        other => return other,
    }
    blocked(&PIPE, || io::write(fd, buf))
}

/// Runs one system call that may raise `SIGPIPE`, in a program where that may be deadly.
pub(crate) fn without<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if kills() { blocked(&PIPE, call) } else { call() }
}

/// Runs one system call that may make a file larger than this process is allowed to: it fails with
/// `EFBIG`, and no `SIGXFSZ` comes, which ends a process that does not expect it.
pub(crate) fn without_xfsz<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    blocked(&XFSZ, call)
}

/// A signal that the kernel sends to the thread whose call fails, and the error of that call.
struct Raised {
    signal: libc::c_int,
    errno: Errno,
}

const PIPE: Raised = Raised { signal: libc::SIGPIPE, errno: Errno::PIPE };
const XFSZ: Raised = Raised { signal: libc::SIGXFSZ, errno: Errno::FBIG };

/// Runs one system call with a signal blocked in this thread, and takes back the one that the call
/// raised.
fn blocked<T>(raised: &Raised, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let (set, old, pending) = block(raised.signal);
    let result = call();
    if matches!(result, Err(errno) if errno == raised.errno) && !pending {
        take_back(&set);
    }
    // SAFETY: `old` was filled by the call that blocked, of this thread; no old mask is asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut()) };
    result
}

/// Blocks the signal in this thread: the set that holds it alone, the mask of before, and whether
/// one was pending already.
fn block(signal: libc::c_int) -> (libc::sigset_t, libc::sigset_t, bool) {
    let [mut set, mut old, mut pending] = [no_signals(); 3];
    // SAFETY: the set is ours, and the signal's number is one that exists.
    unsafe { libc::sigaddset(&mut set, signal) };
    // SAFETY: both sets are ours. It fills `old` before it blocks.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut old) };
    // SAFETY: the set is ours, to be filled.
    unsafe { libc::sigpending(&mut pending) };
    // SAFETY: a valid set, also if it was not filled.
    let was_pending = unsafe { libc::sigismember(&pending, signal) } == 1;
    (set, old, was_pending)
}

/// Takes the pending signal of this thread, which is blocked here, so that unblocking delivers
/// nothing.
fn take_back(set: &libc::sigset_t) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid set and a valid time; no information about the signal is asked for.
    while unsafe { libc::sigtimedwait(set, ptr::null_mut(), &now) } == -1
        && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
    {}
}
