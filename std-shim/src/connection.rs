//! Connections: messages of any size both ways, or one way, between two processes or two threads.
//!
//! [`pair`] makes two ends that both send and receive. [`pipe()`] makes one end that receives and
//! one that sends. An end can be given to another process as a descriptor: to a child that is
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
//! then its bytes. Descriptors travel with the first byte. (CPython's `multiprocessing.connection`
//! has another format.) A [`UnixSeqpacket`](crate::socket::UnixSeqpacket) keeps messages apart by
//! itself, and is the better choice for small messages: it cannot carry one that is larger than its
//! buffer.
//!
//! Nothing is read ahead: the bytes after the message that is being received stay in the socket. So
//! a connection with something to receive is readable for `poll(2)`, and
//! [`fd::wait_any`](crate::fd::wait_any) can wait for it with other things.
//!
//! # What holds
//!
//! - **A message comes whole or not at all.** If the sender is killed in the middle of a message,
//!   the receiver gets [`Reset`](crate::CoreError::Reset). If it is killed between two, the
//!   receiver gets [`EndOfFile`](crate::CoreError::EndOfFile) after the last one.
//! - **A length is untrusted.** The receiver refuses one above the
//!   [limit](Connection::with_max_message). It allocates memory as the bytes come: 64 KiB at first,
//!   then no more than has come.
//! - **So are descriptors.** The forms without descriptors let none into the process. The others
//!   hold those of one message at a time, at most
//!   [`MAX_DESCRIPTORS`](crate::socket::MAX_DESCRIPTORS). If the process's limit of descriptors is
//!   reached, one message is lost, and not the connection.
//! - **Three forms** of `send` and `recv`: the plain verb waits, `try_` never does, `_deadline`
//!   waits until its deadline. The forms with descriptors take a deadline. A message larger than
//!   the socket's buffer takes several turns of the two sides. When a form with a bounded wait
//!   gives up in the middle, nothing is lost. The receiver keeps the part that has come for the
//!   next call. The sender goes on where it was when it is called again *with the same message*; it
//!   refuses another message meanwhile (`EBUSY`). A message of up to [`WHOLE`] bytes is sent at
//!   once or not at all.
//! - **Threads** may share an end: all operations take `&self`, one thread may send while another
//!   receives, and messages of several senders do not mix. **Processes** may not share an end: it
//!   belongs to one at a time.

mod buffer;
mod end;
mod part;
mod receive;
mod send;

pub use buffer::Buffer;
pub use end::{Connection, MAX_MESSAGE, pair, pipe};
pub use send::WHOLE;

// What `python::connection`, of another format, shares.
#[cfg(feature = "python")]
pub(crate) use part::{Direction, Outgoing, lock};
