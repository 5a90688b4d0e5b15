//! Descriptors: the one place that knows `EINTR`, `EAGAIN`, short transfers, deadlines, close-on-exec and `SIGPIPE`.
//!
//! The functions here work on any descriptor, by what the system says of it; [`pipe`](crate::pipe) and
//! [`fifo`](crate::fifo) and the sockets build their ends on them and add the [`State`](crate::channel::State).
//!
//! | what happens | what is done about it |
//! |---|---|
//! | `EINTR` | the call is made again, with what is left of the time: a signal never ends an operation |
//! | `EAGAIN` | `try_` says [`WouldBlock`](channel::Error::WouldBlock); the other forms wait in `poll(2)`, also when another program made the shared description non-blocking |
//! | a short transfer | [`read`] and [`write()`] report it; [`read_exact`] and [`write_all`] go on, and on an error the caller still knows how far they came |
//! | a deadline on a blocking descriptor | holds: see below |
//! | a child process | inherits nothing (`FD_CLOEXEC` on every descriptor that this crate makes or adopts), except what [`inherit`] hands to it |
//! | `SIGPIPE` | a broken pipe is [`BrokenPipe`](channel::Error::BrokenPipe), not a death, whatever the program did with the signal; its disposition is not touched |
//!
//! # Blocking and non-blocking
//!
//! Whether a descriptor blocks is not its own: `O_NONBLOCK` belongs to the open file description, which the
//! processes share that inherited it. To set it on a standard input that a shell handed over breaks the shell.
//! So this crate sets it where it is asked to, by [`set_nonblocking`], and never in passing. The forms
//! that must not wait, or not for long, say so for the single call (`RWF_NOWAIT`: Linux 6.4 for pipes, and
//! whatever else knows it), or look with `poll(2)` before they read, and before they write at most
//! [`PIPE_BUF`](rustix::pipe::PIPE_BUF) bytes, for which a pipe that is ready has room. This last way is exact as long as
//! nobody else reads or writes there in between; where that matters use an end from [`pipe`](crate::pipe) or [`fifo`](crate::fifo),
//! whose own description is free of it.
//!
//! # SIGPIPE
//!
//! A write to a pipe that nobody reads fails with `EPIPE`, and before that the kernel sends the writing thread a
//! `SIGPIPE`, which ends the process unless it is ignored or handled. Rust's runtime ignores it before `main`. A
//! library may be linked where that did not happen: into a C program, or into a program that chose to die of it.
//!
//! What this crate does not do is change the disposition: it belongs to the program, every thread shares it, and
//! `exec` hands an ignored signal on to children that rely on it. What it does instead, per call, and
//! only where the disposition is the default:
//!
//! | where | how | cost |
//! |---|---|---|
//! | the signal is ignored or handled | a plain `write(2)` | none |
//! | Linux 6.18 and later | `pwritev2(2)` with `RWF_NOSIGNAL` | a quarter of a small write |
//! | elsewhere, and for `splice(2)`, `tee(2)` and `sendfile(2)` | block the signal in this thread, call, take back what the call raised, unblock | four system calls |
//!
//! The signal of a write goes to the thread that wrote, so that the last way can take it back without a race. One
//! that was pending before is left pending: it is not ours.
//!
//! An end looks at the disposition once, when it is made, so that its writes cost nothing more; the functions here
//! know only a descriptor and look each time. So a program that sets `SIGPIPE` back to its default does it before
//! it makes its ends. Sockets have a flag of their own, `MSG_NOSIGNAL`.

mod copy;
mod endpoint_state;
mod poll;
pub(crate) mod raw;
pub(crate) mod sigpipe;

pub use copy::Copier;
pub(crate) use endpoint_state::EndpointState;
pub use poll::{Interest, Ready, WaitSet, try_wait, wait, wait_any, wait_deadline};
pub(crate) use poll::{look, poll_one};

use crate::{Error, Result, channel};
use rustix::fs::{FileType, OFlags};
use rustix::io::{self, Errno, FdFlags};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process::Command;
use std::time::Instant;

const READ: &str = "read from the descriptor";
const WRITE: &str = "write to the descriptor";

