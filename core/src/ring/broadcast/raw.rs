//! Broadcasts and newest values for callers that do not know their Rust type.
//!
//! Such a caller knows the size and the alignment of a message.

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
use core::ops::Deref;
use core::ptr::NonNull;

/// A [`Broadcast`](super::Broadcast) of messages whose size and alignment are known only at run
/// time.
///
/// An inspector, or a program in another language, uses a broadcast this way. Messages go in and
/// out as bytes. A `RawBroadcast` and a `Broadcast` can use the same memory.
///
/// [`RawLatest`](crate::ring::latest::RawLatest) is the same for a newest value.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::broadcast::{Broadcast, RawBroadcast};
/// use std::{alloc::Layout, ptr::NonNull};
/// let prices: Broadcast<u32, 4> = Broadcast::new();
/// let item = Layout::from_size_align(4, 4)?; // from a configuration
/// // SAFETY: `prices` is a broadcast that keeps four such messages, and it outlives `raw`.
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

/// A [`Latest`](crate::ring::latest::Latest) of values whose size and alignment are known only at
/// run time.
///
/// A latest value has the memory layout of a broadcast that keeps
/// [`SLOTS`](crate::ring::latest::SLOTS) messages, which this lends. What the writer sends is the
/// newest value. A reader loads it when it [skips to it](RawReader::skip_to_newest) before it
/// receives.
///
/// It comes from a region ([`View::raw_part`](crate::region::View::raw_part)). Elsewhere, a
/// [`RawBroadcast`] of `SLOTS` messages does the same.
#[derive(Debug)]
pub struct RawLatest<'l, W: Wake = Nobody>(RawBroadcast<'l, W>);

impl<W: Wake> Clone for RawLatest<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for RawLatest<'_, W> {}

impl<'l, W: Wake> Deref for RawLatest<'l, W> {
    type Target = RawBroadcast<'l, W>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'l, W: Wake> RawLatest<'l, W> {
    /// The latest value that lies where `slots` says. It keeps [`SLOTS`] messages.
    ///
    /// [`SLOTS`]: crate::ring::latest::SLOTS
    pub(crate) const fn new(slots: RawBroadcast<'l, W>) -> Self {
        RawLatest(slots)
    }
}

/// The memory of the messages.
#[derive(Debug, Clone, Copy)]
struct RawSlots<'b> {
    first: NonNull<u8>,
    /// The distance from one slot to the next, in bytes.
    stride: usize,
    /// The distance from a slot to its message, in bytes.
    offset: usize,
    item: Layout,
    borrowed: PhantomData<&'b Stamp>,
}

// SAFETY: this is a shared borrow of memory that is only accessed atomically.
unsafe impl Send for RawSlots<'_> {}
// SAFETY: this is a shared borrow of memory that is only accessed atomically.
unsafe impl Sync for RawSlots<'_> {}

impl<'b, W: Wake> RawBroadcast<'b, W> {
    /// The size and alignment in memory of a broadcast that keeps `capacity` messages of the layout
    /// `item`.
    ///
    /// `None` when no such broadcast is possible.
    pub fn layout(capacity: usize, item: Layout) -> Option<Layout> {
        Some(Self::parts(capacity, item)?.0)
    }

    /// The layout, the offset of the first slot, and the slots.
    fn parts(capacity: usize, item: Layout) -> Option<(Layout, usize, RawSlots<'b>)> {
        // A slot has the layout of a `SeqSlot`: the stamp, and after it whole words.
        let words = item.align_to(align_of::<u32>()).ok()?.pad_to_align();
        let (slot, offset) = Layout::new::<Stamp>().extend(words).ok()?;
        let stride = slot.pad_to_align().size();
        let slots = Layout::from_size_align(stride.checked_mul(capacity)?, slot.align()).ok()?;
        let (layout, begin) = Layout::new::<Head<(), W>>().extend(slots).ok()?;
        // This refuses a capacity that no broadcast has.
        BroadcastView::<(), W>::layout(capacity)?;
        let first = NonNull::dangling();
        let slots = RawSlots { first, stride, offset, item, borrowed: PhantomData };
        Some((layout.pad_to_align(), begin, slots))
    }

    /// The broadcast of `capacity` messages of the layout `item` at `at`.
    ///
    /// `None` when no such broadcast is possible.
    ///
    /// # Safety
    /// For `'b`, there is such a broadcast at `at`. Everybody who uses it agrees on the layout of
    /// its messages. The messages are [`Plain`](crate::plain::Plain).
    pub unsafe fn at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        let (_, begin, slots) = Self::parts(capacity, item)?;
        let words = BroadcastView::from_raw(at, capacity)?;
        // SAFETY: the caller guarantees that there is a broadcast for `'b`. Its slots are at least
        // as large as slots of empty messages.
        let words = unsafe { words.as_ref() };
        // SAFETY: the offset lies within the broadcast, which the caller guarantees to be there.
        let first = unsafe { at.add(begin) };
        Some(RawBroadcast { words, slots: RawSlots { first, ..slots } })
    }

    /// Makes a fresh broadcast at `at`. What was there is neither read nor dropped.
    ///
    /// # Safety
    /// For `'b`, there is memory of [`layout(capacity, item)`](Self::layout) at `at`. The caller
    /// may write it, and from now on only this broadcast uses it.
    pub unsafe fn init_at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        let (layout, ..) = Self::parts(capacity, item)?;
        // SAFETY: the caller provides memory of this size, and only the caller uses it. Zeroed
        // slots are fresh ones.
        unsafe { at.write_bytes(0, layout.size()) };
        // SAFETY: the caller provides memory of `layout`, which begins with the header. No slots
        // are made.
        unsafe { Head::<(), W>::init(at.cast(), 0) };
        // SAFETY: the broadcast has just been made, in memory that the caller provides for `'b`.
        unsafe { Self::at(at, capacity, item) }
    }

    /// The broadcast's words, without its messages.
    ///
    /// They say how many messages were sent and who is gone, and offer
    /// [`recover`](super::BroadcastInner::recover).
    pub fn words(self) -> &'b BroadcastView<(), W> {
        self.words
    }

    /// Takes the writer's half for `me`, see [`writer_as`](super::BroadcastInner::writer_as).
    pub fn writer_as(self, me: Participant) -> Option<RawWriter<'b, W>> {
        Some(RawWriter { half: Writer::take(self.words, me)?, slots: self.slots })
    }

    /// Makes a reader that gets every message from now on.
    ///
    /// See [`reader`](super::BroadcastInner::reader).
    pub fn reader(self) -> RawReader<'b, W> {
        RawReader { half: Reader::new(self.words), slots: self.slots }
    }

    /// Makes a reader that begins at the oldest message that is still there.
    pub fn reader_from_oldest(self) -> RawReader<'b, W> {
        RawReader { half: Reader::from_oldest(self.words), slots: self.slots }
    }
}

