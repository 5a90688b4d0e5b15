//! Listeners: bind, accept.

use super::end::{Socket, WRONG_SOCKET, inspect};
use super::kind::{Connected, Family};
use super::options::Options;
use super::reach::{Destination, Reach};
use super::resolve::try_each;
use crate::error::{On, Tried};
use crate::fd::{self, EndpointState, Interest, Timeout};
use crate::{Error, Result};
use ringway_core::channel::{Event, State};
use rustix::io::Errno;
use rustix::net::SocketFlags;
use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};

/// Accepts the connections that others make to its address.
///
/// Its descriptor is in the non-blocking mode, because `accept(2)` has no other way not to wait.
/// The connections are not.
#[doc(alias = "listen")]
pub struct Listener<F: Family, T: Connected> {
    socket: Socket<F, T>,
}

impl<F: Family, T: Connected> Listener<F, T> {
    crate::fd::forms! {
        /// Takes the connection that has waited longest; waits for one. A connection whose peer
        /// gave up meanwhile is passed over.
        ///
        /// # Errors
        /// [`Exhausted`](crate::CoreError::Exhausted) if there are no more descriptors: the
        /// connection waits on ([accept(2)](https://man7.org/linux/man-pages/man2/accept.2.html)).
        ///
        /// ```
        /// use ringway::{CoreError, channel::State};
        /// use ringway::socket::{TcpListener, TcpStream};
        /// use std::time::{Duration, Instant};
        /// let listener = TcpListener::bind("localhost:0")?;
        /// assert_ne!(listener.local_address()?.port(), 0); // the system chose one
        /// assert_eq!(listener.state(), State::Listening);
        /// assert!(listener.try_accept().unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Instant::now() + Duration::from_millis(5);
        /// assert!(listener.accept_deadline(Some(soon)).unwrap_err().is(CoreError::TimedOut));
        ///
        /// let client = TcpStream::connect(listener.local_address()?)?;
        /// let server = listener.accept()?;
        /// assert_eq!(server.peer_address()?, client.local_address()?);
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "accept4")]
        pub fn accept,
        pub fn try_accept,
        pub fn accept_deadline:
        (&self) -> Socket<F, T> = accept_by;
    }

    /// The address that it listens at.
    ///
    /// # Errors
    /// The error of the system call.
    #[doc(alias = "getsockname")]
    pub fn local_address(&self) -> Result<F::Address> {
        self.socket.local_address()
    }

    /// Where it is in its life: `Listening` until it is dropped.
    pub fn state(&self) -> State {
        self.socket.state()
    }

    fn accept_by(&self, timeout: Timeout) -> Result<Socket<F, T>> {
        const WHAT: &str = "accept a connection";
        self.state().on(Event::Accept).tried(WHAT)?;
        let fd = self
            .socket
            .attempt(Interest::Read, timeout, |_| {
                loop {
                    match rustix::net::accept_with(&self.socket.fd, SocketFlags::CLOEXEC) {
                        Err(errno) if was_the_connections(errno) => {}
                        other => return other,
                    }
                }
            })
            .tried(WHAT)?;
        Socket::new(fd, State::STREAM)
    }
}

/// What accept(2) reports of the connection that it took from the queue, not of the listener: the
/// next may be well.
fn was_the_connections(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::CONNABORTED
            | Errno::PROTO
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NONET
    )
}

