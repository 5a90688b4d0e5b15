//! Messages, which are sent whole and received whole.

use super::end::{Socket, recv_flags, send_flags};
use super::kind::{Datagram, Family, Message, Seqpacket, Type, sealed};
use super::settings;
use crate::fd::{Interest, Timeout};
use crate::{Cause, CoreError, Error, Result};
use ringway_core::channel::{Event, State};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, SocketType, sockopt};
use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

pub(super) const SEND: &str = "send the message";
pub(super) const RECEIVE: &str = "receive a message";

/// For both types that carry messages: each is sent whole or not at all, and received whole.
impl<F: Family, T: Message> Socket<F, T> {
    crate::fd::forms! {
        /// Sends one message to the peer, which may be empty; waits while there is no room.
        ///
        /// # Errors
        /// [`MessageTooLarge`](CoreError::MessageTooLarge) with the size of the largest message
        /// that this socket can send now; [`BrokenPipe`](CoreError::BrokenPipe) if nobody receives
        /// any more; [`NotConnected`](CoreError::NotConnected); for datagrams also
        /// [`Refused`](CoreError::Refused) if the receiver is gone
        /// ([send(2)](https://man7.org/linux/man-pages/man2/send.2.html)).
        ///
        /// ```
        /// use ringway::{CoreError, socket::UnixSeqpacket};
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = UnixSeqpacket::pair()?;
        /// ours.send(b"one")?;
        /// ours.send_deadline(b"three", Some(Instant::now() + Duration::from_secs(1)))?;
        /// let mut buf = [0; 16];
        /// assert_eq!(theirs.recv(&mut buf)?, 3);
        /// assert_eq!(theirs.recv(&mut buf)?, 5);
        /// let full = loop {
        ///     if let Err(error) = ours.try_send(&[0; 4096]) {
        ///         break error;
        ///     }
        /// };
        /// assert!(full.is(CoreError::WouldBlock));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        pub fn send,
        pub fn try_send,
        pub fn send_deadline:
        (&self, message: &[u8]) -> () = send_message;

        /// Receives one message and returns its size; waits for it.
        ///
        /// `Ok(0)` is an empty message, never the end.
        ///
        /// A message that is larger than `buf` is still taken from the queue: `buf` gets its
        /// beginning, and the system drops the rest. If the sizes are not known beforehand, ask
        /// [`next_size`](Self::next_size) first.
        ///
        /// Descriptors that came with the message are closed, so that none leaks.
        /// [`recv_descriptors`](Self::recv_descriptors) receives them.
        ///
        /// # Errors
        /// [`EndOfFile`](CoreError::EndOfFile) if the peer of a [`Seqpacket`] has closed and every
        /// message was received. A datagram socket never notices that, and keeps waiting.
        /// [`BufferTooSmall`](CoreError::BufferTooSmall) with the size of the message;
        /// [`Reset`](CoreError::Reset)
        /// ([recv(2)](https://man7.org/linux/man-pages/man2/recv.2.html)).
        ///
        /// ```
        /// use ringway::{CoreError, socket::UnixSeqpacket};
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = UnixSeqpacket::pair()?;
        /// let mut buf = [0; 4];
        /// assert!(theirs.try_recv(&mut buf).unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Instant::now() + Duration::from_millis(5);
        /// let late = theirs.recv_deadline(&mut buf, Some(soon)).unwrap_err();
        /// assert!(late.is(CoreError::TimedOut));
        ///
        /// ours.send(b"")?;
        /// ours.send(b"long message")?;
        /// drop(ours);
        /// assert_eq!(theirs.recv(&mut buf)?, 0);
        /// let error = theirs.recv(&mut buf).unwrap_err();
        /// assert!(error.is(CoreError::BufferTooSmall { needed: 12 }) && &buf == b"long");
        /// assert!(theirs.recv(&mut buf).unwrap_err().is(CoreError::EndOfFile));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "recvmsg")]
        pub fn recv,
        pub fn try_recv,
        pub fn recv_deadline:
        (&self, buf: &mut [u8]) -> usize = recv_message;
    }

