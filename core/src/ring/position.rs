//! The algebra of positions: pure, no atomics, no memory.
//!
//! A position runs through `0..2 * N`, twice the capacity, so that a full ring and an empty one
//! differ and no slot is wasted. Its offset, the slot it stands at, is the position modulo `N`.
//! Whether the position lies below `N` or not is the lap's parity.
//!
//! Where there are no caches (see [`Cached`]), nobody but the two sides reads a position, and it
//! need not be one that can be told from an invalid one: there, a power of two lets positions run
//! through all of `u32`, which spares the wrapping.
//!
//! Nothing here can overflow: `N` is at most [`MAX_CAPACITY`](crate::storage::MAX_CAPACITY), and
//! every sum is of at most `3 * N`.

use crate::storage::Capacity;
use crate::sync::Cached;

/// Whether positions run through all of `u32`, of which twice the capacity is a divisor.
#[inline(always)]
fn run_freely(n: impl Capacity) -> bool {
    !Cached::ENABLED && n.get().is_power_of_two()
}

/// Whether positions are wrapped by a mask, which comes to the same: where the compiler knows that
/// `n` is a power of two, or where positions of such an `n` run freely.
#[inline(always)]
fn masks<C: Capacity>(n: C) -> bool {
    (C::IS_FIXED || !Cached::ENABLED) && n.get().is_power_of_two()
}

/// Whether a word is a position of a ring.
#[inline(always)]
pub(super) fn is_position(n: impl Capacity, word: u32) -> bool {
    run_freely(n) || word < 2 * n.get()
}

/// The slot that a position stands at.
#[inline(always)]
pub(super) fn offset(n: impl Capacity, position: u32) -> u32 {
    let (n, masks) = (n.get(), masks(n));
    if masks { position & (n - 1) } else { wrapped(position, n) }
}

/// `position`, less `lap` if it is as much; `lap` is more than 0. Less than that, the difference is
/// the larger number.
#[inline(always)]
fn wrapped(position: u32, lap: u32) -> u32 {
    position.min(position.wrapping_sub(lap))
}

/// The position `by` slots further on; `by` is at most `N`.
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

/// How many slots lie from one position to another that follows it.
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

/// [`distance`] where both positions are kept.
#[inline(always)]
pub(super) fn distance_cached(n: impl Capacity, from: Cached, to: Cached) -> Option<u32> {
    Some(distance(n, from.get()?, to.get()?))
}

/// How many slots lie between the consumer's position and the producer's. `None` when these cannot
/// be positions of one ring, which only a peer that corrupts them can bring about.
#[inline(always)]
pub(super) fn used(n: impl Capacity, head: u32, tail: u32) -> Option<u32> {
    if !is_position(n, head) || !is_position(n, tail) {
        return None;
    }
    used_if_any(n, head, tail)
}

/// [`used`] as one side asks, of whose own position there is no doubt where it is kept; the other's
/// is `seen`.
#[inline(always)]
pub(super) fn used_as_seen(n: impl Capacity, head: u32, tail: u32, seen: u32) -> Option<u32> {
    if !Cached::ENABLED {
        return used(n, head, tail);
    }
    if is_position(n, seen) { used_if_any(n, head, tail) } else { None }
}

/// [`used`] where both are positions.
#[inline(always)]
fn used_if_any(n: impl Capacity, head: u32, tail: u32) -> Option<u32> {
    let distance = distance(n, head, tail);
    if distance <= n.get() { Some(distance) } else { None }
}

/// Whether the producer is as many slots ahead of the consumer as there are. Nothing else is asked
/// of the positions.
#[inline(always)]
pub(super) fn is_full(n: impl Capacity, head: u32, tail: u32) -> bool {
    let distance = if run_freely(n) { tail.wrapping_sub(head) } else { tail.abs_diff(head) };
    distance == n.get()
}

/// The slots from `position` on, `len` of them, as at most two contiguous runs: the first begins at
/// the returned offset and has the first returned length, the second begins at slot 0. `len` is at
/// most `N`.
#[inline(always)]
pub(super) fn runs(n: impl Capacity, position: u32, len: u32) -> (u32, u32, u32) {
    let start = offset(n, position);
    let to_end = n.get() - start;
    if len <= to_end { (start, len, 0) } else { (start, to_end, len - to_end) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Counted, Fixed, MAX_CAPACITY};

    /// Every pair of positions that a ring can reach agrees with plain counting.
    fn agrees_with_counting(capacity: impl Capacity) {
        let n = capacity.get();
        for pushed in 0..6 * n {
            let mut tail = 0;
            (0..pushed).for_each(|_| tail = advance(capacity, tail, 1));
            assert_eq!(offset(capacity, tail), pushed % n);
            for behind in 0..=n.min(pushed) {
                let mut head = 0;
                (0..pushed - behind).for_each(|_| head = advance(capacity, head, 1));
                assert_eq!(used(capacity, head, tail), Some(behind));
                assert_eq!(is_full(capacity, head, tail), behind == n);
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
    fn positions_count_as_a_queue_does_whatever_the_capacity() {
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
    fn positions_that_no_ring_has_are_refused() {
        assert_eq!(used(Fixed::<4>, 8, 0), None);
        assert_eq!(used(Fixed::<4>, 0, 8), None);
        assert_eq!(used(Fixed::<4>, 0, 5), None, "more than the capacity");
        assert_eq!(used(Fixed::<4>, u32::MAX, u32::MAX).is_none(), Cached::ENABLED);
        assert_eq!(used(Fixed::<MAX_CAPACITY>, 0, MAX_CAPACITY as u32), Some(MAX_CAPACITY as u32));
    }
}
