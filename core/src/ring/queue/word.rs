//! The two kinds of words of a queue: what they say, and how they are packed. Pure, no atomics.
//!
//! Both carry a *position*: the number of the message in the order of the queue, 48 bits wide. At a
//! hundred million messages a second it comes back to where it was after a month, which is how long
//! a context would have to be suspended between two particular instructions to be deceived by it.

use crate::participant::Participant;
use crate::sync::Cached;

/// A position has the upper bits of a word, what stands beside it the lower ones: two words are
/// compared by their positions as they are.
const SHIFT: u32 = 16;
/// What stands beside a position.
const BESIDE: u64 = (1 << SHIFT) - 1;

/// The most slots that a queue has. A slot's number has 16 bits, of which one number is [`CLOSED`].
pub(super) const MAX_SLOTS: usize = CLOSED;

/// Not a slot: what an entry says where the order of a closed queue ends.
const CLOSED: usize = BESIDE as usize;

/// The bits of a position's number that say its index in a queue of `n` slots: as many as the last
/// index needs. Above them is the lap.
///
/// So an index takes neither a division nor a number that is known only when the program runs. When
/// `n` is no power of two, the numbers from `n` on up to the next one are left out of each lap.
#[inline(always)]
const fn mask(n: usize) -> usize {
    // Of no slots, too: there is nothing that could panic.
    let double = n.wrapping_shl(1).wrapping_sub(1) | 1;
    (1 << (usize::BITS - 1 - double.leading_zeros())) - 1
}

/// How many numbers are left out of a lap.
#[inline(always)]
const fn left_out(n: usize) -> u64 {
    (mask(n) as u64).wrapping_add(1).wrapping_sub(n as u64)
}

/// Which one a message is in the order of the queue: its number, in the upper bits. The first is
/// number 1: zeroed memory says that number 0 was sent and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position(u64);

impl Position {
    /// The one before the first.
    pub(super) const START: Position = Position(0);
    /// Where a fresh queue begins.
    pub(super) const FIRST: Position = Position(1 << SHIFT);

    /// The position that stands in a word.
    #[inline(always)]
    pub(super) const fn of(word: u64) -> Position {
        Position(word & !BESIDE)
    }

    #[cfg(test)]
    pub(super) const fn new(number: u64) -> Position {
        Position(number << SHIFT)
    }

    pub(super) const fn number(self) -> u64 {
        self.0 >> SHIFT
    }

    /// The word that says this position and nothing beside.
    pub(super) const fn word(self) -> u64 {
        self.0
    }

    /// Which entry it belongs to. Less than `n`, unless something else wrote into the memory.
    #[inline(always)]
    pub(super) const fn index(self, n: usize) -> usize {
        self.number() as usize & mask(n)
    }

    /// The lap.
    const fn lap(self, n: usize) -> u64 {
        self.number() >> mask(n).count_ones()
    }

    /// How many positions there are before this one: its number without those that are left out.
    pub(super) const fn ordinal(self, n: usize) -> u64 {
        self.lap(n).wrapping_mul(n as u64).wrapping_add(self.index(n) as u64)
    }

    /// Whether its index is less than `n`, and the next position has the next number. It is so in
    /// all of a lap but, when `n` is no power of two, at its end.
    #[inline(always)]
    pub(super) const fn is_within_lap(self, n: usize) -> bool {
        // Arithmetic instead of a choice, which would be made again for each position.
        self.index(n) <= n.wrapping_sub(1).wrapping_sub((mask(n) >= n) as usize)
    }

    /// The next one.
    #[inline(always)]
    pub(super) const fn next(self, n: usize) -> Position {
        if self.is_within_lap(n) {
            Position(self.0.wrapping_add(1 << SHIFT))
        } else {
            self.next_lap(n)
        }
    }

    #[cold]
    #[inline(never)]
    const fn next_lap(self, n: usize) -> Position {
        Position(self.0.wrapping_add((left_out(n) + 1) << SHIFT))
    }

    /// The one `by` before this; `by` is at most `n`.
    #[inline(always)]
    pub(super) const fn back(self, by: usize, n: usize) -> Position {
        let back = self.0.wrapping_sub((by as u64) << SHIFT);
        if self.index(n) >= by || n.is_power_of_two() {
            Position(back)
        } else {
            Position(back.wrapping_sub(left_out(n) << SHIFT))
        }
    }

    /// Whether this is a later one than `other`. Of two that are further apart than half of all,
    /// the later is the one with the lower number.
    #[inline(always)]
    pub(super) const fn is_after(self, other: Position) -> bool {
        (self.0.wrapping_sub(other.0) as i64) >> SHIFT > 0
    }

