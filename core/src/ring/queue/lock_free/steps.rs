//! The five steps of a message through a queue. The [module](super) draws them, and [`word`] lists
//! the states that they lead through.
//!
//! | step | who | what | where |
//! |---|---|---|---|
//! | 1 | a producer | takes a free slot, by exchange of its owner word | [`Shared::take`] |
//! | 2 | the producer | stores in the owner word which position it tries | [`Shared::exchange_entry`] |
//! | 3 | the producer | commits: exchanges the entry of that position | [`Shared::exchange_entry`] |
//! | 4 | a consumer | claims: exchanges the owner word | [`Shared::claim`] |
//! | 5 | the consumer | frees the slot, by a store in its owner word | [`Shared::free`] |
//!
//! Each `try_` form tries a step once at the position where it most likely succeeds. The form
//! without `try_` searches and repeats, until the step succeeds or until nothing is there to take.

use super::super::outcome::{NoSlot, Refused};
use super::probe::{Probe, unfilled};
use super::shared::{Contended, Place, Shared, Slot};
use super::word::{self, Entry, EntryState, Phase, Position, SlotState};
use super::{Claimed, Taken};
use crate::participant::Participant;
use crate::sync::{AtomicU64, Cached, Ordering, worth_a_try};
use crate::wait::Wake;

/// Likely-free slots to probe before a full scan. Without caches a full scan slows nobody else
/// down, so it comes at once.
const LIKELY: usize = if Cached::ENABLED { 8 } else { 0 };

/// What a producer found when it probed the slots that come free next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FreeSlot {
    /// This slot was free when the producer looked.
    Free(usize),
    /// No slot is free: the messages wait, or somebody holds their slots.
    Full,
    /// The probed slots are not free; only a full scan can tell about the others.
    Unclear,
}

/// What a consumer found at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimResult {
    /// The consumer claimed a message: in this slot, from this position.
    Claimed(usize, Position),
    /// No message waits now.
    Empty,
    /// No message waits, and none will come: the queue is closed.
    Ended,
    /// The words are not those of a queue: see [`Corrupt`](super::shared::Corrupt).
    Corrupt,
}

