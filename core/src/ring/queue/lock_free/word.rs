//! The two kinds of words of a queue: what each bit means, and which step may follow which. Pure
//! functions, no atomics.
//!
//! # The words
//!
//! Each of the `N` cells of a queue has two words of 64 bits. The upper 48 bits of both hold a
//! [`Position`].
//!
//! | word | bits 63..16 | bits 15..3 | bits 2..0 | type |
//! |---|---|---|---|---|
//! | *entry* | a position | the slot of that position's message, or [`CLOSED`] (16 bits) | | [`Entry`] |
//! | *owner* | a position | the participant that holds the slot, or put its message in line | the [`Phase`] | [`SlotState`] |
//!
//! The entry of a position is in the cell that the position's index names. The owner word of a cell
//! belongs to the slot with the cell's number.
//!
//! # The position
//!
//! A position is the number of a message in the order of the queue. At a hundred million messages a
//! second the 48 bits come around after a month. Only a context that is suspended for that long
//! between two particular instructions could take a new position for an old one.
//!
//! # The states of an owner word
//!
//! The steps are those of the [module](super). "Recovery" stands for a survivor that recovers what
//! a dead participant held.
//!
//! | phase | position | who may touch the value | next |
//! |---|---|---|---|
//! | `Free` | 0 | nobody | `Writing`: step 1 |
//! | `Writing` | 0, or left from the dead holder | the producer | `Committing`: step 2. `Free`: a dropped loan, or recovery |
//! | `Committing`, no entry names it | the position that the producer tries | the producer | `Committing`: step 2 at a later position. In line: step 3. `Free`: the queue was closed. `Writing`, then `Free`: recovery |
//! | `Committing`, in line | the message's | nobody | `Reading`: step 4 |
//! | `Reading` | the message's | the consumer | `Free`: step 5. `Requeuing`: the claim ends without a completion. `Recovering`: recovery |
//! | `Requeuing`, no entry names it | the position that the holder tries | the holder | `Requeuing` at a later position. In line: step 3. `Recovering`: recovery |
//! | `Requeuing`, in line | the message's | nobody | `Reading`: step 4 |
//! | `Recovering` | left from the dead holder | the survivor | `Requeuing`, or `Free` when the message is given up, or the queue corrupt. `Recovering`: another recovery, when the survivor dies too |
//!
//! A message is *in line* when the entry of its position names its slot.
//!
//! # The states of an entry
//!
//! An entry's position never goes back. A side that looks for position `p` finds one of the four
//! [`EntryState`]s. Step 3 replaces an older position, or the mark of the end at `p` itself, by `p`
//! and a slot. A consumer that finds a closed queue empty writes the mark: [`Entry::closed`].

use crate::participant::Participant;
use crate::sync::Cached;

/// A word holds a position in its upper bits and something else in its lower ones, so that two
/// words compare as their positions do.
const SHIFT: u32 = 16;
/// The lower bits of a word, beside the position.
const BESIDE: u64 = (1 << SHIFT) - 1;

/// The largest number of slots. A slot's number has 16 bits, and [`CLOSED`] takes one of the
/// numbers.
pub(in crate::ring::queue) const MAX_SLOTS: usize = CLOSED;

/// Not a slot: marks in an entry where the order of a closed queue ends.
const CLOSED: usize = BESIDE as usize;

/// Masks the index out of a position's number, in a queue of `n` slots.
///
/// The index has as many bits as the largest index needs. The bits above it are the lap. So finding
/// an index takes no division. When `n` is no power of two, each lap skips the numbers from `n` up
/// to the next power of two.
#[inline(always)]
const fn mask(n: usize) -> usize {
    // These targets may have no instruction that counts leading zeros.
    if !Cached::ENABLED && n.is_power_of_two() {
        return n - 1;
    }
    // Defined for `n` = 0 as well, so that nothing here can panic.
    let double = n.wrapping_shl(1).wrapping_sub(1) | 1;
    (1 << (usize::BITS - 1 - double.leading_zeros())) - 1
}

/// The count of numbers that each lap skips.
#[inline(always)]
const fn left_out(n: usize) -> u64 {
    (mask(n) as u64).wrapping_add(1).wrapping_sub(n as u64)
}

/// The number of a message in the order of the queue, in the upper bits of a word.
///
/// The first message has number 1. Zeroed memory says that number 0 was sent and claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position(u64);

impl Position {
    /// The position before the first.
    pub(super) const START: Position = Position(0);
    /// The first position of a fresh queue.
    pub(super) const FIRST: Position = Position(1 << SHIFT);

    /// The position that `word` holds.
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

    /// The word that holds this position, and zeros beside it.
    pub(super) const fn word(self) -> u64 {
        self.0
    }

    /// The index of this position's entry. It is less than `n`, unless something else wrote into
    /// the memory.
    #[inline(always)]
    pub(super) const fn index(self, n: usize) -> usize {
        self.number() as usize & mask(n)
    }

    /// The number of the lap.
    const fn lap(self, n: usize) -> u64 {
        self.number() >> mask(n).count_ones()
    }

