//! One read or one write that does not wait, on a descriptor that may be a blocking one.
//!
//! Setting `O_NONBLOCK` would change the mode for others too: see [`fd`](super). Linux can say "do
//! not wait" for a single call instead (`preadv2(2)`, `pwritev2(2)`, `RWF_NOWAIT`): on pipes since
//! 6.4, not on FIFOs. Where it cannot, the descriptor is looked at first.

use super::poll::{Interest, look};
use super::sigpipe::{self, NOSIGNAL, write_with};
use rustix::fs::FileType;
use rustix::io::{self, Errno};
use std::os::fd::BorrowedFd;

/// How much may be written at once after a look found room: a pipe that is ready has room for this
/// much.
pub(crate) const PIECE: usize = rustix::pipe::PIPE_BUF;

pub(crate) const NOWAIT: io::ReadWriteFlags = io::ReadWriteFlags::NOWAIT;

/// `preadv2(2)` at the file's own position, without waiting. `OPNOTSUPP` where the file does not
/// know how.
pub(crate) fn read_nowait(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    unknown(io::preadv2(fd, &mut [io::IoSliceMut::new(buf)], u64::MAX, NOWAIT))
}

/// `pwritev2(2)` at the file's own position, without waiting. `OPNOTSUPP` where the file does not
/// know how. `suppress_sigpipe` where a `SIGPIPE` would end the process.
pub(crate) fn write_nowait(
    fd: BorrowedFd<'_>,
    buf: &[u8],
    suppress_sigpipe: bool,
) -> io::Result<usize> {
    if suppress_sigpipe {
        match unknown(write_with(fd, buf, NOWAIT | NOSIGNAL)) {
            // An older kernel may know the one flag without the other.
            Err(Errno::OPNOTSUPP) => sigpipe::without(|| unknown(write_with(fd, buf, NOWAIT))),
            other => other,
        }
    } else {
        unknown(write_with(fd, buf, NOWAIT))
    }
}

/// The ways in which systems and sandboxes say that they do not know the call or the flag.
fn unknown(result: io::Result<usize>) -> io::Result<usize> {
    result.map_err(|errno| match errno {
        Errno::NOSYS | Errno::INVAL | Errno::SPIPE | Errno::PERM => Errno::OPNOTSUPP,
        errno => errno,
    })
}

/// A look, then a read. It waits only if somebody else takes the bytes in between.
pub(crate) fn look_and_read(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    match look(fd, Interest::Read)? {
        Some(_) => io::read(fd, buf),
        None => Err(Errno::AGAIN),
    }
}

/// A look, then a write of at most [`PIECE`] bytes. It waits only if somebody else takes the room
/// in between.
pub(crate) fn look_and_write(
    fd: BorrowedFd<'_>,
    buf: &[u8],
    suppress_sigpipe: bool,
) -> io::Result<usize> {
    match look(fd, Interest::Write)? {
        Some(_) => write(fd, buf.get(..PIECE).unwrap_or(buf), suppress_sigpipe),
        None => Err(Errno::AGAIN),
    }
}

/// `write(2)`; `suppress_sigpipe` where a `SIGPIPE` would end the process.
#[inline(always)]
pub(crate) fn write(fd: BorrowedFd<'_>, buf: &[u8], suppress_sigpipe: bool) -> io::Result<usize> {
    if suppress_sigpipe { sigpipe::write(fd, buf) } else { io::write(fd, buf) }
}

/// Files and block devices never make one wait in the sense of `poll(2)`, and their `EAGAIN` means
/// the cache.
pub(super) fn never_waits(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode);
    Ok(matches!(kind, FileType::RegularFile | FileType::BlockDevice | FileType::Directory))
}

pub(super) fn read_now(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    if never_waits(fd)? {
        return io::read(fd, buf);
    }
    match read_nowait(fd, buf) {
        Err(Errno::OPNOTSUPP) => look_and_read(fd, buf),
        other => other,
    }
}

pub(super) fn write_now(
    fd: BorrowedFd<'_>,
    buf: &[u8],
    suppress_sigpipe: bool,
) -> io::Result<usize> {
    if never_waits(fd)? {
        return write(fd, buf, suppress_sigpipe);
    }
    match write_nowait(fd, buf, suppress_sigpipe) {
        Err(Errno::OPNOTSUPP) => look_and_write(fd, buf, suppress_sigpipe),
        other => other,
    }
}