/// Step 1: takes the slot of this owner word; false when it is not free, or another took it.
#[inline(always)]
fn exchange_free(owner: &AtomicU64, me: Participant) -> bool {
    let mine = SlotState { phase: Phase::Writing, by: me, position: Position::START }.pack();
    // Relaxed: only spares a vain exchange; the exchange decides.
    worth_a_try(|| owner.load(Ordering::Relaxed) == SlotState::FREE)
        // SYNC POINT with the release stores of a free word, in `free_silently`: acquire. Whoever
        // freed the slot (step 5, a dropped loan, a recovery) is done with its value. Failure,
        // relaxed: another took the slot.
        && owner
            .compare_exchange(SlotState::FREE, mine, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
}

impl<'q, W: Wake> Shared<'q, W> {
    /// Step 1, tried once: takes for `me` the slot that is most likely free.
    ///
    /// It is the slot with the index of `place`, so that the entry and the owner word share a cell.
    #[inline(always)]
    pub(super) fn try_take(self, me: Participant, place: Place<'q>) -> bool {
        unfilled(&place.cell.entry, place.position).is_some()
            && exchange_free(&place.cell.owner, me)
    }

    /// Step 1, tried once: takes the slot with the index of `position`, the next free place in
    /// line. Its owner word lies beside the entry that step 3 writes.
    #[inline(always)]
    fn take_natural(self, position: Position, me: Participant) -> Option<Taken> {
        let slot = position.index(self.n());
        self.exchange_free(slot, me).then_some(Taken { slot, from: position })
    }

    /// Step 1: takes a free slot for `me`. Looks for the tail from `from` on, and returns the slot
    /// and the position to commit at.
    pub(super) fn take(self, me: Participant, mut from: Position) -> Result<Taken, NoSlot> {
        let mut is_first = true;
        loop {
            let Ok((position, before)) = self.first_unfilled(from) else {
                return Err(NoSlot::Corrupt);
            };
            if let Some(taken) = self.take_natural(position, me) {
                return Ok(taken);
            }
            let is_contended = is_first && word::is_large(self.n()) && self.is_coming(position);
            if !is_contended {
                let slot = match self.probe_likely(position, before) {
                    FreeSlot::Free(slot) => slot,
                    // The mirror image of `is_worth_waiting`: the producer waits, so that consumers
                    // free several slots per transfer of the cache line.
                    FreeSlot::Full if self.is_first_visit(self.tail, position) => {
                        from = self.tail_after(Contended(Some(&self.head.position)), position);
                        continue;
                    }
                    FreeSlot::Full => return Err(NoSlot::Full),
                    FreeSlot::Unclear => {
                        let slot = self.take_any(position.index(self.n()), me);
                        return Ok(Taken { slot: slot.ok_or(NoSlot::Full)?, from: position });
                    }
                };
                if self.exchange_free(slot, me) {
                    return Ok(Taken { slot, from: position });
                }
            }
            is_first = false;
            from = self.tail_after(Contended(Some(&self.tail.position)), position);
        }
    }

    /// Probes the slots that come free next, beginning with the one that was used at `position` one
    /// lap ago, as `before` says.
    ///
    /// Slots tend to come free in the order in which they were filled. So the next ones to come
    /// free are those whose messages had the next entries one lap ago. If the first message that
    /// waits is among them, and the slots before it are held, then the queue is full. The producer
    /// need not look at the other slots, which the consumers are about to change.
    #[inline(never)]
    fn probe_likely(self, mut position: Position, mut before: Entry) -> FreeSlot {
        let mut held = [usize::MAX; LIKELY];
        for at in 0..LIKELY {
            // This entry was never used, or the order ends here.
            if before == Entry::UNUSED || before.is_closed() {
                break;
            }
            let slot = before.slot();
            let Some(owner) = self.owner(slot) else { break };
            // Relaxed: the exchange of step 1 decides.
            let owner_word = owner.load(Ordering::Relaxed);
            if owner_word == SlotState::FREE {
                return FreeSlot::Free(slot);
            }
            if word::waits_at(owner_word, before.position()) {
                return FreeSlot::Full;
            }
            // Stops at a slot that may hold a message that waits at another position: it counts
            // there. Stops also at a slot that the walk already counted.
            let is_held = SlotState::is_in(owner_word, Phase::Writing)
                || SlotState::is_in(owner_word, Phase::Reading);
            if !is_held || held.contains(&slot) {
                break;
            }
            if let Some(held) = held.get_mut(at) {
                *held = slot;
            }
            position = position.next(self.n());
            let Some(entry) = self.entry(position) else { break };
            // Relaxed: a hint, checked against the owner word of the slot that it names.
            before = Entry(entry.load(Ordering::Relaxed));
        }
        FreeSlot::Unclear
    }

    /// Step 1 by a full scan: takes the next free slot from `guess` on.
    #[cold]
    fn take_any(self, guess: usize, me: Participant) -> Option<usize> {
        (guess..self.n()).chain(0..guess).find(|&slot| self.exchange_free(slot, me))
    }

    /// Step 1: takes `slot`; false when it is not free, or another took it.
    #[inline(always)]
    fn exchange_free(self, slot: usize, me: Participant) -> bool {
        self.owner(slot).is_some_and(|owner| exchange_free(owner, me))
    }

    /// Step 5: frees `slot`, which the caller holds, and rings the producers' bell.
    #[inline(always)]
    fn free(self, slot: usize) {
        self.free_silently(slot);
        self.head.bell.ring();
    }

    /// Frees a slot that was taken, whose message will not be sent.
    #[inline(always)]
    pub(in crate::ring::queue) fn give_up(self, taken: Taken) {
        self.free(taken.slot);
    }

    /// Step 5: the caller is done with the message.
    #[inline(always)]
    pub(in crate::ring::queue) fn complete(self, claimed: Claimed) {
        self.free(claimed.slot);
    }

    /// Step 5 without the bell: wakes nobody.
    #[inline(always)]
    pub(super) fn free_silently(self, slot: usize) {
        if let Some(owner) = self.owner(slot) {
            // Release: the caller is done with the slot and with its message. Three partners
            // acquire this. SYNC POINT with the exchange in `exchange_free`, whose maker uses the
            // slot next. SYNC POINT with the load in `held_messages`, whose caller may find all
            // done. SYNC POINT with the load of the owner word in `probe`, whose caller learns that
            // the message was claimed.
            owner.store(SlotState::FREE, Ordering::Release);
        }
    }
}

impl<'q, W: Wake> Shared<'q, W> {
    /// Steps 2 and 3: puts the value in `slot`, which `me` holds, in line. Rings the consumers'
    /// bell.
    ///
    /// Looks for the first unfilled position from `from` on, also when the caller knew it before
    /// step 1. The position must be newer than any that this slot had. Suppose the slot had carried
    /// the message of this very position before. Then a consumer that is about to claim that
    /// message would see the same owner word again, and claim a message that is not in line yet.
    /// The acquire of step 1 makes every entry that named the slot visible here, so the search
    /// passes that position.
    ///
    /// Step 3 need not look at the head. `me` holds a slot, so fewer messages wait than there are
    /// slots. So the message that had this entry one lap ago, `N` positions earlier, was claimed.
    pub(super) fn commit(
        self,
        slot: usize,
        me: Participant,
        mut from: Position,
    ) -> Result<(), Refused> {
        let slot = self.slot(slot).ok_or(Refused::Corrupt)?;
        loop {
            let (position, seen) = self.first_unfilled(from)?;
            let entry_word = self.entry(position).ok_or(Refused::Corrupt)?;
            // The mark of the end. Only a message that was in line before may replace it.
            if seen == Entry::closed(position) {
                return Err(Refused::Closed);
            }
            match self.exchange_entry(slot, me, Phase::Committing, position, entry_word, seen) {
                Ok(()) => break,
                Err(lost) => from = self.tail_after(lost, position),
            }
        }
        self.tail.bell.ring();
        Ok(())
    }

    /// Steps 2 and 3, tried once, at `place`.
    #[inline(always)]
    pub(super) fn try_commit(
        self,
        slot: Slot<'q>,
        me: Participant,
        place: Place<'q>,
    ) -> Result<(), Contended<'q>> {
        let Place { position, cell, .. } = place;
        let seen = unfilled(&cell.entry, position).ok_or(Contended(None))?;
        self.exchange_entry(slot, me, Phase::Committing, position, &cell.entry, seen)?;
        self.tail.bell.ring();
        Ok(())
    }

    /// Steps 2 and 3, once, at `position`, whose `entry_word` says `seen`.
    ///
    /// `phase` tells a survivor what the message is if `me` dies before step 3:
    /// [`Phase::Committing`] for a new message, [`Phase::Requeuing`] for one that must not be lost.
    #[inline(always)]
    pub(super) fn exchange_entry(
        self,
        slot: Slot<'q>,
        me: Participant,
        phase: Phase,
        position: Position,
        entry_word: &AtomicU64,
        seen: Entry,
    ) -> Result<(), Contended<'q>> {
        // Step 2. Step 3 publishes it. SYNC POINT with the load of the owner word in `probe`:
        // release. A consumer that looks for an earlier message of this slot may see this word
        // instead. Then it sees what the maker of this store saw: that message was claimed.
        slot.owner.store(SlotState { phase, by: me, position }.pack(), Ordering::Release);
        // Step 3. SYNC POINT with the loads of the entry in `probe`, `first_unfilled` and
        // `sum_of_entries`: release. It publishes the value and the owner word. Failure, relaxed:
        // another was faster, or `seen` was old. The next look sees what is there now.
        let entry = Entry::new(position, slot.index);
        entry_word
            .compare_exchange(seen.0, entry.0, Ordering::Release, Ordering::Relaxed)
            .map_err(|_| Contended(Some(&self.tail.position)))?;
        self.store_hint(&self.tail.position, position.next(self.n()));
        Ok(())
    }
}

