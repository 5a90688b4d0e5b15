//! The order of the messages, and who holds which slot: every atomic access of the queue. Knows neither what the slots
//! contain nor, when it was compiled, how many there are.

use super::NoSlot;
use super::attempts::Limit;
use super::producers::Producers;
use super::word::{self, Entry, Owned, Phase, Position, Seen};
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::{
    AtomicU32, AtomicU64, CachePadded, Kept, Ordering, Roomy, RoomyRef, const_unless_loom, roomy,
    step_aside, worth_a_try,
};
use crate::wait::{Doorbell, Wake};

/// What one end of the queue has on its cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Side<W: Wake> {
    /// Where the end is looked for first: it was there, and may have moved on. See [`Order::found`].
    pub(super) position: AtomicU64,
    /// Whether the queue is closed: each end has it, so that nobody looks at the other's line for it.
    pub(super) is_closed: AtomicU32,
    /// Where one last came to this end to no avail, see [`Order::is_first_look`].
    pub(super) looked: AtomicU32,
    /// What it rings for the other end.
    pub(super) bell: Doorbell<W>,
}

impl<W: Wake> Side<W> {
    const_unless_loom! {
        /// An end of a fresh queue.
        pub(super) fn new() -> Self {
            Side {
                position: AtomicU64::new(Position::FIRST.word()),
                is_closed: AtomicU32::new(0),
                looked: AtomicU32::new(0),
                bell: Doorbell::new(),
            }
        }
    }
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

/// What all queues begin with, whatever their number of slots.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Ends<W: Wake> {
    pub(super) tail: CachePadded<Side<W>>,
    pub(super) head: CachePadded<Side<W>>,
    pub(super) rare: Roomy<CachePadded<Rare>>,
}

/// What is looked at when nothing waits, and when something ended.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Rare {
    pub(super) limit: Limit,
    pub(super) producers: Producers,
}

impl<W: Wake> Ends<W> {
    const_unless_loom! {
        /// The ends of a fresh queue.
        pub(super) fn new() -> Self {
            Ends {
                tail: CachePadded(Side::new()),
                head: CachePadded(Side::new()),
                rare: roomy!(CachePadded(Rare {
                    limit: Limit::new(),
                    producers: Producers::new()
                })),
            }
        }
    }
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
pub(super) struct Order<'q, W: Wake> {
    pub(super) tail: &'q Side<W>,
    pub(super) head: &'q Side<W>,
    /// As many as there are slots.
    pub(super) places: &'q [Place],
    /// As many, too, where there is room for them: see [`attempts`](super::attempts).
    pub(super) tries: RoomyRef<'q, [AtomicU64]>,
    /// Where there is room for it.
    rare: RoomyRef<'q, CachePadded<Rare>>,
}

impl<W: Wake> Clone for Order<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for Order<'_, W> {}

/// How many slots a producer looks at one by one before it looks at all. Without caches that costs nobody anything.
const NEAR: usize = if Kept::IS_KEPT { 8 } else { 0 };

/// How often one looks at several words that others change meanwhile, until they stand still. Then the answer is one that was
/// true at some moment.
const LOOKS: usize = 4;

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

/// What a consumer finds at a position.
#[derive(Debug, Clone, Copy)]
enum Found<'q> {
    /// A message: in this slot, whose word says this.
    Message { slot: usize, owner: &'q AtomicU64, says: u64 },
    /// Nothing: the position was not filled when we looked.
    Nothing,
    /// The end of a closed queue's order.
    End,
    /// A message that somebody claimed; so all before this position were claimed.
    Claimed(Position),
}

/// What a consumer found at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// A message, which is its own now: in this slot, and from this position.
    Claimed(usize, Position),
    /// Nothing now.
    Empty,
    /// Nothing, and nothing will come: the queue is closed.
    Ended,
    /// Nothing can be said: see [`Corrupt`].
    Corrupt,
}

