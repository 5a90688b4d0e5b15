//! State that one critical section guards, for targets that cannot swap the words it would take to
//! share it otherwise.

use super::cell::Cell;
use super::const_unless_loom;
/// A word beside [`Guarded`] state, which is used inside of the same critical sections alone. The
/// type that contains it vouches for that with its `Sync`.
pub(crate) use core::cell::Cell as SectionCell;

/// Runs `work` in one critical section.
#[cfg(not(loom))]
#[inline(always)]
pub(super) fn section<R>(work: impl FnOnce() -> R) -> R {
    critical_section::with(|_| work())
}

/// A critical section as loom models it: one thread at a time.
#[cfg(loom)]
pub(super) fn section<R>(work: impl FnOnce() -> R) -> R {
    loom::lazy_static! {
        static ref SECTION: loom::sync::Mutex<()> = loom::sync::Mutex::new(());
    }
    // Takes a poisoned lock as well: by then the model has failed.
    let _inside = SECTION.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    work()
}

/// State that is used only inside critical sections, with one section for an operation.
///
/// The state needs no atomics. What is zero at first should be all zeroes, so that a `static` lies
/// in `.bss`.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Guarded<T>(Cell<T>);

// SAFETY: `with` lends the state to one context at a time, because a critical section keeps all
// others out of theirs. `T: Send` lets the contexts take turns.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    const_unless_loom! {
        pub(crate) fn new(value: T) -> Self {
            Guarded(Cell::new(value))
        }
    }

    /// Runs `work` in one critical section.
    ///
    /// # Safety
    /// `work` does not use this state again, except by its argument: sections nest. So it runs no
    /// code of the user: no waker, no destructor, no closure.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the critical section keeps out every other context, and the caller guarantees
        // that this one does not come here again before `work` has returned.
        section(|| self.0.with_mut(|state| work(unsafe { &mut *state })))
    }

    /// The state, for a caller that has it exclusively.
    #[cfg(any(test, loom))]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}
