//! Slot access: where the rings touch memory. All unsafe accesses of the rings go through this
//! module.
//!
//! All of them rest on one invariant, **the ownership rule**. Between a cursor's `room` and its
//! `publish`, `room` slots from `tail` on belong to the producer. Between `ready` and `release`,
//! `ready` slots from `head` on belong to the consumer and are initialized. See
//! [`sides`](super::sides).

use super::position;
use crate::finally::Finally;
use crate::storage::Capacity;
use crate::sync::SlotsRef;
use core::mem::MaybeUninit;

/// A copy of this many bytes or more goes in pieces.
pub(super) const LONG: usize = 2048;

/// A copy of this many bytes or more goes as a whole again.
const VERY_LONG: usize = 1 << 19;

/// The chunk size, in bytes, of a long write or read. The other side gets each chunk at once, and
/// copies it while this side copies the next. A smaller chunk costs more looks at the other side's
/// line than it gains.
const CHUNK: usize = 1 << 15;

/// The chunk size for a transfer of `bytes` bytes. Copies of [`VERY_LONG`] bytes are faster in
/// chunks of that size.
pub(super) const fn chunk_size(bytes: usize) -> usize {
    if bytes < VERY_LONG { CHUNK } else { VERY_LONG }
}

/// The size of a piece: less than `LONG`, and a whole number of cache lines.
const PIECE: usize = LONG - 64;

/// Whether the processor may have the slow `rep movsb` of [`copy`], and the C library may use it.
const IN_PIECES: bool = cfg!(all(target_arch = "x86_64", not(target_os = "none")));

impl<'a, T> SlotsRef<'a, T> {
    /// As [`position::runs`]. It tells loom that these runs are about to be written, or were being
    /// written until now.
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

    /// As [`position::runs`]. It tells loom that these runs are about to be read, or were being
    /// read until now.
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
    /// The slot at `position` belongs to the producer, and the caller is the producer.
    #[inline(always)]
    pub(super) unsafe fn write(self, n: impl Capacity, position: u32, value: T) {
        let at = position::offset(n, position) as usize;
        self.touch_write(at, 1);
        // SAFETY: `at < n`. The caller guarantees that nobody else touches the slot.
        unsafe { self.first().wrapping_add(at).write(value) };
    }

    /// Moves the value out of one slot.
    ///
    /// # Safety
    /// The slot at `position` belongs to the consumer, and the caller is the consumer. Nobody reads
    /// the slot again before it is written again.
    #[inline(always)]
    pub(super) unsafe fn read(self, n: impl Capacity, position: u32) -> T {
        let at = position::offset(n, position) as usize;
        self.touch_read(at, 1);
        // SAFETY: `at < n`. The caller guarantees that the slot is initialized and that nobody else
        // touches it.
        unsafe { self.first().wrapping_add(at).read() }
    }

    /// Copies `values`, at most `n` of them, into the slots from `position` on.
    ///
    /// # Safety
    /// These slots belong to the producer, and the caller is the producer.
    #[inline(always)]
    pub(super) unsafe fn copy_in(self, n: impl Capacity, position: u32, values: &[T])
    where
        T: Copy,
    {
        let (start, first, second) = self.runs_to_write(n, position, values.len() as u32);
        if second > 0 {
            // SAFETY: `start + first == n` and `first + second == values.len()`. The caller
            // guarantees that the slots belong to it.
            return unsafe { self.copy_in_around(n, start, first, values) };
        }
        // This passes the length as the caller knows it: if it is a constant, the copy becomes a
        // few moves.
        // SAFETY: `start + values.len() <= n`. The caller guarantees that nobody else touches the
        // slots, so that `values` does not overlap them.
        unsafe { copy(n, values.as_ptr(), self.first().wrapping_add(start), values.len()) };
    }

    /// Copies the `first` of `values` into the last slots, which begin at `start`, and the rest
    /// into the slots from 0 on.
    ///
    /// # Safety
    /// `start + first == n`, and `first <= values.len() <= n`. These slots belong to the producer,
    /// and the caller is the producer.
    #[inline(never)]
    unsafe fn copy_in_around(self, n: impl Capacity, start: usize, first: usize, values: &[T])
    where
        T: Copy,
    {
        let from = values.as_ptr();
        // SAFETY: `start + first == n` and `first <= values.len()`. The caller guarantees that
        // nobody else touches the slots, so that `values` does not overlap them.
        unsafe { copy(n, from, self.first().wrapping_add(start), first) };
        // SAFETY: the second run starts at slot 0, and `values.len() - first <= n`. The caller
        // guarantees that nobody else touches the slots, so that `values` does not overlap them.
        unsafe { copy(n, from.wrapping_add(first), self.first(), values.len() - first) };
    }

