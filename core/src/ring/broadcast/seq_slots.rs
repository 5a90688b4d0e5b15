//! Slots that one side writes without asking, and that any number of sides copy.
//!
//! This module contains every atomic access that passes a message from the writer to its readers.
//! [`Broadcast`](super::Broadcast) and [`Latest`](crate::ring::latest::Latest) are built on it and
//! have no atomics of their own.
//!
//! # How a message is written and read
//!
//! Message `n` lies in slot `n % N`. The *stamp* of the slot is the number of the message that the
//! writer last began to write there. `newest` is the number of the newest message.
//!
//! ```text
//!   writer                                          reader, of message n
//!   stamp := n    (upper word, then lower)          newest.load(Acquire) at least n?   no: nothing new
//!   fence(Release) ───────────────────────────┐
//!   the words, relaxed                        │     the words, relaxed
//!   newest.store(Release) ────────────────────│──▶  (its load, above)
//!                                             └──▶  fence(Acquire)
//!                                                   stamp still n?                     no: overwritten
//! ```
//!
//! **No torn value is returned.** By the release of `newest`, the reader sees the words of `n`, or
//! later ones. Suppose that it got a single word of a later message. Then, by the two fences, it
//! also sees the stamp of that message or a later one, and discards the copy. This is a sequence
//! lock (Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?", MSPC 2012), with
//! one lock for each slot. Only one of the two halves of the lock is needed, since `newest` says
//! that the message is complete.
//!
//! **The writer never waits**, and nobody waits for the writer. A single store of `newest` commits
//! a message. If the writer stops anywhere before that store, nothing new is there, and one older
//! message is gone: the one whose slot the writer had begun to write. The next writer continues
//! from `newest` and writes the same slot again.
//!
//! # How 64-bit numbers are read from 32-bit words
//!
//! The writer stores a stamp's upper word before the lower one, and a reader loads it after the
//! lower one. So a reader that sees a lower word sees an upper word at least as new. Numbers in a
//! slot only grow. So if the upper word is that of `n`, the lower word is not a later one with the
//! same bits, from 2^32 messages later.
//!
//! `newest` has two upper words, one for each half of the lower word's range. The writer stores one
//! of them when it enters that half. A reader loads the upper word of a half, the lower word, and
//! the upper word again. If the lower word is in that half and the upper word did not change, both
//! belong to one number. The reader tries again only if the writer left the half in the meantime,
//! which happens every 2^31 messages. That one of several words stays stable for that long is
//! Lamport's idea, "Concurrent Reading and Writing of Clocks", TOCS 1990.

use super::number;
use crate::participant::Participant;
use crate::plain::{Plain, Words};
use crate::ring::owner::HalfOwner;
use crate::storage::sealed::{self, Capacity as _};
use crate::storage::{Capacity, Cursor, Storage, fixed};
use crate::sync::{AtomicU32, CachePadded, Ordering, array_of, const_unless_loom, fence};
use crate::wait::{Doorbell, Wake};
use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

/// The slots, an array `S` of [`SeqSlot`]s, and the words that control them.
#[repr(C)]
pub(in crate::ring) struct SeqSlots<S: ?Sized, W: Wake> {
    control: CachePadded<Control<W>>,
    slots: S,
}

/// The words that the writer writes for every message and every reader reads.
#[repr(C)]
pub(in crate::ring) struct Control<W: Wake> {
    /// The lower word of the newest message's number.
    low: AtomicU32,
    /// The upper words of that number: for a lower word in the lower half of its range, and in the
    /// upper half.
    high: [AtomicU32; 2],
    writer: HalfOwner,
    /// The doorbell that the writer rings and on which readers sleep.
    bell: Doorbell<W>,
}

/// A slot: the stamp and the message.
#[derive(Debug)]
#[repr(C)]
pub struct SeqSlot<T> {
    stamp: Stamp,
    value: Words<T>,
}

/// The number of the message that lies in a slot or is being written there.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Stamp {
    low: AtomicU32,
    high: AtomicU32,
}

