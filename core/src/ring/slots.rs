//! Slot access: where the rings touch memory. Everything unsafe of theirs passes through here.
//!
//! The one invariant all of it rests on, **the ownership rule**: between a cursor's `room` and its
//! `publish`, the slots from `tail` on, `room` of them, belong to the producer; between `ready` and
//! `release`, the slots from `head` on, `ready` of them, belong to the consumer and are
//! initialized. See [`sides`](super::sides).

use super::position;
use crate::finally::Finally;
use crate::storage::Capacity;
use crate::sync::SlotsRef;
use core::mem::MaybeUninit;

/// A copy of so many bytes, or more, goes in pieces.
pub(super) const LONG: usize = 2048;

/// One of so many bytes, or more, goes whole again.
const VERY_LONG: usize = 1 << 19;

/// So many bytes of a longer write or read pass to the other side at once, so that it copies them
/// while we copy the next. Less costs more looks at the other side's line than is gained.
const STRETCH: usize = 1 << 15;

/// In which stretches so many bytes go; what is [`VERY_LONG`] is copied better in such.
pub(super) const fn stretch_of(bytes: usize) -> usize {
    if bytes < VERY_LONG { STRETCH } else { VERY_LONG }
}

/// A piece: less than what is long, and whole cache lines.
const PIECE: usize = LONG - 64;

/// Where the processor may have such a `rep movsb`, and a C library that may use it.
const IN_PIECES: bool = cfg!(all(target_arch = "x86_64", not(target_os = "none")));

impl<'a, T> SlotsRef<'a, T> {
    /// [`position::runs`], of which loom is told that they are about to be written, or were written
    /// until now.
    #[inline(always)]
    pub(super) fn runs_to_write(
        self,
        n: impl Capacity,
        position: u32,
        len: u32,
    ) -> (usize, usize, usize) {
        let (start, first, second) = position::runs(n, position, len);
        self.touch_write(start as usize, first as usize);
        self.touch_write(0, second as usize);
        (start as usize, first as usize, second as usize)
    }

    /// [`position::runs`], of which loom is told that they are about to be read, or were read until
    /// now.
    #[inline(always)]
    fn runs_to_read(self, n: impl Capacity, position: u32, len: u32) -> (usize, usize, usize) {
        let (start, first, second) = position::runs(n, position, len);
        self.touch_read(start as usize, first as usize);
        self.touch_read(0, second as usize);
        (start as usize, first as usize, second as usize)
    }

    /// Writes one slot.
    ///
    /// # Safety
    /// The slot at `position` belongs to the producer, who is the caller.
    #[inline(always)]
    pub(super) unsafe fn write(self, n: impl Capacity, position: u32, value: T) {
        let at = position::offset(n, position) as usize;
        self.touch_write(at, 1);
        // SAFETY: `at < n`, and as the caller states nobody else touches the slot.
        unsafe { self.first().wrapping_add(at).write(value) };
    }

    /// Moves the value out of one slot.
    ///
    /// # Safety
    /// The slot at `position` belongs to the consumer, who is the caller, and will not be read
    /// again.
    #[inline(always)]
    pub(super) unsafe fn read(self, n: impl Capacity, position: u32) -> T {
        let at = position::offset(n, position) as usize;
        self.touch_read(at, 1);
        // SAFETY: `at < n`, and as the caller states the slot is initialized and nobody else
        // touches it.
        unsafe { self.first().wrapping_add(at).read() }
    }

    /// Copies `values`, at most `n`, into the slots from `position` on.
    ///
    /// # Safety
    /// These slots belong to the producer, who is the caller.
    #[inline(always)]
    pub(super) unsafe fn copy_in(self, n: impl Capacity, position: u32, values: &[T])
    where
        T: Copy,
    {
        let (start, first, second) = self.runs_to_write(n, position, values.len() as u32);
        if second > 0 {
            // SAFETY: `first + second == values.len()`; else as the caller states.
            return unsafe { self.copy_in_around(n, start, first, values) };
        }
        // The length as the caller knows it: where it is a constant, the copy is a few moves.
        // SAFETY: `start + values.len() <= n`; nobody else touches the slots, as the caller states,
        // so that `values` does not overlap them.
        unsafe { copy(n, values.as_ptr(), self.first().wrapping_add(start), values.len()) };
    }

