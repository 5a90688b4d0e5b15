//! A ring of values of a given size and alignment, for callers that do not know their Rust type.

use super::consumer::{Consumer, ReadChunk};
use super::inner::{RingRef, RingView};
use super::producer::{Producer, WriteChunk};
use super::window::{Reach, Window, Words};
use crate::Error;
use crate::participant::Participant;
use crate::storage::{Capacity, InMemory};
use crate::wait::{Nobody, Wait, Wake};
use core::alloc::Layout;
use core::ptr::NonNull;

/// A [`Ring`](super::Ring) of values whose size and alignment are known only at run time.
///
/// An inspector, or a program in another language, uses a ring this way. Values go in and out as
/// bytes. A `RawRing` and a `Ring` can use the same memory.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::{RawRing, Ring};
/// use std::{alloc::Layout, ptr::NonNull};
/// let samples: Ring<u32, 4> = Ring::new();
/// let item = Layout::from_size_align(4, 4)?; // from a configuration
/// // SAFETY: `samples` is a ring of four such values, and it outlives `raw`.
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

/// The memory of the values.
#[derive(Debug, Clone, Copy)]
struct RawSlots {
    first: NonNull<u8>,
    /// The size of a value, in bytes.
    size: usize,
}

// SAFETY: the values are plain bytes. By the ownership rule, one side at a time touches each.
unsafe impl Send for RawSlots {}
// SAFETY: the values are plain bytes. By the ownership rule, one side at a time touches each.
unsafe impl Sync for RawSlots {}

impl<'r, W: Wake> RawRing<'r, W> {
    /// The size and alignment in memory of a ring of `capacity` values of the layout `item`.
    ///
    /// `None` when no such ring is possible.
    pub fn layout(capacity: usize, item: Layout) -> Option<Layout> {
        Some(Self::offset(capacity, item)?.0)
    }

    /// The layout, and the offset of the first value.
    fn offset(capacity: usize, item: Layout) -> Option<(Layout, usize)> {
        let size = item.pad_to_align().size().checked_mul(capacity)?;
        let slots = Layout::from_size_align(size, item.align()).ok()?;
        let (layout, offset) = RingView::<(), W>::layout(capacity)?.extend(slots).ok()?;
        Some((layout.pad_to_align(), offset))
    }

    /// The ring of `capacity` values of the layout `item` at `at`.
    ///
    /// `None` when no such ring is possible.
    ///
    /// # Safety
    /// For `'r`, there is such a ring at `at`. Everybody who uses it agrees on the layout of its
    /// values. The values are [`Plain`](crate::plain::Plain).
    pub unsafe fn at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        let (_, offset) = Self::offset(capacity, item)?;
        let words = RingView::from_raw(at, capacity)?;
        // SAFETY: the caller guarantees that there is a ring for `'r`. Its words lie at the same
        // place whatever its values are.
        let words = unsafe { words.as_ref() };
        // SAFETY: the offset lies within the ring, which the caller guarantees to be there.
        let first = unsafe { at.add(offset) };
        Some(RawRing { words, slots: RawSlots { first, size: item.pad_to_align().size() } })
    }

    /// Makes a fresh ring at `at`. What was there is neither read nor dropped.
    ///
    /// # Safety
    /// For `'r`, there is memory of [`layout(capacity, item)`](Self::layout) at `at`. The caller
    /// may write it, and from now on only this ring uses it.
    pub unsafe fn init_at(at: NonNull<u8>, capacity: usize, item: Layout) -> Option<Self> {
        Self::layout(capacity, item)?;
        // SAFETY: the caller guarantees that the memory is large enough and exclusively its own. A
        // ring begins with its words.
        unsafe { RingView::<(), W>::init_at(at, capacity) }?;
        // SAFETY: the ring has just been made, in memory that the caller provides for `'r`.
        unsafe { Self::at(at, capacity, item) }
    }

    /// The ring's words, without its values.
    ///
    /// They say how many values there are and who is gone. They contain the doorbells on which a
    /// side sleeps (a task with [`poll_until`](crate::wait::Doorbell::poll_until)), and offer
    /// [`recover`](super::RingInner::recover).
    pub fn words(self) -> &'r RingView<(), W> {
        self.words
    }

    /// Takes the producer's half for `me`, see [`producer_as`](super::RingInner::producer_as).
    pub fn producer_as(self, me: Participant) -> Option<RawProducer<'r, W>> {
        Some(RawProducer { half: self.words.producer_as(me)?, slots: self.slots })
    }

    /// Takes the consumer's half for `me`, see [`consumer_as`](super::RingInner::consumer_as).
    pub fn consumer_as(self, me: Participant) -> Option<RawConsumer<'r, W>> {
        Some(RawConsumer { half: self.words.consumer_as(me)?, slots: self.slots })
    }
}

