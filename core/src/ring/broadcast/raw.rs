//! Broadcasts and newest values of messages of a stated size and alignment, for those who do not
//! know their Rust type.

use super::error::RecvError;
use super::inner::BroadcastView;
use super::reader::{Message, Reader, Slots};
use super::seq_slots::{Head, Stamp};
use super::writer::Writer;
use crate::Error;
use crate::participant::Participant;
use crate::storage::InMemory;
use crate::sync::words::{copy_in, copy_out};
use crate::wait::{Nobody, Register, Wait, Wake};
use core::alloc::Layout;
use core::future::poll_fn;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A [`Broadcast`](super::Broadcast) of messages whose size and alignment are known when the
/// program runs, and whose Rust type is not: as an inspector, or a program in another language,
/// uses it. Its messages go in and out as bytes. Both mean the same memory.
///
/// A [`Latest`](crate::ring::latest::Latest) is one in memory, of
/// [`SLOTS`](crate::ring::latest::SLOTS) messages: so this is its form for values of a stated size,
/// too. What the writer sends is the newest value, and a reader loads it when it [skips to
/// it](RawReader::skip_to_newest) before it receives.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::broadcast::{Broadcast, RawBroadcast};
/// use std::{alloc::Layout, ptr::NonNull};
/// let prices: Broadcast<u32, 4> = Broadcast::new();
/// let item = Layout::from_size_align(4, 4)?; // of a configuration
/// // SAFETY: there is a broadcast that keeps four such messages, and it lives as long.
/// let raw: RawBroadcast = unsafe { RawBroadcast::at(NonNull::from(&prices).cast(), 4, item) }.unwrap();
/// let mut reader = prices.reader();
/// raw.writer_as(Participant::new(1).unwrap()).unwrap().send(&7_u32.to_ne_bytes())?;
/// assert_eq!(reader.try_recv()?, Some(7));
/// let mut out = [0; 4];
/// assert!(raw.reader_from_oldest().try_recv(&mut out)?);
/// assert_eq!(u32::from_ne_bytes(out), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawBroadcast<'b, W: Wake = Nobody> {
    words: &'b BroadcastView<(), W>,
    slots: RawSlots<'b>,
}

impl<W: Wake> Clone for RawBroadcast<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for RawBroadcast<'_, W> {}

/// Where the messages are.
#[derive(Debug, Clone, Copy)]
struct RawSlots<'b> {
    first: NonNull<u8>,
    /// From one slot to the next, and from a slot to its message, in bytes.
    stride: usize,
    offset: usize,
    item: Layout,
    borrowed: PhantomData<&'b Stamp>,
}

// SAFETY: it is a shared borrow of memory that is accessed atomically alone.
unsafe impl Send for RawSlots<'_> {}
// SAFETY: as above.
unsafe impl Sync for RawSlots<'_> {}

impl<'b, W: Wake> RawBroadcast<'b, W> {
    /// How much memory a broadcast takes that keeps `capacity` messages of the layout `item`, and
    /// on which boundary it lies; `None` when there is no such broadcast.
    pub fn layout(capacity: usize, item: Layout) -> Option<Layout> {
        Some(Self::parts(capacity, item)?.0)
    }

    /// The layout, where the slots begin, and those.
    fn parts(capacity: usize, item: Layout) -> Option<(Layout, usize, RawSlots<'b>)> {
        // As `SeqSlot`: the stamp, and behind it whole words.
        let words = item.align_to(align_of::<u32>()).ok()?.pad_to_align();
        let (slot, offset) = Layout::new::<Stamp>().extend(words).ok()?;
        let stride = slot.pad_to_align().size();
        let slots = Layout::from_size_align(stride.checked_mul(capacity)?, slot.align()).ok()?;
        let (layout, begin) = Layout::new::<Head<(), W>>().extend(slots).ok()?;
        // Refuses what no broadcast has.
        BroadcastView::<(), W>::layout(capacity)?;
        let first = NonNull::dangling();
        let slots = RawSlots { first, stride, offset, item, borrowed: PhantomData };
        Some((layout.pad_to_align(), begin, slots))
    }

