//! The two lists of a queue, and the words that they consist of. No sections and no atomics: the
//! caller has the lists exclusively.
//!
//! Every number of a slot that is read from memory is checked before it is used.

use super::super::outcome::NoSlot;
use crate::participant::Participant;
use crate::sync::{RoomyRef, SectionCell};

/// The largest number of slots. The list of free slots ends with that number, below [`HELD`].
pub(in crate::ring::queue) const MAX_SLOTS: usize = HELD as usize - 1;

/// In the cell of a slot that a participant holds: beside its number.
const HELD: u16 = 1 << 15;
/// The participant claimed the message in the slot. Otherwise it fills the slot.
const READING: u16 = 1 << 14;

/// The state of a slot.
///
/// | the slot | the cell |
/// |---|---|
/// | is held | [`HELD`], and [`READING`] if so, and the participant |
/// | is free | the next free slot, exclusive-or this slot's number plus 1 |
/// | holds a message that waits | the slot of the next message; anything below [`HELD`] in the last |
///
/// So zeroed cells are a list of free slots, which leads from each slot to the one behind it.
#[derive(Debug)]
#[repr(transparent)]
pub(in crate::ring::queue) struct Cell(SectionCell<u16>);

impl Cell {
    pub(in crate::ring::queue) const fn new() -> Self {
        Cell(SectionCell::new(0))
    }

    /// Whether `who` holds the slot; if so, whether it claimed the message there.
    #[inline(always)]
    pub(super) fn held_by(&self, who: Participant) -> Option<bool> {
        let beside_who = self.0.get() ^ (HELD | who.number());
        (beside_who & !READING == 0).then_some(beside_who != 0)
    }

    /// The participant that holds the slot, and whether it claimed the message there.
    fn holder(&self) -> Option<(Participant, bool)> {
        let cell = self.0.get();
        (cell >= HELD).then(|| (Participant::from_bits(cell.into()), cell & READING != 0))
    }
}

/// How many claims of the message in a slot ended without a completion.
#[derive(Debug)]
#[repr(transparent)]
pub(in crate::ring::queue) struct Tries(SectionCell<u16>);

impl Tries {
    pub(in crate::ring::queue) const fn new(ended_claims: u16) -> Self {
        Tries(SectionCell::new(ended_claims))
    }
}

/// The ends of both lists, and the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Line {
    /// How many messages were put in line, modulo 2^32.
    pub(super) pushed: u32,
    /// How many messages were taken out of the line, modulo 2^32.
    pub(super) popped: u32,
    /// The first free slot, or the number of the slots if there is none.
    pub(super) free: u16,
    /// The slot of the oldest message that waits, if one does.
    pub(super) first: u16,
    /// The slot of the newest message that waits, if one does.
    pub(super) last: u16,
    /// How many messages are claimed.
    pub(super) claimed: u16,
    /// All ones if the queue is closed.
    pub(super) closed: u16,
}

impl Line {
    /// The line of a fresh queue.
    pub(super) const fn new() -> Self {
        Line { pushed: 0, popped: 0, free: 0, first: 0, last: 0, claimed: 0, closed: 0 }
    }

    /// Whether a queue of `n` slots can have this line.
    pub(super) const fn is_possible(&self, n: usize) -> bool {
        let has_ends = (self.first as usize) < n && (self.last as usize) < n;
        let fits = self.len() as usize <= n && self.claimed as usize <= n;
        fits && self.free as usize <= n && (self.len() == 0 || has_ends)
    }

    /// How many messages wait.
    #[inline(always)]
    pub(super) const fn len(&self) -> u32 {
        self.pushed.wrapping_sub(self.popped)
    }
}

/// The lists do not lead to a slot of the queue. Only a foreign write can cause that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corrupt;

/// A slot of the queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'q> {
    pub(super) index: usize,
    pub(super) cell: &'q Cell,
}

