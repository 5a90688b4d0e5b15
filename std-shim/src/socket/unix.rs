//! Sockets of this machine: pairs, names, connecting.

use super::address::UnixAddress;
use super::end::{Socket, Timeout, open, send_flags};
use super::file;
use super::kind::{Connected, Datagram, Type, Unix};
use super::message::SEND;
use super::options::Options;
use crate::fd::{self, Interest};
use crate::{Error, Result};
use ringway_core::channel::{Event, State};
use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

const CONNECT: &str = "connect to";

impl<T: Type> Socket<Unix, T> {
    /// Two ends that are connected to each other, without a name.
    ///
    /// # Errors
    /// [`Exhausted`](crate::channel::Error::Exhausted)
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
                .map_err(|errno| Error::new("make a pair of sockets", errno))?;
        Ok((Socket::new(one, State::STREAM)?, Socket::new(other, State::STREAM)?))
    }
}

impl<T: Connected> Socket<Unix, T> {
    /// Connects to the listener of that name; waits while its backlog is full.
    ///
    /// # Errors
    /// [`NotFound`](crate::channel::Error::NotFound) if nothing has the name,
    /// [`Refused`](crate::channel::Error::Refused) if nobody listens there (the file of a dead listener, for
    /// instance), [`BadName`](crate::channel::Error::BadName), or what the system says
    /// ([connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html)): `EPROTOTYPE` if the listener is of another type,
    /// `EACCES` without permission to write to the file.
    ///
    /// ```
    /// use ringway::channel;
    /// use ringway::socket::UnixStream;
    /// let dir = tempfile::tempdir().unwrap();
    /// let error = UnixStream::connect(dir.path().join("nobody")).unwrap_err();
    /// assert!(error.is(channel::Error::NotFound));
    /// ```
    pub fn connect(to: impl Into<UnixAddress>) -> Result<Self> {
        connect_with(to.into(), Timeout::NEVER)
    }

    /// [`connect`](Self::connect) without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](crate::channel::Error::WouldBlock) if the backlog is full; else as [`connect`](Self::connect).
    ///
    /// ```
    /// use ringway::socket::{Options, UnixAddress, UnixListener, UnixStream};
    /// use ringway::channel;
    /// let options = Options::new().backlog(0); // room for one all the same
    /// let listener = UnixListener::bind_with(UnixAddress::Unnamed, &options)?;
    /// let first = UnixStream::try_connect(listener.local_address()?)?;
    /// let error = UnixStream::try_connect(listener.local_address()?).unwrap_err();
    /// assert!(error.is(channel::Error::WouldBlock));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn try_connect(to: impl Into<UnixAddress>) -> Result<Self> {
        connect_with(to.into(), Timeout::Now)
    }

    /// [`connect`](Self::connect), waiting at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](crate::channel::Error::TimedOut) if the backlog was full until then; else as
    /// [`connect`](Self::connect).
    ///
    /// ```
    /// use ringway::socket::{UnixAddress, UnixListener, UnixStream};
    /// use std::time::{Duration, Instant};
    /// let listener = UnixListener::bind(UnixAddress::Unnamed)?;
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// let client = UnixStream::connect_deadline(listener.local_address()?, Some(soon))?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn connect_deadline(to: impl Into<UnixAddress>, deadline: Option<Instant>) -> Result<Self> {
        connect_with(to.into(), Timeout::Until(deadline))
    }
}

fn connect_with<T: Connected>(to: UnixAddress, timeout: Timeout) -> Result<Socket<Unix, T>> {
    let failed = |errno: Errno| Error::new(CONNECT, errno).on(&to);
    let address = to.encode_peer().map_err(|reason| Error::new(CONNECT, reason).on(&to))?;
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

/// poll(2) does not tell when a backlog has room. A blocking `connect` waits for that, as long as `SO_SNDTIMEO` says.
fn connect_until(
    fd: &OwnedFd,
    address: &SocketAddrUnix,
    deadline: Instant,
) -> rustix::io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A zero would mean for ever; the least that the kernel counts is one tick of its clock.
        let left = left.max(std::time::Duration::from_micros(1));
        sockopt::set_socket_timeout(fd, sockopt::Timeout::Send, Some(left))?;
        match rustix::net::connect(fd, address) {
            Err(Errno::AGAIN | Errno::INTR) if Instant::now() < deadline => {}
            Err(Errno::AGAIN | Errno::INTR) => return Err(Errno::TIMEDOUT),
            other => return other,
        }
    }
}

