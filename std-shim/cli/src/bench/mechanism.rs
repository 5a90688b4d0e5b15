//! The mechanisms to measure, and how their two sides come together.

use super::exchange::{self, Measured, pin, processors};
use crate::failure::{Failure, Result};
use crate::part::Part;
use ringway::process::{Entry, Options};
use ringway_ways::socket::{Datagrams, Seqpackets, Tcp, Udp, UnixStreams};
use ringway_ways::{self as way, Offer, Way};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// Ringway's own, in shared memory.
    Ringway,
    /// Ringway's wrapper of a kernel object.
    Kernel,
    /// The standard library's, or plain system calls.
    Raw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    TwoProcessors,
    OneProcessor,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct StartTask {
    pub name: String,
    pub size: usize,
    pub place: Place,
    /// A folder for objects that have a path.
    pub directory: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct PeerTask {
    pub name: String,
    pub size: usize,
    pub processor: usize,
    pub offer: String,
}

/// A way from one process to another. The fields in JSON are stable.
#[derive(Debug, Serialize)]
pub struct Mechanism {
    /// The name for `--only`.
    pub name: &'static str,
    /// The title, in the field's words.
    pub title: &'static str,
    pub from: From,
    /// Whether a waiting side sleeps; otherwise it keeps a processor busy.
    pub sleeps: bool,
    /// The largest message, in bytes.
    #[serde(skip)]
    pub max: usize,
    /// Whether each byte of a message is written and read; otherwise bytes per second mean nothing.
    #[serde(skip)]
    pub moves_bytes: bool,
    /// Whether everything sent arrives, however fast.
    #[serde(skip)]
    keeps_all: bool,
    #[serde(skip)]
    way: &'static dyn Way,
}

impl Mechanism {
    const fn new(
        way: &'static dyn Way,
        name: &'static str,
        title: &'static str,
        from: From,
        max: usize,
    ) -> Self {
        let (sleeps, moves_bytes, keeps_all) = (true, true, true);
        Mechanism { name, title, from, sleeps, max, moves_bytes, keeps_all, way }
    }

    /// A waiting side keeps a processor busy.
    const fn polled(mut self) -> Self {
        self.sleeps = false;
        self
    }

    /// Only one word of each message is touched.
    const fn in_place(mut self) -> Self {
        self.moves_bytes = false;
        self
    }

    /// What comes too fast is lost.
    const fn lossy(mut self) -> Self {
        self.keeps_all = false;
        self
    }

    /// Measures one start.
    pub fn lead(&self, task: &StartTask, entry: &Entry) -> Result<Measured> {
        self.check(task.size)?;
        let processors = processors();
        let first = processors.first().copied().unwrap_or(0);
        let other = match task.place {
            Place::TwoProcessors => processors.get(1).copied().unwrap_or(first),
            Place::OneProcessor => first,
        };
        pin(first)?;
        let (offer, accept) = self.way.host(&task.directory)?;
        let (name, size) = (task.name.clone(), task.size);
        let task = PeerTask { name, size, processor: other, offer: offer.name };
        // The other side ends when this is dropped.
        let _peer = Part::start(Options::new(), entry, "the other side", &task, offer.descriptors)?;
        exchange::lead(&mut accept()?, size, self.keeps_all)
    }

    /// Runs the other side of one start.
    pub fn follow(&self, task: &PeerTask, offer: Offer) -> Result<()> {
        self.check(task.size)?;
        pin(task.processor)?;
        exchange::follow(&mut self.way.join(offer)?, task.size)
    }

    fn check(&self, size: usize) -> Result<()> {
        if (8..=self.max).contains(&size) {
            return Ok(());
        }
        Err(Failure::new(format!("{} takes messages of 8 to {} bytes", self.name, self.max)))
    }
}

pub fn find(name: &str) -> Result<&'static Mechanism> {
    MECHANISMS.iter().find(|mechanism| mechanism.name == name).ok_or_else(|| {
        Failure::new(format!("there is no mechanism '{name}'; see ringway bench --help"))
    })
}

const MIB: usize = 1 << 20;
const KIB64: usize = 64 << 10;
const KIB4: usize = 4 << 10;
const WORD: usize = 8;

/// Mechanisms as lines: the way, name, title, origin, the largest message, and exceptions.
macro_rules! mechanisms {
    ($($way:expr, $name:literal $title:literal $from:ident $max:ident $($but:ident)*;)*) => {
        &[$(Mechanism::new(&$way, $name, $title, From::$from, $max)$(.$but())*),*]
    };
}

/// All mechanisms, in the order of the table.
pub static MECHANISMS: &[Mechanism] = mechanisms! {
    way::polled::Copied, "ring" "ring of messages, polled" Ringway MIB polled;
    way::polled::InPlace, "ring-in-place" "the same, nothing copied" Ringway MIB polled in_place;
    way::shm::Messages::<{ 4 << 20 }>, "ring-sleeping" "ring of messages, sleeping" Ringway MIB;
    way::pipe::Pipes, "pipe" "pipe" Kernel MIB;
    way::pipe::Fifos, "fifo" "named pipe" Kernel MIB;
    UnixStreams::PATH, "unix-stream" "Unix stream socket" Kernel MIB;
    Seqpackets::PATH, "unix-seqpacket" "Unix seqpacket socket" Kernel KIB64;
    Datagrams, "unix-datagram" "Unix datagram socket" Kernel KIB64;
    Tcp, "tcp" "TCP over the loopback" Kernel MIB;
    Udp, "udp" "UDP over the loopback" Kernel KIB4 lossy;
    way::signals::Signals, "signal" "queued signals, dispatched" Kernel WORD lossy;
    way::raw::RawPipes, "raw-pipe" "pipe, plain calls" Raw MIB;
    way::raw::RawUnix, "raw-unix-stream" "Unix stream, plain calls" Raw MIB;
    way::raw::RawTcp, "raw-tcp" "TCP, plain calls" Raw MIB;
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanism_is_found_by_name_and_checks_its_size() {
        for mechanism in MECHANISMS {
            assert!(std::ptr::eq(find(mechanism.name).unwrap(), mechanism), "{}", mechanism.name);
            assert!(mechanism.check(7).is_err() && mechanism.check(mechanism.max + 1).is_err());
        }
        assert!(find("nothing").is_err());
    }
}