    /// The broadcast of `capacity` messages of the layout `item` at `at`. `None` when there is no
    /// such broadcast.
    ///
    /// # Safety
    /// For `'b`, there is such a broadcast, and nobody who uses it has another idea of its
    /// messages. They are [`Plain`](crate::plain::Plain).
    pub unsafe fn at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        let (_, begin, slots) = Self::parts(capacity, item)?;
        let words = BroadcastView::from_raw(at, capacity)?;
        // SAFETY: there is a broadcast, as the caller states; its slots are at least as large as
        // those of no message.
        let words = unsafe { words.as_ref() };
        // SAFETY: within the broadcast.
        let first = unsafe { at.add(begin) };
        Some(RawBroadcast { words, slots: RawSlots { first, ..slots } })
    }

    /// Makes a fresh one there. What was there is neither read nor dropped.
    ///
    /// # Safety
    /// For `'b`, there is memory of [`layout(capacity, item)`](Self::layout), which is the caller's
    /// to write, and which only this broadcast uses from now on.
    pub unsafe fn init_at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        let (layout, ..) = Self::parts(capacity, item)?;
        // SAFETY: as the caller states. Zeroed slots are fresh ones.
        unsafe { at.write_bytes(0, layout.size()) };
        // SAFETY: as the caller states: the head is the first of it.
        unsafe { Head::<(), W>::init(at.cast(), 0) };
        // SAFETY: just made.
        unsafe { Self::at(at, capacity, item) }
    }

    /// Its words, which know nothing of the messages: how many were sent, who is gone; and
    /// [`recover`](super::BroadcastInner::recover).
    pub fn words(self) -> &'b BroadcastView<(), W> {
        self.words
    }

    /// The writer's half for `me`, see [`writer_as`](super::BroadcastInner::writer_as).
    pub fn writer_as(self, me: Participant) -> Option<RawWriter<'b, W>> {
        Some(RawWriter { half: Writer::take(self.words, me)?, slots: self.slots })
    }

    /// A reader that gets every message from now on, see [`reader`](super::BroadcastInner::reader).
    pub fn reader(self) -> RawReader<'b, W> {
        RawReader { half: Reader::new(self.words), slots: self.slots }
    }

    /// A reader that begins at the oldest message that is still there.
    pub fn reader_from_oldest(self) -> RawReader<'b, W> {
        RawReader { half: Reader::from_oldest(self.words), slots: self.slots }
    }
}

impl<'b> RawSlots<'b> {
    /// Where the slot `index` is, which is less than the capacity.
    fn slot(self, index: usize) -> *mut u8 {
        self.first.as_ptr().wrapping_add(index * self.stride)
    }

    fn stamp(self, index: usize) -> &'b Stamp {
        // SAFETY: each slot begins with its stamp, and lives for `'b`, see `RawBroadcast::at`.
        unsafe { &*self.slot(index).cast::<Stamp>() }
    }

    /// Copies message `number` out, as many whole words as `out` has room for; `None` if it was
    /// overwritten.
    fn read<W: Wake>(
        self,
        words: Slots<&BroadcastView<(), W>>,
        next: Message<&BroadcastView<(), W>>,
        out: &mut [u8],
    ) -> Option<()> {
        let index = words.index_of(next);
        let unit = self.item.align().max(align_of::<u32>());
        // Not a part of a word, which others access as a whole.
        let size = if out.len() < self.item.size() {
            out.len() & !unit.wrapping_sub(1)
        } else {
            self.item.size()
        };
        let piece = Layout::from_size_align(size, self.item.align()).ok()?;
        let from = self.slot(index).wrapping_add(self.offset);
        // SAFETY: the message lies in its slot, on a word's boundary, and is accessed atomically
        // alone; `out` is as large.
        unsafe { copy_out(from, out.as_mut_ptr(), piece) };
        self.stamp(index).is_still(next.number).then_some(())
    }
}

