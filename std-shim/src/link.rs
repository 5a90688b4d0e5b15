//! Messages over a stream, by the core's [`link`](mod@ringway_core::channel::link).
//!
//! A [`Link`] is one end. [`ReliableLink`] is for a stream that the system keeps whole: a pair of
//! pipes, a pair of FIFOs, a stream socket. [`SerialLink`] is for a line that loses and changes
//! bytes: a [serial port](crate::serial), or a substitute for one. The core does the greeting, the
//! ports, the credits and the retransmission, and it recognises a peer that restarted. This module
//! only moves the bytes and reads the clock, which counts milliseconds.
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
//! Nothing happens behind the program's back: there is no thread and no signal. The forms that wait
//! drive the link as long as they wait. A program with other work calls [`turn`](Link::turn), which
//! never waits, often enough for the [`Config`]: when [`input`](Link::input) is readable, when
//! [`output`](Link::output) is writable and [`is_blocked`](Link::is_blocked), and when
//! [`timeout`](Link::timeout) has come. If nobody drives a link for [`Config::gone`] milliseconds,
//! its peer considers it gone.
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
//! In each case the connected ports can send no more and return [`Reset`](crate::CoreError::Reset).
//! The program can still receive the messages that had come whole. After them it gets
//! [`EndOfFile`](crate::CoreError::EndOfFile) if the peer had ended its sending, else `Reset`.
//! [`connect`](Link::connect) connects a port in the next session.

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
