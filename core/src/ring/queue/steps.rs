//! The steps of a message through a queue: a slot is taken, the message committed and claimed, the
//! slot freed.

use super::probe::{Probe, unfilled};
use super::shared::{Contended, NoSlot, Place, Refused, Shared, Slot};
use super::word::{self, Entry, EntryState, Phase, Position, SlotState};
use crate::participant::Participant;
use crate::sync::{AtomicU64, Cached, Ordering, worth_a_try};
use crate::wait::Wake;

/// Likely-free slots to probe before a full scan. Without caches a full scan costs nobody else
/// anything.
const LIKELY: usize = if Cached::ENABLED { 8 } else { 0 };

/// What a producer found among the slots that come free next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FreeSlot {
    /// This one is free, or was.
    Free(usize),
    /// None is, nor any other: all wait, but those that are held.
    Full,
    /// None is, and it takes a look at all to know.
    Unclear,
}

/// What a consumer found at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimResult {
    /// A message, which is its own now: in this slot, and from this position.
    Claimed(usize, Position),
    /// Nothing now.
    Empty,
    /// Nothing, and nothing will come: the queue is closed.
    Ended,
    /// Nothing can be said: see [`Corrupt`].
    Corrupt,
}

/// 1: takes a slot; false when it is not free, or another took it.
#[inline(always)]
fn exchange_free(owner: &AtomicU64, me: Participant) -> bool {
    let mine = SlotState { phase: Phase::Writing, by: me, position: Position::START }.pack();
    // Relaxed: a look before the exchange.
    worth_a_try(|| owner.load(Ordering::Relaxed) == SlotState::FREE)
        // Acquire: partner is the release of whoever freed it (5, a dropped loan, a recovery), who
        // is done with the slot. Failure, relaxed: another took it.
        && owner
            .compare_exchange(SlotState::FREE, mine, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
}

impl<'q, W: Wake> Shared<'q, W> {
    /// Takes the slot for `me` that is most likely free, at the first look: that of the same number
    /// as the place that it goes to.
    #[inline(always)]
    pub(super) fn try_take(self, me: Participant, place: Place<'q>) -> bool {
        unfilled(&place.cell.entry, place.position).is_some()
            && exchange_free(&place.cell.owner, me)
    }

    /// Takes the slot of the same number as `position`, which comes next: its word lies beside the
    /// entry that we write next.
    #[inline(always)]
    fn take_natural(self, position: Position, me: Participant) -> Option<(usize, Position)> {
        let slot = position.index(self.n());
        self.exchange_free(slot, me).then_some((slot, position))
    }

    /// Takes a free slot for `me`, and looks for the tail from `from` on.
    pub(super) fn take(
        self,
        me: Participant,
        mut from: Position,
    ) -> Result<(usize, Position), NoSlot> {
        let mut is_first = true;
        loop {
            let Ok((position, _, before)) = self.first_unfilled(from) else {
                return Err(NoSlot::Corrupt);
            };
            if let Some(taken) = self.take_natural(position, me) {
                return Ok(taken);
            }
            let is_contended = is_first && word::is_large(self.n()) && self.is_coming(position);
            if !is_contended {
                let slot = match self.look_near(position, before) {
                    FreeSlot::Free(slot) => slot,
                    // As `is_worth_a_moment`, with the ends the other way round: that some come
                    // free for one cache line.
                    FreeSlot::Full if self.is_first_look(self.tail, position) => {
                        from = self.tail_after(Contended(Some(&self.head.position)), position);
                        continue;
                    }
                    FreeSlot::Full => return Err(NoSlot::Full),
                    FreeSlot::Unclear => {
                        let slot = self.take_any(position.index(self.n()), me);
                        return Ok((slot.ok_or(NoSlot::Full)?, position));
                    }
                };
                if self.exchange_free(slot, me) {
                    return Ok((slot, position));
                }
            }
            is_first = false;
            from = self.tail_after(Contended(Some(&self.tail.position)), position);
        }
    }

    /// Looks at the slots that come free next: they do in the order in which they were filled, so
    /// that these are those whose messages were, one lap ago, where the next ones come to. When the
    /// first message that waits comes soon, and all before it are held, the queue is full, and
    /// nothing else need be looked at, which the consumers are about to change.
    #[inline(never)]
    fn look_near(self, mut position: Position, mut before: Entry) -> FreeSlot {
        let mut held = [usize::MAX; LIKELY];
        for at in 0..LIKELY {
            // Nothing was here yet, or the order ends here.
            if before == Entry::UNUSED || before.is_closed() {
                break;
            }
            let slot = before.slot();
            let Some(owner) = self.owner(slot) else { break };
            // Relaxed: a look.
            let says = owner.load(Ordering::Relaxed);
            if says == SlotState::FREE {
                return FreeSlot::Free(slot);
            }
            if word::waits_at(says, before.position()) {
                return FreeSlot::Full;
            }
            // It may wait, and be counted there; or it was counted already.
            let is_held =
                SlotState::is_in(says, Phase::Writing) || SlotState::is_in(says, Phase::Reading);
            if !is_held || held.contains(&slot) {
                break;
            }
            if let Some(place) = held.get_mut(at) {
                *place = slot;
            }
            position = position.next(self.n());
            let Some(entry) = self.entry(position) else { break };
            // Relaxed: what it says is judged by the slot's word.
            before = Entry(entry.load(Ordering::Relaxed));
        }
        FreeSlot::Unclear
    }

    /// Takes the next free slot from `guess` on; looks at all.
    #[cold]
    fn take_any(self, guess: usize, me: Participant) -> Option<usize> {
        (guess..self.n()).chain(0..guess).find(|&slot| self.exchange_free(slot, me))
    }

    /// 1: takes a slot; false when it is not free, or another took it.
    fn exchange_free(self, slot: usize, me: Participant) -> bool {
        self.owner(slot).is_some_and(|owner| exchange_free(owner, me))
    }

    /// 5: the slot is nobody's.
    #[inline(always)]
    pub(super) fn free(self, slot: usize) {
        self.free_unheard(slot);
        self.head.bell.ring();
    }

    /// [`free`](Self::free) that wakes nobody.
    #[inline(always)]
    pub(super) fn free_unheard(self, slot: usize) {
        if let Some(owner) = self.owner(slot) {
            // Release: partner is the acquire of 1: we are done with the slot; and SYNC POINT D, in
            // `unfinished`: with the message too.
            owner.store(SlotState::FREE, Ordering::Release);
        }
    }
}

impl<'q, W: Wake> Shared<'q, W> {
    /// 2 and 3: gives the value in `slot`, which is ours, its place in the order.
    ///
    /// Looks for the place from `from` on, and does so again although it may be known from before
    /// the slot was taken: what the slot's word says must be news. Had the slot carried the message
    /// of this very position already, one who is about to claim that one would claim this one,
    /// which is not there yet. By the acquire of 1 we see that it had.
    ///
    /// The exchange needs no look at the head. We hold a slot, so that fewer messages wait than
    /// there are slots, and whatever was in the entry of the first position that is not filled, `N`
    /// positions ago, was claimed.
    pub(super) fn commit(
        self,
        slot: usize,
        me: Participant,
        mut from: Position,
    ) -> Result<(), Refused> {
        let slot = self.slot(slot).ok_or(Refused::Corrupt)?;
        loop {
            let (position, place, seen) = self.first_unfilled(from)?;
            // The mark of the end. Only a message that was in the order before takes its place.
            if seen == Entry::closed(position) {
                return Err(Refused::Closed);
            }
            match self.exchange_entry(slot, me, Phase::Committing, position, place, seen) {
                Ok(()) => break,
                Err(lost) => from = self.tail_after(lost, position),
            }
        }
        self.tail.bell.ring();
        Ok(())
    }

    /// Tries to, at the first look.
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

    /// 2 and 3, once. `phase` says what the message is if we die before: [`Phase::Committing`], or
    /// [`Phase::Requeuing`].
    #[inline(always)]
    pub(super) fn exchange_entry(
        self,
        slot: Slot<'q>,
        me: Participant,
        phase: Phase,
        position: Position,
        place: &AtomicU64,
        seen: Entry,
    ) -> Result<(), Contended<'q>> {
        // 2. Published by 3. SYNC POINT E, release: who sees this instead of an earlier message of
        //    the slot
        // sees that it was claimed, as we do.
        slot.owner.store(SlotState { phase, by: me, position }.pack(), Ordering::Release);
        // 3. Release: partner is the acquire of the look at the entry in `look`. Failure, relaxed:
        //    another was faster, or we
        // had looked at something old. What is there now is seen by the next look.
        let entry = Entry::new(position, slot.index);
        place
            .compare_exchange(seen.0, entry.0, Ordering::Release, Ordering::Relaxed)
            .map_err(|_| Contended(Some(&self.tail.position)))?;
        self.found(&self.tail.position, position.next(self.n()));
        Ok(())
    }
}

