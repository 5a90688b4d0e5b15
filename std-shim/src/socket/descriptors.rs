//! Descriptors that are sent with bytes or messages (`SCM_RIGHTS`).

use super::control::{self, MAX_DESCRIPTORS};
use super::end::{Socket, recv_flags, send_flags};
use super::kind::{Type, Unix};
use super::message::{RECEIVE, SEND, fits};
use crate::fd::{Interest, Timeout};
use crate::{CoreError, Error, Result};
use ringway_core::channel::{Event, State};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SocketType};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

/// What a call received: the number of bytes in the buffer, and descriptors.
#[derive(Debug)]
pub struct Received {
    /// The size of the message, or the number of bytes that the stream had.
    ///
    /// 0 on a stream is the end of file.
    pub size: usize,
    /// The descriptors in the order in which the peer sent them, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
}

/// Unix sockets of all types carry descriptors.
impl<T: Type> Socket<Unix, T> {
    /// Sends bytes, or a message, with descriptors; waits for room, at most until `deadline`.
    ///
    /// The receiver gets its own descriptors for the same open files, and the sender keeps its own.
    /// Returns the number of bytes that were sent. On a stream it may be less than `data` has, and
    /// the descriptors go with the first byte.
    ///
    /// # Errors
    /// `EINVAL` for more than [`MAX_DESCRIPTORS`], or for an empty `data` on a stream, where
    /// descriptors need at least one byte to go with. `ETOOMANYREFS` if too many descriptors are
    /// under way. [`TimedOut`](CoreError::TimedOut) if `deadline` passed first. Otherwise the
    /// errors of writing or sending
    /// ([sendmsg(2)](https://man7.org/linux/man-pages/man2/sendmsg.2.html),
    /// [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html)).
    ///
    /// ```
    /// use ringway::socket::UnixStream;
    /// use std::io::{Read, Write};
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let (mut reader, writer) = std::io::pipe().unwrap();
    /// ours.send_descriptors(b"a pipe's writer", &[writer.as_fd()], None)?;
    /// drop(writer);
    ///
    /// let mut buf = [0; 32];
    /// let received = theirs.recv_descriptors(&mut buf, 1, None)?;
    /// assert_eq!(&buf[..received.size], b"a pipe's writer");
    /// let mut writer = std::fs::File::from(received.descriptors.into_iter().next().unwrap());
    /// writer.write_all(b"through it").unwrap();
    /// drop(writer);
    /// let mut all = String::new();
    /// reader.read_to_string(&mut all).unwrap();
    /// assert_eq!(all, "through it");
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "sendmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub fn send_descriptors(
        &self,
        data: &[u8],
        descriptors: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<usize> {
        self.send_rights(&[IoSlice::new(data)], descriptors, Timeout::Until(deadline))
    }

    /// Receives bytes, or a message, with at most `room` descriptors; waits at most until
    /// `deadline`.
    ///
    /// A stream returns the bytes up to those that came with the next descriptors.
    ///
    /// No descriptor leaks. This call closes the descriptors that it does not return, and each one
    /// is close-on-exec from the moment it exists in this process. Another process that has this
    /// socket may ask for other control data with every message (`SO_PASSCRED`, `SO_PASSPIDFD`,
    /// `SO_TIMESTAMP`). This call ignores that data, and closes the descriptors in it.
    ///
    /// # Errors
    /// [`Exhausted`](CoreError::Exhausted) if more descriptors came than `room`, or more than this
    /// process may still open. Then this call closes those that came, the system drops the others,
    /// and the bytes or the message are lost too. A stream has a gap then, so end the conversation.
    /// [`TimedOut`](CoreError::TimedOut) if `deadline` passed first. Otherwise the errors of
    /// reading or receiving ([recvmsg(2)](https://man7.org/linux/man-pages/man2/recvmsg.2.html)).
    ///
    /// ```
    /// use ringway::{CoreError, socket::UnixSeqpacket};
    /// use std::os::fd::AsFd;
    /// let (ours, theirs) = UnixSeqpacket::pair()?;
    /// ours.send_descriptors(b"two", &[ours.as_fd(), theirs.as_fd()], None)?;
    /// let error = theirs.recv_descriptors(&mut [0; 8], 1, None).unwrap_err();
    /// assert!(error.is(CoreError::Exhausted));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "recvmsg")]
    #[doc(alias = "SCM_RIGHTS")]
    pub fn recv_descriptors(
        &self,
        buf: &mut [u8],
        room: usize,
        deadline: Option<Instant>,
    ) -> Result<Received> {
        self.recv_all_rights(buf, room, Timeout::Until(deadline))
    }

