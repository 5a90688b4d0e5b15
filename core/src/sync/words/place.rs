//! Where a value lies as words: the real memory. Twin of `place_loom.rs`.

use crate::plain::Plain;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;
use core::sync::atomic::{AtomicU8, AtomicU32};

/// The value's bytes, which are accessed atomically and in no other way once they are shared.
#[repr(transparent)]
pub(super) struct Place<T>(UnsafeCell<T>);

/// What the accesses take at a time. Of the value's last bytes that are no whole word, each is one access.
const WORD: usize = size_of::<AtomicU32>();

impl<T: Plain> Place<T> {
    pub(super) const fn new(value: T) -> Self {
        Place(UnsafeCell::new(value))
    }

    /// How many bytes the value has in whole words.
    const WHOLE: usize = size_of::<T>() / WORD * WORD;

    /// Whether larger words can be used: of 8 bytes, where such an access is one instruction, and the type lies on their
    /// boundaries.
    #[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
    const IS_WIDE: bool = align_of::<T>().is_multiple_of(size_of::<u64>());

    #[inline(always)]
    fn byte(&self, at: usize) -> *mut u8 {
        self.0.get().cast::<u8>().wrapping_add(at)
    }

    #[inline(always)]
    pub(super) fn copy_in(&self, value: &T) {
        let from = |at| core::ptr::from_ref(value).cast::<u8>().wrapping_add(at);
        #[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
        if Self::IS_WIDE {
            for at in (0..size_of::<T>()).step_by(8) {
                // SAFETY: the eight bytes lie in `value`, whose size is a multiple of eight because its alignment is.
                let word = unsafe { from(at).cast::<u64>().read() };
                // SAFETY: they lie in the place, aligned.
                let to = unsafe { core::sync::atomic::AtomicU64::from_ptr(self.byte(at).cast()) };
                to.store(word, Ordering::Relaxed);
            }
            return;
        }
        for at in (0..Self::WHOLE).step_by(WORD) {
            // SAFETY: the four bytes lie in `value`, and `Plain`: none of them is padding.
            let word = unsafe { from(at).cast::<u32>().read_unaligned() };
            // SAFETY: they lie in the place, which is aligned to a word.
            let to = unsafe { AtomicU32::from_ptr(self.byte(at).cast()) };
            to.store(word, Ordering::Relaxed);
        }
        for at in Self::WHOLE..size_of::<T>() {
            // SAFETY: as above, of one byte.
            let byte = unsafe { from(at).read() };
            // SAFETY: as above.
            let to = unsafe { AtomicU8::from_ptr(self.byte(at)) };
            to.store(byte, Ordering::Relaxed);
        }
    }

    /// Writes every byte of `out`.
    #[inline(always)]
    pub(super) fn copy_out(&self, out: &mut MaybeUninit<T>) {
        let out = out.as_mut_ptr().cast::<u8>();
        #[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
        if Self::IS_WIDE {
            for at in (0..size_of::<T>()).step_by(8) {
                // SAFETY: as in `copy_in`.
                let from = unsafe { core::sync::atomic::AtomicU64::from_ptr(self.byte(at).cast()) };
                let word = from.load(Ordering::Relaxed);
                // SAFETY: the eight bytes lie in `out`, aligned.
                unsafe { out.wrapping_add(at).cast::<u64>().write(word) };
            }
            return;
        }
        for at in (0..Self::WHOLE).step_by(WORD) {
            // SAFETY: as in `copy_in`.
            let from = unsafe { AtomicU32::from_ptr(self.byte(at).cast()) };
            let word = from.load(Ordering::Relaxed);
            // SAFETY: the four bytes lie in `out`.
            unsafe { out.wrapping_add(at).cast::<u32>().write_unaligned(word) };
        }
        for at in Self::WHOLE..size_of::<T>() {
            // SAFETY: as in `copy_in`.
            let from = unsafe { AtomicU8::from_ptr(self.byte(at)) };
            let byte = from.load(Ordering::Relaxed);
            // SAFETY: the byte lies in `out`.
            unsafe { out.wrapping_add(at).write(byte) };
        }
    }
}
