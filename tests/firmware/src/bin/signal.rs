//! Signals: the timer's interrupt raises, main dispatches, by priority and with masks.
#![no_std]
#![no_main]

use ringway_core::signal::{Handler, Payload, Raised, SignalSet, Table};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::WaitForInterrupt;
use ringway_firmware::{report, sleep, start_timer};

static SIGNALS: Table<4, 4, WaitForInterrupt> = Table::new();
const TICK: u32 = 0;
const SAMPLE: u32 = 1;
const DONE: u32 = 3;

/// How many times the interrupt comes before it raises `DONE`.
const TICKS: u32 = 400;

/// How often the interrupt came; touched by it alone.
static CAME: AtomicU32 = AtomicU32::new(0);
/// How many samples the interrupt queued, and how many found the queue full; touched by it alone.
static QUEUED: AtomicU32 = AtomicU32::new(0);
static FULL: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

fn add(to: &AtomicU32, more: u32) {
    // Relaxed, here and below: one context writes each of these.
    to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

fn tick() {
    let came = CAME.load(Ordering::Relaxed);
    if came == TICKS {
        return;
    }
    add(&CAME, 1);
    let _ = SIGNALS.raise(TICK);
    if came % 3 == 0 {
        let next = QUEUED.load(Ordering::Relaxed);
        match SIGNALS.raise_with(SAMPLE, Payload::new(next as usize)) {
            Ok(()) => add(&QUEUED, 1),
            Err(_) => add(&FULL, 1),
        }
    }
    if came == TICKS - 1 {
        let _ = SIGNALS.raise(DONE);
    }
}

/// What the handlers saw; touched where main dispatches.
static SEEN: AtomicU32 = AtomicU32::new(0);
static SAMPLES: AtomicU32 = AtomicU32::new(0);
static WRONG: AtomicU32 = AtomicU32::new(0);
static FINISHED: AtomicU32 = AtomicU32::new(0);

static ON_TICK: Handler = Handler::new(&|delivery: &Raised| add(&SEEN, delivery.count as u32));
static ON_SAMPLE: Handler = Handler::new(&|delivery: &Raised| {
    let value = delivery.payload.map(|payload| payload.value as u32);
    add(&WRONG, u32::from(value != Some(SAMPLES.load(Ordering::Relaxed))));
    add(&SAMPLES, 1);
});
static ON_DONE: Handler = Handler::new(&|_: &Raised| add(&FINISHED, 1));

fn run() -> bool {
    let Some(mut dispatcher) = SIGNALS.dispatcher() else { return false };
    let set = SIGNALS.set_handler(TICK, Some(&ON_TICK)).is_ok()
        && SIGNALS.set_handler(SAMPLE, Some(&ON_SAMPLE)).is_ok()
        && SIGNALS.set_handler(DONE, Some(&ON_DONE)).is_ok()
        && SIGNALS.set_priority(SAMPLE, 1).is_ok();
    report("no such line", u32::from(SIGNALS.raise(4).is_err()));

    // Masked, the ticks are kept, and coalesce; the samples wait in their queue until it is full.
    SIGNALS.mask(SignalSet::of(&[TICK, SAMPLE]));
    start_timer();
    while FULL.load(Ordering::Relaxed) == 0 {
        sleep();
    }
    report("delivered while masked", dispatcher.dispatch() as u32);
    let pending = SIGNALS.pending() == SignalSet::of(&[TICK, SAMPLE]);
    report("pending", u32::from(pending));
    SIGNALS.unmask(SignalSet::all());
    let first = dispatcher.dispatch_one().map_or(u32::MAX, |delivery| delivery.line);
    report("the first line delivered", first);

    // Sleeps until something is raised.
    while FINISHED.load(Ordering::Relaxed) == 0 {
        let _ = dispatcher.pause();
    }
    dispatcher.dispatch();
    report("ticks", SEEN.load(Ordering::Relaxed));
    let (queued, samples) = (QUEUED.load(Ordering::Relaxed), SAMPLES.load(Ordering::Relaxed));
    report("samples lost", queued.wrapping_sub(samples));
    report("samples out of order", WRONG.load(Ordering::Relaxed));
    report("left", SIGNALS.pending().bits() as u32);
    set && pending && queued == samples && SEEN.load(Ordering::Relaxed) == TICKS
}
