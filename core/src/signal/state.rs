//! What a table keeps: its lines and what is in them, in words that contexts change one by one.
//!
//! Twin of `section.rs`, for targets that compare and swap.

mod atomic_set;
mod queue;

use super::handler::Handler;
use super::payload::{Payload, Raised};
use super::set::SignalSet;
use crate::sync::{AtomicPtr, Ordering, RmwU32, const_unless_loom};
use atomic_set::AtomicSet;
use core::ptr;
use queue::Queue;
pub use queue::Slot;

/// The words of a table that belong to no line.
#[derive(Debug)]
#[repr(C)]
pub struct Words {
    /// Lines that may have something to deliver. A set bit may stand for an empty line; a line with
    /// content has its bit set.
    pending: AtomicSet,
    masked: AtomicSet,
    /// Every priority that a line ever had, in one: no line has a higher one.
    ceiling: RmwU32,
}

/// The words of a line.
#[derive(Debug)]
#[repr(C)]
pub struct Line {
    /// Plain raises since the last delivery, modulo 2^32.
    count: RmwU32,
    /// How often `count` wrapped since the last delivery.
    wraps: RmwU32,
    priority: RmwU32,
    queue: Queue,
    /// Null or a `&'static Handler`.
    handler: AtomicPtr<Handler>,
}

/// A line with its number and its slots.
#[derive(Debug, Clone, Copy)]
pub struct LineRef<'t> {
    pub(super) number: u32,
    pub(super) line: &'t Line,
    /// As many as the table's depth: a power of two up to [`Slot::MOST`], or 0.
    pub(super) slots: &'t [Slot],
}

