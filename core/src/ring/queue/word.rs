//! The two kinds of words of a queue: what they say, and how they are packed. Pure, no atomics.
//!
//! Both carry a *position*: the number of the message in the order of the queue, 48 bits wide. At a hundred million
//! messages a second it comes back to where it was after a month, which is how long a context would have to
//! be suspended between two particular instructions to be deceived by it.

use crate::participant::Participant;

/// How many bits a position has.
const POSITION_BITS: u32 = 48;
const POSITION_MASK: u64 = (1 << POSITION_BITS) - 1;

/// Positions run from 0 to one less than this: the largest multiple of `N` that leaves room for what is not one.
const fn end<const N: usize>() -> u64 {
    UNPLACED / N as u64 * N as u64
}

/// Not a position: what an entry says that was never used.
const NEVER: u64 = POSITION_MASK;

/// Not a position: what a slot's word says before a position was tried.
pub(super) const UNPLACED: u64 = NEVER - 1;

/// The position after `position`.
pub(super) const fn next<const N: usize>(position: u64) -> u64 {
    let next = position + 1;
    if next == end::<N>() { 0 } else { next }
}

/// How far `tail` is ahead of `head`; more than `N` when it is not.
pub(super) const fn ahead<const N: usize>(head: u64, tail: u64) -> u64 {
    if tail >= head { tail - head } else { tail + end::<N>() - head }
}

/// Which entry a position belongs to.
pub(super) const fn index<const N: usize>(position: u64) -> usize {
    (position % N as u64) as usize
}

/// What an entry says: the message at this position is in that slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(pub(super) u64);

impl Entry {
    /// The content of an entry before its first use.
    pub(super) const UNUSED: Entry = Entry::new(NEVER, 0);

    pub(super) const fn new(position: u64, slot: usize) -> Entry {
        Entry(position | (slot as u64) << POSITION_BITS)
    }

    pub(super) const fn position(self) -> u64 {
        self.0 & POSITION_MASK
    }

    pub(super) const fn slot(self) -> usize {
        (self.0 >> POSITION_BITS) as usize
    }

    /// Whether this is what stands in the entry of `position` just before a message is put there: that of the lap
    /// before, or nothing yet.
    pub(super) const fn precedes<const N: usize>(self, position: u64) -> bool {
        self.position() == NEVER || ahead::<N>(self.position(), position) == N as u64
    }
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
        let entry = Entry::new(NEVER - 1, 65535);
        assert_eq!((entry.position(), entry.slot()), (NEVER - 1, 65535));
    }

    #[test]
    fn positions_come_around_where_the_entries_do() {
        fn comes_around<const N: usize>() {
            let last = end::<N>() - 1;
            assert_eq!(index::<N>(last), N - 1);
            assert_eq!(next::<N>(last), 0);
            assert_eq!(ahead::<N>(last, 0), 1);
            assert!(end::<N>() <= UNPLACED);
            let first = last - (N as u64 - 1);
            assert!(Entry::new(first, 0).precedes::<N>(0));
            assert!(!Entry::new(0, 0).precedes::<N>(0));
            assert!(Entry::UNUSED.precedes::<N>(0));
        }
        comes_around::<1>();
        comes_around::<3>();
        comes_around::<64>();
    }
}
