//! The algebra of positions: pure, no atomics, no memory.
//!
//! A position runs through `0..2 * N`, twice the capacity. So a full ring differs from an empty
//! one, and no slot is wasted. The offset of a position is its slot: the position modulo `N`.
//! Whether the position lies below `N` is the parity of the lap.
//!
//! Without caches (see [`Cached`]), if `N` is a power of two, positions run through all of `u32`,
//! which saves the wrapping. Every word is a position there, and has a slot.
//!
//! No calculation here can overflow: `N` is at most [`MAX_CAPACITY`](crate::storage::MAX_CAPACITY),
//! and every sum is at most `3 * N`.

use crate::storage::Capacity;
use crate::sync::Cached;

/// Whether positions run through all of `u32`. Twice the capacity then divides 2^32.
#[inline(always)]
pub(super) fn run_freely(n: impl Capacity) -> bool {
    !Cached::ENABLED && n.get().is_power_of_two()
}

/// Whether a mask wraps positions, with the same result: `n` is a power of two, and either the
/// compiler knows it or positions run freely.
#[inline(always)]
fn masks<C: Capacity>(n: C) -> bool {
    (C::IS_FIXED || !Cached::ENABLED) && n.get().is_power_of_two()
}

/// Whether `word` is a position of a ring.
#[inline(always)]
pub(super) fn is_position(n: impl Capacity, word: u32) -> bool {
    run_freely(n) || word < 2 * n.get()
}

/// The slot of a position.
#[inline(always)]
pub(super) fn offset(n: impl Capacity, position: u32) -> u32 {
    let (n, masks) = (n.get(), masks(n));
    if masks { position & (n - 1) } else { wrapped(position, n) }
}

/// `position - lap`, or `position` if it is less than `lap`. `lap` is more than 0. If `position` is
/// less than `lap`, the wrapped difference is the larger number.
#[inline(always)]
fn wrapped(position: u32, lap: u32) -> u32 {
    position.min(position.wrapping_sub(lap))
}

/// The position that is `by` slots further on. `by` is at most `N`.
#[inline(always)]
pub(super) fn advance(n: impl Capacity, position: u32, by: u32) -> u32 {
    if run_freely(n) {
        return position.wrapping_add(by);
    }
    let (n, masks) = (n.get(), masks(n));
    let next = position + by;
    if masks { next & (2 * n - 1) } else { wrapped(next, 2 * n) }
}

/// The position of the next slot.
#[inline(always)]
pub(super) fn next(n: impl Capacity, position: u32) -> u32 {
    if run_freely(n) || masks(n) {
        return advance(n, position, 1);
    }
    let next = position + 1;
    if next == 2 * n.get() { 0 } else { next }
}

/// The number of slots from one position to a later one.
#[inline(always)]
pub(super) fn distance(n: impl Capacity, from: u32, to: u32) -> u32 {
    if run_freely(n) {
        to.wrapping_sub(from)
    } else if masks(n) {
        to.wrapping_sub(from) & (2 * n.get() - 1)
    } else if to >= from {
        to - from
    } else {
        2 * n.get() - (from - to)
    }
}

/// As [`distance`]; `None` where positions are not cached.
#[inline(always)]
pub(super) fn distance_cached(n: impl Capacity, from: Cached, to: Cached) -> Option<u32> {
    Some(distance(n, from.get()?, to.get()?))
}

/// The number of slots between the consumer's position and the producer's. `None` when they cannot
/// be positions of one ring, which happens only if a peer corrupted them.
#[inline(always)]
pub(super) fn used(n: impl Capacity, head: u32, tail: u32) -> Option<u32> {
    if !is_position(n, head) || !is_position(n, tail) {
        return None;
    }
    used_of_valid(n, head, tail)
}

/// As [`used`], for one side. Where its own position is cached, that position is valid, and only
/// `seen`, the other side's position, is checked.
#[inline(always)]
pub(super) fn used_by_side(n: impl Capacity, head: u32, tail: u32, seen: u32) -> Option<u32> {
    if !Cached::ENABLED {
        return used(n, head, tail);
    }
    if is_position(n, seen) { used_of_valid(n, head, tail) } else { None }
}

/// As [`used`], but more than `N` when they cannot be positions of one ring.
#[inline(always)]
pub(super) fn used_or_more(n: impl Capacity, head: u32, tail: u32) -> u32 {
    if run_freely(n) {
        return tail.wrapping_sub(head);
    }
    used(n, head, tail).unwrap_or(u32::MAX)
}

/// Whether `count` slots from the producer's position on are free. `count` is at most `N`.
#[inline(always)]
pub(super) fn has_room(n: impl Capacity, head: u32, tail: u32, count: u32) -> bool {
    if run_freely(n) {
        return tail.wrapping_add(count).wrapping_sub(head) <= n.get();
    }
    used_or_more(n, head, tail) <= n.get() - count
}

