//! What is done after the death of a participant.

use super::shared::{Cell, Refused, Shared};
use super::word::{self, Entry, Phase, Position, SlotState};
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::Ordering;
use crate::wait::Wake;

impl<W: Wake> Shared<'_, W> {
    /// See [`Handle::recover`](super::Handle::recover).
    pub(super) fn recover(self, me: Participant, dead: Participant) -> usize {
        let (mut held, mut is_corrupt) = (0, false);
        for (slot, Cell { owner, .. }) in self.cells.iter().enumerate() {
            // Relaxed, here and below: the caller sees what the dead one wrote and had acquired.
            let seen = owner.load(Ordering::Relaxed);
            let Some(state) = SlotState::unpack(seen) else { continue };
            if state.by != dead || state.phase == Phase::Free || self.is_committed(slot, seen) {
                continue;
            }
            let keep = matches!(state.phase, Phase::Requeuing | Phase::Reading | Phase::Recovering);
            let phase = if keep { Phase::Recovering } else { Phase::Writing };
            let ended_claims = self.ended_claims_of_dead(slot, state);
            // The position stays: by it one who finds us dead knows how often the message was
            // claimed.
            let mine = SlotState { phase, by: me, position: state.position }.pack();
            // When it fails, a consumer claimed it, or another recovers it.
            if owner.compare_exchange(seen, mine, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                continue;
            }
            held += 1;
            let gives_up = keep && self.gives_up_after(ended_claims);
            if keep && !gives_up && !is_corrupt {
                match self.requeue_unheard(slot, me, ended_claims) {
                    Ok(()) => continue,
                    // Once is enough to know: each way without an end takes a while.
                    Err(refused) => is_corrupt = refused == Refused::Corrupt,
                }
            }
            self.free_unheard(slot);
            if gives_up {
                self.count_refused();
            }
        }
        held += usize::from(self.rare().is_some_and(|rare| rare.producers.recover(dead)));
        // Once everything is right; and always: it may have died after a step that somebody sleeps
        // for and before the ring, or while it rang.
        let _producers = Finally(|| self.head.bell.wake_all());
        self.tail.bell.wake_all();
        held
    }

    /// Whether the message in `slot`, whose word this is, has its place in the order: it waits,
    /// whoever put it there.
    pub(super) fn is_committed(self, slot: usize, word: u64) -> bool {
        let position = Position::of(word);
        let Some(entry) = self.entry(position) else { return false };
        // Relaxed: its maker is dead or joined, by the word of the two who ask, so that it is
        // there, and visible, or never will be.
        let entry = Entry(entry.load(Ordering::Relaxed));
        word::waits_at(word, position) && entry == Entry::new(position, slot)
    }
}
