//! The list of transports and what each promises. Those of the core are in memory, between threads.
//! Those of the shim are between threads and between processes.

use super::c::{BothInC, ITEM, InC, PROGRAM, Queues, Rings, Shared};
use super::datagram::Named;
use super::{Content, Promises, Transport, link, queue};
use ringway::connection::MAX_MESSAGE;
use ringway::pipe::PIPE_BUF;
use ringway::shm::MessageRing;
use ringway::wait::PrivateFutex;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::Pipe;
use ringway_core::channel::socket::{Network, Packets};
use ringway_ways::connection::{Connected, OneWay, Python};
use ringway_ways::pipe::{Fifos, Pipes};
use ringway_ways::socket::{Datagrams, Seqpackets, Tcp, Udp, UnixStreams};
use ringway_ways::{Pair, Way, memory, shm};
use std::sync::OnceLock;

/// Not powers of two, so that every place of a ring becomes a boundary.
const BYTES: usize = 3_001;
const MESSAGES: usize = 32_001;

/// The capacity of pipes in memory, and of FIFOs and sockets. An atomic write fills a small pipe to
/// the last byte.
const PIPE: usize = 10_007;
const SMALL: usize = 61;
const CHANNEL: usize = 5_003;

// So few names and connections that a place which is not given back is missed soon.
static NAMES: Registry<4, CHANNEL, PrivateFutex> = Registry::new();
static NETWORK: Network<2, 4, CHANNEL, PrivateFutex> = Network::new();

/// A stream of bytes between two.
const STREAM: Promises = Promises {
    content: Content::Bytes,
    both_at_once: true,
    half_close: false,
    several_writers: false,
    atomic: None,
    end: true,
    torn: false,
    killed_is_reset: false,
    reliable: true,
    bounded: true,
    immediate: true,
    empty_at_once: true,
    processes: false,
};

/// Messages that are copied: the largest size, and the size from which on one is refused.
const fn messages(promises: Promises, max: usize, limit: usize) -> Promises {
    let content = Content::Messages { max, empty: true, limit: Some(limit), copied: true };
    Promises { content, ..promises }
}

/// Messages that are values and move.
const VALUES: Promises = Promises {
    content: Content::Messages { max: 100_000, empty: true, limit: None, copied: false },
    ..STREAM
};

/// The promises of a pipe, with atomic writes up to this size.
const fn pipe(atomic: usize) -> Promises {
    Promises { several_writers: true, atomic: Some(atomic), ..STREAM }
}

/// A socket in memory has one user at a time, hence one direction at a time.
const IN_TURN: Promises = Promises { both_at_once: false, half_close: true, ..STREAM };

/// The same mechanism between two processes.
const fn processes(promises: Promises) -> Promises {
    Promises { processes: true, ..promises }
}

const SOCKET: Promises =
    processes(Promises { half_close: true, several_writers: true, torn: true, ..STREAM });

const CONNECTION: Promises =
    messages(Promises { half_close: false, ..SOCKET }, 3_000_000, MAX_MESSAGE + 1);

/// No side is told of an end.
const DATAGRAMS: Promises =
    messages(processes(Promises { several_writers: true, end: false, ..STREAM }), 60_000, 64 << 20);

const UDP: Promises = Promises {
    reliable: false,
    bounded: false,
    immediate: false,
    // No case lets a peer in another process lose messages.
    processes: false,
    ..messages(DATAGRAMS, 65_507, 65_508)
};

const LINK: Promises = messages(
    Promises { half_close: true, several_writers: true, immediate: false, ..STREAM },
    link::MAX,
    link::MAX + 1,
);

const PACKET: usize = Packets::<CHANNEL, PrivateFutex>::MAX;
const IN_REGION: usize = MessageRing::<MESSAGES>::MAX_MESSAGE;

const fn transport(name: &'static str, promises: Promises, way: &'static dyn Way) -> Transport {
    Transport { name, promises, way, awaited: None }
}

