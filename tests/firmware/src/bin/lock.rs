//! Locks between the timer's interrupt, which never waits for one, and main, which does: a mutex,
//! two kinds of semaphore, an event, and a mutex whose holder is reset.
#![no_std]
#![no_main]

use ringway_core::lock::{BoundedSemaphore, Event, Mutex, OwnerDied, Semaphore};
use ringway_core::participant::Participant;
use ringway_core::plain::Plain;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::WaitForInterrupt;
use ringway_firmware::{report, start_timer};

/// How many jobs the interrupt announces.
const JOBS: u32 = 300;

/// The value under a mutex: two numbers that are equal whenever nobody holds it.
#[derive(Clone, Copy)]
struct Pair {
    left: u32,
    right: u32,
}

// SAFETY: two numbers of one size, and nothing else.
unsafe impl Plain for Pair {}

static PAIR: Mutex<Pair, WaitForInterrupt> = Mutex::new(Pair { left: 0, right: 0 });
/// A permit for each job that is announced.
static ANNOUNCED: Semaphore<0, WaitForInterrupt> = Semaphore::new();
/// Permits for two jobs at a time.
static PLACES: BoundedSemaphore<2, WaitForInterrupt> = BoundedSemaphore::new();
/// Set when the interrupt has announced all jobs.
static ALL: Event<WaitForInterrupt> = Event::new();
/// How often the interrupt found the mutex held, and how often free; touched by it alone.
static HELD: AtomicU32 = AtomicU32::new(0);
static FREE: AtomicU32 = AtomicU32::new(0);
/// How many jobs are announced; touched by the interrupt alone.
static JOB: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

fn add(to: &AtomicU32, more: u32) {
    // Relaxed, here and below: one context writes each of these.
    to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// Changes the pair if it is free, and announces a job.
fn tick() {
    match PAIR.try_lock() {
        Ok(mut pair) => {
            pair.left = pair.left.wrapping_add(1);
            pair.right = pair.right.wrapping_add(1);
            add(&FREE, 1);
        }
        Err(_) => add(&HELD, 1),
    }
    if JOB.load(Ordering::Relaxed) == JOBS {
        ALL.set();
    } else if ANNOUNCED.release(1).is_ok() {
        add(&JOB, 1);
    }
}

fn run() -> bool {
    start_timer();
    // While main holds the mutex, the interrupt finds it held, and does not wait.
    let mut pair = PAIR.lock().unwrap_or_else(OwnerDied::into_inner);
    while HELD.load(Ordering::Relaxed) < 3 {
        pair.left = pair.left.wrapping_add(5);
        pair.right = pair.right.wrapping_add(5);
        ringway_firmware::sleep();
    }
    let mut good = pair.left == pair.right && PAIR.holder() == Some(Participant::LOCAL);
    drop(pair);

    let mut done = 0_u32;
    while done < JOBS {
        ANNOUNCED.acquire();
        let place = PLACES.acquire();
        let second = PLACES.try_acquire();
        good &= second.is_ok() && PLACES.try_acquire().is_err();
        drop((place, second));
        let pair = PAIR.lock().unwrap_or_else(OwnerDied::into_inner);
        good &= pair.left == pair.right;
        done = done.wrapping_add(1);
    }
    ALL.wait();
    report("jobs done", done);
    report("permits left", ANNOUNCED.permits());
    report("places free", PLACES.permits() as u32);
    report("the pair was always even", u32::from(good));
    good &= FREE.load(Ordering::Relaxed) > 0;

    // A holder is reset while it holds the mutex. The next holder is told, and repairs the value.
    let Some(other) = Participant::new(1) else { return false };
    let handle = PAIR.handle(other);
    let mut pair = handle.lock().unwrap_or_else(OwnerDied::into_inner);
    pair.left = 77;
    core::mem::forget(pair);
    // SAFETY: participant 1 takes no further step: nobody acts for it any more.
    let recovered = unsafe { PAIR.recover(other) };
    report("recovered", u32::from(recovered));
    let told = PAIR.lock();
    report("its holder died", u32::from(told.is_err()));
    drop(told.unwrap_or_else(|died| died.repair(|pair| pair.right = pair.left)));
    report("repaired", u32::from(PAIR.lock().is_ok()));
    good && recovered
}
