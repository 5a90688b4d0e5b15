//! `ringway` for C on Linux: see `docs/c.md`.
//!
//! It contains the core's library, whose structures lie in regions here. A function checks of its
//! arguments what can be checked, as those of the core do. It leaves `errno` as it was.
//!
//! Nothing unwinds into C: this library is built with `panic = "abort"`. No function has a way to
//! panic but for a lack of memory, which aborts in Rust anyway.

#![allow(non_camel_case_types)]

pub mod child;
pub mod connection;
pub mod failure;
pub mod layout;
pub mod packets;
pub mod part;
pub mod reach;
pub mod region;
pub mod signal;
pub mod stream;
pub mod time;

// The symbols of the core's library are this library's, too.
pub use ringway_core_c as core_library;
