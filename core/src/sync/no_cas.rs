//! Atomics for targets that can load and store atomically but not compare and swap. Everything that
//! reads and writes in one step runs in a critical section. Twin of `core`'s own types.
//!
//! On a single core a critical section means "interrupts off". With several cores the program's
//! `critical-section` implementation keeps other cores out of their sections meanwhile. But the
//! other cores run, and load and store. So a plain store can come between the load and the store of
//! a section, and the section's store then undoes it. Two rules prevent that. A failed exchange
//! writes nothing. A word that is written by other read-modify-write is never stored to;
//! [`super::RmwU32`] has no `store`.

use super::{Cell, const_unless_loom, native};
use core::sync::atomic::Ordering;

// On these targets the critical section fulfils the `Ordering` of a read-modify-write. It is a full
// barrier for the compiler and, on a single core, for the processor.
const READ: Ordering = Ordering::Acquire;
const WRITE: Ordering = Ordering::Release;

#[cfg(not(loom))]
#[inline(always)]
fn section<R>(work: impl FnOnce() -> R) -> R {
    critical_section::with(|_| work())
}

/// A critical section as loom models it: one thread at a time.
#[cfg(loom)]
fn section<R>(work: impl FnOnce() -> R) -> R {
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
#[allow(dead_code, reason = "each twin that needs it is written for such targets alone")]
pub(crate) struct Guarded<T>(Cell<T>);

// SAFETY: `with` lends the state to one context at a time, because a critical section keeps all
// others out of theirs. `T: Send` lets the contexts take turns.
unsafe impl<T: Send> Sync for Guarded<T> {}

#[allow(dead_code, reason = "each twin that needs it is written for such targets alone")]
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
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// `AtomicU32` with read-modify-write in a critical section.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct AtomicU32(native::AtomicU32);

impl AtomicU32 {
    const_unless_loom! {
        pub(crate) fn new(value: u32) -> Self {
            AtomicU32(native::AtomicU32::new(value))
        }
    }

    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    #[inline(always)]
    pub(crate) fn store(&self, value: u32, order: Ordering) {
        self.0.store(value, order);
    }

    /// The inner word, for its address.
    #[cfg(not(loom))]
    pub(crate) const fn as_core(&self) -> &core::sync::atomic::AtomicU32 {
        &self.0
    }

    #[inline]
    fn update(&self, f: impl FnOnce(u32) -> u32) -> u32 {
        section(|| {
            let old = self.0.load(READ);
            self.0.store(f(old), WRITE);
            old
        })
    }

    pub(crate) fn swap(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|_| value)
    }

    pub(crate) fn fetch_add(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|old| old.wrapping_add(value))
    }

    pub(crate) fn fetch_sub(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|old| old.wrapping_sub(value))
    }

    pub(crate) fn fetch_or(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|old| old | value)
    }

    pub(crate) fn fetch_and(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|old| old & value)
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        _success: Ordering,
        _failure: Ordering,
    ) -> Result<u32, u32> {
        section(|| {
            let old = self.0.load(READ);
            if old != current {
                // Writes nothing, so that a plain store that came meanwhile stays.
                return Err(old);
            }
            self.0.store(new, WRITE);
            Ok(old)
        })
    }
}

/// `AtomicPtr` with `swap` in a critical section.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct AtomicPtr<T>(native::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    const_unless_loom! {
        pub(crate) fn new(value: *mut T) -> Self {
            AtomicPtr(native::AtomicPtr::new(value))
        }
    }

    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        self.0.load(order)
    }

    pub(crate) fn swap(&self, value: *mut T, _order: Ordering) -> *mut T {
        section(|| {
            let old = self.0.load(READ);
            self.0.store(value, WRITE);
            old
        })
    }
}
