//! What a table keeps: its lines and what is in them, with one critical section for an operation.
//!
//! Twin of `state.rs`, for targets that cannot compare and swap. Every write to a word is in a
//! section, and no section gets longer with the number of lines or of payloads:
//!
//! - The dispatcher looks for a line outside of the sections. It only loads words there.
//! - The dispatcher takes a count in one section. It takes a payload in two, and copies it between
//!   them.
//!
//! A line is in `pending` exactly while it has something, because the section that changes what it
//! has changes the set too. Only the dispatcher takes a line out of the set. So what it saw in the
//! set is still there in its section.

use super::handler::Handler;
use super::payload::{Payload, Raised};
use super::set::SignalSet;
use crate::sync::{AtomicPtr, AtomicU32, Cell, Guarded, Ordering, const_unless_loom};
use core::ptr;

// In this order: a short instruction of an ARM reaches only words near the first.
/// The words of a table that belong to no line.
#[derive(Debug)]
#[repr(C)]
pub struct Words {
    /// The lines that have something to deliver, all of them.
    pending: Set,
    masked: Set,
    /// Every priority that a line ever had, in one: no line has a higher one.
    ceiling: AtomicU32,
    /// For the sections that change no line's content.
    words: Guarded<()>,
}

/// The words of a line.
#[derive(Debug)]
#[repr(C)]
pub struct Line {
    /// The priority, and above its 8 bits how often the count wrapped.
    rank: AtomicU32,
    /// Null or a `&'static Handler`.
    handler: AtomicPtr<Handler>,
    content: Guarded<Content>,
}

/// Room for one payload of a line.
#[derive(Debug)]
#[repr(transparent)]
pub struct Slot(Cell<Payload>);

// SAFETY: a section that queues a payload writes it to slot `next`, which no other context uses
// then. From there on the slot belongs to the dispatcher, which reads it when it is slot `first`,
// until the dispatcher's section frees it.
unsafe impl Sync for Slot {}

/// A line with its number and its slots.
#[derive(Debug, Clone, Copy)]
pub struct LineRef<'t> {
    pub(super) number: u32,
    pub(super) line: &'t Line,
    /// As many as the table's depth: a power of two up to [`Slot::MOST`], or 0.
    pub(super) slots: &'t [Slot],
}

#[derive(Debug)]
#[repr(C)]
struct Content {
    /// Plain raises since the last delivery, modulo 2^32.
    count: u32,
    /// The slot of the payload to take next. Only the dispatcher changes it.
    first: u16,
    /// The slot of the payload to come next, or the depth if no slot is free. It is `first` if no
    /// payload waits.
    next: u16,
}

/// What a section takes from a line.
struct Taken {
    count: u32,
    /// [`Line::rank`], with the wraps of the count.
    rank: u32,
    /// The slot of the first payload, if nothing was counted.
    first: u16,
}

/// A set of lines whose two words are written in critical sections alone, and read anywhere.
#[derive(Debug)]
struct Set([AtomicU32; 2]);

/// Relaxed, everywhere: a section orders what is written in it with the sections before and after.
/// A word that the dispatcher loads outside of a section is a hint. The section in which it takes
/// orders it with what came before the hint.
const RELAXED: Ordering = Ordering::Relaxed;

/// What one wrap of the count adds to [`Line::rank`], and the part of it that is the priority.
const WRAP: u32 = 1 << u8::BITS;
const PRIORITY: u32 = WRAP - 1;

impl Set {
    const_unless_loom! {
        fn new() -> Self {
            Set([AtomicU32::new(0), AtomicU32::new(0)])
        }
    }

    /// The set, for a table that has no more than `lines` lines: without those beyond 31 if it has
    /// none.
    #[inline(always)]
    fn load(&self, lines: usize) -> SignalSet {
        let [low, high] = &self.0;
        let high = if lines > u32::BITS as usize { high.load(RELAXED) } else { 0 };
        SignalSet::from_halves([low.load(RELAXED), high])
    }

    /// In a section: replaces the set.
    fn store(&self, set: SignalSet) {
        let ([low, high], [low_bits, high_bits]) = (&self.0, set.halves());
        low.store(low_bits, RELAXED);
        high.store(high_bits, RELAXED);
    }

    /// The half that contains the line, and the line's bit in it.
    #[inline(always)]
    fn word(&self, line: u32) -> (&AtomicU32, u32) {
        let [low, high] = &self.0;
        // The shift counts modulo 32, which is right for both halves.
        (if line < u32::BITS { low } else { high }, 1u32.wrapping_shl(line))
    }

    /// In a section: adds the line.
    #[inline(always)]
    fn insert_line(&self, line: u32) {
        let (word, bit) = self.word(line);
        word.store(word.load(RELAXED) | bit, RELAXED);
    }

    /// In a section: removes the line, which is in the set.
    #[inline(always)]
    fn remove_line(&self, line: u32) {
        let (word, bit) = self.word(line);
        word.store(word.load(RELAXED) ^ bit, RELAXED);
    }
}

impl Slot {
    /// The most slots of a line: their numbers, and this, have 16 bits.
    pub(super) const MOST: usize = 1 << 15;

