//! The layout of shared memory: a header, a directory of named parts, and an attach table.
//!
//! This module lays out and validates memory. It never maps memory.
//!
//! ```text
//!   0       header         magic, version, geometry, whether it is laid out
//!   64      directory      64 bytes a part: name, kind, where it lies, what it holds
//!           attach table   16 bytes a place: attached or free, generation, process
//!           parts          each on a boundary of 128 bytes
//! ```
//!
//! Offsets are 32 bits wide and a region holds no pointers, so that a 32-bit side and a 64-bit
//! side, or firmware and a Linux process, can share one region. All numbers are in the byte order
//! of the machine; a side with the other byte order finds an unknown version.
//!
//! **Zeroed memory is a fresh part.** A part is one of the crate's own structures, in place;
//! [`Part`] says which structures can be parts. So a region is laid out by filling in its header
//! and directory, and the system zeroes a new file.
//!
//! What another side wrote is untrusted. [`View::new`] copies the geometry into private memory and
//! checks every number against the size that the *caller* knows the memory to have. The geometry is
//! not read again. A directory entry is copied and checked each time it is used. All reads are
//! atomic loads, since another side may write meanwhile.
//!
//! # What two programs must agree on
//!
//! - [`VERSION`], the byte order, and the padding to cache lines: hosted targets pad, firmware pads
//!   with the feature `shared-layout`.
//! - The name of each part that both use, its structure ([`Kind`]), and its capacity.
//! - The type of its items: size, alignment (where it is more than 8), and the [name](TypeName)
//!   that each program states for it. A Rust program states it by [`Item`]. A name that one side
//!   leaves unstated fits every name.
//! - What the bytes of an item mean. Nothing checks this; state it by the type's name, with a
//!   version in the name.
//! - How waiters sleep and are woken, where a part has doorbells: [`SharedWait`] is not in the
//!   directory. On Linux, programs of this library sleep on futexes that are not private to a
//!   process.
//!
//! The directory holds the checked properties, so that a program in any language can check or write
//! them. The parts lie in the order of the directory, and no two overlap. An entry has 64 bytes;
//! its numbers have 32 bits:
//!
//! ```text
//!   0   name          32 bytes, of UTF-8, ended by a zero byte
//!   32  offset        of the part, in bytes from the beginning of the region
//!   36  kind          1 ring, 2 byte ring, … (`Kind`); with bit 16 set, one can sleep on it
//!   40  size          of the part, in bytes
//!   44  item size     in bytes
//!   48  item align    in bytes: 8, or the alignment of the type if that is more
//!   52  capacity      how many items it holds
//!   56  item type     FNV-1a (32 bits) of the type's name, such as "u64" or "[u64; 4]"; 0 unstated (`TypeName::identity`)
//!   60  reserved      zero
//! ```
//!
//! ```
//! use ringway_core::participant::Participant;
//! use ringway_core::region::{Layout, View};
//! use ringway_core::ring::Ring;
//! type Samples = Ring<u32, 16>;
//!
//! let layout = Layout::<2>::new(4).part::<Samples>("samples")?.part::<Ring<u8, 8>>("bytes")?;
//! // Stands for memory that two sides share: aligned, and zeroed.
//! #[repr(align(128))]
//! struct Memory([u8; 2048]);
//! let mut memory = Memory([0; 2048]);
//! let size = layout.size();
//! layout.write(&mut memory.0[..size])?;
//!
//! // SAFETY: the memory is there for as long as the view, and written by users of this crate alone.
//! let view = unsafe { View::new(std::ptr::NonNull::from(&mut memory).cast(), size) }?;
//! let samples = view.part::<Samples>("samples")?;
//! let me = Participant::new(1).unwrap();
//! samples.producer_as(me).unwrap().try_push(512).unwrap();
//! assert!(view.part::<Samples>("bytes").is_err(), "it is another ring");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Under loom an atomic does not lie in the memory that is laid out. So only the types that order
// accesses exist there.
mod attach_slot;
#[cfg(not(loom))]
mod description;
#[cfg(not(loom))]
mod erased;
#[cfg(not(loom))]
mod error;
mod format;
#[cfg(not(loom))]
mod geometry;
#[cfg(not(loom))]
mod header;
#[cfg(not(loom))]
mod item;
#[cfg(not(loom))]
mod kind;
#[cfg(not(loom))]
mod layout;
#[cfg(not(loom))]
mod part;
#[cfg(not(loom))]
mod parts;
#[cfg(not(loom))]
mod raw;
#[cfg(not(loom))]
mod read_only;
mod ready;
#[cfg(not(loom))]
mod view;

pub use attach_slot::{AttachSlot, Occupant};
#[cfg(not(loom))]
pub use description::Description;
#[cfg(not(loom))]
pub use erased::{AnyPart, PartState};
#[cfg(not(loom))]
pub use error::Error;
#[cfg(not(loom))]
pub use item::{Item, TypeName};
#[cfg(not(loom))]
pub use kind::Kind;
#[cfg(not(loom))]
pub use layout::Layout;
#[cfg(not(loom))]
pub use part::{Part, SharedWait, Structure};
#[cfg(not(loom))]
pub use raw::{RawItem, RawPart};
#[cfg(not(loom))]
pub use read_only::ReadOnly;
pub use ready::Ready;
#[cfg(not(loom))]
pub use view::{Entry, View};

pub use format::{ALIGN, MAGIC, MAX_NAME, MAX_PARTS, VERSION};
#[cfg(not(loom))]
pub use geometry::MAX_START;
