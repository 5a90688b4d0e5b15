//! The end of a pipe or of a FIFO for writing.

use super::end::{End, PIPE_BUF, Writes};
use crate::fd::{Interest, Timeout, attempt, raw};
use crate::{CoreError, Error, Result};
use ringway_core::channel::{Event, State};
use rustix::io::{self, Errno};
use std::os::fd::AsFd;

/// The end for writing of an anonymous pipe or of a FIFO.
///
/// Several threads may use it at once, and several processes may have duplicates. The bytes of one
/// call stay in one piece, up to [`PIPE_BUF`] bytes. Dropping the writer closes it. After the last
/// writer closed, readers get the end of file.
///
/// Every form returns an error for a pipe without readers. None of them lets `SIGPIPE` end the
/// process (see [`fd`](crate::fd)).
///
/// `Write` does what [`write`](Self::write) does. In the non-blocking mode it does what
/// [`try_write`](Self::try_write) does.
///
/// ```
/// use ringway::{CoreError, pipe::pipe};
/// let (reader, writer) = pipe().unwrap();
/// writer.write_all(b"hello").unwrap();
/// drop(reader);
/// assert!(writer.write(b"anybody?").unwrap_err().is(CoreError::BrokenPipe));
/// ```
pub type Writer = End<Writes>;

impl End<Writes> {
    crate::fd::forms! {
        /// Writes `buf`, and returns the number of bytes that went in; waits for room.
        ///
        /// It writes all of `buf`, unless a signal comes during a write of more than [`PIPE_BUF`]
        /// bytes, or the description is non-blocking. It returns 0 only for an empty `buf`.
        ///
        /// It is one system call if there is room or room comes. A signal does not end it before a
        /// byte went in. The other forms write as many bytes as there is room for. Up to
        /// [`PIPE_BUF`] bytes go in all or none.
        ///
        /// # Errors
        /// [`BrokenPipe`](CoreError::BrokenPipe) if no reader is left.
        ///
        /// ```
        /// use ringway::{CoreError, pipe::pipe};
        /// use std::time::{Duration, Instant};
        /// let (reader, writer) = pipe().unwrap();
        /// let n = writer.try_write(&[7; 1 << 20]).unwrap();
        /// assert!(n < 1 << 20); // what the pipe can hold
        /// assert!(writer.try_write(b"more").unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Instant::now() + Duration::from_millis(5);
        /// assert!(writer.write_deadline(b"more", Some(soon)).unwrap_err().is(CoreError::TimedOut));
        /// drop(reader);
        /// assert!(writer.write(b"anybody?").unwrap_err().is(CoreError::BrokenPipe));
        /// ```
        #[inline]
        pub fn write,
        pub fn try_write,
        pub fn write_deadline:
        (&self, buf: &[u8]) -> usize = write_by;
    }

    #[inline]
    fn write_by(&self, buf: &[u8], timeout: Timeout) -> Result<usize> {
        let fd = self.fd.as_fd();
        self.record_write(attempt(fd, Interest::Write, timeout, |at_once| match at_once {
            true => self.write_now(buf),
            false => raw::write(fd, buf, self.suppress_sigpipe),
        }))
    }

    /// Updates the state from the result of a call that put bytes into the pipe.
    #[inline]
    pub(super) fn record_write(&self, result: io::Result<usize>) -> Result<usize> {
        match result {
            Ok(n) => {
                // A FIFO's next reader came.
                if n > 0 && !self.state.get().can_send() {
                    self.state.renew(State::WRITER);
                }
                Ok(n)
            }
            Err(errno) => {
                if errno == Errno::PIPE {
                    let _ = self.state.on(Event::PeerShutRecv);
                }
                Err(self.failed("write to the pipe", errno))
            }
        }
    }

    fn write_now(&self, buf: &[u8]) -> io::Result<usize> {
        match raw::write_nowait(self.fd.as_fd(), buf, self.suppress_sigpipe) {
            Err(Errno::OPNOTSUPP) => match self.private() {
                Ok(Some(private)) => raw::write(private, buf, self.suppress_sigpipe),
                // `ENXIO` says that nobody reads now.
                Err(Errno::NXIO) => Err(Errno::PIPE),
                Ok(None) | Err(_) => {
                    raw::look_and_write(self.fd.as_fd(), buf, self.suppress_sigpipe)
                }
            },
            other => other,
        }
    }

    /// Writes all of `buf`; waits for room.
    ///
    /// Up to [`PIPE_BUF`] bytes stay in one piece. Among the bytes of a longer `buf` there may be
    /// bytes of other writers. To write with a deadline, use
    /// [`fd::write_all`](crate::fd::write_all).
    ///
    /// # Errors
    /// [`BrokenPipe`](CoreError::BrokenPipe) if no reader is left. Some of the bytes may have gone
    /// in.
    ///
    /// ```
    /// use ringway::pipe::pipe;
    /// let (reader, writer) = pipe().unwrap();
    /// let all = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
    /// writer.write_all("long ".repeat(100_000).as_bytes()).unwrap();
    /// drop(writer);
    /// assert_eq!(all.join().unwrap().len(), 500_000);
    /// ```
    pub fn write_all(&self, mut buf: &[u8]) -> Result<()> {
        crate::fd::write_all_by(&mut buf, |rest| self.write(rest))
    }

    /// Writes all of `buf` or nothing, without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](CoreError::WouldBlock) if there is no room for all of it,
    /// [`MessageTooLarge`](CoreError::MessageTooLarge) if `buf` is longer than [`PIPE_BUF`],
    /// [`BrokenPipe`](CoreError::BrokenPipe).
    ///
    /// ```
    /// use ringway::{CoreError, pipe::{PIPE_BUF, pipe}};
    /// let (_reader, writer) = pipe().unwrap();
    /// writer.try_write_all(&[7; PIPE_BUF]).unwrap();
    /// let too_large = writer.try_write_all(&[7; PIPE_BUF + 1]).unwrap_err();
    /// assert!(too_large.is(CoreError::MessageTooLarge { max: PIPE_BUF }));
    /// ```
    pub fn try_write_all(&self, buf: &[u8]) -> Result<()> {
        if buf.len() > PIPE_BUF {
            let max = PIPE_BUF;
            return Err(Error::new(
                "write to the pipe in one piece",
                CoreError::MessageTooLarge { max },
            ));
        }
        // The system promises to write all or nothing up to this size.
        self.try_write(buf).map(|_| ())
    }
}

impl std::io::Write for Writer {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        std::io::Write::write(&mut &*self, buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Write for &Writer {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        Ok(self.write_by(buf, self.trait_timeout())?)
    }

    /// There is no buffer to flush.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
