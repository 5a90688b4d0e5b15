//! A channel of 16 values, for any number of contexts.
#![no_std]
#![no_main]

use core::hint::black_box;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use ringway_firmware::report;

type Values = Channel<CriticalSectionRawMutex, u32, 16>;

ringway_firmware::image!(run, tick);

fn tick() {}

static QUEUE: Values = Channel::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_push(queue: &'static Values, value: u32) -> bool {
    queue.try_send(value).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_pop(queue: &'static Values) -> u32 {
    queue.try_receive().unwrap_or(u32::MAX)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Values>() as u32);
    report("RAM of the handles", 0);
    let mut good = true;
    for n in 0..64 {
        good &= operation_push(black_box(&QUEUE), black_box(n));
        good &= operation_pop(black_box(&QUEUE)) == n;
    }
    good
}
