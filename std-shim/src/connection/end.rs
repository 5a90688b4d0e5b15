//! One end of a connection: making it, limiting it, waiting for it, and giving it away.

use super::part::{Direction, Incoming, Outgoing};
use crate::fd::{self, Interest};
use crate::lock::Mutex;
use crate::socket::{Credentials, UnixStream};
use crate::{Error, Result};
use rustix::io::Errno;
use std::fmt;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

/// The default limit of a message's size: 64 MiB.
///
/// [`Connection::with_max_message`] changes it.
pub const MAX_MESSAGE: usize = 64 << 20;

/// One end of a connection that carries messages.
///
/// The [module](super) says what it guarantees.
///
/// ```
/// use std::time::{Duration, Instant};
/// let (ours, theirs) = ringway::connection::pair()?;
/// assert_eq!(ours.peer_credentials()?.pid, Some(ringway::process::id()));
/// assert!(!ours.poll(Some(Instant::now() + Duration::from_millis(5)))?);
/// theirs.send(b"hello")?;
/// assert!(ours.poll(None)?);
/// assert_eq!(ours.recv(&mut Vec::new())?, 5);
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "Pipe")]
pub struct Connection {
    pub(super) socket: UnixStream,
    pub(super) max: usize,
    /// The message that is half sent; `None` at an end that does not send.
    pub(super) outgoing: Direction<Outgoing>,
    /// The message that is half received; `None` at an end that does not receive.
    pub(super) incoming: Direction<Incoming>,
}

/// Makes two connected ends, which both send and receive.
///
/// # Errors
/// [`Exhausted`](crate::CoreError::Exhausted) if the limit of descriptors is reached.
/// [`Connection`] has an example.
#[doc(alias = "socketpair")]
pub fn pair() -> Result<(Connection, Connection)> {
    let (one, other) = UnixStream::pair()?;
    Ok((Connection::new(one), Connection::new(other)))
}

/// Makes two ends that are connected one way: the first receives what the second sends.
///
/// # Errors
/// [`Exhausted`](crate::CoreError::Exhausted) if the limit of descriptors is reached.
///
/// ```
/// use ringway::CoreError;
/// let (receiver, sender) = ringway::connection::pipe()?;
/// sender.send(b"one way")?;
/// assert!(receiver.send(b"the other").unwrap_err().is(CoreError::WrongDirection));
/// # Ok::<(), ringway::Error>(())
/// ```
pub fn pipe() -> Result<(Connection, Connection)> {
    let (receiver, sender) = pair()?;
    receiver.socket.shutdown(Shutdown::Write)?;
    Ok((Connection { outgoing: None, ..receiver }, Connection { incoming: None, ..sender }))
}

impl Connection {
    fn new(socket: UnixStream) -> Self {
        Connection {
            socket,
            max: MAX_MESSAGE,
            outgoing: Some(Mutex::default()),
            incoming: Some(Mutex::default()),
        }
    }

    /// Sets the limit of a message's size, in bytes, for sending and receiving.
    ///
    /// The default is [`MAX_MESSAGE`]. The largest limit is 4 GiB less one byte.
    ///
    /// ```
    /// use ringway::{CoreError, connection};
    /// let (ours, theirs) = connection::pair()?;
    /// let theirs = theirs.with_max_message(100);
    /// assert_eq!((ours.max_message(), theirs.max_message()), (connection::MAX_MESSAGE, 100));
    /// ours.send(&[0; 101])?;
    /// let error = theirs.recv(&mut Vec::new()).unwrap_err();
    /// assert!(error.is(CoreError::MessageTooLarge { max: 100 }));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn with_max_message(mut self, bytes: usize) -> Self {
        self.max = bytes.min(u32::MAX as usize);
        self
    }

    /// The limit of a message's size, in bytes: [`with_max_message`](Self::with_max_message) sets
    /// it.
    pub fn max_message(&self) -> usize {
        self.max
    }

    /// Waits until there is something to receive, at most until `deadline` (`None`: for ever).
    ///
    /// Returns whether there is: a message, or the end. Possibly only the beginning of a message
    /// has come, so that [`recv`](Self::recv) may still wait for the rest. The `try_` and
    /// `_deadline` forms bound that wait.
    ///
    /// # Errors
    /// The system's error.
    pub fn poll(&self, deadline: Option<Instant>) -> Result<bool> {
        match fd::poll_one(self.as_fd(), Interest::Read, deadline) {
            Ok(_) => Ok(true),
            Err(Errno::TIMEDOUT) => Ok(false),
            Err(errno) => Err(Error::new("wait for a message", errno)),
        }
    }

    /// The credentials of the process that made the connection, or connected to it (`SO_PEERCRED`).
    ///
    /// See [`Credentials`].
    ///
    /// # Errors
    /// The system's error.
    pub fn peer_credentials(&self) -> Result<Credentials> {
        self.socket.peer_credentials()
    }
}

impl From<UnixStream> for Connection {
    /// Makes a connection of a stream. No bytes may be under way on it, and its peer must become a
    /// connection too.
    ///
    /// ```
    /// use ringway::connection::Connection;
    /// use ringway::socket::{UnixAddress, UnixListener, UnixStream};
    /// let listener = UnixListener::bind(UnixAddress::Unnamed)?;
    /// let ours = Connection::from(UnixStream::connect(listener.local_address()?)?);
    /// let theirs = Connection::from(listener.accept()?);
    /// ours.send(b"hello")?;
    /// assert_eq!(theirs.recv(&mut Vec::new())?, 5);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    fn from(socket: UnixStream) -> Self {
        Connection::new(socket)
    }
}

impl TryFrom<OwnedFd> for Connection {
    type Error = Error;

    /// Takes a descriptor that came from elsewhere, after it has checked that this is a connected
    /// Unix stream socket.
    ///
    /// An end that was [one-way](pipe()) stays so: in its closed direction, the system reports the
    /// end at once.
    ///
    /// # Errors
    /// When it is something else. The descriptor is closed then.
    ///
    /// ```
    /// use ringway::connection::{self, Connection};
    /// use std::os::fd::OwnedFd;
    /// let (ours, theirs) = connection::pair()?;
    /// let theirs = Connection::try_from(OwnedFd::from(theirs))?;
    /// ours.send(b"hello")?;
    /// assert_eq!(theirs.recv(&mut Vec::new())?, 5);
    /// assert!(Connection::try_from(OwnedFd::from(std::io::pipe().unwrap().0)).is_err());
    /// # Ok::<(), ringway::Error>(())
    /// ```
    fn try_from(fd: OwnedFd) -> Result<Self> {
        UnixStream::try_from(fd).map(Connection::new)
    }
}

impl From<Connection> for OwnedFd {
    /// Gives up the descriptor, for another process. The new owner begins with the next message, so
    /// that no message must be half received or half sent.
    fn from(connection: Connection) -> OwnedFd {
        connection.socket.into()
    }
}

crate::sys::descriptor!(Connection, |it| it.socket);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("fd", &self.as_raw_fd())
            .field("sends", &self.outgoing.is_some())
            .field("receives", &self.incoming.is_some())
            .finish_non_exhaustive()
    }
}
