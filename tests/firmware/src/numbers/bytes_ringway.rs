//! A ring of 64 bytes, used in place, 16 at a time.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::ring::bytes::{ByteRing, Consumer, Producer};
use ringway_firmware::{exit, report};

type Bytes = ByteRing<64>;

ringway_firmware::image!(run, tick);

fn tick() {}

static RING: Bytes = ByteRing::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_grant_and_commit(
    producer: &mut Producer<&'static Bytes>,
    count: usize,
) -> bool {
    match producer.try_reserve(count) {
        Ok(grant) => {
            grant.commit(count);
            true
        }
        Err(_) => false,
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_peek_and_release(
    consumer: &mut Consumer<&'static Bytes>,
    count: usize,
) -> bool {
    match consumer.try_peek(1) {
        Ok(grant) => {
            grant.release(count);
            true
        }
        Err(_) => false,
    }
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Bytes>() as u32);
    report(
        "RAM of the handles",
        (size_of::<Producer<&'static Bytes>>() + size_of::<Consumer<&'static Bytes>>()) as u32,
    );
    let Some(mut producer) = RING.producer() else { exit(false) };
    let Some(mut consumer) = RING.consumer() else { exit(false) };
    let mut good = true;
    for _ in 0..64 {
        good &= operation_grant_and_commit(black_box(&mut producer), black_box(16));
        good &= operation_peek_and_release(black_box(&mut consumer), black_box(16));
    }
    good
}
