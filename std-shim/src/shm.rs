//! Shared memory: a region that processes attach to, with the core's own rings, queues and locks in it.
//!
//! ```text
//!   process 1                    /dev/shm/NAME, or memfd                     process 2
//!   Region ── participant 1      header · directory · attach table      participant 2 ── Region
//!     └ Part<Ring<T, N>> ──────▶ "samples": a ringway_core::ring::Ring ◀────── Part<Ring<T, N>>
//!     └ Part<Queue<T, N>> ─────▶ "jobs": a ringway_core::ring::queue::Queue
//! ```
//!
//! A [`Layout`] says which parts a region has and how many may attach; [`Region::create`], [`open`](Region::open),
//! [`open_or_create`](Region::open_or_create) and [`anonymous`](Region::anonymous) attach; [`Region::part`] finds a part by
//! its name and checks that it is what the caller takes it for: structure, capacity, and the items' size, alignment and
//! [name](Item), which [`region`](ringway_core::region) says two programs must agree on. A part *is* the core's structure: the code that runs
//! between two threads runs between two processes.
//!
//! # When a process dies
//!
//! Any participant may be killed between any two instructions. What it holds is on record under its number before it is
//! held, and the kernel tells that it is dead: it drops the lock on the participant's byte of the file. Whoever sleeps in the
//! region looks every [`BOUND`], and puts right what the dead one held, as does whoever attaches and whoever asks
//! ([`Region::reap`]). So within that time: what it had committed is delivered, once; what it had not is never seen; a message
//! that it had claimed goes to another; its halves, slots and locks come back; nobody hangs.
//!
//! One that is *suspended* delays nobody in the structures that are lock-free, and whoever needs what it holds elsewhere. While
//! it attaches, detaches or puts right what a dead one held, others wait to attach (for 10 s, then it is an error), and that
//! dead one waits to be put right.
//!
//! # Whom one trusts
//!
//! Everybody who is attached to a region can write all of it, and values are read in place. Attach to regions of programs that
//! you trust not to write into it but through this library (give a named one a `mode` that lets nobody else in). What another
//! wrote by mistake or by malice is found where it can be: a file that is no region, of another version or size, a directory
//! that does not fit, a part of another type, positions that no ring has. Each is an error, none is undefined behaviour.
//! A region without a name is sealed, so that nobody can cut it off; one with a name can be, by a program that ignores all
//! this, and reading it is then a SIGBUS.

mod file;
mod mapping;
mod part;
mod recover;
mod region;
mod registry;
mod sleep;
pub mod survey;
mod types;
mod watch;

pub use part::Part;
pub use region::{Region, unlink};
pub use sleep::{BOUND, Sleep};
pub use types::*;
pub use watch::Watch;

pub(crate) use region::Reserved;
pub(crate) use registry::before_fork;

/// Which parts a region has, and how many processes may attach.
///
/// ```
/// use ringway::shm::{ByteRing, Layout, Queue};
/// let layout = Layout::new(16).part::<Queue<u64, 1024>>("jobs")?.part::<ByteRing<65536>>("log")?;
/// assert!(layout.size() > 65536);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Layout = ringway_core::region::Layout<{ ringway_core::region::MAX_PARTS }>;

/// A part of a region, as its directory describes it; and the name of the type that it holds, as programs state it.
pub use ringway_core::region::{Description, Item, Kind, Occupant, TypeName};
