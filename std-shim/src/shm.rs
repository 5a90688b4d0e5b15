//! Shared memory: regions that processes attach to, with the core's rings, queues and locks in
//! them.
//!
//! ```text
//!   process 1                    /dev/shm/NAME, or memfd                     process 2
//!   Region ── participant 1      header · directory · attach table      participant 2 ── Region
//!     └ Part<Ring<T, N>> ──────▶ "samples": a ringway_core::ring::Ring ◀────── Part<Ring<T, N>>
//!     └ Part<Queue<T, N>> ─────▶ "jobs": a ringway_core::ring::queue::Queue
//! ```
//!
//! A [`Layout`] says which parts a region has and how many may attach; [`Region::create`],
//! [`open`](Region::open), [`open_or_create`](Region::open_or_create) and
//! [`anonymous`](Region::anonymous) attach to one. [`Region::part`] finds a part by its name. It
//! checks that the part has the structure, the capacity, and the items' size, alignment and
//! [name](Item) that the caller expects; [`region`](ringway_core::region) says what two programs
//! must agree on. A part *is* the core's structure: the code that runs between two threads runs
//! between two processes.
//!
//! # Types of your own
//!
//! A part holds [`Item`]s. Numbers are items, and so are arrays of items. For a type of your own,
//! enable the feature `derive`, and derive `FromBytes`, `IntoBytes` and `Immutable` of
//! [`ringway::zerocopy`](crate::zerocopy). Then state the name by which every program knows the
//! type:
//!
//! ```
//! use ringway::shm::{Item, Latest, Layout, Region, TypeName};
//! use ringway::zerocopy::{FromBytes, Immutable, IntoBytes};
//!
//! #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
//! #[zerocopy(crate = "ringway::zerocopy")]
//! #[repr(C)]
//! struct Sample {
//!     time: u64,
//!     level: [f32; 2],
//! }
//! impl Item for Sample {
//!     const NAME: TypeName = TypeName::new("com.example.Sample/1");
//! }
//!
//! let layout = Layout::new(2).part::<Latest<Sample>>("newest")?;
//! let newest = Region::anonymous(&layout)?.part::<Latest<Sample>>("newest")?;
//! newest.writer()?.store(Sample { time: 1, level: [0.5, 0.25] });
//! assert_eq!(newest.load().unwrap().0.level[0], 0.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a process dies
//!
//! Any participant may be killed between any two instructions. It records what it takes under its
//! number before it holds it. When it dies, the kernel drops the lock on the participant's byte of
//! the file, and so the others can tell. Every [`DETECTION_BOUND`], one of the participants that
//! sleep in the region checks for dead ones and recovers what they held, on behalf of all. A
//! process that attaches does the same if nobody has checked for that long, and so does one that
//! calls [`Region::reap`].
//!
//! Within that time:
//!
//! - What the dead participant had committed is delivered, once.
//! - What it had not committed is never seen.
//! - A message that it had claimed and not completed goes to another participant, and so more than
//!   one may work on it. [`attempts`](ringway_core::ring::queue::Claim::attempts) counts that, and
//!   a queue can give such a message up.
//! - Its halves, slots and locks become free.
//! - Nobody hangs.
//!
//! [`DETECTION_BOUND`] says what holds where more than seven participants are attached and those
//! that keep watch die too.
//!
//! For a ring, a broadcast and a newest value, the death of a half's holder ends the stream, until
//! another process takes the half. Dropping a half ends nothing, since another process may go on
//! with it: a program that is done calls `close` before it detaches. Detaching closes a half that
//! was not dropped.
//!
//! A *suspended* participant delays nobody in the lock-free structures. Elsewhere it delays those
//! who need what it holds. It may be suspended between publishing something and waking its
//! sleepers. They then wake by themselves within [`DETECTION_BOUND`], and find what was published;
//! where more than seven participants are attached it may take longer, as described there. While it
//! is suspended in the middle of attaching or detaching, others wait to attach, for 10 s, and then
//! get an error. While it is suspended in the middle of a recovery, the dead participant that it
//! was recovering stays as it is.
//!
//! # When a process is copied
//!
//! The process is what is attached, and the kernel tells when it has ended: the lock belongs to one
//! opening of the file, and no other process gets that opening. A region's descriptor, which may be
//! duplicated or sent to another process, belongs to another opening, without a lock.
//!
//! [`process::fork`](fn@crate::process::fork) makes the copy a participant of its own. After a
//! **plain `fork(2)`**, by whatever library, the copy is *not* attached: it loses the lock and the
//! memory before `fork` returns in it. Its handles still exist. Dropping them changes nothing for
//! the parent, and [`Region::part`] returns an error. The copy may attach anew, by name or by
//! [`Region::from_fd`], and use the result. Every use of a part or a half that it inherited is a
//! `SIGSEGV`: it cannot act in its parent's name.
//!
//! This crate does not notice a bare `clone(2)` that goes around the C library: to other
//! participants, the new process keeps its parent alive until it executes a program or ends.
//!
//! # Whom you trust
//!
//! Every attached process can write all of a region, and values are read in place. Attach only to
//! regions of programs that you trust to write through this library alone. The library detects what
//! it can of another program's mistakes or malice: a file that is no region, another version or
//! size, a directory that does not fit, a part of another type, positions that no ring has. Each is
//! an error; none is undefined behaviour. A region without a name is sealed, so that nobody can
//! shorten its file. A program that ignores all this can shorten the file of a region with a name;
//! reading that region is then a `SIGBUS`.
//!
//! Everybody may put a file into `/dev/shm`, and names are safe there all the same: the library
//! checks a file's owner and mode before it attaches, see [`Access`]. Unless told otherwise, it
//! accepts only a region that its owner alone may use, and that belongs to this process's user or
//! root. A mode lets a user both read and write, or neither: a user that could only read could
//! still hold up the others with locks on the file. A new region gets exactly the mode that was
//! asked for, whatever the umask.
//!
//! A region is stale once nobody is attached to it any more. The next process that creates a region
//! of its name removes it. A process may lack the permission: a folder like `/dev/shm` lets only a
//! file's owner and root remove it. Then it lays out the new region in the same file, if the file
//! has the mode that is asked for and a trusted owner. Otherwise it gets an error that says who
//! owns the file.

mod access;
mod attachment;
mod file;
mod layout;
mod mapping;
mod observer;
mod part;
mod raw;
mod reactor;
mod ready_fd;
mod region;
mod registry;
mod robust_futex;
mod stale;
pub mod survey;
mod types;
pub mod untrusted;
mod vigil;

pub use access::Access;
pub use layout::Layout;
pub use observer::{Observed, Observer, Unwritten};
pub use part::Part;
pub use raw::{PoolState, Raw, RawBroadcast, RawLatest, RawPart, RawPool, RawQueue, RawRing};
pub use ready_fd::ReadyFd;
pub use region::Region;
pub use robust_futex::RobustFutex;
pub use stale::unlink;
pub use types::*;
pub use vigil::DETECTION_BOUND;

// What `python::shared_memory` shares, which has files of another kind.
#[cfg(feature = "python")]
pub(crate) use {file::reserve, mapping::Mapping};

pub(crate) use registry::before_fork;

/// What a region's directory says of a part, and the name that programs give the type it holds.
pub use ringway_core::region::{Description, Entry, Item, Kind, Occupant, TypeName};