/// Every transport that the suite knows. Those with an end in C are there where that was built, and
/// those that are awaited where the program brought them.
pub fn transports() -> impl Iterator<Item = &'static Transport> {
    let is_there = std::env::var_os(PROGRAM).is_some();
    let in_c = [ONE_IN_C, IN_MEMORY_IN_C].into_iter().filter(move |_| is_there);
    TRANSPORTS.iter().chain(in_c.flatten()).chain(BROUGHT.get().into_iter().flatten())
}

static BROUGHT: OnceLock<Vec<Transport>> = OnceLock::new();

/// Adds transports, once. Those that are awaited need runtimes, which this library does not have.
pub(super) fn bring(transports: Vec<Transport>) {
    assert!(BROUGHT.set(transports).is_ok(), "the suite has its transports already");
}

static TRANSPORTS: &[Transport] = &[
    transport("memory::ring", VALUES, &Pair(memory::rings::<16>)),
    transport("memory::queue", queue::promises(VALUES), &Pair(queue::pair)),
    transport("memory::byte_ring", STREAM, &Pair(memory::byte_rings::<BYTES>)),
    transport("memory::pipe", pipe(Pipe::<PIPE>::ATOMIC), &Pair(memory::pipes::<PIPE>)),
    transport("memory::small_pipe", pipe(Pipe::<SMALL>::ATOMIC), &Pair(memory::pipes::<SMALL>)),
    transport("memory::fifo", pipe(Pipe::<CHANNEL>::ATOMIC), &memory::Fifos(&NAMES)),
    transport("memory::stream", IN_TURN, &memory::Streams(&NETWORK)),
    // Dropping a half that is by itself is its end.
    transport(
        "memory::stream_halves",
        pipe(Pipe::<CHANNEL>::ATOMIC),
        &Pair(memory::stream_halves::<CHANNEL>),
    ),
    transport(
        "memory::packets",
        messages(IN_TURN, PACKET, PACKET + 1),
        &memory::Messages(&NETWORK),
    ),
    transport("os::pipe", processes(pipe(PIPE_BUF)), &Pipes),
    transport("os::fifo", processes(pipe(PIPE_BUF)), &Fifos),
    transport("os::unix_stream", SOCKET, &UnixStreams::PATH),
    transport("os::unix_stream_abstract", SOCKET, &UnixStreams::ABSTRACT),
    transport("os::unix_stream_pair", SOCKET, &UnixStreams::PAIR),
    transport("os::seqpacket", messages(SOCKET, 60_000, 64 << 20), &Seqpackets::PATH),
    transport("os::seqpacket_abstract", messages(SOCKET, 60_000, 64 << 20), &Seqpackets::ABSTRACT),
    transport("os::seqpacket_pair", messages(SOCKET, 60_000, 64 << 20), &Seqpackets::PAIR),
    transport("os::tcp", Promises { immediate: false, ..SOCKET }, &Tcp),
    transport("os::datagram", DATAGRAMS, &Named { is_abstract: false }),
    transport("os::datagram_abstract", DATAGRAMS, &Named { is_abstract: true }),
    transport("os::datagram_pair", DATAGRAMS, &Datagrams),
    transport("os::udp", UDP, &Udp),
    transport("os::connection_pair", CONNECTION, &Connected),
    transport("os::connection_pipe", CONNECTION, &OneWay),
    transport("os::python_connection", CONNECTION, &Python),
    transport("os::shm_byte_ring", processes(STREAM), &shm::Bytes::<BYTES>),
    transport(
        "os::shm_message_ring",
        messages(processes(STREAM), IN_REGION, IN_REGION + 1),
        &shm::Messages::<MESSAGES>,
    ),
    transport("os::link_pipes", LINK, &link::Over(link::over_pipes)),
    transport("os::link_fifos", LINK, &link::Over(link::over_fifos)),
    transport("os::link_unix_stream", LINK, &link::Over(link::over_unix_stream)),
    transport("os::link_tcp", LINK, &link::Over(link::over_tcp)),
];

const C_BYTES: Promises = processes(STREAM);
const C_MESSAGES: Promises = messages(C_BYTES, IN_REGION, IN_REGION + 1);
const C_PIPE: Promises = processes(pipe(PIPE_BUF));
const C_TCP: Promises = Promises { immediate: false, ..SOCKET };
const C_PACKETS: Promises = messages(SOCKET, 60_000, 64 << 20);
const C_LINK: Promises = processes(Promises { killed_is_reset: true, ..LINK });

