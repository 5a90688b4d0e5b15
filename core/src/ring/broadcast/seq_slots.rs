//! Slots that one side writes without asking, and any number of sides copy: every atomic access
//! that passes a message from the writer to its readers. [`Broadcast`](super::Broadcast) and
//! [`Latest`](crate::ring::latest::Latest) are built on this and have no atomics of their own.
//!
//! # How a message is written and read
//!
//! Message `n` lies in slot `n % N`, whose *stamp* says whose slot it is since the writer began to
//! write there. `newest` is the number of the newest message.
//!
//! ```text
//!   writer                                          reader, of message n
//!   stamp := n    (upper word, then lower)          newest.load(Acquire) at least n?   no: nothing new
//!   fence(Release) ────────── SYNC POINT B ───┐
//!   the words, relaxed                        │     the words, relaxed
//!   newest.store(Release) ─── SYNC POINT A ───│──▶  (its load, above)
//!                                             └──▶  fence(Acquire)
//!                                                   stamp still n?                     no: overwritten
//! ```
//!
//! **No torn value is returned.** By A the reader sees the words of `n`, or later ones. If it got
//! one single word of a later message, then by B it also sees that message's stamp, or a later one:
//! the copy is thrown away. This is a sequence lock (Boehm, "Can Seqlocks Get Along With
//! Programming Language Memory Models?", MSPC 2012), but with a lock a slot, and of its two halves
//! only one: that the message is complete is what `newest` says.
//!
//! **The writer never waits**, and nobody waits for the writer: a message is there from the one
//! store of `newest` on, the commit. If the writer is stopped anywhere before it, there is nothing
//! new, and one older message (the one whose slot it had begun to write) is gone; the next writer
//! goes on from `newest` and writes the same slot again.
//!
//! # How numbers of 64 bits are read from words of 32
//!
//! A stamp's upper word is stored before the lower one, and loaded after it (SYNC POINT C): whoever
//! sees a lower word sees an upper one at least as new. Numbers in a slot only grow. So if the
//! upper word is as it was for `n`, the lower one is not one that came back to the same bits 2^32
//! messages later.
//!
//! `newest` has two upper words, one for either half of the lower word's range, and the writer
//! stores one when it enters that half (SYNC POINT D). A reader loads the upper word of a half, the
//! lower word, and the upper word again: if the lower word is in that half and the upper one did
//! not change, they are of one number. It tries again only when the writer left the half meanwhile,
//! which it does every 2^31 messages; that one word of several is stable for so long is Lamport's
//! idea, "Concurrent Reading and Writing of Clocks", TOCS 1990.

use super::number;
use crate::participant::Participant;
use crate::plain::{Plain, Words};
use crate::ring::owner::HalfOwner;
use crate::storage::sealed::{self, Capacity as _};
use crate::storage::{Capacity, Cursor, Storage, fixed};
use crate::sync::{AtomicU32, CachePadded, Ordering, array_of, const_unless_loom, fence};
use crate::wait::{Doorbell, Wake};
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// The slots, an array `S` of [`SeqSlot`]s, and what they are written by.
#[repr(C)]
pub(in crate::ring) struct SeqSlots<S: ?Sized, W: Wake> {
    line: CachePadded<Line<W>>,
    slots: S,
}

/// What the writer writes for every message, and every reader looks at.
#[repr(C)]
pub(in crate::ring) struct Line<W: Wake> {
    /// The lower word of the newest message's number.
    low: AtomicU32,
    /// The upper word, for when the lower is in the lower half of its range, and for when it is in
    /// the upper half.
    high: [AtomicU32; 2],
    writer: HalfOwner,
    /// What the writer rings and readers sleep on.
    bell: Doorbell<W>,
}

/// A slot: the stamp, and the message.
#[derive(Debug)]
#[repr(C)]
pub struct SeqSlot<T> {
    stamp: Stamp,
    value: Words<T>,
}

/// The number of the message that lies in a slot, or is being written there.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Stamp {
    low: AtomicU32,
    high: AtomicU32,
}

/// How often a reader looks for the newest number. An honest writer makes it look again once in
/// 2^31 messages, and twice if it was suspended for as many; loom's numbers are smaller, and its
/// models have up to five messages.
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
            SeqSlots { line: CachePadded(Line::new()), slots: array_of!(SeqSlot::new(); N) }
        }
    }
}

