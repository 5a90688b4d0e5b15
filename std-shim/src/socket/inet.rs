//! The Internet's sockets: names into addresses, connecting, UDP.

use super::end::{Socket, Timeout, open, send_flags};
use super::kind::{Datagram, Inet, Stream, Type, sealed};
use super::message::{SEND, largest_datagram};
use super::options::Options;
use super::resolve::ToAddresses;
use super::resolve::{resolve, try_each};
use crate::fd::{self, Interest};
use crate::{Error, Result, channel};
use ringway_core::channel::{Event, State};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, sockopt};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

const CONNECT: &str = "connect to";

impl Socket<Inet, Stream> {
    /// Connects to a host, by name or address, and a port. The addresses that a name has are tried in their order.
    ///
    /// # Errors
    /// [`NotFound`](channel::Error::NotFound) if the name has no address; else of the last address that was tried:
    /// [`Refused`](channel::Error::Refused) if nobody listens there, [`TimedOut`](channel::Error::TimedOut) when the
    /// system gave up, or what it says ([connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html)).
    ///
    /// ```
    /// use ringway::socket::{TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let port = listener.local_address()?.port();
    /// let client = TcpStream::connect(("localhost", port))?;
    /// assert_eq!(client.peer_address()?.port(), port);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn connect(to: impl ToAddresses) -> Result<Self> {
        Self::connect_deadline(to, None)
    }

    /// [`connect`](Self::connect), waiting at most until `deadline`. With several addresses each gets its share of the
    /// time that is left, so that one that never answers does not use up the time of the others.
    ///
    /// The deadline is for connecting. Looking a name up is the C library's, and takes its own time: where that
    /// matters, pass a [`SocketAddr`].
    ///
    /// # Errors
    /// [`TimedOut`](channel::Error::TimedOut) when it passed first; else as [`connect`](Self::connect).
    ///
    /// ```
    /// use ringway::socket::{TcpListener, TcpStream};
    /// use std::time::{Duration, Instant};
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// let client = TcpStream::connect_deadline(listener.local_address()?, Some(soon))?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn connect_deadline(to: impl ToAddresses, deadline: Option<Instant>) -> Result<Self> {
        try_each(to, |address, others| {
            let Some(deadline) = deadline else { return connect_one(address, None) };
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            let share = left / u32::try_from(others + 1).unwrap_or(u32::MAX);
            connect_one(address, Some(if others == 0 { deadline } else { now + share }))
        })
    }
}

fn connect_one(to: SocketAddr, deadline: Option<Instant>) -> Result<Socket<Inet, Stream>> {
    let failed = |errno: Errno| Error::new(CONNECT, errno).on(to);
    let fd = open(family(to), <Stream as sealed::Type>::TYPE, SocketFlags::NONBLOCK)?;
    match rustix::net::connect(&fd, &to) {
        Ok(()) => {}
        // It goes on by itself also after a signal, and must not be asked again: the answer is in SO_ERROR.
        Err(Errno::INPROGRESS | Errno::INTR) => {
            fd::poll_one(fd.as_fd(), Interest::Write, deadline).map_err(failed)?;
            sockopt::socket_error(&fd).map_err(failed)?.map_err(failed)?;
        }
        Err(errno) => return Err(failed(errno)),
    }
    fd::set_nonblocking(&fd, false)?;
    let socket = Socket::connected(fd)?;
    // The port that the system chose for this end may be the one that it was to reach: TCP then connects it to
    // itself, which is nobody who listens.
    if socket.local_address()? == to {
        return Err(Error::new(CONNECT, channel::Error::Refused).on(to));
    }
    Ok(socket)
}

