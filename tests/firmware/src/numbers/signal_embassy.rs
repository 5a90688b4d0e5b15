//! One signal, which keeps the newest value.
#![no_std]
#![no_main]

use core::hint::black_box;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use ringway_firmware::report;

type One = Signal<CriticalSectionRawMutex, u32>;

ringway_firmware::image!(run, tick);

fn tick() {}

static SIGNAL: One = Signal::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_signal(signal: &'static One, value: u32) {
    signal.signal(value);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_try_take(signal: &'static One) -> u32 {
    signal.try_take().unwrap_or(u32::MAX)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<One>() as u32);
    report("RAM of the handles", 0);
    let mut good = true;
    for n in 0..64 {
        operation_signal(black_box(&SIGNAL), black_box(n));
        good &= operation_try_take(black_box(&SIGNAL)) == n;
    }
    good
}