impl Line {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Line {
                count: RmwU32::new(0),
                wraps: RmwU32::new(0),
                priority: RmwU32::new(0),
                queue: Queue::new(),
                handler: AtomicPtr::new(ptr::null_mut()),
            }
        }
    }

    /// Whether the line has a handler: a hint.
    pub(super) fn is_handled(&self) -> bool {
        // Relaxed: a hint. `take_handled` loads the handler again, with acquire.
        !self.handler.load(Ordering::Relaxed).is_null()
    }

    pub(super) fn priority(&self) -> u32 {
        // Relaxed: the priority publishes nothing else.
        self.priority.load(Ordering::Relaxed)
    }

    /// Counts one plain raise.
    fn count_one(&self) {
        // Release: partner is the acquire in `take_count`. The dispatcher may take this raise's
        // count before it sees the line's bit for it, if an earlier raise set the bit.
        if self.count.fetch_add(1, Ordering::Release) == u32::MAX {
            // Relaxed: `take_count` reads `wraps` before `count`. A dispatcher that sees the wrap
            // acquires from `count` what came before.
            self.wraps.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes the counted raises and resets the count.
    ///
    /// A raise that wraps the count during this call may be counted with the next delivery.
    fn take_count(&self) -> u64 {
        // Relaxed: the acquire of `count` below orders what came before the counted raises.
        let wraps = self.wraps.swap(0, Ordering::Relaxed);
        // Acquire: partner is the release in `count_one`. The handler sees what came before each
        // counted raise.
        let count = self.count.swap(0, Ordering::Acquire);
        (u64::from(wraps) << 32) | u64::from(count)
    }

    /// As if the line had handed out `tickets` tickets and counted `count` raises; for tests.
    #[cfg(any(test, loom))]
    pub(super) fn start_at(&mut self, tickets: u32, count: u32, _depth: usize) {
        self.queue.start_at(tickets);
        self.count.set(count);
    }
}

impl Words {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Words {
                pending: AtomicSet::new(),
                masked: AtomicSet::new(),
                ceiling: RmwU32::new(0),
            }
        }
    }

    /// Counts a raise of a line, and marks the line as pending.
    #[inline]
    pub(super) fn raise(&self, number: u32, line: &Line) {
        line.count_one();
        self.announce(number);
    }

    /// Queues a payload in a line, and marks the line as pending.
    ///
    /// # Errors
    /// The payload, if the line's queue is full.
    #[inline(always)]
    pub(super) fn raise_with(&self, of: LineRef<'_>, payload: Payload) -> Result<(), Payload> {
        of.line.queue.push(of.slots, payload)?;
        self.announce(of.number);
        Ok(())
    }

    #[inline]
    fn announce(&self, number: u32) {
        // Release: partner is the acquire in `clear_pending`. The context that clears the bit sees
        // what was counted or queued before the bit was set.
        self.pending.insert_line(number, Ordering::Release);
    }

    /// The pending lines of a table that has at most `lines`, as a snapshot that orders nothing.
    #[inline]
    pub(super) fn pending(&self, lines: usize) -> SignalSet {
        // Relaxed: the answer is a snapshot, and orders nothing.
        self.pending.load(lines, Ordering::Relaxed)
    }

    /// The masked lines, as a snapshot that orders nothing.
    pub(super) fn masked(&self) -> SignalSet {
        // Relaxed: the answer is a snapshot, and orders nothing.
        self.masked.load(64, Ordering::Relaxed)
    }

    /// The lines that are not masked, of a table that has at most `lines`. The caller sees what was
    /// done before they were unmasked.
    #[inline]
    pub(super) fn unmasked(&self, lines: usize) -> SignalSet {
        // Acquire: partner is the release in `unmask` and in `set_mask`.
        !self.masked.load(lines, Ordering::Acquire)
    }

    /// Masks the lines, and returns the mask before.
    pub(super) fn mask(&self, lines: SignalSet) -> SignalSet {
        // Relaxed: a mask keeps handlers back and publishes nothing.
        self.masked.insert(lines, Ordering::Relaxed)
    }

    /// Unmasks the lines, and returns the mask before.
    pub(super) fn unmask(&self, lines: SignalSet) -> SignalSet {
        // Release: partner is the acquire in `unmasked`. The handlers see what was done while the
        // lines were masked.
        self.masked.remove(lines, Ordering::Release)
    }

    /// Masks exactly these lines, and returns the mask before.
    pub(super) fn set_mask(&self, lines: SignalSet) -> SignalSet {
        // Release: partner is the acquire in `unmasked`. The handlers of the lines that this call
        // unmasks see what was done while they were masked.
        self.masked.swap(lines, Ordering::Release)
    }

    /// Sets the handler of a line, and returns the handler before.
    pub(super) fn set_handler(
        &self,
        line: &Line,
        handler: Option<&'static Handler>,
    ) -> Option<&'static Handler> {
        let new = handler.map_or(ptr::null(), ptr::from_ref).cast_mut();
        // Release: partners are the acquire in `take_handled`, and the acquire here in the call
        // that gets this handler back; both then see the handler's content. Acquire: partner is the
        // release here in the call that set `old`.
        let old = line.handler.swap(new, Ordering::AcqRel);
        // SAFETY: this function stores only null or a `&'static Handler`, so a pointer that is not
        // null is valid for ever.
        unsafe { old.cast_const().as_ref() }
    }

    /// Sets the priority of a line, and returns the priority before.
    pub(super) fn set_priority(&self, line: &Line, priority: u8) -> u8 {
        // Relaxed, both: the priority publishes nothing else.
        self.ceiling.fetch_or(priority.into(), Ordering::Relaxed);
        // The cast loses nothing: only 8-bit values are stored.
        line.priority.swap(priority.into(), Ordering::Relaxed) as u8
    }

    /// A number that is not below the priority of any line.
    #[inline]
    pub(super) fn ceiling(&self) -> u32 {
        // Relaxed: it publishes nothing, as the priorities do not.
        self.ceiling.load(Ordering::Relaxed)
    }

    /// Takes the count of a line or, if it is 0, its first payload.
    ///
    /// # Safety
    /// Only the dispatcher may call it: no two calls of `take` or
    /// [`take_handled`](Self::take_handled) run at the same time, and each happens before the next.
    /// The dispatcher has seen the line among the pending ones.
    #[inline(always)]
    pub(super) unsafe fn take(&self, of: LineRef<'_>) -> Option<Raised> {
        self.clear_pending(of.number);
        // SAFETY: the caller guarantees what `take_content` demands, which is the same.
        unsafe { self.take_content(of) }
    }

    /// Takes a delivery and its handler; takes nothing if the line has no handler any more.
    ///
    /// # Safety
    /// As of [`take`](Self::take).
    #[inline(always)]
    pub(super) unsafe fn take_handled(
        &self,
        of: LineRef<'_>,
    ) -> Option<(&'static Handler, Raised)> {
        self.clear_pending(of.number);
        // Load the handler after the bit was cleared: a raise that follows a change of handlers
        // then gets the new one. Acquire: partner is the release in `set_handler`.
        let handler = of.line.handler.load(Ordering::Acquire);
        // SAFETY: `set_handler` stores only null or a `&'static Handler`, so a pointer that is not
        // null is valid for ever.
        let Some(handler) = (unsafe { handler.cast_const().as_ref() }) else {
            self.set_pending(of.number);
            return None;
        };
        // SAFETY: the caller guarantees what `take_content` demands, which is the same.
        Some((handler, unsafe { self.take_content(of) }?))
    }

    /// Clears the line's pending bit, before its content is read: a later raise sets it again.
    fn clear_pending(&self, number: u32) {
        // Acquire: partner is the release in `announce`.
        self.pending.remove_line(number, Ordering::Acquire);
    }

    /// Sets the line's pending bit again, for what the dispatcher left in it.
    fn set_pending(&self, number: u32) {
        // Relaxed: only the dispatcher reads the bit, and it has already acquired what the line
        // holds.
        self.pending.insert_line(number, Ordering::Relaxed);
    }

    /// Takes from a line whose pending bit was cleared.
    ///
    /// # Safety
    /// As of [`take`](Self::take).
    #[inline(always)]
    unsafe fn take_content(&self, of: LineRef<'_>) -> Option<Raised> {
        let LineRef { number, line, slots } = of;
        let count = line.take_count();
        // SAFETY: the caller guarantees that no other call of `pop` or `has_next` runs at the same
        // time, and that each happens before the next.
        let payload = if count == 0 { Some(unsafe { line.queue.pop(slots) }?) } else { None };
        // SAFETY: the caller guarantees that no other call of `pop` or `has_next` runs at the same
        // time, and that each happens before the next.
        if unsafe { line.queue.has_next(slots) } {
            self.set_pending(number);
        }
        Some(Raised { line: number, count: count.max(1), payload })
    }
}
