//! A lock without waiting, for the state that contexts on one side of a channel share.

use crate::sync::{Cell, Ordering, RmwU32, const_unless_loom};
use crate::wait::{Doorbell, Wake};
use core::panic::RefUnwindSafe;

/// A lock that one context at a time holds, for bounded work during which it never sleeps.
///
/// Locking never waits: an interrupt that finds the lock held by the context it interrupted can
/// report that and return. A context that wants to wait sleeps on a doorbell of the channel. The
/// holder rings that doorbell if [`unlock`](Self::unlock) says that another context wanted the
/// lock.
///
/// The work may call a waker, and that code may panic. So a guard unlocks ([`Locked`]).
#[derive(Debug)]
pub(super) struct TryLock {
    word: RmwU32,
}

/// A context holds the lock.
const LOCKED: u32 = 1;
/// Another context asked for the lock meanwhile.
const WANTED: u32 = 2;

impl TryLock {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            TryLock { word: RmwU32::new(0) }
        }
    }

    /// Locks and returns true; or records that the lock is wanted and returns false.
    #[cfg(not(any(no_cas, not(any(loom, target_has_atomic = "32")))))]
    pub(super) fn try_lock(&self) -> bool {
        // Acquire, here and below: partner is the release in `unlock`. The new holder sees what
        // earlier holders did under the lock.
        if self.word.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0 {
            return true;
        }
        // If the holder unlocked in between, the lock is ours now, and `WANTED` costs one needless
        // ring.
        // Release: partner is the acquire in `unlock`. The holder that learns that the lock is
        // wanted sees what this context did before it asked.
        self.word.fetch_or(LOCKED | WANTED, Ordering::AcqRel) & LOCKED == 0
    }

    /// Locks and returns true; or records that the lock is wanted and returns false.
    #[cfg(any(no_cas, not(any(loom, target_has_atomic = "32"))))]
    #[inline(never)]
    pub(super) fn try_lock(&self) -> bool {
        let next = |word| Some(if word & LOCKED == 0 { LOCKED } else { LOCKED | WANTED });
        // The partner of both is the section in `unlock`. Acquire: the new holder sees what earlier
        // holders did under the lock. Release: the holder that learns that the lock is wanted sees
        // what this context did before it asked.
        self.word.update_if(Ordering::AcqRel, next).is_ok_and(|word| word & LOCKED == 0)
    }

    /// Unlocks; returns whether another context asked for the lock and may be asleep by now.
    pub(super) fn unlock(&self) -> bool {
        // Release and acquire: partners are the acquire and the release in `try_lock`.
        self.word.swap(0, Ordering::AcqRel) & WANTED != 0
    }
}

/// A guard of a held lock. Dropping it unlocks and wakes the contexts that wait for the lock.
#[derive(Debug)]
pub(super) struct Locked<'a, W: Wake> {
    lock: &'a TryLock,
    bell: &'a Doorbell<W>,
}

impl<'a, W: Wake> Locked<'a, W> {
    /// Locks if the lock is free. Contexts that want it sleep on `bell`.
    #[inline(always)]
    pub(super) fn new(lock: &'a TryLock, bell: &'a Doorbell<W>) -> Option<Self> {
        // The guard is made only after the lock is ours: dropping any guard unlocks, and would
        // release the lock of another context.
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

/// A value that only the holder of a [`TryLock`] touches.
#[derive(Debug)]
pub(super) struct Guarded<T>(Cell<T>);

// SAFETY: callers of `get` and `set` hold the lock that guards the value. One context at a time
// holds it, and locking orders each access after those of earlier holders.
unsafe impl<T: Send> Sync for Guarded<T> {}

// Each access copies the whole value and runs no other code, so that no panic finds it half set.
impl<T> RefUnwindSafe for Guarded<T> {}

impl<T: Copy> Guarded<T> {
    const_unless_loom! {
        pub(super) fn new(value: T) -> Self {
            Guarded(Cell::new(value))
        }
    }

    /// # Safety
    /// The caller holds the lock that guards this value, for the whole call.
    pub(super) unsafe fn get(&self) -> T {
        // SAFETY: the caller holds the lock, so that nobody else touches the value now.
        self.0.with(|value| unsafe { *value })
    }

    /// # Safety
    /// The caller holds the lock that guards this value, for the whole call.
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
    fn failed_try_lock_leaves_the_lock_held() {
        let (lock, bell) = (TryLock::new(), Doorbell::<Spin>::new());
        let locked = Locked::new(&lock, &bell).expect("nobody has it");
        assert!(Locked::new(&lock, &bell).is_none());
        assert!(!lock.try_lock(), "it is still locked");
        drop(locked);
        assert!(Locked::new(&lock, &bell).is_some());
    }

    #[test]
    fn unlock_tells_whether_the_lock_was_wanted() {
        let lock = TryLock::new();
        for wanted in [false, true, false] {
            assert!(lock.try_lock());
            assert!(!wanted || !lock.try_lock());
            assert_eq!(lock.unlock(), wanted);
        }
    }
}