/// The head of slots: where they begin, and none of them.
pub(in crate::ring) type Head<T, W> = SeqSlots<[SeqSlot<T>; 0], W>;

#[cfg(not(loom))]
impl<T, W: Wake> Head<T, W> {
    /// Makes fresh slots at `at`, so many.
    ///
    /// # Safety
    /// There is memory for them, which is the caller's alone.
    pub(in crate::ring) unsafe fn init(at: NonNull<Self>, slots: usize) {
        let at = at.as_ptr();
        // SAFETY: within the memory, which is the caller's; here and below.
        let line = unsafe { &raw mut (*at).line };
        // SAFETY: as above.
        let first = unsafe { &raw mut (*at).slots };
        // SAFETY: as above. Zeroed slots are fresh ones.
        unsafe { first.cast::<SeqSlot<T>>().write_bytes(0, slots) };
        // SAFETY: as above.
        unsafe { line.write(CachePadded(Line::new())) };
    }
}

impl<T: Plain, S: Storage<Element = SeqSlot<T>> + ?Sized, W: Wake> SeqSlots<S, W> {
    pub(in crate::ring) fn line(&self) -> &Line<W> {
        &self.line.0
    }

    pub(in crate::ring) fn capacity(&self) -> u32 {
        self.slots.capacity().get()
    }

    /// As a side holds them.
    ///
    /// # Safety
    /// What is returned, and what is made of it, is used only as long as the slots are there, in
    /// this place, and nobody has them exclusively.
    #[inline(always)]
    pub(in crate::ring) unsafe fn borrow(&self) -> SeqSlotsRef<T, W, S::Capacity> {
        SeqSlotsRef { at: NonNull::from(self).cast(), capacity: self.slots.capacity() }
    }

    /// Takes the writer's half for `me`, if nobody has it, and says whether. A [`SlotWriter`] gives
    /// it back.
    pub(in crate::ring) fn take(&self, me: Participant) -> bool {
        self.line().writer.take(me)
    }

    /// Takes it for the owner of the whole, who knows that nobody has it.
    pub(in crate::ring) fn take_from_owner(&mut self) {
        self.line.0.writer.take_from_owner();
    }
}

impl<S: ?Sized, W: Wake> fmt::Debug for SeqSlots<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeqSlots").field("newest", &self.line.0.newest(0)).finish()
    }
}