    /// How many positions come before this one; skipped numbers do not count.
    pub(super) const fn ordinal(self, n: usize) -> u64 {
        self.lap(n).wrapping_mul(n as u64).wrapping_add(self.index(n) as u64)
    }

    /// Whether the index is less than `n` and the next position has the next number.
    ///
    /// This holds everywhere but at the end of a lap, and there too when `n` is a power of two.
    #[inline(always)]
    pub(super) const fn is_within_lap(self, n: usize) -> bool {
        if !Cached::ENABLED && n.is_power_of_two() {
            return true;
        }
        // Arithmetic instead of a branch, which the processor would evaluate at each position.
        self.index(n) <= n.wrapping_sub(1).wrapping_sub((mask(n) >= n) as usize)
    }

    /// The next position.
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

    /// The position `by` before this one; `by` is at most `n`.
    #[inline(always)]
    pub(super) const fn back(self, by: usize, n: usize) -> Position {
        let back = self.0.wrapping_sub((by as u64) << SHIFT);
        if self.index(n) >= by || n.is_power_of_two() {
            Position(back)
        } else {
            Position(back.wrapping_sub(left_out(n) << SHIFT))
        }
    }

    /// Whether this position is later than `other`. Positions wrap around: when two are further
    /// apart than half of the range, the one with the lower number counts as the later.
    #[inline(always)]
    pub(super) const fn is_after(self, other: Position) -> bool {
        (self.0.wrapping_sub(other.0) as i64) >> SHIFT > 0
    }

    /// How many messages this position is after `earlier`; more than `n` when it is not after it.
    pub(super) const fn since(self, earlier: Position, n: usize) -> u64 {
        // Keeps as many bits as the lap's number has, because laps wrap around.
        let above = SHIFT + mask(n).count_ones();
        let laps = (self.lap(n).wrapping_sub(earlier.lap(n)) << above) >> above;
        let since = laps.wrapping_mul(n as u64).wrapping_add(self.index(n) as u64);
        since.wrapping_sub(earlier.index(n) as u64)
    }
}

/// Whether a queue of `n` slots is large enough to let several messages gather before a side looks.
#[inline(always)]
pub(super) const fn is_large(n: usize) -> bool {
    Cached::ENABLED && n >= 64
}

/// The content of an entry: the message at this position is in this slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(pub(super) u64);

impl Entry {
    /// The content of an entry before its first use: position 0 was in slot 0, where nothing waits.
    pub(super) const UNUSED: Entry = Entry(0);

    pub(super) const fn new(position: Position, slot: usize) -> Entry {
        Entry(position.0 | (slot as u64 & BESIDE))
    }

    /// The mark of the end: the order of a closed queue ends before `position`.
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

    /// Whether the entry at `index` of a queue of `n` slots can hold this.
    pub(super) const fn is_valid_at(self, index: usize, n: usize) -> bool {
        let is_slot = self.slot() < n || self.is_closed();
        self.0 == Entry::UNUSED.0 || is_slot && self.position().index(n) == index
    }

    /// Whether `position`, which this entry serves, is not filled: [`EntryState::Before`].
    #[inline(always)]
    pub(super) const fn is_before(self, position: Position) -> bool {
        // The bits beside a position are worth less than the distance between two positions.
        (self.0.wrapping_sub(position.0) as i64) < 0
    }

    /// Judges this entry for a side that looks for the message at `position`.
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

/// What an entry says to a side that looks there for a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryState {
    /// The entry is of an earlier position, or unused: this position is not filled.
    Before,
    /// The entry is of this position; the message is in this slot.
    Here(usize),
    /// The order of a closed queue ends before this position.
    End,
    /// The entry is of a later position: this one was filled and claimed.
    After,
}

/// The stage of a slot. The [module](self) says which follows which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody holds the slot.
    Free,
    /// A producer fills the slot.
    Writing,
    /// A producer puts the message in line at the word's position. The message is in line once the
    /// entry of that position names the slot.
    Committing,
    /// As `Committing`, for a message that was in line before and must not be lost.
    Requeuing,
    /// A consumer holds the message.
    Reading,
    /// A survivor took the message from a dead holder and puts it back in line.
    Recovering,
}

/// Whether `word` says that its slot was put in line at `position` and that nobody claimed it: it
/// says [`Phase::Committing`] or [`Phase::Requeuing`] with that position, by any participant.
#[inline(always)]
pub(super) const fn waits_at(word: u64, position: Position) -> bool {
    const MASK: u64 = !BESIDE | (PHASE & !1);
    (word ^ (position.0 | Phase::Committing as u64)) & MASK == 0
}

/// The bits of an owner word that hold the phase. Above them are 13 bits of the holder, then the
/// position.
const PHASE: u64 = 7;

/// The content of an owner word.
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

    /// The state that `word` says; `None` when no queue writes such a word.
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

    /// Whether `word` says `phase`.
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
    fn words_unpack_to_what_was_packed() {
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
    fn invalid_words_are_refused() {
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
    fn positions_wrap_at_the_end_of_a_lap() {
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
    fn positions_step_through_the_entries_and_back() {
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
