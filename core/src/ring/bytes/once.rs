//! The operations of halves that keep no copies of positions (see [`Cached`](crate::sync::Cached)).
//!
//! An operation reads each position once, judges it, and passes it on (see
//! [`Span`](crate::ring::sides::Span)). There are no runs to remember: the contiguous bytes follow
//! from the two positions, with a few instructions.

use super::consumer::Found;
use super::inner::{self, ByteRingRef};
use super::producer::Room;
use super::{Consumer, Producer};
use crate::Error;
use crate::ring::position;
use crate::storage::Capacity;
use crate::sync::{Local, Ordering, SlotsRef};

impl<R: ByteRingRef> Producer<R> {
    /// Copies in as many of `bytes` as there is room for, or all or nothing if `whole`. Returns
    /// their number. `gaps` says whether the ring may have gaps.
    #[inline(always)]
    pub(super) fn write_now(&mut self, bytes: &[u8], whole: bool, gaps: bool) -> usize {
        let tail = self.cursor.0.tail();
        let (n, used) = (self.capacity(), self.cursor.0.used_from(tail) as usize);
        let count = if !whole {
            // An invalid position of the consumer gives no room.
            bytes.len().min(n.saturating_sub(used))
        } else if bytes.len() <= n && used <= n - bytes.len() {
            bytes.len()
        } else {
            0
        };
        if count > 0 {
            // SAFETY: the ownership rule: there is room for `count` bytes, which is at most
            // `bytes.len()`.
            unsafe { copy_in(self.slots(), self.size(), tail, bytes.as_ptr(), count) };
            if gaps {
                self.mark_now(self.at(tail), 0, count as u32);
            }
            self.cursor.0.publish_to(position::advance(self.size(), tail, count as u32));
        }
        count
    }

    /// The room for an exact grant of `len` bytes.
    #[inline(always)]
    pub(super) fn find_grant_now(&mut self, len: usize) -> Result<Room, Error> {
        let tail = self.valid_tail().ok_or(Error::WouldBlock)?;
        let (gap, len) = self.check_grant(tail, len)?;
        // No more than the capacity: a gap is shorter than `len`, which is at most half of it,
        // rounded up.
        if !self.cursor.0.has_room_from(tail, gap + len) {
            return Err(Error::WouldBlock);
        }
        self.mark_now(self.at(tail), gap, len);
        Ok(Room { tail: Local::new(position::advance(self.size(), tail, gap)), gap, len })
    }

    /// The room for a grant of at most `max` bytes without a gap.
    #[inline(always)]
    pub(super) fn find_up_to_now(&mut self, max: u32) -> Result<Room, Error> {
        let tail = self.valid_tail().ok_or(Error::WouldBlock)?;
        let room = self.n().saturating_sub(self.cursor.0.used_from(tail));
        if room == 0 {
            return Err(Error::WouldBlock);
        }
        let len = max.min(self.to_end(tail)).min(room);
        self.mark_now(self.at(tail), 0, len);
        Ok(Room { tail: Local::new(tail), gap: 0, len })
    }

    /// The room for an exact grant, or why it is impossible. `None` when there may be room later.
    pub(super) fn grant_or_end_now(&mut self, len: usize) -> Option<Result<Room, Error>> {
        let is_broken = self.consumer_is_gone();
        match self.find_grant_now(len) {
            Ok(_) | Err(Error::WouldBlock) if is_broken => Some(Err(Error::BrokenPipe)),
            Err(Error::WouldBlock) => {
                self.cursor.0.peer_is_corrupt().then_some(Err(Error::Corrupt))
            }
            answer => Some(answer),
        }
    }

    /// The producer's position, unless somebody corrupted it.
    #[inline(always)]
    fn valid_tail(&self) -> Option<u32> {
        Some(self.cursor.0.tail()).filter(|tail| self.cursor.0.is_position(*tail))
    }

