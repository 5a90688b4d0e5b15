//! Sleeping and waking, across processes and widths.

use crate::system::{FUTEX, system_call};
use ringway_core::sync::AtomicU32;

const WAIT: usize = 0;
const WAKE: usize = 1;

/// Sleeps while the word is `expected`, for a tenth of a second at most.
pub fn wait(word: &AtomicU32, expected: u32) {
    // Seconds and nanoseconds, of 32 bits each.
    let moment: [i32; 2] = [0, 100_000_000];
    let moment = &raw const moment;
    // SAFETY: the word and the time live until the call returns.
    unsafe {
        system_call(FUTEX, address(word), WAIT, expected as usize, moment as usize, 0, 0);
    }
}

/// Wakes all that sleep on the word.
pub fn wake(word: &AtomicU32) {
    // SAFETY: the word lives until the call returns, and the call does not change it.
    unsafe { system_call(FUTEX, address(word), WAKE, i32::MAX as usize, 0, 0, 0) };
}

fn address(word: &AtomicU32) -> usize {
    core::ptr::from_ref(word) as usize
}
