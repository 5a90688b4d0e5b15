//! Shared memory: a region that processes attach to, with the core's own rings, queues and locks in
//! it.
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
//! [`anonymous`](Region::anonymous) attach; [`Region::part`] finds a part by its name and checks
//! that it is what the caller takes it for: structure, capacity, and the items' size, alignment and
//! [name](Item), which [`region`](ringway_core::region) says two programs must agree on. A part
//! *is* the core's structure: the code that runs between two threads runs between two processes.
//!
//! # Types of your own
//!
//! What a part holds is an [`Item`]: the numbers, and arrays of items, are. A type of yours derives
//! `FromBytes`, `IntoBytes` and `Immutable` of [`ringway::zerocopy`](crate::zerocopy), with the
//! feature `derive`, and states the name under which every program knows it:
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
//! Any participant may be killed between any two instructions. What it holds is on record under its
//! number before it is held, and the kernel tells that it is dead: it drops the lock on the
//! participant's byte of the file. One of those who sleep in the region looks every
//! [`DETECTION_BOUND`], for all, and puts right what the dead one held; so does one who attaches,
//! when nobody has looked for as long, and one who asks ([`Region::reap`]). So within that time:
//! what it had committed is delivered, once; what it had not is never seen; a message that it had
//! claimed and not released goes to another, and so may be worked on more than once
//! ([`attempts`](ringway_core::ring::queue::Claim::attempts) tells, and a queue can give it up);
//! its halves, slots and locks come back; nobody hangs. ([`DETECTION_BOUND`] says what holds where
//! more than seven are attached, and those who keep watch die too.)
//!
//! For a ring, a broadcast and the newest value the death of the one who holds a half is the end of
//! the stream, until another takes the half. A half that is dropped ends nothing, since another
//! process may go on with it: a program that is done says so with `close`, before it detaches.
//! Detaching closes a half that was not dropped.
//!
//! A participant that is *suspended* delays nobody in the structures that are lock-free. Elsewhere
//! it delays those who need what it holds. Whoever sleeps for what it was about to tell (it is
//! suspended between a publication and the wake-up) gets up within [`DETECTION_BOUND`], and finds
//! it; or later, as is said there, where more than seven are attached. While it attaches, detaches
//! or puts right what a dead one held, others wait to attach (for 10 s, then it is an error), and
//! that dead one waits to be put right.
//!
//! # When a process is copied
//!
//! It is the process that is attached, and the kernel says when it has ended: the lock belongs to
//! one opening of the file that nobody else gets. A descriptor of a region that is duplicated or
//! sent to another process is another opening, without a lock.
//!
//! [`process::fork`](fn@crate::process::fork) makes the copy a participant of its own. After a
//! **plain `fork(2)`**, by whatever library, the copy is *not* attached: before `fork` returns
//! there it has lost the lock, and the memory. Its handles are still there and can be dropped,
//! which changes nothing for its parent; [`Region::part`] is an error; what it attaches to anew, by
//! name or by [`Region::from_fd`], it may use. Every use of a part or a half that it inherited is a
//! `SIGSEGV`: it cannot act in its parent's name. (A bare `clone(2)` that goes around the C library
//! is not noticed: what it made keeps its parent alive in the eyes of others until it executes
//! something or ends.)
//!
//! # Whom one trusts
//!
//! Everybody who is attached to a region can write all of it, and values are read in place. Attach
//! to regions of programs that you trust not to write into it but through this library. What
//! another wrote by mistake or by malice is found where it can be: a file that is no region, of
//! another version or size, a directory that does not fit, a part of another type, positions that
//! no ring has. Each is an error, none is undefined behaviour. A region without a name is sealed,
//! so that nobody can cut it off; one with a name can be, by a program that ignores all this, and
//! reading it is then a SIGBUS.
//!
//! Names are safe in `/dev/shm`, where everybody may put a file: the owner and the mode of what is
//! there are looked at before it is attached to, see [`Access`]. Unless told otherwise, a region is
//! for its owner alone, and that is this process's user or root. A mode lets a user read and write,
//! or neither: who could only read could still hold the others up with locks on the file. It is
//! exactly the mode that was asked for, whatever the umask.
//!
//! A region that nobody is attached to any more is worth nothing. Who asks for its name next
//! removes it; where it may not (a folder like `/dev/shm` lets only the owner of a file and root
//! remove it), it lays it out anew in its place, if the file has the mode that is asked for and an
//! owner who is trusted; otherwise that is an error, which says whose it is.

mod access;
mod attachment;
mod file;
mod layout;
mod mapping;
mod part;
mod ready_fd;
mod region;
mod registry;
mod robust_futex;
mod stale;
pub mod survey;
mod types;
mod vigil;

pub use access::Access;
pub use layout::Layout;
pub use part::{Part, RawPart};
pub use ready_fd::ReadyFd;
pub use region::Region;
pub use robust_futex::RobustFutex;
pub use stale::unlink;
pub use types::*;
pub use vigil::DETECTION_BOUND;

pub(crate) use registry::before_fork;

/// A part of a region, as its directory describes it; and the name of the type that it holds, as
/// programs state it.
pub use ringway_core::region::{Description, Item, Kind, Occupant, TypeName};
