//! The payloads of one line: a bounded queue into which any context pushes without waiting, and
//! from which the dispatcher pops.
//!
//! A raiser takes three steps, none of which is ever repeated, so that a raiser which is suspended
//! between two of them (by an interrupt that raises the same line, say) keeps nobody from raising:
//!
//! ```text
//!   1. used += 1            a place is ours, though not yet which one (all in use: take it back, "full")
//!   2. ticket = tail++      this place: the slot `ticket` modulo DEPTH
//!   3. write the payload, then turn = ticket + 1: it may be popped
//! ```
//!
//! The dispatcher pops tickets in order: the slot's `turn` says whether its ticket is there. It
//! stops at one that is reserved and not yet written; those behind it are popped once it is. After
//! each it says `used -= 1`.
//!
//! The slot of ticket `t` is free when 2 answers `t`: the takers of the tickets up to `t` had each
//! found a place in 1, `t + 1` in all, and the places are DEPTH and one for each payload popped; so
//! at least `t + 1 - DEPTH` were popped, and they are popped in order, hence ticket `t - DEPTH`
//! was.

use super::payload::Payload;
use crate::sync::{AtomicU32, Cell, Ordering, RmwU32, array_of, const_unless_loom, worth_a_try};

#[derive(Debug)]
pub(super) struct Queue<const DEPTH: usize> {
    /// Places reserved or filled. Above DEPTH while raisers find it full.
    used: RmwU32,
    /// The next ticket to hand out.
    tail: RmwU32,
    /// The next ticket to pop. The dispatcher's alone.
    head: Cell<u32>,
    slots: [Slot; DEPTH],
}

#[derive(Debug)]
struct Slot {
    /// The ticket last written here, plus one.
    turn: AtomicU32,
    payload: Cell<Payload>,
}

// SAFETY: `head` is touched by the dispatcher alone (`pop`, `has_next`, whose contract that is); a
// slot's payload by the raiser who holds its ticket, until `turn` passes it to the dispatcher,
// until `used` passes it to the next.
unsafe impl<const DEPTH: usize> Sync for Queue<DEPTH> {}

impl Slot {
    const_unless_loom! {
        fn new() -> Self {
            Slot { turn: AtomicU32::new(0), payload: Cell::new(Payload::new(0)) }
        }
    }
}

impl<const DEPTH: usize> Queue<DEPTH> {
    /// A power of two no larger than 2^30, so that a ticket finds its slot also after the count of
    /// tickets wrapped; or 0, a queue without places.
    const PLACES: u32 = {
        assert!(
            DEPTH == 0 || (DEPTH.is_power_of_two() && DEPTH <= 1 << 30),
            "DEPTH is a power of two, at most 2^30; or 0 for a table without payloads"
        );
        DEPTH as u32
    };

    const_unless_loom! {
        pub(super) fn new() -> Self {
            // Looked at here, so that a table with another DEPTH does not compile.
            let _ = Self::PLACES;
            Queue {
                used: RmwU32::new(0),
                tail: RmwU32::new(0),
                head: Cell::new(0),
                slots: array_of!(Slot::new(); DEPTH),
            }
        }
    }

    fn slot(&self, ticket: u32) -> Option<&Slot> {
        self.slots.get(ticket as usize & DEPTH.wrapping_sub(1))
    }

    /// Adds a payload; wait-free. Any context.
    ///
    /// # Errors
    /// The payload, if the queue is full.
    pub(super) fn push(&self, payload: Payload) -> Result<(), Payload> {
        // A plain look first, so that those who find the queue full leave it alone. Relaxed: a
        // hint.
        if !worth_a_try(|| self.used.load(Ordering::Relaxed) < Self::PLACES) {
            return Err(payload);
        }
        // 1. Acquire: partner is the release in `pop`, by which the dispatcher is done with the
        //    place.
        if self.used.fetch_add(1, Ordering::Acquire) >= Self::PLACES {
            // Relaxed: passes no place; the dispatcher's releases reach through it, for it is a
            // read-modify-write.
            self.used.fetch_sub(1, Ordering::Relaxed);
            return Err(payload);
        }
        // 2. The ticket may be for a place that another raiser found free in 1, who then took an
        //    earlier ticket.
        // Release and acquire: partner is this very line in the other raiser, which passes on what
        // it acquired in 1.
        let ticket = self.tail.fetch_add(1, Ordering::AcqRel);
        let Some(slot) = self.slot(ticket) else {
            return Err(payload); // DEPTH is 0, which is always full: not reached.
        };
        // SAFETY: the ticket is ours, and its place is free (see the module).
        slot.payload.with_mut(|place| unsafe { *place = payload });
        // 3. Release: partner is the acquire in `pop`, which reads the payload and all that came
        //    before this raise.
        slot.turn.store(ticket.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Takes the oldest payload, if it is there.
    ///
    /// # Safety
    /// For the dispatcher alone: calls, and those of [`has_next`](Self::has_next), happen one after
    /// the other.
    pub(super) unsafe fn pop(&self) -> Option<Payload> {
        // SAFETY: the caller is the dispatcher, whose alone `head` is.
        let head = self.head.with(|head| unsafe { *head });
        let slot = self.slot(head)?;
        // Acquire: partner is the release in 3.
        if slot.turn.load(Ordering::Acquire) != head.wrapping_add(1) {
            return None;
        }
        // SAFETY: 3 passed the place to the dispatcher, who has not said yet that it is free.
        let payload = slot.payload.with(|place| unsafe { *place });
        // SAFETY: as above.
        self.head.with_mut(|place| unsafe { *place = head.wrapping_add(1) });
        // Release: partner is the acquire in 1; our reading is done before the place is written
        // anew.
        self.used.fetch_sub(1, Ordering::Release);
        Some(payload)
    }

    /// Whether [`pop`](Self::pop) would find a payload.
    ///
    /// # Safety
    /// As for [`pop`](Self::pop).
    pub(super) unsafe fn has_next(&self) -> bool {
        // SAFETY: the caller is the dispatcher.
        let head = self.head.with(|head| unsafe { *head });
        // Relaxed: a payload that was announced before the line's bit was cleared is seen, because
        // clearing it acquired the announcement; `pop` acquires the payload itself.
        self.slot(head)
            .is_some_and(|slot| slot.turn.load(Ordering::Relaxed) == head.wrapping_add(1))
    }

    /// As if this many tickets had come and gone; for tests of what happens when the count of them
    /// wraps.
    #[cfg(any(test, loom))]
    pub(super) fn start_at(&mut self, ticket: u32) {
        self.tail.set(ticket);
        // SAFETY: borrowed exclusively.
        self.head.with_mut(|head| unsafe { *head = ticket });
        // No slot's turn may look like one of the tickets to come, which are `ticket + 1` and up.
        self.slots.iter().for_each(|slot| slot.turn.store(ticket, Ordering::Relaxed));
    }
}
