//! Connections: messages of any size both ways, or one way, between two processes or two threads.
//!
//! [`pair`] makes two ends that both send and receive, [`pipe()`] one that receives and one that
//! sends. An end goes to another process as a descriptor: to a child that is
//! [spawned](crate::process::spawn), or over another connection.
//!
//! ```
//! use ringway::connection;
//! let (ours, theirs) = connection::pair()?;
//! std::thread::spawn(move || -> ringway::Result<()> {
//!     let mut message = Vec::new();
//!     while theirs.recv(&mut message).is_ok() {
//!         message.reverse();
//!         theirs.send(&message)?;
//!     }
//!     Ok(())
//! });
//! let mut answer = Vec::new();
//! for message in [&b"one"[..], b"", &[7; 3_000_000]] {
//!     ours.send(message)?;
//!     ours.recv(&mut answer)?;
//!     assert_eq!(answer.len(), message.len());
//! }
//! # Ok::<(), ringway::Error>(())
//! ```
//!
//! # On the wire
//!
//! A Unix stream socket carries each message as its length, 32 bits with the lowest byte first, and
//! its bytes. Descriptors travel with the first byte. (It is not what CPython's
//! `multiprocessing.connection` writes.) A [`UnixSeqpacket`](crate::socket::UnixSeqpacket) keeps
//! messages apart by itself, and is the better choice where they are small: it carries none that is
//! larger than its buffer.
//!
//! Nothing is read ahead: what is not of the message that is being received stays in the socket. So
//! a connection that can be received from is readable for `poll(2)`, and
//! [`fd::wait_any`](crate::fd::wait_any) can wait for it with other things.
//!
//! # What holds
//!
//! - **A message comes whole or not at all.** When the sender is killed in the middle of one, the
//!   receiver gets [`Reset`](crate::CoreError::Reset); after the last whole one
//!   [`EndOfFile`](crate::CoreError::EndOfFile).
//! - **A length is untrusted.** One above the [limit](Connection::with_max_message) is refused, and
//!   memory is taken as the bytes come: 64 KiB at first, then no more than has come.
//! - **So are descriptors.** The forms that do not ask for them let none in. The others hold those
//!   of one message at a time, at most [`MAX_DESCRIPTORS`](crate::socket::MAX_DESCRIPTORS). At the
//!   process's limit one message is lost, and not the connection.
//! - **Three forms** of `send` and `recv`: the plain verb waits, `try_` never does, `_deadline`
//!   until then. The others take the deadline. A message larger than the socket's buffer takes
//!   several turns of the two sides. When a form that does not wait for ever gives up in the
//!   middle, nothing is lost: the receiver keeps the part that has come, for the next call; and the
//!   sender goes on where it was when it is called again *with the same message*, as the error asks
//!   for. Another one is refused meanwhile (`EBUSY`). Up to [`WHOLE`] bytes a message is sent at
//!   once or not at all.
//! - **Threads** may share an end: all operations take `&self`, one may send while another
//!   receives, and messages of several senders do not mix. **Processes** may not: an end belongs to
//!   one at a time.

mod buffer;
mod end;
mod part;
mod receive;
mod send;

pub use buffer::Buffer;
pub use end::{Connection, MAX_MESSAGE, pair, pipe};
pub use send::WHOLE;