/// The half of a [`RawBroadcast`] that writes.
#[derive(Debug)]
pub struct RawWriter<'b, W: Wake> {
    half: Writer<&'b BroadcastView<(), W>>,
    slots: RawSlots<'b>,
}

impl<W: Wake> RawWriter<'_, W> {
    /// Sends one message to every reader, and overwrites the oldest one kept.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`] when `message` is not as large as the messages of this broadcast,
    /// with their size.
    pub fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        let (slots, max) = (self.slots, self.slots.item.size());
        if message.len() != max {
            return Err(Error::MessageTooLarge { max });
        }
        let store = |index| {
            let to = slots.slot(index).wrapping_add(slots.offset);
            // SAFETY: the message lies in its slot, on its boundary, and is accessed atomically
            // alone; `message` is as large.
            unsafe { copy_in(message.as_ptr(), to, slots.item) }
        };
        self.half.slots_mut().write_at(|index| slots.stamp(index), store);
        Ok(())
    }

    /// [`Writer::close`].
    pub fn close(self) {
        self.half.close();
    }
}

/// One that reads a [`RawBroadcast`]. Where the room that it is given is smaller than a message, it
/// copies the first of it, in whole words.
#[derive(Debug, Clone)]
pub struct RawReader<'b, W: Wake> {
    half: Reader<&'b BroadcastView<(), W>>,
    slots: RawSlots<'b>,
}

impl<W: Wake> RawReader<'_, W> {
    /// [`Reader::skip_to_newest`].
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::broadcast::RawBroadcast;
    /// use ringway_core::ring::latest::{Latest, SLOTS};
    /// use std::{alloc::Layout, ptr::NonNull};
    /// let level: Latest<u32> = Latest::new();
    /// let item = Layout::from_size_align(4, 4)?; // of a configuration
    /// // SAFETY: there is a latest value of this layout, and it lives as long.
    /// let raw: RawBroadcast = unsafe { RawBroadcast::at(NonNull::from(&level).cast(), SLOTS, item) }.unwrap();
    /// let (mut writer, mut reader) = (raw.writer_as(Participant::LOCAL).unwrap(), raw.reader_from_oldest());
    /// (1..=9_u32).try_for_each(|value| writer.send(&value.to_ne_bytes()))?;
    /// assert_eq!(level.load().unwrap().0, 9);
    /// let mut out = [0; 4];
    /// reader.skip_to_newest();
    /// assert_eq!((reader.try_recv(&mut out), u32::from_ne_bytes(out)), (Ok(true), 9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skip_to_newest(&mut self) -> u64 {
        self.half.skip_to_newest()
    }

    /// Copies the next message into `out`, if there is one, and says whether there was.
    ///
    /// # Errors
    /// As [`Reader::try_recv`]. What is in `out` then is of no message.
    pub fn try_recv(&mut self, out: &mut [u8]) -> Result<bool, RecvError> {
        let slots = self.slots;
        self.half
            .attempt(|words, next| slots.read(words, next, out))
            .map(|received| received.is_some())
    }

    /// Copies the next message into `out`; waits for one, at most until `deadline` (`None`: for
    /// ever).
    ///
    /// # Errors
    /// As [`Reader::recv_deadline`]. What is in `out` then is of no message.
    pub fn recv_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<W::Deadline>,
    ) -> Result<(), RecvError>
    where
        W: Wait,
    {
        let (slots, words) = (self.slots, self.half.slots());
        words.line().bell().wait_until(deadline, || {
            self.half.attempt_or_end(|words, next| slots.read(words, next, out))
        })?
    }

    /// Copies the next message into `out`; awaits one. Cancelled, it consumes nothing.
    ///
    /// # Errors
    /// As [`Reader::recv_async`]. What is in `out` without a message is of none.
    pub fn recv_async(&mut self, out: &mut [u8]) -> impl Future<Output = Result<(), RecvError>>
    where
        W: Register,
    {
        let (slots, words) = (self.slots, self.half.slots());
        poll_fn(move |cx| {
            words.line().bell().poll_until(cx, || {
                self.half.attempt_or_end(|words, next| slots.read(words, next, out))
            })
        })
    }
}