    const_unless_loom! {
        pub(super) fn new() -> Self {
            Slot(Cell::new(Payload::new(0)))
        }
    }

    /// A slot is as it was when a line starts elsewhere; for tests.
    #[cfg(any(test, loom))]
    pub(super) fn start_at(&self, _tickets: u32) {}
}

impl LineRef<'_> {
    /// The number of slots.
    #[inline(always)]
    fn full(self) -> u16 {
        // The cast loses nothing: there are at most `Slot::MOST`.
        self.slots.len() as u16
    }

    /// The slot after this one.
    #[inline(always)]
    fn after(self, slot: u16) -> u16 {
        slot.wrapping_add(1) & self.full().wrapping_sub(1)
    }

    /// In a section: queues a payload.
    ///
    /// # Errors
    /// The payload, if no slot is free.
    #[inline(always)]
    fn push(self, content: &mut Content, payload: Payload) -> Result<(), Payload> {
        let Some(slot) = self.slots.get(usize::from(content.next)) else { return Err(payload) };
        // SAFETY: slot `next` is free. This section alone queues, and the dispatcher reads no slot
        // that is free.
        slot.0.with_mut(|place| unsafe { *place = payload });
        let next = self.after(content.next);
        content.next = if next == content.first { self.full() } else { next };
        Ok(())
    }

    /// In a section: frees slot `first`, from which the dispatcher has read.
    #[inline(always)]
    fn free(self, content: &mut Content) {
        if content.next == self.full() {
            content.next = content.first;
        }
        content.first = self.after(content.first);
    }
}

impl Line {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Line {
                rank: AtomicU32::new(0),
                handler: AtomicPtr::new(ptr::null_mut()),
                content: Guarded::new(Content { count: 0, first: 0, next: 0 }),
            }
        }
    }

    /// Whether the line has a handler: a hint.
    #[inline(always)]
    pub(super) fn is_handled(&self) -> bool {
        !self.handler.load(RELAXED).is_null()
    }

    #[inline(always)]
    pub(super) fn priority(&self) -> u32 {
        self.rank.load(RELAXED) & PRIORITY
    }

    /// As if the line, which has `depth` slots, had handed out `tickets` tickets and counted
    /// `count` raises; for tests.
    #[cfg(any(test, loom))]
    pub(super) fn start_at(&mut self, tickets: u32, count: u32, depth: usize) {
        // The cast truncates on purpose: ticket `tickets` is for this slot.
        let slot = if depth == 0 { 0 } else { tickets as u16 % depth as u16 };
        *self.content.get_mut() = Content { count, first: slot, next: slot };
    }
}

