//! `multiprocessing.connection` on the wire: Python's `Listener` and `Client`, in both roles.
//!
//! ```python
//! from multiprocessing.connection import Listener
//! with Listener("/run/app.sock", authkey=b"secret") as listener:
//!     with listener.accept() as peer:
//!         peer.send_bytes(peer.recv_bytes()[::-1])
//! ```
//!
//! The other end here is [`UnixConnection::connect`], and [`UnixListener`] is what a `Client` in
//! Python connects to. `tests/tests/tools_python_wire.rs` in the repository runs both with every
//! Python from 3.9 to 3.13.
//!
//! ```
//! use ringway::python::connection::{Auth, UnixConnection, UnixListener};
//! let dir = tempfile::tempdir().unwrap();
//! let path = dir.path().join("app.sock");
//! let listener = UnixListener::bind(&path, Auth::key(b"secret")?)?;
//! let server = std::thread::spawn(move || {
//!     let peer = listener.accept()?;
//!     let mut message = Vec::new();
//!     peer.recv(&mut message)?;
//!     message.reverse();
//!     peer.send(&message)
//! });
//! let peer = UnixConnection::connect(&path, &Auth::key(b"secret")?)?;
//! peer.send(b"hello")?;
//! let mut answer = [0; 5];
//! peer.recv(&mut answer)?;
//! assert_eq!(&answer, b"olleh");
//! server.join().unwrap()?;
//! # Ok::<(), ringway::Error>(())
//! ```
//!
//! # On the wire
//!
//! A stream carries each message as its length and its bytes. The length has 32 bits, signed, with
//! the highest byte first. Above 2 GiB less one byte it is -1, and 64 bits with the length follow.
//! A receiver accepts this long form for any length.
//!
//! What travels are bytes: Python's `send_bytes` and `recv_bytes`. Python's `send` and `recv` put a
//! pickle into such a message. **A Python program that calls `recv` runs whatever code its peer
//! puts there**, once the peer has shown that it knows the key.
//!
//! # The key
//!
//! Each side sends the other a random challenge, and the other answers with a digest of it and the
//! key (HMAC), the listener first. That shows that both know the key. It encrypts nothing, and does
//! not bind what follows to the key: somebody in the middle can pass both challenges on, and then
//! read and change everything. So keep a socket's path in a folder that only its users may enter,
//! and use TCP on the loopback interface alone.
//!
//! | Python | digest | here |
//! |---|---|---|
//! | from 3.12 | the one that the challenge names: SHA-256; SHA-384, SHA3-256, SHA3-384 | by default |
//! | 3.9 to 3.11, and `{md5}` | MD5 | after [`Auth::allow_md5`] |
//!
//! # What holds
//!
//! - **A message comes whole or not at all.** If the peer is killed in the middle of a message, the
//!   receiver gets [`Reset`](crate::CoreError::Reset); between two messages,
//!   [`EndOfFile`](crate::CoreError::EndOfFile).
//! - **A length is untrusted.** A receiver refuses one above the
//!   [limit](Connection::with_max_message), and a negative one. It allocates memory as the bytes
//!   come: 64 KiB at first, then no more than has come. Before the peer has shown that it knows the
//!   key, a message has at most 256 bytes.
//! - **Deadlines cover the handshake.** A peer of a [`Listener`] that stays silent holds it up for
//!   at most [`HANDSHAKE`].
//! - **Three forms** of `send` and `recv`, as those of [`ringway::connection`](crate::connection).
//!   When a form with a bounded wait gives up in the middle, nothing is lost: the receiver keeps
//!   the part that has come, and the sender goes on when it is called again *with the same
//!   message*.
//! - **Threads** may share an end, as they may share a
//!   [`ringway::connection`](crate::connection::Connection).

mod auth;
mod descriptors;
mod end;
mod frame;
mod handshake;
mod listener;
mod receive;
mod send;

pub use auth::Auth;
pub use end::Connection;
pub use handshake::Role;
pub use listener::{HANDSHAKE, Listener};

use crate::socket::{Inet, Unix};

/// A connection over a Unix stream socket: Python's family `AF_UNIX`.
pub type UnixConnection = Connection<Unix>;
/// A connection over TCP: Python's family `AF_INET`.
pub type TcpConnection = Connection<Inet>;
/// Accepts [`UnixConnection`]s, at a path or an abstract name.
pub type UnixListener = Listener<Unix>;
/// Accepts [`TcpConnection`]s.
pub type TcpListener = Listener<Inet>;
