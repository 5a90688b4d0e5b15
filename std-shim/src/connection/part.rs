//! Messages that are half received or half sent, kept between calls; one thread at a time uses
//! each.

use crate::fd::Timeout;
use crate::lock::{LockError, Mutex, MutexGuard};
use crate::wait::PrivateFutex;
use crate::{CoreError, Error, Result};
use std::os::fd::OwnedFd;

/// A message that is half received.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// The bytes of its length that have come.
    pub(super) length: [u8; 4],
    /// How many bytes of the length have come.
    pub(super) known: usize,
    /// The descriptors that came with the first byte of the length.
    pub(super) descriptors: Vec<OwnedFd>,
    /// The part of its bytes that had come when a call gave up.
    pub(super) part: Vec<u8>,
    /// If the message lost descriptors, it is discarded: the number of its bytes that already are.
    pub(super) discarded: Option<usize>,
}

/// A message that is half sent, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) message: Vec<u8>,
    /// How many bytes of the length and the message were sent: 0 if none is half sent.
    pub(crate) sent: usize,
}

/// One direction's half-done message, for one thread at a time; `None` if the end lacks the
/// direction.
pub(crate) type Direction<T> = Option<Mutex<T, PrivateFutex>>;

/// Locks one direction of an end; waits at most as `timeout` says.
///
/// # Errors
/// [`WrongDirection`](CoreError::WrongDirection) at an end that lacks the direction; the lock's
/// error if it did not become free within `timeout`.
pub(crate) fn lock<'a, T>(
    direction: &'a Direction<T>,
    operation: &'static str,
    timeout: Timeout,
) -> Result<MutexGuard<'a, T, PrivateFutex>> {
    let failed = |error| Error::new(operation, error);
    let direction = direction.as_ref().ok_or_else(|| failed(CoreError::WrongDirection))?;
    let taken = match timeout {
        Timeout::Now => direction.try_lock(),
        Timeout::Until(deadline) => direction.lock_deadline(deadline),
        Timeout::Mode => direction.lock_deadline(None),
    };
    match taken {
        // A panic in another thread leaves the half-done message valid.
        Err(LockError::OwnerDied(died)) => Ok(died.into_inner()),
        Err(LockError::NotTaken(error)) => Err(failed(error)),
        Ok(taken) => Ok(taken),
    }
}