    /// Records where the bytes of this lap end, if `count` bytes after a gap that begins at the
    /// slot `at` go to the next lap.
    ///
    /// The consumer has left the lap before this one, because there is room. So the mark may be
    /// for this lap even if fewer bytes are published, or none: nobody reads it before the producer
    /// is in the next lap, and whichever publication leads there records it again.
    #[inline(always)]
    fn mark_now(&mut self, at: u32, gap: u32, count: u32) {
        if at + gap + count >= self.n() {
            // A gap ends at the end of the memory.
            self.set_mark(self.n() - gap);
        }
    }
}

/// The bytes that are ready, as two contiguous runs.
#[derive(Debug, Clone, Copy)]
struct Runs {
    /// The number of bytes in both runs together.
    ready: u32,
    /// The length of the run at the head, if it is less than `ready`.
    first: u32,
}

impl<R: ByteRingRef> Consumer<R> {
    /// The bytes that are ready from `head` on, which is the consumer's position. `gaps` says
    /// whether the ring may have gaps.
    #[inline(always)]
    fn runs_now(&self, head: u32, gaps: bool) -> Runs {
        let ready = self.cursor.0.ready_from(head);
        // It wraps if the position is invalid, and is not used then.
        let to_end = self.n().wrapping_sub(position::offset(self.size(), head));
        if ready > self.n() {
            // A position is invalid.
            return Runs { ready: 0, first: to_end };
        }
        if !gaps || ready <= to_end {
            return Runs { ready, first: to_end };
        }
        let first = self.before_mark(to_end);
        Runs { ready: ready - to_end + first, first }
    }

    /// The number of ready bytes before the end of the memory, which is `to_end` bytes away. The
    /// producer is in the next lap, so that the mark is for our lap.
    #[inline(always)]
    fn before_mark(&self, to_end: u32) -> u32 {
        // SAFETY: the cursor was made from a pointer to the whole ring. The owner keeps the ring
        // while the half exists.
        let mark = unsafe { inner::mark(self.cursor.0.header_ptr()) }.load(Ordering::Relaxed);
        // Even if the mark is invalid, they are at most those to the end.
        mark.wrapping_sub(self.n() - to_end).min(to_end)
    }

    /// Copies out as many bytes as are ready, at most `out.len()`; or as many or none if `whole`.
    /// Returns their number. `gaps` says whether the ring may have gaps.
    #[inline(always)]
    pub(super) fn read_now(&mut self, out: &mut [u8], whole: bool, gaps: bool) -> usize {
        let head = self.cursor.0.head();
        let Runs { ready, first } = self.runs_now(head, gaps);
        let count = if !whole {
            out.len().min(ready as usize)
        } else if out.len() <= ready as usize {
            out.len()
        } else {
            0
        };
        if count > 0 {
            let (n, first) = (self.size(), count.min(first as usize));
            let at = position::offset(n, head);
            // SAFETY: the ownership rule: `first` bytes are ready from the slot `at` on, and
            // `count - first` from slot 0 on. `count` is at most `out.len()`.
            unsafe { copy_out(self.slots(), n, at as usize, first, out.as_mut_ptr(), count) };
            self.release_now(head, count as u32, (count - first) as u32, gaps);
        }
        count
    }

    /// Gives `count` bytes from `head` on back to the producer, `beyond` of them in the second run.
    /// `gaps` says whether there may be a gap before those.
    #[inline(always)]
    fn release_now(&mut self, head: u32, count: u32, beyond: u32, gaps: bool) {
        let n = self.size();
        let to_end = self.n() - position::offset(n, head);
        let by = if gaps && beyond > 0 { to_end + beyond } else { count };
        self.cursor.0.release_to(position::advance(n, head, by));
    }