    /// Copies the slots from `position` on into `out`, which has at most `n` values.
    ///
    /// # Safety
    /// These slots belong to the consumer, and the caller is the consumer.
    #[inline]
    pub(super) unsafe fn copy_out(self, n: impl Capacity, position: u32, out: &mut [T])
    where
        T: Copy,
    {
        let (start, first, second) = self.runs_to_read(n, position, out.len() as u32);
        let to = out.as_mut_ptr();
        // SAFETY: `start + first <= n` and `first + second == out.len()`. The caller guarantees
        // that the slots are initialized and that nobody writes them.
        unsafe { copy(n, self.first().wrapping_add(start), to, first) };
        // SAFETY: the second run starts at slot 0, `second <= n` and `first + second == out.len()`.
        // The caller guarantees that the slots are initialized and that nobody writes them.
        unsafe { copy(n, self.first(), to.wrapping_add(first), second) };
    }

    /// As [`copy_out`](Self::copy_out), for slots that do not go past the end of the ring's memory.
    ///
    /// # Safety
    /// These slots belong to the consumer, and the caller is the consumer. `offset(position) +
    /// out.len()` is at most `n`.
    #[inline(always)]
    pub(super) unsafe fn copy_run_out(self, n: impl Capacity, position: u32, out: &mut [T])
    where
        T: Copy,
    {
        let start = position::offset(n, position) as usize;
        self.touch_read(start, out.len());
        let from = self.first().wrapping_add(start);
        // SAFETY: the caller guarantees that `start + out.len() <= n`, that the slots are
        // initialized and that nobody writes them.
        unsafe { copy(n, from, out.as_mut_ptr(), out.len()) };
    }

    /// Copies `values` into the slots from the index `start` on. `values` has fewer than [`LONG`]
    /// bytes.
    ///
    /// # Safety
    /// The ring has these slots. They belong to the producer, and the caller is the producer.
    #[inline(always)]
    pub(super) unsafe fn copy_in_at(self, start: u32, values: &[T])
    where
        T: Copy,
    {
        let start = start as usize;
        self.touch_write(start, values.len());
        // SAFETY: the caller guarantees that the ring has these slots and that nobody else touches
        // them, so that `values` does not overlap them.
        unsafe {
            self.first().wrapping_add(start).copy_from_nonoverlapping(values.as_ptr(), values.len())
        };
    }

    /// Copies the slots from the index `start` on into `out`, which has fewer than [`LONG`] bytes.
    ///
    /// # Safety
    /// The ring has these slots. They belong to the consumer, and the caller is the consumer.
    #[inline(always)]
    pub(super) unsafe fn copy_out_at(self, start: u32, out: &mut [T])
    where
        T: Copy,
    {
        let start = start as usize;
        self.touch_read(start, out.len());
        // SAFETY: the caller guarantees that the ring has these slots, that they are initialized
        // and that nobody writes them.
        unsafe {
            out.as_mut_ptr().copy_from_nonoverlapping(self.first().wrapping_add(start), out.len())
        };
    }

    /// The `len` slots from the index `start` on, to be written.
    ///
    /// # Safety
    /// The ring has these slots. They belong to the producer while the slice lives, and the caller
    /// is the producer.
    #[inline(always)]
    pub(super) unsafe fn writable_at(self, start: u32, len: u32) -> &'a mut [MaybeUninit<T>] {
        let (start, len) = (start as usize, len as usize);
        self.touch_write(start, len);
        let first = self.first().cast::<MaybeUninit<T>>().wrapping_add(start);
        // SAFETY: the caller guarantees that the ring has these slots and that nobody else touches
        // them while the slice lives.
        unsafe { core::slice::from_raw_parts_mut(first, len) }
    }

    /// The `len` slots from the index `start` on, to be read.
    ///
    /// # Safety
    /// The ring has these slots. They are initialized, and nobody writes them while the slice
    /// lives: they belong to the side that calls.
    #[inline(always)]
    pub(super) unsafe fn readable_at(self, start: u32, len: u32) -> &'a [T] {
        let (start, len) = (start as usize, len as usize);
        self.touch_read(start, len);
        // SAFETY: the caller guarantees that the ring has these slots, that they are initialized
        // and that nobody writes them while the slice lives.
        unsafe { core::slice::from_raw_parts(self.first().wrapping_add(start), len) }
    }

    /// The `len` slots from `position` on, to be written, as two runs.
    ///
    /// # Safety
    /// They belong to the producer while the slices live, and the caller is the producer.
    #[inline(always)]
    pub(super) unsafe fn writable(
        self,
        n: impl Capacity,
        position: u32,
        len: u32,
    ) -> (&'a mut [MaybeUninit<T>], &'a mut [MaybeUninit<T>]) {
        let (start, first, second) = self.runs_to_write(n, position, len);
        let slots = self.first().cast::<MaybeUninit<T>>();
        // SAFETY: `start + first <= n`. The caller guarantees that nobody else touches these slots
        // while the slices live.
        let head = unsafe { core::slice::from_raw_parts_mut(slots.wrapping_add(start), first) };
        // SAFETY: `second <= start`, so that the runs do not overlap. The caller guarantees that
        // nobody else touches these slots while the slices live.
        let tail = unsafe { core::slice::from_raw_parts_mut(slots, second) };
        (head, tail)
    }

    /// The `len` slots from `position` on, to be read, as two runs.
    ///
    /// # Safety
    /// They belong to the consumer while the slices live, and the caller is the consumer.
    #[inline(always)]
    pub(super) unsafe fn readable(
        self,
        n: impl Capacity,
        position: u32,
        len: u32,
    ) -> (&'a [T], &'a [T]) {
        let (start, first, second) = self.runs_to_read(n, position, len);
        // SAFETY: `start + first <= n`. The caller guarantees that the slots are initialized and
        // that nobody writes them while the slices live.
        let head = unsafe { core::slice::from_raw_parts(self.first().wrapping_add(start), first) };
        // SAFETY: `second <= n`. The caller guarantees that the slots are initialized and that
        // nobody writes them while the slices live.
        let tail = unsafe { core::slice::from_raw_parts(self.first(), second) };
        (head, tail)
    }

    /// Drops the values in the `len` slots from `position` on. It drops each once, even if one of
    /// them panics.
    ///
    /// # Safety
    /// These slots are initialized and belong to the caller. Nobody reads the values again.
    pub(super) unsafe fn drop_values(self, n: impl Capacity, position: u32, len: u32) {
        let (start, first, second) = self.runs_to_read(n, position, len);
        let head = core::ptr::slice_from_raw_parts_mut(self.first().wrapping_add(start), first);
        let tail = core::ptr::slice_from_raw_parts_mut(self.first(), second);
        // If the drop of one value panics, the slice drops its other values. The guard then drops
        // the second run.
        // SAFETY: `second <= start`. The caller guarantees that these values are initialized and
        // belong to it, and this runs once.
        let _second = Finally(|| unsafe { tail.drop_in_place() });
        // SAFETY: `start + first <= n`. The caller guarantees that these values are initialized and
        // belong to it, and this runs once.
        unsafe { head.drop_in_place() };
    }
}

