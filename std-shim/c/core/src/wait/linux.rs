//! Waiting by futexes, whose sleepers in a region tell who died.

use crate::errno::Errno;
use ringway::shm::RobustFutex;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{TimedOut, Wait, Wake};
use std::time::{Duration, Instant};

/// The time, in nanoseconds of the monotonic clock.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes a time to the place that it gets. Linux has this clock always.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

/// The same point in time for Rust, whose clock is the same.
pub fn instant(deadline: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_nanos(deadline.saturating_sub(now())))
}

pub(super) fn spin_limit() -> u32 {
    RobustFutex.spin_limit()
}

pub(super) fn record_spin(were_enough: bool) {
    RobustFutex.record_spin(were_enough);
}

pub(super) fn sleep(
    word: &AtomicU32,
    expected: u32,
    deadline: Option<u64>,
) -> Result<(), TimedOut> {
    let _kept = Errno::keep();
    RobustFutex.wait(word, expected, deadline.and_then(instant))
}

pub(super) fn wake(word: &AtomicU32, n: u32) {
    let _kept = Errno::keep();
    RobustFutex.wake(word, n);
}

/// The number of this thread, which no other one of the system has.
pub fn thread() -> u32 {
    // SAFETY: it takes no argument and cannot fail.
    unsafe { libc::gettid() }.cast_unsigned()
}
