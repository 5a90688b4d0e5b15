//! A ring of bytes of a stated size and alignment, for those who do not know the Rust type of its
//! values.

use super::consumer::{Consumer, ReadChunk};
use super::inner::{RingRef, RingView};
use super::producer::{Producer, WriteChunk};
use crate::Error;
use crate::participant::Participant;
use crate::storage::InMemory;
use crate::wait::{Nobody, Wait, Wake};
use core::alloc::Layout;
use core::ptr::NonNull;

/// A [`Ring`](super::Ring) of values whose size and alignment are known when the program runs, and
/// whose Rust type is not: as an inspector, or a program in another language, uses it. Its values
/// go in and out as bytes. Both mean the same memory.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::{RawRing, Ring};
/// use std::{alloc::Layout, ptr::NonNull};
/// let samples: Ring<u32, 4> = Ring::new();
/// let item = Layout::from_size_align(4, 4)?; // of a configuration
/// // SAFETY: there is a ring of four such values, and it lives as long.
/// let raw: RawRing = unsafe { RawRing::at(NonNull::from(&samples).cast(), 4, item) }.unwrap();
/// let mut producer = raw.producer_as(Participant::new(1).unwrap()).unwrap();
/// producer.try_push(&7_u32.to_ne_bytes())?;
/// assert_eq!(samples.consumer().unwrap().try_pop(), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawRing<'r, W: Wake = Nobody> {
    words: &'r RingView<(), W>,
    slots: RawSlots,
}

impl<W: Wake> Clone for RawRing<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for RawRing<'_, W> {}

/// Where the values are.
#[derive(Debug, Clone, Copy)]
struct RawSlots {
    first: NonNull<u8>,
    /// Of a value, in bytes.
    size: usize,
}

// SAFETY: the values are plain bytes, each of which one side at a time touches.
unsafe impl Send for RawSlots {}
// SAFETY: as above.
unsafe impl Sync for RawSlots {}

impl<'r, W: Wake> RawRing<'r, W> {
    /// How much memory a ring of `capacity` values of the layout `item` takes, and on which
    /// boundary it lies; `None` when there is no such ring.
    pub fn layout(capacity: usize, item: Layout) -> Option<Layout> {
        Some(Self::offset(capacity, item)?.0)
    }

    /// The layout, and where the values begin.
    fn offset(capacity: usize, item: Layout) -> Option<(Layout, usize)> {
        let size = item.pad_to_align().size().checked_mul(capacity)?;
        let slots = Layout::from_size_align(size, item.align()).ok()?;
        let (layout, offset) = RingView::<(), W>::layout(capacity)?.extend(slots).ok()?;
        Some((layout.pad_to_align(), offset))
    }

    /// The ring of `capacity` values of the layout `item` at `at`. `None` when there is no such
    /// ring.
    ///
    /// # Safety
    /// For `'r`, there is such a ring, and nobody who uses it has another idea of its values. They
    /// are [`Plain`](crate::plain::Plain).
    pub unsafe fn at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        let (_, offset) = Self::offset(capacity, item)?;
        let words = RingView::from_raw(at, capacity)?;
        // SAFETY: there is a ring, as the caller states, whose words do not depend on its values.
        let words = unsafe { words.as_ref() };
        // SAFETY: within the ring.
        let first = unsafe { at.add(offset) };
        Some(RawRing { words, slots: RawSlots { first, size: item.pad_to_align().size() } })
    }

    /// Makes a fresh one there. What was there is neither read nor dropped.
    ///
    /// # Safety
    /// For `'r`, there is memory of [`layout(capacity, item)`](Self::layout), which is the caller's
    /// to write, and which only this ring uses from now on.
    pub unsafe fn init_at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        Self::layout(capacity, item)?;
        // SAFETY: as the caller states: the words of a ring are the first of it.
        unsafe { RingView::<(), W>::init_at(at, capacity) }?;
        // SAFETY: just made.
        unsafe { Self::at(at, capacity, item) }
    }

    /// Its words, which know nothing of the values: how many there are, who is gone, what a side
    /// sleeps on (a task, with [`poll_until`](crate::wait::Doorbell::poll_until)); and
    /// [`recover`](super::RingInner::recover).
    pub fn words(self) -> &'r RingView<(), W> {
        self.words
    }

    /// The producer's half for `me`, see [`producer_as`](super::RingInner::producer_as).
    pub fn producer_as(self, me: Participant) -> Option<RawProducer<'r, W>> {
        Some(RawProducer { half: self.words.producer_as(me)?, slots: self.slots })
    }

    /// The consumer's half for `me`, see [`consumer_as`](super::RingInner::consumer_as).
    pub fn consumer_as(self, me: Participant) -> Option<RawConsumer<'r, W>> {
        Some(RawConsumer { half: self.words.consumer_as(me)?, slots: self.slots })
    }
}

