//! The order of the messages, and who holds which slot: every atomic access of the queue. Knows neither what the slots
//! contain nor, when it was compiled, how many there are.

use super::word::{self, Entry, Owned, Phase, Seen};
use crate::participant::Participant;
use crate::sync::{AtomicU32, AtomicU64, Kept, Ordering, StepAside, const_unless_loom};
use crate::wait::Bell;

/// What one end of the queue has on its cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Side<B> {
    /// Where the end is looked for first: it was there, and may have moved on. See [`Order::found`].
    pub(super) position: AtomicU64,
    /// The tail's: whether the queue is closed. The head's is not used.
    pub(super) closed: AtomicU32,
    /// What it rings for the other end.
    pub(super) bell: B,
}

/// Two words that have nothing to do with each other but their number: they lie side by side because in a quiet queue the
/// message of a position is in the slot of the same number, and is then sent and taken on one cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Place {
    /// Which slot the message of a position is in: an [`Entry`].
    pub(super) entry: AtomicU64,
    /// Who holds the slot of this number: an [`Owned`].
    pub(super) owner: AtomicU64,
}

impl Place {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Place { entry: AtomicU64::new(Entry::UNUSED.0), owner: AtomicU64::new(Owned::FREE) }
        }
    }
}

/// The words of a queue.
#[derive(Debug)]
pub(super) struct Order<'q, B> {
    pub(super) tail: &'q Side<B>,
    pub(super) head: &'q Side<B>,
    /// As many as there are slots.
    pub(super) places: &'q [Place],
}

impl<B> Clone for Order<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<B> Copy for Order<'_, B> {}

/// How many slots a producer looks at one by one before it looks at all. Without caches that costs nobody anything.
const NEAR: usize = if Kept::IS_KEPT { 8 } else { 0 };

/// What a producer found among the slots that come free next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Near {
    /// This one is free, or was.
    Free(usize),
    /// None is, nor any other: all wait, but those that are held.
    Full,
    /// None is, and it takes a look at all to know.
    Unclear,
}

/// What is at the first position that nobody claimed.
#[derive(Debug, Clone, Copy)]
enum First<'q> {
    /// A message: in this slot, whose word says this.
    Message { slot: usize, owner: &'q AtomicU64, says: u64 },
    /// Nothing: the position was not filled when we looked.
    Nothing,
    /// The end of a closed queue's order.
    End,
}

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

impl<'q, B> Order<'q, B> {
    #[inline(always)]
    fn n(self) -> usize {
        self.places.len()
    }

