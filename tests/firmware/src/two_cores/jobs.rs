//! A queue. Both cores and both interrupts put jobs in; both cores take them out, and give some
//! back.

use crate::{Part, TICKS, add, total};
use ringway_core::ring::queue::Queue;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::report;

pub const PART: Part = Part { work, tick, check };

/// How many jobs each core has.
const JOBS: u32 = 6_000;

static WORK: Queue<Job, 8> = Queue::new();

/// A job, and where it comes from: cores 0 and 1, and as 2 and 3 their interrupts.
#[derive(Clone, Copy)]
struct Job {
    from: u8,
    /// It was claimed before, so that its place in line is another.
    was_given_back: bool,
    number: u32,
}

/// How many jobs each core did, their sum, and how many came in another order than they went in.
/// Only this core writes the numbers.
static DONE: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
static SUM: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
static WRONG: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
/// The next job of each interrupt. Only this interrupt uses the number.
static NEXT: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];

fn work(hart: usize) {
    let hart = hart & 1;
    let mut pushed = 0_u32;
    // The numbers of the jobs that this core may take next from each source.
    let mut next = [0_u32; 4];
    while total(&DONE) < 2 * (JOBS + TICKS) {
        let job = Job { from: hart as u8, was_given_back: false, number: pushed };
        if pushed < JOBS && WORK.try_push(job).is_ok() {
            pushed = pushed.wrapping_add(1);
        }
        if let Some(mut job) = WORK.try_claim() {
            if job.number % 64 == 63 && !job.was_given_back {
                job.was_given_back = true;
                continue;
            }
            let Some(least) = next.get_mut(usize::from(job.from)) else { return };
            if !job.was_given_back {
                add(&WRONG[hart], u32::from(job.number < *least));
                *least = job.number.wrapping_add(1);
            }
            add(&SUM[hart], job.number);
            job.complete();
            add(&DONE[hart], 1);
        }
    }
}

/// Puts one job in, in place.
fn tick(hart: usize) -> bool {
    let next = &NEXT[hart & 1];
    let number = next.load(Ordering::Relaxed);
    let job = Job { from: 2 + hart as u8, was_given_back: false, number };
    let pushed = WORK.try_reserve().is_ok_and(|loan| loan.write(job).is_ok());
    add(next, u32::from(pushed));
    pushed
}

fn check() -> bool {
    let (done, sum, wrong) = (total(&DONE), total(&SUM), total(&WRONG));
    report("jobs done", done);
    report("their sum", sum);
    report("in the wrong order", wrong);
    report("jobs left", WORK.len() as u32);
    let expected = [JOBS, JOBS, TICKS, TICKS]
        .iter()
        .fold(0_u32, |sum, jobs| sum.wrapping_add((0..*jobs).fold(0, u32::wrapping_add)));
    done == 2 * (JOBS + TICKS) && sum == expected && wrong == 0 && WORK.is_empty()
}
