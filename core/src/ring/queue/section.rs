//! One short critical section for an operation, for targets that cannot swap words of 64 bits. Twin
//! of `lock_free`.
//!
//! # The state
//!
//! Two lists lead through the slots: the *line* of the messages that wait, and the *free* slots. A
//! slot is in one of them, or a participant holds it. The slot's [`Cell`] says which, and where the
//! list goes on. The [`Line`] has the ends of both lists, and the counts. All of it is zero in a
//! fresh queue.
//!
//! ```text
//!   cell                       operation, one section each
//!   Free
//!    │   take                  the loan begins; a small value is pushed without it
//!   Writing(p)
//!    │   commit                the message is in line. A dropped loan, and recovery: Free
//!   Line
//!    │   claim                 the claim begins; a small value is popped without it
//!   Reading(c)
//!    │   complete              a claim given back, and recovery: Line
//!   Free
//! ```
//!
//! A section only changes the lists, and moves a value if it is small ([`is_moved_inside`]). So its
//! length depends neither on the capacity nor on the size of a value, and no code of the user runs
//! inside. The doorbells are rung after it.
//!
//! A participant dies between two sections, never inside of one: on a single core, nothing resets
//! one context while interrupts are off. With several cores, see the [queue](super).

#[cfg(not(loom))]
mod bundle;
mod handle;
mod line;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(not(loom))]
pub(super) use self::bundle::{Bundle, WORDS, bundle_size};
pub(super) use self::line::{Cell, MAX_SLOTS, Tries};

use self::line::{Corrupt, Line, Lists};
use super::outcome::{NoMore, NoSlot, Refused};
use super::rare::Rare;
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::{CachePadded, Guarded, Roomy, RoomyRef, const_unless_loom, roomy};
use crate::wait::{Doorbell, Wake};

/// Whether a value is moved inside of a section: if that takes two words or less. A larger value is
/// moved between two sections.
const fn is_moved_inside<T>() -> bool {
    // Without unaligned accesses, a value moves in pieces as large as its alignment.
    let at_a_time = if align_of::<T>() < 4 { align_of::<T>() } else { 4 };
    size_of::<T>() <= 2 * at_a_time
}

/// A slot that a producer took and has not committed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken(usize);

impl Taken {
    #[inline(always)]
    pub(super) fn slot(self) -> usize {
        self.0
    }
}

/// A message that a consumer claimed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimed {
    slot: usize,
    /// How many messages had been put in line up to this one, modulo 2^32.
    position: u32,
}

impl Claimed {
    #[inline(always)]
    pub(super) fn slot(self) -> usize {
        self.slot
    }

    /// The message's position in the order of the queue.
    pub(super) fn position(self, _: usize) -> u64 {
        self.position.into()
    }
}

/// What every queue begins with, whatever its number of slots.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Ends<W: Wake> {
    line: Guarded<Line>,
    consumers_bell: Doorbell<W>,
    producers_bell: Doorbell<W>,
    rare: Roomy<CachePadded<Rare>>,
}

impl<W: Wake> Ends<W> {
    const_unless_loom! {
        /// The words of a fresh queue.
        pub(super) fn new() -> Self {
            Ends {
                line: Guarded::new(Line::new()),
                consumers_bell: Doorbell::new(),
                producers_bell: Doorbell::new(),
                rare: roomy!(CachePadded(Rare::new())),
            }
        }
    }

    /// The bell that every push rings.
    pub(super) fn consumers_bell(&self) -> &Doorbell<W> {
        &self.consumers_bell
    }

    /// The bell that everybody rings who frees a slot.
    pub(super) fn producers_bell(&self) -> &Doorbell<W> {
        &self.producers_bell
    }
}

/// References to the words of a queue. Every operation is a method of this.
#[derive(Debug)]
pub(super) struct Shared<'q, W: Wake> {
    ends: &'q Ends<W>,
    /// One for each slot. Used inside of sections alone.
    cells: &'q [Cell],
    /// One for each slot, where there is room for them. Used inside of sections alone.
    tries: RoomyRef<'q, [Tries]>,
}

impl<W: Wake> Clone for Shared<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for Shared<'_, W> {}

impl<'q, W: Wake> Shared<'q, W> {
    /// The words of a queue with as many cells as slots, and as many `tries`, if there are any.
    #[inline(always)]
    pub(super) fn new(ends: &'q Ends<W>, cells: &'q [Cell], tries: RoomyRef<'q, [Tries]>) -> Self {
        Shared { ends, cells, tries }
    }