/// Reads what is there, at most `buf.len()` bytes; waits for the first. `Ok(0)` is the end of file, or an empty `buf`.
///
/// # Errors
/// [`WrongDirection`](channel::Error::WrongDirection) if it is not open for reading, or what the system says.
///
/// ```
/// use ringway::fd;
/// let (reader, writer) = std::io::pipe().unwrap();
/// fd::write(&writer, b"hello").unwrap();
/// drop(writer);
/// let mut buf = [0; 16];
/// assert_eq!(fd::read(&reader, &mut buf).unwrap(), 5);
/// assert_eq!(fd::read(&reader, &mut buf).unwrap(), 0);
/// ```
pub fn read(fd: impl AsFd, buf: &mut [u8]) -> Result<usize> {
    read_deadline(fd, buf, None)
}

/// [`read`] without waiting.
///
/// # Errors
/// [`WouldBlock`](channel::Error::WouldBlock) if there is nothing to read yet; else as [`read`].
///
/// ```
/// use ringway::{channel, fd};
/// let (reader, _writer) = std::io::pipe().unwrap();
/// assert!(fd::try_read(&reader, &mut [0; 16]).unwrap_err().is(channel::Error::WouldBlock));
/// ```
pub fn try_read(fd: impl AsFd, buf: &mut [u8]) -> Result<usize> {
    let fd = fd.as_fd();
    retry(|| read_now(fd, buf)).map_err(|e| Error::new(READ, e))
}

/// [`read`], waiting at most until `deadline` for the first byte.
///
/// # Errors
/// [`TimedOut`](channel::Error::TimedOut) when it passed first; else as [`read`].
///
/// ```
/// use ringway::{channel, fd};
/// use std::time::{Duration, Instant};
/// let (reader, _writer) = std::io::pipe().unwrap();
/// let soon = Instant::now() + Duration::from_millis(5);
/// let late = fd::read_deadline(&reader, &mut [0; 16], Some(soon)).unwrap_err();
/// assert!(late.is(channel::Error::TimedOut));
/// ```
pub fn read_deadline(fd: impl AsFd, buf: &mut [u8], deadline: Option<Instant>) -> Result<usize> {
    let fd = fd.as_fd();
    retry_ready(fd, Interest::Read, deadline, || match deadline {
        None => io::read(fd, &mut *buf),
        Some(_) => read_now(fd, buf),
    })
    .map_err(|e| Error::new(READ, e))
}

/// Fills the whole buffer. `buf` moves past what was read, so that after an error it is what is still missing.
/// `deadline` is for all of it; `None`: for ever.
///
/// # Errors
/// [`EndOfFile`](channel::Error::EndOfFile) if the input ended before; [`TimedOut`](channel::Error::TimedOut); else as [`read`].
///
/// ```
/// use ringway::{channel, fd};
/// let (reader, writer) = std::io::pipe().unwrap();
/// fd::write(&writer, b"12345").unwrap();
/// drop(writer);
/// let mut pair = [0; 2];
/// fd::read_exact(&reader, &mut &mut pair[..], None).unwrap();
/// let mut buf = [0; 5];
/// let mut missing = &mut buf[..];
/// let short = fd::read_exact(&reader, &mut missing, None).unwrap_err();
/// assert!(short.is(channel::Error::EndOfFile) && missing.len() == 2);
/// ```
pub fn read_exact(fd: impl AsFd, buf: &mut &mut [u8], deadline: Option<Instant>) -> Result<()> {
    let fd = fd.as_fd();
    while !buf.is_empty() {
        let n = read_deadline(fd, buf, deadline)?;
        if n == 0 {
            return Err(Error::new(READ, channel::Error::EndOfFile));
        }
        *buf = std::mem::take(buf).get_mut(n..).unwrap_or_default();
    }
    Ok(())
}

