//! A table whose lines fill up with payloads, and deliver them.

use crate::DEPTH;
use core::hint::black_box;
use ringway_core::signal::{Dispatcher, Handler, Payload, Raised, Table};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::report;

const LINES: usize = 2;

type Signals = Table<LINES, DEPTH>;

ringway_firmware::image!(run, tick);

fn tick() {}

static SIGNALS: Signals = Table::new();
static SUM: AtomicU32 = AtomicU32::new(0);
static ADD: Handler = Handler::new(&|delivery: &Raised| {
    let value = delivery.payload.map_or(0, |payload| payload.value as u32);
    // Relaxed: one context alone touches it.
    SUM.store(SUM.load(Ordering::Relaxed).wrapping_add(value), Ordering::Relaxed);
});

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_raise_with(signals: &'static Signals, line: u32, value: usize) -> bool {
    signals.raise_with(line, Payload::new(value)).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_dispatch_one(dispatcher: &mut Dispatcher<&'static Signals>) -> bool {
    dispatcher.dispatch_one().is_some()
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Signals>() as u32);
    report("RAM of the handles", size_of::<Dispatcher<&'static Signals>>() as u32);
    let Some(mut dispatcher) = SIGNALS.dispatcher() else { return false };
    let mut good = true;
    for line in 0..LINES as u32 {
        good &= SIGNALS.set_handler(line, Some(&ADD)).is_ok();
        for _ in 0..2 {
            for n in 0..DEPTH {
                good &= operation_raise_with(black_box(&SIGNALS), black_box(line), black_box(n));
            }
            good &= !operation_raise_with(black_box(&SIGNALS), black_box(line), black_box(0));
            for _ in 0..DEPTH {
                good &= operation_dispatch_one(black_box(&mut dispatcher));
            }
            good &= !operation_dispatch_one(black_box(&mut dispatcher));
        }
    }
    good && SUM.load(Ordering::Relaxed) as usize == LINES * 2 * (DEPTH * (DEPTH - 1) / 2)
}
