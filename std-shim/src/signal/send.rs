//! Sending signals to processes, plainly and with a value.

use super::Signal;
use super::received::to_sigval;
use crate::Result;
use crate::error::{On, Tried, limit};
use crate::sys::answer;
use rustix::process::Pid;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

/// Sends a signal to a process.
///
/// A pid is that of another process as soon as the one that had it ended and was waited for. Send
/// to children that you did not wait for yet, or use [`send_fd`].
///
/// See [`kill(2)`](https://man7.org/linux/man-pages/man2/kill.2.html).
///
/// # Errors
/// [`Cause::Os`](crate::Cause::Os) with `ESRCH` if there is no such process, with `EPERM` if it is
/// not ours to signal; [`Exhausted`](crate::CoreError::Exhausted) for a real-time signal if the
/// receiver's user has as many signals queued as allowed (`RLIMIT_SIGPENDING`).
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
    // SAFETY: a system call on two numbers.
    let result = unsafe { libc::kill(process.as_raw_pid(), signal.number()) };
    check(result.into(), signal, format_args!("process {process}"))
}

/// Sends a signal and a value to a process. Each is queued by the kernel if the signal [is a
/// real-time signal](Signal::is_real_time); of the others it keeps the first until it is delivered.
///
/// Of the value, C programs read the lower 32 bits as `si_value.sival_int`. Write a negative one as
/// `-1i32 as usize`.
///
/// See [`sigqueue(3)`](https://man7.org/linux/man-pages/man3/sigqueue.3.html).
///
/// # Errors
/// As [`send`], [`Exhausted`](crate::CoreError::Exhausted) for every signal.
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
    // SAFETY: a system call on numbers; the value is not looked into.
    let result = unsafe { libc::sigqueue(process.as_raw_pid(), signal.number(), to_sigval(value)) };
    check(result.into(), signal, format_args!("process {process}"))
}

/// [`send`], to the process of a pidfd: never to another one that got its number.
///
/// See [`pidfd_send_signal(2)`](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html).
///
/// # Errors
/// As [`send`].
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

/// [`queue`], to the process of a pidfd: never to another one that got its number.
///
/// # Errors
/// As [`queue`].
#[doc(alias = "pidfd_send_signal")]
pub fn queue_fd(process: impl AsFd, signal: Signal, value: usize) -> Result<()> {
    pidfd_send_signal(process, signal, &queued(signal, value))
}

/// What `sigqueue` fills in.
fn queued(signal: Signal, value: usize) -> libc::siginfo_t {
    /// The members of a `siginfo_t` that a queued signal has, where the system has them.
    #[repr(C)]
    struct Queued {
        head: [libc::c_int; 3],
        tail: Tail,
    }
    // Aligned as the union in `siginfo_t` is: to the pointer in `sigval`.
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
    // SAFETY: `Queued` fits into the info, see the assertions.
    let place = unsafe { &raw mut (*info.as_mut_ptr().cast::<Queued>()).tail };
    // SAFETY: inside the info, and aligned.
    unsafe { place.write(tail) };
    // SAFETY: all zeroes, and the numbers in it, are a `siginfo_t`.
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
    // SAFETY: the descriptor is open, and the info is null or one that lives as long as the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal.number(),
            info,
            0 as libc::c_uint,
        )
    };
    check(result, signal, format_args!("the process of descriptor {}", process.as_raw_fd()))
}

fn check(result: libc::c_long, signal: Signal, whom: std::fmt::Arguments<'_>) -> Result<()> {
    answer(result).map_err(limit).tried("send").on(format_args!("{signal} to {whom}")).map(drop)
}
