//! The experiments, their entrants, and the goals.

use crate::ends;
use crate::kernel;
use crate::limits::{self, Copying, Line};
use crate::locks;
use crate::many::{self, both, rate as many_rate};
use crate::measure::{Found, alone, rate, trip};
use crate::ours::{
    Bytes, BytesView, Chunks, InPlace, Many, ManyView, Messages, Private, Shared, Slots, SlotsView,
};
use crate::python;
use crate::rings::*;
use crate::sides::Apart::{OneCpu, Processes, Threads};
use ringway::shm::RobustFutex;
use ringway::wait::Futex;

/// The kind of an entrant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ringway.
    Ours,
    /// Another library.
    Peer,
    /// A mechanism of the kernel, by its raw system calls.
    Raw,
    /// What the machine can do at best.
    Limit,
}

/// An entrant of an experiment.
pub struct Entrant {
    /// Its name, unique in the experiment.
    pub name: &'static str,
    /// Its kind.
    pub role: Role,
    /// One start.
    pub run: fn() -> Found,
}

/// Entrants that are measured in turn: A B C A B C.
pub struct Experiment {
    /// Its name on the command line.
    pub id: &'static str,
    /// A description for people.
    pub title: &'static str,
    /// The entrants.
    pub entrants: Vec<Entrant>,
    /// Whether it uses two processors, so that their distance matters.
    pub two_processors: bool,
}

/// The goal of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    /// At least this many times the best peer.
    AtLeastBest(f64),
    /// At most this many times the best peer.
    AtMostBest(f64),
    /// At least this many times the limit.
    AtLeastLimit(f64),
    /// At most this many times the limit.
    AtMostLimit(f64),
    /// At most this many times the entrant of this name.
    AtMost(f64, &'static str),
    /// At most this many nanoseconds.
    Nanoseconds(f64),
    /// At least this many a second.
    PerSecond(f64),
}

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds: less is better.
    Time,
    /// Messages a second: more is better.
    Rate,
    /// Bytes a second: more is better.
    Throughput,
}

impl Unit {
    /// Whether less is better.
    pub fn less_is_better(self) -> bool {
        self == Unit::Time
    }
}

/// A row of the table.
pub struct Figure {
    /// Its text in the table.
    pub title: &'static str,
    /// The name of its experiment.
    pub experiment: &'static str,
    /// The name of the number, among those that a start finds.
    pub metric: &'static str,
    /// The unit.
    pub unit: Unit,
    /// The one of our entrants that counts; empty: the best.
    pub ours: &'static str,
    /// The goals.
    pub bars: &'static [Bar],
}

type Word = u64;
type B64 = [u64; 8];
type K1 = [u64; 128];
type K4 = [u64; 512];
type K64 = [u64; 8192];
type M1 = [u64; 131_072];

macro_rules! entrants {
    ($($role:ident $name:literal = $run:expr;)*) => {
        vec![$(Entrant { name: $name, role: Role::$role, run: || $run }),*]
    };
}

/// Every entrant for values that are moved one at a time between two threads.
macro_rules! threads {
    ($measure:ident, $m:ty, $n:literal, $bytes:literal, ($($apart:expr)?)) => {
        entrants! {
            Ours "ringway Ring" = $measure::<Slots<Private, $n>, $m>($($apart)?);
            Ours "ringway ByteRing" = $measure::<Bytes<Private, $bytes>, $m>($($apart)?);
            Ours "ringway MessageRing" = $measure::<Messages<Private, $bytes>, $m>($($apart)?);
            Ours "ringway RingView" = $measure::<SlotsView<Private, $n>, $m>($($apart)?);
            Ours "ringway ByteRingView" = $measure::<BytesView<Private, $bytes>, $m>($($apart)?);
            Peer "rtrb" = $measure::<Rtrb<$n>, $m>($($apart)?);
            Peer "ringbuf" = $measure::<Ringbuf<$n>, $m>($($apart)?);
            Peer "heapless" = $measure::<Heapless<$n>, $m>($($apart)?);
            Peer "gil" = $measure::<Gil<$n>, $m>($($apart)?);
            Peer "nexus-queue" = $measure::<Nexus<$n>, $m>($($apart)?);
            Peer "shaq" = $measure::<Shaq<$n>, $m>($($apart)?);
            Peer "lowlet" = $measure::<Lowlet<Private, $n>, $m>($($apart)?);
            Peer "cueue" = $measure::<Cueue<$n>, $m>($($apart)?);
            Peer "bbqueue" = $measure::<BbQueue<$bytes>, $m>($($apart)?);
            Peer "disruptor" = $measure::<Disruptor<$n>, $m>($($apart)?);
            Peer "thingbuf" = $measure::<ThingBuf<$n>, $m>($($apart)?);
            Peer "crossfire" = $measure::<Crossfire<$n>, $m>($($apart)?);
            Peer "crossbeam ArrayQueue" = $measure::<ArrayQueue<$n>, $m>($($apart)?);
            Peer "crossbeam-channel" = $measure::<CrossbeamChannel<$n>, $m>($($apart)?);
            Peer "kanal" = $measure::<Kanal<$n>, $m>($($apart)?);
            Peer "std sync_channel" = $measure::<StdChannel<$n>, $m>($($apart)?);
        }
    };
}

