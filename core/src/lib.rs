//! One vocabulary of inter-process communication, without an operating system.
//!
//! Rings, queues, channels, signals and locks in memory: for an interrupt handler, for threads, and
//! for processes that share memory. They have the names, states and errors that the crate `ringway`
//! gives to real pipes, FIFOs, sockets and signals. The crate is `no_std`: no allocation, no clock,
//! no system call, no panic. The caller passes the time in where time matters, and says how a side
//! sleeps where a side sleeps.
//!
//! ```
//! use ringway_core::ring::Ring;
//! static SAMPLES: Ring<u16, 32> = Ring::new();
//!
//! // In the interrupt handler:
//! if let Some(mut producer) = SAMPLES.producer() {
//!     let _ = producer.try_push(512); // an error if the ring is full: count the loss
//! }
//! // In the main loop:
//! let mut samples = SAMPLES.consumer().unwrap();
//! assert_eq!(samples.try_pop(), Some(512));
//! ```
//!
//! # I need …
//!
//! | I need … | use |
//! |---|---|
//! | values from one context to one other | [`ring::Ring`] |
//! | bytes, written and read where they lie | [`ring::bytes::ByteRing`] |
//! | messages of any length | [`ring::messages::MessageRing`] |
//! | many producers and consumers, each value to one of them | [`ring::queue::Queue`] |
//! | every message to every reader, and a writer that never waits | [`ring::broadcast::Broadcast`] |
//! | the newest value only | [`ring::latest::Latest`] |
//! | a lock, a semaphore, a condition, a barrier | [`lock`] |
//! | a pipe, a FIFO, a socket in memory | [`channel`] |
//! | messages over a serial line or another stream of bytes | [`channel::link`] |
//! | an interrupt or a signal that is handled in one place | [`signal::Table`] |
//! | to sleep until there is something, or to await it | [`wait`] |
//! | memory that several processes share, with named parts | [`region`] |
//! | a capacity that is known when the program runs | [`storage`] |
//!
//! # The map
//!
//! ```text
//! region                            the layout of shared memory: named parts, and who is attached
//! channel, signal                   what POSIX offers, in memory
//! ring, lock                        the structures that the others are made of
//! wait, storage                     how a side sleeps and is woken; where the slots lie
//! error, participant, plain, sync   errors; who takes part; plain bytes; the only door to atomics
//! ```
//!
//! Each layer uses only those below it. Each can be used alone.
//!
//! # The words
//!
//! | word | means |
//! |---|---|
//! | producer, consumer | the two halves of a ring |
//! | writer, reader | the ends of a pipe or FIFO; there may be several writers |
//! | listener, stream | the ends of a socket |
//! | raise, dispatch | make a signal pending; run its handler |
//! | participant | who takes part where processes share a structure; the structure records what it holds under its number |
//! | grant, chunk | a part of a ring, lent out in place: *commit* publishes it, *release* gives it back, dropping it does neither |
//! | doorbell | what wakes the other side |
//! | `try_` | never waits; a plain verb waits; `_deadline` bounds the wait; `_async` awaits |
//!
//! # What is promised
//!
//! - **No panic** is reachable from a public function, except in the caller's code (a callback, a
//!   destructor). Images that use this crate are linked without panic machinery
//!   (`tests/firmware`).
//! - **A panic in the caller's code does no harm.** A waker, a [`Wait`](wait::Wait), a destructor
//!   or a handler runs last, when every state is stored and every turn is passed on. What else has
//!   to be dropped or woken still is. A second panic meanwhile aborts the program, as everywhere.
//! - **Progress**: ring operations and [`signal::Table::raise`] are wait-free and the queue is
//!   lock-free, on targets with atomic read-modify-write. Each type says what it promises. The
//!   promise is about the steps of this crate: waking a sleeper is the work of its
//!   [`Wait`](wait::Wait), and a processor may retry an atomic operation whose word another
//!   processor changes.
//! - **No compare-and-swap is needed** for the data path of the rings. What does need it (taking a
//!   half, ringing a doorbell on which somebody sleeps, raising a signal) runs in a [critical
//!   section](https://docs.rs/critical-section) on targets without it, and never elsewhere. With
//!   several cores, the section has to keep the other cores out of theirs. It need not stop them.
//! - **Every ordering is needed**: each atomic access names its partner, and a loom model fails if
//!   any ordering is weakened (`tests/weaken` tries them one by one).
//! - **No wake-up is lost** on send, receive, close, clear or drop.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | `alloc` | an `Arc` owns the structure for its halves, see [`StableRef`](storage::StableRef) |
//! | `arbitrary` | `Arbitrary` for [`Error`], [states and events](channel), [`Participant`](participant::Participant), [link configurations](channel::link::Config) and [signals](signal), where there is a standard library |
//! | `defmt` | `defmt::Format` of the errors and states |
//! | `embedded-io-async` | `embedded_io_async::{Read, Write}` on the byte ends, `BufRead` on the byte ring; and `embedded-io` |
//! | `embedded-io` | `embedded_io::{Read, Write, ReadReady, WriteReady}` on the byte ends |
//! | `futures` | `Stream` for the consumer of a ring and the reader of a broadcast, `Sink` for the producer of a ring |
//! | `heapless` | receives messages into a `heapless::Vec` as well, see [`Buffer`] |
//! | `shared-layout` | on bare metal, the layout that hosted targets have, for memory that is shared with one of them |
//! | `zerocopy` | every `zerocopy` type is [`Plain`](plain::Plain) |
//!
//! A dependant's own models explore these types too: build with `--cfg loom`, see [`sync`].
#![cfg_attr(docsrs, feature(doc_cfg))]
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
#[cfg(all(feature = "arbitrary", not(target_os = "none")))]
mod fuzzing;
pub mod lock;
pub mod participant;
pub mod plain;
pub mod region;
pub mod ring;
#[cfg(test)]
mod scaled;
pub mod signal;
pub mod storage;
pub mod sync;
pub mod untrusted;
pub mod wait;

pub use buffer::Buffer;
pub use error::Error;