impl Slot<'_> {
    /// Whether a queue of `n` slots can have this cell at this place.
    pub(super) fn is_possible(self, n: usize) -> bool {
        let cell = usize::from(self.cell.0.get());
        match self.cell.holder() {
            Some((who, is_claimed)) => {
                let reading = if is_claimed { READING } else { 0 };
                cell == usize::from(HELD | reading | who.number())
            }
            None => cell <= n || usize::from(next_free(self)) <= n,
        }
    }

    /// The slot of the next message, if this one's message waits.
    pub(super) fn next_in_line(self) -> Option<u16> {
        let next = self.cell.0.get();
        (next < HELD).then_some(next)
    }

    /// Ends the hold on a slot that is about to be in line.
    #[inline(always)]
    pub(super) fn set_let_go(self) {
        self.cell.0.set(0);
    }

    /// Lets `me` fill the slot.
    #[inline(always)]
    pub(super) fn set_writing(self, me: Participant) {
        self.cell.0.set(HELD | me.number());
    }
}

/// The free slot behind `slot` in their list.
#[inline(always)]
fn next_free(slot: Slot<'_>) -> u16 {
    slot.cell.0.get() ^ (slot.index as u16).wrapping_add(1)
}

/// All that an operation uses inside of its section.
#[derive(Debug)]
pub(super) struct Lists<'q, 'l> {
    pub(super) line: &'l mut Line,
    pub(super) cells: &'q [Cell],
    pub(super) tries: RoomyRef<'q, [Tries]>,
}

