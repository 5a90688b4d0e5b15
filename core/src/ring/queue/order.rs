//! The order of the messages, and who holds which slot: every atomic access of the queue. Knows neither what the slots
//! contain nor, when it was compiled, how many there are.

use super::word::{self, Entry, Owned, Phase};
use crate::participant::Participant;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::wait::Bell;

/// What one end of the queue has on its cache line: its position, and what it rings for the other end.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Side<B> {
    pub(super) position: AtomicU64,
    /// The tail's: whether the queue is closed. The head's is not used.
    pub(super) closed: AtomicU32,
    pub(super) bell: B,
}

/// The words of a queue.
#[derive(Debug)]
pub(super) struct Order<'q, B> {
    pub(super) tail: &'q Side<B>,
    pub(super) head: &'q Side<B>,
    /// As many as there are slots.
    pub(super) entries: &'q [AtomicU64],
    /// As many again.
    pub(super) owners: &'q [AtomicU64],
}

impl<B> Clone for Order<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<B> Copy for Order<'_, B> {}

/// What a consumer found at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// A message, which is its own now: in this slot, and from this position.
    Claimed(usize, u64),
    /// Nothing now.
    Empty,
    /// Nothing, and nothing will come: the queue is closed.
    Ended,
}

/// No more message may be sent: the order ends at a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IsClosed;

