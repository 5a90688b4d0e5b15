//! One thread at a time, and a deadline for the others.

use crate::CoreError;
use crate::fd::Timeout;
use crate::sys::lock;
use crate::wait::PrivateFutex;
use ringway_core::wait::Doorbell;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard};

/// What one thread at a time has. A mutex of the standard library knows no deadline: here it is only held for a moment, to take
/// the value and to put it back.
#[derive(Debug)]
pub(super) struct Turn<T> {
    here: Mutex<Option<T>>,
    back: Doorbell<PrivateFutex>,
}

/// The value, which is put back when this is dropped.
pub(super) struct Taken<'a, T: Default> {
    turn: &'a Turn<T>,
    value: T,
}

impl<T: Default> Turn<T> {
    pub(super) fn new() -> Self {
        Turn { here: Mutex::new(Some(T::default())), back: Doorbell::<PrivateFutex>::new() }
    }

    /// Takes the value when it is there.
    ///
    /// # Errors
    /// [`CoreError::WouldBlock`] or [`CoreError::TimedOut`], as patience has it.
    pub(super) fn take(&self, timeout: Timeout) -> Result<Taken<'_, T>, CoreError> {
        let here = || self.here().take();
        let value = match timeout {
            Timeout::Now => here().ok_or(CoreError::WouldBlock)?,
            Timeout::Until(deadline) => self.back.wait_until(deadline, here)?,
            Timeout::Mode => self.back.wait_until(None, here)?,
        };
        Ok(Taken { turn: self, value })
    }

    fn here(&self) -> MutexGuard<'_, Option<T>> {
        lock(&self.here)
    }
}

impl<T: Default> Deref for Taken<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Default> DerefMut for Taken<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Default> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        *self.turn.here() = Some(std::mem::take(&mut self.value));
        self.turn.back.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_value_that_is_taken_is_waited_for_until_the_deadline() {
        let turn = Turn::<u32>::new();
        let mut taken = turn.take(Timeout::NEVER).unwrap();
        *taken += 1;
        assert_eq!(turn.take(Timeout::Now).err(), Some(CoreError::WouldBlock));
        let deadline = Instant::now() + Duration::from_millis(5);
        assert_eq!(turn.take(Timeout::Until(Some(deadline))).err(), Some(CoreError::TimedOut));
        assert!(Instant::now() >= deadline);
        drop(taken);
        assert_eq!(*turn.take(Timeout::Now).unwrap(), 1);
    }

    #[test]
    fn threads_take_turns() {
        let turn = Turn::<u32>::new();
        std::thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    for _ in 0..1_000 {
                        *turn.take(Timeout::NEVER).unwrap() += 1;
                    }
                });
            }
        });
        assert_eq!(*turn.take(Timeout::Now).unwrap(), 3_000);
    }
}
