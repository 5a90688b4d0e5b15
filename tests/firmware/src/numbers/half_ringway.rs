//! Taking the producer's half of a ring, and giving it back.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::ring::{Producer, Ring};
use ringway_firmware::report;

type Values = Ring<u32, 16>;
type Half = Producer<&'static Values>;

ringway_firmware::image!(run, tick);

fn tick() {}

static RING: Values = Ring::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_take(ring: &'static Values, half: &mut Option<Half>) {
    *half = ring.producer();
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_give_back(half: &mut Option<Half>) {
    *half = None;
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Values>() as u32);
    report("RAM of the handles", size_of::<Half>() as u32);
    let mut good = true;
    let mut half = None;
    for _ in 0..64 {
        operation_take(black_box(&RING), black_box(&mut half));
        good &= half.is_some() && RING.producer().is_none();
        operation_give_back(black_box(&mut half));
    }
    good
}
