//! What is seen of a queue without a change of it.

use super::shared::{Corrupt, Shared, Side};
use super::word::{self, Entry, EntryState, Phase, Position, SlotState};
use crate::sync::{AtomicU64, Cached, Ordering};
use crate::wait::Wake;

/// How often one looks at several words that others change meanwhile, until they stand still. Then
/// the answer is one that was true at some moment.
const LOOKS: usize = 4;

/// What a consumer finds at a position.
#[derive(Debug, Clone, Copy)]
pub(super) enum Probe<'q> {
    /// A message: in this slot, whose word says this.
    Message { slot: usize, owner: &'q AtomicU64, says: u64 },
    /// Nothing: the position was not filled when we looked.
    Nothing,
    /// The end of a closed queue's order.
    End,
    /// A number that no slot has.
    Corrupt,
    /// A message that somebody claimed; so all before this position were claimed.
    Claimed(Position),
}

/// Counts a step of a walk. Whether it was the last one that there may be. On a microcontroller
/// without caches nobody else writes into the memory, and the count is spared.
#[inline(always)]
fn is_over(left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    Cached::ENABLED && *left == 0
}

/// What the entry of `position` says, if that is not filled, and the order does not end there.
#[inline(always)]
pub(super) fn unfilled(entry: &AtomicU64, position: Position) -> Option<Entry> {
    // Relaxed: what was before `position` is seen by who looked for it, in `tail_hint`; what counts
    // is found out by an exchange.
    let entry = Entry(entry.load(Ordering::Relaxed));
    entry.is_before(position).then_some(entry)
}

impl<'q, W: Wake> Shared<'q, W> {
    /// Whether no message waits. When this looked at the first position that nobody had claimed,
    /// nothing was there: at that moment the queue was empty.
    pub(super) fn is_empty(self) -> bool {
        let found = self.first_unclaimed(self.head_hint());
        !matches!(found, Ok((_, Probe::Message { .. })))
    }

    /// How many messages wait; 0 only if none did at some moment of the call, and when the words
    /// are not those of a queue.
    pub(super) fn len(self) -> usize {
        let mut from = self.head_hint();
        let mut len = 0;
        for _ in 0..LOOKS {
            let Ok((head, Probe::Message { .. })) = self.first_unclaimed(from) else { return 0 };
            let Ok((tail, ..)) = self.first_unfilled(self.tail_hint()) else { return 0 };
            // The head again: if it stood still, the tail was where we saw it while the head was
            // there.
            let again = match self.first_unclaimed(head) {
                Ok((again, Probe::Message { .. })) => again,
                _ => return 0,
            };
            // If it did not, it may have passed the tail that we saw. So many wait at least.
            let since = tail.since(again, self.n());
            len = if since <= self.n() as u64 { since.max(1) as usize } else { 1 };
            if again == head {
                break;
            }
            from = again;
        }
        len
    }

    /// How many messages were ever sent, more or less; 0 when the words are not those of a queue.
    pub(super) fn pushed(self) -> u64 {
        let tail = self.first_unfilled(self.tail_hint());
        tail.map_or(0, |(tail, ..)| tail.back(1, self.n()).ordinal(self.n()))
    }

    /// Whether the words can be those of a queue: each by itself, and the ways along the entries
    /// have an end.
    pub(super) fn is_valid(self) -> bool {
        let n = self.n();
        let words = self.cells.iter().enumerate().all(|(index, place)| {
            // Relaxed, both: each is judged by itself.
            Entry(place.entry.load(Ordering::Relaxed)).is_valid_at(index, n)
                && SlotState::unpack(place.owner.load(Ordering::Relaxed)).is_some()
        });
        words
            && self.first_unclaimed(self.head_hint()).is_ok()
            && self.first_unfilled(self.tail_hint()).is_ok()
    }

    /// How many messages are sent and not done: they wait, or a consumer has them. 0 only if at
    /// some moment of the call all were done.
    ///
    /// The slots are looked at one after the other, and a message may be put into one that was seen
    /// to be free, by a consumer whose own is then seen to be done: a follow-up job. So what was
    /// seen counts only if no message was sent meanwhile. Otherwise there was one that was not
    /// done.
    pub(super) fn unfinished(self) -> usize {
        for _ in 0..LOOKS {
            let before = self.sum_of_entries();
            let count = self.held_messages();
            if count > 0 || self.sum_of_entries() == before {
                return count;
            }
        }
        1
    }

    fn held_messages(self) -> usize {
        // SYNC POINT D, acquire: with the release of 5. What was done with a message before it was
        // released is seen by a caller that finds all done; and so is what was sent before.
        let phases = self
            .cells
            .iter()
            .filter_map(|place| SlotState::unpack(place.owner.load(Ordering::Acquire)))
            .map(|state| state.phase);
        phases.filter(|phase| !matches!(phase, Phase::Free | Phase::Writing)).count()
    }

    /// A number that changes with each message that is sent: positions in an entry only grow.
    fn sum_of_entries(self) -> u64 {
        // Acquire: partner is the release of 3. The slots of those that are in the sum are looked
        // at later, and are seen taken.
        let entries = self.cells.iter().map(|place| Entry(place.entry.load(Ordering::Acquire)));
        entries.fold(0, |sum, entry| sum.wrapping_add(entry.position().number()))
    }