impl Socket<Inet, Datagram> {
    /// A socket that receives at a port, 0 for one that the system chooses. Of the addresses that a name has, the first
    /// that can be bound is taken.
    ///
    /// # Errors
    /// [`AddressInUse`](channel::Error::AddressInUse); [`NotFound`](channel::Error::NotFound) if the name has no
    /// address ([bind(2)](https://man7.org/linux/man-pages/man2/bind.2.html)).
    ///
    /// ```
    /// let receiver = ringway::socket::UdpSocket::bind("localhost:0")?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn bind(address: impl ToAddresses) -> Result<Self> {
        Self::bind_with(address, &Options::new())
    }

    /// [`bind`](Self::bind) with options.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    ///
    /// ```
    /// use ringway::socket::{Options, UdpSocket};
    /// let receiver = UdpSocket::bind_with("127.0.0.1:0", &Options::new().recv_buffer(1 << 18))?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn bind_with(address: impl ToAddresses, options: &Options) -> Result<Self> {
        try_each(address, |address, _| {
            Socket::new(bind::<Datagram>(address, SocketFlags::empty(), options)?, State::New)
        })
    }

    /// Sets whom [`send`](Self::send) sends to, and from whom alone this socket receives. It may be called again. Nobody
    /// is asked: that nothing receives there shows only later, as [`Refused`](channel::Error::Refused).
    ///
    /// # Errors
    /// [`NotFound`](channel::Error::NotFound) if the name has no address of this socket's version.
    ///
    /// ```
    /// use ringway::socket::UdpSocket;
    /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// ours.connect(theirs.local_address()?)?;
    /// ours.send(b"hello")?;
    /// assert_eq!(theirs.recv(&mut [0; 16])?, 5);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn connect(&self, to: impl ToAddresses) -> Result<()> {
        try_each(to, |address, _| {
            fd::retry(|| rustix::net::connect(&self.fd, &address))
                .map_err(|errno| Error::new(CONNECT, errno).on(address))
        })?;
        self.learn(Event::Establish);
        Ok(())
    }

    /// Sends one datagram there; waits while the send buffer is full. That it was sent does not say that it arrives.
    ///
    /// A name is looked up with every call: where that costs too much, pass a [`SocketAddr`].
    ///
    /// # Errors
    /// [`MessageTooLarge`](channel::Error::MessageTooLarge); [`NotFound`](channel::Error::NotFound) if the name has
    /// no address; or what the system says ([sendto(2)](https://man7.org/linux/man-pages/man2/sendto.2.html)).
    ///
    /// ```
    /// use ringway::socket::UdpSocket;
    /// let (ours, theirs) = (UdpSocket::bind("[::1]:0")?, UdpSocket::bind("[::1]:0")?);
    /// ours.send_to(b"hello", theirs.local_address()?)?;
    /// assert_eq!(theirs.recv(&mut [0; 16])?, 5);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "sendto")]
    pub fn send_to(&self, message: &[u8], to: impl ToAddresses) -> Result<()> {
        self.send_to_each(message, to, Timeout::NEVER)
    }

    /// [`send_to`](Self::send_to) without waiting.
    ///
    /// # Errors
    /// [`WouldBlock`](channel::Error::WouldBlock) if the send buffer is full; else as [`send_to`](Self::send_to).
    ///
    /// ```
    /// use ringway::socket::UdpSocket;
    /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// ours.try_send_to(b"hello", theirs.local_address()?)?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn try_send_to(&self, message: &[u8], to: impl ToAddresses) -> Result<()> {
        self.send_to_each(message, to, Timeout::Now)
    }

    /// [`send_to`](Self::send_to), waiting at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](channel::Error::TimedOut) when it passed first; else as [`send_to`](Self::send_to).
    ///
    /// ```
    /// use ringway::socket::UdpSocket;
    /// use std::time::{Duration, Instant};
    /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// ours.send_to_deadline(b"hello", theirs.local_address()?, Some(soon))?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn send_to_deadline(
        &self,
        message: &[u8],
        to: impl ToAddresses,
        deadline: Option<Instant>,
    ) -> Result<()> {
        self.send_to_each(message, to, Timeout::Until(deadline))
    }

    fn send_to_each(&self, message: &[u8], to: impl ToAddresses, timeout: Timeout) -> Result<()> {
        let mut failure = None;
        for address in resolve(to)? {
            let sent = self.attempt(Interest::Write, timeout, |at_once| {
                rustix::net::sendto(&self.fd, message, send_flags(at_once), &address)
            });
            match sent {
                Ok(_) => return Ok(()),
                // The other version of IP: the next address may be of ours.
                Err(errno @ (Errno::AFNOSUPPORT | Errno::INVAL | Errno::NETUNREACH)) => {
                    failure = Some(self.not_sent(errno).on(address));
                }
                Err(Errno::MSGSIZE) => {
                    let max = largest_datagram(address.ip());
                    let reason = channel::Error::MessageTooLarge { max };
                    return Err(Error::new(SEND, reason).on(address));
                }
                Err(errno) => return Err(self.not_sent(errno).on(address)),
            }
        }
        Err(failure.unwrap_or_else(|| Error::new(SEND, channel::Error::NotFound)))
    }
}

/// A socket that is bound.
pub(super) fn bind<T: Type>(
    address: SocketAddr,
    flags: SocketFlags,
    options: &Options,
) -> Result<OwnedFd> {
    let fd = open(family(address), T::TYPE, flags)?;
    options.set_buffers(&fd, &address)?;
    options
        .set_sharing(&fd, T::CONNECTED, address.is_ipv6())
        .and_then(|()| rustix::net::bind(&fd, &address))
        .map_err(|errno| Error::new("bind to", errno).on(address))?;
    Ok(fd)
}

fn family(address: SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    }
}
