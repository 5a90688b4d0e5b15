//! One conformance suite: a list of cases ([`CASES`]) run against a list of transports ([`transports`]), in memory and
//! over the operating system.
//!
//! A [`Transport`] says what it promises ([`Promises`]); a [`Case`] says what it needs. Where the two meet there is a
//! test, named `os::pipe::end_of_file` for the transport and the case. Where they do not, there is none: the program
//! lists these apart, with the reason, and never counts them as passed.
//!
//! ```text
//! cargo test -p ringway-tests --test conformance                              all of it
//! cargo test -p ringway-tests --test conformance -- pipe::end_of_file         one case, on the pipe and its twin in memory
//! cargo test -p ringway-tests --test conformance -- os::pipe                  one transport
//! cargo test -p ringway-tests --test conformance -- --list                    what there is
//! ```
//!
//! Each test runs in a process of its own: one that hangs is killed and has failed, and one that leaves a descriptor,
//! a thread, a child or a file behind has failed too. To see one under a debugger, run the program with the arguments that
//! the failure prints.
//!
//! A new transport implements [`Transport`] and stands in [`transports`]. A new case is a function, and stands in
//! [`CASES`].

mod cases;
mod closes;
pub mod harness;
pub mod load;
mod memory;
mod os;
pub mod peer;

pub use cases::CASES;

use ringway::CoreError;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

/// What an operation gives: the core's errors, whatever is below.
pub type Answer<T> = Result<T, CoreError>;

/// Every transport that the suite knows.
pub fn transports() -> impl Iterator<Item = &'static dyn Transport> {
    memory::TRANSPORTS.iter().chain(os::TRANSPORTS).copied()
}

/// A way for bytes or messages to get from one end to another.
pub trait Transport: Sync {
    /// The name, as a path: `os::pipe`.
    fn name(&self) -> &'static str;

    /// What it promises.
    fn promises(&self) -> Promises;

    /// Two ends that are connected, for two threads. The first can send. `place` is an empty folder for what has a path.
    fn pair(&self, place: &Path) -> (End, End);

    /// One end, and what another process needs to have the other. Asked for if it promises
    /// [`processes`](Promises::processes).
    fn host(&self, _role: Role, _place: &Path) -> Host {
        unreachable!("{} is not between processes", self.name())
    }

    /// The other end, in the other process: `address` is the [`Host`]'s, or the number of the descriptor that it handed over.
    fn join(&self, _role: Role, _address: &str) -> End {
        unreachable!("{} is not between processes", self.name())
    }
}

/// Which end the other process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It sends, and we receive.
    Sends,
    /// It receives, and we send.
    Receives,
}

/// One end that waits for another process.
pub struct Host {
    /// What that process is told.
    pub address: Address,
    /// Our end, once that process has been started; it may wait for it.
    pub accept: Box<dyn FnOnce() -> End>,
}

/// How another process gets at its end.
pub enum Address {
    /// By a path, a name or a port.
    Name(String),
    /// It is handed over.
    Descriptor(OwnedFd),
}

/// One end: what it can receive with, and what it can send with. Dropping both closes it.
pub struct End {
    /// What receives.
    pub rx: Option<Box<dyn Reader>>,
    /// What sends.
    pub tx: Option<Box<dyn Writer>>,
}

/// What reads bytes or receives messages: the count, 0 for the end of a byte stream, [`CoreError::EndOfFile`] for the end of
/// messages.
pub trait Reader: Send {
    /// Waits for the first byte, or a message.
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize>;
    /// Never waits.
    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize>;
    /// Waits no longer than until then.
    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize>;
    /// This end will read no more.
    fn shut(&mut self) -> Answer<()> {
        unreachable!("no half-close is promised")
    }
}

/// What writes bytes or sends messages.
pub trait Writer: Send {
    /// Waits for room for a byte or for the message.
    fn write(&mut self, buf: &[u8]) -> Answer<usize>;
    /// Never waits.
    fn try_write(&mut self, buf: &[u8]) -> Answer<usize>;
    /// Waits no longer than until then.
    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize>;
    /// This end will send no more.
    fn shut(&mut self) -> Answer<()> {
        unreachable!("no half-close is promised")
    }
    /// One more writer to the same place.
    fn another(&self) -> Box<dyn Writer> {
        unreachable!("no second writer is promised")
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
    /// Whether an end learns that the other is gone: the end of file when everything was read, and a broken pipe.
    pub end: bool,
    /// Whether an end that closes with something unread tears the connection down, so that the other is told of a reset
    /// first.
    pub torn: bool,
    /// Whether all that is sent arrives, in order.
    pub reliable: bool,
    /// Whether the sender is told when the receiver does not keep up: full, instead of lost.
    pub bounded: bool,
    /// Whether the other end sees at once what one end did: nothing travels.
    pub immediate: bool,
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
        /// Whether a message is copied into the receiver's buffer, which may be too small; otherwise it moves.
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
    pub transport: &'a dyn Transport,
    /// What it promises.
    pub promises: Promises,
    /// An empty folder, which must be empty again at the end.
    pub place: &'a Path,
}

impl Scene<'_> {
    /// Two ends that are connected.
    pub fn pair(&self) -> (End, End) {
        self.transport.pair(self.place)
    }

    /// What sends to what receives, one way.
    pub fn one_way(&self) -> (Box<dyn Writer>, Box<dyn Reader>) {
        let (near, far) = self.pair();
        (near.into_tx(), far.into_rx())
    }
}

impl End {
    /// One that only sends.
    fn sends(tx: impl Writer + 'static) -> End {
        End { rx: None, tx: Some(Box::new(tx)) }
    }

    /// One that only receives.
    fn receives(rx: impl Reader + 'static) -> End {
        End { rx: Some(Box::new(rx)), tx: None }
    }

    /// One that does both.
    fn both(rx: impl Reader + 'static, tx: impl Writer + 'static) -> End {
        End { rx: Some(Box::new(rx)), tx: Some(Box::new(tx)) }
    }

    /// What sends, alone. What receives is closed if this is the last of the end.
    pub fn into_tx(self) -> Box<dyn Writer> {
        self.tx.expect("this end sends")
    }

    /// What receives, alone.
    pub fn into_rx(self) -> Box<dyn Reader> {
        self.rx.expect("this end receives")
    }

    /// Both.
    pub fn split(self) -> (Box<dyn Reader>, Box<dyn Writer>) {
        (self.rx.expect("this end receives"), self.tx.expect("this end sends"))
    }
}