    /// Returns the size of the next message for [`recv`](Self::recv), and leaves it; waits for it.
    ///
    /// The answer stays valid as long as nobody else receives from the same socket.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    ///
    /// ```
    /// use ringway::socket::UnixDatagram;
    /// let (ours, theirs) = UnixDatagram::pair()?;
    /// ours.send(&[7; 300])?;
    /// let mut buf = vec![0; theirs.next_size()?];
    /// assert_eq!(theirs.recv(&mut buf)?, 300);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "MSG_PEEK")]
    #[doc(alias = "MSG_TRUNC")]
    pub fn next_size(&self) -> Result<usize> {
        match self.recv_with(&mut [], Timeout::NEVER, RecvFlags::PEEK) {
            Ok(size) => Ok(size),
            Err(error) => match error.cause() {
                Cause::Core(CoreError::BufferTooSmall { needed }) => Ok(needed),
                _ => Err(error),
            },
        }
    }

    fn send_message(&self, message: &[u8], timeout: Timeout) -> Result<()> {
        self.may_send()?;
        self.attempt(Interest::Write, timeout, |at_once| {
            rustix::net::send(&self.fd, message, send_flags(at_once))
        })
        .map(drop)
        .map_err(|errno| self.not_sent(errno))
    }

    /// Asks the table whether this end may send.
    ///
    /// Datagrams need no connection, so the table is not asked for them.
    #[inline]
    fn may_send(&self) -> Result<()> {
        if T::CONNECTED {
            self.state().on(Event::Send).map_err(|reason| Error::new(SEND, reason))?;
        }
        Ok(())
    }

    fn recv_message(&self, buf: &mut [u8], timeout: Timeout) -> Result<usize> {
        self.recv_with(buf, timeout, RecvFlags::empty())
    }

    #[inline]
    fn recv_with(&self, buf: &mut [u8], timeout: Timeout, more: RecvFlags) -> Result<usize> {
        let timeout = self.may_recv(timeout).map_err(|reason| Error::new(RECEIVE, reason))?;
        let received = self.attempt_recv(timeout, Option::is_none, |at_once| {
            T::recv(self.fd.as_fd(), buf, recv_flags(at_once) | RecvFlags::TRUNC | more)
        });
        match received {
            Ok(Some(size)) => fits(size, buf.len()),
            Ok(None) => Err(self.ended()),
            Err(errno) => Err(self.not_received(errno)),
        }
    }
}

impl<F: Family, T: Type> Socket<F, T> {
    /// Asks the table whether this end may receive, and returns how long it may wait.
    ///
    /// If a send noticed a reset, the program may still receive what had arrived before. Nothing
    /// else will come, so it must not wait.
    #[inline]
    pub(super) fn may_recv(&self, timeout: Timeout) -> std::result::Result<Timeout, CoreError> {
        if !T::CONNECTED {
            return Ok(timeout);
        }
        match self.state().on(Event::Recv) {
            Ok(_) => Ok(timeout),
            Err(CoreError::Reset) => Ok(Timeout::Now),
            Err(reason) => Err(reason),
        }
    }

    /// Does what [`attempt`](Self::attempt) does, for receiving, where `is_end` recognises the end.
    ///
    /// Messages that had arrived come before the end and before a reset, as on streams. Linux does
    /// not ensure that for a seqpacket. It reports a reset first. And it reports the end if the
    /// peer sent and closed after the kernel checked the queue and before it checked the peer. So
    /// this makes another attempt.
    #[inline]
    pub(super) fn attempt_recv<R>(
        &self,
        timeout: Timeout,
        is_end: impl Fn(&R) -> bool,
        mut operation: impl FnMut(bool) -> rustix::io::Result<R>,
    ) -> rustix::io::Result<R> {
        let received = self.attempt(Interest::Read, timeout, &mut operation);
        match &received {
            Err(Errno::CONNRESET) if T::CONNECTED => self.record(Event::Reset),
            Ok(received) if is_end(received) => {}
            _ => return received,
        }
        self.attempt(Interest::Read, Timeout::Now, operation)
    }

    #[cold]
    pub(super) fn not_received(&self, errno: Errno) -> Error {
        if T::CONNECTED && self.state() == State::Reset {
            return Error::new(RECEIVE, CoreError::Reset);
        }
        self.failed(RECEIVE, errno)
    }

    /// Makes the error of a send to the peer.
    #[cold]
    pub(super) fn not_sent(&self, errno: Errno) -> Error {
        if errno != Errno::MSGSIZE {
            return self.failed(SEND, errno);
        }
        let peer = rustix::net::getpeername(&self.fd).ok().flatten();
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        let max = match peer {
            Some(peer) => largest_datagram(peer.ip()),
            // The kernel keeps 32 bytes of the send buffer for itself, says unix(7).
            None => sockopt::socket_send_buffer_size(&self.fd).unwrap_or(0).saturating_sub(32),
        };
        Error::new(SEND, CoreError::MessageTooLarge { max })
    }

