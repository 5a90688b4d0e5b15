//! Messages over a real stream: the core's [`link`](mod@ringway_core::channel::link), driven over
//! descriptors.
//!
//! A [`Link`] is one end. [`ReliableLink`] is for what the system keeps whole: a pipe pair, a FIFO
//! pair, a stream socket. [`SerialLink`] is for a line that loses and changes bytes: a [serial
//! port](crate::serial), or whatever stands for one. Greeting, ports, credits, retransmission and
//! the recognition of a restarted peer are the core's; here is only what moves the bytes and reads
//! the clock, which counts milliseconds.
//!
//! ```
//! use ringway::link::{Config, ReliableLink};
//! use ringway::socket::UnixStream;
//! let (near, far) = UnixStream::pair().unwrap();
//! let peer = std::thread::spawn(move || {
//!     let mut link: ReliableLink = ReliableLink::over(far, Config::new(7));
//!     link.connect(0).unwrap();
//!     let mut message = [0; 256];
//!     let n = link.recv(0, &mut message).unwrap();
//!     link.send(0, &message[..n]).unwrap();
//!     link.close().unwrap();
//! });
//! let mut link: ReliableLink = ReliableLink::over(near, Config::new(1));
//! link.connect(0).unwrap();
//! link.send(0, b"there and back").unwrap();
//! let mut message = [0; 256];
//! let n = link.recv(0, &mut message).unwrap();
//! assert_eq!(&message[..n], b"there and back");
//! # peer.join().unwrap();
//! ```
//!
//! # Which form waits
//!
//! | form | waits |
//! |---|---|
//! | [`connect`](Link::connect), [`send`](Link::send), [`recv`](Link::recv), [`next_event`](Link::next_event), [`close`](Link::close) | yes |
//! | `try_…` | never |
//! | `…_deadline` | at most until the deadline |
//! | everything else | never |
//!
//! # Who drives it
//!
//! Nothing goes on behind the program's back: no thread and no signal. The forms that wait drive
//! the link as long as they wait. A program that has something else to do calls
//! [`turn`](Link::turn), which never waits, often enough for the [`Config`]: when
//! [`input`](Link::input) is readable, when [`output`](Link::output) is writable and
//! [`is_blocked`](Link::is_blocked), and when [`timeout`](Link::timeout) has come. A link that
//! nobody drives for [`Config::gone`] milliseconds is gone for its peer.
//!
//! # When the peer goes away
//!
//! | what happened | what the link does | its [event](Link::poll_event) |
//! |---|---|---|
//! | the stream ended | stays down until [`set_stream`](Link::set_stream) | [`Down::LineEnded`] |
//! | silence | greets again | [`Down::PeerGone`] |
//! | the peer started again | greets it | [`Down::PeerRestarted`] |
//! | the peer closed the link | stays down until [`open`](Link::open) | [`Down::PeerClosed`] |
//!
//! Each ends what the connected ports can send, with [`Reset`](crate::CoreError::Reset). What had
//! come whole is still received, and then the answer is [`EndOfFile`](crate::CoreError::EndOfFile)
//! if the peer had ended its sending, or `Reset`. [`connect`](Link::connect) connects a port in the
//! next session.

mod builder;
mod end;
mod ports;
mod start;
mod wire;

pub use builder::Builder;
pub use end::{Link, ReliableLink, SerialLink};
pub use ringway_core::channel::frame::{Hello, Identity};
pub use ringway_core::channel::link::{
    Config, Down, Event, Line, Phase, PortEvent, Reliable, ResetReason, Serial,
};
pub use wire::{Stream, Streams};
