//! Making a connection: who shows first that it knows the key, and what is said.
//!
//! ```text
//!   listener                      client
//!   #CHALLENGE#{sha256}…    ->
//!                           <-    {sha256}digest
//!   #WELCOME#, #FAILURE#    ->
//!                           <-    #CHALLENGE#{sha256}…
//!   {sha256}digest          ->
//!                           <-    #WELCOME#, #FAILURE#
//! ```

use super::auth::{AUTHENTICATE, Auth, NAME, Secret, failed};
use super::end::Connection;
use crate::connection::MAX_MESSAGE;
use crate::error::{Asked, refused};
use crate::fd::{self, Timeout};
use crate::socket::{Destination, Family, Reach, Socket, Stream};
use crate::{Cause, CoreError, Error, Result};
use rustix::rand::{GetRandomFlags, getrandom};
use std::time::Instant;

/// Which side of the handshake an end is. Afterwards both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The side that accepted the stream: it sends its challenge first.
    Listener,
    /// The side that connected.
    Client,
}

impl<F: Family> Connection<F> {
    /// Makes a connection of a stream whose two sides have just met, and has both show that they
    /// know the key; waits at most until `deadline`.
    ///
    /// For a program that accepts streams itself, to shake hands in a thread for each.
    ///
    /// # Errors
    /// [`Cause::Authentication`](crate::Cause::Authentication) if the peer has another key or none,
    /// refuses this one, uses a digest that is not [allowed](Auth::allow_md5), or is no
    /// `multiprocessing.connection`; [`EndOfFile`](crate::CoreError::EndOfFile) or
    /// [`Reset`](crate::CoreError::Reset) if it left; [`TimedOut`](crate::CoreError::TimedOut). The
    /// stream is closed then.
    ///
    /// ```
    /// use ringway::Cause;
    /// use ringway::python::connection::{Auth, Connection, Role};
    /// use ringway::socket::UnixStream;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let client = std::thread::spawn(move || {
    ///     Connection::over(theirs, Role::Client, &Auth::key(b"another")?, None)
    /// });
    /// let error = Connection::over(ours, Role::Listener, &Auth::key(b"secret")?, None).unwrap_err();
    /// assert!(matches!(error.cause(), Cause::Authentication(_)));
    /// assert!(client.join().unwrap().is_err());
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "deliver_challenge")]
    #[doc(alias = "answer_challenge")]
    pub fn over(
        stream: Socket<F, Stream>,
        role: Role,
        auth: &Auth,
        deadline: Option<Instant>,
    ) -> Result<Self> {
        let connection = Connection::from(stream);
        let Some(secret) = auth.secret() else { return Ok(connection) };
        let connection = connection.with_max_message(LARGEST);
        shake(&connection, role, secret, Timeout::Until(deadline))?;
        Ok(connection.with_max_message(MAX_MESSAGE))
    }
}

impl<F: Reach> Connection<F> {
    /// Connects to a `Listener` of Python, and has both sides show that they know the key.
    ///
    /// It waits as long as that takes: a listener answers only when it accepts.
    ///
    /// # Errors
    /// Those of [`over`](Self::over), and of [`Socket::connect`].
    ///
    /// ```
    /// use ringway::python::connection::{Auth, TcpConnection, TcpListener};
    /// let listener = TcpListener::bind("127.0.0.1:0", Auth::key(b"secret")?)?;
    /// let address = listener.local_address()?;
    /// let server = std::thread::spawn(move || listener.accept()?.send(b"hello"));
    /// let peer = TcpConnection::connect(address, &Auth::key(b"secret")?)?;
    /// assert_eq!(peer.recv(&mut [0; 8])?, 5);
    /// server.join().unwrap()?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn connect(to: impl Destination<F>, auth: &Auth) -> Result<Self> {
        Self::connect_deadline(to, auth, None)
    }

    /// Connects as [`connect`](Self::connect) does, and waits at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) if `deadline` passed first; else those of
    /// [`connect`](Self::connect).
    pub fn connect_deadline(
        to: impl Destination<F>,
        auth: &Auth,
        deadline: Option<Instant>,
    ) -> Result<Self> {
        let stream = Socket::<F, Stream>::connect_deadline(to, deadline)?;
        F::prompt(&stream)?;
        Self::over(stream, Role::Client, auth, deadline)
    }
}