    /// Records that the peer has closed and everything was received, and makes the error.
    #[cold]
    pub(super) fn ended(&self) -> Error {
        if self.state() == State::Reset {
            return Error::new(RECEIVE, CoreError::Reset);
        }
        self.record(Event::PeerShutSend);
        Error::new(RECEIVE, CoreError::EndOfFile)
    }
}

/// The largest datagram that UDP carries to this address.
pub(super) fn largest_datagram(to: IpAddr) -> usize {
    // An IPv6 socket may write a version 4 address in its own way. That is version 4 too.
    if to.to_canonical().is_ipv4() {
        // A packet has 16 bits for its length, which includes 20 bytes of its own header and 8 of
        // UDP's.
        65535 - 20 - 8
    } else {
        // The length of a version 6 packet does not include its own header.
        65535 - 8
    }
}

pub(super) fn fits(needed: usize, room: usize) -> Result<usize> {
    if needed > room {
        Err(Error::new(RECEIVE, CoreError::BufferTooSmall { needed }))
    } else {
        Ok(needed)
    }
}

/// Sending and receiving datagrams by address.
impl<F: Family> Socket<F, Datagram> {
    fn recv_message_from(&self, buf: &mut [u8], timeout: Timeout) -> Result<(usize, F::Address)> {
        let (size, from) = self
            .attempt(Interest::Read, timeout, |at_once| {
                let flags = recv_flags(at_once) | RecvFlags::TRUNC;
                rustix::net::recvfrom(&self.fd, &mut *buf, flags).map(|(_, n, from)| (n, from))
            })
            .map_err(|errno| self.failed(RECEIVE, errno))?;
        let size = fits(size, buf.len())?;
        Ok((size, from.as_ref().and_then(F::decode).unwrap_or_else(F::unknown)))
    }

    crate::fd::forms! {
        /// Receives one datagram and the address of its sender; waits for it.
        ///
        /// # Errors
        /// Those of [`recv`](Self::recv). If a message was too large for `buf`, it is dropped and
        /// its sender is not reported.
        ///
        /// ```
        /// use ringway::{CoreError, socket::UdpSocket};
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        /// assert!(theirs.try_recv_from(&mut [0; 16]).unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Instant::now() + Duration::from_millis(5);
        /// let late = theirs.recv_from_deadline(&mut [0; 16], Some(soon)).unwrap_err();
        /// assert!(late.is(CoreError::TimedOut));
        ///
        /// ours.send_to(b"hello", theirs.local_address()?)?;
        /// let (size, from) = theirs.recv_from(&mut [0; 16])?;
        /// assert_eq!((size, from), (5, ours.local_address()?));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "recvfrom")]
        pub fn recv_from,
        pub fn try_recv_from,
        pub fn recv_from_deadline:
        (&self, buf: &mut [u8]) -> (usize, F::Address) = recv_message_from;
    }
}

impl sealed::Message for Datagram {
    #[inline]
    fn recv(
        fd: BorrowedFd<'_>,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> rustix::io::Result<Option<usize>> {
        rustix::net::recv(fd, buf, flags).map(|(_, size)| Some(size))
    }
}

/// A message may be empty, and `recv(2)` returns 0 for it, as it does at the end.
///
/// To tell the two apart, every end asks for a time stamp with each message (`SO_TIMESTAMP`) and
/// has no room for it. So the system marks every message with `MSG_CTRUNC`. It does not mark the
/// end, which is no message. This costs reading a clock, and `recvmsg` instead of `recv`, but no
/// second system call.
impl sealed::Type for Seqpacket {
    const TYPE: SocketType = SocketType::SEQPACKET;
    const CONNECTED: bool = true;

    fn prepare(fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
        settings::set_timestamp(fd, true)
    }

    fn release(fd: BorrowedFd<'_>) {
        // A program that takes the descriptor reckons with its own control data. It must not find
        // the time stamps there.
        let _ = settings::set_timestamp(fd, false);
    }
}

impl sealed::Message for Seqpacket {
    #[inline]
    fn recv(
        fd: BorrowedFd<'_>,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> rustix::io::Result<Option<usize>> {
        let mut no_room = RecvAncillaryBuffer::default();
        let message = rustix::net::recvmsg(fd, &mut [IoSliceMut::new(buf)], &mut no_room, flags)?;
        let end = message.bytes == 0 && !message.flags.contains(ReturnFlags::CTRUNC);
        Ok((!end).then_some(message.bytes))
    }
}
