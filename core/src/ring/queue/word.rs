//! The two kinds of words of a queue: what they say, and how they are packed. Pure, no atomics.
//!
//! Both carry a *position*: the number of the message in the order of the queue, 48 bits wide. At a hundred million
//! messages a second it comes back to where it was after a month, which is how long a context would have to
//! be suspended between two particular instructions to be deceived by it.

use crate::participant::Participant;
use crate::sync::Kept;

/// How many bits a position has.
const POSITION_BITS: u32 = 48;
const POSITION_MASK: u64 = (1 << POSITION_BITS) - 1;

/// The most slots that a queue has. A slot's number has 16 bits, of which one number is [`CLOSED`].
pub(super) const MAX_SLOTS: usize = 0xFFFF;

/// Not a slot: what an entry says where the order of a closed queue ends.
const CLOSED: usize = 0xFFFF;

/// Positions run from 0 to one less than this: the largest multiple of `n` that leaves room for what is not one.
const fn end(n: usize) -> u64 {
    UNPLACED - modulo(UNPLACED, n)
}

/// The remainder; of 0 slots there is none, and no division that could panic.
#[inline(always)]
const fn modulo(position: u64, n: usize) -> u64 {
    if n.is_power_of_two() {
        return position & (n as u64 - 1);
    }
    match position.checked_rem(n as u64) {
        Some(remainder) => remainder,
        None => 0,
    }
}

/// Not a position: what an entry says that was never used.
const NEVER: u64 = POSITION_MASK;

/// Not a position: what a slot's word says before a position was tried.
pub(super) const UNPLACED: u64 = NEVER - 1;

/// The position after `position`.
#[inline(always)]
pub(super) const fn next(position: u64, n: usize) -> u64 {
    let next = position + 1;
    if next == end(n) { 0 } else { next }
}

/// How far `tail` is ahead of `head`; more than `n` when it is not.
#[inline(always)]
pub(super) const fn ahead(head: u64, tail: u64, n: usize) -> u64 {
    if tail >= head { tail - head } else { tail.wrapping_add(end(n)).wrapping_sub(head) }
}

/// Whether a distance is from a position to a later one. Not if it is half of all positions, or more.
#[inline(always)]
pub(super) const fn is_forward(ahead: u64) -> bool {
    ahead < 1 << (POSITION_BITS - 1)
}

/// How far a queue of `n` slots lets the places fall behind where its ends are looked for first. To move them on costs a cache
/// line that all share, to look along the entries costs little.
#[inline(always)]
pub(super) const fn stride(n: usize) -> u64 {
    if Kept::IS_KEPT && n >= 64 { 4 } else { 1 }
}

/// Which entry a position belongs to.
#[inline(always)]
pub(super) const fn index(position: u64, n: usize) -> usize {
    modulo(position, n) as usize
}

/// What an entry says: the message at this position is in that slot. The position is written as one more than it is, so
/// that zeroed memory says "never used".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(pub(super) u64);

impl Entry {
    /// The content of an entry before its first use.
    pub(super) const UNUSED: Entry = Entry(0);

    pub(super) const fn new(position: u64, slot: usize) -> Entry {
        Entry((position + 1) | (slot as u64) << POSITION_BITS)
    }

    /// Says that the order of a closed queue ends before this position.
    pub(super) const fn closed(position: u64) -> Entry {
        Entry::new(position, CLOSED)
    }

    pub(super) const fn is_closed(self) -> bool {
        self.slot() == CLOSED
    }

    pub(super) const fn position(self) -> u64 {
        self.0.wrapping_sub(1) & POSITION_MASK
    }

    pub(super) const fn slot(self) -> usize {
        (self.0 >> POSITION_BITS) as usize
    }

    /// What this says to one who looks for the message at `position`, whose entry it is.
    #[inline(always)]
    pub(super) const fn seen_from(self, position: u64, n: usize) -> Seen {
        if self.position() == position {
            Seen::Here
        } else if self.position() != NEVER && is_forward(ahead(position, self.position(), n)) {
            Seen::After
        } else {
            Seen::Before
        }
    }

    /// The position that follows those of which this entry's says that they were claimed: it has taken the place of one
    /// that was, `n` positions ago.
    pub(super) const fn claimed_before(self, n: usize) -> u64 {
        let (position, n64) = (self.position(), n as u64);
        let before = if position >= n64 { position - n64 } else { position + end(n) - n64 };
        next(before, n)
    }
}

/// What an entry says to one who looks there for a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is of an earlier one, or of none: this one is not filled.
    Before,
    /// It is of this one.
    Here,
    /// It is of a later one: this one was filled and claimed.
    After,
}

/// What a slot is in, and who holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody's.
    Free,
    /// A producer fills it.
    Writing,
    /// A producer puts it into the order at the position; it is in once the entry of that position says so.
    Committing,
    /// The same for a message that was in the order before, and must not be lost.
    Requeuing,
    /// A consumer has it.
    Reading,
}

/// What a slot's word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) phase: Phase,
    pub(super) by: Participant,
    pub(super) position: u64,
}

impl Owned {
    pub(super) const FREE: u64 =
        Owned { phase: Phase::Free, by: Participant::LOCAL, position: 0 }.pack();

    pub(super) const fn pack(self) -> u64 {
        self.position | ((self.by.number() as u64) << POSITION_BITS) | ((self.phase as u64) << 61)
    }

    pub(super) const fn unpack(word: u64) -> Owned {
        Owned {
            phase: match word >> 61 {
                1 => Phase::Writing,
                2 => Phase::Committing,
                3 => Phase::Requeuing,
                4 => Phase::Reading,
                _ => Phase::Free,
            },
            by: Participant::from_bits((word >> POSITION_BITS) as u32),
            position: word & POSITION_MASK,
        }
    }

    /// Whether this slot holds the message of `position` and nobody took it.
    pub(super) const fn waits_at(self, position: u64) -> bool {
        matches!(self.phase, Phase::Committing | Phase::Requeuing) && self.position == position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_was_put_into_them() {
        for phase in
            [Phase::Free, Phase::Writing, Phase::Committing, Phase::Requeuing, Phase::Reading]
        {
            for by in [0, 1, 8191].map(|number| Participant::new(number).unwrap()) {
                for position in [0, 1, NEVER - 1] {
                    let owned = Owned { phase, by, position };
                    assert_eq!(Owned::unpack(owned.pack()), owned);
                }
            }
        }
        let entry = Entry::new(UNPLACED - 1, MAX_SLOTS - 1);
        assert_eq!((entry.position(), entry.slot()), (UNPLACED - 1, MAX_SLOTS - 1));
        assert!(!entry.is_closed() && Entry::closed(7).is_closed());
        assert_eq!(Entry::closed(7).position(), 7);
        assert_eq!(Entry::UNUSED.position(), NEVER);
    }

    #[test]
    fn positions_come_around_where_the_entries_do() {
        for n in [1, 3, 64] {
            let last = end(n) - 1;
            assert_eq!(index(last, n), n - 1);
            assert_eq!(next(last, n), 0);
            assert_eq!(ahead(last, 0, n), 1);
            assert!(end(n) <= UNPLACED);
            let first = last - (n as u64 - 1);
            assert_eq!(Entry::new(first, 0).seen_from(0, n), Seen::Before);
            assert_eq!(Entry::new(0, 0).seen_from(0, n), Seen::Here);
            assert_eq!(Entry::new(0, 0).seen_from(first, n), Seen::After);
            assert_eq!(Entry::new(0, 0).claimed_before(n), next(first, n));
            assert_eq!(Entry::UNUSED.seen_from(0, n), Seen::Before);
        }
    }
}