/// Copies `count` values, at most `n`, to or from slots.
///
/// The C library's `memcpy` is the best choice but for one case. From about 2 KiB on, it may leave
/// a copy to the processor's `rep movsb` (glibc's tunable `x86_rep_movsb_threshold`). On AMD's Zen
/// 3 and 4 that takes up to twenty times as long if both addresses have about the same offset
/// within their pages, as large buffers and rings do. Elsewhere it takes a tenth to a fifth longer.
/// glibc avoids it since 2.39 (its bug 30994). Below that length, and far above it, `memcpy` copies
/// by vectors.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
pub(super) unsafe fn copy<T: Copy, C: Capacity>(n: C, from: *const T, to: *mut T, count: usize) {
    if IN_PIECES && !(C::IS_FIXED && (n.get() as usize).saturating_mul(size_of::<T>()) < LONG) {
        // No overflow: that many bytes lie in memory.
        let bytes = count * size_of::<T>();
        if (LONG..VERY_LONG).contains(&bytes) {
            // SAFETY: the caller guarantees that these bytes can be read there and written here,
            // and that they do not overlap.
            unsafe { copy_in_pieces(from.cast(), to.cast(), bytes) };
            return;
        }
    }
    // SAFETY: the caller guarantees that `from` can be read, `to` can be written, and they do not
    // overlap.
    unsafe { to.copy_from_nonoverlapping(from, count) };
}

/// Copies `from` to the beginning of `to`, as much as both have. That is at most `n` bytes.
#[inline(always)]
pub(super) fn copy_bytes(n: impl Capacity, from: &[u8], to: &mut [u8]) {
    let count = from.len().min(to.len());
    // SAFETY: neither slice is shorter than `count`. `to` is exclusively borrowed, so that they do
    // not overlap.
    unsafe { copy(n, from.as_ptr(), to.as_mut_ptr(), count) };
}

/// Copies `bytes` bytes, one piece at a time.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(never)]
unsafe fn copy_in_pieces(from: *const u8, to: *mut u8, bytes: usize) {
    let mut done = 0;
    while done < bytes {
        let count = PIECE.min(bytes - done);
        // SAFETY: `done + count <= bytes`. The caller guarantees that `bytes` bytes can be read
        // there and written here, and that they do not overlap.
        unsafe { copy_piece(from.wrapping_add(done), to.wrapping_add(done), count) };
        done += count;
    }
}

/// Copies a piece. It is separate from the loop, which the compiler would otherwise turn into one
/// long `memcpy` again.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(never)]
unsafe fn copy_piece(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: the caller guarantees that `from` can be read, `to` can be written, and they do not
    // overlap.
    unsafe { to.copy_from_nonoverlapping(from, count) };
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::scaled::scaled;
    use crate::storage::Fixed;

    #[test]
    fn copy_bytes_writes_its_range_and_nothing_else() {
        const MOST: usize = LONG + 1 + scaled(VERY_LONG - LONG);
        let mut from = [0; MOST + 3];
        from.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at % 251) as u8);
        let mut to = [0; MOST + 2];
        let lengths = [0, 1, PIECE, LONG - 1, LONG, LONG + 1, 2 * PIECE, 2 * PIECE + 1, 65536];
        let longest = [VERY_LONG - 1, VERY_LONG, MOST];
        for length in lengths.into_iter().chain(longest).filter(|length| *length <= MOST) {
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
