//! Signals: the second core and both interrupts raise, the first core dispatches. The second core
//! masks and unmasks meanwhile.

use crate::{Part, TICKS, add};
use ringway_core::signal::{Handler, Payload, Raised, SignalSet, Table};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Spin;
use ringway_firmware::report;

pub const PART: Part = Part { work, tick, check };

/// How often the second core raises without a payload, and how often with one.
const RAISES: u32 = 2_000;

static SIGNALS: Table<4, 4, Spin> = Table::new();
/// All three raise it, without a payload.
const COUNTED: u32 = 0;
/// The second core raises it with numbered payloads.
const NUMBERED: u32 = 1;
/// The interrupts raise it with payloads: the core, and a number.
const TICK: u32 = 2;

/// How many raises were delivered, of each line, and how many payloads in the wrong order. Only the
/// core that dispatches writes the numbers.
static CAME: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
static WRONG: AtomicU32 = AtomicU32::new(0);
/// The payload that comes next of each interrupt: what it raises, and what is delivered.
static RAISED: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
static EXPECTED: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];

static ON_COUNTED: Handler = Handler::new(&|raised: &Raised| {
    add(&CAME[COUNTED as usize], raised.count as u32);
    add(&WRONG, u32::from(raised.payload.is_some()));
});
static ON_NUMBERED: Handler = Handler::new(&|raised: &Raised| {
    let expected = CAME[NUMBERED as usize].load(Ordering::Relaxed);
    let value = raised.payload.map(|payload| payload.value as u32);
    add(&WRONG, u32::from(value != Some(expected)));
    add(&CAME[NUMBERED as usize], 1);
});
static ON_TICK: Handler = Handler::new(&|raised: &Raised| {
    let value = raised.payload.map_or(u32::MAX, |payload| payload.value as u32);
    let expected = &EXPECTED[(value & 1) as usize];
    add(&WRONG, u32::from(value >> 1 != expected.load(Ordering::Relaxed)));
    add(expected, 1);
    add(&CAME[TICK as usize], 1);
});

/// How often each line is raised in all.
const ALL: [u32; 3] = [RAISES + 2 * TICKS, RAISES, 2 * TICKS];

fn came() -> [u32; 3] {
    CAME.each_ref().map(|count| count.load(Ordering::Relaxed))
}

fn work(hart: usize) {
    if hart == 0 { dispatches() } else { raises() }
}

fn dispatches() {
    let set = SIGNALS.set_handler(COUNTED, Some(&ON_COUNTED)).is_ok()
        && SIGNALS.set_handler(NUMBERED, Some(&ON_NUMBERED)).is_ok()
        && SIGNALS.set_handler(TICK, Some(&ON_TICK)).is_ok()
        && SIGNALS.set_priority(TICK, 1).is_ok();
    let Some(mut dispatcher) = SIGNALS.dispatcher() else { return };
    while set && came() != ALL {
        // Something is still to be raised or to be delivered, so that this ends.
        let _ = dispatcher.pause();
    }
}

fn raises() {
    for number in 0..RAISES {
        // Now and then it raises a line that it has masked.
        let masked = if number % 16 == 0 { SignalSet::line(COUNTED) } else { SignalSet::empty() };
        SIGNALS.mask(masked);
        let _ = SIGNALS.raise(COUNTED);
        SIGNALS.unmask(masked);
        while SIGNALS.raise_with(NUMBERED, Payload::new(number as usize)).is_err() {
            core::hint::spin_loop();
        }
    }
}

fn tick(hart: usize) -> bool {
    let raised = &RAISED[hart & 1];
    let number = raised.load(Ordering::Relaxed);
    let payload = Payload::new((number << 1 | hart as u32 & 1) as usize);
    if SIGNALS.raise_with(TICK, payload).is_err() {
        return false;
    }
    add(raised, 1);
    SIGNALS.raise(COUNTED).is_ok()
}

fn check() -> bool {
    let came = came();
    let [counted, numbered, ticks] = came;
    report("raises delivered", counted);
    report("payloads delivered", numbered);
    report("payloads of the interrupts", ticks);
    let wrong = WRONG.load(Ordering::Relaxed);
    report("of all these wrong", wrong);
    let pending = SIGNALS.pending();
    report("pending", pending.bits() as u32);
    came == ALL && wrong == 0 && pending.is_empty()
}