macro_rules! chunked {
    ($m:ty, $n:literal, $bytes:literal, $places:literal) => {
        entrants! {
            Ours "ringway Ring" = rate::<Chunks<Private, $n>, $m>(Threads);
            Ours "ringway ByteRing" = rate::<Bytes<Private, $bytes>, $m>(Threads);
            Peer "rtrb" = rate::<RtrbChunks<$n>, $m>(Threads);
            Peer "ringbuf" = rate::<RingbufChunks<$n>, $m>(Threads);
            Peer "gil" = rate::<GilChunks<$n>, $m>(Threads);
            Peer "cueue" = rate::<CueueChunks<$n>, $m>(Threads);
            Peer "bbqueue" = rate::<BbQueue<$bytes>, $m>(Threads);
            Limit "core-to-core copy" = rate::<Copying<Private, $places>, $m>(Threads);
        }
    };
}

/// The entrants that carry messages of any size between processes; `$n` messages fit, in `$bytes`
/// bytes.
macro_rules! shared {
    ($measure:ident, $m:ty, $n:literal, $bytes:literal) => {
        entrants! {
            Ours "ringway Ring" = $measure::<Slots<Shared, $n>, $m>(Processes);
            Ours "ringway ByteRing" = $measure::<Bytes<Shared, $bytes>, $m>(Processes);
            Ours "ringway MessageRing" = $measure::<Messages<Shared, $bytes>, $m>(Processes);
            Peer "heapless in a memfd" = $measure::<HeaplessShared<$n>, $m>(Processes);
            Peer "ringbuf in a memfd" = $measure::<RingbufShared<$n>, $m>(Processes);
            Peer "shaq" = $measure::<ShaqShared<$n>, $m>(Processes);
            Peer "lowlet in a memfd" = $measure::<Lowlet<Shared, $n>, $m>(Processes);
            Peer "cueue" = $measure::<Cueue<$n>, $m>(Processes);
            Ours "ringway Queue" = $measure::<Many<Shared, $n>, $m>(Processes);
            Peer "ipc-channel" = $measure::<IpcBytes, $m>(Processes);
            Raw "pipe" = $measure::<kernel::Pipe, $m>(Processes);
            Raw "FIFO" = $measure::<kernel::Fifo, $m>(Processes);
            Raw "Unix stream" = $measure::<kernel::UnixStream, $m>(Processes);
            Raw "TCP" = $measure::<kernel::Tcp, $m>(Processes);
            Peer "Python Pipe" = python::peer(stringify!($measure), "pipe", size_of::<$m>());
            Peer "Python Queue" = python::peer(stringify!($measure), "queue", size_of::<$m>());
        }
    };
}

/// The entrants that take long to build: only in the full run.
#[cfg(feature = "heavy")]
macro_rules! heavy {
    ($measure:ident, $m:ty, $n:literal, $in_place:literal) => {
        entrants! { Peer "iceoryx2" = $measure::<crate::heavy::Iceoryx<$n, $in_place>, $m>(Processes); }
    };
}

#[cfg(not(feature = "heavy"))]
macro_rules! heavy {
    ($measure:ident, $m:ty, $n:literal, $in_place:literal) => {
        Vec::new()
    };
}