    /// The entry of a position. There is one, but in a queue of no slots, which is none.
    #[inline(always)]
    fn entry(self, position: u64) -> Option<&'q AtomicU64> {
        Some(&self.places.get(word::index(position, self.n()))?.entry)
    }

    #[inline(always)]
    fn owner(self, slot: usize) -> Option<&'q AtomicU64> {
        Some(&self.places.get(slot)?.owner)
    }

    /// Whether the message in `slot` has its place in the order: it waits, whoever put it there.
    pub(super) fn is_committed(self, slot: usize, owned: Owned) -> bool {
        let Some(entry) = self.entry(owned.position) else { return false };
        // Relaxed: its maker is dead or joined, by the word of the two who ask, so that it is there, and visible, or
        // never will be.
        let entry = Entry(entry.load(Ordering::Relaxed));
        owned.waits_at(owned.position) && entry == Entry::new(owned.position, slot)
    }

    /// How many messages wait, more or less.
    pub(super) fn len(self) -> usize {
        let (head, tail) = (self.first_unclaimed().0, self.pushed());
        match word::ahead(head, tail, self.n()) {
            // The head passed the tail after we had looked at that.
            ahead if ahead > self.n() as u64 => 0,
            ahead => ahead as usize,
        }
    }

    /// The first position that is not filled, more or less.
    pub(super) fn pushed(self) -> u64 {
        self.first_unfilled(self.tail_hint()).0
    }

    /// The first position that nobody claimed, and what is there.
    #[inline(always)]
    fn first_unclaimed(self) -> (u64, First<'q>) {
        // Relaxed: whoever starts from an old position finds the way along the entries.
        let mut position = self.head.position.load(Ordering::Relaxed);
        loop {
            let Some(entry) = self.entry(position) else { return (position, First::End) };
            // Acquire: partner is the release of 3. The value and the slot's word are seen with the entry: an older word
            // would look as if the message had been claimed.
            let entry = Entry(entry.load(Ordering::Acquire));
            match entry.seen_from(position, self.n()) {
                Seen::Here => {
                    let slot = entry.slot();
                    // The mark of the end has no slot.
                    let Some(owner) = self.owner(slot) else { return (position, First::End) };
                    // Relaxed: at least as new as the word before 3, by the acquire above.
                    let says = owner.load(Ordering::Relaxed);
                    if Owned::unpack(says).waits_at(position) {
                        return (position, First::Message { slot, owner, says });
                    }
                    // Somebody claimed it.
                    position = word::next(position, self.n());
                }
                // Filled again since, so that this one was claimed, and all before it.
                Seen::After => position = entry.claimed_before(self.n()),
                Seen::Before => return (position, First::Nothing),
            }
        }
    }

    /// Where to look first for the position that is not filled.
    #[inline(always)]
    pub(super) fn tail_hint(self) -> u64 {
        // Relaxed: whoever starts from an old position finds the way along the entries.
        self.tail.position.load(Ordering::Relaxed)
    }

    /// The first position from `position` on that is not filled, or is where the order of a closed queue ends, and what its
    /// entry says. All before `position` are filled.
    #[inline(always)]
    fn first_unfilled(self, mut position: u64) -> (u64, Entry) {
        loop {
            let Some(entry) = self.entry(position) else { return (position, Entry::UNUSED) };
            // Relaxed: what counts is found out by the exchange in `commit`.
            let entry = Entry(entry.load(Ordering::Relaxed));
            match entry.seen_from(position, self.n()) {
                Seen::Here if !entry.is_closed() => position = word::next(position, self.n()),
                // Filled again since: so all before that one are.
                Seen::After => position = entry.position(),
                _ => return (position, entry),
            }
        }
    }

    /// Whether the order of a closed queue ends at the head, as a consumer finds out.
    pub(super) fn has_ended(self) -> bool {
        match self.first_unclaimed() {
            (_, First::Message { .. }) => false,
            (position, First::Nothing) => self.end(position),
            (_, First::End) => true,
        }
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
        // SYNC POINT D, acquire: with the release of 5. What was done with a message before it was released is seen by
        // whoever finds that all are done.
        let phases = self
            .places
            .iter()
            .map(|place| Owned::unpack(place.owner.load(Ordering::Acquire)).phase);
        phases.filter(|phase| !matches!(phase, Phase::Free | Phase::Writing)).count()
    }

    /// Takes a free slot for `me`; returns it, and a position from where to look for its place.
    #[inline(always)]
    pub(super) fn take(self, me: Participant) -> Option<(usize, u64)> {
        let mine = Owned { phase: Phase::Writing, by: me, position: 0 }.pack();
        let mut aside = StepAside::new();
        let mut from = self.tail_hint();
        loop {
            // The slot of the same number as the position that comes next, whose word lies beside the entry that we write
            // next.
            let (position, before) = self.first_unfilled(from);
            from = position;
            let mut slot = word::index(position, self.n());
            // Relaxed: a look before the exchange.
            if self.owner(slot)?.load(Ordering::Relaxed) != Owned::FREE {
                slot = match self.look_near(position, before) {
                    Near::Free(slot) => slot,
                    Near::Full => return None,
                    Near::Unclear => return Some((self.take_any(slot, mine)?, position)),
                };
            }
            if self.exchange_free(slot, mine) {
                return Some((slot, position));
            }
            aside.step();
        }
    }

    /// Looks at the slots that come free next: they do in the order in which they were filled, so that these are those whose
    /// messages were, one lap ago, where the next ones come to. When the first message that waits comes soon, and all
    /// before it are held, the queue is full, and nothing else need be looked at, which the consumers are about to change.
    #[inline(never)]
    fn look_near(self, mut position: u64, mut before: Entry) -> Near {
        let mut held = [usize::MAX; NEAR];
        for at in 0..NEAR {
            // Nothing was here yet, or the order ends here.
            if before == Entry::UNUSED || before.is_closed() {
                break;
            }
            let slot = before.slot();
            let Some(owner) = self.owner(slot) else { break };
            // Relaxed: a look.
            let owned = Owned::unpack(owner.load(Ordering::Relaxed));
            if owned.phase == Phase::Free {
                return Near::Free(slot);
            }
            if owned.waits_at(before.position()) {
                return Near::Full;
            }
            // It may wait, and be counted there; or it was counted already.
            if !matches!(owned.phase, Phase::Writing | Phase::Reading) || held.contains(&slot) {
                break;
            }
            if let Some(place) = held.get_mut(at) {
                *place = slot;
            }
            position = word::next(position, self.n());
            let Some(entry) = self.entry(position) else { break };
            // Relaxed: what it says is judged by the slot's word.
            before = Entry(entry.load(Ordering::Relaxed));
        }
        Near::Unclear
    }

    /// Takes the next free slot from `guess` on, as `mine`; looks at all.
    #[cold]
    fn take_any(self, guess: usize, mine: u64) -> Option<usize> {
        let (before, after) = self.places.split_at_checked(guess)?;
        let mut numbered = (guess..).zip(after).chain((0..).zip(before));
        numbered.find_map(|(slot, place)| {
            // Relaxed: a look before the exchange.
            let is_free = place.owner.load(Ordering::Relaxed) == Owned::FREE;
            (is_free && self.exchange_free(slot, mine)).then_some(slot)
        })
    }

    /// 1: takes a slot that was seen to be free; false when another took it.
    #[inline(always)]
    fn exchange_free(self, slot: usize, mine: u64) -> bool {
        self.owner(slot).is_some_and(|owner| {
            // Acquire: partner is the release of whoever freed it (5, a dropped loan, a recovery), who is done with the
            // slot. Failure, relaxed: another took it.
            owner.compare_exchange(Owned::FREE, mine, Ordering::Acquire, Ordering::Relaxed).is_ok()
        })
    }

    /// Claims the first message that nobody claimed, for `me`.
    #[inline(always)]
    pub(super) fn claim(self, me: Participant) -> Head {
        let mut aside = StepAside::new();
        loop {
            match self.first_unclaimed() {
                (position, First::Message { slot, owner, says }) => {
                    // 4. Relaxed, both: the value was acquired with the entry, and what the exchange says concerns the
                    // word alone.
                    let mine = Owned { phase: Phase::Reading, by: me, position }.pack();
                    let claimed =
                        owner.compare_exchange(says, mine, Ordering::Relaxed, Ordering::Relaxed);
                    if claimed.is_ok() {
                        self.found(&self.head.position, word::next(position, self.n()));
                        return Head::Claimed(slot, position);
                    }
                    // Somebody did just now.
                    aside.step();
                }
                // All before it are claimed: the queue was empty when we looked.
                (_, First::Nothing) if !self.is_closed() => return Head::Empty,
                (position, First::Nothing) => {
                    if self.end(position) {
                        return Head::Ended;
                    }
                }
                (_, First::End) => return Head::Ended,
            }
        }
    }

    /// Marks the end of a closed queue's order at `position`, where nothing was when we looked: no push gets past it.
    /// False when a message came first, which the next look sees.
    #[cold]
    fn end(self, position: u64) -> bool {
        let Some(place) = self.entry(position) else { return true };
        // Relaxed: the exchange finds the newest, and the mark carries nothing.
        let seen = Entry(place.load(Ordering::Relaxed));
        let mark = Entry::closed(position).0;
        seen.seen_from(position, self.n()) == Seen::Before
            && place.compare_exchange(seen.0, mark, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Says where to look first the next time, once that spares several looks. Nothing depends on it but time: whoever
    /// starts from an old position finds the way along the entries.
    #[inline(always)]
    pub(super) fn found(self, hint: &AtomicU64, position: u64) {
        // Relaxed, both: it says where to look, and what is found there is judged by itself.
        let seen = hint.load(Ordering::Relaxed);
        let ahead = word::ahead(seen, position, self.n());
        if ahead >= word::stride(self.n()) && word::is_forward(ahead) {
            let _ = hint.compare_exchange(seen, position, Ordering::Relaxed, Ordering::Relaxed);
        }
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

    /// 2 and 3: gives the value in `slot`, which is ours, its place in the order. `phase` says what it is if we die
    /// before: [`Phase::Committing`], or [`Phase::Requeuing`], which a closed queue does not refuse.
    ///
    /// Looks for the place from `from` on, and does so again although it may be known from before the slot was taken: what
    /// the slot's word says must be news. Had the slot carried the message of this very position already, one who is
    /// about to claim that one would claim this one, which is not there yet. By the acquire of 1 we see that it had.
    ///
    /// The exchange needs no look at the head. We hold a slot, so that fewer messages wait than there are slots, and
    /// whatever was in the entry of the first position that is not filled, `N` positions ago, was claimed.
    #[inline(always)]
    pub(super) fn commit(
        self,
        slot: usize,
        me: Participant,
        phase: Phase,
        mut from: u64,
    ) -> Result<(), IsClosed> {
        let mut aside = StepAside::new();
        loop {
            let (position, seen) = self.first_unfilled(from);
            from = position;
            // The mark of the end. A message that was in the order before takes its place, and the next consumer who
            // finds nothing marks the end again.
            if seen == Entry::closed(position) && matches!(phase, Phase::Committing) {
                return Err(IsClosed);
            }
            let (Some(owner), Some(place)) = (self.owner(slot), self.entry(position)) else {
                return Err(IsClosed);
            };
            // 2. Relaxed: published by 3.
            owner.store(Owned { phase, by: me, position }.pack(), Ordering::Relaxed);
            // 3. Release: partner is the acquire of the look at the entry in `first_unclaimed`. Failure, relaxed: another
            // was faster, or we had looked at something old. What is there now is seen by the next look.
            let entry = Entry::new(position, slot);
            let committed =
                place.compare_exchange(seen.0, entry.0, Ordering::Release, Ordering::Relaxed);
            if committed.is_ok() {
                self.found(&self.tail.position, word::next(position, self.n()));
                self.tail.bell.ring();
                return Ok(());
            }
            aside.step();
        }
    }

    /// 5: the slot is nobody's.
    #[inline(always)]
    pub(super) fn free(self, slot: usize) {
        if let Some(owner) = self.owner(slot) {
            // Release: partner is the acquire of 1: we are done with the slot; and SYNC POINT D, in `unfinished`: with the
            // message too.
            owner.store(Owned::FREE, Ordering::Release);
        }
        self.head.bell.ring();
    }

    /// See [`Seat::recover`](super::Seat::recover).
    pub(super) fn recover(self, me: Participant, dead: Participant) -> usize {
        let mut held = 0;
        for (slot, Place { owner, .. }) in self.places.iter().enumerate() {
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
            if !keep || self.commit(slot, me, Phase::Requeuing, self.tail_hint()).is_err() {
                self.free(slot);
            }
        }
        // It may have died after a step that somebody sleeps for and before the ring.
        self.tail.bell.ring();
        self.head.bell.ring();
        held
    }
}