/// Writes at least one byte of `buf`, as many as there is room for or, on a blocking pipe, all; waits until it can.
///
/// # Errors
/// [`BrokenPipe`](channel::Error::BrokenPipe) if nobody reads there any more (and no `SIGPIPE`),
/// [`WrongDirection`](channel::Error::WrongDirection) if it is not open for writing, or what the system says.
///
/// ```
/// use ringway::{channel, fd};
/// let (reader, writer) = std::io::pipe().unwrap();
/// assert_eq!(fd::write(&writer, b"hello").unwrap(), 5);
/// drop(reader);
/// assert!(fd::write(&writer, b"hello").unwrap_err().is(channel::Error::BrokenPipe));
/// ```
pub fn write(fd: impl AsFd, buf: &[u8]) -> Result<usize> {
    write_deadline(fd, buf, None)
}

/// [`write`](fn@write) without waiting: as much as there is room for, which may be less than `buf`.
///
/// # Errors
/// [`WouldBlock`](channel::Error::WouldBlock) if there is no room; else as [`write`](fn@write).
///
/// ```
/// use ringway::{channel, fd};
/// let (_reader, writer) = std::io::pipe().unwrap();
/// let full = loop {
///     if let Err(error) = fd::try_write(&writer, &[0; 4096]) {
///         break error;
///     }
/// };
/// assert!(full.is(channel::Error::WouldBlock));
/// ```
pub fn try_write(fd: impl AsFd, buf: &[u8]) -> Result<usize> {
    let fd = fd.as_fd();
    let suppress_sigpipe = sigpipe::kills();
    retry(|| write_now(fd, buf, suppress_sigpipe)).map_err(|e| Error::new(WRITE, e))
}

/// [`write`](fn@write), waiting at most until `deadline` for room: as much as there is room for then.
///
/// # Errors
/// [`TimedOut`](channel::Error::TimedOut) when it passed first, and nothing was written; else as [`write`](fn@write).
///
/// ```
/// use ringway::{channel, fd};
/// use std::time::{Duration, Instant};
/// let (_reader, writer) = std::io::pipe().unwrap();
/// while fd::try_write(&writer, &[0; 4096]).is_ok() {}
/// let soon = Instant::now() + Duration::from_millis(5);
/// let late = fd::write_deadline(&writer, b"more", Some(soon)).unwrap_err();
/// assert!(late.is(channel::Error::TimedOut));
/// ```
pub fn write_deadline(fd: impl AsFd, buf: &[u8], deadline: Option<Instant>) -> Result<usize> {
    let fd = fd.as_fd();
    let suppress_sigpipe = sigpipe::kills();
    retry_ready(fd, Interest::Write, deadline, || match deadline {
        None => raw::write(fd, buf, suppress_sigpipe),
        Some(_) => write_now(fd, buf, suppress_sigpipe),
    })
    .map_err(|e| Error::new(WRITE, e))
}

/// Writes the whole buffer. `buf` moves past what was written, so that after an error it is what is left.
/// `deadline` is for all of it; `None`: for ever.
///
/// # Errors
/// [`TimedOut`](channel::Error::TimedOut), `EIO` if a write takes nothing; else as [`write`](fn@write).
///
/// ```
/// use ringway::{channel, fd};
/// use std::time::{Duration, Instant};
/// let (_reader, writer) = std::io::pipe().unwrap();
/// let all = vec![0; 1 << 20];
/// let mut left = &all[..];
/// let soon = Instant::now() + Duration::from_millis(20);
/// let late = fd::write_all(&writer, &mut left, Some(soon)).unwrap_err();
/// assert!(late.is(channel::Error::TimedOut));
/// // What the pipe could take went in, and we know how much.
/// assert!(!left.is_empty() && left.len() < all.len());
/// ```
pub fn write_all(fd: impl AsFd, buf: &mut &[u8], deadline: Option<Instant>) -> Result<()> {
    let fd = fd.as_fd();
    write_all_by(buf, |rest| write_deadline(fd, rest, deadline))
}

/// Writes the whole buffer by `write`, which moves some bytes.
#[inline]
pub(crate) fn write_all_by(
    buf: &mut &[u8],
    mut write: impl FnMut(&[u8]) -> Result<usize>,
) -> Result<()> {
    while !buf.is_empty() {
        let n = write(buf)?;
        if n == 0 {
            // A device that takes nothing would hold us for ever.
            return Err(Error::new(WRITE, Errno::IO));
        }
        *buf = buf.get(n..).unwrap_or_default();
    }
    Ok(())
}

