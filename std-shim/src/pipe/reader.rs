//! The end of a pipe or of a FIFO for reading.

use super::end::{End, Reads, move_bytes};
use crate::Result;
use crate::error::refused;
use crate::fd::{Interest, Timeout, attempt, raw};
use ringway_core::channel::{Event, State};
use rustix::io::{self, Errno};
use std::os::fd::AsFd;
use std::time::Instant;

/// The end for reading of an anonymous pipe or of a FIFO.
///
/// Several threads may use it at once: each byte goes to one of them. Dropping it closes it. After
/// the last reader closed, writers get a broken pipe.
///
/// `Read` does what [`read`](Self::read) does. In the non-blocking mode it does what
/// [`try_read`](Self::try_read) does.
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
pub type Reader = End<Reads>;

impl End<Reads> {
    crate::fd::forms! {
        /// Reads the bytes that are there, at most `buf.len()`; waits for the first.
        ///
        /// Returns their number. `Ok(0)` is the end of file, or an empty `buf`. In packet mode it
        /// takes one packet, and loses the part that does not fit into `buf`.
        ///
        /// It is one system call if bytes are there or come. A signal does not end it.
        ///
        /// # Errors
        /// The error of the system call.
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
        let (fd, asked) = (self.fd.as_fd(), buf.len());
        let result = attempt(fd, Interest::Read, timeout, |at_once| match at_once {
            true => self.read_now(buf),
            false => io::read(fd, &mut *buf),
        });
        self.record_read(asked, result)
    }

    /// Updates the state from the result of a call that took at most `asked` bytes from the pipe.
    #[inline]
    fn record_read(&self, asked: usize, result: io::Result<usize>) -> Result<usize> {
        match result {
            Ok(0) if asked > 0 => {
                let _ = self.state.on(Event::PeerShutSend);
                Ok(0)
            }
            Ok(n) => {
                // A FIFO's writer came, the first one or the next.
                if n > 0 && !self.state.get().can_recv() {
                    self.state.renew(State::READER);
                }
                Ok(n)
            }
            Err(errno) => Err(self.failed("read from the pipe", errno)),
        }
    }

    fn read_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        match raw::read_nowait(self.fd.as_fd(), buf) {
            Err(Errno::OPNOTSUPP) => match self.private() {
                Ok(Some(private)) => io::read(private, buf),
                Ok(None) | Err(_) => raw::look_and_read(self.fd.as_fd(), buf),
            },
            other => other,
        }
    }

    /// Moves at most `len` bytes to another descriptor inside the kernel, and returns their number.
    ///
    /// It waits for the first byte and for room, at most until `deadline`. `Ok(0)` is the end of
    /// file. The kernel decides which descriptors can take the bytes. For others, use a
    /// [`Copier`](crate::fd::Copier).
    ///
    /// See [`splice(2)`](https://man7.org/linux/man-pages/man2/splice.2.html).
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) if `deadline` passed first,
    /// [`BrokenPipe`](crate::CoreError::BrokenPipe) if nobody reads at the other end, `EINVAL` if
    /// the kernel cannot splice to `to`.
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
        let (from, to) = (self.fd.as_fd(), to.as_fd());
        let moved = move_bytes(from, to, deadline, |flags| {
            rustix::pipe::splice(from, None, to, None, len, flags)
        });
        match moved {
            Err(errno @ (Errno::PERM | Errno::NOSYS)) => {
                let error = self.failed("move bytes out of the pipe", errno);
                Err(error.because(refused!("splice(2)")))
            }
            moved => self.record_read(len, moved),
        }
    }

    /// Duplicates at most `len` bytes into another pipe, and leaves them here to be read as well.
    ///
    /// It waits for the first byte and for room, at most until `deadline`. Returns the number of
    /// bytes; `Ok(0)` is the end of file.
    ///
    /// See [`tee(2)`](https://man7.org/linux/man-pages/man2/tee.2.html).
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) if `deadline` passed first,
    /// [`BrokenPipe`](crate::CoreError::BrokenPipe) if nobody reads at the other end.
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
        let (from, into) = (self.fd.as_fd(), to.fd.as_fd());
        let moved =
            move_bytes(from, into, deadline, |flags| rustix::pipe::tee(from, into, len, flags));
        match moved {
            Ok(n) => self.record_read(len, Ok(n)),
            Err(errno @ (Errno::PERM | Errno::NOSYS)) => {
                let error = self.failed("duplicate bytes of the pipe", errno);
                Err(error.because(refused!("tee(2)")))
            }
            // Only the other side can fail, so its state records the error.
            Err(errno) => to.record_write(Err(errno)),
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
        Ok(self.read_by(buf, self.trait_timeout())?)
    }
}