    /// Copies the `first` of `values` into the last slots, which begin at `start`, and the others
    /// into those from 0 on.
    ///
    /// # Safety
    /// As `copy_in`.
    #[inline(never)]
    unsafe fn copy_in_around(self, n: impl Capacity, start: usize, first: usize, values: &[T])
    where
        T: Copy,
    {
        let from = values.as_ptr();
        // SAFETY: `start + first == n` and `first <= values.len() <= n`; else as in `copy_in`.
        unsafe { copy(n, from, self.first().wrapping_add(start), first) };
        // SAFETY: as above; the second run starts at slot 0.
        unsafe { copy(n, from.wrapping_add(first), self.first(), values.len() - first) };
    }

    /// Copies the slots from `position` on into `out`, of at most `n`.
    ///
    /// # Safety
    /// These slots belong to the consumer, who is the caller.
    #[inline]
    pub(super) unsafe fn copy_out(self, n: impl Capacity, position: u32, out: &mut [T])
    where
        T: Copy,
    {
        let (start, first, second) = self.runs_to_read(n, position, out.len() as u32);
        let to = out.as_mut_ptr();
        // SAFETY: `start + first <= n` and `first + second == out.len()`; the slots are initialized
        // and nobody writes them, as the caller states.
        unsafe { copy(n, self.first().wrapping_add(start), to, first) };
        // SAFETY: as above; the second run starts at slot 0.
        unsafe { copy(n, self.first(), to.wrapping_add(first), second) };
    }

    /// [`copy_out`](Self::copy_out) of slots between which the ring's end does not lie.
    ///
    /// # Safety
    /// As `copy_out`, and this.
    #[inline(always)]
    pub(super) unsafe fn copy_run_out(self, n: impl Capacity, position: u32, out: &mut [T])
    where
        T: Copy,
    {
        let start = position::offset(n, position) as usize;
        self.touch_read(start, out.len());
        let from = self.first().wrapping_add(start);
        // SAFETY: `start + out.len() <= n`, as the caller states; else as in `copy_out`.
        unsafe { copy(n, from, out.as_mut_ptr(), out.len()) };
    }

    /// Copies `values` into the slots from `start` on, which are there. Fewer than is [`LONG`].
    ///
    /// # Safety
    /// These slots belong to the producer, who is the caller.
    #[inline(always)]
    pub(super) unsafe fn copy_in_at(self, start: u32, values: &[T])
    where
        T: Copy,
    {
        let start = start as usize;
        self.touch_write(start, values.len());
        // SAFETY: the slots are there, and nobody else touches them, as the caller states, so that
        // `values` does not overlap them.
        unsafe {
            self.first().wrapping_add(start).copy_from_nonoverlapping(values.as_ptr(), values.len())
        };
    }

    /// Copies the slots from `start` on, which are there, into `out`. Fewer than is [`LONG`].
    ///
    /// # Safety
    /// These slots belong to the consumer, who is the caller.
    #[inline(always)]
    pub(super) unsafe fn copy_out_at(self, start: u32, out: &mut [T])
    where
        T: Copy,
    {
        let start = start as usize;
        self.touch_read(start, out.len());
        // SAFETY: the slots are there, initialized, and nobody writes them, as the caller states.
        unsafe {
            out.as_mut_ptr().copy_from_nonoverlapping(self.first().wrapping_add(start), out.len())
        };
    }

