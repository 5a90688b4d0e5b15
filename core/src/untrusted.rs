//! Channels between two sides that do not trust each other.
//!
//! Everywhere else, the sides of a structure trust each other to write through this library alone.
//! Here, each side trusts only its own memory. There are two pieces of memory. Each has one side
//! that writes it; the other side may only read it, and the system enforces that (a read-only
//! mapping, a memory protection unit). A side reads the peer's memory as it reads a wire:
//!
//! - It loads each word once, into a local, and judges the local.
//! - It copies bytes before it looks at them.
//! - It takes nothing from there that says where things lie: capacities and sizes are private.
//!
//! # The promise
//!
//! Whatever the peer writes into its memory, and whenever, an operation does one of these: it
//! succeeds (with bytes that may be any bytes), it says that there is nothing or no room, its
//! deadline passes, it tells of the end, or it answers [`Corrupt`](crate::Error::Corrupt). Once it
//! answered `Corrupt`, it always does. Each operation takes a bounded number of steps, apart from
//! its sleep. Nothing is read or written out of bounds, and nothing allocates. The memory must stay
//! mapped: the caller sees to that (in `ringway::shm::untrusted`, the kernel does).
//!
//! A peer can always be slow, send rubbish, or wake this side for nothing. What the bytes *mean*
//! is the caller's to judge.
//!
//! # What there is
//!
//! | half that sends | half that receives | carries |
//! |---|---|---|
//! | [`Writer`] | [`Reader`] | bytes |
//! | [`Sender`] | [`Receiver`] | messages of any length |
//! | [`Producer`] | [`Consumer`] | values of one type |
//! | [`Publisher`] | [`Subscriber`] | the newest value, or the last values, of one type |
//!
//! There is no lock, no queue and no value in place: a side that holds or reads those in shared
//! memory depends on what the others write.
//!
//! # How it works
//!
//! ```text
//!   memory of the sending side                memory of the receiving side
//!   position: bytes ever sent                 position: bytes ever received
//!   state, waits, bell                        state, waits, bell
//!   the bytes
//! ```
//!
//! It is Lamport's queue of one producer and one consumer ("Proving the Correctness of Multiprocess
//! Programs", 1977), cut in two. A side keeps its own position in private memory, and the last
//! position of the peer that it judged. A peer's position is good if it lies between that one and
//! what this side's position allows.
//!
//! A side that is about to sleep stores `waits` in its own memory, looks again, and sleeps on the
//! peer's `bell`. A side that has stored something new looks at the peer's `waits`, and if it is
//! set, changes its own `bell` and wakes those who sleep there. Both have a fence between the two
//! steps, so that one of them sees the other (see [`wait`](crate::wait)).

mod end;
mod halves;
#[cfg(not(loom))]
mod newest;
mod sleeper;
mod words;

pub use halves::{Consumer, Producer, Reader, Receiver, Sender, Writer};
#[cfg(not(loom))]
pub use newest::{Publisher, Subscriber};
pub use sleeper::Sleeper;
pub use words::{Lane, Words};
