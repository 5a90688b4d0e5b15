//! Recovery: what a survivor does after the death of a participant.

use super::super::outcome::Refused;
use super::shared::{Cell, Shared};
use super::word::{self, Entry, Phase, Position, SlotState};
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::Ordering;
use crate::wait::Wake;

impl<W: Wake> Shared<'_, W> {
    /// Frees or requeues what `dead` held, as `me`: see
    /// [`Handle::recover`](super::super::Handle::recover).
    pub(in crate::ring::queue) fn recover(self, me: Participant, dead: Participant) -> usize {
        let (mut held, mut is_corrupt) = (0, false);
        for (slot, Cell { owner, .. }) in self.cells.iter().enumerate() {
            // Relaxed, here and below: the caller guarantees that what the dead participant wrote,
            // and what it had acquired, is visible.
            let seen = owner.load(Ordering::Relaxed);
            let Some(state) = SlotState::unpack(seen) else { continue };
            if state.by != dead || state.phase == Phase::Free || self.is_committed(slot, seen) {
                continue;
            }
            let keep = matches!(state.phase, Phase::Requeuing | Phase::Reading | Phase::Recovering);
            let phase = if keep { Phase::Recovering } else { Phase::Writing };
            let ended_claims = self.ended_claims_of_dead(slot, state);
            // Keeps the position. If `me` dies too, the next survivor finds by it how often the
            // message was claimed.
            let mine = SlotState { phase, by: me, position: state.position }.pack();
            // A failure means that a consumer claimed the message, or that another survivor
            // recovers it.
            if owner.compare_exchange(seen, mine, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                continue;
            }
            held += 1;
            let gives_up = keep && self.gives_up_after(ended_claims);
            if keep && !gives_up && !is_corrupt {
                match self.requeue_silently(slot, me, ended_claims) {
                    Ok(()) => continue,
                    // One answer is enough: each walk through a corrupt queue takes a while.
                    Err(refused) => is_corrupt = refused == Refused::Corrupt,
                }
            }
            self.free_silently(slot);
            if gives_up {
                self.count_refused();
            }
        }
        held += usize::from(self.rare().is_some_and(|rare| rare.producers.recover(dead)));
        // Wakes everybody, after everything is right, and always. The participant may have died
        // between a step that somebody sleeps for and the ring, or while it rang.
        let _producers = Finally(|| self.head.bell.wake_all());
        self.tail.bell.wake_all();
        held
    }

    /// Whether the message in `slot` is in line and waits, no matter who put it there.
    ///
    /// `word` is the owner word of the slot.
    pub(super) fn is_committed(self, slot: usize, word: u64) -> bool {
        let position = Position::of(word);
        let Some(entry) = self.entry(position) else { return false };
        // Relaxed: both callers guarantee that the maker of the entry is dead or has finished. So
        // the entry is there and visible, or it never will be.
        let entry = Entry(entry.load(Ordering::Relaxed));
        word::waits_at(word, position) && entry == Entry::new(position, slot)
    }
    /// The slots of the messages that wait, in any order, for a caller that has the queue
    /// exclusively.
    pub(in crate::ring::queue) fn waiting(self) -> impl Iterator<Item = usize> {
        // Relaxed: whatever made the access exclusive orders it.
        let words = self.cells.iter().map(|cell| cell.owner.load(Ordering::Relaxed)).enumerate();
        words.filter(move |&(slot, word)| self.is_committed(slot, word)).map(|(slot, _)| slot)
    }
}
