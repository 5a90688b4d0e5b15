//! The critical section itself: a number that is read and written in two steps, by both cores and
//! both interrupts.

use crate::{Part, TICKS};
use core::cell::Cell;
use critical_section::Mutex;
use ringway_firmware::report;

pub const PART: Part = Part { work, tick, check };

/// How often each core enters.
const ROUNDS: u32 = 20_000;

static NUMBER: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

fn count() {
    critical_section::with(|section| {
        let seen = NUMBER.borrow(section).get();
        // A section inside the section must not let the other core in.
        critical_section::with(|_| ());
        NUMBER.borrow(section).set(seen.wrapping_add(1));
    });
}

fn work(_hart: usize) {
    for _ in 0..ROUNDS {
        count();
    }
}

fn tick(_hart: usize) -> bool {
    count();
    true
}

fn check() -> bool {
    let number = critical_section::with(|section| NUMBER.borrow(section).get());
    report("critical sections", number);
    number == 2 * (ROUNDS + TICKS)
}