impl<'q, W: Wake> Shared<'q, W> {
    /// Step 4: claims for `me` the first message that nobody claimed. Looks for it from `from` on.
    pub(super) fn claim(self, me: Participant, mut from: Position) -> ClaimResult {
        loop {
            let Ok((position, found)) = self.first_unclaimed(from) else {
                return ClaimResult::Corrupt;
            };
            match self.claim_probed(me, position, found) {
                Ok(head) => return head,
                Err(lost) => from = self.head_after(lost, position),
            }
        }
    }

    /// Step 4, tried once, at `position`.
    #[inline(always)]
    pub(super) fn try_claim(
        self,
        me: Participant,
        position: Position,
    ) -> Result<ClaimResult, Contended<'q>> {
        let Place { cell, .. } = self.place(position).ok_or(Contended(None))?;
        self.claim_probed(me, position, self.probe(position, &cell.entry))
    }

    /// Step 4, once: claims what a probe of `position` found, or says why nothing was claimed.
    #[inline(always)]
    fn claim_probed(
        self,
        me: Participant,
        position: Position,
        found: Probe<'q>,
    ) -> Result<ClaimResult, Contended<'q>> {
        match found {
            Probe::Message { slot, owner, owner_word } => {
                // Step 4. SYNC POINT with the load of the owner word in `probe`: release. No
                // acquire is needed: the load of the entry in `probe` made the value visible.
                // Failure, relaxed: the next look decides.
                let mine = SlotState { phase: Phase::Reading, by: me, position }.pack();
                owner
                    .compare_exchange(owner_word, mine, Ordering::Release, Ordering::Relaxed)
                    .map_err(|_| Contended(Some(&self.head.position)))?;
                self.store_hint(&self.head.position, position.next(self.n()));
                Ok(ClaimResult::Claimed(slot, position))
            }
            Probe::Nothing if self.is_worth_waiting(position) => {
                Err(Contended(Some(&self.tail.position)))
            }
            // Every message before `position` was claimed, so the queue was empty when the consumer
            // looked.
            Probe::Nothing if !self.is_closed() => Ok(ClaimResult::Empty),
            Probe::Nothing if self.mark_end(position) => Ok(ClaimResult::Ended),
            Probe::Nothing | Probe::Claimed(_) => Err(Contended(None)),
            Probe::End => Ok(ClaimResult::Ended),
            Probe::Corrupt => Ok(ClaimResult::Corrupt),
        }
    }

    /// Marks the end of a closed queue's order at `position`, where a consumer found nothing. No
    /// push gets past the mark. False when a message came first; the next look sees it.
    #[cold]
    pub(super) fn mark_end(self, position: Position) -> bool {
        let Some(entry_word) = self.entry(position) else { return true };
        // Relaxed: the exchange fails when the word is not the newest, and the mark publishes
        // nothing.
        let seen = Entry(entry_word.load(Ordering::Relaxed));
        let mark = Entry::closed(position).0;
        seen.seen_from(position) == EntryState::Before
            && entry_word
                .compare_exchange(seen.0, mark, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}
