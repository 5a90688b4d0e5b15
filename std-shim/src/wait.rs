//! How a side sleeps on this system: on a futex. The seam itself is the core's, and all of it is
//! here too.
//!
//! | way of sleeping | who can wake | deadline |
//! |---|---|---|
//! | [`Futex`] | any process that has the word mapped, and any thread of this one | [`Instant`](std::time::Instant) |
//! | [`PrivateFutex`] | threads of this process; the kernel's lookup is shorter | [`Instant`](std::time::Instant) |
//! | [`Async`] around either | the same, and it can wake a task too; not in shared memory | [`Instant`](std::time::Instant) |
//!
//! Waking is one system call that takes no lock of ours and leaves `errno` alone, so that it may be
//! done in a signal handler.
//!
//! All of them know whether a thread panics, so that a lock whose holder did tells the next one:
//! see [`lock`](crate::lock#panics).

#[doc(inline)]
pub use ringway_core::wait::*;

mod any;
mod futex;

pub use any::wait_any;
pub(crate) use futex::on_a_futex;
pub use futex::{Futex, PrivateFutex};
pub(crate) use futex::{wait_for, wake};
