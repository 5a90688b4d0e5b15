//! The end of a pipe or of a FIFO that one reads from.

use super::end::End;
use crate::Result;
use crate::fd::Timeout;
use ringway_core::channel::State;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

/// The end that one reads from, of an anonymous pipe or of a FIFO.
///
/// It may be used by several threads at once: each byte goes to one of them. Dropped, it closes; when the last reader closed,
/// writers get a broken pipe.
///
/// `Read` does what [`read`](Self::read) does, or [`try_read`](Self::try_read) in the non-blocking mode.
///
/// ```
/// use ringway::pipe::pipe;
/// let (reader, writer) = pipe().unwrap();
/// writer.write(b"hello").unwrap();
/// drop(writer);
/// let mut buf = [0; 16];
/// assert_eq!(reader.read(&mut buf).unwrap(), 5);
/// assert_eq!(reader.read(&mut buf).unwrap(), 0); // the end of file
/// ```
#[derive(Debug)]
pub struct Reader {
    pub(super) end: End,
}

impl Reader {
    pub(crate) fn from_end(end: End) -> Self {
        Reader { end }
    }

    crate::fd::forms! {
        /// Reads what is there, at most `buf.len()` bytes, and waits for the first. `Ok(0)` is the end of file, or
        /// an empty `buf`. In packet mode it takes one packet, and what does not fit is lost.
        ///
        /// One system call when bytes are there or come. A signal does not end it.
        ///
        /// # Errors
        /// What the system says.
        ///
        /// ```
        /// use ringway::{CoreError, pipe::pipe};
        /// use std::time::{Duration, Instant};
        /// let (reader, writer) = pipe().unwrap();
        /// assert!(reader.try_read(&mut [0; 16]).unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Instant::now() + Duration::from_millis(5);
        /// let late = reader.read_deadline(&mut [0; 16], Some(soon)).unwrap_err();
        /// assert!(late.is(CoreError::TimedOut));
        /// drop(writer);
        /// assert_eq!(reader.read(&mut [0; 16]).unwrap(), 0);
        /// ```
        #[inline]
        pub fn read,
        pub fn try_read,
        pub fn read_deadline:
        (&self, buf: &mut [u8]) -> usize = read_by;
    }

    #[inline]
    fn read_by(&self, buf: &mut [u8], timeout: Timeout) -> Result<usize> {
        self.end.read(buf, timeout)
    }

    /// Moves at most `len` bytes to another descriptor inside the kernel; waits for the first byte
    /// and for room, at most until `deadline`. `Ok(0)` is the end of file. Which descriptors can
    /// take them is the kernel's to say; [`Copier`](crate::fd::Copier) finds another way.
    ///
    /// See [`splice(2)`](https://man7.org/linux/man-pages/man2/splice.2.html).
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) when `deadline` passed first,
    /// [`BrokenPipe`](crate::CoreError::BrokenPipe) if nobody reads at the other, `EINVAL` if it cannot be spliced to.
    ///
    /// ```
    /// use ringway::pipe::pipe;
    /// let (first, writer) = pipe().unwrap();
    /// let (reader, second) = pipe().unwrap();
    /// writer.write(b"moved, not copied").unwrap();
    /// assert_eq!(first.splice_to(&second, 5, None).unwrap(), 5);
    /// let mut buf = [0; 16];
    /// assert_eq!(reader.read(&mut buf).unwrap(), 5);
    /// ```
    #[doc(alias = "splice")]
    pub fn splice_to(&self, to: impl AsFd, len: usize, deadline: Option<Instant>) -> Result<usize> {
        let (from, to) = (self.end.fd.as_fd(), to.as_fd());
        let moved = super::end::shift(from, to, deadline, |flags| {
            rustix::pipe::splice(from, None, to, None, len, flags)
        });
        self.end.received(len, moved)
    }

    /// Duplicates at most `len` bytes into another pipe and leaves them here to be read as well;
    /// waits for the first byte and for room, at most until `deadline`. `Ok(0)` is the end of file.
    ///
    /// See [`tee(2)`](https://man7.org/linux/man-pages/man2/tee.2.html).
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) when `deadline` passed first,
    /// [`BrokenPipe`](crate::CoreError::BrokenPipe) if nobody reads at the other.
    ///
    /// ```
    /// use ringway::pipe::pipe;
    /// let (first, writer) = pipe().unwrap();
    /// let (reader, second) = pipe().unwrap();
    /// writer.write(b"twice").unwrap();
    /// assert_eq!(first.tee_to(&second, 1024, None).unwrap(), 5);
    /// let mut buf = [0; 16];
    /// assert_eq!(first.read(&mut buf).unwrap(), 5);
    /// assert_eq!(reader.read(&mut buf).unwrap(), 5);
    /// ```
    #[doc(alias = "tee")]
    pub fn tee_to(
        &self,
        to: &super::Writer,
        len: usize,
        deadline: Option<Instant>,
    ) -> Result<usize> {
        let (from, into) = (self.end.fd.as_fd(), to.end.fd.as_fd());
        let moved = super::end::shift(from, into, deadline, |flags| {
            rustix::pipe::tee(from, into, len, flags)
        });
        match moved {
            Ok(n) => self.end.received(len, Ok(n)),
            // What can fail is the other side: it keeps the news.
            Err(errno) => to.end.sent(Err(errno)),
        }
    }
}

impl std::io::Read for Reader {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        std::io::Read::read(&mut &*self, buf)
    }
}

impl std::io::Read for &Reader {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        Ok(self.end.read(buf, self.end.mode())?)
    }
}

impl TryFrom<OwnedFd> for Reader {
    type Error = crate::Error;

    /// Adopts a pipe's or a FIFO's descriptor that is open for reading, and sets `FD_CLOEXEC` on it. If it is
    /// something else it is closed.
    ///
    /// ```
    /// use ringway::pipe::Reader;
    /// use std::os::fd::{AsFd, OwnedFd};
    /// use std::process::{Command, Stdio};
    /// let mut child = Command::new("echo").arg("hi").stdout(Stdio::piped()).spawn().unwrap();
    /// let reader = Reader::try_from(OwnedFd::from(child.stdout.take().unwrap())).unwrap();
    /// assert_eq!(std::io::read_to_string(reader).unwrap(), "hi\n");
    /// assert!(child.wait().unwrap().success());
    /// ```
    fn try_from(fd: OwnedFd) -> Result<Self> {
        End::adopt(fd, State::READER).map(Reader::from_end)
    }
}