    /// The bytes that are ready, in place, as two runs of memory. If a gap is at the head, all of
    /// them are in the first run.
    pub(super) fn as_slices_now(&self) -> (&[u8], &[u8]) {
        let head = self.cursor.0.head();
        let Runs { ready, first } = self.runs_now(head, true);
        if ready == 0 {
            return (&[], &[]);
        }
        let first = ready.min(first);
        let at = position::offset(self.size(), head);
        // SAFETY: the ownership rule: `first` bytes are ready from the slot `at` on. The slices
        // borrow the consumer, so that the bytes are not released while the slices are in use.
        let run = unsafe { self.slots().readable_at(at, first) };
        // SAFETY: the ownership rule: the other ready bytes begin at slot 0. The slices borrow the
        // consumer, so that the bytes are not released while the slices are in use.
        let rest = unsafe { self.slots().readable_at(0, ready - first) };
        if first > 0 { (run, rest) } else { (rest, run) }
    }

    /// Takes the oldest `count` bytes, or all if there are fewer, without copying them.
    pub(super) fn consume_now(&mut self, count: usize) {
        let head = self.cursor.0.head();
        let Runs { ready, first } = self.runs_now(head, true);
        let count = count.min(ready as usize) as u32;
        if count > 0 {
            self.release_now(head, count, count.saturating_sub(first), true);
        }
    }

    /// The number of ready bytes.
    #[inline(always)]
    pub(super) fn len_now(&self) -> usize {
        self.runs_now(self.cursor.0.head(), true).ready as usize
    }

    /// The contiguous bytes at the head, if there are some, and at least `at_least` in both runs
    /// together. It skips a gap at the head.
    #[inline(always)]
    pub(super) fn find_now(&mut self, at_least: usize) -> Option<Found> {
        let head = Some(self.cursor.0.head()).filter(|head| self.cursor.0.is_position(*head))?;
        let ready = self.cursor.0.ready_from(head);
        let found = if ready > self.n() - position::offset(self.size(), head) {
            self.find_around(head, ready, at_least)
        } else {
            let len = if (ready as usize) < at_least { 0 } else { ready };
            Found { head: Local::new(head), len }
        };
        (found.len > 0).then_some(found)
    }

    /// The rest of [`find_now`](Self::find_now), when the producer is in the next lap: `ready` is
    /// more than the bytes up to the end of the memory. The result is empty if too few bytes are
    /// ready.
    fn find_around(&mut self, mut head: u32, ready: u32, at_least: usize) -> Found {
        let mut len = 0;
        // Otherwise the producer's position is invalid.
        if ready <= self.n() {
            let to_end = self.n() - position::offset(self.size(), head);
            let mut all = ready - to_end;
            len = self.before_mark(to_end);
            if len == 0 {
                // The gap goes back to the producer.
                head = position::advance(self.size(), head, to_end);
                self.cursor.0.release_to(head);
                len = all;
            } else {
                all += len;
            }
            // There is at least one byte after the end of the memory.
            if at_least > 1 && (all as usize) < at_least {
                len = 0;
            }
        }
        Found { head: Local::new(head), len }
    }
}

/// Copies `count` bytes into the slots from `position` on, at most `n` of them.
///
/// # Safety
/// `from` points to `count` bytes, which do not overlap the slots. These slots belong to the
/// producer, and the caller is the producer.
#[inline(always)]
unsafe fn copy_in<C: Capacity>(
    slots: SlotsRef<'_, u8>,
    n: C,
    position: u32,
    from: *const u8,
    count: usize,
) {
    let (start, first, second) = slots.runs_to_write(n, position, count as u32);
    // SAFETY: `start + first <= n` and `first <= count`. The caller guarantees that `from` has the
    // bytes and that nobody else touches the slots.
    unsafe { copy(n, from, slots.first().wrapping_add(start), first) };
    if second > 0 {
        // SAFETY: the second run starts at slot 0, and `first + second == count <= n`. The caller
        // guarantees that `from` has the bytes and that nobody else touches the slots.
        unsafe { copy(n, from.wrapping_add(first), slots.first(), second) };
    }
}

