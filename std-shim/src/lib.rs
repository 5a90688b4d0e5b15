//! One IPC vocabulary on an operating system.

mod error;
pub mod fd;
pub mod fifo;
pub mod pipe;
pub mod socket;
pub mod wait;

pub use error::{Cause, Error, Result};
pub use ringway_core::channel;