/// The kernel objects that keep messages whole, where the messages are not too large for them.
macro_rules! messages {
    ($measure:ident, $m:ty) => {
        entrants! {
            Raw "Unix seqpacket" = $measure::<kernel::UnixSeqpacket, $m>(Processes);
            Raw "Unix datagram" = $measure::<kernel::UnixDatagram, $m>(Processes);
        }
    };
}

macro_rules! mq {
    ($measure:ident, $m:ty) => {
        entrants! { Raw "POSIX mq" = $measure::<kernel::MessageQueue, $m>(Processes); }
    };
}

macro_rules! udp {
    ($m:ty) => {
        entrants! { Raw "UDP" = trip::<kernel::Udp, $m>(Processes); }
    };
}

fn words() -> Vec<Entrant> {
    entrants! {
        Raw "eventfd" = trip::<kernel::EventFd, Word>(Processes);
        Raw "queued signal" = trip::<kernel::Signal, Word>(Processes);
        Raw "futex" = trip::<kernel::Futex<false>, Word>(Processes);
        Limit "bare cache line" = trip::<Line<Shared>, Word>(Processes);
    }
}

macro_rules! many_entrants {
    ($run:ident, ($($argument:expr),*)) => {
        entrants! {
            Ours "ringway Queue" = $run::<many::Ours>($($argument),*);
            Ours "ringway QueueView" = $run::<many::OursCounted>($($argument),*);
            Peer "crossbeam ArrayQueue" = $run::<many::ArrayQueue>($($argument),*);
            Peer "crossbeam-channel" = $run::<many::CrossbeamChannel>($($argument),*);
            Peer "crossfire" = $run::<many::Crossfire>($($argument),*);
            Peer "gil" = $run::<many::Gil>($($argument),*);
            Peer "kanal" = $run::<many::Kanal>($($argument),*);
            Peer "thingbuf" = $run::<many::ThingBuf>($($argument),*);
            Peer "heapless" = $run::<many::Heapless>($($argument),*);
        }
    };
}

/// Ringway's end beside the raw calls, in round trips on one processor.
macro_rules! ends {
    ($m:ty: $($raw:literal $kernel:ident, $ours:literal $end:ident;)*) => {
        entrants! {
            $(
                Raw $raw = trip::<kernel::$kernel, $m>(OneCpu);
                Ours $ours = trip::<ends::$end, $m>(OneCpu);
            )*
        }
    };
}

fn experiment(id: &'static str, title: &'static str, entrants: Vec<Vec<Entrant>>) -> Experiment {
    let entrants = entrants.into_iter().flatten().collect();
    let two_processors =
        !matches!(id, "alone-u64" | "sleep-one" | "ends" | "signal" | "lock-alone" | "floor");
    Experiment { id, title, entrants, two_processors }
}