/// Why no message will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoMore {
    /// The queue is closed, and nothing waits in it.
    Ended,
    /// See [`Corrupt`].
    Corrupt,
}

/// Why a message was not put into the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// No more message may be sent: the order ends at a mark.
    Closed,
    /// See [`Corrupt`].
    Corrupt,
}

/// The words are not those of a queue: the way along the entries has no end. Only a foreign write into them can do that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corrupt;

impl From<Corrupt> for Refused {
    fn from(Corrupt: Corrupt) -> Self {
        Refused::Corrupt
    }
}

/// Nothing was done: look again, from the beginning. With where the one gets on who was faster, or who is about to be.
#[derive(Debug)]
pub(super) struct Lost<'q>(Option<&'q AtomicU64>);

impl Lost<'_> {
    /// Gets out of the other's way. Whether that took some time.
    pub(super) fn step_aside(self) -> bool {
        self.0.is_some_and(|position| {
            // Relaxed: nothing depends on it but time.
            step_aside(|| Position::of(position.load(Ordering::Relaxed)).number())
        })
    }
}

/// Counts a step of a walk. Whether it was the last one that there may be. On a microcontroller without
/// caches nobody else writes into the memory, and the count is spared.
#[inline(always)]
fn is_over(left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    Kept::IS_KEPT && *left == 0
}

impl<'q, W: Wake> Order<'q, W> {
    /// The words of a queue whose places are as many as its slots, and so are its tries, if there are any.
    #[inline(always)]
    pub(super) fn new(
        ends: &'q Ends<W>,
        places: &'q [Place],
        tries: RoomyRef<'q, [AtomicU64]>,
    ) -> Self {
        let Ends { tail, head, rare } = ends;
        Order { tail: &tail.0, head: &head.0, places, tries, rare: rare.by_ref() }
    }