/// How often a reader tries to read the newest number. A correct writer causes one more try in 2^31
/// messages, and two if the reader was suspended for as many. Under loom the numbers are smaller,
/// and its models have up to five messages.
const TRIES: u32 = 8;

impl<T> sealed::Element for SeqSlot<T> {
    type Value = T;
}

impl<T: Plain> SeqSlot<T> {
    const_unless_loom! {
        fn new() -> Self {
            SeqSlot {
                stamp: Stamp { low: AtomicU32::new(0), high: AtomicU32::new(0) },
                value: Words::zeroed(),
            }
        }
    }
}

impl<T: Plain, const N: usize, W: Wake> SeqSlots<[SeqSlot<T>; N], W> {
    const_unless_loom! {
        pub(in crate::ring) fn new() -> Self {
            fixed::<N>();
            SeqSlots { control: CachePadded(Control::new()), slots: array_of!(SeqSlot::new(); N) }
        }
    }
}

/// The beginning of the slots, without any slot.
pub(in crate::ring) type Head<T, W> = SeqSlots<[SeqSlot<T>; 0], W>;

#[cfg(not(loom))]
impl<T, W: Wake> Head<T, W> {
    /// Makes `slots` fresh slots at `at`.
    ///
    /// # Safety
    /// At `at` there is memory for this header and `slots` slots. Only the caller uses it.
    pub(in crate::ring) unsafe fn init(at: NonNull<Self>, slots: usize) {
        let at = at.as_ptr();
        // SAFETY: the field lies within the memory that the caller provides.
        let control = unsafe { &raw mut (*at).control };
        // SAFETY: the field lies within the memory that the caller provides.
        let first = unsafe { &raw mut (*at).slots };
        // SAFETY: the caller provides memory for that many slots, and only the caller uses it.
        // Zeroed slots are fresh ones.
        unsafe { first.cast::<SeqSlot<T>>().write_bytes(0, slots) };
        // SAFETY: the caller provides memory for the header, and only the caller uses it.
        unsafe { control.write(CachePadded(Control::new())) };
    }
}

impl<T: Plain, S: Storage<Element = SeqSlot<T>> + ?Sized, W: Wake> SeqSlots<S, W> {
    pub(in crate::ring) fn control(&self) -> &Control<W> {
        &self.control.0
    }

    pub(in crate::ring) fn capacity(&self) -> u32 {
        self.slots.capacity().get()
    }

    /// The slots in the form in which a side holds them.
    ///
    /// # Safety
    /// The result, and everything that is made from it, is used only while the slots exist, stay
    /// where they are, and nobody borrows them exclusively.
    #[inline(always)]
    pub(in crate::ring) unsafe fn borrow(&self) -> SeqSlotsRef<T, W, S::Capacity> {
        SeqSlotsRef { at: NonNull::from(self).cast(), capacity: self.slots.capacity() }
    }

    /// Takes the writer's half for `me` if nobody holds it, and says whether it did. A
    /// [`SlotWriter`] gives the half back.
    pub(in crate::ring) fn take(&self, me: Participant) -> bool {
        self.control().writer.take(me)
    }

    /// Takes the writer's half for the owner of the whole structure, who knows that it is free.
    pub(in crate::ring) fn take_from_owner(&mut self) {
        self.control.0.writer.take_from_owner();
    }
}

impl<S: ?Sized, W: Wake> fmt::Debug for SeqSlots<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeqSlots").field("newest", &self.control.0.find_newest(0)).finish()
    }
}

impl<W: Wake> Control<W> {
    const_unless_loom! {
        fn new() -> Self {
            Control {
                low: AtomicU32::new(0),
                high: [AtomicU32::new(0), AtomicU32::new(0)],
                writer: HalfOwner::new(),
                bell: Doorbell::new(),
            }
        }
    }

    pub(in crate::ring) fn bell(&self) -> &Doorbell<W> {
        &self.bell
    }

    /// The participant that holds the writer's half.
    pub(in crate::ring) fn holder(&self) -> Option<Participant> {
        self.writer.holder()
    }