/// As [`used`], for two valid positions.
#[inline(always)]
fn used_of_valid(n: impl Capacity, head: u32, tail: u32) -> Option<u32> {
    let distance = distance(n, head, tail);
    if distance <= n.get() { Some(distance) } else { None }
}

/// Whether the producer may write the slot at its position: a short form of [`has_room`].
#[inline(always)]
pub(super) fn has_free(n: impl Capacity, head: u32, tail: u32) -> bool {
    // Where positions run freely, each is the position of a slot, and no other is checked.
    if run_freely(n) { tail.wrapping_sub(head) != n.get() } else { has_room(n, head, tail, 1) }
}

/// Whether the consumer may read the slot at its position.
#[inline(always)]
pub(super) fn has_filled(n: impl Capacity, head: u32, tail: u32) -> bool {
    if run_freely(n) { tail != head } else { used(n, head, tail).is_some_and(|used| used > 0) }
}

/// The `len` slots from `position` on, as at most two contiguous runs.
///
/// The first run begins at the returned offset and has the first returned length. The second run
/// begins at slot 0 and has the second returned length. `len` is at most `N`.
#[inline(always)]
pub(super) fn runs(n: impl Capacity, position: u32, len: u32) -> (u32, u32, u32) {
    let start = offset(n, position);
    let to_end = n.get() - start;
    if len <= to_end { (start, len, 0) } else { (start, to_end, len - to_end) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaled::scaled;
    use crate::storage::{Counted, Fixed, MAX_CAPACITY};

    /// Checks every pair of positions that a ring can reach against plain counting.
    fn agrees_with_counting(capacity: impl Capacity) {
        let n = capacity.get();
        for pushed in (0..6 * n).step_by(6 * n as usize / scaled(6 * n as usize)) {
            let mut tail = 0;
            (0..pushed).for_each(|_| tail = advance(capacity, tail, 1));
            assert_eq!(offset(capacity, tail), pushed % n);
            for behind in 0..=n.min(pushed) {
                let mut head = 0;
                (0..pushed - behind).for_each(|_| head = advance(capacity, head, 1));
                assert_eq!(used(capacity, head, tail), Some(behind));
                assert_eq!(used_or_more(capacity, head, tail), behind);
                for count in 0..=n {
                    assert_eq!(has_room(capacity, head, tail, count), behind + count <= n);
                }
                assert_eq!(has_free(capacity, head, tail), behind < n);
                assert_eq!(has_filled(capacity, head, tail), behind > 0);
                assert_eq!(distance(capacity, head, tail), behind);
                assert_eq!(advance(capacity, head, behind), tail);
                assert_eq!(next(capacity, head), advance(capacity, head, 1));
                let (start, first, second) = runs(capacity, head, behind);
                assert_eq!(first + second, behind);
                assert!(start + first <= n && second <= start);
            }
        }
    }

    #[test]
    fn positions_agree_with_counting_for_every_capacity() {
        agrees_with_counting(Fixed::<1>);
        agrees_with_counting(Counted::new(1));
        agrees_with_counting(Fixed::<2>);
        agrees_with_counting(Counted::new(2));
        agrees_with_counting(Fixed::<3>);
        agrees_with_counting(Counted::new(3));
        agrees_with_counting(Fixed::<4>);
        agrees_with_counting(Counted::new(4));
        agrees_with_counting(Fixed::<7>);
        agrees_with_counting(Counted::new(7));
        agrees_with_counting(Fixed::<16>);
        agrees_with_counting(Counted::new(16));
    }

    #[test]
    fn invalid_positions_are_refused() {
        assert_eq!(used(Fixed::<4>, 8, 0), None);
        assert_eq!(used(Fixed::<4>, 0, 8), None);
        assert_eq!(used(Fixed::<4>, 0, 5), None, "more than the capacity");
        assert!(used_or_more(Fixed::<4>, 0, 5) > 4, "more than the capacity");
        assert!(used_or_more(Fixed::<3>, 6, 0) > 3, "not a position");
        for (head, tail) in [(0, 6), (6, 0), (u32::MAX, 0), (0, u32::MAX), (0, 4)] {
            assert!(!has_free(Fixed::<3>, head, tail) && !has_filled(Fixed::<3>, head, tail));
            assert!(!has_room(Fixed::<3>, head, tail, 1), "{head} {tail}");
        }
        assert_eq!(used(Fixed::<4>, u32::MAX, u32::MAX).is_none(), Cached::ENABLED);
        assert_eq!(used(Fixed::<MAX_CAPACITY>, 0, MAX_CAPACITY as u32), Some(MAX_CAPACITY as u32));
    }
}
