//! A semaphore of 4 permits.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::lock::Semaphore;
use ringway_firmware::report;

type Permits = Semaphore<4>;

ringway_firmware::image!(run, tick);

fn tick() {}

static PERMITS: Permits = Semaphore::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_try_acquire(permits: &'static Permits) -> bool {
    permits.try_acquire().is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_release(permits: &'static Permits) -> bool {
    permits.release(1).is_ok()
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Permits>() as u32);
    report("RAM of the handles", 0);
    let mut good = true;
    for _ in 0..16 {
        (0..4).for_each(|_| good &= operation_try_acquire(black_box(&PERMITS)));
        good &= !operation_try_acquire(black_box(&PERMITS));
        (0..4).for_each(|_| good &= operation_release(black_box(&PERMITS)));
    }
    good
}
