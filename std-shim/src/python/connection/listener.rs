//! Listening for Python's clients.

use super::auth::Auth;
use super::end::Connection;
use super::handshake::Role;
use crate::Result;
use crate::socket::{self, Destination, Family, Options, Reach, Stream};
use std::fmt;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// How long a [`Listener`] waits for a peer to show that it knows the key: 10 seconds.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// Accepts the connections of Python's `Client`s.
///
/// ```
/// use ringway::python::connection::{Auth, UnixConnection, UnixListener};
/// use ringway::socket::UnixAddress;
/// let listener = UnixListener::bind(UnixAddress::Unnamed, Auth::key(b"secret")?)?;
/// let address = listener.local_address()?;
/// let client = std::thread::spawn(move || UnixConnection::connect(address, &Auth::key(b"secret")?));
/// let peer = listener.accept()?;
/// peer.send(b"hello")?;
/// assert_eq!(client.join().unwrap()?.recv(&mut [0; 8])?, 5);
/// # Ok::<(), ringway::Error>(())
/// ```
pub struct Listener<F: Family> {
    listener: socket::Listener<F, Stream>,
    auth: Auth,
}

impl<F: Reach> Listener<F> {
    /// Listens at a path or an abstract name, or at a port; port 0 lets the system choose one.
    ///
    /// # Errors
    /// Those of [`socket::Listener::bind`], which also says what happens with a path.
    pub fn bind(address: impl Destination<F>, auth: Auth) -> Result<Self> {
        Self::bind_with(address, &Options::new(), auth)
    }

    /// Listens as [`bind`](Self::bind) does, with options: `Options::new().mode(0o600)` lets only
    /// this user connect to a path.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_with(address: impl Destination<F>, options: &Options, auth: Auth) -> Result<Self> {
        Ok(Listener { listener: socket::Listener::bind_with(address, options)?, auth })
    }

    /// Accepts the connection that has waited longest, and has both sides show that they know the
    /// key.
    ///
    /// It waits for a connection as long as it takes, and then for its peer at most
    /// [`HANDSHAKE`]. A peer that fails is an error of this call, and the listener goes on: call it
    /// again. If peers must not hold each other up, accept streams with a
    /// [`socket::Listener`], and call [`Connection::over`] in a thread for each.
    ///
    /// # Errors
    /// Those of [`Connection::over`], and of [`socket::Listener::accept`].
    pub fn accept(&self) -> Result<Connection<F>> {
        self.accept_deadline(None)
    }

    /// Accepts as [`accept`](Self::accept) does, and waits at most until `deadline`, which covers
    /// the handshake too. (A form that never waits could not shake hands.)
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) if `deadline` passed first; else those of
    /// [`accept`](Self::accept).
    pub fn accept_deadline(&self, deadline: Option<Instant>) -> Result<Connection<F>> {
        let stream = self.listener.accept_deadline(deadline)?;
        F::prompt(&stream)?;
        let latest = Instant::now() + HANDSHAKE;
        let deadline = deadline.map_or(latest, |deadline| deadline.min(latest));
        Connection::over(stream, Role::Listener, &self.auth, Some(deadline))
    }
}

impl<F: Family> Listener<F> {
    /// The address of the listener.
    ///
    /// # Errors
    /// The error of the system call.
    pub fn local_address(&self) -> Result<F::Address> {
        self.listener.local_address()
    }
}

crate::sys::descriptor!({F: Family} Listener<F>, |it| it.listener);

impl<F: Family> fmt::Debug for Listener<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("fd", &self.as_raw_fd()).field("auth", &self.auth).finish()
    }
}