    /// Whether the order of a closed queue ends at the head, as a consumer finds out.
    pub(super) fn has_ended(self) -> bool {
        match self.first_unclaimed(self.head_hint()) {
            Ok((position, Probe::Nothing)) => self.end(position),
            Ok((_, found)) => matches!(found, Probe::End),
            // Nothing will come out of it.
            Err(Corrupt) => true,
        }
    }

    /// After so many steps along the entries, either the others went on meanwhile or the way has no
    /// end. Past entries that stand still it is at most two laps: one past those that were filled
    /// again, one past those that are filled.
    #[inline(always)]
    fn longest_walk(self) -> usize {
        self.n().saturating_mul(4).saturating_add(256)
    }

    /// What a consumer finds at `position`, whose entry this is.
    #[inline(always)]
    pub(super) fn look(self, position: Position, entry: &AtomicU64) -> Probe<'q> {
        // Acquire: partner is the release of 3. The value and the slot's word are seen with the
        // entry: an older word would look as if the message had been claimed.
        let entry = Entry(entry.load(Ordering::Acquire));
        match entry.seen_from(position) {
            EntryState::Here(slot) => {
                let Some(owner) = self.owner(slot) else { return Probe::Corrupt };
                // At least as new as the word before 3, by the acquire above. SYNC POINT E,
                // acquire: with the release in `claim_found`, and those of 2 and 5. Who sees that a
                // message was claimed sees what its consumer saw: the next one, if that was there.
                let says = owner.load(Ordering::Acquire);
                if word::waits_at(says, position) {
                    Probe::Message { slot, owner, says }
                } else {
                    Probe::Claimed(position.next(self.n()))
                }
            }
            // Filled again since, `n` positions later, so that this one was claimed, and all before
            // it.
            EntryState::After => {
                Probe::Claimed(entry.position().back(self.n(), self.n()).next(self.n()))
            }
            EntryState::Before => Probe::Nothing,
            EntryState::End => Probe::End,
        }
    }

    /// The first position from `position` on that nobody claimed, and what is there. All before
    /// `position` are claimed.
    ///
    /// The walk is bounded, and begins again where the head was noted meanwhile, if it was. Who
    /// notes it has claimed a message, so that one place is noted once, and a walk that begins
    /// where the last one did has no end.
    #[inline(always)]
    pub(super) fn first_unclaimed(
        self,
        mut position: Position,
    ) -> Result<(Position, Probe<'q>), Corrupt> {
        let (mut from, mut left) = (position, self.longest_walk());
        loop {
            match self.look(position, self.entry(position).ok_or(Corrupt)?) {
                Probe::Claimed(next) => position = next,
                found => return Ok((position, found)),
            }
            if is_over(&mut left) {
                position = self.head_hint();
                if position == from {
                    return Err(Corrupt);
                }
                (from, left) = (position, self.longest_walk());
            }
        }
    }

    /// The first position from `position` on that is not filled, or is where the order of a closed
    /// queue ends, its entry, and what that says. All before `position` are filled. Bounded as
    /// [`first_unclaimed`](Self::first_unclaimed) is.
    #[inline(always)]
    pub(super) fn first_unfilled(
        self,
        mut position: Position,
    ) -> Result<(Position, &'q AtomicU64, Entry), Corrupt> {
        let (mut from, mut left) = (position, self.longest_walk());
        loop {
            // SYNC POINT E, acquire: with the release of 3. One message is in the order behind the
            // others: who sees it sees those, also where it goes on a lap later, past entries that
            // it did not look at.
            let place = self.entry(position).ok_or(Corrupt)?;
            let entry = Entry(place.load(Ordering::Acquire));
            match entry.seen_from(position) {
                EntryState::Here(_) => position = position.next(self.n()),
                // Filled again since: so all before that one are.
                EntryState::After => position = entry.position(),
                EntryState::Before | EntryState::End => return Ok((position, place, entry)),
            }
            if is_over(&mut left) {
                position = self.tail_hint();
                if position == from {
                    return Err(Corrupt);
                }
                (from, left) = (position, self.longest_walk());
            }
        }
    }

    /// Whether a message is put at `position` right now, as far as one sees: its slot was taken,
    /// and it is not there yet.
    #[inline(always)]
    pub(super) fn is_coming(self, position: Position) -> bool {
        self.owner(position.index(self.n())).is_some_and(|owner| {
            // Relaxed: a look.
            let says = owner.load(Ordering::Relaxed);
            SlotState::is_in(says, Phase::Writing) || word::waits_at(says, position)
        })
    }

    /// Whether a consumer that found nothing at `position` should wait a moment and look again.
    ///
    /// One that is quicker than the producers finds a message that is just being put there, and
    /// takes the cache line from who does, for every message; both are the slower for it. If it
    /// lets some come first, it has them for one line. Only the first look at a position says so:
    /// whoever looks often waits for an answer, and who puts it there may be suspended.
    #[inline(always)]
    pub(super) fn is_worth_a_moment(self, position: Position) -> bool {
        self.is_first_look(self.head, position) && self.is_coming(position)
    }

    /// Whether nobody who came to this end of a large queue to no avail came to this position
    /// before, as far as one sees.
    pub(super) fn is_first_look(self, end: &Side<W>, position: Position) -> bool {
        if !word::is_large(self.n()) {
            return false;
        }
        // Relaxed, both: nothing depends on it but time.
        let looked = position.number() as u32;
        let is_first = end.looked.load(Ordering::Relaxed) != looked;
        if is_first {
            end.looked.store(looked, Ordering::Relaxed);
        }
        is_first
    }
}
