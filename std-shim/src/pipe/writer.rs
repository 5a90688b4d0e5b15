//! The end of a pipe or of a FIFO that one writes to.

use super::end::{End, PIPE_BUF, Writes};
use crate::fd::{Interest, Timeout, attempt, raw};
use crate::{CoreError, Error, Result};
use ringway_core::channel::{Event, State};
use rustix::io::{self, Errno};
use std::os::fd::AsFd;

/// The end that one writes to, of an anonymous pipe or of a FIFO.
///
/// It may be used by several threads at once, and duplicated for several processes: what one call
/// writes stays in one piece up to [`PIPE_BUF`] bytes. Dropped, it closes; when the last writer
/// closed, readers get the end of file.
///
/// Every form tells of a pipe without readers as an error. None of them lets `SIGPIPE` end the
/// process (see [`fd`](crate::fd)).
///
/// `Write` does what [`write`](Self::write) does, or [`try_write`](Self::try_write) in the
/// non-blocking mode.
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
        /// Writes `buf`, waiting for room, and returns how many bytes went in: all of them, unless
        /// a signal came in the middle of more than [`PIPE_BUF`], or the description is
        /// non-blocking. Never 0 unless `buf` is empty.
        ///
        /// One system call when there is room or it comes. A signal does not end it before
        /// something went in. The other forms write as much as there is room for; up to
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
        self.sent(attempt(fd, Interest::Write, timeout, |at_once| match at_once {
            true => self.write_now(buf),
            false => raw::write(fd, buf, self.suppress_sigpipe),
        }))
    }

    /// Turns what a call that put bytes into the pipe returned into news of the peer.
    #[inline]
    pub(super) fn sent(&self, result: io::Result<usize>) -> Result<usize> {
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
                // Nobody reads just now.
                Err(Errno::NXIO) => Err(Errno::PIPE),
                Ok(None) | Err(_) => {
                    raw::look_and_write(self.fd.as_fd(), buf, self.suppress_sigpipe)
                }
            },
            other => other,
        }
    }

    /// Writes all of `buf`, waiting for room. In one piece up to [`PIPE_BUF`] bytes; longer ones
    /// may have other writers' bytes between theirs. With a deadline:
    /// [`fd::write_all`](crate::fd::write_all).
    ///
    /// # Errors
    /// [`BrokenPipe`](CoreError::BrokenPipe) if no reader is left; some of it may have gone in.
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

    /// Writes all of `buf` or nothing, and does not wait.
    ///
    /// # Errors
    /// [`WouldBlock`](CoreError::WouldBlock) if there is no room for all of it,
    /// [`MessageTooLarge`](CoreError::MessageTooLarge) if it is longer than [`PIPE_BUF`],
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
        // Not less than all: the system promises so up to this size.
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
        Ok(self.write_by(buf, self.mode())?)
    }

    /// Nothing is kept back here.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
