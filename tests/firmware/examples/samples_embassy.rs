//! Samples with embassy: the timer's interrupt fills a ring of values and raises signals, and a
//! task awaits each. `samples_rtic.rs` is the same with RTIC.
//!
//! It runs on a Cortex-M0, which has no compare-and-swap.
#![no_std]
#![no_main]

mod samples;

use cortex_m_rt::exception;
use embassy_executor::{Executor, Spawner};
use ringway_firmware::{exit, start_timer};
use samples::{SAMPLES, SIGNALS, Signals, Source, consume, dispatch};

/// The interrupt keeps its half in its own `static`.
#[exception]
fn SysTick() {
    static mut SOURCE: Option<Source> = None;
    if SOURCE.is_none() {
        *SOURCE = SAMPLES.producer().map(Source::new);
    }
    if let Some(source) = SOURCE {
        source.tick();
    }
}

#[embassy_executor::task]
async fn samples_task(samples: samples::Samples) {
    consume(samples).await;
}

#[embassy_executor::task]
async fn signals_task(signals: Signals) {
    exit(dispatch(signals).await);
}

fn start(spawner: Spawner) -> Option<()> {
    spawner.spawn(samples_task(SAMPLES.consumer()?).ok()?);
    spawner.spawn(signals_task(SIGNALS.dispatcher()?).ok()?);
    start_timer();
    Some(())
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut EXECUTOR: Option<Executor> = None;
    EXECUTOR.insert(Executor::new()).run(|spawner| start(spawner).unwrap_or_else(|| exit(false)))
}
