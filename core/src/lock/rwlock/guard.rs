//! The guards of readers and writers.

use super::words::Words;
use crate::finally::Finally;
use crate::lock::died::{LockResult, Robust, lock_result, sealed};
use crate::lock::word::{Held, Unwinding, ValueRef};
use crate::sync::{AtomicU32, Cell};
use crate::wait::Wake;
use core::fmt;
use core::ops::{Deref, DerefMut};

/// A lock that is held to read, and its value.
///
/// Dropping the guard frees its slot, also if a panic drops it: a reader has changed nothing.
#[must_use = "the lock is given back at once if this is dropped"]
pub struct ReadGuard<'a, T, W: Wake> {
    pub(super) words: &'a Words<W>,
    pub(super) slot: &'a AtomicU32,
    pub(super) value: ValueRef<'a, T>,
}

// SAFETY: the guard gives only shared access to the value, and does not drop it; it shares `W`,
// which is `Sync`.
unsafe impl<T: Sync, W: Wake + Sync> Send for ReadGuard<'_, T, W> {}

// SAFETY: the guard gives only shared access to the value and to `W`, both of which are `Sync`.
unsafe impl<T: Sync, W: Wake + Sync> Sync for ReadGuard<'_, T, W> {}

impl<T: fmt::Debug, W: Wake> fmt::Debug for ReadGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, W: Wake> Deref for ReadGuard<'_, T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard's slot is taken while it is borrowed, so that no writer uses the value.
        unsafe { self.value.get() }
    }
}

impl<T, W: Wake> Drop for ReadGuard<'_, T, W> {
    fn drop(&mut self) {
        self.words.give_back(self.slot);
    }
}

/// A lock that is held to write, and its value.
///
/// Dropping the guard releases the lock. If a panic drops it, the next holders
/// [get](crate::lock#panics) [`OwnerDied`](crate::lock::OwnerDied).
#[must_use = "the lock is given back at once if this is dropped"]
pub struct WriteGuard<'a, T, W: Wake> {
    pub(super) words: &'a Words<W>,
    pub(super) value: &'a Cell<T>,
    pub(super) held: Held,
}

// SAFETY: the guard gives exclusive access to the value, for which `T: Send` suffices; it shares
// `W`, which is `Sync`.
unsafe impl<T: Send, W: Wake + Sync> Send for WriteGuard<'_, T, W> {}

// SAFETY: a shared guard gives only shared access to the value and to `W`, both of which are
// `Sync`.
unsafe impl<T: Sync, W: Wake + Sync> Sync for WriteGuard<'_, T, W> {}

impl<T, W: Wake> WriteGuard<'_, T, W> {
    /// Makes the guard usable, once the readers have left: from now on, a panic may leave the value
    /// half changed.
    pub(super) fn ready(mut self, died: bool, before: Unwinding) -> LockResult<Self> {
        self.held = Held::new(died, before);
        lock_result(self, died)
    }
}

impl<T, W: Wake> sealed::Sealed for WriteGuard<'_, T, W> {}

impl<T, W: Wake> Robust for WriteGuard<'_, T, W> {
    fn make_consistent(&mut self) {
        self.held = Held::new(false, self.words.writer.unwinding());
        self.words.writer.make_consistent();
    }
}

impl<T: fmt::Debug, W: Wake> fmt::Debug for WriteGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, W: Wake> Deref for WriteGuard<'_, T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard has the word while it is borrowed, and `ready` was called when all
        // slots were empty. No reader takes a slot for good while the word is taken, so that nobody
        // else uses the value.
        self.value.with(|value| unsafe { &*value })
    }
}

impl<T, W: Wake> DerefMut for WriteGuard<'_, T, W> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard has the word and is borrowed mutably, and `ready` was called when all
        // slots were empty. No reader takes a slot for good while the word is taken, so that nobody
        // else uses the value.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T, W: Wake> Drop for WriteGuard<'_, T, W> {
    fn drop(&mut self) {
        // Readers are woken even if waking the next writer panics.
        let _readers = Finally(|| self.words.bell.ring());
        self.words.writer.release_held(self.held);
    }
}