    /// How many messages after `earlier` this is; more than `n` when it is not.
    pub(super) const fn since(self, earlier: Position, n: usize) -> u64 {
        // Of as many bits as a lap's number has: laps come around.
        let above = SHIFT + mask(n).count_ones();
        let laps = (self.lap(n).wrapping_sub(earlier.lap(n)) << above) >> above;
        let since = laps.wrapping_mul(n as u64).wrapping_add(self.index(n) as u64);
        since.wrapping_sub(earlier.index(n) as u64)
    }
}

/// Whether a queue of `n` slots is large enough to let several messages come before anybody looks.
#[inline(always)]
pub(super) const fn is_large(n: usize) -> bool {
    Cached::ENABLED && n >= 64
}

/// What an entry says: the message at this position is in that slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(pub(super) u64);

impl Entry {
    /// The content of an entry before its first use. It says of position 0 that it was in slot 0,
    /// where nothing waits.
    pub(super) const UNUSED: Entry = Entry(0);

    pub(super) const fn new(position: Position, slot: usize) -> Entry {
        Entry(position.0 | (slot as u64 & BESIDE))
    }

    /// Says that the order of a closed queue ends before this position.
    pub(super) const fn closed(position: Position) -> Entry {
        Entry::new(position, CLOSED)
    }

    pub(super) const fn position(self) -> Position {
        Position::of(self.0)
    }

    pub(super) const fn slot(self) -> usize {
        (self.0 & BESIDE) as usize
    }

    pub(super) const fn is_closed(self) -> bool {
        self.slot() == CLOSED
    }

    /// Whether entry `index` of a queue of `n` slots can say this.
    pub(super) const fn is_valid_at(self, index: usize, n: usize) -> bool {
        let is_slot = self.slot() < n || self.is_closed();
        self.0 == Entry::UNUSED.0 || is_slot && self.position().index(n) == index
    }

    /// Whether `position`, whose entry this is, is not filled: [`EntryState::Before`].
    #[inline(always)]
    pub(super) const fn is_before(self, position: Position) -> bool {
        // What stands beside a position is less than what is between two.
        (self.0.wrapping_sub(position.0) as i64) < 0
    }

    /// What this says to one who looks for the message at `position`, whose entry it is.
    #[inline(always)]
    pub(super) const fn seen_from(self, position: Position) -> EntryState {
        let beside = self.0.wrapping_sub(position.0);
        if beside < BESIDE {
            EntryState::Here(beside as usize)
        } else if beside == BESIDE {
            EntryState::End
        } else if self.position().is_after(position) {
            EntryState::After
        } else {
            EntryState::Before
        }
    }
}

/// What an entry says to one who looks there for a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryState {
    /// It is of an earlier one, or of none: this one is not filled.
    Before,
    /// It is of this one, whose message is in this slot.
    Here(usize),
    /// The order of a closed queue ends before this one.
    End,
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
    /// A producer puts it into the order at the position; it is in once the entry of that position
    /// says so.
    Committing,
    /// The same for a message that was in the order before, and must not be lost.
    Requeuing,
    /// A consumer has it.
    Reading,
    /// It was taken from a consumer that died, and goes back into the order.
    Recovering,
}

/// Whether a slot with this word holds the message of `position` and nobody took it: it says
/// [`Phase::Committing`] or [`Phase::Requeuing`], by any participant.
#[inline(always)]
pub(super) const fn waits_at(word: u64, position: Position) -> bool {
    const MASK: u64 = !BESIDE | (PHASE & !1);
    (word ^ (position.0 | Phase::Committing as u64)) & MASK == 0
}

/// Which bits of a slot's word say the phase. Above them is who, 13 bits, above that the position.
const PHASE: u64 = 7;

/// What a slot's word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotState {
    pub(super) phase: Phase,
    pub(super) by: Participant,
    pub(super) position: Position,
}

impl SlotState {
    pub(super) const FREE: u64 =
        SlotState { phase: Phase::Free, by: Participant::LOCAL, position: Position::START }.pack();

    pub(super) const fn pack(self) -> u64 {
        self.position.0 | ((self.by.number() as u64) << PHASE.count_ones()) | self.phase as u64
    }

    /// What `word` says; `None` when no queue writes such a word.
    pub(super) const fn unpack(word: u64) -> Option<SlotState> {
        let phase = match word & PHASE {
            0 if word == SlotState::FREE => Phase::Free,
            1 => Phase::Writing,
            2 => Phase::Committing,
            3 => Phase::Requeuing,
            4 => Phase::Reading,
            5 => Phase::Recovering,
            _ => return None,
        };
        let by = Participant::from_bits((word >> PHASE.count_ones()) as u32);
        Some(SlotState { phase, by, position: Position::of(word) })
    }

    /// Whether `word` says this phase.
    pub(super) const fn is_in(word: u64, phase: Phase) -> bool {
        word & PHASE == phase as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 6] = [
        Phase::Free,
        Phase::Writing,
        Phase::Committing,
        Phase::Requeuing,
        Phase::Reading,
        Phase::Recovering,
    ];
    const LAST: u64 = (1 << 48) - 1;

