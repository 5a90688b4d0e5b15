//! The words that all who use a queue share, whatever it holds and however much of it: its ends,
//! and a cell for each slot.

use super::registry::Registry;
use super::word::{Entry, Position, SlotState};
use crate::error::Error;
use crate::finally::Finally;
use crate::ring::PushError;
use crate::sync::{
    AtomicU32, AtomicU64, CachePadded, Ordering, RmwU32, Roomy, RoomyRef, backoff,
    const_unless_loom, roomy,
};
use crate::wait::{Doorbell, Wake};

/// What one end of the queue has on its cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Side<W: Wake> {
    /// Where the end is looked for first: it was there, and may have moved on. See
    /// [`Shared::found`].
    pub(super) position: AtomicU64,
    /// Whether the queue is closed: each end has it, so that nobody looks at the other's line for
    /// it.
    pub(super) is_closed: AtomicU32,
    /// Where one last came to this end to no avail, see [`Shared::is_first_look`].
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

/// Two words that have nothing to do with each other but their number: they lie side by side
/// because in a quiet queue the message of a position is in the slot of the same number, and is
/// then sent and taken on one cache line.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Cell {
    /// Which slot the message of a position is in: an [`Entry`].
    pub(super) entry: AtomicU64,
    /// Who holds the slot of this number: an [`SlotState`].
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

/// What a queue knows of all its messages' claims.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Limit {
    /// How many claims there are of one message; 0: as many as it takes.
    pub(super) max: AtomicU32,
    /// How many messages were given up.
    pub(super) refused: RmwU32,
}

impl Limit {
    const_unless_loom! {
        fn new() -> Self {
            Limit { max: AtomicU32::new(0), refused: RmwU32::new(0) }
        }
    }
}

/// What is looked at when nothing waits, and when something ended.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Rare {
    pub(super) limit: Limit,
    pub(super) producers: Registry,
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
                    producers: Registry::new()
                })),
            }
        }
    }
}

impl Cell {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Cell { entry: AtomicU64::new(Entry::UNUSED.0), owner: AtomicU64::new(SlotState::FREE) }
        }
    }
}

/// The words of a queue.
#[derive(Debug)]
pub(super) struct Shared<'q, W: Wake> {
    pub(super) tail: &'q Side<W>,
    pub(super) head: &'q Side<W>,
    /// As many as there are slots.
    pub(super) cells: &'q [Cell],
    /// As many, too, where there is room for them: see [`attempts`](super::attempts).
    pub(super) tries: RoomyRef<'q, [AtomicU64]>,
    /// Where there is room for it.
    rare: RoomyRef<'q, CachePadded<Rare>>,
}

impl<W: Wake> Clone for Shared<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for Shared<'_, W> {}

/// A slot, with the word that says who holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'q> {
    pub(super) index: usize,
    pub(super) owner: &'q AtomicU64,
}

/// A position, and the cell in which its entry is, beside the word of the slot of the same number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'q> {
    pub(super) position: Position,
    pub(super) index: usize,
    pub(super) cell: &'q Cell,
}

impl<'q> Place<'q> {
    /// The slot of that number.
    #[inline(always)]
    pub(super) fn slot(self) -> Slot<'q> {
        Slot { index: self.index, owner: &self.cell.owner }
    }
}

/// Why no slot was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// Every slot is held.
    Full,
    /// The queue is closed.
    Closed,
    /// The queue's words are not those of a queue: something else wrote into its memory. What was
    /// in it cannot be told; lay it out anew.
    Corrupt,
}

impl NoSlot {
    /// Why `value` was not pushed.
    pub(super) fn with<T>(self, value: T) -> PushError<T> {
        match self {
            NoSlot::Full => PushError::Full(value),
            NoSlot::Closed => PushError::Closed(value),
            NoSlot::Corrupt => PushError::Corrupt(value),
        }
    }
}

