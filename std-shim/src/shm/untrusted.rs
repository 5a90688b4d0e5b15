//! Shared memory between two processes that do not trust each other.
//!
//! A [`Region`](super::Region) is for processes that trust each other to write through this library
//! alone. A [`Channel`] is not: each side writes memory of its own, which the other maps read-only.
//! Whatever the peer writes there, and whenever, an operation here succeeds with some bytes, says
//! that there is nothing or no room, times out, tells of the end, or answers
//! [`Corrupt`](crate::CoreError::Corrupt), from then on always. It takes a bounded number of steps,
//! and never ends in a signal. [`ringway_core::untrusted`] says how, and carries the bytes.
//!
//! Both sides state the same [`Layout`]. They meet over a Unix socket, over which each sends what
//! it expects and its memory. A side accepts the peer's memory only if it is what it has to be: it
//! cannot become smaller (`F_SEAL_SHRINK`), is as large as the layout says, and is the kernel's own
//! shared memory. Nothing in the peer's memory says where things lie. The socket stays open: it
//! tells when the peer has died. All that is left to do then is to drop the channel.
//!
//! | to carry | [`Kind`] | sent by | received by |
//! |---|---|---|---|
//! | bytes | [`Bytes`] | [`Writer`] | [`Reader`] |
//! | messages of any length | [`Messages`] | [`Sender`] | [`Receiver`] |
//! | values of one type | [`Values`] | [`Producer`] | [`Consumer`] |
//! | the newest value, the last values | [`Published`] | [`Publisher`] | [`Subscriber`] |
//!
//! There are no locks, queues, barriers and values in place: a process that uses them depends on
//! what the others write. Such a part does not compile:
//!
//! ```compile_fail,E0277
//! use ringway::shm::untrusted::{Layout, Role};
//! Layout::new().part::<ringway::shm::Mutex<u32>>("total", Role::Host, 1);
//! ```
//!
//! # A host and an untrusted program
//!
//! ```
//! use ringway::shm::untrusted::{Channel, Layout, Messages, Role};
//! use std::process::Command;
//!
//! fn layout() -> ringway::Result<Layout> {
//!     let layout = Layout::new().part::<Messages>("requests", Role::Host, 64 * 1024)?;
//!     layout.part::<Messages>("answers", Role::Guest, 64 * 1024)
//! }
//!
//! // In the guest, before all else.
//! if std::env::var_os("AM_I_THE_GUEST").is_some() {
//!     let channel = Channel::inherited(&layout()?)?;
//!     let (mut requests, mut answers) =
//!         (channel.rx::<Messages>("requests")?, channel.tx::<Messages>("answers")?);
//!     let mut request = [0; 64];
//!     while let Ok(length) = requests.recv_deadline(&mut request, None) {
//!         request[..length].make_ascii_uppercase();
//!         answers.send_deadline(&request[..length], None)?;
//!     }
//!     return Ok(());
//! }
//!
//! // In the host.
//! let mut command = Command::new(std::env::current_exe().unwrap());
//! let (channel, mut guest) = Channel::spawn(command.env("AM_I_THE_GUEST", "yes"), &layout()?)?;
//! let mut requests = channel.tx::<Messages>("requests")?;
//! let mut answers = channel.rx::<Messages>("answers")?;
//! requests.send_deadline(b"hello", None)?;
//! let mut answer = [0; 64];
//! let length = answers.recv_deadline(&mut answer, None)?;
//! assert_eq!(&answer[..length], b"HELLO");
//! drop(requests); // the guest's loop ends
//! assert!(guest.wait().unwrap().success());
//! # Ok::<(), ringway::Error>(())
//! ```
//!
//! # Two programs that meet at a socket
//!
//! Either calls [`Channel::over`] with the connected socket. One of them is the host and the other
//! the guest; neither trusts the other.

mod channel;
mod halves;
mod kind;
mod layout;
mod meet;
mod memory;
mod peer;

pub use channel::Channel;
pub use halves::{Consumer, Producer, Publisher, Reader, Receiver, Sender, Subscriber, Writer};
pub use kind::{Bytes, Kind, Messages, Published, Values};
pub use layout::{Layout, Role};
pub use peer::Peer;
