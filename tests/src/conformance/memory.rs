//! The transports of the core: in memory, between threads, asleep on a futex.
//!
//! The structures are leaked: their ends borrow them, the suite moves ends between threads as it likes, and each case
//! has a process of its own.

mod bytes;
mod fifo;
mod pipe;
mod queue;
mod ring;
mod socket;

use super::Transport;

pub(super) const TRANSPORTS: &[&dyn Transport] = &[
    &ring::Values,
    &queue::Values,
    &bytes::Bytes,
    &pipe::Pipe,
    &pipe::SmallPipe,
    &fifo::Fifo,
    &socket::Stream,
    &socket::StreamHalves,
    &socket::Packets,
];

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
