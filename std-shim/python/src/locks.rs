//! Locks between processes, each of which may be killed while it holds one.

mod barrier;
mod condition;
mod event;
mod mutex;
mod rwlock;
mod semaphore;

pub use barrier::Barrier;
pub use condition::{Condition, ConditionWords};
pub use event::Event;
pub use mutex::{Entrance, Lock, Shared};
pub use rwlock::RwLock;
pub use semaphore::{BoundedSemaphore, Semaphore};

use crate::errors::raise;
use pyo3::prelude::*;
use ringway::CoreError;
use ringway::lock::{LockError, OwnerDied};

/// The timeout that `multiprocessing` means by its two arguments.
fn timeout_of(block: bool, timeout: Option<f64>) -> Option<f64> {
    if block { timeout } else { Some(0.0) }
}

/// Sorts what taking a lock led to: the guard and whether a holder died, or why there is none.
fn sorted<G>(taken: Result<G, LockError<G>>) -> Result<(G, bool), CoreError> {
    match taken {
        Ok(guard) => Ok((guard, false)),
        Err(LockError::OwnerDied(OwnerDied(guard))) => Ok((guard, true)),
        Err(error) => Err(CoreError::from(error)),
    }
}

/// What was taken; `None` if it was not free in time.
fn in_time<R>(taken: Result<R, CoreError>) -> PyResult<Option<R>> {
    match taken {
        Ok(taken) => Ok(Some(taken)),
        Err(CoreError::TimedOut | CoreError::WouldBlock) => Ok(None),
        Err(error) => Err(raise(error)),
    }
}
