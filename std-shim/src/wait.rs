//! How a side sleeps on Linux: on a futex.
//!
//! The traits and the doorbell are the core's; this module re-exports all of them.
//!
//! | way of sleeping | who can wake | deadline |
//! |---|---|---|
//! | [`Futex`] | any process that has the word mapped, and any thread of this one | [`Instant`](std::time::Instant) |
//! | [`PrivateFutex`] | threads of this process; the kernel's lookup is shorter | [`Instant`](std::time::Instant) |
//! | [`Async`] around either | the same, and it can wake a task too; not in shared memory | [`Instant`](std::time::Instant) |
//!
//! Waking is one system call that takes no lock of this crate and leaves `errno` alone, so that a
//! signal handler may do it.
//!
//! All of them know whether their thread panics. So a lock whose holder panicked tells the next
//! holder: see [`lock`](crate::lock#panics).

#[doc(inline)]
pub use ringway_core::wait::*;

mod any;
mod futex;
mod interrupt;

pub use any::wait_any;
pub(crate) use futex::on_a_futex;
pub use futex::{Futex, PrivateFutex};
pub(crate) use futex::{has_waitv, time_left, wait_for, wait_for_one_of, wait_of, wake};
pub use interrupt::interruptible;
pub(crate) use interrupt::{asks_to_give_up, is_interruptible};
