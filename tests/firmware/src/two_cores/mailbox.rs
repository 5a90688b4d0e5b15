//! Sleepers: the second core sleeps until the first rings it, and the first until the answer comes.
//! The second core has no other interrupt meanwhile, so that it would sleep for ever through a ring
//! that is lost.

use crate::{Part, TICKS, add, mix};
use core::convert::Infallible;
use ringway_core::ring::Ring;
use ringway_core::ring::queue::Queue;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};
use ringway_firmware::{SoftwareInterrupt, report};

pub const PART: Part = Part { work, tick, check };

/// How many questions the first core asks.
const QUESTIONS: u32 = 2_000;
/// What the first core's interrupt puts into the queue. It wants no answer.
const NOTE: u32 = u32::MAX;

static INBOX: Queue<u32, 8, Counted> = Queue::new();
static ANSWERS: Ring<u32, 4, Counted> = Ring::new();

/// How many answers the first core got, and how many of them were wrong.
static ANSWERED: AtomicU32 = AtomicU32::new(0);
static WRONG: AtomicU32 = AtomicU32::new(0);
/// How many notes the second core took, and how often it fell asleep. Only it writes the numbers.
static NOTES: AtomicU32 = AtomicU32::new(0);
static SLEPT: AtomicU32 = AtomicU32::new(0);

/// [`SoftwareInterrupt`], and counts how often the second core falls asleep.
struct Counted(SoftwareInterrupt);

impl Wake for Counted {
    type Word = BellWord;

    const INIT: Self = Counted(SoftwareInterrupt);

    fn wake(&self, word: &AtomicU32, n: u32) {
        self.0.wake(word, n);
    }
}

impl Wait for Counted {
    type Deadline = Infallible;

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Infallible>,
    ) -> Result<(), TimedOut> {
        if riscv::register::mhartid::read() == 1 {
            add(&SLEPT, 1);
        }
        self.0.wait(word, expected, deadline)
    }
}

fn work(hart: usize) {
    if hart == 0 {
        asks();
    } else {
        // SAFETY: the interrupt has a handler, and no section relies on whether it comes.
        unsafe { riscv::register::mie::clear_mtimer() };
        answers();
        // SAFETY: the interrupt has a handler, and no section relies on whether it comes.
        unsafe { riscv::register::mie::set_mtimer() };
    }
}

fn asks() {
    let Some(mut answers) = ANSWERS.consumer() else { return };
    for question in 0..QUESTIONS {
        if INBOX.push(question).is_err() {
            return;
        }
        let answer = answers.pop();
        add(&WRONG, u32::from(answer != Ok(mix(question))));
        add(&ANSWERED, 1);
    }
}

fn answers() {
    let Some(mut answers) = ANSWERS.producer() else { return };
    for _ in 0..QUESTIONS + TICKS {
        match INBOX.pop() {
            Ok(NOTE) => add(&NOTES, 1),
            Ok(question) => _ = answers.push(mix(question)),
            Err(_) => return,
        }
    }
}

/// The first core's interrupt sends a note. The second core's has nothing to do.
fn tick(hart: usize) -> bool {
    hart == 1 || INBOX.try_push(NOTE).is_ok()
}

fn check() -> bool {
    let (answered, wrong) = (ANSWERED.load(Ordering::Relaxed), WRONG.load(Ordering::Relaxed));
    let (notes, slept) = (NOTES.load(Ordering::Relaxed), SLEPT.load(Ordering::Relaxed));
    report("answers", answered);
    report("of all these wrong", wrong);
    report("notes of the interrupt", notes);
    // It slept, and one that only polls is back much more often than it is rung.
    let sleeps = slept >= TICKS / 2 && slept <= 2 * (QUESTIONS + TICKS);
    report("slept about once for each", u32::from(sleeps));
    answered == QUESTIONS && wrong == 0 && notes == TICKS && sleeps
}
