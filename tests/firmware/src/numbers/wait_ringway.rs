//! Sleepers: how soon a `pop` that sleeps is back after the timer's interrupt has pushed.
//!
//! The count begins when the push is done: with the rest of the handler and the return from the
//! interrupt, to the return of `pop`. On a Cortex-M the processor itself saves and restores
//! registers around a handler.
//!
//! QEMU does not stop at `wfe` but goes on at once. So with it the interrupt comes anywhere in a
//! loop that polls, and the count varies.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::ring::{Consumer, Ring};
#[cfg(target_arch = "arm")]
use ringway_core::wait::WaitForEvent;
use ringway_core::wait::{Wait, WaitForInterrupt, Wake};
use ringway_firmware::{report, start_timer};

type By<W> = Ring<u32, 4, W>;
type Taker<W> = Consumer<&'static By<W>>;

ringway_firmware::image!(run, tick);

static BY_WFI: By<WaitForInterrupt> = Ring::new();
#[cfg(target_arch = "arm")]
static BY_WFE: By<WaitForEvent> = Ring::new();

fn tick() {
    push(&BY_WFI);
    #[cfg(target_arch = "arm")]
    push(&BY_WFE);
    restart_count();
}

fn push<W: Wake>(ring: &'static By<W>) {
    if let Some(mut producer) = ring.producer() {
        let _ = producer.try_push(7);
    }
}

/// `count` counts an operation from the last call of this on.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn restart_count() {
    black_box(());
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_woken_by_wfi(consumer: &mut Taker<WaitForInterrupt>) -> u32 {
    consumer.pop().unwrap_or_default()
}

#[cfg(target_arch = "arm")]
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_woken_by_wfe(consumer: &mut Taker<WaitForEvent>) -> u32 {
    consumer.pop().unwrap_or_default()
}

/// Sleeps some times, with nothing in the ring.
fn sleep<W: Wait>(ring: &'static By<W>, pop: extern "C" fn(&mut Taker<W>) -> u32) -> bool {
    let Some(mut consumer) = ring.consumer() else { return false };
    let mut good = true;
    for _ in 0..16 {
        while consumer.try_pop().is_some() {}
        good &= pop(black_box(&mut consumer)) == 7;
    }
    good
}

fn run() -> bool {
    report("RAM of the structure", size_of::<By<WaitForInterrupt>>() as u32);
    report("RAM of the handles", size_of::<Taker<WaitForInterrupt>>() as u32);
    start_timer();
    let good = sleep(&BY_WFI, operation_woken_by_wfi);
    #[cfg(target_arch = "arm")]
    let good = good & sleep(&BY_WFE, operation_woken_by_wfe);
    good
}