impl RawSlots {
    /// The address of the value in a slot.
    fn slot(self, slot: u32) -> *mut u8 {
        self.first.as_ptr().wrapping_add(slot as usize * self.size)
    }

    /// Copies `value`, of which the size was checked, into a slot that is this side's.
    #[inline(always)]
    fn copy_in(self, slot: u32, value: &[u8]) {
        // SAFETY: by the ownership rule, the slot is this side's. It has `self.size` bytes, and so
        // has the value.
        unsafe { copy(value.as_ptr(), self.slot(slot), self.size) };
    }

    /// Copies the value of a slot that is this side's to `out`, of which the size was checked.
    #[inline(always)]
    fn copy_out(self, slot: u32, out: &mut [u8]) {
        // SAFETY: by the ownership rule, the slot is this side's. Its bytes are initialized, since
        // the producer pushed them. `out` has the same size.
        unsafe { copy(self.slot(slot), out.as_mut_ptr(), self.size) };
    }

    /// The window of a side: its words, and its slots in a ring of `n`.
    #[inline(always)]
    fn window(self, n: impl Capacity, words: Words, reach: Reach) -> Window {
        let (Words { word, peer, bell }, Reach { position, end, may_look }) = (words, reach);
        let (first, size, capacity) = (self.first.as_ptr(), self.size, n.get());
        Window { first, size, word, peer, bell, capacity, position, end, may_look }
    }

    /// Checks that `value` has the size of a value.
    fn check(self, value: &[u8]) -> Result<(), Error> {
        let max = self.size;
        if value.len() == max { Ok(()) } else { Err(Error::MessageTooLarge { max }) }
    }

    /// Copies `value`, of which the size was checked, into the chunk's slot, and gives it to the
    /// consumer.
    fn put(self, value: &[u8], mut chunk: WriteChunk<'_, impl RingRef<Value = ()>>) {
        // SAFETY: the slot belongs to the chunk. It has `self.size` bytes, and so has the value.
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
        // SAFETY: the slot belongs to the chunk. Its bytes are initialized, since the producer
        // pushed them. `to` has the same size.
        unsafe { to.as_mut_ptr().copy_from_nonoverlapping(self.slot(chunk.slot()), needed) };
        chunk.release(1);
        Ok(())
    }
}

/// Copies `size` bytes. For the usual sizes it calls nothing.
///
/// # Safety
/// As [`core::ptr::copy_nonoverlapping`].
#[inline(always)]
pub(in crate::ring) unsafe fn copy(from: *const u8, to: *mut u8, size: usize) {
    match size {
        // SAFETY: the caller guarantees as many bytes at both.
        8 => unsafe { to.copy_from_nonoverlapping(from, 8) },
        // SAFETY: the caller guarantees as many bytes at both.
        16 => unsafe { to.copy_from_nonoverlapping(from, 16) },
        // SAFETY: the caller guarantees as many bytes at both.
        4 => unsafe { to.copy_from_nonoverlapping(from, 4) },
        // SAFETY: the caller guarantees as many bytes at both.
        _ => unsafe { to.copy_from_nonoverlapping(from, size) },
    }
}

/// The half of a [`RawRing`] that pushes.
#[derive(Debug)]
pub struct RawProducer<'r, W: Wake> {
    half: Producer<&'r RingView<(), W>>,
    slots: RawSlots,
}

impl<'r, W: Wake> RawProducer<'r, W> {
    /// Pushes a copy of `value`.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no room. [`Error::MessageTooLarge`], with the size of
    /// the ring's values, when `value` has another size.
    #[inline]
    pub fn try_push(&mut self, value: &[u8]) -> Result<(), Error> {
        let slots = self.slots;
        slots.check(value)?;
        let is_pushed = self.half.try_push_by(|slot| slots.copy_in(slot, value));
        if is_pushed { Ok(()) } else { Err(Error::WouldBlock) }
    }

