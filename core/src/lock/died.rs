//! The results of taking a lock, and the error for a holder that died with it.

use crate::Error;
use crate::wait::TimedOut;
use core::fmt;

/// A holder died with the lock, or [unwound](super#panics) from a panic.
///
/// Nobody has called [`Robust::make_consistent`] since, so that the protected value may be half
/// changed. The caller holds the lock all the same. If it releases the lock without repairing, the
/// next holder gets this error too.
///
/// It corresponds to `PoisonError` in the standard library.
///
/// ```
/// use ringway_core::lock::{Mutex, OwnerDied};
/// let balance = <Mutex<_>>::new(100);
/// // The value may be half changed: replace it before it is used.
/// let mut guard = balance.lock().unwrap_or_else(|died| died.repair(|balance| **balance = 0));
/// *guard -= 30;
/// drop(guard);
/// // A single number is never half changed.
/// assert_eq!(*balance.lock().unwrap_or_else(OwnerDied::into_inner), 70);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OwnerDied<G>(
    /// The guard: the lock is held.
    pub G,
);

impl<G> OwnerDied<G> {
    /// Returns the guard. Use it for a value that a death cannot leave half changed: one word, or
    /// nothing.
    pub fn into_inner(self) -> G {
        self.0
    }
}

impl<G: Robust> OwnerDied<G> {
    /// Repairs the value by `repair`, calls [`Robust::make_consistent`], and returns the guard.
    pub fn repair(mut self, repair: impl FnOnce(&mut G)) -> G {
        repair(&mut self.0);
        self.0.make_consistent();
        self.0
    }
}

impl<G> fmt::Debug for OwnerDied<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerDied(..)")
    }
}

impl<G> fmt::Display for OwnerDied<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Error::OwnerDied.fmt(f)
    }
}

impl<G> core::error::Error for OwnerDied<G> {}

impl<G> From<OwnerDied<G>> for Error {
    /// Returns the error alone. The lock is released, and the next holder gets [`OwnerDied`] again.
    fn from(_: OwnerDied<G>) -> Self {
        Error::OwnerDied
    }
}

/// The result of taking a lock by a form that always takes it.
pub type LockResult<G> = Result<G, OwnerDied<G>>;

/// The result of taking a lock by a form that may end without it.
pub type TryLockResult<G> = Result<G, LockError<G>>;

/// Wraps `guard` in [`OwnerDied`] if a holder died.
pub(super) fn lock_result<G>(guard: G, died: bool) -> LockResult<G> {
    if died { Err(OwnerDied(guard)) } else { Ok(guard) }
}

/// The error of the forms of taking a lock that may end without it.
///
/// ```
/// use ringway_core::lock::{LockError, Mutex};
/// use ringway_core::Error;
/// let mutex = <Mutex<_>>::new(5);
/// let guard = mutex.try_lock().unwrap();
/// assert!(matches!(mutex.try_lock(), Err(LockError::NotTaken(Error::WouldBlock))));
/// # drop(guard);
/// ```
pub enum LockError<G> {
    /// The caller holds the lock, but an earlier holder died with it.
    OwnerDied(OwnerDied<G>),
    /// The caller does not hold the lock: [`WouldBlock`](Error::WouldBlock) or
    /// [`TimedOut`](Error::TimedOut); for a [`ReentrantMutex`](super::ReentrantMutex) also
    /// [`Overflow`](Error::Overflow).
    NotTaken(Error),
}

impl<G> LockError<G> {
    pub(super) fn would_block() -> Self {
        LockError::NotTaken(Error::WouldBlock)
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::OwnerDied(died) => died.fmt(f),
            LockError::NotTaken(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::OwnerDied(died) => died.fmt(f),
            LockError::NotTaken(error) => error.fmt(f),
        }
    }
}

impl<G> core::error::Error for LockError<G> {}

impl<G> From<OwnerDied<G>> for LockError<G> {
    fn from(died: OwnerDied<G>) -> Self {
        LockError::OwnerDied(died)
    }
}

impl<G> From<TimedOut> for LockError<G> {
    fn from(_: TimedOut) -> Self {
        LockError::NotTaken(Error::TimedOut)
    }
}

impl<G> From<LockError<G>> for Error {
    /// Returns the error alone. If the lock was taken, it is released, and the next holder gets
    /// [`OwnerDied`] again.
    fn from(error: LockError<G>) -> Self {
        match error {
            LockError::OwnerDied(died) => died.into(),
            LockError::NotTaken(error) => error,
        }
    }
}

/// A guard of a lock that records when a holder died with it or panicked.
pub trait Robust: sealed::Sealed {
    /// Declares that the protected value is whole again.
    ///
    /// The next holder then gets no [`OwnerDied`]. As
    /// [`pthread_mutex_consistent(3)`](https://man7.org/linux/man-pages/man3/pthread_mutex_consistent.3.html).
    ///
    /// ```
    /// use ringway_core::lock::{Mutex, OwnerDied, Robust};
    /// use ringway_core::participant::Participant;
    /// let pair = <Mutex<_>>::new([0, 0]); // the two are the same
    /// let other = Participant::new(1).unwrap();
    /// let handle = pair.handle(other);
    /// let mut guard = handle.lock().unwrap();
    /// guard[0] = 1;
    /// std::mem::forget(guard); // it dies in the middle
    /// // SAFETY: participant 1 does nothing any more.
    /// assert!(unsafe { pair.recover(other) });
    ///
    /// let Err(OwnerDied(mut guard)) = pair.lock() else { panic!("it died") };
    /// guard[1] = guard[0];
    /// guard.make_consistent();
    /// drop(guard);
    /// assert!(pair.lock().is_ok());
    /// ```
    #[doc(alias = "pthread_mutex_consistent")]
    fn make_consistent(&mut self);
}

pub(super) mod sealed {
    pub trait Sealed {}
}