impl From<NoSlot> for Error {
    fn from(why: NoSlot) -> Self {
        match why {
            NoSlot::Full => Error::WouldBlock,
            NoSlot::Closed => Error::BrokenPipe,
            NoSlot::Corrupt => Error::Corrupt,
        }
    }
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

/// The words are not those of a queue: the way along the entries has no end. Only a foreign write
/// into them can do that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corrupt;

impl From<Corrupt> for Refused {
    fn from(Corrupt: Corrupt) -> Self {
        Refused::Corrupt
    }
}

/// The attempt changed nothing; retry. Holds the winner's position word, to back off on.
#[derive(Debug)]
pub(super) struct Contended<'q>(pub(super) Option<&'q AtomicU64>);

impl Contended<'_> {
    /// Gets out of the other's way. Whether that took some time.
    pub(super) fn backoff(self) -> bool {
        self.0.is_some_and(|position| {
            // Relaxed: nothing depends on it but time.
            backoff(|| Position::of(position.load(Ordering::Relaxed)).number())
        })
    }
}

impl<'q, W: Wake> Shared<'q, W> {
    /// The words of a queue whose cells are as many as its slots, and so are its tries, if there
    /// are any.
    #[inline(always)]
    pub(super) fn new(
        ends: &'q Ends<W>,
        cells: &'q [Cell],
        tries: RoomyRef<'q, [AtomicU64]>,
    ) -> Self {
        let Ends { tail, head, rare } = ends;
        Shared { tail: &tail.0, head: &head.0, cells, tries, rare: rare.by_ref() }
    }

    /// What is rarely needed, where there is room for it.
    #[inline(always)]
    pub(super) fn rare(self) -> Option<&'q Rare> {
        Some(&self.rare.get()?.0)
    }

    #[inline(always)]
    pub(super) fn n(self) -> usize {
        self.cells.len()
    }

    /// The place of a position [within its lap](Position::is_within_lap), where a message goes
    /// through the quick way: it is judged once, and not again in each step.
    #[inline(always)]
    pub(super) fn place(self, position: Position) -> Option<Place<'q>> {
        if !position.is_within_lap(self.n()) {
            return None;
        }
        let index = position.index(self.n());
        // SAFETY: so it is less than the number of cells, which is not 0. That number is a part of
        // a reference, in private memory.
        let cell = unsafe { self.cells.get_unchecked(index) };
        Some(Place { position, index, cell })
    }

    /// The entry of a position. There is one, unless something else wrote into the memory.
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

    pub(super) fn producers_are_gone(self) -> bool {
        self.rare().is_some_and(|rare| rare.producers.are_gone())
    }

    /// Where to look first for the position that nobody claimed.
    #[inline(always)]
    pub(super) fn head_hint(self) -> Position {
        // SYNC POINT E, acquire: with the release in `found`. What was before that position is
        // seen.
        Position::of(self.head.position.load(Ordering::Acquire))
    }

    /// Where to look first for the position that is not filled.
    #[inline(always)]
    pub(super) fn tail_hint(self) -> Position {
        // SYNC POINT E, acquire: with the release in `found`. What was before that position is
        // seen.
        Position::of(self.tail.position.load(Ordering::Acquire))
    }

    /// Whether it was closed. A push that does not know yet may still succeed, and its message is
    /// not lost: the order ends at a mark, see [`end`](Self::end).
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

    /// From where to look for the head after a backoff of the side that was at `position`.
    pub(super) fn head_after(self, lost: Contended<'_>, position: Position) -> Position {
        if lost.backoff() { self.head_hint() } else { position }
    }

    /// From where to look for the tail after a backoff of the side that was at `position`.
    pub(super) fn tail_after(self, lost: Contended<'_>, position: Position) -> Position {
        if lost.backoff() { self.tail_hint() } else { position }
    }

    /// Says where to look first the next time. Nothing depends on it but time: whoever starts from
    /// an old position finds the way along the entries. So it is no exchange: one who comes late
    /// with it sets the others back, once.
    #[inline(always)]
    pub(super) fn found(self, hint: &AtomicU64, position: Position) {
        // SYNC POINT E, release: with the acquires in `head_hint` and `tail_hint`. What is found
        // there is judged by itself, but with what its finder saw before.
        hint.store(position.word(), Ordering::Release);
    }

    /// No more pushes. Wakes everybody.
    pub(super) fn close(self) {
        // Relaxed, both: see `is_closed`; who sleeps sees it behind the fence of the bell. The
        // consumers' first: if nothing follows, they mark the end, which refuses the producers.
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
