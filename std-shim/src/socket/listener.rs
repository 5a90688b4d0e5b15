//! Listeners, which accept connections.

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

/// Accepts connections to its address.
///
/// Its descriptor is in the non-blocking mode, because `accept(2)` has no other way not to wait.
/// The descriptors of the connections are in the blocking mode.
#[doc(alias = "listen")]
pub struct Listener<F: Family, T: Connected> {
    socket: Socket<F, T>,
}

impl<F: Family, T: Connected> Listener<F, T> {
    crate::fd::forms! {
        /// Accepts the connection that has waited longest; waits for one.
        ///
        /// It skips a connection whose peer gave up meanwhile.
        ///
        /// # Errors
        /// [`Exhausted`](crate::CoreError::Exhausted) if there is no descriptor left. Then the
        /// connection keeps waiting
        /// ([accept(2)](https://man7.org/linux/man-pages/man2/accept.2.html)).
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

    /// The address of the listener.
    ///
    /// # Errors
    /// The error of the system call.
    #[doc(alias = "getsockname")]
    pub fn local_address(&self) -> Result<F::Address> {
        self.socket.local_address()
    }

    /// The state of the listener: `Listening` until it is dropped.
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

/// Whether this error of accept(2) is about the connection that it took, not about the listener.
///
/// The next connection may have no error.
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
    /// Listens at a path or an abstract name, or at a port; port 0 lets the system choose one.
    ///
    /// If a host name has several addresses, it takes the first that it can bind.
    ///
    /// **It replaces the socket file of a dead process. It never touches the file of a live
    /// process, nor a file of another kind.** It asks the kernel whether a process has the socket
    /// behind a file, by connecting a socket of another type. The kernel refuses that if no process
    /// has it, and reports the wrong type if one has, whether it listens already or not. That
    /// process notices nothing.
    ///
    /// Several processes that find a dead file take turns under a lock (`flock` on `.NAME.ringway`
    /// beside the file, removed afterwards). Each checks again when it has the lock. It does not
    /// unlink the dead file, but first moves it away and compares it with what it found dead. So
    /// even a program without this protocol that binds at the same moment loses nothing. In the end
    /// one of the processes listens, and the others get
    /// [`AddressInUse`](crate::CoreError::AddressInUse).
    ///
    /// Dropping the listener removes the file, if it is still the one that was made here, and if
    /// this process made it (not a fork). The file stays when the listener becomes an [`OwnedFd`].
    ///
    /// # Errors
    /// [`AddressInUse`](crate::CoreError::AddressInUse); [`NotFound`](crate::CoreError::NotFound)
    /// if the directory does not exist or a host name has no address;
    /// [`BadName`](crate::CoreError::BadName) if the path is empty or longer than
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

    /// Listens as [`bind`](Self::bind) does, with options.
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
    /// Returns the descriptor alone, in the non-blocking mode.
    ///
    /// If the listener made a socket file, the file stays.
    fn from(listener: Listener<F, T>) -> OwnedFd {
        listener.socket.into()
    }
}

impl<F: Family, T: Connected> TryFrom<OwnedFd> for Listener<F, T> {
    type Error = Error;

    /// Adopts a descriptor that came from elsewhere, after asking the system what it is.
    ///
    /// It sets `FD_CLOEXEC` and the non-blocking mode. Other descriptors of the same description
    /// share that mode.
    ///
    /// # Errors
    /// An error unless it is a listening socket of this family and type. The descriptor is closed
    /// then.
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