impl<'q, W: Wake> Shared<'q, W> {
    /// Claims the first message that nobody claimed, for `me`, and looks for it from `from` on.
    pub(super) fn claim(self, me: Participant, mut from: Position) -> ClaimResult {
        loop {
            let Ok((position, found)) = self.first_unclaimed(from) else {
                return ClaimResult::Corrupt;
            };
            match self.claim_found(me, position, found) {
                Ok(head) => return head,
                Err(lost) => from = self.head_after(lost, position),
            }
        }
    }

    /// Tries to, at the first look.
    #[inline(always)]
    pub(super) fn try_claim(
        self,
        me: Participant,
        position: Position,
    ) -> Result<ClaimResult, Contended<'q>> {
        let Place { cell, .. } = self.place(position).ok_or(Contended(None))?;
        self.claim_found(me, position, self.look(position, &cell.entry))
    }

    #[inline(always)]
    fn claim_found(
        self,
        me: Participant,
        position: Position,
        found: Probe<'q>,
    ) -> Result<ClaimResult, Contended<'q>> {
        match found {
            Probe::Message { slot, owner, says } => {
                // 4. The value was acquired with the entry. SYNC POINT E, release: with the acquire
                //    in
                // `look`. Failure, relaxed: the next look decides.
                let mine = SlotState { phase: Phase::Reading, by: me, position }.pack();
                owner
                    .compare_exchange(says, mine, Ordering::Release, Ordering::Relaxed)
                    .map_err(|_| Contended(Some(&self.head.position)))?;
                self.found(&self.head.position, position.next(self.n()));
                Ok(ClaimResult::Claimed(slot, position))
            }
            Probe::Nothing if self.is_worth_a_moment(position) => {
                Err(Contended(Some(&self.tail.position)))
            }
            // All before it are claimed: the queue was empty when we looked.
            Probe::Nothing if !self.is_closed() => Ok(ClaimResult::Empty),
            Probe::Nothing if self.end(position) => Ok(ClaimResult::Ended),
            Probe::Nothing | Probe::Claimed(_) => Err(Contended(None)),
            Probe::End => Ok(ClaimResult::Ended),
            Probe::Corrupt => Ok(ClaimResult::Corrupt),
        }
    }

    /// Marks the end of a closed queue's order at `position`, where nothing was when we looked: no
    /// push gets past it. False when a message came first, which the next look sees.
    #[cold]
    pub(super) fn end(self, position: Position) -> bool {
        let Some(place) = self.entry(position) else { return true };
        // Relaxed: the exchange finds the newest, and the mark carries nothing.
        let seen = Entry(place.load(Ordering::Relaxed));
        let mark = Entry::closed(position).0;
        seen.seen_from(position) == EntryState::Before
            && place.compare_exchange(seen.0, mark, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
