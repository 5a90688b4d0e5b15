//! Unix sockets: pairs, connecting by name, and sending by name.

use super::address::UnixAddress;
use super::end::{Socket, open, send_flags};
use super::file::{self, SocketFile};
use super::kind::{Connected, Datagram, Type, Unix};
use super::message::SEND;
use super::options::Options;
use super::reach::Reach;
use crate::error::{On, Tried};
use crate::fd::{self, Interest, Timeout};
use crate::{Error, Result};
use ringway_core::channel::State;
use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

const CONNECT: &str = "connect to";

impl<T: Type> Socket<Unix, T> {
    /// Makes two unnamed ends that are connected to each other.
    ///
    /// # Errors
    /// [`Exhausted`](crate::CoreError::Exhausted)
    /// ([socketpair(2)](https://man7.org/linux/man-pages/man2/socketpair.2.html)).
    ///
    /// ```
    /// use ringway::socket::{UnixDatagram, UnixSeqpacket, UnixStream};
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let (ours, theirs) = UnixSeqpacket::pair()?;
    /// let (ours, theirs) = UnixDatagram::pair()?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "socketpair")]
    pub fn pair() -> Result<(Self, Self)> {
        let (one, other) =
            rustix::net::socketpair(AddressFamily::UNIX, T::TYPE, SocketFlags::CLOEXEC, None)
                .tried("make a pair of sockets")?;
        Ok((Socket::new(one, State::STREAM)?, Socket::new(other, State::STREAM)?))
    }
}

impl<T: Connected> Socket<Unix, T> {
    /// Connects as [`connect`](Self::connect) does, without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](crate::CoreError::WouldBlock) if the backlog is full; else those of
    /// [`connect`](Self::connect).
    ///
    /// ```
    /// use ringway::socket::{Options, UnixAddress, UnixListener, UnixStream};
    /// use ringway::CoreError;
    /// let options = Options::new().backlog(0); // still has room for one connection
    /// let listener = UnixListener::bind_with(UnixAddress::Unnamed, &options)?;
    /// let first = UnixStream::try_connect(listener.local_address()?)?;
    /// let error = UnixStream::try_connect(listener.local_address()?).unwrap_err();
    /// assert!(error.is(CoreError::WouldBlock));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn try_connect(to: impl Into<UnixAddress>) -> Result<Self> {
        Unix::connect(&to.into(), Timeout::Now)
    }
}

impl Socket<Unix, Datagram> {
    /// Makes an unnamed socket: it can send to others, and nobody can answer.
    ///
    /// # Errors
    /// [`Exhausted`](crate::CoreError::Exhausted).
    ///
    /// ```
    /// use ringway::channel::State;
    /// assert_eq!(ringway::socket::UnixDatagram::unbound()?.state(), State::New);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn unbound() -> Result<Self> {
        Socket::new(open(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::empty())?, State::New)
    }

    /// Sends as soon as the receiver's queue has room.
    ///
    /// poll(2) reports about this socket's own buffer, not about the queue of a receiver to which
    /// it is not connected. So this connects a second socket to the receiver, which is ready when
    /// the queue has room.
    #[cold]
    fn send_when_room(
        &self,
        to: &SocketAddrAny,
        deadline: Option<Instant>,
        mut send: impl FnMut() -> rustix::io::Result<usize>,
    ) -> rustix::io::Result<usize> {
        let queue = rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        rustix::net::connect(&queue, to)?;
        fd::retry_ready(queue.as_fd(), Interest::Write, deadline, || {
            let sent = send();
            if sent == Err(Errno::AGAIN) {
                fd::poll_one(self.fd.as_fd(), Interest::Write, deadline)?;
            }
            sent
        })
    }
}

impl Reach for Unix {
    fn bind<T: Type>(
        address: &UnixAddress,
        flags: SocketFlags,
        options: &Options,
    ) -> Result<(OwnedFd, Option<Box<SocketFile>>)> {
        let fd = open(AddressFamily::UNIX, T::TYPE, flags)?;
        options.set_buffers(&fd, address)?;
        let file = file::bind(fd.as_fd(), address, options)?;
        Ok((fd, file))
    }

    fn connect<T: Connected>(to: &UnixAddress, timeout: Timeout) -> Result<Socket<Unix, T>> {
        let failed = |errno: Errno| Error::new(CONNECT, errno).on(to);
        let address = encode(to, CONNECT)?;
        let fd = open(AddressFamily::UNIX, T::TYPE, SocketFlags::empty())?;
        match timeout {
            Timeout::NEVER | Timeout::Mode => {
                fd::retry(|| rustix::net::connect(&fd, &address)).map_err(failed)?;
            }
            Timeout::Now => {
                fd::set_nonblocking(&fd, true)?;
                fd::retry(|| rustix::net::connect(&fd, &address)).map_err(failed)?;
                fd::set_nonblocking(&fd, false)?;
            }
            Timeout::Until(Some(deadline)) => {
                connect_until(&fd, &address, deadline).map_err(failed)?;
                sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, None).map_err(failed)?;
            }
        }
        Socket::new(fd, State::STREAM)
    }

    fn set_peer(socket: &OwnedFd, to: &UnixAddress) -> Result<()> {
        let address = encode(to, CONNECT)?;
        fd::retry(|| rustix::net::connect(socket, &address)).tried(CONNECT).on(to)
    }

    fn send_to(
        socket: &Socket<Unix, Datagram>,
        message: &[u8],
        to: Vec<UnixAddress>,
        timeout: Timeout,
    ) -> Result<()> {
        for to in to {
            let address = SocketAddrAny::from(encode(&to, SEND)?);
            let send = |at_once| {
                let flags = send_flags(at_once);
                fd::retry(|| rustix::net::sendto(&socket.fd, message, flags, &address))
            };
            let mut sent = send(timeout != Timeout::NEVER);
            if let (Err(Errno::AGAIN), Timeout::Until(deadline)) = (sent, timeout) {
                sent = socket.send_when_room(&address, deadline, || send(true));
            }
            sent.map_err(|errno| socket.not_sent(errno).on(&to))?;
        }
        Ok(())
    }
}

fn encode(to: &UnixAddress, operation: &'static str) -> Result<SocketAddrUnix> {
    to.encode_peer().tried(operation).on(to)
}

/// Connects at most until the deadline.
///
/// poll(2) does not report when a backlog has room. A blocking `connect` waits for that, for the
/// time in `SO_SNDTIMEO`.
fn connect_until(
    fd: &OwnedFd,
    address: &SocketAddrUnix,
    deadline: Instant,
) -> rustix::io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Zero would mean no limit, so ask for at least a little. The kernel rounds it up to a tick
        // of its clock.
        let left = left.max(std::time::Duration::from_micros(1));
        sockopt::set_socket_timeout(fd, sockopt::Timeout::Send, Some(left))?;
        match rustix::net::connect(fd, address) {
            Err(Errno::AGAIN | Errno::INTR) if Instant::now() < deadline => {}
            Err(Errno::AGAIN | Errno::INTR) => return Err(Errno::TIMEDOUT),
            other => return other,
        }
    }
}