    /// The slots from `start` on, which are there, to be written.
    ///
    /// # Safety
    /// They belong to the producer, who is the caller, for as long as the slice lives.
    #[inline(always)]
    pub(super) unsafe fn writable_at(self, start: u32, len: u32) -> &'a mut [MaybeUninit<T>] {
        let (start, len) = (start as usize, len as usize);
        self.touch_write(start, len);
        let first = self.first().cast::<MaybeUninit<T>>().wrapping_add(start);
        // SAFETY: the slots are there, and as the caller states nobody else touches them.
        unsafe { core::slice::from_raw_parts_mut(first, len) }
    }

    /// The slots from `start` on, which are there, to be read.
    ///
    /// # Safety
    /// They belong to the consumer, who is the caller, for as long as the slice lives.
    #[inline(always)]
    pub(super) unsafe fn readable_at(self, start: u32, len: u32) -> &'a [T] {
        let (start, len) = (start as usize, len as usize);
        self.touch_read(start, len);
        // SAFETY: the slots are there, and as the caller states they are initialized and nobody
        // writes them.
        unsafe { core::slice::from_raw_parts(self.first().wrapping_add(start), len) }
    }

    /// The slots from `position` on, to be written, as two runs.
    ///
    /// # Safety
    /// They belong to the producer, who is the caller, for as long as the slices live.
    #[inline(always)]
    pub(super) unsafe fn writable(
        self,
        n: impl Capacity,
        position: u32,
        len: u32,
    ) -> (&'a mut [MaybeUninit<T>], &'a mut [MaybeUninit<T>]) {
        let (start, first, second) = self.runs_to_write(n, position, len);
        let slots = self.first().cast::<MaybeUninit<T>>();
        // SAFETY: `start + first <= n`, and as the caller states nobody else touches these slots.
        let head = unsafe { core::slice::from_raw_parts_mut(slots.wrapping_add(start), first) };
        // SAFETY: `second <= start`, so that the runs do not overlap; else as above.
        let tail = unsafe { core::slice::from_raw_parts_mut(slots, second) };
        (head, tail)
    }

    /// The slots from `position` on, to be read, as two runs.
    ///
    /// # Safety
    /// They belong to the consumer, who is the caller, for as long as the slices live.
    #[inline(always)]
    pub(super) unsafe fn readable(
        self,
        n: impl Capacity,
        position: u32,
        len: u32,
    ) -> (&'a [T], &'a [T]) {
        let (start, first, second) = self.runs_to_read(n, position, len);
        // SAFETY: `start + first <= n`, and as the caller states the slots are initialized and
        // nobody writes them.
        let head = unsafe { core::slice::from_raw_parts(self.first().wrapping_add(start), first) };
        // SAFETY: as above; `second <= n`.
        let tail = unsafe { core::slice::from_raw_parts(self.first(), second) };
        (head, tail)
    }

    /// Drops the values in the slots from `position` on: each once, also when one of them panics.
    ///
    /// # Safety
    /// They belong to the consumer, who is the caller, and will not be read again.
    pub(super) unsafe fn drop_values(self, n: impl Capacity, position: u32, len: u32) {
        let (start, first, second) = self.runs_to_read(n, position, len);
        let head = core::ptr::slice_from_raw_parts_mut(self.first().wrapping_add(start), first);
        let tail = core::ptr::slice_from_raw_parts_mut(self.first(), second);
        // A slice drops the rest of itself when one value panics; the second run is to be dropped
        // then too.
        // SAFETY: `second <= start`; the caller has initialized these values, and owns them. This
        // runs once.
        let _second = Finally(|| unsafe { tail.drop_in_place() });
        // SAFETY: `start + first <= n`; else as above.
        unsafe { head.drop_in_place() };
    }
}

/// Copies `count` values, at most `n`, to or from slots. The C library's `memcpy` is the best there
/// is, but for one case: from about 2 KiB on it may leave a copy to the processor's `rep movsb`
/// (glibc's tunable `x86_rep_movsb_threshold`). On AMD's Zen 3 and 4 that takes up to twenty times
/// as long where the two addresses lie alike within their pages, as large buffers and rings do, and
/// a tenth to a fifth longer elsewhere. glibc keeps away from it since 2.39 (its bug 30994). Below
/// that length, and far above it, it copies by vectors.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
pub(super) unsafe fn copy<T: Copy, C: Capacity>(n: C, from: *const T, to: *mut T, count: usize) {
    if IN_PIECES && !(C::IS_FIXED && (n.get() as usize).saturating_mul(size_of::<T>()) < LONG) {
        // No overflow: so many bytes lie in memory.
        let bytes = count * size_of::<T>();
        if (LONG..VERY_LONG).contains(&bytes) {
            // SAFETY: the same memory, as the caller states.
            unsafe { copy_in_pieces(from.cast(), to.cast(), bytes) };
            return;
        }
    }
    // SAFETY: as the caller states.
    unsafe { to.copy_from_nonoverlapping(from, count) };
}

/// Copies `from` to the beginning of `to`, as much as both have; at most `n` bytes.
#[inline(always)]
pub(super) fn copy_bytes(n: impl Capacity, from: &[u8], to: &mut [u8]) {
    let count = from.len().min(to.len());
    // SAFETY: neither is shorter than `count`, and one of them is exclusively borrowed.
    unsafe { copy(n, from.as_ptr(), to.as_mut_ptr(), count) };
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
        // SAFETY: `done + count <= bytes`, which can be read there and written here as the caller
        // states.
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
    // SAFETY: as the caller states.
    unsafe { to.copy_from_nonoverlapping(from, count) };
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::storage::Fixed;

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
                copy_bytes(Fixed::<MOST>, &from[at..at + length], &mut to[1..=length]);
                assert_eq!(to[1..=length], from[at..at + length], "{length} from {at} on");
                assert_eq!((to[0], to[length + 1]), (255, 255), "{length} from {at} on");
            }
        }
    }
}
