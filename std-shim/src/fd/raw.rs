//! One read or write that does not wait, on a descriptor that may be in the blocking mode.
//!
//! Setting `O_NONBLOCK` would change the mode for others too: see [`fd`](super). Linux has a flag
//! for a single call instead (`preadv2(2)`, `pwritev2(2)`, `RWF_NOWAIT`). Pipes know it since 6.4,
//! FIFOs do not. Without the flag, these functions call `poll(2)` first.

use super::poll::{Interest, look};
use super::sigpipe::{self, NOSIGNAL, write_with};
use super::vectored::{ReadWriteFlags, preadv2};
use rustix::fs::FileType;
use rustix::io::{self, Errno};
use std::os::fd::BorrowedFd;

/// The most bytes to write at once after `poll(2)` found room. A pipe that is ready has room for
/// them.
pub(crate) const PIECE: usize = rustix::pipe::PIPE_BUF;

pub(super) const NOWAIT: ReadWriteFlags = ReadWriteFlags::NOWAIT;

/// Calls `preadv2(2)` at the file's own position, without waiting.
///
/// `OPNOTSUPP` if the file does not know the flag.
pub(crate) fn read_nowait(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    unknown(preadv2(fd, &mut [io::IoSliceMut::new(buf)], u64::MAX, NOWAIT))
}

/// Calls `pwritev2(2)` at the file's own position, without waiting.
///
/// `OPNOTSUPP` if the file does not know the flag. Set `suppress_sigpipe` if a `SIGPIPE` would end
/// the process.
pub(crate) fn write_nowait(
    fd: BorrowedFd<'_>,
    buf: &[u8],
    suppress_sigpipe: bool,
) -> io::Result<usize> {
    if suppress_sigpipe {
        match unknown(write_with(fd, buf, NOWAIT | NOSIGNAL)) {
            // An older kernel may know `RWF_NOWAIT` without `RWF_NOSIGNAL`.
            Err(Errno::OPNOTSUPP) => sigpipe::without(|| unknown(write_with(fd, buf, NOWAIT))),
            other => other,
        }
    } else {
        unknown(write_with(fd, buf, NOWAIT))
    }
}

/// Maps the errors by which systems and sandboxes refuse an unknown call or flag to `OPNOTSUPP`.
fn unknown(result: io::Result<usize>) -> io::Result<usize> {
    result.map_err(|errno| match errno {
        Errno::NOSYS | Errno::INVAL | Errno::SPIPE | Errno::PERM => Errno::OPNOTSUPP,
        errno => errno,
    })
}

/// Polls, then reads. It waits only if somebody else takes the bytes in between.
pub(crate) fn look_and_read(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    match look(fd, Interest::Read)? {
        Some(_) => io::read(fd, buf),
        None => Err(Errno::AGAIN),
    }
}

/// Polls, then writes at most [`PIECE`] bytes.
///
/// It waits only if somebody else fills the room in between.
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

/// Calls `write(2)`. Set `suppress_sigpipe` if a `SIGPIPE` would end the process.
#[inline(always)]
pub(crate) fn write(fd: BorrowedFd<'_>, buf: &[u8], suppress_sigpipe: bool) -> io::Result<usize> {
    if suppress_sigpipe { sigpipe::write(fd, buf) } else { io::write(fd, buf) }
}

/// Whether `poll(2)` always finds this kind of file ready: a regular file, a directory, a block
/// device.
///
/// `EAGAIN` from such a file means only that the bytes are not in the cache.
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
