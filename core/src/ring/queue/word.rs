//! The two kinds of words of a queue: what they say, and how they are packed. Pure, no atomics.
//!
//! Both carry a *position*: the number of the message in the order of the queue, 48 bits wide. At a hundred million
//! messages a second it comes back to where it was after a month, which is how long a context would have to
//! be suspended between two particular instructions to be deceived by it.

use crate::participant::Participant;
use crate::sync::Cached;

/// A position has the upper bits of a word, what stands beside it the lower ones: two words are compared by their
/// positions as they are.
const SHIFT: u32 = 16;
/// What stands beside a position.
const BESIDE: u64 = (1 << SHIFT) - 1;

/// The most slots that a queue has. A slot's number has 16 bits, of which one number is [`CLOSED`].
pub(super) const MAX_SLOTS: usize = CLOSED;

/// Not a slot: what an entry says where the order of a closed queue ends.
const CLOSED: usize = BESIDE as usize;

/// Positions run from 0 to one less than this: the largest multiple of `n` that there is room for.
const fn end(n: usize) -> u64 {
    (1 << (64 - SHIFT)) - modulo(1 << (64 - SHIFT), n)
}

/// The remainder; of 0 slots there is none, and no division that could panic.
#[inline(always)]
const fn modulo(number: u64, n: usize) -> u64 {
    if n.is_power_of_two() {
        return number & (n as u64 - 1);
    }
    match number.checked_rem(n as u64) {
        Some(remainder) => remainder,
        None => 0,
    }
}

/// Which one a message is in the order of the queue: its number, in the upper bits. The first is number 1: zeroed memory
/// says that number 0 was sent and taken.
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

    /// Which entry it belongs to.
    #[inline(always)]
    pub(super) const fn index(self, n: usize) -> usize {
        modulo(self.number(), n) as usize
    }

    /// The next one.
    #[inline(always)]
    pub(super) const fn next(self, n: usize) -> Position {
        /// No end is before this. So the end need not be calculated, which takes a division, but for the last few.
        const ENDS_FROM: u64 = (1 << (64 - SHIFT)) - MAX_SLOTS as u64;
        let next = Position(self.0.wrapping_add(1 << SHIFT));
        if next.number() >= ENDS_FROM && !n.is_power_of_two() && next.number() == end(n) {
            Position(0)
        } else {
            next
        }
    }

    /// The one `by` before this; `by` is at most `n`.
    #[inline(always)]
    pub(super) const fn back(self, by: usize, n: usize) -> Position {
        let back = self.0.wrapping_sub((by as u64) << SHIFT);
        if self.number() >= by as u64 || n.is_power_of_two() {
            Position(back)
        } else {
            Position(back.wrapping_add(end(n) << SHIFT))
        }
    }

    /// Whether this is a later one than `other`. Of two that are further apart than half of all, the later is the one with
    /// the lower number.
    #[inline(always)]
    pub(super) const fn is_after(self, other: Position) -> bool {
        (self.0.wrapping_sub(other.0) as i64) >> SHIFT > 0
    }

    /// How many messages after `earlier` this is; more than `n` when it is not.
    pub(super) const fn since(self, earlier: Position, n: usize) -> u64 {
        let since = self.number().wrapping_sub(earlier.number());
        if self.number() >= earlier.number() { since } else { since.wrapping_add(end(n)) }
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
    /// The content of an entry before its first use. It says of position 0 that it was in slot 0, where nothing waits.
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
        let is_position = n.is_power_of_two() || self.position().number() < end(n);
        let is_slot = self.slot() < n || self.is_closed();
        self.0 == Entry::UNUSED.0 || is_position && is_slot && self.position().index(n) == index
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
    /// A producer puts it into the order at the position; it is in once the entry of that position says so.
    Committing,
    /// The same for a message that was in the order before, and must not be lost.
    Requeuing,
    /// A consumer has it.
    Reading,
    /// It was taken from a consumer that died, and goes back into the order.
    Recovering,
}

/// Whether a slot with this word holds the message of `position` and nobody took it: it says [`Phase::Committing`] or
/// [`Phase::Requeuing`], by any participant.
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
            let position = Position::new(index as u64 + 5 * n as u64);
            assert!(Entry::new(position, n - 1).is_valid_at(index, n));
            assert!(Entry::closed(position).is_valid_at(index, n));
            assert!(!Entry::new(position, n).is_valid_at(index, n), "there is no such slot");
            assert!(!Entry::new(position.next(n), 0).is_valid_at(index, n), "another's entry");
        }
        assert!(!Entry(u64::MAX).is_valid_at(0, 4) && !Entry(u64::MAX).is_valid_at(0, 3));
    }

    #[test]
    fn positions_come_around_where_the_entries_do() {
        for n in [1, 3, 64] {
            let last = Position::new(end(n) - 1);
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
            assert_eq!(Entry::UNUSED.seen_from(Position::new(n as u64)), EntryState::Before);
        }
    }
}
