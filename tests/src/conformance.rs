//! One conformance suite: a list of cases ([`CASES`]) run against a list of transports
//! ([`transports`]), in memory and over the operating system.
//!
//! A [`Transport`] is one of the [ways](Way) that the program uses too, and says what it promises
//! ([`Promises`]); a [`Case`] says what it needs. Where the two meet there is a test, named
//! `os::pipe::end_of_file` for the transport and the case. Where they do not, there is none: the
//! program lists these apart, with the reason, and never counts them as passed.
//!
//! ```text
//! cargo test -p ringway-tests --test conformance                              all of it
//! cargo test -p ringway-tests --test conformance -- pipe::end_of_file         one case, on the pipe and its twin in memory
//! cargo test -p ringway-tests --test conformance -- os::pipe                  one transport
//! AWAITED=all cargo test -p ringway-tests --test conformance                  each awaited case under each runtime
//! cargo test -p ringway-tests --test conformance -- --list                    what there is
//! ```
//!
//! Each test runs in a process of its own: one that hangs is killed and has failed, and one that
//! leaves a descriptor, a thread, a child or a file behind has failed too. To see one under a
//! debugger, run the program with the arguments that the failure prints.
//!
//! A new transport is a [`Way`] and stands in [`transports`]. A new case is a function, and stands
//! in [`CASES`].

mod c;
mod cases;
mod datagram;
pub mod harness;
mod link;
pub mod load;
pub mod peer;
mod queue;
mod transports;

pub use cases::CASES;
pub use transports::transports;

use ringway::CoreError;
use ringway_ways::{self as way, Form, Way};
use std::path::Path;
use std::time::Instant;

/// What an operation gives: the core's errors, whatever is below.
pub type Answer<T> = Result<T, CoreError>;

/// A way for bytes or messages to get from one end to another, and what it promises.
pub struct Transport {
    /// The name, as a path: `os::pipe`.
    pub name: &'static str,
    /// What it promises.
    pub promises: Promises,
    /// The way.
    pub way: &'static dyn Way,
    /// The runtime whose tasks use the ends, if one does.
    pub awaited: Option<Awaited>,
}

/// The number of runtimes. In a short run, each case of a transport is awaited under one of them;
/// with the variable [`ALL`], under all.
pub const RUNTIMES: usize = 4;

/// The variable that asks for the long run.
pub const ALL: &str = "AWAITED";

/// A runtime, as the suite needs it.
pub struct Awaited {
    /// What evidence calls it.
    pub runtime: &'static str,
    /// Which cases are its own in a short run: see [`RUNTIMES`].
    pub turn: usize,
    /// Starts its threads and opens its descriptors, which stay.
    pub start: fn(),
}

impl Transport {
    /// Starts the runtime, if there is one.
    fn start(&self) {
        self.awaited.iter().for_each(|awaited| (awaited.start)());
    }
}

/// One end: what it can receive with, and what it can send with. Dropping both closes it.
pub struct End {
    rx: Reader,
    tx: Writer,
}

impl From<way::End> for End {
    fn from(end: way::End) -> Self {
        End { rx: Reader(end.rx), tx: Writer(end.tx.expect("it is new")) }
    }
}

impl End {
    /// What sends, alone.
    pub fn into_tx(self) -> Writer {
        self.tx
    }

    /// What receives, alone.
    pub fn into_rx(self) -> Reader {
        self.rx
    }

    /// Both.
    pub fn split(self) -> (Reader, Writer) {
        (self.rx, self.tx)
    }
}

/// The answer in the core's words, which it must have for all that happens here.
#[track_caller]
fn answer<T>(result: way::Result<T>) -> Answer<T> {
    result.map_err(|failure| match failure.core() {
        Some(reason) => reason,
        None => panic!("an error that the core has no word for: {failure}"),
    })
}

/// What reads bytes or receives messages: the count, 0 for the end of a byte stream,
/// [`CoreError::EndOfFile`] for the end of messages.
pub struct Reader(Box<dyn way::Reader>);

