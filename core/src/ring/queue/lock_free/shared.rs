//! The words that all users of a queue share, whatever it holds and however many slots it has: two
//! ends, and a cell for each slot.
//!
//! | word | where | written by |
//! |---|---|---|
//! | hint of the tail, hint of the head | [`Side::position`] | a plain store after step 3, or after step 4 |
//! | closed | [`Side::is_closed`], one for each end | [`Shared::close`] |
//! | last vain visit | [`Side::last_visit`] | a side that backs off |
//! | entry | [`Cell::entry`] | step 3, and the mark of the end |
//! | owner word | [`Cell::owner`] | steps 1, 2, 4, 5, and recovery |
//! | attempts | [`Shared::tries`] | a claim that ends without a completion, and recovery |
//! | limit of claims, count of messages given up, registered producers | [`Rare`] | users that set the limit, give up, or register |
//!
//! Only the entries and the owner words decide who gets what. The hints save time.

use super::super::outcome::Refused;
use super::super::rare::Rare;
use super::word::{Entry, Position, SlotState};
use crate::finally::Finally;
use crate::sync::{
    AtomicU32, AtomicU64, CachePadded, Ordering, Roomy, RoomyRef, backoff, const_unless_loom, roomy,
};
use crate::wait::{Doorbell, Wake};

/// What one end of the queue keeps on its cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Side<W: Wake> {
    /// Where a walk for this end starts. The end was there, and may have moved on: see
    /// [`Shared::store_hint`].
    pub(super) position: AtomicU64,
    /// Whether the queue is closed. Each end has a copy, so that no side reads the other end's
    /// cache line for it.
    pub(super) is_closed: AtomicU32,
    /// The position of the last vain visit to this end: see [`Shared::is_first_visit`].
    pub(super) last_visit: AtomicU32,
    /// The bell that this end rings for the other one.
    pub(super) bell: Doorbell<W>,
}

impl<W: Wake> Side<W> {
    const_unless_loom! {
        /// An end of a fresh queue.
        pub(super) fn new() -> Self {
            Side {
                position: AtomicU64::new(Position::FIRST.word()),
                is_closed: AtomicU32::new(0),
                last_visit: AtomicU32::new(0),
                bell: Doorbell::new(),
            }
        }
    }
}

/// Two words that share nothing but their index: the entry of some position, and the owner word of
/// a slot.
///
/// They lie side by side because in a quiet queue the message of a position is in the slot of the
/// same index. Then both sides touch one cache line for a message.
#[derive(Debug)]
#[repr(C)]
pub(in crate::ring::queue) struct Cell {
    /// Which slot holds the message of a position: an [`Entry`].
    pub(super) entry: AtomicU64,
    /// Who holds the slot of this index: a [`SlotState`].
    pub(super) owner: AtomicU64,
}

/// What every queue begins with, whatever its number of slots.
#[derive(Debug)]
#[repr(C)]
pub(in crate::ring::queue) struct Ends<W: Wake> {
    pub(super) tail: CachePadded<Side<W>>,
    pub(super) head: CachePadded<Side<W>>,
    pub(super) rare: Roomy<CachePadded<Rare>>,
}

impl<W: Wake> Ends<W> {
    const_unless_loom! {
        /// The ends of a fresh queue.
        pub(in crate::ring::queue) fn new() -> Self {
            Ends {
                tail: CachePadded(Side::new()),
                head: CachePadded(Side::new()),
                rare: roomy!(CachePadded(Rare::new())),
            }
        }
    }
}

impl<W: Wake> Ends<W> {
    /// The bell that every push rings.
    pub(in crate::ring::queue) fn consumers_bell(&self) -> &Doorbell<W> {
        &self.tail.0.bell
    }

    /// The bell that everybody rings who frees a slot.
    pub(in crate::ring::queue) fn producers_bell(&self) -> &Doorbell<W> {
        &self.head.0.bell
    }
}

impl Cell {
    const_unless_loom! {
        pub(in crate::ring::queue) fn new() -> Self {
            Cell { entry: AtomicU64::new(Entry::UNUSED.0), owner: AtomicU64::new(SlotState::FREE) }
        }
    }
}

/// References to the words of a queue. Every step is a method of this.
#[derive(Debug)]
pub(in crate::ring::queue) struct Shared<'q, W: Wake> {
    pub(super) tail: &'q Side<W>,
    pub(super) head: &'q Side<W>,
    /// One for each slot.
    pub(super) cells: &'q [Cell],
    /// One for each slot, where there is room for them: see [`attempts`](super::attempts).
    pub(super) tries: RoomyRef<'q, [AtomicU64]>,
    /// Present where there is room for it.
    rare: RoomyRef<'q, CachePadded<Rare>>,
}

impl<W: Wake> Clone for Shared<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for Shared<'_, W> {}

/// A slot, with its owner word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'q> {
    pub(super) index: usize,
    pub(super) owner: &'q AtomicU64,
}

/// A position, and the cell that holds its entry and the owner word of the slot with the same
/// index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'q> {
    pub(super) position: Position,
    pub(super) index: usize,
    pub(super) cell: &'q Cell,
}

impl<'q> Place<'q> {
    /// The slot with the index of this position.
    #[inline(always)]
    pub(super) fn slot(self) -> Slot<'q> {
        Slot { index: self.index, owner: &self.cell.owner }
    }
}

/// The words are not those of a queue: a walk along the entries has no end. Only a foreign write
/// into them can cause that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corrupt;

impl From<Corrupt> for Refused {
    fn from(Corrupt: Corrupt) -> Self {
        Refused::Corrupt
    }
}