    pub(crate) fn send_rights(
        &self,
        data: &[IoSlice<'_>],
        descriptors: &[BorrowedFd<'_>],
        timeout: Timeout,
    ) -> Result<usize> {
        if descriptors.len() > MAX_DESCRIPTORS {
            return Err(Error::new("send more than 253 descriptors at once", Errno::INVAL));
        }
        if T::TYPE == SocketType::STREAM && data.iter().all(|slice| slice.is_empty()) {
            // The system would drop the descriptors and report no error.
            return Err(Error::new("send descriptors without a byte", Errno::INVAL));
        }
        if T::CONNECTED {
            self.state().on(Event::Send).map_err(|reason| Error::new(SEND, reason))?;
        }
        self.attempt(Interest::Write, timeout, |at_once| {
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty()
                && !control.push(SendAncillaryMessage::ScmRights(descriptors))
            {
                return Err(Errno::INVAL);
            }
            rustix::net::sendmsg(&self.fd, data, &mut control, send_flags(at_once))
        })
        .map_err(|errno| self.not_sent(errno))
    }

    pub(crate) fn recv_all_rights(
        &self,
        buf: &mut [u8],
        room: usize,
        timeout: Timeout,
    ) -> Result<Received> {
        let rights = self.recv_rights(buf, room, timeout)?;
        // From here on, an early return drops the received descriptors, which closes them.
        if rights.lost || rights.received.descriptors.len() > room {
            return Err(Error::new(ALL, CoreError::Exhausted));
        }
        if T::TYPE != SocketType::STREAM {
            fits(rights.received.size, buf.len())?;
        }
        Ok(rights.received)
    }

    /// Receives, and reports whether descriptors were lost. There may be more than `room`.
    pub(crate) fn recv_rights(
        &self,
        buf: &mut [u8],
        room: usize,
        timeout: Timeout,
    ) -> Result<Rights> {
        let messages = T::TYPE != SocketType::STREAM;
        let timeout = match self.may_recv(timeout) {
            Ok(timeout) => timeout,
            Err(CoreError::EndOfFile) if !messages => {
                let received = Received { size: 0, descriptors: Vec::new() };
                return Ok(Rights { received, lost: false });
            }
            Err(reason) => return Err(Error::new(RECEIVE, reason)),
        };
        // Only a seqpacket has an end that its size does not show. It marks every message that is
        // not the end.
        let has_end = messages && T::CONNECTED;
        let is_end = |came: &control::Message| has_end && came.size == 0 && !came.marked;
        let came = self
            .attempt_recv(timeout, is_end, |at_once| {
                let mut flags = recv_flags(at_once);
                flags.set(RecvFlags::TRUNC, messages);
                control::recv(self.fd.as_fd(), buf, room, flags)
            })
            .map_err(|errno| self.not_received(errno))?;

        if is_end(&came) {
            return Err(self.ended());
        }
        let at_end = !messages && came.size == 0 && !buf.is_empty();
        if at_end {
            if self.state() == State::Reset {
                return Err(Error::new(RECEIVE, CoreError::Reset));
            }
            self.record(Event::PeerShutSend);
        }
        let received = Received { size: came.size, descriptors: came.descriptors };
        // At the end of a stream no descriptors are lost, even if the system reports truncated
        // control data.
        Ok(Rights { received, lost: came.truncated && !at_end })
    }
}

/// What a call received, and whether that was all.
pub(crate) struct Rights {
    pub(crate) received: Received,
    /// Whether the peer sent descriptors that did not arrive, because this process may not open so
    /// many.
    pub(crate) lost: bool,
}

const ALL: &str = "receive every descriptor that was sent (those that came are closed)";
