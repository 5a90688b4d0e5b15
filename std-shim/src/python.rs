//! CPython at the other end: what its `multiprocessing` speaks (feature `python`).
//!
//! A Python program needs nothing but its standard library.
//!
//! | in Python | here |
//! |---|---|
//! | `multiprocessing.connection.Listener`, `Client`, `Connection` | [`connection`] |
//! | objects, with `send` and `recv` (feature `pickle`) | `pickle` |
//! | `multiprocessing.shared_memory.SharedMemory` | [`shared_memory`] |
//! | `multiprocessing.reduction.send_handle`, `recv_handle` | [`connection::Connection::send_descriptors`], [`recv_descriptors`](connection::Connection::recv_descriptors) |

pub mod connection;
#[cfg(feature = "pickle")]
pub mod pickle;
pub mod shared_memory;