/// Copies `count` bytes: the `first` of them from the slots from the index `start` on, and the rest
/// from the slots from 0 on.
///
/// # Safety
/// `first <= count`, and the ring has these slots. They belong to the consumer, and the caller is
/// the consumer. `to` points to memory for `count` bytes, which does not overlap the slots.
#[inline(always)]
unsafe fn copy_out<C: Capacity>(
    slots: SlotsRef<'_, u8>,
    n: C,
    start: usize,
    first: usize,
    to: *mut u8,
    count: usize,
) {
    slots.touch_read(start, first);
    // SAFETY: the caller guarantees that the ring has these slots, that they are initialized, that
    // nobody writes them, and that `to` has room for `count` bytes.
    unsafe { copy(n, slots.first().wrapping_add(start), to, first) };
    if count > first {
        slots.touch_read(0, count - first);
        // SAFETY: the caller guarantees that the ring has these slots, that they are initialized,
        // that nobody writes them, and that `to` has room for `count` bytes.
        unsafe { copy(n, slots.first(), to.wrapping_add(first), count - first) };
    }
}

/// Copies in a ring of no more bytes than this are short.
const SMALL: u32 = 128;

/// Copies `count` bytes, at most `n`, to or from slots.
///
/// A copy of a few bytes takes longer in `memcpy`, which prepares for long ones. So where the
/// constant capacity is small, [`copy_short`] does it, and the image has no `memcpy` because of it.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
unsafe fn copy<C: Capacity>(n: C, from: *const u8, to: *mut u8, count: usize) {
    if C::IS_FIXED && n.get() <= SMALL {
        // SAFETY: the caller guarantees that these bytes can be read there and written here, and
        // that they do not overlap.
        unsafe { copy_short(from, to, count) };
    } else {
        // SAFETY: the caller guarantees that these bytes can be read there and written here, and
        // that they do not overlap.
        unsafe { to.copy_from_nonoverlapping(from, count) };
    }
}

/// Copies `count` bytes, the last ones first: whole words as far as both addresses allow it.
///
/// # Safety
/// As for [`core::ptr::copy_nonoverlapping`].
#[inline(never)]
unsafe fn copy_short(from: *const u8, to: *mut u8, count: usize) {
    const WORD: usize = size_of::<u32>();
    let words_end =
        if (from.addr() | to.addr()).is_multiple_of(WORD) { count & !(WORD - 1) } else { 0 };
    let mut at = count;
    while at > words_end {
        at -= 1;
        // SAFETY: `at` is less than `count`, and the caller guarantees that `count` bytes can be
        // read there.
        let byte = unsafe { from.wrapping_add(at).read() };
        // Volatile, here and below, so that the compiler does not call `memcpy` instead.
        // SAFETY: `at` is less than `count`, and the caller guarantees that `count` bytes can be
        // written here.
        unsafe { to.wrapping_add(at).write_volatile(byte) };
    }
    while at > 0 {
        at -= WORD;
        // SAFETY: `at + WORD` is at most `count`, and the address is a multiple of `WORD`. The
        // caller guarantees that `count` bytes can be read there.
        let word = unsafe { from.wrapping_add(at).cast::<u32>().read() };
        // SAFETY: `at + WORD` is at most `count`, and the address is a multiple of `WORD`. The
        // caller guarantees that `count` bytes can be written here.
        unsafe { to.wrapping_add(at).cast::<u32>().write_volatile(word) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaled::scaled;

    #[test]
    fn a_short_copy_copies_at_every_alignment() {
        let from: [u8; 24] = core::array::from_fn(|at| at as u8 + 1);
        for start in 0..4 {
            for end in 0..4 {
                for count in (0..=16).step_by(16 / scaled(16)) {
                    let mut to = [0; 24];
                    // SAFETY: both arrays have `count` bytes from there on, and lie apart.
                    unsafe {
                        copy_short(from[start..].as_ptr(), to[end..].as_mut_ptr(), count);
                    }
                    assert_eq!(to[end..][..count], from[start..][..count]);
                    assert_eq!(to.iter().filter(|byte| **byte != 0).count(), count);
                }
            }
        }
    }
}