    /// Pushes a copy of `value`; waits for room until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`Producer::reserve_deadline`]. [`Error::MessageTooLarge`], with the size of the
    /// ring's values, when `value` has another size.
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

    /// What this half knows, for code that pushes without a call: see [`Window`]. `None` where a
    /// half keeps nothing in mind, because the target has no caches.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::{RawRing, Ring};
    /// use std::{alloc::Layout, ptr::NonNull, sync::atomic::Ordering};
    /// let ring: Ring<u32, 4> = Ring::new();
    /// let at = NonNull::from(&ring).cast();
    /// // SAFETY: `ring` is a ring of four such values, and it outlives `raw`.
    /// let raw: RawRing = unsafe { RawRing::at(at, 4, Layout::new::<u32>()) }.unwrap();
    /// let mut producer = raw.producer_as(Participant::new(1).unwrap()).unwrap();
    /// producer.try_push(&1_u32.to_ne_bytes())?; // it looks, and finds four slots
    /// let mut window = producer.window().unwrap();
    /// assert_eq!((window.position, window.end), (1, 4));
    /// let slot = window.first.wrapping_add(window.position as usize * window.size);
    /// // SAFETY: the window says that the slot is the producer's.
    /// unsafe { slot.cast::<u32>().write(2) };
    /// window.position += 1;
    /// // SAFETY: the word is there while the ring is.
    /// unsafe { &*window.word }.store(window.position, Ordering::Release);
    /// // SAFETY: the slots up to there were written and published.
    /// unsafe { producer.resume(&window) };
    /// producer.try_push(&3_u32.to_ne_bytes())?;
    /// let mut consumer = ring.consumer().unwrap();
    /// assert_eq!(consumer.drain().collect::<Vec<_>>(), [1, 2, 3]);
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    #[inline]
    pub fn window(&mut self) -> Option<Window> {
        let cursor = self.half.cursor();
        Some(self.slots.window(cursor.capacity(), cursor.words(), cursor.reach()?))
    }

    /// Goes on from where the caller has left the window.
    ///
    /// # Safety
    /// It is the half's last window. The caller has pushed and looked as [`Window`] says, and the
    /// half has done nothing since it made the window.
    #[inline]
    pub unsafe fn resume(&mut self, window: &Window) {
        // SAFETY: the caller guarantees that it has pushed the slots of the window up to its
        // position, and that those up to its end are free.
        unsafe { self.half.cursor().resume(window.position, window.end) };
    }

    /// Ends the stream, see [`Producer::close`].
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
    /// [`Error::WouldBlock`] when there is no value. [`Error::BufferTooSmall`] when `out` is
    /// smaller than a value; the value then stays in the ring.
    #[inline]
    pub fn try_pop(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let slots = self.slots;
        let needed = slots.size;
        let Some(out) = out.get_mut(..needed) else {
            // An empty ring says so, whatever the buffer is.
            return self.half.try_peek(1).and(Err(Error::BufferTooSmall { needed }));
        };
        let is_popped = self.half.try_pop_by(|slot| slots.copy_out(slot, out));
        if is_popped { Ok(()) } else { Err(Error::WouldBlock) }
    }

    /// Copies the oldest value to the beginning of `out`; waits for one.
    ///
    /// It waits until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`Consumer::peek_deadline`]. [`Error::BufferTooSmall`] when `out` is smaller than a
    /// value; the value then stays in the ring.
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

    /// What this half knows, for code that pops without a call: see [`Window`]. `None` where a half
    /// keeps nothing in mind, because the target has no caches.
    #[inline]
    pub fn window(&mut self) -> Option<Window> {
        let cursor = self.half.cursor();
        Some(self.slots.window(cursor.capacity(), cursor.words(), cursor.reach()?))
    }

    /// Goes on from where the caller has left the window.
    ///
    /// # Safety
    /// It is the half's last window. The caller has popped and looked as [`Window`] says, and the
    /// half has done nothing since it made the window.
    #[inline]
    pub unsafe fn resume(&mut self, window: &Window) {
        // SAFETY: the caller guarantees that it has popped the slots of the window up to its
        // position, and that those up to its end are filled.
        unsafe { self.half.cursor().resume(window.position, window.end) };
    }

    /// Ends the stream from this side, see [`Consumer::close`].
    pub fn close(self) {
        self.half.close();
    }
}
