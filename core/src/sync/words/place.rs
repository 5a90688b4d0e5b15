//! Where a value lies as words: the real memory. Twin of `place_loom.rs`.

use crate::plain::Plain;
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
#[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
use core::sync::atomic::AtomicU64;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// The value's bytes, which are accessed atomically and in no other way once they are shared.
#[repr(transparent)]
pub(super) struct Place<T>(UnsafeCell<T>);

/// What the accesses take at a time. Of the value's last bytes that are no whole word, each is one
/// access.
const WORD: usize = size_of::<AtomicU32>();

impl<T: Plain> Place<T> {
    pub(super) const fn new(value: T) -> Self {
        Place(UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(super) fn copy_in(&self, value: &T) {
        let from = core::ptr::from_ref(value).cast();
        // SAFETY: both are a `T`, whose bytes are all initialized, as it is `Plain`; the place is
        // aligned to words by `Words`.
        unsafe { copy_in(from, self.0.get().cast(), Layout::new::<T>()) };
    }

    /// Writes every byte of `out`.
    #[inline(always)]
    pub(super) fn copy_out(&self, out: &mut MaybeUninit<T>) {
        // SAFETY: as in `copy_in`.
        unsafe { copy_out(self.0.get().cast(), out.as_mut_ptr().cast(), Layout::new::<T>()) };
    }
}

/// Whether larger words can be used: of 8 bytes, where such an access is one instruction, and the
/// type lies on their boundaries.
#[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
#[inline(always)]
const fn is_wide(value: Layout) -> bool {
    value.align().is_multiple_of(size_of::<u64>())
}

/// Copies a value in, of this layout.
///
/// # Safety
/// `from` can be read, and is initialized. `to` lies in memory that is accessed atomically alone,
/// on the boundary of a word and of the layout.
#[inline(always)]
pub(crate) unsafe fn copy_in(from: *const u8, to: *mut u8, value: Layout) {
    #[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
    if is_wide(value) {
        for at in (0..value.size()).step_by(8) {
            // SAFETY: the eight bytes lie in the value, whose size is a multiple of eight because
            // its alignment is.
            let word = unsafe { from.wrapping_add(at).cast::<u64>().read_unaligned() };
            // SAFETY: they lie in the place, aligned.
            let to = unsafe { AtomicU64::from_ptr(to.wrapping_add(at).cast()) };
            to.store(word, Ordering::Relaxed);
        }
        return;
    }
    let whole = value.size() / WORD * WORD;
    for at in (0..whole).step_by(WORD) {
        // SAFETY: the four bytes lie in the value.
        let word = unsafe { from.wrapping_add(at).cast::<u32>().read_unaligned() };
        // SAFETY: they lie in the place, which is aligned to a word.
        let to = unsafe { AtomicU32::from_ptr(to.wrapping_add(at).cast()) };
        to.store(word, Ordering::Relaxed);
    }
    for at in whole..value.size() {
        // SAFETY: as above, of one byte.
        let byte = unsafe { from.wrapping_add(at).read() };
        // SAFETY: as above.
        let to = unsafe { AtomicU8::from_ptr(to.wrapping_add(at)) };
        to.store(byte, Ordering::Relaxed);
    }
}

/// Copies a value out, of this layout: writes so many bytes at `to`.
///
/// # Safety
/// As [`copy_in`], with the two in each other's place; what is at `to` need not be initialized.
#[inline(always)]
pub(crate) unsafe fn copy_out(from: *mut u8, to: *mut u8, value: Layout) {
    #[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
    if is_wide(value) {
        for at in (0..value.size()).step_by(8) {
            // SAFETY: as in `copy_in`.
            let from = unsafe { AtomicU64::from_ptr(from.wrapping_add(at).cast()) };
            let word = from.load(Ordering::Relaxed);
            // SAFETY: the eight bytes lie in the value.
            unsafe { to.wrapping_add(at).cast::<u64>().write_unaligned(word) };
        }
        return;
    }
    let whole = value.size() / WORD * WORD;
    for at in (0..whole).step_by(WORD) {
        // SAFETY: as in `copy_in`.
        let from = unsafe { AtomicU32::from_ptr(from.wrapping_add(at).cast()) };
        let word = from.load(Ordering::Relaxed);
        // SAFETY: the four bytes lie in the value.
        unsafe { to.wrapping_add(at).cast::<u32>().write_unaligned(word) };
    }
    for at in whole..value.size() {
        // SAFETY: as in `copy_in`.
        let from = unsafe { AtomicU8::from_ptr(from.wrapping_add(at)) };
        let byte = from.load(Ordering::Relaxed);
        // SAFETY: the byte lies in the value.
        unsafe { to.wrapping_add(at).write(byte) };
    }
}