    /// Whether the last writer closed its half or died. A look at `newest` after this sees
    /// everything that it published.
    pub(in crate::ring) fn writer_is_gone(&self) -> bool {
        self.writer.is_gone()
    }

    /// Closes the writer's half if `dead` holds it, and says whether it did. It wakes every reader.
    pub(in crate::ring) fn recover(&self, dead: Participant) -> bool {
        let recovered = self.writer.recover(dead);
        // Wake the readers even if `dead` did not hold the half. It may have died after it
        // published or closed, but before it had rung.
        self.bell.wake_all();
        recovered
    }

    /// The upper word of `newest` for a half of the lower word's range, 0 or 1.
    #[inline(always)]
    fn high_of(&self, half: u32) -> &AtomicU32 {
        let [lower, _] = &self.high;
        // Always there, as the compiler sees by the mask.
        self.high.get(half as usize & 1).unwrap_or(lower)
    }

    /// The number of the newest message. `near` is a number that the caller already knows: the
    /// nearer it is, the faster is this call.
    #[inline]
    pub(in crate::ring) fn newest(&self, near: u64) -> u64 {
        self.newest_from(number::half(number::low(near)))
    }

    /// As [`newest`](Self::newest), for what is done less often than a message is read.
    // On bare metal it is one function for all callers of an image.
    #[cfg_attr(not(target_os = "none"), inline(always))]
    #[cfg_attr(target_os = "none", inline(never))]
    pub(in crate::ring) fn find_newest(&self, near: u64) -> u64 {
        self.newest(near)
    }

    /// The number of the newest message, whose lower word is likely in this half of its range.
    #[inline(always)]
    fn newest_from(&self, mut half: u32) -> u64 {
        for _ in 0..TRIES {
            let word = self.high_of(half);
            // SYNC POINT with the store to `high` in `publish` (which follows the release fence in
            // `begin`), acquire: the lower word that is loaded next is at least the last of the
            // previous half.
            let high = word.load(Ordering::Acquire);
            // SYNC POINT with the store to `low` in `publish`, acquire: the messages up to this
            // number are seen, and so is the upper word that was stored for it.
            let low = self.low.load(Ordering::Acquire);
            let half_now = number::half(low);
            // Relaxed: the acquire of the lower word orders this load after it.
            if half_now == half && word.load(Ordering::Relaxed) == high {
                return number::join(high, low);
            }
            half = half_now;
        }
        // Not reached, unless somebody writes words that no writer writes. Nothing is newer.
        0
    }
}

impl Stamp {
    /// Announces that message `number` is being written. The previous message of the slot is gone.
    #[inline(always)]
    fn begin(&self, number: u64) {
        // Relaxed: the release store of the lower word, next, orders it.
        self.high.store(number::high(number), Ordering::Relaxed);
        // SYNC POINT with the load of `low` in `is_still`, release: the upper word is seen with the
        // lower one.
        self.low.store(number::low(number), Ordering::Release);
        // SYNC POINT with the fence in `is_still`, release: a reader that sees one of the message's
        // words sees the stamp.
        fence(Ordering::Release);
    }

    /// Whether the words that were copied out before this call belong to message `number`.
    #[inline(always)]
    pub(super) fn is_still(&self, number: u64) -> bool {
        // SYNC POINT with the fence in `begin`, acquire: if one of the words belongs to a later
        // message, the stamp of that message is seen.
        fence(Ordering::Acquire);
        // SYNC POINT with the store to `low` in `begin`, acquire: the upper word is seen at least
        // as new as this one, and so is the `newest` of the previous message.
        self.low.load(Ordering::Acquire) == number::low(number)
            // Relaxed: the acquire of the lower word orders this load after it.
            && self.high.load(Ordering::Relaxed) == number::high(number)
    }
}

/// [`SeqSlots`] in the form in which a side holds them: by their address, without the array's type.
///
/// The caller of [`borrow`](SeqSlots::borrow) guarantees that the slots exist while this is used.
/// The capacity is a private copy.
pub(in crate::ring) struct SeqSlotsRef<T, W: Wake, C> {
    at: NonNull<Head<T, W>>,
    capacity: C,
}

