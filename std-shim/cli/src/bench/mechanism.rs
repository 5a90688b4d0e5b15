//! What is measured, and how its two sides come together.

use super::exchange::{self, End, Measured, pin, processors};
use super::{kernel, shared};
use crate::failure::{Doing, Failure, Result};
use crate::tour::this_program;
use serde::Serialize;
use std::process::{Child, Stdio};

/// Who a mechanism is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// Ringway's own, in shared memory.
    Ringway,
    /// Ringway's end over an object of the kernel's.
    Kernel,
    /// The standard library's, or the plain system calls.
    Raw,
}

/// Where the two sides run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Each on a processor of its own.
    TwoProcessors,
    /// Both on the same.
    OneProcessor,
}

impl Place {
    /// From the flag.
    pub fn of(one_processor: bool) -> Self {
        if one_processor { Place::OneProcessor } else { Place::TwoProcessors }
    }

    /// The flag for the command line, if there is one.
    pub fn flag(self) -> Option<&'static str> {
        (self == Place::OneProcessor).then_some("--one-processor")
    }
}

/// A way from one process to another.
#[derive(Debug)]
pub struct Mechanism {
    /// For `--only`.
    pub name: &'static str,
    /// In the field's words.
    pub title: &'static str,
    /// Who it is from.
    pub from: From,
    /// Whether who waits sleeps; otherwise it keeps a processor busy.
    pub sleeps: bool,
    /// The largest message, in bytes.
    pub max: usize,
    /// Whether each byte of a message is written and read; otherwise bytes a second say nothing.
    pub moves_bytes: bool,
    lead: fn(&Mechanism, usize, usize) -> Result<Measured>,
    follow: fn(usize) -> Result<()>,
}

/// Makes a channel, gives one side to the process that `Peer::start` starts, and returns the other.
pub trait Meet: End + Sized {
    /// Whether all that is sent arrives, however fast.
    const ONE_WAY: bool = true;

    /// The side that starts the other.
    fn lead(start: Starter<'_>) -> Result<(Self, Peer)>;

    /// The side that was started: it has its descriptors as standard input and output.
    fn follow(size: usize) -> Result<Self>;
}

/// Starts the other side, once its descriptors are known.
pub struct Starter<'a> {
    name: &'a str,
    /// How large the messages are.
    pub size: usize,
    processor: usize,
}

/// The other side's process. Dropping it ends it.
#[derive(Debug)]
pub struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Peer {
    /// Its process number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Starter<'_> {
    /// Starts it with these as its standard input and output.
    pub fn start(self, stdin: impl Into<Stdio>, stdout: impl Into<Stdio>) -> Result<Peer> {
        let mut command = this_program();
        command.args(["bench-peer", "--parent", &std::process::id().to_string()]);
        command.args(["--processor", &self.processor.to_string()]);
        command.arg(self.name).arg(self.size.to_string());
        command.stdin(stdin).stdout(stdout);
        Ok(Peer(command.spawn().doing("start the other side")?))
    }
}

fn lead<M: Meet>(mechanism: &Mechanism, size: usize, processor: usize) -> Result<Measured> {
    let start = Starter { name: mechanism.name, size, processor };
    let (mut end, _peer) = M::lead(start)?;
    exchange::lead(&mut end, size, M::ONE_WAY)
}

fn follow<M: Meet>(size: usize) -> Result<()> {
    let mut end = M::follow(size)?;
    exchange::follow(&mut end, size)
}

impl Mechanism {
    const fn new<M: Meet>(
        name: &'static str,
        title: &'static str,
        from: From,
        sleeps: bool,
        max: usize,
    ) -> Self {
        Mechanism {
            name,
            title,
            from,
            sleeps,
            max,
            moves_bytes: true,
            lead: lead::<M>,
            follow: follow::<M>,
        }
    }

    /// Of each message only a word is touched.
    const fn in_place(mut self) -> Self {
        self.moves_bytes = false;
        self
    }