impl<W: Wake> Line<W> {
    const_unless_loom! {
        fn new() -> Self {
            Line {
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

    /// Who has the writer's half.
    pub(in crate::ring) fn holder(&self) -> Option<Participant> {
        self.writer.holder()
    }

    /// Whether the last writer closed its half or died. What it published is seen by a look at
    /// `newest` after this.
    pub(in crate::ring) fn writer_is_gone(&self) -> bool {
        self.writer.is_gone()
    }

    /// Closes the writer's half if `dead` holds it, and says whether; wakes every reader.
    pub(in crate::ring) fn recover(&self, dead: Participant) -> bool {
        let recovered = self.writer.recover(dead);
        // Also when it did not hold it: it may have died after it published or closed, and before
        // it rang, or while it did.
        self.bell.wake_all();
        recovered
    }

    /// The upper word of `newest` that is valid for one half of the lower word's range.
    #[inline(always)]
    fn high_of(&self, upper_half: bool) -> &AtomicU32 {
        let [lower, upper] = &self.high;
        if upper_half { upper } else { lower }
    }

    /// The number of the newest message. `known` is what the caller knows already: the nearer, the
    /// quicker.
    #[inline]
    pub(in crate::ring) fn newest(&self, known: u64) -> u64 {
        let mut upper_half = number::is_upper_half(number::low(known));
        for _ in 0..TRIES {
            let word = self.high_of(upper_half);
            // SYNC POINT D, acquire: with the store in `publish`. The lower word that we load next
            // is at least the last of the half before.
            let high = word.load(Ordering::Acquire);
            // SYNC POINT A, acquire: with the store in `publish`. The messages up to this number
            // are seen, and the upper word that was stored for it.
            let low = self.low.load(Ordering::Acquire);
            // Relaxed: ordered behind the lower word by its acquire.
            if number::is_upper_half(low) == upper_half && word.load(Ordering::Relaxed) == high {
                return number::join(high, low);
            }
            upper_half = number::is_upper_half(low);
        }
        // Not reached, but where somebody else writes what no writer does.
        known
    }
}

impl Stamp {
    /// Says that message `number` is being written: what was in the slot is gone.
    #[inline(always)]
    fn begin(&self, number: u64) {
        // Relaxed: SYNC POINT C orders it.
        self.high.store(number::high(number), Ordering::Relaxed);
        // SYNC POINT C, release: with the load in `is_still`. The upper word is seen with the lower
        // one.
        self.low.store(number::low(number), Ordering::Release);
        // SYNC POINT B, release: with the fence in `is_still`. Whoever sees one of the words sees
        // the stamp.
        fence(Ordering::Release);
    }

    /// Whether what was copied out until now is of message `number`.
    #[inline(always)]
    pub(super) fn is_still(&self, number: u64) -> bool {
        // SYNC POINT B, acquire: with the fence in `begin`. If one of the words is of a later
        // message, its stamp is seen.
        fence(Ordering::Acquire);
        // SYNC POINT C, acquire: with the store in `begin`. The upper word is seen at least as new
        // as this one, and so is `newest` of the message before.
        self.low.load(Ordering::Acquire) == number::low(number)
            // Relaxed: ordered behind the lower word by its acquire.
            && self.high.load(Ordering::Relaxed) == number::high(number)
    }
}

/// [`SeqSlots`] as a side holds them: by their address, and of no array's type. They are there for
/// as long as this is used, which whoever [made it](SeqSlots::borrow) sees to. How many they are is
/// a private copy.
pub(in crate::ring) struct SeqSlotsRef<T, W: Wake, C> {
    at: NonNull<Head<T, W>>,
    capacity: C,
}

// SAFETY: it is a shared borrow of the slots, which every thread may have where they are `Sync`.
unsafe impl<T: Plain, W: Wake + Sync, C: Capacity> Send for SeqSlotsRef<T, W, C> {}

// SAFETY: as above.
unsafe impl<T: Plain, W: Wake + Sync, C: Capacity> Sync for SeqSlotsRef<T, W, C> {}

impl<T, W: Wake, C: Copy> Clone for SeqSlotsRef<T, W, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, W: Wake, C: Copy> Copy for SeqSlotsRef<T, W, C> {}

impl<T: Plain, W: Wake, C: Capacity> SeqSlotsRef<T, W, C> {
    #[inline(always)]
    pub(in crate::ring) fn line(&self) -> &Line<W> {
        // SAFETY: made in `borrow` of a reference to slots that are still there.
        unsafe { &(*self.at.as_ptr()).line.0 }
    }

    #[inline(always)]
    pub(in crate::ring) fn capacity(self) -> u32 {
        self.capacity.get()
    }

    /// Where the slots begin.
    #[inline(always)]
    fn first(self) -> *const SeqSlot<T> {
        // SAFETY: as in `line`; the slots begin where the empty array does.
        unsafe { &raw const (*self.at.as_ptr()).slots }.cast()
    }

    /// Which slot message `number` has.
    #[inline(always)]
    fn index(self, number: u64) -> usize {
        number::index(number, self.capacity.get())
    }

    /// What a side keeps that comes to message `number` next.
    #[inline(always)]
    pub(in crate::ring) fn stand(self, number: u64) -> Standing<T, C> {
        let cursor = Cursor::new(self.first(), || self.index(number), self.capacity.get());
        Standing { number, cursor }
    }

    /// Goes on to the message behind it, whose own `number` the caller has at hand.
    #[inline(always)]
    pub(in crate::ring) fn step(self, standing: &mut Standing<T, C>, number: u64) {
        standing.number = number.wrapping_add(1);
        standing.cursor.advance(self.first());
    }

    /// Which slot that is.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) fn index_of(self, Standing { number, cursor }: Standing<T, C>) -> usize {
        cursor.index(self.first(), || self.index(number))
    }

    /// The slot of the message.
    #[inline(always)]
    fn slot(&self, Standing { number, cursor }: Standing<T, C>) -> &SeqSlot<T> {
        // SAFETY: the cursor was made for these slots in `stand`, and stands at one of them.
        unsafe { &*cursor.element(self.first(), || self.index(number)) }
    }

    /// A copy of the message, which is no newer than `newest`; `None` if it was overwritten. Then
    /// `newest` has grown to `number + capacity - 1` at least.
    #[inline]
    pub(in crate::ring) fn read(self, at: Standing<T, C>) -> Option<T> {
        let slot = self.slot(at);
        let value = slot.value.load();
        slot.stamp.is_still(at.number).then_some(value)
    }

    /// [`read`](Self::read) into `out`, which without an answer holds anything.
    #[inline]
    pub(in crate::ring) fn read_into(self, at: Standing<T, C>, out: &mut T) -> Option<()> {
        let slot = self.slot(at);
        slot.value.load_into(out);
        slot.stamp.is_still(at.number).then_some(())
    }
}

/// The number of a message, and where its slot is.
pub(in crate::ring) struct Standing<T, C: Capacity> {
    pub(in crate::ring) number: u64,
    cursor: C::Cursor<SeqSlot<T>>,
}

impl<T, C: Capacity> Clone for Standing<T, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, C: Capacity> Copy for Standing<T, C> {}

/// The writer's half, which was taken. Dropping it gives it back, and then drops `O`, which keeps
/// the slots.
pub(in crate::ring) struct SlotWriter<T: Plain, W: Wake, C: Capacity, O> {
    slots: SeqSlotsRef<T, W, C>,
    /// The next message, one behind the newest. We alone change what is the newest.
    next: Standing<T, C>,
    /// Not behind this in the half that has both, which would be larger by its padding.
    owner: O,
}

impl<T: Plain, W: Wake, C: Capacity, O> SlotWriter<T, W, C, O> {
    /// The half of these slots, which `owner` keeps.
    pub(in crate::ring) fn new(slots: SeqSlotsRef<T, W, C>, owner: O) -> Self {
        let newest = slots.line().newest(0);
        SlotWriter { slots, next: slots.stand(newest.wrapping_add(1)), owner }
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

    /// Where the next message is written, once its slot says so: what was there is gone.
    #[inline(always)]
    fn begin(&self) -> &Words<T> {
        let slot = self.slots.slot(self.next);
        slot.stamp.begin(self.next.number);
        &slot.value
    }

    /// [`write`](Self::write) where the messages lie elsewhere: `slot` says where a slot has its
    /// stamp, by its index, and `store` writes the message there.
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

    /// The commit of the next message, which is written.
    #[inline(always)]
    fn publish(&mut self) {
        let slots = self.slots;
        let line = slots.line();
        let number = self.next.number;
        let low = number::low(number);
        let upper_half = number::is_upper_half(low);
        if upper_half != number::is_upper_half(number::low(number.wrapping_sub(1))) {
            // SYNC POINT D: with the load in `newest`. Whoever sees it sees that the half before
            // was passed. Relaxed: behind the fence in `begin`, which is the release.
            line.high_of(upper_half).store(number::high(number), Ordering::Relaxed);
        }
        // SYNC POINT A, release: with the load in `newest`. The message is seen with its number.
        line.low.store(low, Ordering::Release);
        slots.step(&mut self.next, number);
        line.bell.ring();
    }

    /// Gives the half back for good, and wakes every reader.
    pub(in crate::ring) fn close(self) {
        // It must not be given back once more, which would open it.
        let this = ManuallyDrop::new(self);
        // SAFETY: nobody drops the one that it is read out of. Dropped here, when the slots are no
        // longer used.
        let _owner = unsafe { (&raw const this.owner).read() };
        let line = this.slots.line();
        line.writer.close();
        line.bell.ring();
    }
}

impl<T: Plain, W: Wake, C: Capacity, O> Drop for SlotWriter<T, W, C, O> {
    fn drop(&mut self) {
        self.slots.line().writer.give_back();
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

    fn borrow<S>(slots: &SeqSlots<S, Nobody>) -> SeqSlotsRef<Message, Nobody, S::Capacity>
    where
        S: Storage<Element = SeqSlot<Message>> + ?Sized,
    {
        // SAFETY: the slots outlive what each test makes of them.
        unsafe { slots.borrow() }
    }

    fn take<S>(
        slots: &SeqSlots<S, Nobody>,
    ) -> Option<SlotWriter<Message, Nobody, S::Capacity, &SeqSlots<S, Nobody>>>
    where
        S: Storage<Element = SeqSlot<Message>> + ?Sized,
    {
        slots.take(DEAD).then(|| SlotWriter::new(borrow(slots), slots))
    }

    /// Message `number`, as one reads it who keeps no place.
    fn read<S>(slots: &SeqSlots<S, Nobody>, number: u64) -> Option<Message>
    where
        S: Storage<Element = SeqSlot<Message>> + ?Sized,
    {
        borrow(slots).read(borrow(slots).stand(number))
    }

    /// One whose newest message is `number`.
    fn at(number: u64) -> Three {
        let slots = Three::new();
        let line = &slots.line.0;
        line.low.store(number::low(number), Ordering::Relaxed);
        let high = line.high_of(number::is_upper_half(number::low(number)));
        high.store(number::high(number), Ordering::Relaxed);
        slots
    }

    /// Every look at `newest`, whatever the caller knew, says `number`.
    fn newest_is<S>(slots: &SeqSlots<S, Nobody>, number: u64)
    where
        S: Storage<Element = SeqSlot<Message>> + ?Sized,
    {
        for known in [0, 1 << 31, number.wrapping_sub(1), number, number.wrapping_add(1)] {
            assert_eq!(slots.line().newest(known), number, "by one who knew {known}");
        }
    }

    #[test]
    fn the_layout_is_the_same_on_every_hosted_target() {
        assert_eq!(offset_of!(Line<Nobody>, high), 4);
        assert_eq!(offset_of!(Line<Nobody>, writer), 12);
        assert_eq!(offset_of!(Line<Nobody>, bell), 16);
        assert_eq!(offset_of!(Three, slots), 128);
        assert_eq!((size_of::<SeqSlot<u8>>(), align_of::<SeqSlot<u8>>()), (12, 4));
        assert_eq!((size_of::<SeqSlot<[u8; 5]>>(), align_of::<SeqSlot<[u8; 5]>>()), (16, 4));
        assert_eq!((size_of::<SeqSlot<u64>>(), offset_of!(SeqSlot<u64>, value)), (16, 8));
        assert_eq!((size_of::<Three>(), align_of::<Three>()), (256, 128));
    }

    #[test]
    fn numbers_go_on_where_the_lower_word_comes_back_and_where_its_half_changes() {
        fn go_on<S: Storage<Element = SeqSlot<Message>> + ?Sized>(slots: &SeqSlots<S, Nobody>) {
            let start = slots.line().newest(0);
            let mut writer = take(slots).unwrap();
            let mut place = borrow(slots).stand(start + 1);
            for number in start + 1..start + 7 {
                writer.write(&[number as u32; 3]);
                newest_is(slots, number);
                assert_eq!(borrow(slots).read(place), Some([number as u32; 3]));
                borrow(slots).step(&mut place, number);
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
    fn a_stamp_with_the_same_lower_word_is_not_taken_for_an_older_one() {
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
    fn a_message_whose_writer_died_is_there_if_it_was_published_and_never_seen_otherwise() {
        // One of them enters another half of the numbers.
        for start in [5, (1 << 32) - 1] {
            for last_step in 0..=4 {
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
                forget(writer);
                let newest = start + u64::from(last_step == 4);
                newest_is(&slots, newest);
                let overwritten = (last_step >= 1).then_some(start - 2);
                for number in start - 2..=start {
                    let there = Some([number as u32; 3]);
                    let expected = if Some(number) == overwritten { None } else { there };
                    assert_eq!(read(&slots, number), expected);
                }

                assert!(slots.line().recover(DEAD) && !slots.line().recover(DEAD));
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
    fn corrupted_words_of_the_writer_end_in_a_number_and_a_copy() {
        for (low, lower, upper) in [(u32::MAX, 7, u32::MAX), (0, u32::MAX, 3), (1 << 31, 0, 1)] {
            let slots = Three::new();
            slots.line.0.low.store(low, Ordering::Relaxed);
            slots.line().high_of(false).store(lower, Ordering::Relaxed);
            slots.line().high_of(true).store(upper, Ordering::Relaxed);
            let newest = slots.line().newest(0);
            assert_eq!(read(&slots, newest), None);
            let mut writer = take(&slots).unwrap();
            writer.write(&[1; 3]);
            assert_eq!(read(&slots, writer.newest()), Some([1; 3]));
        }
    }
}