// SAFETY: this is a shared borrow of the slots. Every thread may have one, since the slots are
// `Sync`: the messages are accessed atomically, and `W` is `Sync`.
unsafe impl<T: Plain, W: Wake + Sync, C: Capacity> Send for SeqSlotsRef<T, W, C> {}

// SAFETY: this is a shared borrow of the slots. Every thread may have one, since the slots are
// `Sync`: the messages are accessed atomically, and `W` is `Sync`.
unsafe impl<T: Plain, W: Wake + Sync, C: Capacity> Sync for SeqSlotsRef<T, W, C> {}

impl<T, W: Wake, C: Copy> Clone for SeqSlotsRef<T, W, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, W: Wake, C: Copy> Copy for SeqSlotsRef<T, W, C> {}

impl<T: Plain, W: Wake, C: Capacity> SeqSlotsRef<T, W, C> {
    #[inline(always)]
    pub(in crate::ring) fn control(&self) -> &Control<W> {
        // SAFETY: `borrow` made the pointer from a reference, and its caller guarantees that the
        // slots still exist.
        unsafe { &(*self.at.as_ptr()).control.0 }
    }

    #[inline(always)]
    pub(in crate::ring) fn capacity(self) -> u32 {
        self.capacity.get()
    }

    /// The address of the first slot.
    #[inline(always)]
    fn first(self) -> *const SeqSlot<T> {
        // SAFETY: `borrow` made the pointer from a reference, and its caller guarantees that the
        // slots still exist. The slots begin where the empty array does.
        unsafe { &raw const (*self.at.as_ptr()).slots }.cast()
    }

    /// The index of the slot of message `number`.
    #[inline(always)]
    fn index(self, number: u64) -> usize {
        number::index(number, self.capacity.get())
    }

    /// The message `number` and its slot, for a side that continues there.
    #[inline(always)]
    pub(in crate::ring) fn message_slot(self, number: u64) -> MessageSlot<T, C> {
        let cursor = Cursor::new(self.first(), || self.index(number), self.capacity.get());
        MessageSlot { number, cursor }
    }

    /// Advances `message`, whose `number` the caller already knows, to the next message.
    #[inline(always)]
    pub(in crate::ring) fn step(self, message: &mut MessageSlot<T, C>, number: u64) {
        message.number = number.wrapping_add(1);
        message.cursor.advance(self.first());
    }

    /// The index of the message's slot.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) fn index_of(self, MessageSlot { number, cursor }: MessageSlot<T, C>) -> usize {
        cursor.index(self.first(), || self.index(number))
    }

    /// The slot of the message.
    #[inline(always)]
    fn slot(&self, MessageSlot { number, cursor }: MessageSlot<T, C>) -> &SeqSlot<T> {
        // SAFETY: `message_slot` made the cursor for these slots, so that it points to one of them.
        unsafe { &*cursor.element(self.first(), || self.index(number)) }
    }

    /// A copy of the message, which is no newer than `newest`. `None` if it was overwritten: then
    /// `newest` has grown to at least `number + capacity - 1`.
    #[inline]
    pub(in crate::ring) fn read(self, at: MessageSlot<T, C>) -> Option<T> {
        let slot = self.slot(at);
        let value = slot.value.load();
        slot.stamp.is_still(at.number).then_some(value)
    }

    /// As [`read`](Self::read), to `out`, of which it writes every byte.
    #[inline(always)]
    pub(in crate::ring) fn read_to(
        self,
        at: MessageSlot<T, C>,
        out: &mut MaybeUninit<T>,
    ) -> Option<()> {
        let slot = self.slot(at);
        slot.value.load_to(out);
        slot.stamp.is_still(at.number).then_some(())
    }

    /// As [`read`](Self::read), into `out`. Without an answer, the content of `out` is arbitrary.
    #[inline]
    pub(in crate::ring) fn read_into(self, at: MessageSlot<T, C>, out: &mut T) -> Option<()> {
        let slot = self.slot(at);
        slot.value.load_into(out);
        slot.stamp.is_still(at.number).then_some(())
    }
}

