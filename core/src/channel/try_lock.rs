//! A lock that nobody waits for in place: for what several contexts share on one side of a channel.

use crate::sync::{Cell, Ordering, RmwU32, const_unless_loom};
use crate::wait::{Doorbell, Wake};
use core::panic::RefUnwindSafe;

/// A lock that one context at a time has, for a bounded piece of work in which it never sleeps.
///
/// Locking never waits, so that an interrupt which finds it locked by the context that it
/// interrupted can say so and return. A context that wants to wait sleeps on a doorbell of the
/// channel. The context that unlocks rings that doorbell if [`unlock`](Self::unlock) says that the
/// lock was wanted.
///
/// The work may wake somebody and so run code of others, which may panic: a guard unlocks
/// ([`Locked`]).
#[derive(Debug)]
pub(super) struct TryLock {
    word: RmwU32,
}

/// Somebody has the lock.
const LOCKED: u32 = 1;
/// And somebody else asked for it meanwhile.
const WANTED: u32 = 2;

impl TryLock {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            TryLock { word: RmwU32::new(0) }
        }
    }

    /// Locks, or answers no and leaves word that the lock is wanted.
    pub(super) fn try_lock(&self) -> bool {
        // Acquire, here and below: partner is the release in `unlock`. What was done under the lock
        // before is seen under it now.
        if self.word.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0 {
            return true;
        }
        // It may have been unlocked in between; then it is ours, and `WANTED` costs one needless
        // ring.
        // Release: partner is the acquire in `unlock`. The context that learns that the lock is
        // wanted sees what for.
        self.word.fetch_or(LOCKED | WANTED, Ordering::AcqRel) & LOCKED == 0
    }

    /// Unlocks; the answer is whether somebody asked for the lock, who may be asleep by now.
    pub(super) fn unlock(&self) -> bool {
        // Release and acquire: partners are the acquire and the release in `try_lock`.
        self.word.swap(0, Ordering::AcqRel) & WANTED != 0
    }
}

/// The lock, while it is ours. Dropped, it unlocks and wakes those who wait for the lock.
#[derive(Debug)]
pub(super) struct Locked<'a, W: Wake> {
    lock: &'a TryLock,
    bell: &'a Doorbell<W>,
}

impl<'a, W: Wake> Locked<'a, W> {
    /// Locks, if nobody has the lock; `bell` is what others sleep on who want it.
    #[inline(always)]
    pub(super) fn new(lock: &'a TryLock, bell: &'a Doorbell<W>) -> Option<Self> {
        // Lazily: a guard that is made and dropped unlocks what another context has locked.
        lock.try_lock().then(|| Locked { lock, bell })
    }
}

impl<W: Wake> Drop for Locked<'_, W> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.lock.unlock() {
            self.bell.ring();
        }
    }
}

/// A value that the holder of a [`TryLock`] touches, and nobody else.
#[derive(Debug)]
pub(super) struct Guarded<T>(Cell<T>);

// SAFETY: by the contracts below, every access is made under the lock, which one context at a time
// has and which orders the access after those before.
unsafe impl<T: Send> Sync for Guarded<T> {}

// It is set whole, and code of others does not run meanwhile.
impl<T> RefUnwindSafe for Guarded<T> {}

impl<T: Copy> Guarded<T> {
    const_unless_loom! {
        pub(super) fn new(value: T) -> Self {
            Guarded(Cell::new(value))
        }
    }

    /// # Safety
    /// The caller holds the lock that guards this value.
    pub(super) unsafe fn get(&self) -> T {
        // SAFETY: the caller holds the lock, so that nobody else touches the value now.
        self.0.with(|value| unsafe { *value })
    }

    /// # Safety
    /// The caller holds the lock that guards this value.
    pub(super) unsafe fn set(&self, new: T) {
        // SAFETY: the caller holds the lock, so that nobody else touches the value now.
        self.0.with_mut(|value| unsafe { *value = new });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::wait::Spin;

    #[test]
    fn a_context_that_does_not_get_the_lock_leaves_it_locked() {
        let (lock, bell) = (TryLock::new(), Doorbell::<Spin>::new());
        let locked = Locked::new(&lock, &bell).expect("nobody has it");
        assert!(Locked::new(&lock, &bell).is_none());
        assert!(!lock.try_lock(), "it is still locked");
        drop(locked);
        assert!(Locked::new(&lock, &bell).is_some());
    }
}
