//! A semaphore of 4 permits.
#![no_std]
#![no_main]

use core::hint::black_box;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::semaphore::{GreedySemaphore, Semaphore};
use ringway_firmware::report;

type Permits = GreedySemaphore<CriticalSectionRawMutex>;

ringway_firmware::image!(run, tick);

fn tick() {}

static PERMITS: Permits = GreedySemaphore::new(4);

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_try_acquire(permits: &'static Permits) -> bool {
    permits.try_acquire(1).is_some_and(|permit| permit.disarm() == 1)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_release(permits: &'static Permits) {
    permits.release(1);
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Permits>() as u32);
    report("RAM of the handles", 0);
    let mut good = true;
    for _ in 0..16 {
        (0..4).for_each(|_| good &= operation_try_acquire(black_box(&PERMITS)));
        good &= !operation_try_acquire(black_box(&PERMITS));
        (0..4).for_each(|_| operation_release(black_box(&PERMITS)));
    }
    good
}
