//! The payloads of one line: a bounded queue. Any context pushes without waiting; the dispatcher
//! pops.
//!
//! A raiser takes three steps and never repeats one. If it is suspended between two of them (by an
//! interrupt that raises the same line, say), it does not keep others from raising:
//!
//! ```text
//!   1. used += 1            reserves a slot, though not yet which one (all in use: undo, "full")
//!   2. ticket = tail++      chooses it: the slot `ticket` modulo the depth
//!   3. write the payload, then turn = ticket + 1: the dispatcher may pop it
//! ```
//!
//! The dispatcher pops tickets in order. A slot's `turn` says whether its ticket was written. The
//! dispatcher stops at a ticket that is taken and not yet written, and pops the ones behind it once
//! it is. After each pop it does `used -= 1`.
//!
//! When step 2 returns `t`, the slot of ticket `t` is free. Proof: the raisers with the tickets 0
//! to `t` each passed step 1, so step 1 succeeded at least `t + 1` times. It succeeds at most DEPTH
//! times, and once more for each popped payload. So the dispatcher popped at least `t + 1 - DEPTH`
//! payloads. It pops in order, so it popped ticket `t - DEPTH`, the one that used the slot before.

use crate::signal::payload::Payload;
use crate::sync::{AtomicU32, Cell, Ordering, RmwU32, const_unless_loom, worth_a_try};

/// The words of a line's queue. Its slots lie elsewhere: each operation gets them, and always the
/// same ones.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Queue {
    /// Slots reserved or filled. Above DEPTH for a moment while raisers find the queue full.
    used: RmwU32,
    /// The next ticket to hand out.
    tail: RmwU32,
    /// The next ticket to pop. Only the dispatcher accesses it.
    head: Cell<u32>,
}

/// Room for one payload of a line.
#[derive(Debug)]
#[repr(C)]
pub struct Slot {
    /// The ticket last written here, plus one.
    turn: AtomicU32,
    payload: Cell<Payload>,
}

// SAFETY: only the dispatcher accesses `head`; the contract of `pop` and `has_next` demands it.
unsafe impl Sync for Queue {}
// SAFETY: a slot's payload belongs to the raiser that holds its ticket, until that raiser's store
// to `turn` passes it to the dispatcher, until the dispatcher's subtraction from `used` passes it
// to the next raiser.
unsafe impl Sync for Slot {}

impl Slot {
    /// The most slots of a line.
    pub(in crate::signal) const MOST: usize = 1 << 30;

    const_unless_loom! {
        pub(in crate::signal) fn new() -> Self {
            Slot { turn: AtomicU32::new(0), payload: Cell::new(Payload::new(0)) }
        }
    }

    /// As if the queue had handed out `tickets` tickets; for tests of wrapping tickets.
    #[cfg(any(test, loom))]
    pub(in crate::signal) fn start_at(&self, tickets: u32) {
        // No slot's `turn` may look like a ticket to come; those are `tickets + 1` and up.
        self.turn.store(tickets, Ordering::Relaxed);
    }
}

/// The slot of a ticket, if there is any. Their number is a power of two, or 0.
#[inline(always)]
fn slot(slots: &[Slot], ticket: u32) -> Option<&Slot> {
    slots.get(ticket as usize & slots.len().wrapping_sub(1))
}

impl Queue {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Queue { used: RmwU32::new(0), tail: RmwU32::new(0), head: Cell::new(0) }
        }
    }

    /// Adds a payload. Wait-free; any context may call it.
    ///
    /// # Errors
    /// The payload, if the queue is full.
    #[inline(always)]
    pub(super) fn push(&self, slots: &[Slot], payload: Payload) -> Result<(), Payload> {
        // The cast loses nothing: there are at most `Slot::MOST`.
        let places = slots.len() as u32;
        // Load first, so that raisers that find the queue full write nothing. Relaxed: a hint.
        if !worth_a_try(|| self.used.load(Ordering::Relaxed) < places) {
            return Err(payload);
        }
        // Step 1. Acquire: partner is the release in `pop`, with which the dispatcher frees a slot.
        if self.used.fetch_add(1, Ordering::Acquire) >= places {
            // Relaxed: it passes no slot on. It is a read-modify-write, so it continues the release
            // sequence of the dispatcher's subtraction in `pop`.
            self.used.fetch_sub(1, Ordering::Relaxed);
            return Err(payload);
        }
        // Step 2. The ticket may be for a slot that another raiser acquired in step 1 before it
        // took an earlier ticket. Acquire and release: partner is this same operation in that
        // raiser, which passes on what it acquired in step 1.
        let ticket = self.tail.fetch_add(1, Ordering::AcqRel);
        let Some(slot) = slot(slots, ticket) else {
            return Err(payload); // no slots, which is always full: not reached.
        };
        // SAFETY: this call alone holds the ticket, and the ticket's slot is free: the proof is in
        // the module's documentation.
        slot.payload.with_mut(|place| unsafe { *place = payload });
        // Step 3. Release: partner is the acquire load of `turn` in `pop`. The dispatcher then sees
        // the payload and everything that came before this raise.
        slot.turn.store(ticket.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Takes the oldest payload, if it is there.
    ///
    /// # Safety
    /// Only the dispatcher may call it: no two calls of `pop` or [`has_next`](Self::has_next) on
    /// this queue run at the same time, and each happens before the next.
    #[inline(always)]
    pub(super) unsafe fn pop(&self, slots: &[Slot]) -> Option<Payload> {
        // SAFETY: the caller is the dispatcher, and only the dispatcher accesses `head`, in calls
        // that happen one after the other.
        let head = self.head.with(|head| unsafe { *head });
        let slot = slot(slots, head)?;
        // Acquire: partner is the release store to `turn` in `push`.
        if slot.turn.load(Ordering::Acquire) != head.wrapping_add(1) {
            return None;
        }
        // SAFETY: the raiser's store to `turn` passed the slot to the dispatcher, which frees it
        // only below, by its subtraction from `used`.
        let payload = slot.payload.with(|place| unsafe { *place });
        // SAFETY: the caller is the dispatcher, and only the dispatcher accesses `head`, in calls
        // that happen one after the other.
        self.head.with_mut(|place| unsafe { *place = head.wrapping_add(1) });
        // Release: partner is the acquire of `used` in `push`. The read above is complete before a
        // raiser overwrites the slot.
        self.used.fetch_sub(1, Ordering::Release);
        Some(payload)
    }

    /// Whether [`pop`](Self::pop) would find a payload.
    ///
    /// # Safety
    /// Only the dispatcher may call it: no two calls of [`pop`](Self::pop) or `has_next` on this
    /// queue run at the same time, and each happens before the next.
    #[inline(always)]
    pub(super) unsafe fn has_next(&self, slots: &[Slot]) -> bool {
        // SAFETY: the caller is the dispatcher, and only the dispatcher accesses `head`, in calls
        // that happen one after the other.
        let head = self.head.with(|head| unsafe { *head });
        // Relaxed: clearing the line's bit acquired the announcement of every payload announced
        // before, so this load sees their `turn`. `pop` acquires the payload itself.
        slot(slots, head)
            .is_some_and(|slot| slot.turn.load(Ordering::Relaxed) == head.wrapping_add(1))
    }

    /// Starts the queue as if `ticket` payloads had come and gone; for tests of wrapping tickets.
    #[cfg(any(test, loom))]
    pub(super) fn start_at(&mut self, ticket: u32) {
        self.tail.set(ticket);
        // SAFETY: `&mut self` borrows the queue exclusively, so nobody else accesses `head`.
        self.head.with_mut(|head| unsafe { *head = ticket });
    }
}
