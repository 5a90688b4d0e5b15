//! One end: limiting it, waiting for it, giving it away.

use super::frame::LONG;
use crate::connection::{Direction, MAX_MESSAGE, Outgoing};
use crate::fd::{self, Interest};
use crate::lock::Mutex;
use crate::socket::{Family, Socket, Stream};
use crate::{Error, Result};
use rustix::io::Errno;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

/// One end of a connection with a Python program.
///
/// The [module](super) says what it guarantees.
#[doc(alias = "Client")]
pub struct Connection<F: Family> {
    pub(super) stream: Socket<F, Stream>,
    pub(super) max: usize,
    /// The message that is half sent.
    pub(super) outgoing: Direction<Outgoing>,
    /// The message that is half received.
    pub(super) incoming: Direction<Incoming>,
}

/// A message that is half received.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// The bytes of its length that have come.
    pub(super) length: [u8; LONG],
    /// How many bytes of the length have come.
    pub(super) known: usize,
    /// The part of its bytes that had come when a call gave up.
    pub(super) part: Vec<u8>,
}

impl<F: Family> Connection<F> {
    /// Sets the limit of a message's size, in bytes, for sending and receiving.
    ///
    /// The default is [`MAX_MESSAGE`](crate::connection::MAX_MESSAGE), 64 MiB.
    ///
    /// ```
    /// use ringway::{CoreError, python::connection::Connection, socket::UnixStream};
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let (ours, theirs) = (Connection::from(ours), Connection::from(theirs).with_max_message(100));
    /// ours.send(&[0; 101])?;
    /// let error = theirs.recv(&mut Vec::new()).unwrap_err();
    /// assert!(error.is(CoreError::MessageTooLarge { max: 100 }));
    /// assert_eq!(theirs.max_message(), 100);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn with_max_message(mut self, bytes: usize) -> Self {
        self.max = bytes;
        self
    }

    /// The limit of a message's size, in bytes: [`with_max_message`](Self::with_max_message) sets
    /// it.
    pub fn max_message(&self) -> usize {
        self.max
    }

    /// Waits until there is something to receive, at most until `deadline` (`None`: for ever).
    ///
    /// Returns whether there is: a message or its beginning, or the end.
    ///
    /// # Errors
    /// The system's error.
    ///
    /// ```
    /// use ringway::{python::connection::Connection, socket::UnixStream};
    /// use std::time::{Duration, Instant};
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let (ours, theirs) = (Connection::from(ours), Connection::from(theirs));
    /// assert!(!ours.poll(Some(Instant::now() + Duration::from_millis(5)))?);
    /// theirs.send(b"hello")?;
    /// assert!(ours.poll(None)?);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn poll(&self, deadline: Option<Instant>) -> Result<bool> {
        match fd::poll_one(self.as_fd(), Interest::Read, deadline) {
            Ok(_) => Ok(true),
            Err(Errno::TIMEDOUT) => Ok(false),
            Err(errno) => Err(Error::new("wait for a message", errno)),
        }
    }
}

impl<F: Family> From<Socket<F, Stream>> for Connection<F> {
    /// Makes a connection of a stream, without a key: an end of Python's `Pipe()`, for instance, or
    /// a stream whose sides have shown already that they know it.
    ///
    /// No bytes may be under way on it.
    fn from(stream: Socket<F, Stream>) -> Self {
        Connection {
            stream,
            max: MAX_MESSAGE,
            outgoing: Some(Mutex::default()),
            incoming: Some(Mutex::default()),
        }
    }
}

impl<F: Family> From<Connection<F>> for OwnedFd {
    /// Gives up the descriptor, for another process. No message must be half received or half sent.
    fn from(connection: Connection<F>) -> OwnedFd {
        connection.stream.into()
    }
}

crate::sys::descriptor!({F: Family} Connection<F>, |it| it.stream);

impl<F: Family> fmt::Debug for Connection<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("fd", &self.as_raw_fd()).finish_non_exhaustive()
    }
}