impl Socket<Unix, Datagram> {
    /// A socket without a name: it can send to others, and nobody can answer.
    ///
    /// # Errors
    /// [`Exhausted`](crate::channel::Error::Exhausted).
    ///
    /// ```
    /// use ringway::channel::State;
    /// assert_eq!(ringway::socket::UnixDatagram::unbound()?.state(), State::New);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn unbound() -> Result<Self> {
        Socket::new(open(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::empty())?, State::New)
    }

    /// A socket that receives under this name. A socket file is treated as
    /// [`Listener::bind`](super::Listener::bind) treats it: a dead one's is replaced, and ours goes when the socket is dropped.
    ///
    /// # Errors
    /// As [`Listener::bind`](super::Listener::bind).
    ///
    /// ```
    /// use ringway::socket::UnixDatagram;
    /// let dir = tempfile::tempdir().unwrap();
    /// let receiver = UnixDatagram::bind(dir.path().join("inbox"))?;
    /// UnixDatagram::unbound()?.send_to(b"hello", dir.path().join("inbox"))?;
    /// assert_eq!(receiver.recv(&mut [0; 16])?, 5);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn bind(address: impl Into<UnixAddress>) -> Result<Self> {
        Self::bind_with(address, &Options::new())
    }

    /// [`bind`](Self::bind) with options.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    ///
    /// ```
    /// use ringway::socket::{Options, UnixDatagram};
    /// let dir = tempfile::tempdir().unwrap();
    /// let private = Options::new().mode(0o600);
    /// let receiver = UnixDatagram::bind_with(dir.path().join("inbox"), &private)?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn bind_with(address: impl Into<UnixAddress>, options: &Options) -> Result<Self> {
        let address = address.into();
        let mut socket = Self::unbound()?;
        options.set_buffers(&socket.fd, &address)?;
        socket.file = file::bind(socket.fd.as_fd(), &address, options)?;
        Ok(socket)
    }

    /// Sets whom [`send`](Self::send) sends to, and from whom alone this socket receives. It may be called again.
    ///
    /// # Errors
    /// [`NotFound`](crate::channel::Error::NotFound), [`Refused`](crate::channel::Error::Refused) if the socket that
    /// had the name is gone.
    ///
    /// ```
    /// use ringway::socket::{UnixAddress, UnixDatagram};
    /// let receiver = UnixDatagram::bind(UnixAddress::Unnamed)?;
    /// let sender = UnixDatagram::unbound()?;
    /// sender.connect(receiver.local_address()?)?;
    /// sender.send(b"hello")?;
    /// assert!(sender.state().can_send());
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn connect(&self, to: impl Into<UnixAddress>) -> Result<()> {
        let to = to.into();
        let address = to.encode_peer().map_err(|reason| Error::new(CONNECT, reason).on(&to))?;
        fd::retry(|| rustix::net::connect(&self.fd, &address))
            .map_err(|errno| Error::new(CONNECT, errno).on(&to))?;
        self.learn(Event::Establish);
        Ok(())
    }

    /// Sends one datagram to the socket of that name; waits while the receiver's queue is full.
    ///
    /// # Errors
    /// [`NotFound`](crate::channel::Error::NotFound) if nothing has the name, [`Refused`](crate::channel::Error::Refused) if the
    /// socket that had it is gone, [`MessageTooLarge`](crate::channel::Error::MessageTooLarge).
    ///
    /// ```
    /// use ringway::socket::{UnixAddress, UnixDatagram};
    /// let receiver = UnixDatagram::bind(UnixAddress::Unnamed)?; // the kernel chooses an abstract name
    /// UnixDatagram::unbound()?.send_to(b"hello", receiver.local_address()?)?;
    /// assert_eq!(receiver.recv(&mut [0; 16])?, 5);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "sendto")]
    pub fn send_to(&self, message: &[u8], to: impl Into<UnixAddress>) -> Result<()> {
        self.send_to_name(message, to.into(), Timeout::NEVER)
    }

    /// [`send_to`](Self::send_to) without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](crate::channel::Error::WouldBlock) if the receiver's queue is full; else as [`send_to`](Self::send_to).
    ///
    /// ```
    /// use ringway::channel;
    /// use ringway::socket::{UnixAddress, UnixDatagram};
    /// let receiver = UnixDatagram::bind(UnixAddress::Unnamed)?;
    /// let sender = UnixDatagram::unbound()?;
    /// let full = loop {
    ///     if let Err(error) = sender.try_send_to(b"more", receiver.local_address()?) {
    ///         break error;
    ///     }
    /// };
    /// assert!(full.is(channel::Error::WouldBlock));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn try_send_to(&self, message: &[u8], to: impl Into<UnixAddress>) -> Result<()> {
        self.send_to_name(message, to.into(), Timeout::Now)
    }

    /// [`send_to`](Self::send_to), waiting at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](crate::channel::Error::TimedOut) when it passed first; else as [`send_to`](Self::send_to).
    ///
    /// ```
    /// use ringway::socket::{UnixAddress, UnixDatagram};
    /// use std::time::{Duration, Instant};
    /// let receiver = UnixDatagram::bind(UnixAddress::Unnamed)?;
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// UnixDatagram::unbound()?.send_to_deadline(b"hello", receiver.local_address()?, Some(soon))?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn send_to_deadline(
        &self,
        message: &[u8],
        to: impl Into<UnixAddress>,
        deadline: Option<Instant>,
    ) -> Result<()> {
        self.send_to_name(message, to.into(), Timeout::Until(deadline))
    }

    fn send_to_name(&self, message: &[u8], to: UnixAddress, timeout: Timeout) -> Result<()> {
        let address = to.encode_peer().map_err(|reason| Error::new(SEND, reason).on(&to))?;
        let address = SocketAddrAny::from(address);
        let send = |at_once| {
            fd::retry(|| rustix::net::sendto(&self.fd, message, send_flags(at_once), &address))
        };
        let mut sent = send(timeout != Timeout::NEVER);
        if sent == Err(Errno::AGAIN) {
            sent = match timeout {
                Timeout::Now | Timeout::Mode => sent,
                Timeout::Until(deadline) => self.send_when_room(&address, deadline, || send(true)),
            };
        }
        sent.map(drop).map_err(|errno| self.not_sent(errno).on(&to))
    }

    /// poll(2) tells of this socket's own buffer, and not of the queue of a receiver that it is not connected to. So a
    /// second socket is connected there, whose readiness is that of the queue.
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
