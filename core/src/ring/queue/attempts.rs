//! How often a message was claimed, and when it is given up.
//!
//! A word a slot says how many claims of a message ended without a completion, and the position at
//! which the message was put back after the last of them. The claims that go well do not touch it:
//! what stands there about an earlier message of the slot is of an earlier position, and does not
//! count.

use super::shared::{Refused, Shared};
use super::word::{Phase, Position, SlotState};
use crate::participant::Participant;
use crate::sync::{AtomicU64, Ordering};
use crate::wait::Wake;

/// How many claims of the message at `position` ended, and whether `word`, of its slot, says that
/// it was already put back behind there, or was about to be.
const fn ended_claims(word: u64, position: Position) -> (u16, bool) {
    let noted = Position::of(word);
    if position.is_after(noted) { (0, false) } else { (word as u16, noted.is_after(position)) }
}

impl<'q, W: Wake> Shared<'q, W> {
    /// The word of a slot, where there is room for it.
    #[inline(always)]
    fn tries_of(self, slot: usize) -> Option<&'q AtomicU64> {
        self.tries.get()?.get(slot)
    }

    /// How many claims of the message in `slot`, claimed at `position`, ended without a completion.
    pub(super) fn ended_claims(self, slot: usize, position: Position) -> u16 {
        // Relaxed: seen with the entry by which the message was put back.
        self.tries_of(slot).map_or(0, |word| ended_claims(word.load(Ordering::Relaxed), position).0)
    }

    /// The same for one who takes a message over from a dead participant, whose claim, `state`,
    /// ended too: with its end.
    pub(super) fn ended_claims_of_dead(self, slot: usize, state: SlotState) -> u16 {
        // Relaxed: what the dead one wrote is visible here.
        let word = self.tries_of(slot).map_or(0, |word| word.load(Ordering::Relaxed));
        let (count, is_noted) = ended_claims(word, state.position);
        // Did it die as it put the message back, this claim was counted.
        if is_noted || state.phase == Phase::Requeuing { count } else { count.saturating_add(1) }
    }

    pub(super) fn max_attempts(self) -> u16 {
        // Relaxed: it says something about itself alone.
        self.rare().map_or(0, |rare| rare.limit.max.load(Ordering::Relaxed) as u16)
    }

    pub(super) fn set_max_attempts(self, max: u16) {
        // Relaxed: as above.
        if let Some(rare) = self.rare() {
            rare.limit.max.store(max.into(), Ordering::Relaxed);
        }
    }

    pub(super) fn refused(self) -> u32 {
        // Relaxed: as above.
        self.rare().map_or(0, |rare| rare.limit.refused.load(Ordering::Relaxed))
    }

    /// Whether a message of which so many claims ended is given up.
    pub(super) fn gives_up_after(self, ended_claims: u16) -> bool {
        let max = self.max_attempts();
        max != 0 && ended_claims >= max
    }

    /// Counts a message that was given up. Its slot is free before: one who dies in between counts
    /// it not at all.
    pub(super) fn count_refused(self) {
        // Relaxed: a number.
        if let Some(rare) = self.rare() {
            rare.limit.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<W: Wake> Shared<'_, W> {
    /// What a claim of `me` that ends without a completion does: the message in `slot`, claimed at
    /// `position`, is put back. False when it is to be given up: then the slot is still ours.
    pub(super) fn give_back(self, slot: usize, me: Participant, position: Position) -> bool {
        let ended_claims = self.ended_claims(slot, position).saturating_add(1);
        if self.gives_up_after(ended_claims) {
            return false;
        }
        // On a corrupt queue it stays with us.
        let _ = self.requeue_unheard(slot, me, ended_claims);
        self.tail.bell.ring();
        true
    }

    /// 5, of a message that is given up.
    pub(super) fn free_refused(self, slot: usize) {
        self.free_unheard(slot);
        self.count_refused();
        self.head.bell.ring();
    }

    /// Puts the message in `slot`, which we hold, back into the order, behind those that are there;
    /// of its claims so many ended. A closed queue takes it too: it takes the place of the mark at
    /// the end, and the next consumer who finds nothing marks the end again. Wakes nobody.
    pub(super) fn requeue_unheard(
        self,
        slot: usize,
        me: Participant,
        ended_claims: u16,
    ) -> Result<(), Refused> {
        let slot = self.slot(slot).ok_or(Refused::Corrupt)?;
        let mut from = self.tail_hint();
        loop {
            let (position, place, seen) = self.first_unfilled(from)?;
            // Before the slot's word says so, in which the one who may find us dead looks. Relaxed:
            // published by the entry. Had the two stores changed cells, a death between them would
            // make the count begin anew.
            if let Some(tries) = self.tries_of(slot.index) {
                tries.store(position.word() | u64::from(ended_claims), Ordering::Relaxed);
            }
            match self.exchange_entry(slot, me, Phase::Requeuing, position, place, seen) {
                Ok(()) => return Ok(()),
                Err(lost) => from = self.tail_after(lost, position),
            }
        }
    }
}
