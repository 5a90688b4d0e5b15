//! The memory of a value that is copied word by word: real memory. Twin of `place_loom.rs`.

use crate::plain::Plain;
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
#[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
use core::sync::atomic::AtomicU64;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// The value's bytes. Once they are shared, every access to them is atomic.
#[repr(transparent)]
pub(super) struct Place<T>(UnsafeCell<T>);

/// The bytes of one access. Each of the last bytes that fill no whole word is an access of its own.
const WORD: usize = size_of::<AtomicU32>();

impl<T: Plain> Place<T> {
    pub(super) const fn new(value: T) -> Self {
        Place(UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(super) fn copy_in(&self, value: &T) {
        let from = core::ptr::from_ref(value).cast();
        // SAFETY: `from` points to a `T`, whose bytes are all initialized because it is `Plain`.
        // The place is a `T` too, which is accessed only atomically, and `Words` aligns it to a
        // word.
        unsafe { copy_in(from, self.0.get().cast(), Layout::new::<T>()) };
    }

    /// Writes every byte of `out`.
    #[inline(always)]
    pub(super) fn copy_out(&self, out: &mut MaybeUninit<T>) {
        // SAFETY: `out` can be written, and is a place for a `T`. The place in `self` is a `T`,
        // which is accessed only atomically, and `Words` aligns it to a word. Its bytes are all
        // initialized because it is `Plain`.
        unsafe { copy_out(self.0.get().cast(), out.as_mut_ptr().cast(), Layout::new::<T>()) };
    }
}

/// Whether the copy can use words of 8 bytes: such an access is one instruction here, and the type
/// is aligned to 8 bytes.
#[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
#[inline(always)]
const fn is_wide(value: Layout) -> bool {
    value.align().is_multiple_of(size_of::<u64>())
}

/// Copies in a value of this layout.
///
/// # Safety
/// `from` can be read for `value.size()` bytes, all initialized. `to` can be written for as many
/// bytes, which are accessed only atomically. `to` is aligned to a word, and to the layout.
#[inline(always)]
pub(crate) unsafe fn copy_in(from: *const u8, to: *mut u8, value: Layout) {
    #[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
    if is_wide(value) {
        for at in (0..value.size()).step_by(8) {
            // SAFETY: the caller guarantees the bytes of the value at `from`. These eight lie in
            // it, because its size is a multiple of eight as its alignment is.
            let word = unsafe { from.wrapping_add(at).cast::<u64>().read_unaligned() };
            // SAFETY: these eight bytes lie in the value at `to`, which is aligned to eight bytes.
            // The caller guarantees that they are accessed only atomically.
            let to = unsafe { AtomicU64::from_ptr(to.wrapping_add(at).cast()) };
            to.store(word, Ordering::Relaxed);
        }
        return;
    }
    let whole = value.size() / WORD * WORD;
    for at in (0..whole).step_by(WORD) {
        // SAFETY: the caller guarantees the bytes of the value at `from`, and these four lie in it.
        let word = unsafe { from.wrapping_add(at).cast::<u32>().read_unaligned() };
        // SAFETY: these four bytes lie in the value at `to`, which is aligned to a word. The caller
        // guarantees that they are accessed only atomically.
        let to = unsafe { AtomicU32::from_ptr(to.wrapping_add(at).cast()) };
        to.store(word, Ordering::Relaxed);
    }
    for at in whole..value.size() {
        // SAFETY: the caller guarantees the bytes of the value at `from`, and this one lies in it.
        let byte = unsafe { from.wrapping_add(at).read() };
        // SAFETY: this byte lies in the value at `to`. The caller guarantees that it is accessed
        // only atomically.
        let to = unsafe { AtomicU8::from_ptr(to.wrapping_add(at)) };
        to.store(byte, Ordering::Relaxed);
    }
}

/// Copies out a value of this layout: writes `value.size()` bytes at `to`.
///
/// # Safety
/// `from` can be read for `value.size()` bytes, all initialized, which are accessed only
/// atomically. `from` is aligned to a word, and to the layout. `to` can be written for as many
/// bytes.
#[inline(always)]
pub(crate) unsafe fn copy_out(from: *mut u8, to: *mut u8, value: Layout) {
    #[cfg(all(target_has_atomic = "64", target_pointer_width = "64"))]
    if is_wide(value) {
        for at in (0..value.size()).step_by(8) {
            // SAFETY: these eight bytes lie in the value at `from`, which is aligned to eight
            // bytes. The caller guarantees that they are accessed only atomically.
            let from = unsafe { AtomicU64::from_ptr(from.wrapping_add(at).cast()) };
            let word = from.load(Ordering::Relaxed);
            // SAFETY: the caller guarantees room for the value at `to`, and these eight bytes lie
            // in it.
            unsafe { to.wrapping_add(at).cast::<u64>().write_unaligned(word) };
        }
        return;
    }
    let whole = value.size() / WORD * WORD;
    for at in (0..whole).step_by(WORD) {
        // SAFETY: these four bytes lie in the value at `from`, which is aligned to a word. The
        // caller guarantees that they are accessed only atomically.
        let from = unsafe { AtomicU32::from_ptr(from.wrapping_add(at).cast()) };
        let word = from.load(Ordering::Relaxed);
        // SAFETY: the caller guarantees room for the value at `to`, and these four bytes lie in it.
        unsafe { to.wrapping_add(at).cast::<u32>().write_unaligned(word) };
    }
    for at in whole..value.size() {
        // SAFETY: this byte lies in the value at `from`. The caller guarantees that it is accessed
        // only atomically.
        let from = unsafe { AtomicU8::from_ptr(from.wrapping_add(at)) };
        let byte = from.load(Ordering::Relaxed);
        // SAFETY: the caller guarantees room for the value at `to`, and this byte lies in it.
        unsafe { to.wrapping_add(at).write(byte) };
    }
}