/// All experiments.
pub fn experiments() -> Vec<Experiment> {
    let line = || entrants! { Limit "bare cache line" = trip::<Line<Private>, Word>(Threads); };
    vec![
        experiment(
            "rate-u64",
            "One producer, one consumer, u64, one at a time",
            vec![
                threads!(rate, Word, 65536, 524_288, (Threads)),
                entrants! {
                    Ours "ringway Queue" = rate::<Many<Private, 1024>, Word>(Threads);
                    Ours "ringway QueueView" = rate::<ManyView<Private, 1024>, Word>(Threads);
                },
            ],
        ),
        experiment(
            "rate-64",
            "One producer, one consumer, 64 bytes, one at a time",
            vec![threads!(rate, B64, 65536, 4_194_304, (Threads))],
        ),
        experiment(
            "trip-u64",
            "Round trip between two threads, u64",
            vec![threads!(trip, Word, 1024, 8192, (Threads)), line()],
        ),
        experiment(
            "alone-u64",
            "Push and pop on one thread, u64",
            vec![threads!(alone, Word, 1024, 8192, ())],
        ),
        experiment("chunk-64", "Chunks of 64 u64", vec![chunked!([u64; 64], 65536, 524_288, 1024)]),
        experiment("chunk-4k", "Chunks of 4 KiB", vec![chunked!(K4, 524_288, 4_194_304, 1024)]),
        experiment("chunk-64k", "Chunks of 64 KiB", vec![chunked!(K64, 524_288, 4_194_304, 64)]),
        experiment(
            "many-2-1",
            "Two producers, one consumer, u64",
            vec![
                many_entrants!(many_rate, (2, 1)),
                entrants! {
                    Peer "nexus-queue" = many_rate::<many::Nexus>(2, 1);
                    Peer "gil mpsc" = many_rate::<many::GilMpsc>(2, 1);
                    Peer "std sync_channel" = many_rate::<many::StdChannel>(2, 1);
                },
            ],
        ),
        experiment(
            "many-2-2",
            "Two producers, two consumers, u64",
            vec![many_entrants!(many_rate, (2, 2))],
        ),
        experiment(
            "many-both",
            "Two pinned threads that each push and pop, u64",
            vec![many_entrants!(both, ())],
        ),
        experiment(
            "trip-8-processes",
            "Round trip between processes, 8 B",
            vec![
                heavy!(trip, Word, 1024, false),
                shared!(trip, Word, 1024, 8192),
                messages!(trip, Word),
                mq!(trip, Word),
                udp!(Word),
                words(),
            ],
        ),
        experiment(
            "trip-64-processes",
            "Round trip between processes, 64 B",
            vec![
                heavy!(trip, B64, 1024, false),
                shared!(trip, B64, 1024, 65536),
                messages!(trip, B64),
                mq!(trip, B64),
                udp!(B64),
            ],
        ),
        experiment(
            "trip-1k-processes",
            "Round trip between processes, 1 KiB, copied in and out",
            vec![
                heavy!(trip, K1, 64, false),
                shared!(trip, K1, 64, 65536),
                messages!(trip, K1),
                mq!(trip, K1),
                udp!(K1),
            ],
        ),
        experiment(
            "trip-4k-processes",
            "Round trip between processes, 4 KiB, copied in and out",
            vec![
                heavy!(trip, K4, 16, false),
                shared!(trip, K4, 16, 65536),
                messages!(trip, K4),
                mq!(trip, K4),
                udp!(K4),
            ],
        ),
        experiment(
            "trip-64k-processes",
            "Round trip between processes, 64 KiB, copied in and out",
            vec![heavy!(trip, K64, 4, false), shared!(trip, K64, 4, 262_144), messages!(trip, K64)],
        ),
        experiment(
            "in-place-64k-trip",
            "Round trip between processes in place, 64 KiB",
            vec![
                heavy!(trip, K64, 4, true),
                entrants! {
                    Ours "ringway Ring" = trip::<InPlace<Shared, 4>, K64>(Processes);
                    Limit "bare cache line" = trip::<Line<Shared>, Word>(Processes);
                },
            ],
        ),
        experiment(
            "in-place-1m-trip",
            "Round trip between processes in place, 1 MiB",
            vec![
                heavy!(trip, M1, 4, true),
                entrants! {
                    Ours "ringway Ring" = trip::<InPlace<Shared, 4>, M1>(Processes);
                    Limit "bare cache line" = trip::<Line<Shared>, Word>(Processes);
                },
            ],
        ),
        experiment(
            "rate-8-processes",
            "One way between processes, 8 B",
            vec![
                heavy!(rate, Word, 1024, false),
                shared!(rate, Word, 1024, 8192),
                messages!(rate, Word),
                mq!(rate, Word),
            ],
        ),
        experiment(
            "rate-64-processes",
            "One way between processes, 64 B",
            vec![
                heavy!(rate, B64, 1024, false),
                shared!(rate, B64, 1024, 65536),
                messages!(rate, B64),
                mq!(rate, B64),
            ],
        ),
        experiment(
            "rate-1k-processes",
            "One way between processes, 1 KiB",
            vec![
                heavy!(rate, K1, 64, false),
                shared!(rate, K1, 64, 65536),
                messages!(rate, K1),
                mq!(rate, K1),
            ],
        ),
        experiment(
            "rate-4k-processes",
            "One way between processes, 4 KiB",
            vec![
                heavy!(rate, K4, 16, false),
                shared!(rate, K4, 16, 65536),
                messages!(rate, K4),
                mq!(rate, K4),
            ],
        ),
        experiment(
            "rate-64k-processes",
            "One way between processes, 64 KiB",
            vec![
                heavy!(rate, K64, 4, false),
                shared!(rate, K64, 4, 262_144),
                messages!(rate, K64),
                entrants! { Limit "core-to-core copy" = rate::<Copying<Shared, 4>, K64>(Processes); },
            ],
        ),
        experiment(
            "rate-1m-processes",
            "One way between processes, 1 MiB",
            vec![
                heavy!(rate, M1, 4, false),
                entrants! {
                    Ours "ringway Ring" = rate::<Slots<Shared, 4>, M1>(Processes);
                    Ours "ringway ByteRing" = rate::<Bytes<Shared, 4_194_304>, M1>(Processes);
                    Peer "shaq" = rate::<ShaqShared<4>, M1>(Processes);
                    Peer "cueue" = rate::<CueueChunks<524_288>, M1>(Processes);
                    Peer "ipc-channel" = rate::<IpcBytes, M1>(Processes);
                    Raw "pipe" = rate::<kernel::Pipe, M1>(Processes);
                    Raw "FIFO" = rate::<kernel::Fifo, M1>(Processes);
                    Raw "Unix stream" = rate::<kernel::UnixStream, M1>(Processes);
                    Raw "TCP" = rate::<kernel::Tcp, M1>(Processes);
                    Limit "core-to-core copy" = rate::<Copying<Shared, 4>, M1>(Processes);
                },
            ],
        ),
        experiment(
            "in-place-64k-rate",
            "One way between processes in place, 64 KiB",
            vec![
                heavy!(rate, K64, 16, true),
                entrants! { Ours "ringway Ring" = rate::<InPlace<Shared, 16>, K64>(Processes); },
            ],
        ),
        experiment(
            "in-place-1m-rate",
            "One way between processes in place, 1 MiB",
            vec![
                heavy!(rate, M1, 16, true),
                entrants! { Ours "ringway Ring" = rate::<InPlace<Shared, 16>, M1>(Processes); },
            ],
        ),
        experiment(
            "sleep-one",
            "Blocking round trip on one processor, u64",
            vec![entrants! {
                Ours "ringway Ring" = trip::<ends::Blocking<RobustFutex>, Word>(OneCpu);
                Ours "ringway Ring, plain futex" = trip::<ends::Blocking<Futex>, Word>(OneCpu);
                Raw "futex" = trip::<kernel::Futex<false>, Word>(OneCpu);
                Raw "futex with a bound" = trip::<kernel::Futex<true>, Word>(OneCpu);
                Raw "eventfd" = trip::<kernel::EventFd, Word>(OneCpu);
                Raw "pipe" = trip::<kernel::Pipe, Word>(OneCpu);
                Raw "Unix stream" = trip::<kernel::UnixStream, Word>(OneCpu);
                Raw "queued signal" = trip::<kernel::Signal, Word>(OneCpu);
                Raw "POSIX mq" = trip::<kernel::MessageQueue, Word>(OneCpu);
                Peer "shmem-ipc" = trip::<ShmemIpc, Word>(OneCpu);
            }],
        ),
        experiment(
            "sleep-two",
            "Blocking round trip on two processors, u64",
            vec![entrants! {
                Ours "ringway Ring" = trip::<ends::Blocking<RobustFutex>, Word>(Processes);
                Raw "futex" = trip::<kernel::Futex<false>, Word>(Processes);
                Raw "eventfd" = trip::<kernel::EventFd, Word>(Processes);
                Raw "pipe" = trip::<kernel::Pipe, Word>(Processes);
                Peer "shmem-ipc" = trip::<ShmemIpc, Word>(Processes);
            }],
        ),
        experiment(
            "ends",
            "Ringway's ends beside the raw calls: round trip of 64 B on one processor",
            vec![ends! { B64:
                "pipe, raw" Pipe, "pipe" Pipe;
                "FIFO, raw" Fifo, "FIFO" NamedPipe;
                "Unix stream, raw" UnixStream, "Unix stream" Stream;
                "Unix seqpacket, raw" UnixSeqpacket, "Unix seqpacket" Seqpacket;
                "Unix datagram, raw" UnixDatagram, "Unix datagram" Datagram;
                "TCP, raw" Tcp, "TCP" Tcp;
                "UDP, raw" Udp, "UDP" Udp;
            }],
        ),
        experiment(
            "signal",
            "A signal raised, its handler run by the dispatcher",
            vec![entrants! {
                Ours "ringway dispatcher" = ends::dispatched();
                Raw "handler and self-pipe" = ends::self_pipe();
            }],
        ),
        experiment(
            "lock-alone",
            "A lock taken and given back, nobody else wants it",
            vec![entrants! {
                Ours "ringway Mutex" = locks::alone::<locks::Ours>();
                Peer "pthread, process-shared" = locks::alone::<locks::Pthread<false>>();
                Peer "pthread, process-shared and robust" = locks::alone::<locks::Pthread<true>>();
                Peer "parking_lot" = locks::alone::<locks::ParkingLot>();
                Peer "std Mutex" = locks::alone::<locks::Std>();
            }],
        ),
        experiment(
            "lock-processes",
            "A lock that two processes want",
            vec![entrants! {
                Ours "ringway Mutex" = locks::contended::<locks::Ours>(Processes);
                Peer "pthread, process-shared" = locks::contended::<locks::Pthread<false>>(Processes);
                Peer "pthread, process-shared and robust" = locks::contended::<locks::Pthread<true>>(Processes);
            }],
        ),
        experiment(
            "lock-threads",
            "A lock that two threads want",
            vec![entrants! {
                Ours "ringway Mutex" = locks::contended::<locks::OursPrivate>(Threads);
                Peer "pthread, process-shared" = locks::contended::<locks::Pthread<false>>(Threads);
                Peer "pthread, process-shared and robust" = locks::contended::<locks::Pthread<true>>(Threads);
                Peer "parking_lot" = locks::contended::<locks::ParkingLot>(Threads);
                Peer "std Mutex" = locks::contended::<locks::Std>(Threads);
            }],
        ),
        experiment(
            "floor",
            "What the machine does at best",
            vec![entrants! {
                Limit "memcpy 64 KiB" = limits::copy_alone::<false>();
                Limit "copy by vectors 64 KiB" = limits::copy_alone::<true>();
                Limit "empty system call" = limits::system_call();
            }],
        ),
    ]
}

