//! Reading and writing: some bytes, or all.

use super::poll::{Interest, attempt};
use super::raw::{self, read_now, write_now};
use super::sigpipe;
use super::timeout::Timeout;
use crate::{CoreError, Error, Result};
use rustix::io::{self, Errno};
use std::os::fd::AsFd;
use std::time::Instant;

const READ: &str = "read from the descriptor";
const WRITE: &str = "write to the descriptor";

super::forms! {
    /// Reads the bytes that are there, at most `buf.len()`; waits for the first.
    ///
    /// Returns their number. `Ok(0)` is the end of file, or an empty `buf`.
    ///
    /// # Errors
    /// [`WrongDirection`](CoreError::WrongDirection) if the descriptor is not open for reading, or
    /// the error of the system call.
    ///
    /// ```
    /// use ringway::{CoreError, fd};
    /// use std::time::{Duration, Instant};
    /// let (reader, writer) = std::io::pipe().unwrap();
    /// let mut buf = [0; 16];
    /// assert!(fd::try_read(&reader, &mut buf).unwrap_err().is(CoreError::WouldBlock));
    /// let soon = Instant::now() + Duration::from_millis(5);
    /// let late = fd::read_deadline(&reader, &mut buf, Some(soon)).unwrap_err();
    /// assert!(late.is(CoreError::TimedOut));
    /// fd::write(&writer, b"hello").unwrap();
    /// drop(writer);
    /// assert_eq!(fd::read(&reader, &mut buf).unwrap(), 5);
    /// assert_eq!(fd::read(&reader, &mut buf).unwrap(), 0);
    /// ```
    pub fn read,
    pub fn try_read,
    pub fn read_deadline:
    (fd: impl AsFd, buf: &mut [u8]) -> usize = read_by;

    /// Writes at least one byte of `buf`, and returns the number; waits until it can.
    ///
    /// It writes as many bytes as there is room for, and all of them to a blocking pipe. The other
    /// forms write as many as there is room for, which may be fewer than `buf` has.
    ///
    /// # Errors
    /// [`BrokenPipe`](CoreError::BrokenPipe) if nobody reads there any more (and no `SIGPIPE`),
    /// [`WrongDirection`](CoreError::WrongDirection) if the descriptor is not open for writing, or
    /// the error of the system call.
    ///
    /// ```
    /// use ringway::{CoreError, fd};
    /// use std::time::{Duration, Instant};
    /// let (reader, writer) = std::io::pipe().unwrap();
    /// assert_eq!(fd::write(&writer, b"hello").unwrap(), 5);
    /// while fd::try_write(&writer, &[0; 4096]).is_ok() {}
    /// let soon = Instant::now() + Duration::from_millis(5);
    /// let late = fd::write_deadline(&writer, b"more", Some(soon)).unwrap_err();
    /// assert!(late.is(CoreError::TimedOut));
    /// drop(reader);
    /// assert!(fd::write(&writer, b"hello").unwrap_err().is(CoreError::BrokenPipe));
    /// ```
    pub fn write,
    pub fn try_write,
    pub fn write_deadline:
    (fd: impl AsFd, buf: &[u8]) -> usize = write_by;
}

fn read_by(fd: impl AsFd, buf: &mut [u8], timeout: Timeout) -> Result<usize> {
    let fd = fd.as_fd();
    attempt(fd, Interest::Read, timeout, |at_once| match at_once {
        true => read_now(fd, buf),
        false => io::read(fd, &mut *buf),
    })
    .map_err(|e| Error::new(READ, e))
}

/// Fills the whole buffer.
///
/// `buf` moves past the bytes that were read, so after an error it is the part that is still
/// missing. `deadline` bounds the whole operation; `None` sets no bound.
///
/// # Errors
/// [`EndOfFile`](CoreError::EndOfFile) if the input ended before the buffer was full;
/// [`TimedOut`](CoreError::TimedOut); else those of [`read`].
///
/// ```
/// use ringway::{CoreError, fd};
/// let (reader, writer) = std::io::pipe().unwrap();
/// fd::write(&writer, b"12345").unwrap();
/// drop(writer);
/// let mut pair = [0; 2];
/// fd::read_exact(&reader, &mut &mut pair[..], None).unwrap();
/// let mut buf = [0; 5];
/// let mut missing = &mut buf[..];
/// let short = fd::read_exact(&reader, &mut missing, None).unwrap_err();
/// assert!(short.is(CoreError::EndOfFile) && missing.len() == 2);
/// ```
pub fn read_exact(fd: impl AsFd, buf: &mut &mut [u8], deadline: Option<Instant>) -> Result<()> {
    let fd = fd.as_fd();
    while !buf.is_empty() {
        let n = read_deadline(fd, buf, deadline)?;
        if n == 0 {
            return Err(Error::new(READ, CoreError::EndOfFile));
        }
        *buf = std::mem::take(buf).get_mut(n..).unwrap_or_default();
    }
    Ok(())
}

fn write_by(fd: impl AsFd, buf: &[u8], timeout: Timeout) -> Result<usize> {
    let fd = fd.as_fd();
    let suppress_sigpipe = sigpipe::kills();
    attempt(fd, Interest::Write, timeout, |at_once| match at_once {
        true => write_now(fd, buf, suppress_sigpipe),
        false => raw::write(fd, buf, suppress_sigpipe),
    })
    .map_err(|e| Error::new(WRITE, e))
}

/// Writes the whole buffer.
///
/// `buf` moves past the bytes that were written, so after an error it is the part that is left.
/// `deadline` bounds the whole operation; `None` sets no bound.
///
/// # Errors
/// [`TimedOut`](CoreError::TimedOut), `EIO` if a write takes nothing; else those of
/// [`write`](fn@write).
///
/// ```
/// use ringway::{CoreError, fd};
/// use std::time::{Duration, Instant};
/// let (_reader, writer) = std::io::pipe().unwrap();
/// let all = vec![0; 1 << 20];
/// let mut left = &all[..];
/// let soon = Instant::now() + Duration::from_millis(20);
/// let late = fd::write_all(&writer, &mut left, Some(soon)).unwrap_err();
/// assert!(late.is(CoreError::TimedOut));
/// // The pipe has what it could take, and `left` has the rest.
/// assert!(!left.is_empty() && left.len() < all.len());
/// ```
pub fn write_all(fd: impl AsFd, buf: &mut &[u8], deadline: Option<Instant>) -> Result<()> {
    let fd = fd.as_fd();
    write_all_by(buf, |rest| write_deadline(fd, rest, deadline))
}

/// Writes the whole buffer with `write`, which may write only some bytes.
#[inline]
pub(crate) fn write_all_by(
    buf: &mut &[u8],
    mut write: impl FnMut(&[u8]) -> Result<usize>,
) -> Result<()> {
    while !buf.is_empty() {
        let n = write(buf)?;
        if n == 0 {
            // Without this error, a device that takes nothing would keep this loop running for
            // ever.
            return Err(Error::new(WRITE, Errno::IO));
        }
        *buf = buf.get(n..).unwrap_or_default();
    }
    Ok(())
}
