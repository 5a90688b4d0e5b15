//! A queue in a `static`. The interrupt and main are its producers. Main is also its consumer, and
//! uses every form there is.
#![no_std]
#![no_main]

use ringway_core::participant::Participant;
use ringway_core::ring::queue::Queue;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::{report, sleep, start_timer};

/// How many jobs the interrupt has, each worth its number.
const JOBS: u32 = 500;

static QUEUE: Queue<u32, 6> = Queue::new();
/// The interrupt's next job; touched by it alone.
static NEXT: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

/// Pushes at most two jobs: one by value, one in place.
fn tick() {
    // Relaxed: one side writes, and the store publishes nothing else.
    let next = NEXT.load(Ordering::Relaxed);
    if next == JOBS {
        return;
    }
    let mut done = u32::from(QUEUE.try_push(next).is_ok());
    if done == 1 && next.wrapping_add(1) < JOBS {
        if let Ok(loan) = QUEUE.try_reserve() {
            let _ = loan.write(next.wrapping_add(1));
            done = 2;
        }
    }
    NEXT.store(next.wrapping_add(done), Ordering::Relaxed);
}

fn run() -> bool {
    start_timer();
    let (mut sum, mut count, mut given_back, mut own) = (0_u32, 0_u32, 0_u32, 0_u32);
    while count < JOBS.wrapping_add(own) {
        let Some(claim) = QUEUE.try_claim() else {
            sleep();
            continue;
        };
        // Main gives every seventh job back once; the job comes again behind the others.
        if *claim % 7 == 3 && given_back <= *claim / 7 {
            given_back = given_back.wrapping_add(1);
            drop(claim);
            continue;
        }
        sum = sum.wrapping_add(*claim);
        claim.complete();
        count = count.wrapping_add(1);
        // Main also produces: zeros, which do not change the sum.
        if own < 50 && QUEUE.try_push(0).is_ok() {
            own = own.wrapping_add(1);
        }
    }
    report("sum of the jobs", sum);
    report("of main", own);
    // What a reset participant held comes back.
    let Some(other) = Participant::new(1) else { return false };
    let _ = QUEUE.handle(other).try_push(7);
    core::mem::forget(QUEUE.handle(other).try_claim());
    core::mem::forget(QUEUE.handle(other).try_reserve());
    // SAFETY: participant 1 takes no further step: nobody acts for it any more.
    let held = unsafe { QUEUE.handle(Participant::LOCAL).recover(other) };
    report("slots recovered", held as u32);
    report("and the message", QUEUE.try_pop().unwrap_or_default());
    report("left over", QUEUE.len() as u32);
    sum == (0..JOBS).fold(0, u32::wrapping_add) && held == 2 && QUEUE.is_empty()
}
