//! One IPC vocabulary without an operating system: rings, channels, signals and locks in memory, from an interrupt handler
//! to threads and to processes that share memory, with the names, states and errors that `ringway` gives to real pipes,
//! FIFOs, sockets and signals.
//!
//! `no_std`, no allocation, no clock, no system call. Where time matters the caller passes it in; where a side sleeps, the
//! caller says how.
//!
//! # The map
//!
//! ```text
//!   channel::{pipe, fifo, socket}     what POSIX offers, in memory; one life for all endpoints: channel::State
//!   channel::{frame, link}            messages over any byte stream: ports, credits, retransmission; no I/O of its own
//!   signal                            raise anywhere, dispatch in one place
//!   region                            the layout of shared memory: named parts, and who is attached
//!   ring, ring::{bytes, messages}     one producer, one consumer: values, contiguous bytes, messages of any length
//!   ring::queue                       any number of both: lock-free, and survives the death of a participant
//!   ring::{broadcast, latest}         one writer, any number of readers: every message; the newest value
//!   lock                              mutex and its family, between contexts and between processes that may die
//!   wait                              how a side sleeps and is woken: polling, blocking, async
//!   participant, plain                who shares a structure with other processes; what may lie in shared memory
//!   sync                              the only door to atomics and cells: core's, loom's, or a critical section
//! ```
//!
//! Each layer uses only those below it, and each can be used alone.
//!
//! # The words
//!
//! | word | means |
//! |---|---|
//! | producer, consumer | the two halves of a ring |
//! | writer, reader | the ends of a pipe or FIFO; there may be several writers |
//! | listener, stream | the ends of a socket |
//! | raise, dispatch | make a signal pending; run its handler |
//! | participant | who takes part, where processes share a structure; what it holds is on record under its number |
//! | grant, chunk | part of a ring lent out in place: *commit* publishes it, *release* gives it back, dropping it does neither |
//! | doorbell | what wakes the other side |
//! | `try_` | never waits; a plain verb waits; `_deadline` bounds the wait; `poll_` is for a task |
//!
//! # What is promised
//!
//! - **No panic** is reachable from a public function, but for what user code does in a callback or a destructor. Images that
//!   use this crate are linked without panic machinery (`tests/firmware`).
//! - **A panic of others does no harm**: a waker, a [`Wait`](wait::Wait), a destructor or a handler that panics leaves nothing
//!   half done. Such code runs last, when every state is stored and every turn passed on; what else was to be dropped or woken
//!   still is. A second panic meanwhile aborts the program, as everywhere.
//! - **Progress**: ring operations and [`signal::Table::raise`] are wait-free, the queue is lock-free, on targets with atomic
//!   read-modify-write. Each type says what it promises. That is said of this crate's own steps: waking one that sleeps is
//!   the work of its [`Wait`](wait::Wait), and a processor may retry an atomic operation whose word another one changes.
//! - **No compare-and-swap needed** for the data path of the rings: loads and stores alone. Whatever does need it (taking a
//!   half, ringing a doorbell on which somebody sleeps, raising a signal) runs in a
//!   [critical section](https://docs.rs/critical-section) on targets without it, and never anywhere else. With several
//!   cores, that section has to keep the other cores out of theirs, and need not stop them.
//! - **Every ordering is needed**: each atomic access names its partner, and weakening any of them makes a loom model
//!   fail (`tests/weaken` tries them one by one).
//! - **No lost wake-up** on send, receive, close, clear or drop.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | `alloc` | an `Arc` owns the structure for its halves, see [`StableRef`](storage::StableRef) |
//! | `defmt` | `defmt::Format` of the errors and states |
//! | `embedded-io` | `embedded_io::{Read, Write, ReadReady, WriteReady}` on the byte ends |
//! | `heapless` | messages are received into a `heapless::Vec` as well, see [`Buffer`] |
//! | `shared-layout` | on bare metal, the layout that hosted targets have, for memory that is shared with one of them |
//! | `zerocopy` | every `zerocopy` type is [`Plain`](plain::Plain) |
//!
//! A dependant's own loom models work with these types: build with `--cfg loom`.
#![no_std]
#![warn(missing_docs)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, loom))]
extern crate std;

mod buffer;
pub mod channel;
mod error;
mod finally;
pub mod lock;
pub mod participant;
pub mod plain;
pub mod region;
pub mod ring;
pub mod signal;
pub mod storage;
pub mod sync;
pub mod wait;

pub use buffer::Buffer;
pub use error::Error;