/// The number of a message, and its slot.
pub(in crate::ring) struct MessageSlot<T, C: Capacity> {
    pub(in crate::ring) number: u64,
    cursor: C::Cursor<SeqSlot<T>>,
}

impl<T, C: Capacity> Clone for MessageSlot<T, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, C: Capacity> Copy for MessageSlot<T, C> {}

/// The writer's half, which was taken. Dropping it gives the half back, and then drops `O`, which
/// keeps the slots.
pub(in crate::ring) struct SlotWriter<T: Plain, W: Wake, C: Capacity, O> {
    slots: SeqSlotsRef<T, W, C>,
    /// The next message, one after the newest. Only this writer changes which one is the newest.
    next: MessageSlot<T, C>,
    /// Lies in this struct and not after it in a larger one, which would grow by this struct's
    /// padding.
    owner: O,
}

impl<T: Plain, W: Wake, C: Capacity, O> SlotWriter<T, W, C, O> {
    /// The writer of these slots, which `owner` keeps.
    pub(in crate::ring) fn new(slots: SeqSlotsRef<T, W, C>, owner: O) -> Self {
        let newest = slots.control().find_newest(0);
        SlotWriter { slots, next: slots.message_slot(newest.wrapping_add(1)), owner }
    }

    /// The number of the newest message.
    pub(in crate::ring) fn newest(&self) -> u64 {
        self.next.number.wrapping_sub(1)
    }

    /// Writes and publishes the next message, and wakes every reader. Wait-free.
    #[inline]
    pub(in crate::ring) fn write(&mut self, value: &T) {
        self.begin().store_from(value);
        self.publish();
    }

    /// Stamps the slot of the next message and returns its words. The slot's previous message is
    /// gone.
    #[inline(always)]
    fn begin(&self) -> &Words<T> {
        let slot = self.slots.slot(self.next);
        slot.stamp.begin(self.next.number);
        &slot.value
    }

    /// As [`write`](Self::write), for messages that lie elsewhere. `slot` returns the stamp of the
    /// slot with a given index, and `store` writes the message there.
    #[cfg(not(loom))]
    pub(super) fn write_at<'s>(
        &mut self,
        slot: impl FnOnce(usize) -> &'s Stamp,
        store: impl FnOnce(usize),
    ) {
        let index = self.slots.index_of(self.next);
        slot(index).begin(self.next.number);
        store(index);
        self.publish();
    }

    /// Commits the next message, which is written.
    #[inline(always)]
    fn publish(&mut self) {
        let slots = self.slots;
        let control = slots.control();
        let number = self.next.number;
        let low = number::low(number);
        let half = number::half(low);
        // The half is one bit of the word.
        if number::half(low ^ number::low(number.wrapping_sub(1))) != 0 {
            // SYNC POINT with the load of the upper word in `newest`: a reader that sees it sees
            // that the previous half was passed. Relaxed: the fence in `begin`, before it, is the
            // release.
            control.high_of(half).store(number::high(number), Ordering::Relaxed);
        }
        // SYNC POINT with the load of `low` in `newest`, release: the message is seen with its
        // number.
        control.low.store(low, Ordering::Release);
        slots.step(&mut self.next, number);
        control.bell.ring();
    }

    /// Closes the half for good, and wakes every reader.
    pub(in crate::ring) fn close(self) {
        // A drop would give the half back, and so reopen it.
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so that its owner is not dropped twice. The local is
        // dropped last, when the slots are no longer used.
        let _owner = unsafe { (&raw const this.owner).read() };
        let control = this.slots.control();
        control.writer.close();
        control.bell.ring();
    }
}

impl<T: Plain, W: Wake, C: Capacity, O> Drop for SlotWriter<T, W, C, O> {
    fn drop(&mut self) {
        self.slots.control().writer.give_back();
    }
}

