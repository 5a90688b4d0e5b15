//! What readers and writers have while they hold a lock.

use super::words::Words;
use crate::finally::Finally;
use crate::lock::died::{LockResult, Robust, sealed, told};
use crate::lock::word::{Held, Shared, Unwinding};
use crate::sync::{AtomicU32, Cell};
use crate::wait::Wake;
use core::fmt;
use core::ops::{Deref, DerefMut};

/// The lock, held to read, and its value. Dropped, the slot is given back, also by a panic: a
/// reader changed nothing.
#[must_use = "the lock is given back at once if this is dropped"]
pub struct ReadGuard<'a, T, W: Wake> {
    pub(super) words: &'a Words<W>,
    pub(super) slot: &'a AtomicU32,
    pub(super) value: Shared<'a, T>,
}

// SAFETY: it gives shared access to the value, which may be dropped by no guard.
unsafe impl<T: Sync, W: Wake + Sync> Send for ReadGuard<'_, T, W> {}

// SAFETY: as above.
unsafe impl<T: Sync, W: Wake + Sync> Sync for ReadGuard<'_, T, W> {}

impl<T: fmt::Debug, W: Wake> fmt::Debug for ReadGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, W: Wake> Deref for ReadGuard<'_, T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: with the slot taken no writer reaches the value, and this guard is borrowed for
        // as long.
        unsafe { self.value.get() }
    }
}

impl<T, W: Wake> Drop for ReadGuard<'_, T, W> {
    fn drop(&mut self) {
        self.words.give_back(self.slot);
    }
}

/// The lock, held to write, and its value. Dropped, it is given back; dropped by a panic, the next
/// ones are [told](crate::lock#panics).
#[must_use = "the lock is given back at once if this is dropped"]
pub struct WriteGuard<'a, T, W: Wake> {
    pub(super) words: &'a Words<W>,
    pub(super) value: &'a Cell<T>,
    pub(super) held: Held,
}

// SAFETY: it gives exclusive access to the value, or as it is shared, shared access.
unsafe impl<T: Send, W: Wake + Sync> Send for WriteGuard<'_, T, W> {}

// SAFETY: as above.
unsafe impl<T: Sync, W: Wake + Sync> Sync for WriteGuard<'_, T, W> {}

impl<T, W: Wake> WriteGuard<'_, T, W> {
    /// The readers are gone: from now on, a panic may leave the value half changed.
    pub(super) fn ready(mut self, died: bool, before: Unwinding) -> LockResult<Self> {
        self.held = Held::new(died, before);
        told(self, died)
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
        // SAFETY: this guard has the word, and the slots were empty and stay so, so that nobody
        // else reaches the value; it is borrowed for as long.
        self.value.with(|value| unsafe { &*value })
    }
}

impl<T, W: Wake> DerefMut for WriteGuard<'_, T, W> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and it is borrowed mutably.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T, W: Wake> Drop for WriteGuard<'_, T, W> {
    fn drop(&mut self) {
        // Also when the next writer's waker panics.
        let _readers = Finally(|| self.words.bell.ring());
        self.words.writer.release_held(self.held);
    }
}
