//! Binding, connecting and sending by address, in every family.

use super::address::UnixAddress;
use super::end::Socket;
use super::file::SocketFile;
use super::kind::{Connected, Datagram, Family, Inet, Type, Unix};
use super::options::Options;
use super::resolve::{ToAddresses, resolve, try_each};
use crate::Result;
use crate::fd::Timeout;
use ringway_core::channel::{Event, State};
use rustix::net::SocketFlags;
use std::os::fd::OwnedFd;
use std::time::Instant;

/// What a socket of the family `F` is bound to, connected to or sent to: for [`Unix`] a path or a
/// [`UnixAddress`], for [`Inet`] all that is [`ToAddresses`]: a name and a port, which may be
/// several addresses, to be tried in their order.
pub trait Destination<F: Family> {
    #[doc(hidden)]
    fn addresses(self) -> Result<Vec<F::Address>>;
}

impl<A: Into<UnixAddress>> Destination<Unix> for A {
    fn addresses(self) -> Result<Vec<UnixAddress>> {
        Ok(vec![self.into()])
    }
}

impl<A: ToAddresses> Destination<Inet> for A {
    fn addresses(self) -> Result<Vec<std::net::SocketAddr>> {
        resolve(self)
    }
}

/// What differs between the families.
pub trait Reach: Family {
    /// A socket that is bound, and its file if it has one.
    #[doc(hidden)]
    fn bind<T: Type>(
        address: &Self::Address,
        flags: SocketFlags,
        options: &Options,
    ) -> Result<(OwnedFd, Option<Box<SocketFile>>)>;

    /// A connected socket.
    #[doc(hidden)]
    fn connect<T: Connected>(to: &Self::Address, timeout: Timeout) -> Result<Socket<Self, T>>;

    /// Sets the peer of a socket for datagrams.
    #[doc(hidden)]
    fn set_peer(socket: &OwnedFd, to: &Self::Address) -> Result<()>;

    /// Sends one datagram to the first of these that can be.
    #[doc(hidden)]
    fn send_to(
        socket: &Socket<Self, Datagram>,
        message: &[u8],
        to: Vec<Self::Address>,
        timeout: Timeout,
    ) -> Result<()>;
}

impl<F: Reach, T: Connected> Socket<F, T> {
    /// Connects to the listener of that name, or to a host and a port. A Unix socket waits while
    /// the listener's backlog is full.
    ///
    /// # Errors
    /// [`NotFound`](crate::CoreError::NotFound) if nothing has the name, or a host's name has
    /// no address; [`Refused`](crate::CoreError::Refused) if nobody listens there (the file of
    /// a dead listener, for instance); [`TimedOut`](crate::CoreError::TimedOut) when the
    /// system gave up; [`BadName`](crate::CoreError::BadName), or the error of the system call
    /// ([connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html)): `EPROTOTYPE` if the
    /// listener is of another type, `EACCES` without permission to write to the file. Of several
    /// addresses, it is the last one's.
    ///
    /// ```
    /// use ringway::CoreError;
    /// use ringway::socket::{TcpListener, TcpStream, UnixStream};
    /// use std::time::{Duration, Instant};
    /// let dir = tempfile::tempdir().unwrap();
    /// let error = UnixStream::connect(dir.path().join("nobody")).unwrap_err();
    /// assert!(error.is(CoreError::NotFound));
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let port = listener.local_address()?.port();
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// let client = TcpStream::connect_deadline(listener.local_address()?, Some(soon))?;
    /// let client = TcpStream::connect(("localhost", port))?;
    /// assert_eq!(client.peer_address()?.port(), port);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn connect(to: impl Destination<F>) -> Result<Self> {
        Self::connect_deadline(to, None)
    }

    /// [`connect`](Self::connect), waiting at most until `deadline`. With several addresses each
    /// gets its share of the time that is left, so that one that never answers does not use up the
    /// time of the others.
    ///
    /// The deadline is for connecting. Looking a name up is the C library's, and takes its own
    /// time: where that matters, pass a [`SocketAddr`](std::net::SocketAddr).
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) when it passed first; else those of
    /// [`connect`](Self::connect).
    pub fn connect_deadline(to: impl Destination<F>, deadline: Option<Instant>) -> Result<Self> {
        try_each(to.addresses()?, |address, others| {
            let share = |deadline: Instant| match others {
                0 => deadline,
                _ => {
                    let now = Instant::now();
                    let left = deadline.saturating_duration_since(now);
                    now + left / u32::try_from(others + 1).unwrap_or(u32::MAX)
                }
            };
            F::connect(address, Timeout::Until(deadline.map(share)))
        })
    }
}