impl<'q> Lists<'q, '_> {
    #[inline(always)]
    pub(super) fn slot(&self, index: usize) -> Option<Slot<'q>> {
        Some(Slot { index, cell: self.cells.get(index)? })
    }

    /// The first free slot, which stays in its list.
    #[inline(always)]
    pub(super) fn first_free(&self) -> Result<Slot<'q>, NoSlot> {
        // One comparison finds both ends: of the list, and of the queue.
        let index = usize::from(self.line.free | self.line.closed);
        match self.slot(index) {
            Some(slot) => Ok(slot),
            None if self.line.closed != 0 => Err(NoSlot::Closed),
            None if index == self.cells.len() => Err(NoSlot::Full),
            None => Err(NoSlot::Corrupt),
        }
    }

    /// Takes the first free slot out of its list. Its state is the caller's to set.
    #[inline(always)]
    pub(super) fn take_free(&mut self, first: Slot<'q>) {
        self.line.free = next_free(first);
    }

    /// Puts a slot into the list of free ones.
    #[inline(always)]
    pub(super) fn free(&mut self, slot: Slot<'q>) {
        let index = slot.index as u16;
        slot.cell.0.set(self.line.free ^ index.wrapping_add(1));
        self.line.free = index;
    }

    /// Puts the message in `slot` in line, behind those that are there. If the slot was held, the
    /// caller [lets it go](Slot::set_let_go).
    #[inline(always)]
    pub(super) fn append(&mut self, slot: Slot<'q>) -> Result<(), Corrupt> {
        let index = slot.index as u16;
        if self.line.len() == 0 {
            self.line.first = index;
        } else {
            let last = self.cells.get(usize::from(self.line.last)).ok_or(Corrupt)?;
            last.0.set(index);
        }
        self.line.last = index;
        self.line.pushed = self.line.pushed.wrapping_add(1);
        Ok(())
    }

    /// The slot of the oldest message that waits, if one does. It stays in line.
    #[inline(always)]
    pub(super) fn first(&self) -> Result<Option<Slot<'q>>, Corrupt> {
        if self.line.len() == 0 {
            return Ok(None);
        }
        self.slot(usize::from(self.line.first)).map(Some).ok_or(Corrupt)
    }

    /// Takes the oldest message out of the line. The state of its slot is the caller's to set.
    #[inline(always)]
    pub(super) fn take_first(&mut self, first: Slot<'q>) {
        self.line.first = first.cell.0.get();
        self.line.popped = self.line.popped.wrapping_add(1);
    }

    /// Lets `me` hold the message that was just taken out of the line; returns its position.
    #[inline(always)]
    pub(super) fn claim(&mut self, slot: Slot<'q>, me: Participant) -> u32 {
        slot.cell.0.set(HELD | READING | me.number());
        self.line.claimed = self.line.claimed.wrapping_add(1);
        self.line.popped
    }

    /// Frees the slot of a message that was claimed.
    #[inline(always)]
    pub(super) fn complete(&mut self, slot: Slot<'q>) {
        self.line.claimed = self.line.claimed.wrapping_sub(1);
        self.free(slot);
    }

    /// Ends a claim without a completion: puts the message back in line, behind those that are
    /// there. False when `max` claims of it ended; then nothing changed.
    #[inline(always)]
    pub(super) fn give_back(&mut self, slot: Slot<'q>, max: u16) -> bool {
        let ended_claims = self.ended_claims(slot.index).saturating_add(1);
        if max != 0 && ended_claims >= max {
            return false;
        }
        self.set_ended_claims(slot.index, ended_claims);
        // In a corrupt queue the slot stays with its holder.
        if self.append(slot).is_ok() {
            slot.set_let_go();
            self.line.claimed = self.line.claimed.wrapping_sub(1);
        }
        true
    }

    /// How many claims of the message in this slot ended without a completion.
    #[inline(always)]
    pub(super) fn ended_claims(&self, slot: usize) -> u16 {
        self.tries.get().and_then(|tries| tries.get(slot)).map_or(0, |tries| tries.0.get())
    }

    #[inline(always)]
    pub(super) fn set_ended_claims(&self, slot: usize, count: u16) {
        if let Some(tries) = self.tries.get().and_then(|tries| tries.get(slot)) {
            tries.0.set(count);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_slots_of_its_queue_alone() {
        let good = Line { pushed: 5, popped: 3, free: 3, first: 0, last: 2, claimed: 3, closed: 0 };
        assert!(good.is_possible(3));
        assert!(Line { pushed: 6, ..good }.is_possible(3));
        assert!(!Line { pushed: 7, ..good }.is_possible(3), "more messages than slots");
        assert!(!Line { claimed: 4, ..good }.is_possible(3), "more claims than slots");
        assert!(!Line { free: 4, ..good }.is_possible(3), "no end of the list");
        assert!(!Line { first: 3, ..good }.is_possible(3), "no such slot");
        assert!(!Line { last: 3, ..good }.is_possible(3), "no such slot");
        // Nobody reads the ends of an empty line.
        assert!(Line { popped: 5, first: 3, last: 3, ..good }.is_possible(3));
    }

    #[test]
    fn a_cell_names_a_slot_or_a_holder() {
        let is_possible = |cell, index| {
            let cell = &Cell(SectionCell::new(cell));
            Slot { index, cell }.is_possible(4)
        };
        for held in [HELD, HELD | 7, HELD | READING | Participant::MAX] {
            assert!(is_possible(held, 0), "{held:#x}");
            assert!(!is_possible(held | 1 << 13, 0), "a bit that no participant has");
        }
        // In line, or free: 4 is the end of both lists.
        assert!((0..=4).all(|next| is_possible(next, 3)));
        // Free alone: slot 1 is the next one, and there is no slot 13.
        assert!(is_possible(4 ^ 1, 3) && !is_possible(4 ^ 13, 3));
        assert!(!is_possible(HELD - 1, 3));
    }

    #[test]
    fn a_slot_that_is_held_leads_nowhere() {
        let next = |cell| Slot { index: 0, cell: &Cell(SectionCell::new(cell)) }.next_in_line();
        assert_eq!(next(HELD - 1), Some(HELD - 1));
        assert_eq!((next(HELD), next(HELD | READING | 5)), (None, None));
    }
}
