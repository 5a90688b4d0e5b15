//! A ring between an interrupt and an embassy task that awaits: the ring's doorbell wakes the task
//! through its `WakerSet`. defmt logs errors.
#![no_std]
#![no_main]

use embassy_executor::{Executor, Spawner};
// For its interrupt vectors.
use lm3s6965 as _;
use ringway_core::ring::{Producer, Ring};
use ringway_core::wait::Async;
use ringway_firmware::{exit, report, start_timer};

const SAMPLES: u32 = 100;

static RING: Ring<u32, 8, Async> = Ring::new();

/// The log goes nowhere, since nobody listens. A board would have `defmt-rtt` instead.
#[defmt::global_logger]
struct Quiet;

// SAFETY: the logger writes nothing, so nothing can interrupt a write.
unsafe impl defmt::Logger for Quiet {
    fn acquire() {}
    unsafe fn flush() {}
    unsafe fn release() {}
    unsafe fn write(_: &[u8]) {}
}

/// Pushes a sample. The interrupt keeps its half: the task would take a half that is given back for
/// the end.
#[cortex_m_rt::exception]
fn SysTick() {
    static mut PRODUCER: Option<Producer<&'static Ring<u32, 8, Async>>> = None;
    static mut NEXT: u32 = 0;
    if PRODUCER.is_none() {
        *PRODUCER = RING.producer();
    }
    let Some(producer) = PRODUCER else { return };
    match producer.try_push(*NEXT) {
        Ok(()) => *NEXT += 1,
        Err(full) => defmt::warn!("a sample was lost: {}", full),
    }
}

#[embassy_executor::task]
async fn listen() {
    let mut sum = 0;
    if let Some(mut consumer) = RING.consumer() {
        for expected in 0..SAMPLES {
            match consumer.pop_async().await {
                Ok(sample) if sample == expected => sum += sample,
                Ok(_) => exit(false),
                Err(error) => {
                    defmt::error!("the interrupt is gone: {}", error);
                    exit(false)
                }
            }
        }
    }
    report("sum of the samples", sum);
    exit(sum == SAMPLES * (SAMPLES - 1) / 2)
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut EXECUTOR: Option<Executor> = None;
    start_timer();
    EXECUTOR.insert(Executor::new()).run(|spawner: Spawner| match listen() {
        Ok(task) => spawner.spawn(task),
        Err(_) => exit(false),
    })
}
