//! The transports of the shim: real pipes, FIFOs, sockets, connections, links and rings in shared memory, between threads and between processes.

mod connection;
mod datagram;
mod link;
mod pipe;
mod shm;
mod socket;

use super::{Answer, Transport};
use ringway::Cause;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) const TRANSPORTS: &[&dyn Transport] = &[
    &pipe::Pipe,
    &pipe::Fifo,
    &socket::UNIX_STREAM,
    &socket::UNIX_STREAM_ABSTRACT,
    &socket::UNIX_STREAM_PAIR,
    &socket::SEQPACKET,
    &socket::SEQPACKET_ABSTRACT,
    &socket::SEQPACKET_PAIR,
    &socket::Tcp,
    &datagram::DATAGRAM,
    &datagram::DATAGRAM_ABSTRACT,
    &datagram::Pair,
    &datagram::Udp,
    &connection::Pair,
    &connection::OneWay,
    &shm::Bytes,
    &shm::Messages,
    &link::PIPES,
    &link::FIFOS,
    &link::UNIX_STREAM,
    &link::TCP,
];

/// The shim's answer in the core's words, which it must have for all that happens here.
#[track_caller]
fn answer<T>(result: ringway::Result<T>) -> Answer<T> {
    result.map_err(|error| match error.cause() {
        Cause::Core(reason) => reason,
        _ => panic!("an error that the core has no word for: {error}"),
    })
}

/// A name that no other end of this process has.
fn unique(place: &Path) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    place.join(COUNT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// The descriptor that was handed to this process under this number.
fn handed_over(number: &str) -> OwnedFd {
    let number = number.parse().expect("the number of a descriptor");
    // SAFETY: a peer's process is told once which descriptor it inherited, and nothing else in it knows the number.
    unsafe { OwnedFd::from_raw_fd(number) }
}
