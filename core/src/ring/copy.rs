//! Copies of any length between a ring and its user.
//!
//! The C library's `memcpy` is the best there is, but for one case: from about 2 KiB on it may leave a copy to the processor's
//! `rep movsb` (glibc's tunable `x86_rep_movsb_threshold`). On AMD's Zen 3 and 4 that takes up to twenty times as long where
//! the two addresses lie alike within their pages, as large buffers and rings do, and a tenth to a fifth longer elsewhere.
//! glibc keeps away from it since 2.39 (its bug 30994). Below that length, and far above it, it copies by vectors.

/// A copy of so many bytes, or more, goes in pieces.
pub(super) const LONG: usize = 2048;

/// One of so many bytes, or more, goes whole again.
pub(super) const VERY_LONG: usize = 1 << 19;

/// A piece: less than what is long, and whole cache lines.
const PIECE: usize = LONG - 64;

/// Where the processor may have such a `rep movsb`, and a C library that may use it.
const IN_PIECES: bool = cfg!(all(target_arch = "x86_64", not(target_os = "none")));

/// Copies `count` values, at most `N`.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
pub(super) unsafe fn copy<T: Copy, const N: usize>(from: *const T, to: *mut T, count: usize) {
    if IN_PIECES && const { N.saturating_mul(size_of::<T>()) >= LONG } {
        // No overflow: so many bytes lie in memory.
        let bytes = count * size_of::<T>();
        if (LONG..VERY_LONG).contains(&bytes) {
            // SAFETY: the same memory, by the caller's word.
            unsafe { copy_in_pieces(from.cast(), to.cast(), bytes) };
            return;
        }
    }
    // SAFETY: by the caller's word.
    unsafe { to.copy_from_nonoverlapping(from, count) };
}

/// Copies `from` to the beginning of `to`, as much as both have; at most `N` bytes.
#[inline(always)]
pub(super) fn copy_bytes<const N: usize>(from: &[u8], to: &mut [u8]) {
    let count = from.len().min(to.len());
    // SAFETY: neither is shorter than `count`, and one of them is exclusively borrowed.
    unsafe { copy::<u8, N>(from.as_ptr(), to.as_mut_ptr(), count) };
}

/// Copies `bytes` a piece at a time.
///
/// # Safety
/// As `copy`.
#[inline(never)]
unsafe fn copy_in_pieces(from: *const u8, to: *mut u8, bytes: usize) {
    let mut done = 0;
    while done < bytes {
        let count = PIECE.min(bytes - done);
        // SAFETY: `done + count <= bytes`, which can be read there and written here by the caller's word.
        unsafe { copy_piece(from.wrapping_add(done), to.wrapping_add(done), count) };
        done += count;
    }
}

/// Copies a piece. Not part of the loop, which the compiler would make one long `memcpy` of again.
///
/// # Safety
/// As `copy`.
#[inline(never)]
unsafe fn copy_piece(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: by the caller's word.
    unsafe { to.copy_from_nonoverlapping(from, count) };
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_copied_and_none_beside() {
        const MOST: usize = VERY_LONG + 1;
        let mut from = [0; MOST + 3];
        from.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at % 251) as u8);
        let mut to = [0; MOST + 2];
        let lengths = [0, 1, PIECE, LONG - 1, LONG, LONG + 1, 2 * PIECE, 2 * PIECE + 1, 65536];
        for length in lengths.into_iter().chain([VERY_LONG - 1, VERY_LONG, MOST]) {
            for at in [0, 3] {
                let to = &mut to[..length + 2];
                to.fill(255);
                copy_bytes::<MOST>(&from[at..at + length], &mut to[1..=length]);
                assert_eq!(to[1..=length], from[at..at + length], "{length} from {at} on");
                assert_eq!((to[0], to[length + 1]), (255, 255), "{length} from {at} on");
            }
        }
    }
}
