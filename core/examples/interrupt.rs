//! A ring between an interrupt and the main loop. Here a thread stands for the interrupt;
//! `tests/firmware/src/bin/ring.rs` is the same on a Cortex-M0, whose image the tests run in an
//! emulator.
//!
//! ```text
//! cargo run -p ringway-core --example interrupt
//! ```

#![allow(clippy::disallowed_types, reason = "a program of your own uses the atomics of `core`")]

use ringway_core::ring::{Producer, Ring};
use std::sync::atomic::{AtomicU32, Ordering};

static SAMPLES: Ring<u16, 32> = Ring::new();
static LOST: AtomicU32 = AtomicU32::new(0);

/// The interrupt handler: takes its half, uses it, gives it back. It never waits.
fn on_sample(adc: u16) {
    let Some(mut producer) = SAMPLES.producer() else { return };
    if producer.try_push(adc).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed); // the main loop is behind
    }
}

fn main() {
    let interrupts = std::thread::spawn(|| {
        for sample in 0..1000 {
            on_sample(sample);
            std::thread::yield_now();
        }
        // Giving a half back does not end the stream; this does.
        SAMPLES.producer().into_iter().for_each(Producer::close);
    });
    let mut samples = SAMPLES.consumer().expect("nobody else has this half");
    let (mut count, mut last) = (0, None);
    loop {
        // Asked before the pops, so that no value is missed.
        let gone = samples.ring().producer_is_gone();
        while let Some(sample) = samples.try_pop() {
            assert!(last < Some(sample), "in order");
            (count, last) = (count + 1, Some(sample));
        }
        if gone {
            break;
        }
        std::thread::yield_now(); // on a chip: `wfi`
    }
    interrupts.join().expect("no panic");
    let lost = LOST.load(Ordering::Relaxed);
    println!("{count} samples, {lost} lost");
    assert_eq!(count + lost, 1000);
}
