//! A ring of 16 values.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::ring::{Consumer, Producer, Ring};
use ringway_firmware::{exit, report};

type Values = Ring<u32, 16>;

ringway_firmware::image!(run, tick);

fn tick() {}

static RING: Values = Ring::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_push(producer: &mut Producer<&'static Values>, value: u32) -> bool {
    producer.try_push(value).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_pop(consumer: &mut Consumer<&'static Values>) -> u32 {
    consumer.try_pop().unwrap_or(u32::MAX)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Values>() as u32);
    report(
        "RAM of the handles",
        (size_of::<Producer<&'static Values>>() + size_of::<Consumer<&'static Values>>()) as u32,
    );
    let Some(mut producer) = RING.producer() else { exit(false) };
    let Some(mut consumer) = RING.consumer() else { exit(false) };
    let mut good = true;
    for n in 0..64 {
        good &= operation_push(black_box(&mut producer), black_box(n));
        good &= operation_pop(black_box(&mut consumer)) == n;
    }
    good
}
