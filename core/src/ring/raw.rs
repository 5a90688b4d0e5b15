//! Slot access: where the rings touch memory. Everything unsafe of theirs passes through here.
//!
//! The one invariant all of it rests on, **the ownership rule**: between a cursor's `room` and its `publish`, the
//! slots from `tail` on, `room` of them, belong to the producer; between `ready` and `release`, the slots
//! from `head` on, `ready` of them, belong to the consumer and are initialized. See [`cursor`](super::cursor).

use super::copy::copy;
use super::index;
use crate::finally::Finally;
use crate::sync::SlotsRef;
use core::mem::MaybeUninit;

impl<'a, T> SlotsRef<'a, T> {
    /// [`index::runs`], of which loom is told that they are about to be written, or were written until now.
    #[inline(always)]
    pub(super) fn runs_to_write<const N: usize>(
        self,
        position: u32,
        len: u32,
    ) -> (usize, usize, usize) {
        let (start, first, second) = index::runs::<N>(position, len);
        self.touch_write(start as usize, first as usize);
        self.touch_write(0, second as usize);
        (start as usize, first as usize, second as usize)
    }

    /// [`index::runs`], of which loom is told that they are about to be read, or were read until now.
    #[inline(always)]
    fn runs_to_read<const N: usize>(self, position: u32, len: u32) -> (usize, usize, usize) {
        let (start, first, second) = index::runs::<N>(position, len);
        self.touch_read(start as usize, first as usize);
        self.touch_read(0, second as usize);
        (start as usize, first as usize, second as usize)
    }

    /// Writes one slot.
    ///
    /// # Safety
    /// The slot at `position` belongs to the producer, who is the caller.
    #[inline(always)]
    pub(super) unsafe fn write<const N: usize>(self, position: u32, value: T) {
        let at = index::offset::<N>(position) as usize;
        self.touch_write(at, 1);
        // SAFETY: `at < N`, and by the caller's word nobody else touches the slot.
        unsafe { self.first().wrapping_add(at).write(value) };
    }

    /// Moves the value out of one slot.
    ///
    /// # Safety
    /// The slot at `position` belongs to the consumer, who is the caller, and will not be read again.
    #[inline(always)]
    pub(super) unsafe fn read<const N: usize>(self, position: u32) -> T {
        let at = index::offset::<N>(position) as usize;
        self.touch_read(at, 1);
        // SAFETY: `at < N`, and by the caller's word the slot is initialized and nobody else touches it.
        unsafe { self.first().wrapping_add(at).read() }
    }

    /// Copies `values`, at most `N`, into the slots from `position` on.
    ///
    /// # Safety
    /// These slots belong to the producer, who is the caller.
    #[inline(always)]
    pub(super) unsafe fn copy_in<const N: usize>(self, position: u32, values: &[T])
    where
        T: Copy,
    {
        let (start, first, second) = self.runs_to_write::<N>(position, values.len() as u32);
        if second > 0 {
            // SAFETY: `first + second == values.len()`; else by the caller's word.
            return unsafe { self.copy_in_around::<N>(start, first, values) };
        }
        // The length as the caller knows it: where it is a constant, the copy is a few moves.
        // SAFETY: `start + values.len() <= N`; nobody else touches the slots, by the caller's word, so that `values` does not
        // overlap them.
        unsafe { copy::<T, N>(values.as_ptr(), self.first().wrapping_add(start), values.len()) };
    }

    /// Copies the `first` of `values` into the last slots, which begin at `start`, and the others into those from 0 on.
    ///
    /// # Safety
    /// As `copy_in`.
    #[inline(never)]
    unsafe fn copy_in_around<const N: usize>(self, start: usize, first: usize, values: &[T])
    where
        T: Copy,
    {
        let from = values.as_ptr();
        // SAFETY: `start + first == N` and `first <= values.len() <= N`; else as in `copy_in`.
        unsafe { copy::<T, N>(from, self.first().wrapping_add(start), first) };
        // SAFETY: as above; the second run starts at slot 0.
        unsafe { copy::<T, N>(from.wrapping_add(first), self.first(), values.len() - first) };
    }

    /// Copies the slots from `position` on into `out`, of at most `N`.
    ///
    /// # Safety
    /// These slots belong to the consumer, who is the caller.
    #[inline]
    pub(super) unsafe fn copy_out<const N: usize>(self, position: u32, out: &mut [T])
    where
        T: Copy,
    {
        let (start, first, second) = self.runs_to_read::<N>(position, out.len() as u32);
        let to = out.as_mut_ptr();
        // SAFETY: `start + first <= N` and `first + second == out.len()`; the slots are initialized and nobody
        // writes them, by the caller's word.
        unsafe { copy::<T, N>(self.first().wrapping_add(start), to, first) };
        // SAFETY: as above; the second run starts at slot 0.
        unsafe { copy::<T, N>(self.first(), to.wrapping_add(first), second) };
    }

    /// [`copy_out`](Self::copy_out) of slots between which the ring's end does not lie.
    ///
    /// # Safety
    /// As `copy_out`, and this.
    #[inline(always)]
    pub(super) unsafe fn copy_run_out<const N: usize>(self, position: u32, out: &mut [T])
    where
        T: Copy,
    {
        let start = index::offset::<N>(position) as usize;
        self.touch_read(start, out.len());
        let from = self.first().wrapping_add(start);
        // SAFETY: `start + out.len() <= N`, by the caller's word; else as in `copy_out`.
        unsafe { copy::<T, N>(from, out.as_mut_ptr(), out.len()) };
    }

    /// The slots from `position` on, to be written, as two runs.
    ///
    /// # Safety
    /// They belong to the producer, who is the caller, for as long as the slices live.
    #[inline(always)]
    pub(super) unsafe fn writable<const N: usize>(
        self,
        position: u32,
        len: u32,
    ) -> (&'a mut [MaybeUninit<T>], &'a mut [MaybeUninit<T>]) {
        let (start, first, second) = self.runs_to_write::<N>(position, len);
        let slots = self.first().cast::<MaybeUninit<T>>();
        // SAFETY: `start + first <= N`, and by the caller's word nobody else touches these slots.
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
    pub(super) unsafe fn readable<const N: usize>(
        self,
        position: u32,
        len: u32,
    ) -> (&'a [T], &'a [T]) {
        let (start, first, second) = self.runs_to_read::<N>(position, len);
        // SAFETY: `start + first <= N`, and by the caller's word the slots are initialized and nobody writes them.
        let head = unsafe { core::slice::from_raw_parts(self.first().wrapping_add(start), first) };
        // SAFETY: as above; `second <= N`.
        let tail = unsafe { core::slice::from_raw_parts(self.first(), second) };
        (head, tail)
    }

    /// Drops the values in the slots from `position` on: each once, also when one of them panics.
    ///
    /// # Safety
    /// They belong to the consumer, who is the caller, and will not be read again.
    pub(super) unsafe fn drop_values<const N: usize>(self, position: u32, len: u32) {
        let (start, first, second) = self.runs_to_read::<N>(position, len);
        let head = core::ptr::slice_from_raw_parts_mut(self.first().wrapping_add(start), first);
        let tail = core::ptr::slice_from_raw_parts_mut(self.first(), second);
        // A slice drops the rest of itself when one value panics; the second run is to be dropped then too.
        // SAFETY: `second <= start`; the caller has initialized these values, and owns them. This runs once.
        let _second = Finally(|| unsafe { tail.drop_in_place() });
        // SAFETY: `start + first <= N`; else as above.
        unsafe { head.drop_in_place() };
    }
}
