//! Binding, connecting and sending by address, for every family.

use super::address::UnixAddress;
use super::end::Socket;
use super::file::SocketFile;
use super::kind::{Connected, Datagram, Family, Inet, Stream, Type, Unix};
use super::options::Options;
use super::resolve::{ToAddresses, resolve, try_each};
use crate::Result;
use crate::fd::Timeout;
use ringway_core::channel::{Event, State};
use rustix::net::SocketFlags;
use std::os::fd::OwnedFd;
use std::time::Instant;

/// What a socket of the family `F` binds to, connects to or sends to.
///
/// For [`Unix`], this is a path or a [`UnixAddress`]. For [`Inet`], it is everything that is
/// [`ToAddresses`], such as a name and a port. A name may have several addresses, which are tried
/// in their order.
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

/// The parts that differ between the families.
pub trait Reach: Family {
    /// Makes a bound socket, and returns its file if it has one.
    #[doc(hidden)]
    fn bind<T: Type>(
        address: &Self::Address,
        flags: SocketFlags,
        options: &Options,
    ) -> Result<(OwnedFd, Option<Box<SocketFile>>)>;

    /// Makes a connected socket.
    #[doc(hidden)]
    fn connect<T: Connected>(to: &Self::Address, timeout: Timeout) -> Result<Socket<Self, T>>;

    /// Has a stream send at once, without waiting for more to send with it.
    #[doc(hidden)]
    fn prompt(_stream: &Socket<Self, Stream>) -> Result<()> {
        Ok(())
    }

    /// Sets the peer of a datagram socket.
    #[doc(hidden)]
    fn set_peer(socket: &OwnedFd, to: &Self::Address) -> Result<()>;

    /// Sends one datagram to the first of these addresses that works.
    #[doc(hidden)]
    fn send_to(
        socket: &Socket<Self, Datagram>,
        message: &[u8],
        to: Vec<Self::Address>,
        timeout: Timeout,
    ) -> Result<()>;
}

impl<F: Reach, T: Connected> Socket<F, T> {
    /// Connects to the listener with that name, or at a host and a port.
    ///
    /// A Unix socket waits while the listener's backlog is full.
    ///
    /// # Errors
    /// [`NotFound`](crate::CoreError::NotFound) if nothing has the name, or a host name has no
    /// address; [`Refused`](crate::CoreError::Refused) if nobody listens there (for instance at the
    /// file of a dead listener); [`TimedOut`](crate::CoreError::TimedOut) if the system gave up;
    /// [`BadName`](crate::CoreError::BadName); or the error of the system call
    /// ([connect(2)](https://man7.org/linux/man-pages/man2/connect.2.html)): `EPROTOTYPE` if the
    /// listener is of another type, `EACCES` without permission to write to the file. With several
    /// addresses, it is the error of the last one.
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

    /// Connects as [`connect`](Self::connect) does, and waits at most until `deadline`.
    ///
    /// With several addresses, each gets its share of the time that is left. So an address that
    /// never answers does not use up the time of the others.
    ///
    /// The deadline is for connecting. The C library looks host names up and takes its own time for
    /// that. Where this matters, pass a [`SocketAddr`](std::net::SocketAddr).
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) if `deadline` passed first; else those of
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
    /// Makes a socket that receives at this name, or at this port; port 0 lets the system choose
    /// one.
    ///
    /// If a host name has several addresses, it takes the first that it can bind. It treats a
    /// socket file as [`Listener::bind`](super::Listener::bind) does: it replaces the file of a
    /// dead process, and dropping the socket removes its own.
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

    /// Makes a socket as [`bind`](Self::bind) does, with options.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_with(address: impl Destination<F>, options: &Options) -> Result<Self> {
        try_each(address.addresses()?, |address, _| {
            let (fd, file) = F::bind::<Datagram>(address, SocketFlags::empty(), options)?;
            Ok(Socket { file, ..Socket::new(fd, State::New)? })
        })
    }

    /// Sets the peer that [`send`](Self::send) sends to. The socket receives only from this peer.
    ///
    /// It may be called again. On the Internet it asks nobody: if nothing receives there, only a
    /// later call fails, with [`Refused`](crate::CoreError::Refused).
    ///
    /// # Errors
    /// [`NotFound`](crate::CoreError::NotFound) if nothing has the name, or a host name has no
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
        self.record(Event::Establish);
        Ok(())
    }

    crate::fd::forms! {
        /// Sends one datagram to an address.
        ///
        /// A Unix socket waits while the receiver's queue is full. An Internet socket waits while
        /// the send buffer is full; a datagram that was sent may still not arrive.
        ///
        /// Every call looks a host name up. Where that costs too much, pass a
        /// [`SocketAddr`](std::net::SocketAddr).
        ///
        /// # Errors
        /// [`NotFound`](crate::CoreError::NotFound) if nothing has the name, or a host name has no
        /// address; [`Refused`](crate::CoreError::Refused) if the socket that had the name is gone;
        /// [`MessageTooLarge`](crate::CoreError::MessageTooLarge); or the error of the system call
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
