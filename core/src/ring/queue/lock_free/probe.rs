//! What a side learns about a queue without changing it: the walks along the entries, and the
//! counts.
//!
//! A walk starts at a hint ([`Shared::head_hint`], [`Shared::tail_hint`]) and goes from entry to
//! entry until it finds what it looks for. A hint may be old; then the walk is longer. It is never
//! ahead: everything before a hint was filled, or claimed.

use super::shared::{Corrupt, Shared, Side};
use super::word::{self, Entry, EntryState, Phase, Position, SlotState};
use crate::sync::{AtomicU64, Ordering};
use crate::wait::Wake;

/// How often a count reads its words again while others change them. A count of words that stood
/// still was true at some moment.
const MAX_READS: usize = 4;

/// What a probe of one position finds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Probe<'q> {
    /// A message waits in `slot`; its owner word said `owner_word`.
    Message { slot: usize, owner: &'q AtomicU64, owner_word: u64 },
    /// The position was not filled at the time of the probe.
    Nothing,
    /// The order of a closed queue ends here.
    End,
    /// The entry names a slot that does not exist.
    Corrupt,
    /// Somebody claimed the message. All messages before the returned position were claimed.
    Claimed(Position),
}

/// Counts one step of a walk down; returns whether it was the last one allowed.
#[inline(always)]
fn is_last_step(left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    *left == 0
}

/// The content of the entry of `position`, if that is not filled and the order does not end there.
#[inline(always)]
pub(super) fn unfilled(entry: &AtomicU64, position: Position) -> Option<Entry> {
    // Relaxed: the load in `tail_hint` made visible what was before `position`. The exchange of
    // step 3 decides.
    let entry = Entry(entry.load(Ordering::Relaxed));
    entry.is_before(position).then_some(entry)
}

impl<'q, W: Wake> Shared<'q, W> {
    /// Whether no message waits. True means: at the moment when this probed the first unclaimed
    /// position, that position held no message.
    pub(in crate::ring::queue) fn is_empty(self) -> bool {
        let found = self.first_unclaimed(self.head_hint());
        !matches!(found, Ok((_, Probe::Message { .. })))
    }

    /// The count of messages that wait. 0 only if the queue was empty at some moment of the call,
    /// or its words are not those of a queue.
    pub(in crate::ring::queue) fn len(self) -> usize {
        let mut from = self.head_hint();
        let mut len = 0;
        for _ in 0..MAX_READS {
            let Ok((head, Probe::Message { .. })) = self.first_unclaimed(from) else { return 0 };
            let Ok((tail, _)) = self.first_unfilled(self.tail_hint()) else { return 0 };
            // Reads the head again. If it stood still, both positions were true at one moment.
            let again = match self.first_unclaimed(head) {
                Ok((again, Probe::Message { .. })) => again,
                _ => return 0,
            };
            // If the head moved, it may have passed the tail that was read. At least this many
            // messages wait.
            let since = tail.since(again, self.n());
            len = if since <= self.n() as u64 { since.max(1) as usize } else { 1 };
            if again == head {
                break;
            }
            from = again;
        }
        len
    }

    /// About how many messages were ever sent; 0 when the words are not those of a queue.
    pub(in crate::ring::queue) fn pushed(self) -> u64 {
        let tail = self.first_unfilled(self.tail_hint());
        tail.map_or(0, |(tail, _)| tail.back(1, self.n()).ordinal(self.n()))
    }

    /// Whether the words can be those of a queue: each word is possible, and both walks end.
    pub(in crate::ring::queue) fn is_valid(self) -> bool {
        let n = self.n();
        let words = self.cells.iter().enumerate().all(|(index, cell)| {
            // Relaxed, both: each word is judged by itself.
            Entry(cell.entry.load(Ordering::Relaxed)).is_valid_at(index, n)
                && SlotState::unpack(cell.owner.load(Ordering::Relaxed)).is_some()
        });
        words
            && self.first_unclaimed(self.head_hint()).is_ok()
            && self.first_unfilled(self.tail_hint()).is_ok()
    }