impl Words {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Words {
                pending: Set::new(),
                masked: Set::new(),
                ceiling: AtomicU32::new(0),
                words: Guarded::new(()),
            }
        }
    }

    /// Counts a raise of a line, and marks the line as pending.
    #[inline(always)]
    pub(super) fn raise(&self, number: u32, line: &Line) {
        // SAFETY: the closure uses the content by its argument alone, and runs no code of a user.
        unsafe {
            line.content.with(|content| {
                content.count = content.count.wrapping_add(1);
                if content.count == 0 {
                    line.rank.store(line.rank.load(RELAXED).wrapping_add(WRAP), RELAXED);
                }
                self.pending.insert_line(number);
            });
        }
    }

    /// Queues a payload in a line, and marks the line as pending.
    ///
    /// # Errors
    /// The payload, if the line's queue is full.
    #[inline(always)]
    pub(super) fn raise_with(&self, of: LineRef<'_>, payload: Payload) -> Result<(), Payload> {
        // SAFETY: the closure uses the content by its argument alone, and runs no code of a user.
        unsafe {
            of.line.content.with(|content| {
                of.push(content, payload)?;
                self.pending.insert_line(of.number);
                Ok(())
            })
        }
    }

    /// The pending lines of a table that has at most `lines`, as a snapshot that orders nothing.
    #[inline(always)]
    pub(super) fn pending(&self, lines: usize) -> SignalSet {
        self.pending.load(lines)
    }

    /// The masked lines, as a snapshot that orders nothing.
    pub(super) fn masked(&self) -> SignalSet {
        self.masked.load(64)
    }

    /// The lines that are not masked, of a table that has at most `lines`. A caller that takes from
    /// them sees what was done before they were unmasked.
    #[inline(always)]
    pub(super) fn unmasked(&self, lines: usize) -> SignalSet {
        !self.masked.load(lines)
    }

    /// Masks the lines, and returns the mask before.
    pub(super) fn mask(&self, lines: SignalSet) -> SignalSet {
        self.change_mask(|before| before | lines)
    }

    /// Unmasks the lines, and returns the mask before.
    pub(super) fn unmask(&self, lines: SignalSet) -> SignalSet {
        self.change_mask(|before| before - lines)
    }

    /// Masks exactly these lines, and returns the mask before.
    pub(super) fn set_mask(&self, lines: SignalSet) -> SignalSet {
        self.change_mask(|_| lines)
    }

    #[inline]
    fn change_mask(&self, change: impl FnOnce(SignalSet) -> SignalSet) -> SignalSet {
        // SAFETY: the closure does not use `words`. The code that it runs is one of the three
        // closures above.
        unsafe {
            self.words.with(|()| {
                let before = self.masked();
                self.masked.store(change(before));
                before
            })
        }
    }

    /// Sets the handler of a line, and returns the handler before.
    #[inline(always)]
    pub(super) fn set_handler(
        &self,
        line: &Line,
        handler: Option<&'static Handler>,
    ) -> Option<&'static Handler> {
        let new = handler.map_or(ptr::null(), ptr::from_ref).cast_mut();
        // SAFETY: the closure does not use `words`, and runs no code of a user.
        let old = unsafe {
            self.words.with(|()| {
                let old = line.handler.load(RELAXED);
                line.handler.store(new, RELAXED);
                old
            })
        };
        // SAFETY: this function stores only null or a `&'static Handler`, so a pointer that is not
        // null is valid for ever.
        unsafe { old.cast_const().as_ref() }
    }

    /// Sets the priority of a line, and returns the priority before.
    pub(super) fn set_priority(&self, line: &Line, priority: u8) -> u8 {
        let priority = u32::from(priority);
        // SAFETY: the closure does not use `words`, and runs no code of a user.
        let before = unsafe {
            self.words.with(|()| {
                let before = line.rank.load(RELAXED);
                line.rank.store((before & !PRIORITY) | priority, RELAXED);
                self.ceiling.store(self.ceiling.load(RELAXED) | priority, RELAXED);
                before
            })
        };
        // The cast truncates on purpose: the priority is the low byte.
        before as u8
    }

    /// A number that is not below the priority of any line.
    #[inline(always)]
    pub(super) fn ceiling(&self) -> u32 {
        self.ceiling.load(RELAXED)
    }

    /// Takes the count of a line or, if it is 0, its first payload.
    ///
    /// # Safety
    /// Only the dispatcher may call it: no two calls of `take` or
    /// [`take_handled`](Self::take_handled) run at the same time, and each happens before the next.
    /// The dispatcher has seen the line among the pending ones.
    #[inline(always)]
    pub(super) unsafe fn take(&self, of: LineRef<'_>) -> Option<Raised> {
        // SAFETY: the closure uses the content by its argument alone, and runs no code of a user.
        let taken = unsafe { of.line.content.with(|content| self.take_count(of, content)) };
        // SAFETY: the caller guarantees what `delivery` demands, and `taken` is from this call.
        Some(unsafe { self.delivery(of, taken) })
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
        // SAFETY: the closure uses the content by its argument alone, and runs no code of a user.
        let (handler, taken) = unsafe {
            of.line.content.with(|content| {
                let handler = of.line.handler.load(RELAXED);
                let handled = !handler.is_null();
                handled.then(|| (handler, self.take_count(of, content)))
            })
        }?;
        // SAFETY: `set_handler` stores only null or a `&'static Handler`, and the pointer is not
        // null, so it is valid for ever.
        let handler = unsafe { &*handler.cast_const() };
        // SAFETY: the caller guarantees what `delivery` demands, and `taken` is from this call.
        let delivery = unsafe { self.delivery(of, taken) };
        Some((handler, delivery))
    }

    /// In a section: takes the count of a line.
    #[inline(always)]
    fn take_count(&self, of: LineRef<'_>, content: &mut Content) -> Taken {
        let rank = of.line.rank.load(RELAXED);
        of.line.rank.store(rank & PRIORITY, RELAXED);
        let count = core::mem::take(&mut content.count);
        // If nothing was counted, there is a payload: the line was pending.
        if of.slots.is_empty() || content.first == content.next {
            self.pending.remove_line(of.number);
        }
        Taken { count, rank, first: content.first }
    }

    /// What a section took or, if nothing was counted, the first payload.
    ///
    /// # Safety
    /// As of [`take`](Self::take), which has just made `taken` by [`take_count`](Self::take_count).
    #[inline(always)]
    unsafe fn delivery(&self, of: LineRef<'_>, taken: Taken) -> Raised {
        let LineRef { number, line, slots } = of;
        let count = u64::from(taken.rank / WRAP) << u32::BITS | u64::from(taken.count);
        let slot = if count == 0 { slots.get(usize::from(taken.first)) } else { None };
        let Some(slot) = slot else { return Raised { line: number, count, payload: None } };
        // The copy is made between two sections, so that interrupts stay off for less long.
        // SAFETY: a payload waits in slot `first`, because the line was pending and nothing was
        // counted. The section in which it was queued came before that of `taken`. The slot belongs
        // to the dispatcher until it is freed below.
        let payload = slot.0.with(|place| unsafe { *place });
        // SAFETY: the closure uses the content by its argument alone, and runs no code of a user.
        unsafe {
            line.content.with(|content| {
                of.free(content);
                // The line may have been raised since it was looked at.
                let counted = content.count | (line.rank.load(RELAXED) / WRAP);
                if content.first == content.next && counted == 0 {
                    self.pending.remove_line(number);
                }
            });
        }
        Raised { line: number, count: 1, payload: Some(payload) }
    }
}
