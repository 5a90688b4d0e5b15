//! The word that holds a barrier's phase and round.

use super::super::word::HOLDER;

/// The phase of a round: the lowest bits of the state's word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not all parties have come.
    Filling = 0,
    /// All came; they are leaving.
    Draining = 1,
    /// The barrier was reset: those that came are leaving, then the next round begins.
    Resetting = 2,
    /// The barrier is broken.
    Broken = 3,
    /// All came; they are leaving, and then the barrier is broken.
    Aborted = 4,
}

/// A state: a phase, and a round.
#[derive(Clone, Copy)]
pub(super) struct State {
    /// The word of this state. [`State::new`] makes a valid word. [`State::unpack`] keeps the word
    /// that was found, even if no barrier writes such a word: otherwise an exchange that expects it
    /// would fail for ever.
    pub(super) word: u32,
    pub(super) phase: Phase,
    pub(super) round: u32,
}

/// Rounds are counted in the bits of a slot that a participant leaves free.
pub(super) const ROUND_SHIFT: u32 = HOLDER.count_ones();
const ROUNDS: u32 = u32::MAX >> ROUND_SHIFT;
const PHASE_BITS: u32 = 3;

impl State {
    /// Unpacks a word. A word that no barrier writes means that the barrier is broken; a reset
    /// makes it whole.
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

    /// The state that follows when all slots are given back; `None` where that changes nothing.
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    // A party that was stopped for a whole round learns by the number that its round is over.
    #[test]
    fn each_round_has_another_number_than_those_before() {
        let mut state = State::new(Phase::Draining, ROUNDS - 2);
        for round in [ROUNDS - 1, ROUNDS, 0, 1, 2] {
            state = state.drained().unwrap().with(Phase::Draining);
            assert_eq!((state.round, State::unpack(state.word).round), (round, round));
        }
    }
}
