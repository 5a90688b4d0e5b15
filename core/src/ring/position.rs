//! The algebra of positions: pure, no atomics, no memory.
//!
//! A position runs through `0..2 * N`, twice the capacity, so that a full ring and an empty one differ and no slot
//! is wasted. Its offset, the slot it stands at, is the position modulo `N`. Whether the position lies below
//! `N` or not is the lap's parity.
//!
//! Where there are no caches (see [`Cached`]), nobody but the two sides reads a position, and it need not be one that can be
//! told from an invalid one: there, a power of two lets positions run through all of `u32`, which spares the wrapping.
//!
//! Nothing here can overflow: `N` is at most [`MAX_CAPACITY`](crate::storage::MAX_CAPACITY), and every sum is of at most `3 * N`.

use crate::sync::Cached;

/// Whether positions run through all of `u32`, of which twice the capacity is a divisor.
#[inline(always)]
const fn run_freely(n: u32) -> bool {
    !Cached::ENABLED && n.is_power_of_two()
}

/// Whether a word is a position of a ring.
#[inline(always)]
pub(super) const fn is_position(n: u32, word: u32) -> bool {
    run_freely(n) || word < 2 * n
}

/// The slot that a position stands at.
#[inline(always)]
pub(super) const fn offset(n: u32, position: u32) -> u32 {
    if n.is_power_of_two() {
        position & (n - 1)
    } else if position >= n {
        position - n
    } else {
        position
    }
}

/// The position `by` slots further on; `by` is at most `N`.
#[inline(always)]
pub(super) const fn advance(n: u32, position: u32, by: u32) -> u32 {
    if run_freely(n) {
        return position.wrapping_add(by);
    }
    let next = position + by;
    if n.is_power_of_two() {
        next & (2 * n - 1)
    } else if next >= 2 * n {
        next - 2 * n
    } else {
        next
    }
}

/// How many slots lie from one position to another that follows it.
#[inline(always)]
pub(super) const fn distance(n: u32, from: u32, to: u32) -> u32 {
    if run_freely(n) {
        to.wrapping_sub(from)
    } else if n.is_power_of_two() {
        to.wrapping_sub(from) & (2 * n - 1)
    } else if to >= from {
        to - from
    } else {
        2 * n - (from - to)
    }
}

/// [`distance`] where both positions are kept.
#[inline(always)]
pub(super) fn distance_cached(n: u32, from: Cached, to: Cached) -> Option<u32> {
    Some(distance(n, from.get()?, to.get()?))
}

/// How many slots lie between the consumer's position and the producer's. `None` when these cannot be positions of
/// one ring, which only a peer that corrupts them can bring about.
#[inline(always)]
pub(super) const fn used(n: u32, head: u32, tail: u32) -> Option<u32> {
    if !is_position(n, head) || !is_position(n, tail) {
        return None;
    }
    used_if_any(n, head, tail)
}

/// [`used`] as one side asks, of whose own position there is no doubt where it is kept; the other's is `seen`.
#[inline(always)]
pub(super) const fn used_as_seen(n: u32, head: u32, tail: u32, seen: u32) -> Option<u32> {
    if !Cached::ENABLED {
        return used(n, head, tail);
    }
    if is_position(n, seen) { used_if_any(n, head, tail) } else { None }
}

/// [`used`] where both are positions.
#[inline(always)]
const fn used_if_any(n: u32, head: u32, tail: u32) -> Option<u32> {
    let distance = distance(n, head, tail);
    if distance <= n { Some(distance) } else { None }
}

/// Whether the producer is as many slots ahead of the consumer as there are. Nothing else is asked of the positions.
#[inline(always)]
pub(super) const fn is_full(n: u32, head: u32, tail: u32) -> bool {
    let distance = if run_freely(n) { tail.wrapping_sub(head) } else { tail.abs_diff(head) };
    distance == n
}

/// The slots from `position` on, `len` of them, as at most two contiguous runs: the first begins at the returned
/// offset and has the first returned length, the second begins at slot 0. `len` is at most `N`.
#[inline(always)]
pub(super) const fn runs(n: u32, position: u32, len: u32) -> (u32, u32, u32) {
    let start = offset(n, position);
    let to_end = n - start;
    if len <= to_end { (start, len, 0) } else { (start, to_end, len - to_end) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MAX_CAPACITY;

    /// Every pair of positions that a ring can reach agrees with plain counting.
    fn agrees_with_counting(n: u32) {
        for pushed in 0..6 * n {
            let mut tail = 0;
            (0..pushed).for_each(|_| tail = advance(n, tail, 1));
            assert_eq!(offset(n, tail), pushed % n);
            for behind in 0..=n.min(pushed) {
                let mut head = 0;
                (0..pushed - behind).for_each(|_| head = advance(n, head, 1));
                assert_eq!(used(n, head, tail), Some(behind));
                assert_eq!(is_full(n, head, tail), behind == n);
                assert_eq!(distance(n, head, tail), behind);
                assert_eq!(advance(n, head, behind), tail);
                let (start, first, second) = runs(n, head, behind);
                assert_eq!(first + second, behind);
                assert!(start + first <= n && second <= start);
            }
        }
    }

    #[test]
    fn positions_count_as_a_queue_does_whatever_the_capacity() {
        agrees_with_counting(1);
        agrees_with_counting(2);
        agrees_with_counting(3);
        agrees_with_counting(4);
        agrees_with_counting(7);
        agrees_with_counting(16);
    }

    #[test]
    fn positions_that_no_ring_has_are_refused() {
        assert_eq!(used(4, 8, 0), None);
        assert_eq!(used(4, 0, 8), None);
        assert_eq!(used(4, 0, 5), None, "more than the capacity");
        assert_eq!(used(4, u32::MAX, u32::MAX).is_none(), Cached::ENABLED);
        assert_eq!(used(MAX_CAPACITY as u32, 0, MAX_CAPACITY as u32), Some(MAX_CAPACITY as u32));
    }
}
