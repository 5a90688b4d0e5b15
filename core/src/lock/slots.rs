//! The slots that a lock ends with.

use crate::storage::{Storage, sealed};
use crate::sync::AtomicU32;

/// The slots that a lock ends with, in which participants are on record: `[AtomicU32; N]`, or
/// `[AtomicU32]` in its view. See [`storage`](crate::storage).
pub trait Slots: Storage + sealed::Storage<Element = AtomicU32> {}

impl<S: Storage + sealed::Storage<Element = AtomicU32> + ?Sized> Slots for S {}

/// Makes the slots of a lock that comes to be, all of them free.
///
/// # Safety
/// They are the caller's to write.
#[cfg(not(loom))]
pub(super) unsafe fn write_slots(slots: *mut [AtomicU32]) {
    for index in 0..slots.len() {
        // SAFETY: within the slots.
        let slot = unsafe { slots.cast::<AtomicU32>().add(index) };
        // SAFETY: it is the caller's to write.
        unsafe { slot.write(AtomicU32::new(0)) };
    }
}