    /// Takes the time of one start.
    pub fn lead(&self, size: usize, place: Place) -> Result<Measured> {
        self.check(size)?;
        let processors = processors();
        let first = processors.first().copied().unwrap_or(0);
        let other = match place {
            Place::TwoProcessors => processors.get(1).copied().unwrap_or(first),
            Place::OneProcessor => first,
        };
        pin(first)?;
        (self.lead)(self, size, other)
    }

    /// Is the other side of one start.
    pub fn follow(&self, size: usize, processor: usize) -> Result<()> {
        self.check(size)?;
        pin(processor)?;
        (self.follow)(size)
    }

    fn check(&self, size: usize) -> Result<()> {
        if (8..=self.max).contains(&size) {
            return Ok(());
        }
        Err(Failure::new(format!("{} takes messages of 8 to {} bytes", self.name, self.max)))
    }
}

/// The mechanism of this name.
pub fn find(name: &str) -> Result<&'static Mechanism> {
    MECHANISMS.iter().find(|mechanism| mechanism.name == name).ok_or_else(|| {
        Failure::new(format!("there is no mechanism '{name}'; see ringway bench --help"))
    })
}

const MIB: usize = 1 << 20;
const KIB64: usize = 64 << 10;

/// All of them, in the order of the table.
pub static MECHANISMS: &[Mechanism] = &[
    Mechanism::new::<shared::Copied>("ring", "ring of messages, polled", From::Ringway, false, MIB),
    Mechanism::new::<shared::InPlace>(
        "ring-in-place",
        "the same, nothing copied",
        From::Ringway,
        false,
        MIB,
    )
    .in_place(),
    Mechanism::new::<shared::Sleeping>(
        "ring-sleeping",
        "ring of messages, sleeping",
        From::Ringway,
        true,
        MIB,
    ),
    Mechanism::new::<kernel::Pipes>("pipe", "pipe", From::Kernel, true, MIB),
    Mechanism::new::<kernel::Fifos>("fifo", "named pipe", From::Kernel, true, MIB),
    Mechanism::new::<kernel::UnixStreams>(
        "unix-stream",
        "Unix stream socket",
        From::Kernel,
        true,
        MIB,
    ),
    Mechanism::new::<kernel::Seqpackets>(
        "unix-seqpacket",
        "Unix seqpacket socket",
        From::Kernel,
        true,
        KIB64,
    ),
    Mechanism::new::<kernel::Datagrams>(
        "unix-datagram",
        "Unix datagram socket",
        From::Kernel,
        true,
        KIB64,
    ),
    Mechanism::new::<kernel::TcpStreams>("tcp", "TCP over the loopback", From::Kernel, true, MIB),
    Mechanism::new::<kernel::Udp>("udp", "UDP over the loopback", From::Kernel, true, 4 << 10),
    Mechanism::new::<kernel::QueuedSignals>(
        "signal",
        "queued signals, dispatched",
        From::Kernel,
        true,
        8,
    ),
    Mechanism::new::<kernel::RawPipes>("raw-pipe", "pipe, plain calls", From::Raw, true, MIB),
    Mechanism::new::<kernel::RawUnixStreams>(
        "raw-unix-stream",
        "Unix stream, plain calls",
        From::Raw,
        true,
        MIB,
    ),
    Mechanism::new::<kernel::RawTcpStreams>("raw-tcp", "TCP, plain calls", From::Raw, true, MIB),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mechanism_is_found_by_its_name_and_refuses_sizes_that_it_cannot_send() {
        for mechanism in MECHANISMS {
            assert!(std::ptr::eq(find(mechanism.name).unwrap(), mechanism), "{}", mechanism.name);
            assert!(mechanism.check(7).is_err() && mechanism.check(mechanism.max + 1).is_err());
        }
        assert!(find("nothing").is_err());
    }
}
