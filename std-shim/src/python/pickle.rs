//! Plain Python objects as messages: what `send` and `recv` of `multiprocessing.connection` carry
//! (feature `pickle`).
//!
//! Plain objects are `None`, `bool`, `int`, `float`, `str`, `bytes`, and lists, tuples, dicts, sets
//! and frozensets of these.
//!
//! ```
//! use ringway::python::{connection::Connection, pickle::Value};
//! use ringway::socket::UnixStream;
//! use std::collections::BTreeMap;
//! let (ours, theirs) = UnixStream::pair()?;
//! let (ours, theirs) = (Connection::from(ours), Connection::from(theirs));
//! // In Python: peer.send({"width": 640, "height": 480})
//! theirs.send_object(&BTreeMap::from([("width", 640), ("height", 480)]), None)?;
//! let size: BTreeMap<String, u32> = ours.recv_object(None)?;
//! assert_eq!(size["height"], 480);
//! // An object of any plain type:
//! theirs.send_object(&(1, "two", 3.0), None)?;
//! assert!(matches!(ours.recv_value(None)?, Value::Tuple(items) if items.len() == 3));
//! # Ok::<(), ringway::Error>(())
//! ```
//!
//! # What a peer can do with a pickle
//!
//! In Python, `recv` runs code that the pickle names. Nothing here runs code: a pickle is read
//! twice, first by a scanner that has no values, and then by the crate `serde-pickle`. The scanner
//! refuses:
//!
//! - every name of a class or a function, but those of `set` and `frozenset`: so instances, dates,
//!   arrays of numpy, enumerations, `bytearray` before protocol 5 and `bytes` before protocol 3
//!   (`multiprocessing` uses protocol 4);
//! - objects that contain themselves, and more than [`MAX_DEPTH`] containers in each other;
//! - objects that take more than about [`MAX_MEMORY`] bytes, where a shared object counts as often
//!   as it is met (a hundred bytes can stand for any number of lists);
//! - protocols 0 and 1, and whatever Python's pickler does not write for plain objects.
//!
//! Both readings take time in proportion to the size of the pickle and of the object.

mod objects;
mod scan;

pub use objects::{from_slice, to_vec, value_from_slice, value_to_vec};
pub use scan::{MAX_DEPTH, MAX_MEMORY};
/// Objects of any plain type, and those that may be keys and in sets; from the crate
/// `serde-pickle`.
pub use serde_pickle::{HashableValue, Value};
