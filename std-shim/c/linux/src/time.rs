//! Deadlines.

use ringway_core_c::wait::{RW_FOREVER, linux};

/// The time now: nanoseconds of `CLOCK_MONOTONIC`, of which all deadlines are.
#[unsafe(no_mangle)]
pub extern "C" fn rw_now() -> u64 {
    linux::now()
}

/// The deadline in so many nanoseconds: `rw_after(100 * RW_MILLISECOND)`.
#[unsafe(no_mangle)]
pub extern "C" fn rw_after(nanoseconds: u64) -> u64 {
    linux::now().saturating_add(nanoseconds).min(RW_FOREVER - 1)
}

/// The nanoseconds of a millisecond.
pub const RW_MILLISECOND: u64 = 1_000_000;
/// The nanoseconds of a second.
pub const RW_SECOND: u64 = 1_000_000_000;
