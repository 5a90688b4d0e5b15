//! Atomics for targets that can load and store atomically but not compare and swap: loads and stores are
//! `core`'s, everything that reads and writes in one step runs in a critical section. Twin of `core`'s own types.
//!
//! A critical section here is "interrupts off" (single core) or whatever the program's `critical-section`
//! implementation says. A plain store by another context cannot come between the load and the store of a
//! read-modify-write, because no other context runs in the section.

use core::sync::atomic::Ordering;

// On these targets `Ordering` for a read-modify-write is fulfilled by the critical section, which is a
// full barrier for the compiler and, on a single core, for the processor.
const READ: Ordering = Ordering::Acquire;
const WRITE: Ordering = Ordering::Release;

/// `AtomicU32` with read-modify-write in a critical section.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct AtomicU32(core::sync::atomic::AtomicU32);

impl AtomicU32 {
    /// A new word.
    pub const fn new(value: u32) -> Self {
        AtomicU32(core::sync::atomic::AtomicU32::new(value))
    }

    /// Reads the word.
    #[inline(always)]
    pub fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    /// Writes the word.
    #[inline(always)]
    pub fn store(&self, value: u32, order: Ordering) {
        self.0.store(value, order);
    }

    /// The word itself, for its address.
    pub const fn as_core(&self) -> &core::sync::atomic::AtomicU32 {
        &self.0
    }

    #[inline]
    fn update(&self, f: impl FnOnce(u32) -> u32) -> u32 {
        critical_section::with(|_| {
            let old = self.0.load(READ);
            self.0.store(f(old), WRITE);
            old
        })
    }

    /// Writes `value` and returns what was there.
    pub fn swap(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|_| value)
    }

    /// Adds, wrapping, and returns what was there.
    pub fn fetch_add(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|old| old.wrapping_add(value))
    }

    /// Subtracts, wrapping, and returns what was there.
    pub fn fetch_sub(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|old| old.wrapping_sub(value))
    }

    /// Sets bits and returns what was there.
    pub fn fetch_or(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|old| old | value)
    }

    /// Keeps bits and returns what was there.
    pub fn fetch_and(&self, value: u32, _order: Ordering) -> u32 {
        self.update(|old| old & value)
    }

    /// Writes `new` if the word is `current`; the answer is what was there.
    ///
    /// # Errors
    /// The word, when it was not `current`; nothing is written then.
    pub fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        _success: Ordering,
        _failure: Ordering,
    ) -> Result<u32, u32> {
        let old = self.update(|old| if old == current { new } else { old });
        if old == current { Ok(old) } else { Err(old) }
    }
}

/// `AtomicPtr` with `swap` in a critical section.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct AtomicPtr<T>(core::sync::atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    pub(crate) const fn new(value: *mut T) -> Self {
        AtomicPtr(core::sync::atomic::AtomicPtr::new(value))
    }

    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        self.0.load(order)
    }

    pub(crate) fn swap(&self, value: *mut T, _order: Ordering) -> *mut T {
        critical_section::with(|_| {
            let old = self.0.load(READ);
            self.0.store(value, WRITE);
            old
        })
    }
}