impl<T: Plain, W: Wake, C: Capacity, O> fmt::Debug for SlotWriter<T, W, C, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("newest", &self.newest()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::wait::Nobody;
    use core::mem::{forget, offset_of};

    type Message = [u32; 3];
    type Three = SeqSlots<[SeqSlot<Message>; 3], Nobody>;

    const DEAD: Participant = Participant::LOCAL;

    /// The writer of the slots `S`.
    type WriterOf<'s, S> =
        SlotWriter<Message, Nobody, <S as sealed::Storage>::Capacity, &'s SeqSlots<S, Nobody>>;

    fn borrow<S>(slots: &SeqSlots<S, Nobody>) -> SeqSlotsRef<Message, Nobody, S::Capacity>
    where
        S: Storage<Element = SeqSlot<Message>> + ?Sized,
    {
        // SAFETY: the slots outlive everything that a test makes from them.
        unsafe { slots.borrow() }
    }

    fn take<S>(slots: &SeqSlots<S, Nobody>) -> Option<WriterOf<'_, S>>
    where
        S: Storage<Element = SeqSlot<Message>> + ?Sized,
    {
        slots.take(DEAD).then(|| SlotWriter::new(borrow(slots), slots))
    }

    /// Reads message `number` as a reader does that keeps no position.
    fn read<S>(slots: &SeqSlots<S, Nobody>, number: u64) -> Option<Message>
    where
        S: Storage<Element = SeqSlot<Message>> + ?Sized,
    {
        borrow(slots).read(borrow(slots).message_slot(number))
    }

    /// Slots whose newest message is `number`.
    fn at(number: u64) -> Three {
        let slots = Three::new();
        let control = &slots.control.0;
        control.low.store(number::low(number), Ordering::Relaxed);
        let high = control.high_of(number::half(number::low(number)));
        high.store(number::high(number), Ordering::Relaxed);
        slots
    }

    /// Checks that every look at `newest` returns `number`, whatever the caller knew.
    fn newest_is<S>(slots: &SeqSlots<S, Nobody>, number: u64)
    where
        S: Storage<Element = SeqSlot<Message>> + ?Sized,
    {
        for known in [0, 1 << 31, number.wrapping_sub(1), number, number.wrapping_add(1)] {
            assert_eq!(slots.control().newest(known), number, "known: {known}");
        }
    }

    #[cfg_attr(uncached, ignore = "it is the layout of targets with caches")]
    #[test]
    fn the_layout_is_the_same_on_every_hosted_target() {
        assert_eq!(offset_of!(Control<Nobody>, high), 4);
        assert_eq!(offset_of!(Control<Nobody>, writer), 12);
        assert_eq!(offset_of!(Control<Nobody>, bell), 16);
        assert_eq!(offset_of!(Three, slots), 128);
        assert_eq!((size_of::<SeqSlot<u8>>(), align_of::<SeqSlot<u8>>()), (12, 4));
        assert_eq!((size_of::<SeqSlot<[u8; 5]>>(), align_of::<SeqSlot<[u8; 5]>>()), (16, 4));
        assert_eq!((size_of::<SeqSlot<u64>>(), offset_of!(SeqSlot<u64>, value)), (16, 8));
        assert_eq!((size_of::<Three>(), align_of::<Three>()), (256, 128));
    }

    #[test]
    fn each_half_has_its_upper_word() {
        let slots = at((1 << 32) - 1);
        let high = || slots.control().high.each_ref().map(|word| word.load(Ordering::Relaxed));
        assert_eq!(high(), [0, 0]);
        take(&slots).unwrap().write(&[1; 3]);
        assert_eq!(high(), [1, 0]);
        let slots = at((3 << 31) - 1);
        take(&slots).unwrap().write(&[1; 3]);
        assert_eq!(slots.control().high[1].load(Ordering::Relaxed), 1);
    }

    #[test]
    fn numbers_continue_when_the_lower_word_wraps() {
        fn go_on<S: Storage<Element = SeqSlot<Message>> + ?Sized>(slots: &SeqSlots<S, Nobody>) {
            let start = slots.control().newest(0);
            let mut writer = take(slots).unwrap();
            let mut next = borrow(slots).message_slot(start + 1);
            for number in start + 1..start + 7 {
                writer.write(&[number as u32; 3]);
                newest_is(slots, number);
                assert_eq!(borrow(slots).read(next), Some([number as u32; 3]));
                borrow(slots).step(&mut next, number);
                assert_eq!(read(slots, number), Some([number as u32; 3]));
                assert_eq!(read(slots, number - 3), None, "it was overwritten");
            }
        }
        for start in [(1 << 31) - 3, (1 << 32) - 3, (3 << 31) - 3, (7 << 32) - 3] {
            newest_is(&at(start), start);
            go_on(&at(start));
            go_on::<[SeqSlot<Message>]>(&at(start));
        }
    }

    #[test]
    fn a_stamp_with_an_equal_lower_word_is_told_apart() {
        let (older, newer) = (5, 5 + (3 << 32));
        assert_eq!(number::index(older, 3), number::index(newer, 3));
        assert_eq!(number::low(older), number::low(newer));
        let slots = at(newer - 1);
        take(&slots).unwrap().write(&[5; 3]);
        assert_eq!(read(&slots, newer), Some([5; 3]));
        assert_eq!(read(&slots, older), None);
    }

    /// The writer dies after each of its steps.
    #[test]
    fn a_dead_writers_message_is_seen_only_if_published() {
        // The second start enters another half of the numbers.
        for start in [5, (1 << 32) - 1] {
            for last_step in 0..=5 {
                let slots = at(start - 3);
                let mut writer = take(&slots).unwrap();
                (start - 2..=start).for_each(|number| writer.write(&[number as u32; 3]));
                if last_step >= 1 {
                    let words = writer.begin();
                    match last_step {
                        1 => {}
                        2 => words.store([99, 99, (start - 2) as u32]),
                        _ => words.store([99; 3]),
                    }
                }
                if last_step == 4 {
                    writer.publish();
                }
                if last_step == 5 {
                    // It stored the upper word, if the message enters another half.
                    let (low, upper) = (number::low(start + 1), number::high(start + 1));
                    if number::half(low) != number::half(number::low(start)) {
                        slots.control().high_of(number::half(low)).store(upper, Ordering::Relaxed);
                    }
                }
                forget(writer);
                let newest = start + u64::from(last_step == 4);
                newest_is(&slots, newest);
                let overwritten = (last_step >= 1).then_some(start - 2);
                for number in start - 2..=start {
                    let there = Some([number as u32; 3]);
                    let expected = if Some(number) == overwritten { None } else { there };
                    assert_eq!(read(&slots, number), expected);
                }

                assert!(slots.control().recover(DEAD) && !slots.control().recover(DEAD));
                let mut writer = take(&slots).unwrap();
                assert_eq!(writer.newest(), newest);
                writer.write(&[7; 3]);
                newest_is(&slots, newest + 1);
                assert_eq!(read(&slots, newest + 1), Some([7; 3]));
                let committed = (last_step == 4).then_some([99; 3]);
                assert_eq!(read(&slots, start + 1), committed.or(Some([7; 3])));
            }
        }
    }

    #[test]
    fn corrupted_words_yield_a_number_and_a_copy() {
        for (low, lower, upper) in [(u32::MAX, 7, u32::MAX), (0, u32::MAX, 3), (1 << 31, 0, 1)] {
            let slots = Three::new();
            slots.control.0.low.store(low, Ordering::Relaxed);
            slots.control().high_of(0).store(lower, Ordering::Relaxed);
            slots.control().high_of(1).store(upper, Ordering::Relaxed);
            let newest = slots.control().newest(0);
            assert_eq!(read(&slots, newest), None);
            let mut writer = take(&slots).unwrap();
            writer.write(&[1; 3]);
            assert_eq!(read(&slots, writer.newest()), Some([1; 3]));
        }
    }
}