/// Items of one size, each of which carries a message.
const C_ITEMS: Promises = Promises {
    content: Content::Messages { max: ITEM, empty: true, limit: None, copied: false },
    ..C_BYTES
};

const C_CHANNEL: usize = 4096;
const C_MEM_PIPE: Promises = pipe(Pipe::<C_CHANNEL>::ATOMIC);
const C_PACKET: usize = Packets::<C_CHANNEL>::MAX;
const C_MEM_PACKETS: Promises = messages(IN_TURN, C_PACKET, C_PACKET + 1);

/// A way with an end in C: first with the one that joins, then with the first of a pair.
macro_rules! in_c {
    ($($name:literal $promises:expr, $way:expr, $kind:literal;)*) => {
        &[$(
            transport(concat!("c::", $name), $promises, &in_c($way, $kind)),
            transport(concat!("c_first::", $name), $promises, &c_first($way, $kind)),
        )*]
    };
}

/// The transports that the library for C has, with one end in C.
static ONE_IN_C: &[Transport] = in_c! {
    "shm_byte_ring" C_BYTES, &shm::Bytes::<BYTES>, "bytes";
    "shm_message_ring" C_MESSAGES, &shm::Messages::<MESSAGES>, "messages";
    "shm_ring" C_ITEMS, &Rings, "items";
    "shm_queue" queue::promises(C_ITEMS), &Queues, "jobs";
    "pipe" C_PIPE, &Pipes, "stream";
    "fifo" C_PIPE, &Fifos, "fifo";
    "unix_stream" SOCKET, &UnixStreams::PATH, "unix";
    "unix_stream_abstract" SOCKET, &UnixStreams::ABSTRACT, "unix";
    "unix_stream_pair" SOCKET, &UnixStreams::PAIR, "stream";
    "tcp" C_TCP, &Tcp, "tcp";
    "seqpacket" C_PACKETS, &Seqpackets::PATH, "packets";
    "seqpacket_abstract" C_PACKETS, &Seqpackets::ABSTRACT, "packets";
    "seqpacket_pair" C_PACKETS, &Seqpackets::PAIR, "packets";
    "connection_pair" CONNECTION, &Connected, "connection";
    "connection_pipe" CONNECTION, &OneWay, "connection";
    "link_pipes" C_LINK, &link::Handed::Pipes, "link";
    "link_unix_stream" C_LINK, &link::Handed::UnixStream, "link";
};

/// Those in memory that both sides have, and those that are opened as a whole.
static IN_MEMORY_IN_C: &[Transport] = &[
    transport("c::mem_fifo", C_MEM_PIPE, &Shared { kind: "mem_fifo", first: false }),
    transport("c_first::mem_fifo", C_MEM_PIPE, &Shared { kind: "mem_fifo", first: true }),
    transport("c::mem_stream", IN_TURN, &Shared { kind: "mem_stream", first: false }),
    transport("c_first::mem_stream", IN_TURN, &Shared { kind: "mem_stream", first: true }),
    transport("c::mem_packets", C_MEM_PACKETS, &Shared { kind: "mem_packets", first: false }),
    transport("c_first::mem_packets", C_MEM_PACKETS, &Shared { kind: "mem_packets", first: true }),
    transport("c_both::mem_pipe", C_MEM_PIPE, &BothInC { kind: "mem_pipe" }),
    transport("c_both::mem_stream_pair", IN_TURN, &BothInC { kind: "mem_stream_pair" }),
    transport("c_both::mem_packets_pair", C_MEM_PACKETS, &BothInC { kind: "mem_packets_pair" }),
];

/// A way with the end that joins in C.
const fn in_c(way: &'static dyn Way, kind: &'static str) -> InC {
    InC { way, kind, first: false }
}

/// The same, in pairs whose first end is in C.
const fn c_first(way: &'static dyn Way, kind: &'static str) -> InC {
    InC { first: true, ..in_c(way, kind) }
}
