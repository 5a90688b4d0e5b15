//! The array of slots at the end of a lock.

use crate::storage::{Storage, sealed};
use crate::sync::AtomicU32;

/// The array of slots at the end of a lock, each of which records one participant.
///
/// It is `[AtomicU32; N]`, or `[AtomicU32]` in the lock's view. See [`storage`](crate::storage).
pub trait Slots: Storage + sealed::Storage<Element = AtomicU32> {}

impl<S: Storage + sealed::Storage<Element = AtomicU32> + ?Sized> Slots for S {}

/// Initializes the slots of a new lock, all free.
///
/// # Safety
/// `slots` points to memory for these slots, aligned, which the caller may write and nobody else
/// uses.
#[cfg(not(loom))]
pub(super) unsafe fn write_slots(slots: *mut [AtomicU32]) {
    for index in 0..slots.len() {
        // SAFETY: `index` is less than the length, so that the slot lies in the memory that the
        // caller guarantees.
        let slot = unsafe { slots.cast::<AtomicU32>().add(index) };
        // SAFETY: the slot is aligned and in memory that the caller may write and nobody else uses.
        unsafe { slot.write(AtomicU32::new(0)) };
    }
}
