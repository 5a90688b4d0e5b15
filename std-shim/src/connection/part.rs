//! What of a message has gone one way or the other when a call gave up in the middle; one thread at
//! a time has it.

use crate::fd::Timeout;
use crate::lock::{LockError, Mutex, MutexGuard};
use crate::wait::PrivateFutex;
use crate::{CoreError, Error, Result};
use std::os::fd::OwnedFd;

/// The message that has begun to come.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Its length, as far as it has come.
    pub(super) length: [u8; 4],
    /// How much of the length has come.
    pub(super) known: usize,
    /// What came with the first byte of the length.
    pub(super) descriptors: Vec<OwnedFd>,
    /// Its bytes, where a call gave up before all had come.
    pub(super) part: Vec<u8>,
    /// This message lost descriptors, and is thrown away with them: so many of its bytes are so
    /// far.
    pub(super) discarded: Option<usize>,
}

/// The message that is half sent, if there is one.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) message: Vec<u8>,
    /// How much of the length and the message went out: nothing where none is half sent.
    pub(super) sent: usize,
}

/// What one thread at a time has, if the end has this direction.
pub(super) type Turn<T> = Option<Mutex<T, PrivateFutex>>;

/// Takes what is under way in one direction, when no other thread has it.
///
/// # Errors
/// [`WrongDirection`](CoreError::WrongDirection) at an end that does not have the direction; that
/// it was not free within `timeout`.
pub(super) fn take<'a, T>(
    turn: &'a Turn<T>,
    operation: &'static str,
    timeout: Timeout,
) -> Result<MutexGuard<'a, T, PrivateFutex>> {
    let failed = |error| Error::new(operation, error);
    let turn = turn.as_ref().ok_or_else(|| failed(CoreError::WrongDirection))?;
    let taken = match timeout {
        Timeout::Now => turn.try_lock(),
        Timeout::Until(deadline) => turn.lock_deadline(deadline),
        Timeout::Mode => turn.lock_deadline(None),
    };
    match taken {
        // What is under way is as good as before a panic.
        Err(LockError::OwnerDied(died)) => Ok(died.into_inner()),
        Err(LockError::NotTaken(error)) => Err(failed(error)),
        Ok(taken) => Ok(taken),
    }
}
