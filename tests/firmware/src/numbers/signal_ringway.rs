//! A table of 8 signals, each of which counts.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::signal::{Dispatcher, Handler, Raised, Table};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::report;

type Signals = Table<8, 0>;

ringway_firmware::image!(run, tick);

fn tick() {}

static SIGNALS: Signals = Table::new();
static SEEN: AtomicU32 = AtomicU32::new(0);
static COUNT: Handler = Handler::new(&|delivery: &Raised| {
    // Relaxed: one context alone touches it.
    SEEN.store(SEEN.load(Ordering::Relaxed).wrapping_add(delivery.count as u32), Ordering::Relaxed);
});

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_raise(signals: &'static Signals, line: u32) -> bool {
    signals.raise(line).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_dispatch(dispatcher: &mut Dispatcher<&'static Signals>) -> bool {
    dispatcher.dispatch() == 1
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Signals>() as u32);
    report("RAM of the handles", size_of::<Dispatcher<&'static Signals>>() as u32);
    let mut good = true;
    let Some(mut dispatcher) = SIGNALS.dispatcher() else { return false };
    (0..8).for_each(|line| good &= SIGNALS.set_handler(line, Some(&COUNT)).is_ok());
    for n in 0..64 {
        good &= operation_raise(black_box(&SIGNALS), black_box(n % 8));
        good &= operation_dispatch(black_box(&mut dispatcher));
    }
    good && SEEN.load(Ordering::Relaxed) == 64
}