/// A row.
const fn figure(
    title: &'static str,
    experiment: &'static str,
    metric: &'static str,
    unit: Unit,
    bars: &'static [Bar],
) -> Figure {
    Figure { title, experiment, metric, unit, ours: "", bars }
}

/// One of our ends beside the raw calls.
const fn end(title: &'static str, ours: &'static str, bars: &'static [Bar]) -> Figure {
    Figure { title, experiment: "ends", metric: "mean", unit: Unit::Time, ours, bars }
}

/// A blocking round trip on one processor.
const fn asleep(title: &'static str, ours: &'static str, bars: &'static [Bar]) -> Figure {
    Figure { title, experiment: "sleep-one", metric: "mean", unit: Unit::Time, ours, bars }
}

use Bar::{AtLeastBest, AtLeastLimit, AtMost, AtMostBest, AtMostLimit, Nanoseconds, PerSecond};
use Unit::{Rate, Throughput, Time};

/// The rows of the table, in order.
pub const FIGURES: &[Figure] = &[
    figure("SPSC u64, rate", "rate-u64", "rate", Rate, &[AtLeastBest(1.05)]),
    figure("SPSC 64 B, rate", "rate-64", "rate", Rate, &[AtLeastBest(1.05)]),
    figure(
        "SPSC u64, round trip, mean",
        "trip-u64",
        "mean",
        Time,
        &[AtMostBest(1.0), AtMostLimit(1.1)],
    ),
    figure("SPSC u64, round trip, p99", "trip-u64", "p99", Time, &[AtMostBest(1.0)]),
    figure("push + pop on one thread, u64", "alone-u64", "pair", Time, &[AtMostBest(1.0)]),
    figure("chunks of 64 u64", "chunk-64", "bytes", Throughput, &[AtLeastBest(1.0)]),
    figure("chunks of 4 KiB", "chunk-4k", "bytes", Throughput, &[AtLeastBest(1.0)]),
    figure(
        "chunks of 64 KiB",
        "chunk-64k",
        "bytes",
        Throughput,
        &[AtLeastBest(1.0), AtLeastLimit(0.98)],
    ),
    figure("2 producers, 1 consumer", "many-2-1", "rate", Rate, &[AtLeastBest(1.0)]),
    figure("2 producers, 2 consumers", "many-2-2", "rate", Rate, &[AtLeastBest(1.0)]),
    figure("2 pinned threads doing both", "many-both", "rate", Rate, &[AtLeastBest(1.0)]),
    figure(
        "processes, round trip 8 B, p50",
        "trip-8-processes",
        "p50",
        Time,
        &[AtMostBest(1.0), AtMostLimit(1.1)],
    ),
    figure("processes, round trip 64 B, p50", "trip-64-processes", "p50", Time, &[AtMostBest(1.0)]),
    figure("processes, round trip 1 KiB", "trip-1k-processes", "p50", Time, &[AtMostBest(1.0)]),
    figure("processes, round trip 4 KiB", "trip-4k-processes", "p50", Time, &[AtMostBest(1.0)]),
    figure("processes, round trip 64 KiB", "trip-64k-processes", "p50", Time, &[AtMostBest(1.0)]),
    figure("in place, round trip 64 KiB", "in-place-64k-trip", "p50", Time, &[Nanoseconds(160.0)]),
    figure("in place, round trip 1 MiB", "in-place-1m-trip", "p50", Time, &[Nanoseconds(160.0)]),
    figure("processes, rate 8 B", "rate-8-processes", "rate", Rate, &[AtLeastBest(1.05)]),
    figure("processes, rate 64 B", "rate-64-processes", "rate", Rate, &[AtLeastBest(1.05)]),
    figure("processes, rate 1 KiB", "rate-1k-processes", "bytes", Throughput, &[AtLeastBest(1.0)]),
    figure("processes, rate 4 KiB", "rate-4k-processes", "bytes", Throughput, &[AtLeastBest(1.0)]),
    figure(
        "processes, rate 64 KiB",
        "rate-64k-processes",
        "bytes",
        Throughput,
        &[AtLeastBest(1.0)],
    ),
    figure("processes, rate 1 MiB", "rate-1m-processes", "bytes", Throughput, &[AtLeastBest(1.0)]),
    figure("in place, rate 64 KiB", "in-place-64k-rate", "rate", Rate, &[PerSecond(1e7)]),
    figure("in place, rate 1 MiB", "in-place-1m-rate", "rate", Rate, &[PerSecond(1e7)]),
    asleep(
        "blocking round trip, one processor",
        "ringway Ring, plain futex",
        &[AtMost(1.0, "futex")],
    ),
    asleep(
        "the same, and deaths are noticed",
        "ringway Ring",
        &[AtMost(1.0, "futex with a bound")],
    ),
    figure(
        "blocking round trip, two processors",
        "sleep-two",
        "mean",
        Time,
        &[AtMost(1.02, "futex")],
    ),
    end("pipe against the raw calls", "pipe", &[AtMost(1.03, "pipe, raw")]),
    end("FIFO", "FIFO", &[AtMost(1.03, "FIFO, raw")]),
    end("Unix stream", "Unix stream", &[AtMost(1.03, "Unix stream, raw")]),
    end("Unix seqpacket", "Unix seqpacket", &[AtMost(1.03, "Unix seqpacket, raw")]),
    end("Unix datagram", "Unix datagram", &[AtMost(1.03, "Unix datagram, raw")]),
    end("TCP", "TCP", &[AtMost(1.03, "TCP, raw")]),
    end("UDP", "UDP", &[AtMost(1.03, "UDP, raw")]),
    figure(
        "signal raised → handler run",
        "signal",
        "mean",
        Time,
        &[AtMost(1.1, "handler and self-pipe")],
    ),
    figure("lock, uncontended", "lock-alone", "pair", Time, &[AtMostBest(1.0)]),
    figure("lock that two processes want", "lock-processes", "rate", Rate, &[AtLeastBest(1.0)]),
    figure("lock that two threads want", "lock-threads", "rate", Rate, &[AtLeastBest(1.0)]),
];