    /// The count of messages that were sent and are not done: they wait, or a consumer holds them.
    /// 0 only if all were done at some moment of the call.
    ///
    /// This reads the owner words one after the other. Meanwhile a consumer may put a follow-up job
    /// into a slot that this already saw free, and then free its own slot before this reads it. So
    /// a count of 0 holds only if no message was sent meanwhile. If one was, at least one message
    /// was not done.
    pub(in crate::ring::queue) fn unfinished(self) -> usize {
        for _ in 0..MAX_READS {
            let before = self.sum_of_entries();
            let count = self.held_messages();
            if count > 0 || self.sum_of_entries() == before {
                return count;
            }
        }
        1
    }

    fn held_messages(self) -> usize {
        // SYNC POINT with the release in `free_silently`: acquire. A caller that finds all done
        // sees what the consumers did with the messages before they freed the slots, and sees the
        // entries of the messages that they sent before that.
        let phases = self
            .cells
            .iter()
            .filter_map(|cell| SlotState::unpack(cell.owner.load(Ordering::Acquire)))
            .map(|state| state.phase);
        phases.filter(|phase| !matches!(phase, Phase::Free | Phase::Writing)).count()
    }

    /// A number that changes whenever a new message is sent: the position in an entry never goes
    /// back.
    fn sum_of_entries(self) -> u64 {
        // SYNC POINT with step 3 in `exchange_entry`: acquire. The owner words that `held_messages`
        // reads later are at least as new as the entries in this sum.
        let entries = self.cells.iter().map(|cell| Entry(cell.entry.load(Ordering::Acquire)));
        entries.fold(0, |sum, entry| sum.wrapping_add(entry.position().number()))
    }

    /// Whether the order of a closed queue ends at the head. Marks the end there, as a consumer
    /// does.
    pub(in crate::ring::queue) fn has_ended(self) -> bool {
        match self.first_unclaimed(self.head_hint()) {
            Ok((position, Probe::Nothing)) => self.mark_end(position),
            Ok((_, found)) => matches!(found, Probe::End),
            // No message will come out of a corrupt queue.
            Err(Corrupt) => true,
        }
    }

    /// How many steps a walk takes at most before it looks whether the others went on.
    ///
    /// Past entries that stand still a walk takes at most two laps: one past entries that were
    /// filled again, and one past entries that are filled. A longer walk means that others went on
    /// meanwhile, or that the words are corrupt.
    #[inline(always)]
    fn walk_limit(self) -> usize {
        self.n().saturating_mul(4).saturating_add(256)
    }