const CHALLENGE: &[u8] = b"#CHALLENGE#";
const WELCOME: &[u8] = b"#WELCOME#";
const FAILURE: &[u8] = b"#FAILURE#";

/// The largest message of a handshake, in bytes.
const LARGEST: usize = 256;

/// The random bytes of a challenge.
const RANDOM: usize = 40;

/// Has both sides show that they know the key.
fn shake<F: Family>(
    peer: &Connection<F>,
    role: Role,
    secret: Secret<'_>,
    timeout: Timeout,
) -> Result<()> {
    let shaken = match role {
        Role::Listener => {
            challenge(peer, secret, timeout).and_then(|()| answer(peer, secret, timeout))
        }
        Role::Client => {
            answer(peer, secret, timeout).and_then(|()| challenge(peer, secret, timeout))
        }
    };
    shaken.map_err(|error| match error.cause() {
        Cause::Core(reason @ (CoreError::EndOfFile | CoreError::Reset | CoreError::BrokenPipe)) => {
            Error::new(AUTHENTICATE, reason).because(
                "the peer left before both had shown that they know the key: see what it says, \
                 and whether both have the same key",
            )
        }
        Cause::Core(CoreError::TimedOut) => Error::new(AUTHENTICATE, CoreError::TimedOut).because(
            "the peer did not answer in time: see whether it is stopped, and whether it uses a key",
        ),
        Cause::Core(CoreError::MessageTooLarge { .. }) => failed(NO_HANDSHAKE),
        _ => error,
    })
}

const NO_HANDSHAKE: &str =
    "the peer says something else: it uses no key, or does not speak multiprocessing.connection";

/// Sends a challenge, and checks the answer.
fn challenge<F: Family>(peer: &Connection<F>, secret: Secret<'_>, timeout: Timeout) -> Result<()> {
    let mut message = [CHALLENGE, NAME, &[0; RANDOM]].concat();
    let random = message.get_mut(CHALLENGE.len() + NAME.len()..).unwrap_or_default();
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = random.get_mut(filled..) {
        let some = fd::retry(|| getrandom(&mut *rest, GetRandomFlags::empty()));
        filled += some.asked("make a challenge of random bytes", refused!("getrandom(2)"))?;
    }
    peer.send_bytes(&message, timeout)?;

    let mut answer = [0; LARGEST];
    let size = peer.recv_bytes(&mut answer, timeout)?;
    let answer = answer.get(..size).unwrap_or_default();
    match secret.verify(message.get(CHALLENGE.len()..).unwrap_or_default(), answer) {
        Ok(()) => peer.send_bytes(WELCOME, timeout),
        Err(error) => {
            // The peer may be gone. What was wrong with it is the error.
            let _ = peer.send_bytes(FAILURE, timeout);
            Err(error)
        }
    }
}

/// Answers the peer's challenge.
fn answer<F: Family>(peer: &Connection<F>, secret: Secret<'_>, timeout: Timeout) -> Result<()> {
    let mut message = [0; LARGEST];
    let size = peer.recv_bytes(&mut message, timeout)?;
    let message = message.get(..size).unwrap_or_default();
    let theirs = message.strip_prefix(CHALLENGE).ok_or_else(|| failed(NO_HANDSHAKE))?;
    peer.send_bytes(&secret.answer(theirs)?, timeout)?;

    let mut verdict = [0; LARGEST];
    let size = peer.recv_bytes(&mut verdict, timeout)?;
    match verdict.get(..size).unwrap_or_default() {
        WELCOME => Ok(()),
        FAILURE => Err(failed("the peer refuses this key: give both the same")),
        _ => Err(failed(NO_HANDSHAKE)),
    }
}