    /// What is rarely needed, where there is room for it.
    #[inline(always)]
    pub(super) fn rare(self) -> Option<&'q Rare> {
        Some(&self.rare.get()?.0)
    }

    #[inline(always)]
    fn n(self) -> usize {
        self.places.len()
    }

    /// The entry of a position. There is one, but in a queue of no slots, which is none.
    #[inline(always)]
    fn entry(self, position: Position) -> Option<&'q AtomicU64> {
        Some(&self.places.get(position.index(self.n()))?.entry)
    }

    #[inline(always)]
    fn owner(self, slot: usize) -> Option<&'q AtomicU64> {
        Some(&self.places.get(slot)?.owner)
    }

    /// Whether the message in `slot`, whose word this is, has its place in the order: it waits, whoever put it there.
    pub(super) fn is_committed(self, slot: usize, word: u64) -> bool {
        let position = Position::of(word);
        let Some(entry) = self.entry(position) else { return false };
        // Relaxed: its maker is dead or joined, by the word of the two who ask, so that it is there, and visible, or
        // never will be.
        let entry = Entry(entry.load(Ordering::Relaxed));
        word::waits_at(word, position) && entry == Entry::new(position, slot)
    }

    /// Whether no message waits. When this looked at the first position that nobody had claimed, nothing was there: at that
    /// moment the queue was empty.
    pub(super) fn is_empty(self) -> bool {
        let found = self.first_unclaimed(self.head_hint());
        !matches!(found, Ok((_, Found::Message { .. })))
    }

    /// How many messages wait; 0 only if none did at some moment of the call, and when the words are not those of a queue.
    pub(super) fn len(self) -> usize {
        let mut from = self.head_hint();
        let mut len = 0;
        for _ in 0..LOOKS {
            let Ok((head, Found::Message { .. })) = self.first_unclaimed(from) else { return 0 };
            let Ok((tail, _)) = self.first_unfilled(self.tail_hint()) else { return 0 };
            // The head again: if it stood still, the tail was where we saw it while the head was there.
            let again = match self.first_unclaimed(head) {
                Ok((again, Found::Message { .. })) => again,
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
        tail.map_or(0, |(tail, _)| tail.back(1, self.n()).number())
    }

    /// Whether the words can be those of a queue: each by itself, and the ways along the entries have an end.
    pub(super) fn is_sound(self) -> bool {
        let n = self.n();
        let words = self.places.iter().enumerate().all(|(index, place)| {
            // Relaxed, both: each is judged by itself.
            Entry(place.entry.load(Ordering::Relaxed)).is_sound_at(index, n)
                && Owned::unpack(place.owner.load(Ordering::Relaxed)).is_some()
        });
        words
            && self.first_unclaimed(self.head_hint()).is_ok()
            && self.first_unfilled(self.tail_hint()).is_ok()
    }

    /// After so many steps along the entries, either the others went on meanwhile or the way has no end. Past entries that
    /// stand still it is at most two laps: one past those that were filled again, one past those that are filled.
    #[inline(always)]
    fn longest_walk(self) -> usize {
        self.n().saturating_mul(4).saturating_add(256)
    }

    /// What a consumer finds at `position`.
    #[inline(always)]
    fn look(self, position: Position) -> Found<'q> {
        let Some(entry) = self.entry(position) else { return Found::End };
        // Acquire: partner is the release of 3. The value and the slot's word are seen with the entry: an older word would
        // look as if the message had been claimed.
        let entry = Entry(entry.load(Ordering::Acquire));
        match entry.seen_from(position) {
            Seen::Here(slot) => {
                let Some(owner) = self.owner(slot) else { return Found::End };
                // At least as new as the word before 3, by the acquire above. SYNC POINT E, acquire: with
                // the release in `claim_found`, and those of 2 and 5. Who sees that a message was claimed
                // sees what its consumer saw: the next one, if that was there.
                let says = owner.load(Ordering::Acquire);
                if word::waits_at(says, position) {
                    Found::Message { slot, owner, says }
                } else {
                    Found::Claimed(position.next(self.n()))
                }
            }
            // Filled again since, `n` positions later, so that this one was claimed, and all before it.
            Seen::After => Found::Claimed(entry.position().back(self.n(), self.n()).next(self.n())),
            Seen::Before => Found::Nothing,
            Seen::End => Found::End,
        }
    }

    /// The first position from `position` on that nobody claimed, and what is there. All before `position` are claimed.
    ///
    /// The walk is bounded, and begins again where the head was noted meanwhile, if it was. Who notes it has claimed a
    /// message, so that one place is noted once, and a walk that begins where the last one did has no end.
    #[inline(always)]
    fn first_unclaimed(self, mut position: Position) -> Result<(Position, Found<'q>), Corrupt> {
        let (mut from, mut left) = (position, self.longest_walk());
        loop {
            match self.look(position) {
                Found::Claimed(next) => position = next,
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

    /// Where to look first for the position that nobody claimed.
    #[inline(always)]
    pub(super) fn head_hint(self) -> Position {
        // SYNC POINT E, acquire: with the release in `found`. What was before that position is seen.
        Position::of(self.head.position.load(Ordering::Acquire))
    }

    /// Where to look first for the position that is not filled.
    #[inline(always)]
    pub(super) fn tail_hint(self) -> Position {
        // SYNC POINT E, acquire: with the release in `found`. What was before that position is seen.
        Position::of(self.tail.position.load(Ordering::Acquire))
    }

    /// What the entry of `position` says, if that is not filled, and the order does not end there.
    #[inline(always)]
    fn unfilled(self, position: Position) -> Option<Entry> {
        // Relaxed: what was before `position` is seen by who looked for it, in `tail_hint`; what counts
        // is found out by an exchange.
        let entry = Entry(self.entry(position)?.load(Ordering::Relaxed));
        (entry.seen_from(position) == Seen::Before).then_some(entry)
    }

    /// The first position from `position` on that is not filled, or is where the order of a closed queue ends, and what its
    /// entry says. All before `position` are filled. Bounded as [`first_unclaimed`](Self::first_unclaimed) is.
    #[inline(always)]
    pub(super) fn first_unfilled(
        self,
        mut position: Position,
    ) -> Result<(Position, Entry), Corrupt> {
        let (mut from, mut left) = (position, self.longest_walk());
        loop {
            // SYNC POINT E, acquire: with the release of 3. One message is in the order behind the others:
            // who sees it sees those, also where it goes on a lap later, past entries that it did not look at.
            let entry = Entry(self.entry(position).ok_or(Corrupt)?.load(Ordering::Acquire));
            match entry.seen_from(position) {
                Seen::Here(_) => position = position.next(self.n()),
                // Filled again since: so all before that one are.
                Seen::After => position = entry.position(),
                Seen::Before | Seen::End => return Ok((position, entry)),
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

    /// Whether the order of a closed queue ends at the head, as a consumer finds out.
    pub(super) fn has_ended(self) -> bool {
        match self.first_unclaimed(self.head_hint()) {
            Ok((position, Found::Nothing)) => self.end(position),
            Ok((_, found)) => matches!(found, Found::End),
            // Nothing will come out of it.
            Err(Corrupt) => true,
        }
    }

    /// Whether it was closed. A push that does not know yet may still succeed, and its message is not lost: the order ends
    /// at a mark, see [`end`](Self::end).
    #[inline(always)]
    pub(super) fn is_closed(self) -> bool {
        // Relaxed: the mark in the order decides, by an exchange.
        self.head.is_closed.load(Ordering::Relaxed) != 0
    }

    /// [`is_closed`](Self::is_closed) as a producer asks.
    #[inline(always)]
    pub(super) fn is_closed_for_producers(self) -> bool {
        // Relaxed: as there.
        self.tail.is_closed.load(Ordering::Relaxed) != 0
    }

    /// How many messages are sent and not done: they wait, or a consumer has them. 0 only if at some moment of the call all were
    /// done.
    ///
    /// The slots are looked at one after the other, and a message may be put into one that was seen to be free, by a consumer
    /// whose own is then seen to be done: a follow-up job. So what was seen counts only if no message was sent meanwhile.
    /// Otherwise there was one that was not done.
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
        // SYNC POINT D, acquire: with the release of 5. What was done with a message before it was released is seen by
        // a caller that finds all done; and so is what was sent before.
        let phases = self
            .places
            .iter()
            .filter_map(|place| Owned::unpack(place.owner.load(Ordering::Acquire)))
            .map(|owned| owned.phase);
        phases.filter(|phase| !matches!(phase, Phase::Free | Phase::Writing)).count()
    }

    /// A number that changes with each message that is sent: positions in an entry only grow.
    fn sum_of_entries(self) -> u64 {
        // Acquire: partner is the release of 3. The slots of those that are in the sum are looked at later, and are seen taken.
        let entries = self.places.iter().map(|place| Entry(place.entry.load(Ordering::Acquire)));
        entries.fold(0, |sum, entry| sum.wrapping_add(entry.position().number()))
    }

    /// Whether a message is put at `position` right now, as far as one sees: its slot was taken, and it is not there yet.
    #[inline(always)]
    fn is_coming(self, position: Position) -> bool {
        self.owner(position.index(self.n())).is_some_and(|owner| {
            // Relaxed: a look.
            let says = owner.load(Ordering::Relaxed);
            Owned::is_in(says, Phase::Writing) || word::waits_at(says, position)
        })
    }

    /// Whether a consumer that found nothing at `position` should wait a moment and look again.
    ///
    /// One that is quicker than the producers finds a message that is just being put there, and takes the cache line from who
    /// does, for every message; both are the slower for it. If it lets some come first, it has them for one line. Only the
    /// first look at a position says so: whoever looks often waits for an answer, and who puts it there may be suspended.
    #[inline(always)]
    fn is_worth_a_moment(self, position: Position) -> bool {
        self.is_first_look(self.head, position) && self.is_coming(position)
    }

    /// Whether nobody who came to this end of a large queue to no avail came to this position before, as far as one sees.
    fn is_first_look(self, end: &Side<W>, position: Position) -> bool {
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

    /// Takes the slot for `me` that is most likely free, at the first look; returns it, and a position from where to look for
    /// its place.
    #[inline(always)]
    pub(super) fn try_take(self, me: Participant, position: Position) -> Option<(usize, Position)> {
        self.unfilled(position)?;
        self.take_natural(position, me)
    }

    /// Takes the slot of the same number as `position`, which comes next: its word lies beside the entry that we write next.
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
            let Ok((position, before)) = self.first_unfilled(from) else {
                return Err(NoSlot::Corrupt);
            };
            if let Some(taken) = self.take_natural(position, me) {
                return Ok(taken);
            }
            let is_contended = is_first && word::is_large(self.n()) && self.is_coming(position);
            if !is_contended {
                let slot = match self.look_near(position, before) {
                    Near::Free(slot) => slot,
                    // As `is_worth_a_moment`, with the ends the other way round: that some come free for one cache line.
                    Near::Full if self.is_first_look(self.tail, position) => {
                        from = self.tail_after(Lost(Some(&self.head.position)), position);
                        continue;
                    }
                    Near::Full => return Err(NoSlot::Full),
                    Near::Unclear => {
                        let slot = self.take_any(position.index(self.n()), me);
                        return Ok((slot.ok_or(NoSlot::Full)?, position));
                    }
                };
                if self.exchange_free(slot, me) {
                    return Ok((slot, position));
                }
            }
            is_first = false;
            from = self.tail_after(Lost(Some(&self.tail.position)), position);
        }
    }

    /// From where to look for the head after one has stepped aside, who was at `position`.
    pub(super) fn head_after(self, lost: Lost<'_>, position: Position) -> Position {
        if lost.step_aside() { self.head_hint() } else { position }
    }

    /// From where to look for the tail after one has stepped aside, who was at `position`.
    pub(super) fn tail_after(self, lost: Lost<'_>, position: Position) -> Position {
        if lost.step_aside() { self.tail_hint() } else { position }
    }

    /// Looks at the slots that come free next: they do in the order in which they were filled, so that these are those whose
    /// messages were, one lap ago, where the next ones come to. When the first message that waits comes soon, and all
    /// before it are held, the queue is full, and nothing else need be looked at, which the consumers are about to change.
    #[inline(never)]
    fn look_near(self, mut position: Position, mut before: Entry) -> Near {
        let mut held = [usize::MAX; NEAR];
        for at in 0..NEAR {
            // Nothing was here yet, or the order ends here.
            if before == Entry::UNUSED || before.is_closed() {
                break;
            }
            let slot = before.slot();
            let Some(owner) = self.owner(slot) else { break };
            // Relaxed: a look.
            let says = owner.load(Ordering::Relaxed);
            if says == Owned::FREE {
                return Near::Free(slot);
            }
            if word::waits_at(says, before.position()) {
                return Near::Full;
            }
            // It may wait, and be counted there; or it was counted already.
            let is_held = Owned::is_in(says, Phase::Writing) || Owned::is_in(says, Phase::Reading);
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
        Near::Unclear
    }

    /// Takes the next free slot from `guess` on; looks at all.
    #[cold]
    fn take_any(self, guess: usize, me: Participant) -> Option<usize> {
        (guess..self.n()).chain(0..guess).find(|&slot| self.exchange_free(slot, me))
    }

    /// 1: takes a slot; false when it is not free, or another took it.
    #[inline(always)]
    fn exchange_free(self, slot: usize, me: Participant) -> bool {
        let mine = Owned { phase: Phase::Writing, by: me, position: Position::START }.pack();
        self.owner(slot).is_some_and(|owner| {
            // Relaxed: a look before the exchange.
            worth_a_try(|| owner.load(Ordering::Relaxed) == Owned::FREE)
                // Acquire: partner is the release of whoever freed it (5, a dropped loan, a recovery), who is done with
                // the slot. Failure, relaxed: another took it.
                && owner
                    .compare_exchange(Owned::FREE, mine, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
        })
    }

    /// Claims the first message that nobody claimed, for `me`, and looks for it from `from` on.
    pub(super) fn claim(self, me: Participant, mut from: Position) -> Head {
        loop {
            let Ok((position, found)) = self.first_unclaimed(from) else {
                return Head::Corrupt;
            };
            match self.claim_found(me, position, found) {
                Ok(head) => return head,
                Err(lost) => from = self.head_after(lost, position),
            }
        }
    }

    /// Tries to, at the first look.
    #[inline(always)]
    pub(super) fn try_claim(self, me: Participant, position: Position) -> Result<Head, Lost<'q>> {
        self.claim_found(me, position, self.look(position))
    }

    #[inline(always)]
    fn claim_found(
        self,
        me: Participant,
        position: Position,
        found: Found<'q>,
    ) -> Result<Head, Lost<'q>> {
        match found {
            Found::Message { slot, owner, says } => {
                // 4. The value was acquired with the entry. SYNC POINT E, release: with the acquire in
                // `look`. Failure, relaxed: the next look decides.
                let mine = Owned { phase: Phase::Reading, by: me, position }.pack();
                owner
                    .compare_exchange(says, mine, Ordering::Release, Ordering::Relaxed)
                    .map_err(|_| Lost(Some(&self.head.position)))?;
                self.found(&self.head.position, position.next(self.n()));
                Ok(Head::Claimed(slot, position))
            }
            Found::Nothing if self.is_worth_a_moment(position) => {
                Err(Lost(Some(&self.tail.position)))
            }
            // All before it are claimed: the queue was empty when we looked.
            Found::Nothing if !self.is_closed() => Ok(Head::Empty),
            Found::Nothing if self.end(position) => Ok(Head::Ended),
            Found::Nothing | Found::Claimed(_) => Err(Lost(None)),
            Found::End => Ok(Head::Ended),
        }
    }

    /// Marks the end of a closed queue's order at `position`, where nothing was when we looked: no push gets past it.
    /// False when a message came first, which the next look sees.
    #[cold]
    fn end(self, position: Position) -> bool {
        let Some(place) = self.entry(position) else { return true };
        // Relaxed: the exchange finds the newest, and the mark carries nothing.
        let seen = Entry(place.load(Ordering::Relaxed));
        let mark = Entry::closed(position).0;
        seen.seen_from(position) == Seen::Before
            && place.compare_exchange(seen.0, mark, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Says where to look first the next time. Nothing depends on it but time: whoever starts from an old position finds the
    /// way along the entries. So it is no exchange: one who comes late with it sets the others back, once.
    #[inline(always)]
    pub(super) fn found(self, hint: &AtomicU64, position: Position) {
        // SYNC POINT E, release: with the acquires in `head_hint` and `tail_hint`. What is found there is
        // judged by itself, but with what its finder saw before.
        hint.store(position.word(), Ordering::Release);
    }
}

impl<'q, W: Wake> Order<'q, W> {
    /// No more pushes. Wakes everybody.
    pub(super) fn close(self) {
        // Relaxed, both: see `is_closed`; who sleeps sees it behind the fence of the bell. The consumers' first: if nothing
        // follows, they mark the end, which refuses the producers.
        self.head.is_closed.store(1, Ordering::Relaxed);
        self.tail.is_closed.store(1, Ordering::Relaxed);
        self.ring_both();
    }

    /// Wakes everybody.
    fn ring_both(self) {
        let _producers = Finally(|| self.head.bell.ring());
        self.tail.bell.ring();
    }

    /// 2 and 3: gives the value in `slot`, which is ours, its place in the order.
    ///
    /// Looks for the place from `from` on, and does so again although it may be known from before the slot was taken: what
    /// the slot's word says must be news. Had the slot carried the message of this very position already, one who is
    /// about to claim that one would claim this one, which is not there yet. By the acquire of 1 we see that it had.
    ///
    /// The exchange needs no look at the head. We hold a slot, so that fewer messages wait than there are slots, and
    /// whatever was in the entry of the first position that is not filled, `N` positions ago, was claimed.
    pub(super) fn commit(
        self,
        slot: usize,
        me: Participant,
        mut from: Position,
    ) -> Result<(), Refused> {
        if slot >= self.n() {
            return Err(Refused::Corrupt);
        }
        loop {
            let (position, seen) = self.first_unfilled(from)?;
            // The mark of the end. Only a message that was in the order before takes its place.
            if seen == Entry::closed(position) {
                return Err(Refused::Closed);
            }
            match self.exchange_entry(slot, me, Phase::Committing, position, seen) {
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
        slot: usize,
        me: Participant,
        from: Position,
    ) -> Result<(), Lost<'q>> {
        let seen = self.unfilled(from).ok_or(Lost(None))?;
        self.exchange_entry(slot, me, Phase::Committing, from, seen)?;
        self.tail.bell.ring();
        Ok(())
    }

    /// 2 and 3, once. `phase` says what the message is if we die before: [`Phase::Committing`], or
    /// [`Phase::Requeuing`].
    #[inline(always)]
    pub(super) fn exchange_entry(
        self,
        slot: usize,
        me: Participant,
        phase: Phase,
        position: Position,
        seen: Entry,
    ) -> Result<(), Lost<'q>> {
        let (Some(owner), Some(place)) = (self.owner(slot), self.entry(position)) else {
            return Err(Lost(None));
        };
        // 2. Published by 3. SYNC POINT E, release: who sees this instead of an earlier message of the slot
        // sees that it was claimed, as we do.
        owner.store(Owned { phase, by: me, position }.pack(), Ordering::Release);
        // 3. Release: partner is the acquire of the look at the entry in `look`. Failure, relaxed: another was faster, or we
        // had looked at something old. What is there now is seen by the next look.
        let entry = Entry::new(position, slot);
        place
            .compare_exchange(seen.0, entry.0, Ordering::Release, Ordering::Relaxed)
            .map_err(|_| Lost(Some(&self.tail.position)))?;
        self.found(&self.tail.position, position.next(self.n()));
        Ok(())
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
            // Release: partner is the acquire of 1: we are done with the slot; and SYNC POINT D, in `unfinished`: with the
            // message too.
            owner.store(Owned::FREE, Ordering::Release);
        }
    }

    /// See [`Handle::recover`](super::Handle::recover).
    pub(super) fn recover(self, me: Participant, dead: Participant) -> usize {
        let (mut held, mut is_corrupt) = (0, false);
        for (slot, Place { owner, .. }) in self.places.iter().enumerate() {
            // Relaxed, here and below: what the dead one wrote, and what it had acquired, is visible by the caller's word.
            let seen = owner.load(Ordering::Relaxed);
            let Some(owned) = Owned::unpack(seen) else { continue };
            if owned.by != dead || owned.phase == Phase::Free || self.is_committed(slot, seen) {
                continue;
            }
            let keep = matches!(owned.phase, Phase::Requeuing | Phase::Reading | Phase::Recovering);
            let phase = if keep { Phase::Recovering } else { Phase::Writing };
            let ended_claims = self.ended_claims_of_dead(slot, owned);
            // The position stays: by it one who finds us dead knows how often the message was
            // claimed.
            let mine = Owned { phase, by: me, position: owned.position }.pack();
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
}