/// Whether the open file description is in the non-blocking mode (`O_NONBLOCK`).
///
/// # Errors
/// What the system says.
///
/// ```
/// let (reader, _writer) = std::io::pipe().unwrap();
/// assert!(!ringway::fd::nonblocking(&reader).unwrap());
/// ```
#[doc(alias = "F_GETFL")]
pub fn nonblocking(fd: impl AsFd) -> Result<bool> {
    rustix::fs::fcntl_getfl(fd)
        .map(|flags| flags.contains(OFlags::NONBLOCK))
        .map_err(|e| Error::new("get the mode of the descriptor", e))
}

/// Sets the mode of the open file description: for every descriptor that shares it, also in other processes.
///
/// Leave a descriptor alone that was inherited, as a standard input is: the `try_` and `_deadline` forms do not need the mode.
///
/// # Errors
/// What the system says.
///
/// ```
/// use ringway::fd;
/// let (reader, _writer) = std::io::pipe().unwrap();
/// fd::set_nonblocking(&reader, true).unwrap();
/// assert!(fd::nonblocking(&reader).unwrap());
/// // The mode is the description's: a duplicate has it too.
/// assert!(fd::nonblocking(reader.try_clone().unwrap()).unwrap());
/// ```
#[doc(alias = "F_SETFL")]
#[doc(alias = "O_NONBLOCK")]
pub fn set_nonblocking(fd: impl AsFd, on: bool) -> Result<()> {
    let fd = fd.as_fd();
    rustix::fs::fcntl_getfl(fd)
        .and_then(|mut flags| {
            let before = flags;
            flags.set(OFlags::NONBLOCK, on);
            if flags == before { Ok(()) } else { rustix::fs::fcntl_setfl(fd, flags) }
        })
        .map_err(|e| Error::new("set the mode of the descriptor", e))
}

/// Whether a program that this process becomes, or starts, will not have the descriptor (`FD_CLOEXEC`).
///
/// # Errors
/// What the system says.
///
/// ```
/// let (reader, _writer) = std::io::pipe().unwrap(); // the standard library sets it too
/// assert!(ringway::fd::close_on_exec(&reader).unwrap());
/// ```
#[doc(alias = "F_GETFD")]
#[doc(alias = "FD_CLOEXEC")]
pub fn close_on_exec(fd: impl AsFd) -> Result<bool> {
    io::fcntl_getfd(fd)
        .map(|flags| flags.contains(FdFlags::CLOEXEC))
        .map_err(|e| Error::new("get the flags of the descriptor", e))
}

/// Sets or clears `FD_CLOEXEC`. To hand a descriptor to one child use [`inherit`]: a descriptor without the
/// flag leaks into every child that any thread starts meanwhile.
///
/// # Errors
/// What the system says.
///
/// ```
/// use ringway::fd;
/// let (reader, _writer) = std::io::pipe().unwrap();
/// fd::set_close_on_exec(&reader, true).unwrap();
/// assert!(fd::close_on_exec(&reader).unwrap());
/// ```
#[doc(alias = "F_SETFD")]
pub fn set_close_on_exec(fd: impl AsFd, on: bool) -> Result<()> {
    let fd = fd.as_fd();
    io::fcntl_getfd(fd)
        .and_then(|mut flags| {
            flags.set(FdFlags::CLOEXEC, on);
            io::fcntl_setfd(fd, flags)
        })
        .map_err(|e| Error::new("set the flags of the descriptor", e))
}

/// A second descriptor of the same open file description, close-on-exec from the first moment.
///
/// # Errors
/// [`Exhausted`](channel::Error::Exhausted) if this process may not open more.
///
/// ```
/// use ringway::fd;
/// let (reader, writer) = std::io::pipe().unwrap();
/// let second = fd::duplicate(&writer).unwrap();
/// drop(writer);
/// fd::write(&second, b"still open").unwrap();
/// assert!(fd::close_on_exec(&second).unwrap());
/// # drop(reader);
/// ```
#[doc(alias = "dup")]
#[doc(alias = "F_DUPFD_CLOEXEC")]
pub fn duplicate(fd: impl AsFd) -> Result<OwnedFd> {
    // From 3: a number below is a standard stream's, even when this process closed its own.
    io::fcntl_dupfd_cloexec(fd, 3).map_err(|e| Error::new("duplicate the descriptor", e))
}

