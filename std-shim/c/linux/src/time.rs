//! Deadlines.

use ringway_core_c::wait::{RW_FOREVER, linux};

/// The time now: nanoseconds of `CLOCK_MONOTONIC`, of which all deadlines are.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_now() -> u64 {
    linux::now()
}

/// The deadline in this many nanoseconds: `rw_after(100 * RW_MILLISECOND)`.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_after(nanoseconds: u64) -> u64 {
    linux::now().saturating_add(nanoseconds).min(RW_FOREVER - 1)
}