impl<B> Order<'_, B> {
    #[inline(always)]
    fn n(self) -> usize {
        self.entries.len()
    }

    /// Whether the message in `slot` has its place in the order: it waits, whoever put it there.
    pub(super) fn is_committed(self, slot: usize, owned: Owned) -> bool {
        let Some(entry) = self.entries.get(word::index(owned.position, self.n())) else {
            return false;
        };
        // Relaxed: its maker is dead or joined, by the word of the two who ask, so that it is there, and visible, or
        // never will be.
        let entry = Entry(entry.load(Ordering::Relaxed));
        owned.waits_at(owned.position) && entry == Entry::new(owned.position, slot)
    }

    /// How many messages wait, more or less.
    pub(super) fn len(self) -> usize {
        // Relaxed: a guess by nature.
        let head = self.head.position.load(Ordering::Relaxed);
        let tail = self.tail.position.load(Ordering::Relaxed);
        (word::ahead(head, tail, self.n()) as usize).min(self.n())
    }

    /// The tail's position.
    pub(super) fn pushed(self) -> u64 {
        // Relaxed: a guess by nature.
        self.tail.position.load(Ordering::Relaxed)
    }

    /// Whether the order ends at the head, as a consumer finds out.
    pub(super) fn has_ended(self) -> bool {
        // Relaxed: what counts is found out by the exchange.
        let position = self.head.position.load(Ordering::Relaxed);
        let Some(place) = self.entries.get(word::index(position, self.n())) else { return true };
        // Relaxed: the mark carries nothing.
        Entry(place.load(Ordering::Relaxed)) == Entry::closed(position) || self.end(position)
    }

    /// Whether it was closed. A push that does not know yet may still succeed, and its message is not lost: the order ends
    /// at a mark, see [`end`](Self::end).
    #[inline(always)]
    pub(super) fn is_closed(self) -> bool {
        // Relaxed: the mark in the order decides, by an exchange.
        self.tail.closed.load(Ordering::Relaxed) != 0
    }

    /// How many messages are sent and not done: they wait, or a consumer has them.
    pub(super) fn unfinished(self) -> usize {
        // SYNC POINT D, acquire: with the release of 7. What was done with a message before it was released is seen by
        // whoever finds that all are done.
        let phases =
            self.owners.iter().map(|owner| Owned::unpack(owner.load(Ordering::Acquire)).phase);
        phases.filter(|phase| !matches!(phase, Phase::Free | Phase::Writing)).count()
    }

    /// Takes a free slot for `me`.
    #[inline(always)]
    pub(super) fn take(self, me: Participant) -> Option<usize> {
        // Slots come free in the order in which they were filled, so that the one of the next position is a good guess.
        // Relaxed: it is a guess.
        let guess = word::index(self.tail.position.load(Ordering::Relaxed), self.n());
        let (before, after) = self.owners.split_at_checked(guess)?;
        let mine = Owned { phase: Phase::Writing, by: me, position: 0 }.pack();
        let numbered = (guess..).zip(after).chain((0..).zip(before));
        for (slot, owner) in numbered {
            // Relaxed: only a look before the exchange.
            if owner.load(Ordering::Relaxed) == Owned::FREE
                // 1. Acquire: partner is the release of whoever freed it (7, a dropped loan, a recovery), who is done
                // with the slot. Failure, relaxed: another took it.
                && owner
                    .compare_exchange(Owned::FREE, mine, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return Some(slot);
            }
        }
        None
    }

    /// Claims the message at the head for `me`.
    #[inline(always)]
    pub(super) fn claim(self, me: Participant) -> Head {
        let head = &self.head.position;
        loop {
            // Relaxed: what counts is found out by the exchange.
            let position = head.load(Ordering::Relaxed);
            let Some(entry) = self.entries.get(word::index(position, self.n())) else {
                return Head::Ended;
            };
            // Acquire: partner is the release of 3. The value and the slot's word are seen with the entry.
            let entry = Entry(entry.load(Ordering::Acquire));
            if entry.position() != position {
                // The entry was not filled when we looked. If the head is where it was, the queue was empty then.
                // Relaxed: ordered behind the look at the entry by its acquire.
                if head.load(Ordering::Relaxed) != position {
                    continue;
                }
                if !self.is_closed() {
                    return Head::Empty;
                }
                if self.end(position) {
                    return Head::Ended;
                }
                continue;
            }
            let Some(owner) = self.owners.get(entry.slot()) else { return Head::Ended };
            // Relaxed: at least as new as the word before 3, by the acquire above.
            let seen = owner.load(Ordering::Relaxed);
            // 5. Relaxed: the value was acquired with the entry, and what the exchange says concerns the word alone.
            let mine = Owned { phase: Phase::Reading, by: me, position }.pack();
            let claimed = Owned::unpack(seen).waits_at(position)
                && owner.compare_exchange(seen, mine, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            // 6, for us or for whoever was faster.
            self.push_on(&self.head.position, position);
            if claimed {
                return Head::Claimed(entry.slot(), position);
            }
        }
    }

    /// Marks the end of a closed queue's order at `position`, where nothing was when we looked: no push gets past it.
    /// False when a message came first.
    #[cold]
    fn end(self, position: u64) -> bool {
        let Some(place) = self.entries.get(word::index(position, self.n())) else { return true };
        // Relaxed: an exchange finds the newest, and the mark carries nothing.
        let seen = Entry(place.load(Ordering::Relaxed));
        let mark = Entry::closed(position).0;
        let marked = seen.precedes(position, self.n())
            && place.compare_exchange(seen.0, mark, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !marked {
            refresh(place, seen.0);
        }
        marked
    }

    /// 4 and 6: moves a position on by one, unless somebody did.
    #[inline(always)]
    pub(super) fn push_on(self, at: &AtomicU64, position: u64) {
        let next = word::next(position, self.n());
        // Relaxed: the positions say where to look, and what is found there is judged by itself.
        let _ = at.compare_exchange(position, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl<B: Bell> Order<'_, B> {
    /// No more pushes. Wakes everybody.
    pub(super) fn close(self) {
        // Relaxed: see `is_closed`; who sleeps sees it behind the fence of the bell.
        self.tail.closed.store(1, Ordering::Relaxed);
        self.tail.bell.ring();
        self.head.bell.ring();
    }

    /// 2 to 4: gives the value in `slot`, which is ours, its place in the order. `phase` says what it is if we die
    /// before: [`Phase::Committing`], or [`Phase::Requeuing`], which a closed queue does not refuse.
    #[inline(always)]
    pub(super) fn commit(self, slot: usize, me: Participant, phase: Phase) -> Result<(), IsClosed> {
        loop {
            // Relaxed: what counts is found out by the exchange.
            let position = self.tail.position.load(Ordering::Relaxed);
            let Some(place) = self.entries.get(word::index(position, self.n())) else {
                return Err(IsClosed);
            };
            // Relaxed: what is read there is compared, and is exchanged only if it is still there.
            let seen = Entry(place.load(Ordering::Relaxed));
            if seen.position() == position && !seen.is_closed() {
                // Filled already; its maker did not come to 4.
                self.push_on(&self.tail.position, position);
                continue;
            }
            if seen.position() == position {
                // The mark of the end. A message that was in the order before takes its place, and the next consumer who
                // finds nothing marks the end again.
                if matches!(phase, Phase::Committing) {
                    return Err(IsClosed);
                }
            } else if !seen.precedes(position, self.n()) {
                // The tail moved on since we looked, or we looked at something old.
                refresh(&self.tail.position, position);
                refresh(place, seen.0);
                continue;
            } else {
                // Relaxed: the head never goes back, so that what it has passed stays passed.
                let head = self.head.position.load(Ordering::Relaxed);
                if word::ahead(head, position, self.n()) >= self.n() as u64 {
                    self.catch_up(position, head, seen);
                    continue;
                }
            }
            // 2. Relaxed: published by 3.
            let trying = Owned { phase, by: me, position }.pack();
            if let Some(owner) = self.owners.get(slot) {
                owner.store(trying, Ordering::Relaxed);
            }
            // 3. Release: partner is the acquire of the look at the entry in `claim`. Failure, relaxed: another
            // was faster, and we try the next position.
            let entry = Entry::new(position, slot);
            let committed =
                place.compare_exchange(seen.0, entry.0, Ordering::Release, Ordering::Relaxed);
            if committed.is_ok() {
                self.push_on(&self.tail.position, position);
                self.tail.bell.ring();
                return Ok(());
            }
        }
    }

    /// The place for `position` is taken by `entry`, so it seems. We hold a slot, so that not all can wait in the order:
    /// that message was claimed, and its claimer did not come to 6; or we looked at something old.
    #[cold]
    fn catch_up(self, position: u64, head: u64, entry: Entry) {
        refresh(&self.tail.position, position);
        if entry.position() == head {
            let Some(owner) = self.owners.get(entry.slot()) else { return };
            // Relaxed: a claim changes this word, and no other message ever has this position.
            let seen = owner.load(Ordering::Relaxed);
            if Owned::unpack(seen).waits_at(head) {
                refresh(owner, seen);
            } else {
                self.push_on(&self.head.position, head);
            }
        }
        refresh(&self.head.position, head);
    }

    /// 7: the slot is nobody's.
    #[inline(always)]
    pub(super) fn free(self, slot: usize) {
        if let Some(owner) = self.owners.get(slot) {
            // Release: partner is the acquire of 1: we are done with the slot; and SYNC POINT D, in `unfinished`: with the
            // message too.
            owner.store(Owned::FREE, Ordering::Release);
        }
        self.head.bell.ring();
    }

    /// See [`Seat::recover`](super::Seat::recover).
    pub(super) fn recover(self, me: Participant, dead: Participant) -> usize {
        let mut held = 0;
        for (slot, owner) in self.owners.iter().enumerate() {
            // Relaxed, here and below: what the dead one wrote, and what it had acquired, is visible by the caller's word.
            let seen = owner.load(Ordering::Relaxed);
            let owned = Owned::unpack(seen);
            if owned.by != dead || owned.phase == Phase::Free || self.is_committed(slot, owned) {
                continue;
            }
            let keep = matches!(owned.phase, Phase::Requeuing | Phase::Reading);
            let phase = if keep { Phase::Requeuing } else { Phase::Writing };
            let mine = Owned { phase, by: me, position: word::UNPLACED }.pack();
            // When it fails, a consumer claimed it, or another recovers it.
            if owner.compare_exchange(seen, mine, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                continue;
            }
            held += 1;
            if !keep || self.commit(slot, me, Phase::Requeuing).is_err() {
                self.free(slot);
            }
        }
        // It may have died after a step that somebody sleeps for and before the ring.
        self.tail.bell.ring();
        self.head.bell.ring();
        held
    }
}

/// Makes the next look at a word a fresh one. A load may show the same old value any number of times, as far as the memory
/// model goes; an exchange, here of a value for itself, finds the newest. Whoever saw that one is not shown an older one
/// again, so that the loops above end.
fn refresh(word: &AtomicU64, seen: u64) {
    // Relaxed: it is about the word alone.
    let _ = word.compare_exchange(seen, seen, Ordering::Relaxed, Ordering::Relaxed);
}
