//! Atomics for targets that can load and store atomically but not compare and swap. Everything that
//! reads and writes in one step runs in a critical section. Twin of `core`'s own types.
//!
//! On a single core a critical section means "interrupts off". With several cores the program's
//! `critical-section` implementation keeps other cores out of their sections meanwhile. But the
//! other cores run, and load and store. So a plain store can come between the load and the store of
//! a section, and the section's store then undoes it. Two rules prevent that. A failed exchange
//! writes nothing. A word that is written by other read-modify-write is stored to only by the
//! context that it names as its holder, while every exchange of others fails:
//! [`super::RmwU32::store_as_holder`].

use super::guarded::section;
use super::{const_unless_loom, native};
use core::sync::atomic::Ordering;

// On these targets the critical section fulfils the `Ordering` of a read-modify-write. It is a full
// barrier for the compiler and, on a single core, for the processor.
const READ: Ordering = Ordering::Acquire;
const WRITE: Ordering = Ordering::Release;

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

    /// Writes what `next` makes of the word, unless that is `None`. Returns the old value, as `Err`
    /// if nothing was written. One critical section; `read` and `write` order the access before and
    /// after it for contexts that load and store outside of sections.
    #[inline(always)]
    pub(crate) fn update_if(
        &self,
        read: Ordering,
        write: Ordering,
        next: impl FnOnce(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        section(|| {
            let old = self.0.load(read);
            // Writes nothing without a new value, so that a plain store that came meanwhile stays.
            let Some(new) = next(old) else { return Err(old) };
            self.0.store(new, write);
            Ok(old)
        })
    }

    /// For the words that are written in critical sections alone. The sections order what the
    /// writers of the word wrote before, so that the load needs no ordering of its own.
    #[inline(always)]
    fn update(&self, f: impl FnOnce(u32) -> u32) -> u32 {
        section(|| {
            let old = self.0.load(Ordering::Relaxed);
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
        self.update_if(READ, WRITE, |old| (old == current).then_some(new))
    }
}

/// `AtomicPtr` without `swap`: who would swap a pointer stores it in a critical section.
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

    /// For a critical section: a pointer that is swapped elsewhere is stored nowhere else.
    #[inline(always)]
    pub(crate) fn store(&self, value: *mut T, order: Ordering) {
        self.0.store(value, order);
    }
}
