//! Blocks of `multiprocessing.shared_memory`: bytes that this program and Python programs map.
//!
//! ```python
//! from multiprocessing.shared_memory import SharedMemory
//! block = SharedMemory(name)      # one that `Block::create` made
//! block.buf[:5] = b"hello"
//! ```
//!
//! ```
//! use ringway::python::shared_memory::Block;
//! let block = Block::create(4096)?;
//! assert!(block.name().starts_with("psm_")); // what Python is told
//! block.write(0, b"hello")?;
//! // In this program, or in another one:
//! let other = Block::attach(block.name())?;
//! let mut text = [0; 5];
//! other.read(0, &mut text)?;
//! assert_eq!((&text, other.size()), (b"hello", 4096));
//! # Ok::<(), ringway::Error>(())
//! ```
//!
//! # The resource tracker removes what it did not make
//!
//! Every Python program has a second process, the *resource tracker*. It removes the names that the
//! program has used when the program ends, however it ends. Python tells it every name, also one
//! that the program only attached to. So the first program that ends removes the block's name from
//! `/dev/shm`, with a warning about a leak. Those that have the block mapped keep it; nobody else
//! can attach any more.
//!
//! | who | what to do |
//! |---|---|
//! | Python 3.13 and later | `SharedMemory(name, track=False)` |
//! | any Python, unchanged | give each Python program a name of its own: [`Block::add_name`] |
//! | Python 3.9 to 3.12, changed | `resource_tracker.unregister("/" + block.name, "shared_memory")` after attaching |
//!
//! This crate has no tracker: attaching here removes nothing. Dropping a block removes the names
//! that it made itself, unless [`keep`](Block::keep) leaves them to others.
//!
//! # What holds
//!
//! - The file has mode 0600, and exactly the size that was asked for. Its memory is reserved, so
//!   that a lack of it is an error here, and no `SIGBUS` later. It gets its name when it is
//!   complete.
//! - [`Block::attach`] refuses files of other users, and those that other users may open.
//! - The other side may write at any moment. [`read`](Block::read) and [`write`](Block::write) copy
//!   byte by byte, atomically: a copy may be torn, and is never undefined behaviour. Python has no
//!   atomic accesses, so that the two sides have to agree on whose turn it is, for instance by
//!   messages over a [`connection`](super::connection).
//! - **A program that may write to the block may also cut its file**, after which an access beyond
//!   its end is a `SIGBUS`. Python never does. For memory that is shared with a program that is not
//!   trusted, see [`shm::untrusted`](crate::shm::untrusted).

mod block;
mod names;

pub use block::Block;
