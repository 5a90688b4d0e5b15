//! Sends signals to processes, with or without a value.

use super::Signal;
use super::received::to_sigval;
use crate::Result;
use crate::error::{Asked, On, Tried, limit, refused};
use crate::sys::answer;
use rustix::io::Errno;
use rustix::process::Pid;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

/// Sends a signal to a process.
///
/// When a process has ended and was waited for, another process may get its pid. So send only to
/// children that you did not wait for yet, or use [`send_fd`].
///
/// See [`kill(2)`](https://man7.org/linux/man-pages/man2/kill.2.html).
///
/// # Errors
/// [`Cause::Os`](crate::Cause::Os) with `ESRCH` if there is no such process, with `EPERM` if this
/// process may not signal it. [`Exhausted`](crate::CoreError::Exhausted) for a real-time signal if
/// the receiver's user has as many signals queued as allowed (`RLIMIT_SIGPENDING`).
///
/// ```
/// use ringway::signal::{self, Signal};
/// let _quiet = signal::block(Signal::USR1)?;
/// signal::send(ringway::process::id(), Signal::USR1)?;
/// assert_eq!(signal::wait(Signal::USR1)?.value(), None);
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "kill")]
pub fn send(process: Pid, signal: Signal) -> Result<()> {
    // SAFETY: the system call takes two numbers and has no conditions.
    let result = unsafe { libc::kill(process.as_raw_pid(), signal.number()) };
    answer(result).map_err(limit).tried(SEND).on(format_args!("{signal} to process {process}"))?;
    Ok(())
}

/// Sends a signal and a value to a process.
///
/// The kernel queues every [real-time signal](Signal::is_real_time). Of another signal it keeps the
/// first until that is delivered.
///
/// C programs read the lower 32 bits of the value as `si_value.sival_int`. Write a negative one as
/// `-1i32 as usize`.
///
/// See [`sigqueue(3)`](https://man7.org/linux/man-pages/man3/sigqueue.3.html).
///
/// # Errors
/// Those of [`send`]; [`Exhausted`](crate::CoreError::Exhausted) for every signal.
///
/// ```
/// use ringway::signal::{self, Signal};
/// let _quiet = signal::block(Signal::USR1)?;
/// signal::queue(ringway::process::id(), Signal::USR1, -7i32 as usize)?;
/// assert_eq!(signal::wait(Signal::USR1)?.int(), Some(-7));
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "sigqueue")]
#[doc(alias = "rt_sigqueueinfo")]
pub fn queue(process: Pid, signal: Signal, value: usize) -> Result<()> {
    // SAFETY: the system call takes numbers and has no conditions; the kernel does not dereference
    // the value.
    let result = unsafe { libc::sigqueue(process.as_raw_pid(), signal.number(), to_sigval(value)) };
    let refusal = refused_or_forbidden!("rt_sigqueueinfo(2)");
    check(result.into(), signal, format_args!("process {process}"), refusal)
}

/// Sends a signal to the process of a pidfd, never to another one that got its number.
///
/// See [`pidfd_send_signal(2)`](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html).
///
/// # Errors
/// Those of [`send`].
///
/// ```
/// use ringway::process::{self, Entry};
/// use ringway::signal::{self, Signal};
/// const SLEEP: Entry = Entry::new("sleep", |_| loop {
///     std::thread::park();
/// });
/// process::main(&[SLEEP]);
/// let child = process::spawn(&SLEEP, b"", vec![])?;
/// signal::send_fd(&child, Signal::WINCH)?; // it ignores that
/// signal::queue_fd(&child, Signal::TERM, 42)?;
/// assert_eq!(child.join()?.signal(), Some(Signal::TERM));
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "pidfd_send_signal")]
pub fn send_fd(process: impl AsFd, signal: Signal) -> Result<()> {
    pidfd_send_signal(process, signal, ptr::null())
}

/// Sends a signal and a value to the process of a pidfd.
///
/// It never reaches another process that got the number.
///
/// # Errors
/// Those of [`queue`].
#[doc(alias = "pidfd_send_signal")]
pub fn queue_fd(process: impl AsFd, signal: Signal, value: usize) -> Result<()> {
    pidfd_send_signal(process, signal, &queued(signal, value))
}

/// Makes the `siginfo_t` that `sigqueue` makes.
fn queued(signal: Signal, value: usize) -> libc::siginfo_t {
    /// The members of a queued signal's `siginfo_t`, in the system's layout.
    #[repr(C)]
    struct Queued {
        head: [libc::c_int; 3],
        tail: Tail,
    }
    // Has the alignment of the union in `siginfo_t`: that of the pointer in `sigval`.
    #[repr(C)]
    struct Tail {
        pid: libc::pid_t,
        uid: libc::uid_t,
        value: libc::sigval,
    }
    const { assert!(size_of::<Queued>() <= size_of::<libc::siginfo_t>()) };
    const { assert!(align_of::<Queued>() <= align_of::<libc::siginfo_t>()) };

    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let tail = Tail {
        pid: rustix::process::getpid().as_raw_pid(),
        uid: rustix::process::getuid().as_raw(),
        value: to_sigval(value),
    };
    // SAFETY: `info` is a local place for a `siginfo_t`, into which a `Queued` fits in size and
    // alignment (asserted above).
    let place = unsafe { &raw mut (*info.as_mut_ptr().cast::<Queued>()).tail };
    // SAFETY: `place` lies inside of `info`, is aligned, and nothing else refers to it.
    unsafe { place.write(tail) };
    // SAFETY: `info` was zeroed and then got valid numbers, and a `siginfo_t` of such bytes is
    // valid.
    let mut info = unsafe { info.assume_init() };
    info.si_signo = signal.number();
    info.si_code = libc::SI_QUEUE;
    info
}

fn pidfd_send_signal(
    process: impl AsFd,
    signal: Signal,
    info: *const libc::siginfo_t,
) -> Result<()> {
    let process = process.as_fd();
    // SAFETY: `process` keeps the descriptor open, and the caller passes null or a pointer to a
    // `siginfo_t` that lives as long as the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal.number(),
            info,
            0 as libc::c_uint,
        )
    };
    let (number, refusal) = (process.as_raw_fd(), refused_or_forbidden!("pidfd_send_signal(2)"));
    check(result, signal, format_args!("the process of descriptor {number}"), refusal)
}

fn check(
    result: libc::c_long,
    signal: Signal,
    whom: std::fmt::Arguments<'_>,
    refusal: &'static str,
) -> Result<()> {
    let sent = match answer(result) {
        Err(errno @ (Errno::PERM | Errno::NOSYS)) => Err(errno).asked(SEND, refusal),
        sent => sent.map_err(limit).tried(SEND),
    };
    sent.on(format_args!("{signal} to {whom}")).map(drop)
}

const SEND: &str = "send";

/// The kernel and a filter answer alike.
macro_rules! refused_or_forbidden {
    ($call:literal) => {
        concat!("this process may not signal it, or ", refused!($call))
    };
}
use refused_or_forbidden;
