//! An image that can panic, to show that such an image does not link.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

static TICKS: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

fn tick() {
    TICKS.store(TICKS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

fn run() -> bool {
    // As far as the compiler knows, the index may be out of range.
    [true, false, true][TICKS.load(Ordering::Relaxed) as usize]
}
