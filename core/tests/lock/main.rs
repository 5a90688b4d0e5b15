//! Tests of the locks by scenario, and of their layout in shared memory.
#![cfg(not(loom))]

#[path = "../../src/scaled.rs"]
mod scaled;
#[path = "../support/woken.rs"]
mod woken;
#[path = "../support/yielding.rs"]
mod yielding;

mod barrier;
mod bounded;
mod condition;
mod event;
mod layout;
mod mutex;
mod reentrant;
mod rwlock;
mod semaphore;
mod tasks;
mod views;

use ringway_core::Error;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, Condition, Event, LockError, Mutex, OwnerDied, ReentrantMutex,
    Robust, RwLock, Semaphore, ThreadId, TryLockResult,
};
use ringway_core::participant::Participant;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, Clock, SpinClock, TimedOut, Wait, Wake};
use scaled::scaled;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use yielding::Yielding;

static NOW: AtomicU64 = AtomicU64::new(0);
/// A clock that ticks each time it is read.
type Ticking = SpinClock<Ticks>;

struct Ticks;

impl Clock for Ticks {
    fn now() -> u64 {
        NOW.fetch_add(1, Ordering::Relaxed)
    }
}

fn soon() -> Option<u64> {
    Some(NOW.load(Ordering::Relaxed) + 5)
}

/// The error of a lock that was not taken.
fn refused<G>(taken: TryLockResult<G>) -> Error {
    match taken {
        Err(LockError::NotTaken(error)) => error,
        Ok(_) | Err(LockError::OwnerDied(_)) => panic!("it was taken"),
    }
}

fn participant(number: u16) -> Participant {
    Participant::new(number).unwrap()
}

/// Numbers the threads of a test.
struct Numbered;

// SAFETY: each thread takes the next number once, and keeps it.
unsafe impl ThreadId for Numbered {
    fn thread_id() -> NonZeroU32 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        thread_local! {
            static MINE: NonZeroU32 =
                NonZeroU32::new(NEXT.fetch_add(1, Ordering::Relaxed) as u32).expect("counts from 1");
        }
        MINE.with(|mine| *mine)
    }
}
