//! Reading from and writing to streams of bytes.

use super::end::{Socket, recv_flags, send_flags};
use super::kind::{Family, Stream};
use crate::fd::{Interest, Timeout};
use crate::{CoreError, Error, Result};
use ringway_core::channel::Event;
use rustix::net::{RecvFlags, SendAncillaryBuffer};
use std::io::{self, IoSlice, Read, Write};

const READ: &str = "read from the stream";
const WRITE: &str = "write to the stream";

impl<F: Family> Socket<F, Stream> {
    crate::fd::forms! {
        /// Reads the bytes that are there, at most `buf.len()`; waits for the first.
        ///
        /// Returns their number. `Ok(0)` is the end of file, or an empty `buf`.
        ///
        /// # Errors
        /// [`Reset`](CoreError::Reset) if the connection was torn down, after all bytes that had
        /// come before were read; [`NotConnected`](CoreError::NotConnected)
        /// ([recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html)).
        ///
        /// ```
        /// use ringway::CoreError;
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = ringway::socket::UnixStream::pair()?;
        /// let mut buf = [0; 16];
        /// assert!(ours.try_read(&mut buf).unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Instant::now() + Duration::from_millis(5);
        /// assert!(ours.read_deadline(&mut buf, Some(soon)).unwrap_err().is(CoreError::TimedOut));
        /// theirs.write(b"hello")?;
        /// drop(theirs);
        /// assert_eq!(ours.read(&mut buf)?, 5);
        /// assert_eq!(ours.read(&mut buf)?, 0);
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "recv")]
        pub fn read,
        pub fn try_read,
        pub fn read_deadline:
        (&self, buf: &mut [u8]) -> usize = recv_bytes;

        /// Writes at least one byte of `buf`, normally all, and returns the number; waits until it
        /// can.
        ///
        /// It returns 0 only for an empty `buf`. The other forms write as many bytes as there is
        /// room for, which may be fewer than `buf` has.
        ///
        /// # Errors
        /// [`BrokenPipe`](CoreError::BrokenPipe) if nobody reads any more or this end has shut its
        /// sending down, [`Reset`](CoreError::Reset) if the connection was torn down
        /// ([send(2)](https://man7.org/linux/man-pages/man2/send.2.html)).
        ///
        /// ```
        /// use ringway::CoreError;
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = ringway::socket::UnixStream::pair()?;
        /// assert_eq!(ours.write(b"hello")?, 5);
        /// while ours.try_write(&[0; 65536]).is_ok() {}
        /// let soon = Instant::now() + Duration::from_millis(5);
        /// let late = ours.write_deadline(&[0; 65536], Some(soon)).unwrap_err();
        /// assert!(late.is(CoreError::TimedOut));
        /// drop(theirs);
        /// assert!(ours.write(b"hello").unwrap_err().is(CoreError::BrokenPipe));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "send")]
        pub fn write,
        pub fn try_write,
        pub fn write_deadline:
        (&self, buf: &[u8]) -> usize = send_bytes;
    }

    /// Writes the whole buffer; waits as long as that takes.
    ///
    /// To write with a deadline, use [`fd::write_all`](crate::fd::write_all).
    ///
    /// # Errors
    /// Those of [`write`](Self::write). It does not report how many bytes went out before the
    /// error.
    ///
    /// ```
    /// let (ours, theirs) = ringway::socket::UnixStream::pair()?;
    /// ours.write_all(b"hello")?;
    /// assert_eq!(theirs.read(&mut [0; 16])?, 5);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn write_all(&self, mut buf: &[u8]) -> Result<()> {
        crate::fd::write_all_by(&mut buf, |rest| self.write(rest))
    }

    pub(crate) fn recv_bytes(&self, buf: &mut [u8], timeout: Timeout) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if let Err(reason) = self.state().on(Event::Recv) {
            return self.recv_after_end(buf, reason);
        }
        let read = self.attempt(Interest::Read, timeout, |at_once| {
            rustix::net::recv(&self.fd, &mut *buf, recv_flags(at_once)).map(|(_, n)| n)
        });
        match read {
            Ok(0) => {
                self.record(Event::PeerShutSend);
                Ok(0)
            }
            Ok(n) => Ok(n),
            Err(errno) => Err(self.failed(READ, errno)),
        }
    }

    /// Makes the result of a read after the table said that nothing can come any more.
    #[cold]
    fn recv_after_end(&self, buf: &mut [u8], reason: CoreError) -> Result<usize> {
        match reason {
            CoreError::EndOfFile => Ok(0),
            // A send noticed the reset. The program may still read what had arrived before.
            CoreError::Reset => match rustix::net::recv(&self.fd, buf, RecvFlags::DONTWAIT) {
                Ok((_, n)) if n > 0 => Ok(n),
                _ => Err(Error::new(READ, reason)),
            },
            _ => Err(Error::new(READ, reason)),
        }
    }

    fn send_bytes(&self, buf: &[u8], timeout: Timeout) -> Result<usize> {
        self.state().on(Event::Send).map_err(|reason| Error::new(WRITE, reason))?;
        if buf.is_empty() {
            return Ok(0);
        }
        self.attempt(Interest::Write, timeout, |at_once| {
            rustix::net::send(&self.fd, buf, send_flags(at_once))
        })
        .map_err(|errno| self.failed(WRITE, errno))
    }

    pub(crate) fn send_slices(&self, slices: &[IoSlice<'_>], timeout: Timeout) -> Result<usize> {
        self.state().on(Event::Send).map_err(|reason| Error::new(WRITE, reason))?;
        self.attempt(Interest::Write, timeout, |at_once| {
            let mut nothing = SendAncillaryBuffer::default();
            rustix::net::sendmsg(&self.fd, slices, &mut nothing, send_flags(at_once))
        })
        .map_err(|errno| self.failed(WRITE, errno))
    }
}

/// Follows the descriptor's mode: waits, or fails with `WouldBlock` in the non-blocking mode.
impl<F: Family> Read for Socket<F, Stream> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_bytes(buf, Timeout::Mode)?)
    }
}

impl<F: Family> Read for &Socket<F, Stream> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_bytes(buf, Timeout::Mode)?)
    }
}

/// Follows the descriptor's mode: waits, or fails with `WouldBlock` in the non-blocking mode.
impl<F: Family> Write for Socket<F, Stream> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(self.send_bytes(buf, Timeout::Mode)?)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.send_slices(slices, Timeout::Mode)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: Family> Write for &Socket<F, Stream> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(self.send_bytes(buf, Timeout::Mode)?)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.send_slices(slices, Timeout::Mode)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