impl RawSlots {
    /// Where the value of a slot is.
    fn slot(self, slot: u32) -> *mut u8 {
        self.first.as_ptr().wrapping_add(slot as usize * self.size)
    }

    /// Whether `value` is one.
    fn check(self, value: &[u8]) -> Result<(), Error> {
        let max = self.size;
        if value.len() == max { Ok(()) } else { Err(Error::MessageTooLarge { max }) }
    }

    /// Copies `value`, which is one, into the slot, and gives it to the consumer.
    fn put(self, value: &[u8], mut chunk: WriteChunk<'_, impl RingRef<Value = ()>>) {
        // SAFETY: the slot is the chunk's, which is as large as the value.
        unsafe { self.slot(chunk.slot()).copy_from_nonoverlapping(value.as_ptr(), self.size) };
        let _ = chunk.push(());
        chunk.commit();
    }

    /// Copies the oldest value out, and gives its slot back.
    fn take(
        self,
        out: &mut [u8],
        chunk: ReadChunk<'_, impl RingRef<Value = ()>>,
    ) -> Result<(), Error> {
        let needed = self.size;
        let to = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        // SAFETY: the slot is the chunk's and its bytes are initialized, as somebody pushed them;
        // `to` is as large.
        unsafe { to.as_mut_ptr().copy_from_nonoverlapping(self.slot(chunk.slot()), needed) };
        chunk.release(1);
        Ok(())
    }
}

/// The half of a [`RawRing`] that pushes.
#[derive(Debug)]
pub struct RawProducer<'r, W: Wake> {
    half: Producer<&'r RingView<(), W>>,
    slots: RawSlots,
}

impl<'r, W: Wake> RawProducer<'r, W> {
    /// Copies `value` in.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no room; [`Error::MessageTooLarge`] when `value` is not
    /// as large as the values of this ring, with their size.
    pub fn try_push(&mut self, value: &[u8]) -> Result<(), Error> {
        self.slots.check(value)?;
        self.slots.put(value, self.half.try_reserve(1)?);
        Ok(())
    }

    /// Copies `value` in; waits for room, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As [`Producer::reserve_deadline`], and [`Error::MessageTooLarge`], as in
    /// [`try_push`](Self::try_push).
    pub fn push_deadline(
        &mut self,
        value: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<(), Error>
    where
        W: Wait,
    {
        self.slots.check(value)?;
        self.slots.put(value, self.half.reserve_deadline(1, deadline)?);
        Ok(())
    }

    /// [`Producer::close`].
    pub fn close(self) {
        self.half.close();
    }
}

/// The half of a [`RawRing`] that pops.
#[derive(Debug)]
pub struct RawConsumer<'r, W: Wake> {
    half: Consumer<&'r RingView<(), W>>,
    slots: RawSlots,
}

impl<'r, W: Wake> RawConsumer<'r, W> {
    /// Copies the oldest value to the beginning of `out`.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is none; [`Error::BufferTooSmall`] when `out` is smaller
    /// than a value, which stays.
    pub fn try_pop(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.slots.take(out, self.half.try_peek(1)?)
    }

    /// Copies the oldest value to the beginning of `out`; waits for one, at most until `deadline`
    /// (`None`: for ever).
    ///
    /// # Errors
    /// As [`Consumer::peek_deadline`], and [`Error::BufferTooSmall`], as in
    /// [`try_pop`](Self::try_pop).
    pub fn pop_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<W::Deadline>,
    ) -> Result<(), Error>
    where
        W: Wait,
    {
        self.slots.take(out, self.half.peek_deadline(1, deadline)?)
    }

    /// [`Consumer::close`].
    pub fn close(self) {
        self.half.close();
    }
}
