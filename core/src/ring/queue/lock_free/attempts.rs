//! How often a message was claimed, and when it is given up.
//!
//! One word for each slot holds two numbers: how many claims of a message ended without a
//! completion, and the position at which the message was put back after the last of them. A claim
//! that is completed does not touch the word. When the word holds an earlier position, it is about
//! an earlier message of the slot, and does not count.

use super::super::outcome::Refused;
use super::super::rare::Rare;
use super::Claimed;
use super::shared::Shared;
use super::word::{Phase, Position, SlotState};
use crate::participant::Participant;
use crate::sync::{AtomicU64, Ordering};
use crate::wait::Wake;

/// How many claims of the message at `position` ended, as `word` of its slot says; and whether the
/// last of them already counted when its message was put back, or was about to be put back, at a
/// later position.
const fn ended_claims(word: u64, position: Position) -> (u16, bool) {
    let noted = Position::of(word);
    if position.is_after(noted) { (0, false) } else { (word as u16, noted.is_after(position)) }
}

impl<'q, W: Wake> Shared<'q, W> {
    /// The attempts word of a slot, where there is room for it.
    #[inline(always)]
    fn tries_of(self, slot: usize) -> Option<&'q AtomicU64> {
        self.tries.get()?.get(slot)
    }

    /// How many claims of this message ended without a completion.
    pub(in crate::ring::queue) fn ended_claims(self, Claimed { slot, position }: Claimed) -> u16 {
        // Relaxed: the entry by which the message was put back made the word visible.
        self.tries_of(slot).map_or(0, |word| ended_claims(word.load(Ordering::Relaxed), position).0)
    }

    /// How many claims of a dead participant's message ended, with the dead participant's own.
    ///
    /// `state` is what the owner word says of the dead participant.
    pub(super) fn ended_claims_of_dead(self, slot: usize, state: SlotState) -> u16 {
        // Relaxed: the caller of `recover` guarantees that the dead participant's writes are
        // visible.
        let word = self.tries_of(slot).map_or(0, |word| word.load(Ordering::Relaxed));
        let (count, is_noted) = ended_claims(word, state.position);
        // If the participant died while it put the message back, its claim was already counted.
        if is_noted || state.phase == Phase::Requeuing { count } else { count.saturating_add(1) }
    }

    /// Whether a message is given up after this many claims ended.
    pub(super) fn gives_up_after(self, ended_claims: u16) -> bool {
        let max = self.rare().map_or(0, Rare::max_attempts);
        max != 0 && ended_claims >= max
    }

    /// Counts a message that was given up: see [`Rare::count_refused`].
    pub(super) fn count_refused(self) {
        if let Some(rare) = self.rare() {
            rare.count_refused();
        }
    }
}

impl<W: Wake> Shared<'_, W> {
    /// Ends a claim of `me` without a completion: puts the message back in line. False when the
    /// message is to be given up; then `me` still holds the slot.
    pub(in crate::ring::queue) fn give_back(self, claimed: Claimed, me: Participant) -> bool {
        let ended_claims = self.ended_claims(claimed).saturating_add(1);
        if self.gives_up_after(ended_claims) {
            return false;
        }
        // On a corrupt queue the slot stays with `me`.
        let _ = self.requeue_silently(claimed.slot, me, ended_claims);
        self.tail.bell.ring();
        true
    }

    /// Step 5 for a message that is given up.
    pub(in crate::ring::queue) fn free_refused(self, claimed: Claimed) {
        self.free_silently(claimed.slot);
        self.count_refused();
        self.head.bell.ring();
    }

    /// Puts the message in `slot`, which `me` holds, back in line, behind those that are there.
    /// Wakes nobody.
    ///
    /// `ended_claims` of its claims ended. A closed queue takes the message too: it replaces the
    /// mark of the end, and the next consumer that finds nothing marks the end again.
    pub(super) fn requeue_silently(
        self,
        slot: usize,
        me: Participant,
        ended_claims: u16,
    ) -> Result<(), Refused> {
        let slot = self.slot(slot).ok_or(Refused::Corrupt)?;
        let mut from = self.tail_hint();
        loop {
            let (position, seen) = self.first_unfilled(from)?;
            let entry_word = self.entry(position).ok_or(Refused::Corrupt)?;
            // This store comes before the store of the owner word. A survivor that finds `me` dead
            // reads the owner word: if it says `Requeuing`, the claim was counted. If the stores
            // were swapped, a death between them would restart the count. Relaxed: step 3 publishes
            // it.
            if let Some(tries) = self.tries_of(slot.index) {
                tries.store(position.word() | u64::from(ended_claims), Ordering::Relaxed);
            }
            match self.exchange_entry(slot, me, Phase::Requeuing, position, entry_word, seen) {
                Ok(()) => return Ok(()),
                Err(lost) => from = self.tail_after(lost, position),
            }
        }
    }
}
