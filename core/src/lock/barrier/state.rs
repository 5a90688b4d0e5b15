//! The word that says where a barrier's round is.

use super::super::word::HOLDER;

/// What stands in the lowest bits of the state, and what it says to one that came in its round.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not all are there.
    Filling = 0,
    /// All were there; they leave.
    Draining = 1,
    /// Those that were there leave, then it goes on.
    Resetting = 2,
    /// It did not end well.
    Broken = 3,
    /// All were there; they leave, then it is broken.
    Aborted = 4,
}

/// A state: its phase, and the round.
#[derive(Clone, Copy)]
pub(super) struct State {
    /// The word that says it. Of a state that is to be, what [`State::new`] makes; of one that was
    /// seen, what was there, also where no barrier writes such a word: an exchange for another one
    /// must not fail for ever.
    pub(super) word: u32,
    pub(super) phase: Phase,
    pub(super) round: u32,
}

/// Rounds are counted in the bits that a name leaves in a slot.
pub(super) const ROUND_SHIFT: u32 = HOLDER.count_ones();
const ROUNDS: u32 = u32::MAX >> ROUND_SHIFT;
const PHASE_BITS: u32 = 3;

impl State {
    /// A word that no barrier writes says that it is broken: a reset makes it whole.
    pub(super) fn unpack(word: u32) -> State {
        let phase = match word & ((1 << PHASE_BITS) - 1) {
            0 => Phase::Filling,
            1 => Phase::Draining,
            2 => Phase::Resetting,
            4 => Phase::Aborted,
            _ => Phase::Broken,
        };
        let round = word >> PHASE_BITS;
        let phase = if round > ROUNDS { Phase::Broken } else { phase };
        State { word, phase, round: round & ROUNDS }
    }

    pub(super) fn new(phase: Phase, round: u32) -> State {
        State { word: round << PHASE_BITS | phase as u32, phase, round }
    }

    pub(super) fn with(self, phase: Phase) -> State {
        State::new(phase, self.round)
    }

    /// What it is when all slots are given back, where that changes it.
    pub(super) fn drained(self) -> Option<State> {
        let phase = match self.phase {
            Phase::Draining | Phase::Resetting => Phase::Filling,
            Phase::Aborted => Phase::Broken,
            Phase::Filling | Phase::Broken => return None,
        };
        Some(State::new(phase, next(self.round)))
    }
}

pub(super) fn next(round: u32) -> u32 {
    (round + 1) & ROUNDS
}