/// Hands a descriptor to the children that `command` starts, and to no others. Returns the number under which they have it.
///
/// The child has it under the number that a duplicate has here, which `command` keeps: tell it the number by an
/// argument or in the environment. Nothing has to be moved in the child, hence nothing there can be
/// overwritten. For the three standard streams use [`Stdio`](std::process::Stdio), which every end converts into.
///
/// The duplicate is open in this process as long as `command` lives. Drop it to let a reader see the end of file, or a writer the
/// broken pipe. A child that inherits a non-blocking description shares its mode.
///
/// # Errors
/// [`Exhausted`](channel::Error::Exhausted) if this process may not open more.
///
/// ```
/// use ringway::fd;
/// use std::process::Command;
/// let (reader, writer) = std::io::pipe().unwrap();
/// let mut sh = Command::new("sh");
/// let number = fd::inherit(&writer, &mut sh).unwrap();
/// sh.args(["-c", &format!("echo from the child >/dev/fd/{number}")]);
/// assert!(sh.status().unwrap().success());
/// drop((sh, writer));
/// assert_eq!(std::io::read_to_string(reader).unwrap(), "from the child\n");
/// ```
pub fn inherit(fd: impl AsFd, command: &mut Command) -> Result<RawFd> {
    use std::os::unix::process::CommandExt;
    let ours = duplicate(fd)?;
    let number = ours.as_raw_fd();
    let keep = move || io::fcntl_setfd(&ours, FdFlags::empty()).map_err(Into::into);
    // SAFETY: between fork and exec the closure makes one system call, and neither allocates nor locks.
    unsafe { command.pre_exec(keep) };
    Ok(number)
}

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

/// What no two files have at the same time: the numbers of a file's device and of its inode.
pub(crate) type Identity = (u64, u64);

/// Which file it is.
// The widths of the two differ between targets.
#[allow(clippy::unnecessary_cast)]
pub(crate) fn identity(stat: &rustix::fs::Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// Makes a call until it need not wait: again after a signal, and after `EAGAIN` once `fd` is ready.
/// `TIMEDOUT` when the deadline passed; the call is made at least once. With a deadline, `call` must not wait by itself.
#[inline(always)]
pub(crate) fn retry_ready<T>(
    fd: BorrowedFd<'_>,
    interest: Interest,
    deadline: Option<Instant>,
    mut call: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut late = false;
    loop {
        match call() {
            Err(Errno::INTR) => {}
            // Ready, and yet it would wait: somebody else was faster.
            Err(Errno::AGAIN) if late => return Err(Errno::TIMEDOUT),
            Err(Errno::AGAIN) => {
                poll_one(fd, interest, deadline)?;
                late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            }
            other => return other,
        }
    }
}

/// Files and block devices never make one wait in the sense of `poll(2)`, and their `EAGAIN` means the cache.
fn never_waits(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode);
    Ok(matches!(kind, FileType::RegularFile | FileType::BlockDevice | FileType::Directory))
}

fn read_now(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    if never_waits(fd)? {
        return io::read(fd, buf);
    }
    match raw::read_nowait(fd, buf) {
        Err(Errno::OPNOTSUPP) => raw::look_and_read(fd, buf),
        other => other,
    }
}

fn write_now(fd: BorrowedFd<'_>, buf: &[u8], suppress_sigpipe: bool) -> io::Result<usize> {
    if never_waits(fd)? {
        return raw::write(fd, buf, suppress_sigpipe);
    }
    match raw::write_nowait(fd, buf, suppress_sigpipe) {
        Err(Errno::OPNOTSUPP) => raw::look_and_write(fd, buf, suppress_sigpipe),
        other => other,
    }
}