    /// The rarely needed words, where there is room for them.
    #[inline(always)]
    pub(super) fn rare(self) -> Option<&'q Rare> {
        Some(&self.ends.rare.by_ref().get()?.0)
    }

    /// Runs `work` on the lists, in one critical section.
    ///
    /// No `work` in this folder enters another section, nor runs code of the user.
    #[inline(always)]
    fn section<R>(self, work: impl FnOnce(Lists<'q, '_>) -> R) -> R {
        let Shared { ends, cells, tries } = self;
        // SAFETY: `work` uses the line by its argument alone: see above.
        unsafe { ends.line.with(|line| work(Lists { line, cells, tries })) }
    }

    /// Pushes a message that `write` moves into its slot, inside of the section.
    #[inline(always)]
    fn push(self, write: impl FnOnce(usize)) -> Result<(), NoSlot> {
        self.section(|mut lists| {
            let slot = lists.first_free()?;
            write(slot.index);
            lists.set_ended_claims(slot.index, 0);
            lists.append(slot).map_err(|Corrupt| NoSlot::Corrupt)?;
            lists.take_free(slot);
            Ok(())
        })?;
        self.ends.consumers_bell.ring();
        Ok(())
    }

    /// Pops the oldest message, which `read` moves out of its slot, inside of the section.
    #[inline(always)]
    fn pop<R>(self, read: impl FnOnce(usize) -> R) -> Option<R> {
        let value = self.section(|mut lists| {
            let slot = lists.first().ok()??;
            let value = read(slot.index);
            lists.take_first(slot);
            lists.free(slot);
            Some(value)
        })?;
        self.ends.producers_bell.ring();
        Some(value)
    }

    /// Takes a free slot for `me`, to be filled between two sections.
    fn take(self, me: Participant) -> Result<Taken, NoSlot> {
        self.section(|mut lists| {
            let slot = lists.first_free()?;
            lists.take_free(slot);
            slot.set_writing(me);
            Ok(Taken(slot.index))
        })
    }

    /// Frees a slot that was taken, whose message will not be sent.
    pub(super) fn give_up(self, taken: Taken) {
        self.section(|mut lists| {
            if let Some(slot) = lists.slot(taken.0) {
                lists.free(slot);
            }
        });
        self.ends.producers_bell.ring();
    }

    /// Puts the message in a slot that was taken in line.
    fn commit(self, taken: Taken) -> Result<(), Refused> {
        self.section(|mut lists| {
            if lists.line.closed != 0 {
                return Err(Refused::Closed);
            }
            let slot = lists.slot(taken.0).ok_or(Refused::Corrupt)?;
            lists.append(slot).map_err(|Corrupt| Refused::Corrupt)?;
            slot.set_let_go();
            lists.set_ended_claims(slot.index, 0);
            Ok(())
        })?;
        self.ends.consumers_bell.ring();
        Ok(())
    }

    /// Claims the oldest message for `me`, if there is one; an error when none will come.
    fn claim(self, me: Participant) -> Result<Option<Claimed>, NoMore> {
        self.section(|mut lists| match lists.first() {
            Ok(Some(slot)) => {
                lists.take_first(slot);
                let position = lists.claim(slot, me);
                Ok(Some(Claimed { slot: slot.index, position }))
            }
            Ok(None) if lists.line.closed == 0 => Ok(None),
            Ok(None) => Err(NoMore::Ended),
            Err(Corrupt) => Err(NoMore::Corrupt),
        })
    }

    /// Frees the slot of a claimed message: it was delivered.
    pub(super) fn complete(self, claimed: Claimed) {
        self.complete_silently(claimed.slot);
        self.ends.producers_bell.ring();
    }

    fn complete_silently(self, slot: usize) {
        self.section(|mut lists| {
            if let Some(slot) = lists.slot(slot) {
                lists.complete(slot);
            }
        });
    }

    /// Ends a claim without a completion: puts the message back in line. False when the message is
    /// to be given up; then its slot is still held.
    pub(super) fn give_back(self, claimed: Claimed, _: Participant) -> bool {
        let max = self.rare().map_or(0, Rare::max_attempts);
        let is_back = self.section(|mut lists| {
            lists.slot(claimed.slot).is_none_or(|slot| lists.give_back(slot, max))
        });
        if is_back {
            self.ends.consumers_bell.ring();
        }
        is_back
    }

    /// Frees the slot of a message that is given up.
    pub(super) fn free_refused(self, claimed: Claimed) {
        self.complete_silently(claimed.slot);
        self.count_refused();
        self.ends.producers_bell.ring();
    }

    fn count_refused(self) {
        if let Some(rare) = self.rare() {
            rare.count_refused();
        }
    }

    /// How many claims of this message ended without a completion.
    pub(super) fn ended_claims(self, claimed: Claimed) -> u16 {
        self.section(|lists| lists.ended_claims(claimed.slot))
    }

    /// Frees or requeues what `dead` held: see [`Handle::recover`](super::Handle::recover).
    ///
    /// Each slot has a section of its own.
    pub(super) fn recover(self, _: Participant, dead: Participant) -> usize {
        let mut held = 0;
        for slot in 0..self.cells.len() {
            held += usize::from(self.recover_slot(slot, dead));
        }
        held += usize::from(self.rare().is_some_and(|rare| rare.producers.recover(dead)));
        // Wakes everybody, after everything is right, and always. The participant may have died
        // between a section that somebody sleeps for and the ring, or while it rang.
        let _producers = Finally(|| self.ends.producers_bell.wake_all());
        self.ends.consumers_bell.wake_all();
        held
    }

    /// Recovers one slot; returns whether `dead` held it.
    fn recover_slot(self, slot: usize, dead: Participant) -> bool {
        let max = self.rare().map_or(0, Rare::max_attempts);
        let recovered = self.section(|mut lists| {
            let slot = lists.slot(slot)?;
            if !slot.cell.held_by(dead)? {
                lists.free(slot);
                return Some(true);
            }
            let is_back = lists.give_back(slot, max);
            if !is_back {
                lists.complete(slot);
            }
            Some(is_back)
        });
        if recovered == Some(false) {
            self.count_refused();
        }
        recovered.is_some()
    }

    /// Closes the queue: no more pushes. Wakes everybody.
    pub(super) fn close(self) {
        self.section(|lists| lists.line.closed = u16::MAX);
        let _producers = Finally(|| self.ends.producers_bell.ring());
        self.ends.consumers_bell.ring();
    }

    /// A copy of the line as it was at one moment.
    fn line(self) -> Line {
        self.section(|lists| *lists.line)
    }

    /// Whether the queue was closed.
    pub(super) fn is_closed(self) -> bool {
        self.line().closed != 0
    }

    /// Whether the order of a closed queue has ended.
    pub(super) fn has_ended(self) -> bool {
        self.is_empty()
    }

    /// Whether no message waits.
    pub(super) fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The count of messages that wait.
    pub(super) fn len(self) -> usize {
        self.line().len() as usize
    }

    /// The count of messages that wait, or that a consumer holds.
    pub(super) fn unfinished(self) -> usize {
        let line = self.line();
        line.len().wrapping_add(line.claimed.into()) as usize
    }

    /// How many messages were ever put in line, modulo 2^32.
    pub(super) fn pushed(self) -> u64 {
        self.line().pushed.into()
    }

    /// Whether the words can be those of a queue: each word is possible, and the messages in line
    /// are as many as their count says.
    ///
    /// Each cell has a section of its own. The line is not followed to its end if somebody changes
    /// it meanwhile.
    pub(super) fn is_valid(self) -> bool {
        let (line, n) = (self.line(), self.cells.len());
        let is_possible =
            |index| self.section(|lists| lists.slot(index).is_some_and(|slot| slot.is_possible(n)));
        if !line.is_possible(n) || !(0..n).all(is_possible) {
            return false;
        }
        let mut at = Some(line.first);
        for _ in 1..line.len() {
            // The newest message has no other behind it.
            at = at.filter(|at| *at != line.last);
            at = self.section(|lists| lists.slot(at?.into())?.next_in_line());
        }
        line.len() == 0 || at == Some(line.last) || {
            let now = self.line();
            (now.pushed, now.popped) != (line.pushed, line.popped)
        }
    }

    /// The slots of the messages that wait, for a caller that has the queue exclusively. Each is
    /// taken out of the line.
    pub(super) fn waiting(self) -> impl Iterator<Item = usize> {
        core::iter::from_fn(move || {
            self.section(|mut lists| {
                let slot = lists.first().ok()??;
                lists.take_first(slot);
                Some(slot.index)
            })
        })
    }
}
