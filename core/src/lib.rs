//! One IPC vocabulary without an operating system.
#![no_std]
#![warn(missing_docs)]

#[cfg(any(test, loom))]
extern crate std;

pub mod channel;
pub mod ring;
pub mod signal;
pub mod sync;
pub mod wait;
