//! Sockets between processes of one machine, and between machines.
//!
//! On one machine, a socket has a path or an abstract name. Between machines, it has an address and
//! a port.
//!
//! [`Socket<F, T>`](Socket) is what the system's `socket(F, T)` makes: a family ([`Unix`],
//! [`Inet`]) and a type ([`Stream`], [`Seqpacket`], [`Datagram`]). [`Listener<F, T>`](Listener)
//! accepts connections of that kind. These aliases name all combinations:
//!
//! | | bytes, connected | messages, connected | messages, without connection |
//! |---|---|---|---|
//! | this machine | [`UnixStream`], [`UnixListener`] | [`UnixSeqpacket`], [`SeqpacketListener`] | [`UnixDatagram`] |
//! | any machine | [`TcpStream`], [`TcpListener`] | – | [`UdpSocket`] |
//!
//! For all of them:
//!
//! - **Every verb has three forms.** The plain verb waits. `try_` never waits
//!   ([`WouldBlock`](crate::CoreError::WouldBlock)). `_deadline` waits at most until an [`Instant`]
//!   ([`TimedOut`](crate::CoreError::TimedOut)), or without a limit for `None`. The calls that
//!   carry descriptors have one form, which takes the deadline. A program may mix the forms,
//!   because they do not depend on the descriptor's blocking mode. Only the traits `Read` and
//!   `Write` follow that mode. A plain read or write is one system call and nothing else.
//! - **A signal never interrupts** an operation, and a broken pipe never kills the process: every
//!   send has `MSG_NOSIGNAL`.
//! - **No descriptor leaks into a child**: every descriptor, also a received one, is close-on-exec
//!   from the call that makes it.
//! - **Threads may share an end**: all operations take `&self`, so one thread may read while
//!   another writes.
//! - **Every end has a [`State`]** of the core's table ([`Socket::state`]). It changes with the
//!   results of the system calls.
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
#[cfg(feature = "python")]
pub(crate) use reach::Reach;
pub use resolve::ToAddresses;

#[cfg(doc)]
use crate::channel::{self, State};
#[cfg(doc)]
use std::time::Instant;

/// A stream of bytes between processes of one machine.
pub type UnixStream = Socket<Unix, Stream>;
/// Accepts [`UnixStream`]s.
pub type UnixListener = Listener<Unix, Stream>;
/// A connection between processes of one machine that keeps messages whole and in order.
pub type UnixSeqpacket = Socket<Unix, Seqpacket>;
/// Accepts [`UnixSeqpacket`]s.
pub type SeqpacketListener = Listener<Unix, Seqpacket>;
/// Messages between processes of one machine, without a connection: reliable and in order.
///
/// Each message may go to another receiver.
pub type UnixDatagram = Socket<Unix, Datagram>;
/// A stream of bytes to any machine.
pub type TcpStream = Socket<Inet, Stream>;
/// Accepts [`TcpStream`]s.
pub type TcpListener = Listener<Inet, Stream>;
/// Messages to any machine, which may be lost, duplicated or overtaken.
pub type UdpSocket = Socket<Inet, Datagram>;