impl<'b> RawSlots<'b> {
    /// The address of the slot `index`, which is less than the capacity.
    fn slot(self, index: usize) -> *mut u8 {
        self.first.as_ptr().wrapping_add(index * self.stride)
    }

    fn stamp(self, index: usize) -> &'b Stamp {
        // SAFETY: each slot begins with its stamp. The caller of `RawBroadcast::at` guarantees that
        // the slots exist for `'b`.
        unsafe { &*self.slot(index).cast::<Stamp>() }
    }

    /// Copies the message `next` out, as many whole words as `out` has room for. `None` if it was
    /// overwritten.
    fn read<W: Wake>(
        self,
        words: Slots<&BroadcastView<(), W>>,
        next: Message<&BroadcastView<(), W>>,
        out: &mut [u8],
    ) -> Option<()> {
        let index = words.index_of(next);
        let unit = self.item.align().max(align_of::<u32>());
        // Others access each word as a whole, so that this copies no part of a word.
        let size = if out.len() < self.item.size() {
            out.len() & !unit.wrapping_sub(1)
        } else {
            self.item.size()
        };
        let piece = Layout::from_size_align(size, self.item.align()).ok()?;
        let from = self.slot(index).wrapping_add(self.offset);
        // SAFETY: the message lies in its slot, aligned to a word, and is only accessed atomically.
        // `out` has room for `size` bytes.
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
    /// Sends one message to every reader.
    ///
    /// It overwrites the oldest message if the broadcast is full.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`], with the size of the broadcast's messages, when `message` has
    /// another size.
    pub fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        let (slots, max) = (self.slots, self.slots.item.size());
        if message.len() != max {
            return Err(Error::MessageTooLarge { max });
        }
        let store = |index| {
            let to = slots.slot(index).wrapping_add(slots.offset);
            // SAFETY: the message lies in its slot, aligned, and is only accessed atomically.
            // `message` has the size of `item`.
            unsafe { copy_in(message.as_ptr(), to, slots.item) }
        };
        self.half.slots_mut().write_at(|index| slots.stamp(index), store);
        Ok(())
    }

    /// Ends the stream, see [`Writer::close`].
    pub fn close(self) {
        self.half.close();
    }
}

/// A reader of a [`RawBroadcast`].
///
/// If the room that it is given is smaller than a message, it copies the first part of the message,
/// in whole words.
#[derive(Debug, Clone)]
pub struct RawReader<'b, W: Wake> {
    half: Reader<&'b BroadcastView<(), W>>,
    slots: RawSlots<'b>,
}

impl<W: Wake> RawReader<'_, W> {
    /// Moves to the newest message, and returns the number of messages that it skips.
    ///
    /// See [`Reader::skip_to_newest`].
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::broadcast::RawBroadcast;
    /// use ringway_core::ring::latest::{Latest, SLOTS};
    /// use std::{alloc::Layout, ptr::NonNull};
    /// let level: Latest<u32> = Latest::new();
    /// let item = Layout::from_size_align(4, 4)?; // from a configuration
    /// // SAFETY: `level` is a latest value of this layout, and it outlives `raw`.
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
    /// Those of [`Reader::try_recv`]. After an error, `out` contains no message.
    pub fn try_recv(&mut self, out: &mut [u8]) -> Result<bool, RecvError> {
        let slots = self.slots;
        self.half
            .attempt(|words, next| slots.read(words, next, out))
            .map(|received| received.is_some())
    }

    /// Copies the next message into `out`; waits for one until `deadline` at most (`None`: for
    /// ever).
    ///
    /// # Errors
    /// Those of [`Reader::recv_deadline`]. After an error, `out` contains no message.
    pub fn recv_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<W::Deadline>,
    ) -> Result<(), RecvError>
    where
        W: Wait,
    {
        let (slots, words) = (self.slots, self.half.slots());
        words.control().bell().wait_until(deadline, || {
            self.half.attempt_or_end(|words, next| slots.read(words, next, out))
        })?
    }

    /// Copies the next message into `out`; awaits one. If the future is dropped, nothing is
    /// consumed.
    ///
    /// # Errors
    /// Those of [`Reader::recv_async`]. Without a message, `out` contains no message.
    pub fn recv_async(&mut self, out: &mut [u8]) -> impl Future<Output = Result<(), RecvError>>
    where
        W: Register,
    {
        let (slots, words) = (self.slots, self.half.slots());
        poll_fn(move |cx| {
            words.control().bell().poll_until(cx, || {
                self.half.attempt_or_end(|words, next| slots.read(words, next, out))
            })
        })
    }
}
