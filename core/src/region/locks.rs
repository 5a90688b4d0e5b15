//! The locks as parts.

use super::{Description, Item, Kind, Part, SharedWait, Unheld};
use crate::lock::{Barrier, BoundedSemaphore, Condition, Event, Mutex, RwLock, Semaphore};
#[cfg(target_has_atomic = "64")]
use crate::lock::{ReentrantMutex, ThreadId};

// SAFETY, of all in this file: `repr(C)`: words, and a plain value behind them; zeroed words are a fresh lock, on which one
// sleeps as `W` says, which has no bytes.

// SAFETY: as above.
unsafe impl<T: Item, W: SharedWait> Part for Mutex<T, W> {
    fn description() -> Description {
        Description::of::<Self, T>(Kind::MUTEX.that_waits(), 1)
    }
}

// SAFETY: as above.
#[cfg(target_has_atomic = "64")]
unsafe impl<T: Item, I: ThreadId + 'static, W: SharedWait> Part for ReentrantMutex<T, I, W> {
    fn description() -> Description {
        Description::of::<Self, T>(Kind::REENTRANT_MUTEX.that_waits(), 1)
    }
}

// SAFETY: as above.
unsafe impl<T: Item, const R: usize, W: SharedWait> Part for RwLock<T, R, W> {
    fn description() -> Description {
        const { Self::VALID };
        Description::of::<Self, T>(Kind::RW_LOCK.that_waits(), R)
    }
}

// SAFETY: as above.
unsafe impl<const START: u32, W: SharedWait> Part for Semaphore<START, W> {
    fn description() -> Description {
        const { Self::VALID };
        Description::of::<Self, ()>(Kind::SEMAPHORE.that_waits(), START as usize)
    }
}

// SAFETY: as above.
unsafe impl<const N: usize, W: SharedWait> Part for BoundedSemaphore<N, W> {
    fn description() -> Description {
        const { Self::VALID };
        Description::of::<Self, ()>(Kind::BOUNDED_SEMAPHORE.that_waits(), N)
    }
}

// SAFETY: as above.
unsafe impl<W: SharedWait> Part for Condition<W> {
    fn description() -> Description {
        Description::of::<Self, ()>(Kind::CONDITION.that_waits(), 1)
    }
}

// SAFETY: as above.
unsafe impl<W: SharedWait> Part for Event<W> {
    fn description() -> Description {
        Description::of::<Self, ()>(Kind::EVENT.that_waits(), 1)
    }
}

// SAFETY: as above.
unsafe impl<const N: usize, W: SharedWait> Part for Barrier<N, W> {
    fn description() -> Description {
        const { Self::VALID };
        Description::of::<Self, ()>(Kind::BARRIER.that_waits(), N)
    }
}

impl<const START: u32, W: SharedWait> Unheld for Semaphore<START, W> {}
// A wait goes on under the name that the mutex's guard has.
impl<W: SharedWait> Unheld for Condition<W> {}
impl<W: SharedWait> Unheld for Event<W> {}
