//! Sockets: between processes of one machine by path or abstract name, between machines by address
//! and port.
//!
//! One type, [`Socket<F, T>`](Socket), is what `socket(F, T)` makes: a family ([`Unix`], [`Inet`])
//! and a type ([`Stream`], [`Seqpacket`], [`Datagram`]). [`Listener<F, T>`](Listener) accepts
//! connections of that kind. Six names are all that a program needs:
//!
//! | | bytes, connected | messages, connected | messages, without connection |
//! |---|---|---|---|
//! | this machine | [`UnixStream`], [`UnixListener`] | [`UnixSeqpacket`], [`SeqpacketListener`] | [`UnixDatagram`] |
//! | any machine | [`TcpStream`], [`TcpListener`] | – | [`UdpSocket`] |
//!
//! What holds for all of them:
//!
//! - **Three forms of every verb.** The plain verb waits, `try_` never does
//!   ([`WouldBlock`](crate::CoreError::WouldBlock)), `_deadline` waits no longer than until an
//!   [`Instant`] ([`TimedOut`](crate::CoreError::TimedOut)), or as long as it takes if there is
//!   none. What carries descriptors has one form, which takes the deadline. They can be mixed:
//!   whether the descriptor is in the system's non-blocking mode makes no difference, except to the
//!   traits `Read` and `Write`, which follow it. A plain read or write is one system call and
//!   nothing else.
//! - **A signal never interrupts** an operation, and a broken pipe never kills: every send has
//!   `MSG_NOSIGNAL`.
//! - **Nothing leaks into a child**: every descriptor, received ones too, is made close-on-exec in
//!   the call that makes it.
//! - **Shared use.** All operations take `&self`: one thread may read while another writes.
//! - **The life** of an end is a [`State`] of the core's table, moved by what the system reports
//!   ([`Socket::state`]).
//!
//! ```
//! use ringway::socket::{UnixListener, UnixStream};
//! use std::io::{Read, Write};
//!
//! let dir = tempfile::tempdir()?;
//! let listener = UnixListener::bind(dir.path().join("app.sock"))?;
//! let mut client = UnixStream::connect(dir.path().join("app.sock"))?;
//! let mut server = listener.accept()?;
//!
//! client.write_all(b"ping")?;
//! client.shutdown(std::net::Shutdown::Write)?; // half-close: the other direction stays open
//! let mut all = String::new();
//! server.read_to_string(&mut all)?;
//! assert_eq!(all, "ping");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Sources
//! [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html),
//! [tcp(7)](https://man7.org/linux/man-pages/man7/tcp.7.html),
//! [udp(7)](https://man7.org/linux/man-pages/man7/udp.7.html),
//! [socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html).

mod address;
mod control;
mod descriptors;
mod end;
mod file;
mod inet;
mod kind;
mod listener;
mod message;
mod options;
mod peer;
mod reach;
mod resolve;
mod settings;
mod stream;
mod unix;

pub use address::UnixAddress;
pub use control::MAX_DESCRIPTORS;
pub use descriptors::Received;
pub use end::Socket;
pub use kind::{Connected, Datagram, Family, Inet, Message, Seqpacket, Stream, Type, Unix};
pub use listener::Listener;
pub use options::Options;
pub use peer::Credentials;
pub use reach::Destination;
pub use resolve::ToAddresses;

#[cfg(doc)]
use crate::channel::{self, State};
#[cfg(doc)]
use std::time::Instant;

/// A stream of bytes between processes of one machine.
pub type UnixStream = Socket<Unix, Stream>;
/// Accepts [`UnixStream`]s.
pub type UnixListener = Listener<Unix, Stream>;
/// A connection between processes of one machine that keeps the bounds of messages and their order.
pub type UnixSeqpacket = Socket<Unix, Seqpacket>;
/// Accepts [`UnixSeqpacket`]s.
pub type SeqpacketListener = Listener<Unix, Seqpacket>;
/// Messages between processes of one machine, each to whom one likes: reliable and in order,
/// without a connection.
pub type UnixDatagram = Socket<Unix, Datagram>;
/// A stream of bytes to anywhere.
pub type TcpStream = Socket<Inet, Stream>;
/// Accepts [`TcpStream`]s.
pub type TcpListener = Listener<Inet, Stream>;
/// Messages to anywhere, which may be lost, doubled or overtaken.
pub type UdpSocket = Socket<Inet, Datagram>;