impl Reader {
    /// Waits for the first byte, or a message.
    #[track_caller]
    pub fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        answer(self.0.read(buf, Form::Plain))
    }

    /// Never waits.
    #[track_caller]
    pub fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        answer(self.0.read(buf, Form::Try))
    }

    /// Waits no longer than until then.
    #[track_caller]
    pub fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        answer(self.0.read(buf, Form::Until(deadline)))
    }

    /// This end will read no more.
    pub fn shut(&mut self) -> Answer<()> {
        answer(self.0.shut())
    }
}

/// What writes bytes or sends messages.
pub struct Writer(Box<dyn way::Writer>);

impl Writer {
    /// Waits for room for a byte or for the message.
    #[track_caller]
    pub fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        answer(self.0.write(buf, Form::Plain))
    }

    /// Never waits.
    #[track_caller]
    pub fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        answer(self.0.write(buf, Form::Try))
    }

    /// Waits no longer than until then.
    #[track_caller]
    pub fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        answer(self.0.write(buf, Form::Until(deadline)))
    }

    /// This end will send no more.
    pub fn shut(&mut self) -> Answer<()> {
        answer(self.0.shut())
    }

    /// One more writer to the same place.
    pub fn another(&self) -> Writer {
        Writer(self.0.another().expect("a second writer is promised"))
    }
}

/// What a transport promises.
#[derive(Debug, Clone, Copy)]
pub struct Promises {
    /// What it carries.
    pub content: Content,
    /// Whether both ends send, also at the same time.
    pub both_at_once: bool,
    /// Whether a direction can be closed alone.
    pub half_close: bool,
    /// Whether there may be more than one writer.
    pub several_writers: bool,
    /// Up to how many bytes of a byte stream stay in one piece, whoever else writes.
    pub atomic: Option<usize>,
    /// Whether an end learns that the other is gone: the end of file when everything was read, and
    /// a broken pipe.
    pub end: bool,
    /// Whether an end that closes with something unread tears the connection down, so that the
    /// other is told of a reset first.
    pub torn: bool,
    /// A peer that is killed is told as `Reset`, not as an end: it had not ended what it sends.
    pub killed_is_reset: bool,
    /// Whether all that is sent arrives, in order.
    pub reliable: bool,
    /// Whether the sender is told when the receiver does not keep up: full, instead of lost.
    pub bounded: bool,
    /// Whether the other end sees at once what one end did: nothing travels.
    pub immediate: bool,
    /// Whether an operation of no bytes is done at once, whatever the state of the end.
    pub empty_at_once: bool,
    /// Whether the ends may be in two processes.
    pub processes: bool,
}

/// What is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Bytes, without boundaries.
    Bytes,
    /// Messages, whole.
    Messages {
        /// The largest, in bytes, that the suite can count on.
        max: usize,
        /// Whether a message may be empty.
        empty: bool,
        /// From how many bytes on one is refused; `None` if none ever is.
        limit: Option<usize>,
        /// Whether a message is copied into the receiver's buffer, which may be too small;
        /// otherwise it moves.
        copied: bool,
    },
}

/// One case: a scenario and its outcome.
pub struct Case {
    /// The name: what the scenario is.
    pub name: &'static str,
    /// Why a transport with these promises does not have it; `None` if it does.
    pub not_for: fn(&Promises) -> Option<&'static str>,
    /// The scenario. It panics if the outcome is another.
    pub run: fn(&Scene<'_>),
}

/// What a case works with.
pub struct Scene<'a> {
    /// The transport.
    pub transport: &'static Transport,
    /// What it promises.
    pub promises: Promises,
    /// An empty folder, which must be empty again at the end.
    pub place: &'a Path,
}

impl Scene<'_> {
    /// Two ends that are connected.
    pub fn pair(&self) -> (End, End) {
        let (near, far) = self.transport.way.pair(self.place).expect("a pair can be made");
        (near.into(), far.into())
    }

    /// What sends to what receives, one way.
    pub fn one_way(&self) -> (Writer, Reader) {
        let (near, far) = self.pair();
        (near.into_tx(), far.into_rx())
    }
}