    /// Probes `position`, whose entry this is.
    #[inline(always)]
    pub(super) fn probe(self, position: Position, entry: &AtomicU64) -> Probe<'q> {
        // SYNC POINT with step 3 in `exchange_entry`: acquire. It makes the value and the owner
        // word of step 2 visible. An older owner word would look as if the message had been
        // claimed.
        let entry = Entry(entry.load(Ordering::Acquire));
        match entry.seen_from(position) {
            EntryState::Here(slot) => {
                let Some(owner) = self.owner(slot) else { return Probe::Corrupt };
                // This reads the word of step 2 or a newer one, by the acquire above. SYNC POINT
                // with the stores of the owner word in `exchange_entry` (2), `claim_probed` (4) and
                // `free_silently` (5): acquire. A side that sees that a message was claimed sees
                // what its consumer saw: the next message too, if there was one.
                let owner_word = owner.load(Ordering::Acquire);
                if word::waits_at(owner_word, position) {
                    Probe::Message { slot, owner, owner_word }
                } else {
                    Probe::Claimed(position.next(self.n()))
                }
            }
            // The entry was filled again, `n` positions later. So this message and all before it
            // were claimed.
            EntryState::After => {
                Probe::Claimed(entry.position().back(self.n(), self.n()).next(self.n()))
            }
            EntryState::Before => Probe::Nothing,
            EntryState::End => Probe::End,
        }
    }

    /// The first position from `position` on that nobody claimed, and what a probe finds there. The
    /// caller knows that all messages before `position` were claimed.
    ///
    /// The walk is bounded. At the limit it starts again at the head's hint, if the hint has moved.
    /// A side stores that hint only after it claimed a message, and each position is claimed once.
    /// So a walk that would start where the last one started has met corrupt entries.
    #[inline(always)]
    pub(super) fn first_unclaimed(
        self,
        mut position: Position,
    ) -> Result<(Position, Probe<'q>), Corrupt> {
        let (mut from, mut left) = (position, self.walk_limit());
        loop {
            match self.probe(position, self.entry(position).ok_or(Corrupt)?) {
                Probe::Claimed(next) => position = next,
                found => return Ok((position, found)),
            }
            if is_last_step(&mut left) {
                position = self.head_hint();
                if position == from {
                    return Err(Corrupt);
                }
                (from, left) = (position, self.walk_limit());
            }
        }
    }

    /// The first position from `position` on that is not filled, or where the order of a closed
    /// queue ends; with the content of its entry. The caller knows that all positions before
    /// `position` are filled. The walk is bounded as in
    /// [`first_unclaimed`](Self::first_unclaimed).
    #[inline(always)]
    pub(super) fn first_unfilled(
        self,
        mut position: Position,
    ) -> Result<(Position, Entry), Corrupt> {
        let (mut from, mut left) = (position, self.walk_limit());
        loop {
            // SYNC POINT with step 3 in `exchange_entry`: acquire. A message is in line behind
            // others, and a side that sees it sees those. That also holds where the walk jumps
            // ahead by laps, past entries that it did not read.
            let entry = Entry(self.entry(position).ok_or(Corrupt)?.load(Ordering::Acquire));
            match entry.seen_from(position) {
                EntryState::Here(_) => position = position.next(self.n()),
                // The entry was filled again, so all positions before the new one are filled.
                EntryState::After => position = entry.position(),
                EntryState::Before | EntryState::End => return Ok((position, entry)),
            }
            if is_last_step(&mut left) {
                position = self.tail_hint();
                if position == from {
                    return Err(Corrupt);
                }
                (from, left) = (position, self.walk_limit());
            }
        }
    }

    /// Whether it looks as if a producer is about to commit at `position`: the slot of that number
    /// is being filled, or tries that position.
    #[inline(always)]
    pub(super) fn is_coming(self, position: Position) -> bool {
        self.owner(position.index(self.n())).is_some_and(|owner| {
            // Relaxed: a hint for the backoff; nothing but time depends on it.
            let owner_word = owner.load(Ordering::Relaxed);
            SlotState::is_in(owner_word, Phase::Writing) || word::waits_at(owner_word, position)
        })
    }

    /// Whether a consumer that found nothing at `position` should wait a moment and probe again.
    ///
    /// A consumer that is quicker than the producers arrives while the next message is being put in
    /// line. It then takes the cache line from the producer, for every message, and both become
    /// slower. If it waits, it gets several messages per transfer of the line. Only the first visit
    /// to a position waits. A side that visits often wants an answer, and the producer may be
    /// suspended.
    #[inline(always)]
    pub(super) fn is_worth_waiting(self, position: Position) -> bool {
        self.is_first_visit(self.head, position) && self.is_coming(position)
    }

    /// Whether this looks like the first vain visit to `position` at this end of a large queue.
    pub(super) fn is_first_visit(self, end: &Side<W>, position: Position) -> bool {
        if !word::is_large(self.n()) {
            return false;
        }
        // Relaxed, both: nothing but time depends on it.
        let visit = position.number() as u32;
        let is_first = end.last_visit.load(Ordering::Relaxed) != visit;
        if is_first {
            end.last_visit.store(visit, Ordering::Relaxed);
        }
        is_first
    }
}