impl<F: Reach, T: Connected> Listener<F, T> {
    /// Listens at a path or an abstract name; or at a port, 0 for one that the system chooses. Of
    /// the addresses that a host's name has, the first that can be bound is taken.
    ///
    /// **A socket file of a dead process is replaced; one of a live process, and a file of another
    /// kind, is never touched.** That somebody lives behind a file the kernel says: connecting a
    /// socket of another type to it is refused if nobody has it, and is the wrong type if somebody
    /// has, whether or not he listens already; he notices nothing. Several starters that find a
    /// dead file take turns under a lock (`flock` on `.NAME.ringway` beside it, gone when they
    /// are), and each looks again when it is its turn. The dead file is not unlinked but moved away
    /// first, and what was moved is compared with what was found dead: also a program that knows
    /// nothing of this protocol, and binds at the same moment, loses nothing. One of the starters
    /// listens in the end, and the others get [`AddressInUse`](crate::CoreError::AddressInUse).
    ///
    /// The file goes when the listener is dropped, if it is still the one that was made here, and
    /// if this is the process that made it (not a fork). It stays when the listener becomes an
    /// [`OwnedFd`].
    ///
    /// # Errors
    /// [`AddressInUse`](crate::CoreError::AddressInUse);
    /// [`NotFound`](crate::CoreError::NotFound) if the directory does not exist, or a host's name
    /// has no address; [`BadName`](crate::CoreError::BadName) if the path is empty or longer than
    /// [`UnixAddress::MAX`](super::UnixAddress::MAX); `EACCES`, also for a port that needs a
    /// privilege ([bind(2)](https://man7.org/linux/man-pages/man2/bind.2.html)).
    ///
    /// ```
    /// use ringway::CoreError;
    /// use ringway::socket::{Options, TcpListener, UnixListener};
    /// use std::os::unix::fs::PermissionsExt;
    /// let dir = tempfile::tempdir().unwrap();
    /// let path = dir.path().join("app.sock");
    ///
    /// let listener = UnixListener::bind(&path)?;
    /// assert!(UnixListener::bind(&path).unwrap_err().is(CoreError::AddressInUse));
    /// drop(listener);
    /// assert!(!path.exists());
    ///
    /// drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // leaves its file, as a killed process would
    /// assert!(path.exists());
    /// let listener = UnixListener::bind_with(&path, &Options::new().mode(0o600))?;
    /// assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    ///
    /// let listener = TcpListener::bind_with("[::1]:0", &Options::new().only_v6(true))?;
    /// let error = TcpListener::bind(listener.local_address()?).unwrap_err();
    /// assert!(error.is(CoreError::AddressInUse));
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
        const WHAT: &str = "listen at";
        try_each(address.addresses()?, |address, _| {
            let (fd, file) = F::bind::<T>(address, SocketFlags::NONBLOCK, options)?;
            let state = EndpointState::new(State::New);
            rustix::net::listen(&fd, options.get_backlog()).tried(WHAT).on(address)?;
            state.on(Event::Listen).tried(WHAT).on(address)?;
            Ok(Listener { socket: Socket { state, file, fd, kind: PhantomData } })
        })
    }
}

crate::sys::descriptor!({F: Family, T: Connected} Listener<F, T>, |it| it.socket);

impl<F: Family, T: Connected> fmt::Debug for Listener<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("fd", &self.socket.fd).finish()
    }
}

impl<F: Family, T: Connected> From<Listener<F, T>> for OwnedFd {
    /// The descriptor alone, in the non-blocking mode. If the listener made a socket file, the file
    /// stays.
    fn from(listener: Listener<F, T>) -> OwnedFd {
        listener.socket.into()
    }
}

impl<F: Family, T: Connected> TryFrom<OwnedFd> for Listener<F, T> {
    type Error = Error;

    /// Takes a descriptor that came from elsewhere, after asking the system what it is, and sets it
    /// to close-on-exec and to the non-blocking mode (which it shares with whoever else has it).
    ///
    /// # Errors
    /// When it is no socket of this family and type that listens. The descriptor is closed then.
    ///
    /// ```
    /// use ringway::socket::{TcpListener, UnixListener};
    /// use std::os::fd::OwnedFd;
    /// let fd = OwnedFd::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    /// assert!(UnixListener::try_from(fd.try_clone().unwrap()).is_err());
    /// let listener = TcpListener::try_from(fd)?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    fn try_from(fd: OwnedFd) -> Result<Self> {
        if !inspect::<F, T>(fd.as_fd())? {
            return Err(Error::new(WRONG_SOCKET, Errno::INVAL).on("a socket that does not listen"));
        }
        fd::set_close_on_exec(&fd, true)?;
        fd::set_nonblocking(&fd, true)?;
        let state = EndpointState::new(State::Listening);
        Ok(Listener { socket: Socket { state, file: None, fd, kind: PhantomData } })
    }
}