    #[test]
    fn words_say_what_was_put_into_them() {
        for phase in PHASES {
            if phase == Phase::Free {
                assert_eq!(SlotState::unpack(SlotState::FREE).unwrap().phase, phase);
                continue;
            }
            for by in [0, 1, 8191].map(|number| Participant::new(number).unwrap()) {
                for position in [0, 1, LAST].map(Position::new) {
                    let state = SlotState { phase, by, position };
                    assert_eq!(SlotState::unpack(state.pack()), Some(state));
                    assert!(SlotState::is_in(state.pack(), phase));
                    let waits = matches!(phase, Phase::Committing | Phase::Requeuing);
                    assert_eq!(waits_at(state.pack(), position), waits, "{state:?}");
                    assert!(!waits_at(state.pack(), Position::new(2)), "{state:?}");
                }
            }
        }
        let entry = Entry::new(Position::new(LAST), MAX_SLOTS - 1);
        assert_eq!((entry.position().number(), entry.slot()), (LAST, MAX_SLOTS - 1));
        assert!(!entry.is_closed() && Entry::closed(Position::new(7)).is_closed());
        assert_eq!(Entry::closed(Position::new(7)).position().number(), 7);
        assert_eq!(Entry::UNUSED.position(), Position::START);
    }

    #[test]
    fn words_that_no_queue_writes_are_refused() {
        for word in [u64::MAX, 6, 7, 1 << 3, 1 << SHIFT] {
            assert_eq!(SlotState::unpack(word), None, "{word:#x}");
        }
        for (index, n) in [(0, 4), (3, 4), (2, 3)] {
            assert!(Entry::UNUSED.is_valid_at(index, n));
            let position = Position::new(index as u64 + 5 * 4);
            assert!(Entry::new(position, n - 1).is_valid_at(index, n));
            assert!(Entry::closed(position).is_valid_at(index, n));
            assert!(!Entry::new(position, n).is_valid_at(index, n), "there is no such slot");
            assert!(!Entry::new(position.next(n), 0).is_valid_at(index, n), "another's entry");
        }
        assert!(!Entry(u64::MAX).is_valid_at(0, 4) && !Entry(u64::MAX).is_valid_at(0, 3));
    }

    #[test]
    fn positions_come_around_where_the_entries_do() {
        for n in [1, 2, 3, 5, 64, MAX_SLOTS] {
            let last = Position::new(LAST - left_out(n));
            assert_eq!(last.index(n), n - 1);
            assert_eq!(last.next(n), Position::START);
            assert_eq!(Position::START.back(1, n), last);
            assert!(Position::START.is_after(last) && !last.is_after(Position::START));
            assert_eq!(Position::START.since(last, n), 1);
            assert!(last.since(Position::START, n) > n as u64);
            let first = last.back(n - 1, n);
            assert_eq!(first.index(n), 0);
            assert_eq!(Position::START.back(n, n).next(n), first.next(n));
            assert_eq!(Entry::new(first, 0).seen_from(Position::START), EntryState::Before);
            assert_eq!(
                Entry::new(Position::START, 2).seen_from(Position::START),
                EntryState::Here(2)
            );
            assert_eq!(Entry::closed(last).seen_from(last), EntryState::End);
            assert_eq!(Entry::new(Position::START, 0).seen_from(first), EntryState::After);
            assert_eq!(Entry::UNUSED.seen_from(Position::START.next(n)), EntryState::Before);
            for (entry, at) in [
                (Entry::new(first, 0), Position::START),
                (Entry::new(first, 0), first),
                (Entry::new(last, MAX_SLOTS - 1), Position::START),
                (Entry::closed(last), Position::START),
                (Entry::closed(last), last),
                (Entry::new(Position::START, 0), last),
                (Entry::UNUSED, Position::START.next(n)),
            ] {
                let is_before = entry.seen_from(at) == EntryState::Before;
                assert_eq!(entry.is_before(at), is_before, "{entry:?} at {at:?}");
            }
        }
    }

    #[test]
    fn positions_go_through_the_entries_one_by_one_and_back() {
        for n in [1, 2, 3, 4, 5, 7, 9] {
            let mut position = Position::START;
            for step in 0..4 * n as u64 {
                assert_eq!(
                    (position.ordinal(n), position.index(n) as u64),
                    (step, step % n as u64)
                );
                for by in 0..=n {
                    let earlier = position.back(by, n);
                    assert_eq!(position.since(earlier, n), by as u64, "{n}: {by} before {step}");
                    assert!(by == 0 || earlier.since(position, n) > n as u64);
                    assert_eq!(position.is_after(earlier), by > 0);
                }
                assert_eq!(position.next(n).back(1, n), position);
                position = position.next(n);
            }
        }
    }
}