impl<F: Reach> Socket<F, Datagram> {
    /// A socket that receives under this name, or at this port: 0 is one that the system chooses.
    /// Of the addresses that a host's name has, the first that can be bound is taken. A socket file
    /// is treated as [`Listener::bind`](super::Listener::bind) treats it: a dead one's is replaced,
    /// and ours goes when the socket is dropped.
    ///
    /// # Errors
    /// Those of [`Listener::bind`](super::Listener::bind).
    ///
    /// ```
    /// use ringway::socket::{Options, UdpSocket, UnixDatagram};
    /// let dir = tempfile::tempdir().unwrap();
    /// let receiver = UnixDatagram::bind(dir.path().join("inbox"))?;
    /// UnixDatagram::unbound()?.send_to(b"hello", dir.path().join("inbox"))?;
    /// assert_eq!(receiver.recv(&mut [0; 16])?, 5);
    ///
    /// let private = Options::new().mode(0o600);
    /// let receiver = UnixDatagram::bind_with(dir.path().join("private"), &private)?;
    /// let receiver = UdpSocket::bind("localhost:0")?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn bind(address: impl Destination<F>) -> Result<Self> {
        Self::bind_with(address, &Options::new())
    }

    /// [`bind`](Self::bind) with options.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_with(address: impl Destination<F>, options: &Options) -> Result<Self> {
        try_each(address.addresses()?, |address, _| {
            let (fd, file) = F::bind::<Datagram>(address, SocketFlags::empty(), options)?;
            Ok(Socket { file, ..Socket::new(fd, State::New)? })
        })
    }

    /// Sets whom [`send`](Self::send) sends to, and from whom alone this socket receives. It may be
    /// called again. On the Internet nobody is asked: that nothing receives there shows only later,
    /// as [`Refused`](crate::CoreError::Refused).
    ///
    /// # Errors
    /// [`NotFound`](crate::CoreError::NotFound) if nothing has the name, or a host's name has no
    /// address of this socket's version; [`Refused`](crate::CoreError::Refused) if the socket that
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
    pub fn connect(&self, to: impl Destination<F>) -> Result<()> {
        try_each(to.addresses()?, |address, _| F::set_peer(&self.fd, address))?;
        self.learn(Event::Establish);
        Ok(())
    }

    crate::fd::forms! {
        /// Sends one datagram there. A Unix socket waits while the receiver's queue is full; on the
        /// Internet it waits while the send buffer is, and that it was sent does not say that it
        /// arrives.
        ///
        /// A host's name is looked up with every call: where that costs too much, pass a
        /// [`SocketAddr`](std::net::SocketAddr).
        ///
        /// # Errors
        /// [`NotFound`](crate::CoreError::NotFound) if nothing has the name, or a host's name has
        /// no address; [`Refused`](crate::CoreError::Refused) if the socket that had the name is
        /// gone; [`MessageTooLarge`](crate::CoreError::MessageTooLarge); or the error of the system call
        /// ([sendto(2)](https://man7.org/linux/man-pages/man2/sendto.2.html)).
        ///
        /// ```
        /// use ringway::CoreError;
        /// use ringway::socket::{UdpSocket, UnixAddress, UnixDatagram};
        /// use std::time::{Duration, Instant};
        /// let (ours, theirs) = (UdpSocket::bind("[::1]:0")?, UdpSocket::bind("[::1]:0")?);
        /// ours.send_to(b"hello", theirs.local_address()?)?;
        /// assert_eq!(theirs.recv(&mut [0; 16])?, 5);
        ///
        /// let receiver = UnixDatagram::bind(UnixAddress::Unnamed)?; // the kernel chooses an abstract name
        /// let (sender, to) = (UnixDatagram::unbound()?, receiver.local_address()?);
        /// let soon = Instant::now() + Duration::from_secs(1);
        /// sender.send_to_deadline(b"hello", to.clone(), Some(soon))?;
        /// let full = loop {
        ///     if let Err(error) = sender.try_send_to(b"more", to.clone()) {
        ///         break error;
        ///     }
        /// };
        /// assert!(full.is(CoreError::WouldBlock));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "sendto")]
        pub fn send_to,
        pub fn try_send_to,
        pub fn send_to_deadline:
        (&self, message: &[u8], to: impl Destination<F>) -> () = send_to_by;
    }

    fn send_to_by(&self, message: &[u8], to: impl Destination<F>, timeout: Timeout) -> Result<()> {
        F::send_to(self, message, to.addresses()?, timeout)
    }
}