/// The attempt changed nothing; retry. Holds the winner's position word, if there is one to back
/// off on.
#[derive(Debug)]
pub(super) struct Contended<'q>(pub(super) Option<&'q AtomicU64>);

impl Contended<'_> {
    /// Backs off, so that the winner can go on; returns whether that took some time.
    pub(super) fn backoff(self) -> bool {
        self.0.is_some_and(|position| {
            // Relaxed: nothing but time depends on it.
            backoff(|| Position::of(position.load(Ordering::Relaxed)).number())
        })
    }
}

impl<'q, W: Wake> Shared<'q, W> {
    /// The words of a queue with as many cells as slots, and as many `tries`, if there are any.
    #[inline(always)]
    pub(in crate::ring::queue) fn new(
        ends: &'q Ends<W>,
        cells: &'q [Cell],
        tries: RoomyRef<'q, [AtomicU64]>,
    ) -> Self {
        let Ends { tail, head, rare } = ends;
        Shared { tail: &tail.0, head: &head.0, cells, tries, rare: rare.by_ref() }
    }

    /// The rarely needed words, where there is room for them.
    #[inline(always)]
    pub(in crate::ring::queue) fn rare(self) -> Option<&'q Rare> {
        Some(&self.rare.get()?.0)
    }

    #[inline(always)]
    pub(super) fn n(self) -> usize {
        self.cells.len()
    }

    /// The place of a position [within its lap](Position::is_within_lap), for the quick way through
    /// the steps. This checks the index once, and the steps need not check it again.
    #[inline(always)]
    pub(super) fn place(self, position: Position) -> Option<Place<'q>> {
        if !position.is_within_lap(self.n()) {
            return None;
        }
        let index = position.index(self.n());
        // SAFETY: `is_within_lap` says that the index is less than `n`, which is the number of
        // cells. That number is a part of a reference in private memory, so nobody can have changed
        // it.
        let cell = unsafe { self.cells.get_unchecked(index) };
        Some(Place { position, index, cell })
    }

    /// The entry of a position; `None` only if something else wrote into the memory.
    #[inline(always)]
    pub(super) fn entry(self, position: Position) -> Option<&'q AtomicU64> {
        Some(&self.cells.get(position.index(self.n()))?.entry)
    }

    #[inline(always)]
    pub(super) fn slot(self, index: usize) -> Option<Slot<'q>> {
        Some(Slot { index, owner: self.owner(index)? })
    }

    #[inline(always)]
    pub(super) fn owner(self, slot: usize) -> Option<&'q AtomicU64> {
        Some(&self.cells.get(slot)?.owner)
    }

    /// Where to start looking for the first position that nobody claimed.
    #[inline(always)]
    pub(super) fn head_hint(self) -> Position {
        // SYNC POINT with the store in `store_hint`: acquire. Everything before that position is
        // visible.
        Position::of(self.head.position.load(Ordering::Acquire))
    }

    /// Where to start looking for the first position that is not filled.
    #[inline(always)]
    pub(super) fn tail_hint(self) -> Position {
        // SYNC POINT with the store in `store_hint`: acquire. Everything before that position is
        // visible.
        Position::of(self.tail.position.load(Ordering::Acquire))
    }

    /// Whether the queue was closed, as a consumer asks. A push that does not know yet may still
    /// succeed. Its message is not lost, because the order ends at a mark: see
    /// [`mark_end`](Self::mark_end).
    #[inline(always)]
    pub(in crate::ring::queue) fn is_closed(self) -> bool {
        // Relaxed: the exchange that writes the mark of the end decides.
        self.head.is_closed.load(Ordering::Relaxed) != 0
    }

    /// Whether the queue was closed, as a producer asks: reads the tail's cache line.
    #[inline(always)]
    pub(super) fn is_closed_for_producers(self) -> bool {
        // Relaxed: the exchange that writes the mark of the end decides.
        self.tail.is_closed.load(Ordering::Relaxed) != 0
    }

    /// Where to look for the head after an attempt at `position` changed nothing; backs off first.
    pub(super) fn head_after(self, lost: Contended<'_>, position: Position) -> Position {
        if lost.backoff() { self.head_hint() } else { position }
    }

    /// Where to look for the tail after an attempt at `position` changed nothing; backs off first.
    pub(super) fn tail_after(self, lost: Contended<'_>, position: Position) -> Position {
        if lost.backoff() { self.tail_hint() } else { position }
    }

    /// Stores where the next walk for an end starts. Nothing but time depends on it: a walk from an
    /// old position finds its way along the entries. So this is a plain store and no exchange. A
    /// store that comes late sets the others back, once.
    #[inline(always)]
    pub(super) fn store_hint(self, hint: &AtomicU64, position: Position) {
        // SYNC POINT with the loads in `head_hint` and `tail_hint`: release. A walk that starts at
        // this position checks each entry by itself, and sees what the maker of this store saw.
        hint.store(position.word(), Ordering::Release);
    }

    /// Closes the queue: no more pushes. Wakes everybody.
    pub(in crate::ring::queue) fn close(self) {
        // Relaxed, both: see `is_closed`. A sleeper sees them behind the fence of the bell. The
        // consumers' copy comes first. If this process stops between the two stores, the consumers
        // mark the end, and the mark refuses the producers.
        self.head.is_closed.store(1, Ordering::Relaxed);
        self.tail.is_closed.store(1, Ordering::Relaxed);
        self.ring_both();
    }

    /// Wakes everybody.
    fn ring_both(self) {
        let _producers = Finally(|| self.head.bell.ring());
        self.tail.bell.ring();
    }
}
