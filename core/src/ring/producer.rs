//! The half of a ring that pushes: one value, a slice, or slots to be filled in place.

use super::error::{Full, PushError};
use super::position;
use super::sides::ProducerCursor;
use crate::Error;
use crate::storage::{Capacity, Counted};
use crate::sync::{CachePadded, SlotsRef};
use crate::wait::{Doorbell, Nobody, Register, Wait, Wake, lend_until};
use core::future::poll_fn;
use core::mem::MaybeUninit;
use core::task::{Context, Poll};

/// The half that pushes. It can move to another thread or context, and is used from one at a time.
///
/// `C` is how many slots its ring has: a number that a half of a [`RingView`](super::RingView) knows, or
/// [`Fixed`](crate::storage::Fixed) in a half of a [`Ring`](super::Ring), whose code is the smaller for it.
///
/// ```
/// use ringway_core::ring::Ring;
/// let mut ring: Ring<_, 3> = Ring::new();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.try_push_slice(&[1, 2, 3, 4]), 3);
/// assert_eq!(producer.room(), 0);
/// ```
#[derive(Debug)]
pub struct Producer<'a, T, W: Wake = Nobody, C = Counted> {
    cursor: CachePadded<ProducerCursor<C, W>>,
    slots: SlotsRef<'a, T>,
}

// SAFETY: as for the ring: values pass from side to side by the ownership rule. The raw pointer inside is a borrow
// of the ring's slots.
unsafe impl<T: Send, C: Send, W: Wake + Sync> Send for Producer<'_, T, W, C> {}

impl<'a, T, C: Capacity, W: Wake> Producer<'a, T, W, C> {
    pub(super) fn new(cursor: ProducerCursor<C, W>, slots: SlotsRef<'a, T>) -> Self {
        Producer { cursor: CachePadded(cursor), slots }
    }

    /// Pushes one value. Wait-free.
    ///
    /// # Errors
    /// [`Full`] with the value, when there is no room.
    #[inline]
    pub fn try_push(&mut self, value: T) -> Result<(), Full<T>> {
        let Some(tail) = self.cursor.0.first_free() else { return Err(Full(value)) };
        // SAFETY: the ownership rule: there is room for one.
        unsafe { self.slots.write(self.cursor.0.capacity(), tail, value) };
        self.cursor.0.publish_from(tail, 1);
        Ok(())
    }

    /// Pushes as many of `values` as there is room for, in one publication, and returns how many. Wait-free.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<u32, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// assert_eq!(producer.try_push_slice(&[1, 2, 3]), 3);
    /// let mut out = [0; 8];
    /// assert_eq!(consumer.try_pop_slice(&mut out), 3);
    /// assert_eq!(out[..3], [1, 2, 3]);
    /// ```
    pub fn try_push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let n = self.cursor.0.capacity();
        let want = values.len().min(self.capacity()) as u32;
        let count = self.cursor.0.room(want).min(want);
        let (taken, _) = values.split_at_checked(count as usize).unwrap_or((values, &[]));
        if count > 0 {
            // SAFETY: the ownership rule: there is room for `count`, which is the length of `taken`.
            unsafe { self.slots.copy_in(n, self.cursor.0.tail(), taken) };
            self.cursor.0.publish(count);
        }
        count as usize
    }

    /// Reserves `count` slots to be filled in place. The consumer sees nothing before [`WriteChunk::commit`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is less room now, [`Error::MessageTooLarge`] when the ring has fewer slots.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<_, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// let mut chunk = producer.try_reserve(3).unwrap();
    /// chunk.push('a').unwrap();
    /// chunk.push('b').unwrap();
    /// assert_eq!(chunk.commit(), 2); // the third slot is not used
    /// assert_eq!(consumer.try_pop(), Some('a'));
    /// ```
    #[inline]
    pub fn try_reserve(&mut self, count: usize) -> Result<WriteChunk<'_, 'a, T, W, C>, Error> {
        let max = self.capacity();
        if count > max {
            return Err(Error::MessageTooLarge { max });
        }
        let len = count as u32;
        if self.cursor.0.room(len) < len {
            return Err(Error::WouldBlock);
        }
        Ok(WriteChunk { producer: self, len, filled: 0 })
    }

    /// How many values can be pushed now. The consumer can only make it more.
    pub fn room(&mut self) -> usize {
        self.cursor.0.room(self.cursor.0.n()) as usize
    }

    /// How many values the ring holds when it is full.
    pub fn capacity(&self) -> usize {
        self.cursor.0.n() as usize
    }

    /// Whether the last consumer closed its half or died, and nobody took it since. One that has
    /// not come yet is not gone, nor is one that gave its half back.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<u8, 4> = Ring::new();
    /// let (producer, consumer) = ring.split();
    /// assert!(!producer.consumer_is_gone());
    /// consumer.close();
    /// assert!(producer.consumer_is_gone());
    /// ```
    pub fn consumer_is_gone(&self) -> bool {
        self.cursor.0.peer_is_gone()
    }

    /// Ends the stream: the consumer gets what was pushed, and then its forms that wait answer
    /// [`EndOfFile`](Error::EndOfFile). A producer that is taken later opens the stream again.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::Spin;
    /// static RING: Ring<u8, 4, Spin> = Ring::new();
    /// let mut consumer = RING.consumer().unwrap();
    /// RING.producer().unwrap().push(1).unwrap(); // given back: others may go on
    /// RING.producer().unwrap().close();
    /// assert_eq!(consumer.pop(), Ok(1));
    /// assert_eq!(consumer.pop(), Err(Error::EndOfFile));
    /// ```
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// What this side sleeps on.
    fn bell(&self) -> &'a Doorbell<W> {
        // SAFETY: the half borrows the ring, for `'a`.
        unsafe { self.cursor.0.bell() }
    }

    /// Pushes what is in `left`, or says why that can never be; `None`, and the value stays there, when there may be room
    /// later.
    fn push_or_end(&mut self, left: &mut Option<T>) -> Option<Result<(), PushError<T>>> {
        let value = left.take()?;
        if self.consumer_is_gone() {
            return Some(Err(PushError::Closed(value)));
        }
        match self.try_push(value) {
            Ok(()) => Some(Ok(())),
            Err(Full(value)) if self.cursor.0.peer_is_corrupt() => {
                Some(Err(PushError::Corrupt(value)))
            }
            Err(Full(value)) => {
                *left = Some(value);
                None
            }
        }
    }

    /// Whether there is room for `count`, or why there can never be; `None` when there may be later.
    fn room_or_end(&mut self, count: usize) -> Option<Result<u32, Error>> {
        let max = self.capacity();
        if count > max {
            return Some(Err(Error::MessageTooLarge { max }));
        }
        let len = count as u32;
        self.cursor.0.room_or_end(|cursor| (cursor.room(len) >= len).then_some(len))
    }
}

impl<'a, T, C: Capacity, W: Wait> Producer<'a, T, W, C> {
    /// Pushes one value; waits for room.
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died.
    pub fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.push_deadline(value, None)
    }

    /// Pushes one value; waits for room, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died, [`PushError::TimedOut`] when there
    /// was no room in time.
    ///
    /// ```
    /// use ringway_core::ring::{PushError, Ring};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mut ring = Ring::<_, 1, SpinClock<Hundred>>::new();
    /// let (mut producer, _consumer) = ring.split();
    /// assert_eq!(producer.push_deadline(1, Some(50)), Ok(()), "a deadline of the past is a try");
    /// assert_eq!(producer.push_deadline(2, Some(50)), Err(PushError::TimedOut(2)));
    /// ```
    pub fn push_deadline(
        &mut self,
        value: T,
        deadline: Option<W::Deadline>,
    ) -> Result<(), PushError<T>> {
        let bell = self.bell();
        let mut left = Some(value);
        let waited = bell.wait_until(deadline, || self.push_or_end(&mut left));
        match (waited, left) {
            (Ok(answer), _) => answer,
            (Err(_), Some(value)) => Err(PushError::TimedOut(value)),
            // Not reached: without an answer the value is still here.
            (Err(_), None) => Ok(()),
        }
    }

    /// [`try_reserve`](Self::try_reserve); waits for room.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died, [`Error::MessageTooLarge`] when the ring has fewer slots,
    /// [`Error::Corrupt`].
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::Spin;
    /// let mut ring = Ring::<[u8; 4096], 4, Spin>::new();
    /// let (mut producer, consumer) = ring.split();
    /// let mut chunk = producer.reserve(1).unwrap();
    /// chunk.fill([[7; 4096]]); // made where it is to lie
    /// chunk.commit();
    /// consumer.close();
    /// assert_eq!(producer.reserve(1).unwrap_err(), Error::BrokenPipe);
    /// ```
    pub fn reserve(&mut self, count: usize) -> Result<WriteChunk<'_, 'a, T, W, C>, Error> {
        self.reserve_deadline(count, None)
    }

    /// [`reserve`](Self::reserve), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `reserve`, and [`Error::TimedOut`].
    pub fn reserve_deadline(
        &mut self,
        count: usize,
        deadline: Option<W::Deadline>,
    ) -> Result<WriteChunk<'_, 'a, T, W, C>, Error> {
        let bell = self.bell();
        let len = bell.wait_until(deadline, || self.room_or_end(count))??;
        Ok(WriteChunk { producer: self, len, filled: 0 })
    }
}

impl<'a, T, C: Capacity, W: Register> Producer<'a, T, W, C> {
    /// Pushes the value in `value`, or leaves it there and has the task woken when there may be room.
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::task::{Context, Waker};
    /// let mut ring = Ring::<_, 1, Async<Spin>>::new();
    /// let (mut producer, _consumer) = ring.split();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(producer.poll_push(&mut cx, &mut Some(1)).is_ready());
    /// let mut second = Some(2);
    /// assert!(producer.poll_push(&mut cx, &mut second).is_pending());
    /// assert_eq!(second, Some(2));
    /// ```
    pub fn poll_push(
        &mut self,
        cx: &mut Context<'_>,
        value: &mut Option<T>,
    ) -> Poll<Result<(), PushError<T>>> {
        if value.is_none() {
            return Poll::Ready(Ok(()));
        }
        let bell = self.bell();
        bell.poll_until(cx, || self.push_or_end(value))
    }

    /// Pushes one value; awaits room. Cancelled, it drops the value and pushes nothing; to keep the value, use
    /// [`poll_push`](Self::poll_push).
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died.
    pub fn push_async(&mut self, value: T) -> impl Future<Output = Result<(), PushError<T>>> {
        // Not an `async fn`: the compiler gives those a panic for a poll after the end.
        let mut left = Some(value);
        poll_fn(move |cx| self.poll_push(cx, &mut left))
    }

    /// [`reserve`](Self::reserve) for a task: answers, or has the task woken when there may be room.
    ///
    /// # Errors
    /// As `reserve`.
    pub fn poll_reserve(
        &mut self,
        cx: &mut Context<'_>,
        count: usize,
    ) -> Poll<Result<WriteChunk<'_, 'a, T, W, C>, Error>> {
        let bell = self.bell();
        let room = bell.poll_until(cx, || self.room_or_end(count));
        room.map_ok(|len| WriteChunk { producer: self, len, filled: 0 })
    }

    /// [`reserve`](Self::reserve); awaits room. Cancelled, it has reserved nothing.
    ///
    /// # Errors
    /// As `reserve`.
    pub fn reserve_async<'p>(
        &'p mut self,
        count: usize,
    ) -> impl Future<Output = Result<WriteChunk<'p, 'a, T, W, C>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.bell().poll_until(cx, || this.room_or_end(count))
        };
        lend_until(self, poll, |this, room| {
            room.map(|len| WriteChunk { producer: this, len, filled: 0 })
        })
    }
}

/// Reserved slots, filled front to back. Dropped without a commit, it gives nothing to the consumer, and drops what
/// was put in.
#[derive(Debug)]
#[must_use = "a chunk that is dropped commits nothing"]
pub struct WriteChunk<'c, 'a, T, W: Wake, C: Capacity> {
    producer: &'c mut Producer<'a, T, W, C>,
    len: u32,
    filled: u32,
}

impl<T, C: Capacity, W: Wake> WriteChunk<'_, '_, T, W, C> {
    /// The position of the first slot that is not filled.
    #[inline(always)]
    fn next(&self) -> u32 {
        let cursor = &self.producer.cursor.0;
        position::advance(cursor.capacity(), cursor.tail(), self.filled)
    }

    /// Which slot is the first that is not filled.
    #[cfg(not(loom))]
    pub(super) fn slot(&self) -> u32 {
        position::offset(self.producer.cursor.0.capacity(), self.next())
    }

    /// Puts a value into the next slot.
    ///
    /// # Errors
    /// The value, when every slot of the chunk is filled.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.filled == self.len {
            return Err(value);
        }
        // SAFETY: the ownership rule: the chunk's slots are part of the room, and this one is not filled yet.
        unsafe { self.producer.slots.write(self.producer.cursor.0.capacity(), self.next(), value) };
        self.filled += 1;
        Ok(())
    }

    /// Puts values into the slots until the chunk is full or the iterator ends; returns how many.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<u32, 8> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// let mut chunk = producer.try_reserve(4).unwrap();
    /// assert_eq!(chunk.fill(1..), 4);
    /// chunk.commit();
    /// assert_eq!(consumer.len(), 4);
    /// ```
    pub fn fill(&mut self, values: impl IntoIterator<Item = T>) -> usize {
        let before = self.filled;
        let mut values = values.into_iter();
        let (n, at) = (self.producer.cursor.0.capacity(), self.next());
        // SAFETY: the ownership rule: the chunk's slots are part of the room, and these are not filled yet.
        let (first, second) =
            unsafe { self.producer.slots.writable(n, at, self.len - self.filled) };
        for run in [first, second] {
            // The slot first: a value that has none is not drawn from the iterator.
            for (slot, value) in run.iter_mut().zip(values.by_ref()) {
                slot.write(value);
                self.filled += 1;
            }
        }
        (self.filled - before) as usize
    }

    /// How many slots the chunk has left to fill.
    pub const fn slots_left(&self) -> usize {
        (self.len - self.filled) as usize
    }

    /// The slots that are not filled yet, as two runs of memory in order, for a DMA transfer or a `memcpy`. Follow it
    /// with [`assume_filled`](Self::assume_filled).
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<u8, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// let mut chunk = producer.try_reserve(2).unwrap();
    /// let (first, _second) = chunk.as_uninit();
    /// first.iter_mut().for_each(|slot| { slot.write(7); });
    /// // SAFETY: both slots were written, and they lie in the first run.
    /// unsafe { chunk.assume_filled(2) };
    /// assert_eq!(chunk.commit(), 2);
    /// assert_eq!(consumer.try_pop(), Some(7));
    /// ```
    pub fn as_uninit(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        let (n, at) = (self.producer.cursor.0.capacity(), self.next());
        // SAFETY: the ownership rule: the chunk's slots are part of the room; the slices borrow the chunk.
        unsafe { self.producer.slots.writable(n, at, self.len - self.filled) }
    }

    /// Says that the next `count` slots were filled through [`as_uninit`](Self::as_uninit). More than are left count
    /// as all that are left.
    ///
    /// # Safety
    /// The caller has initialized those slots.
    pub unsafe fn assume_filled(&mut self, count: usize) {
        self.filled += count.min(self.slots_left()) as u32;
    }

    /// Gives what was filled to the consumer, in one publication, and returns how many that are. Slots not filled stay
    /// free.
    pub fn commit(mut self) -> usize {
        let filled = self.filled;
        if filled > 0 {
            let cursor = &mut self.producer.cursor.0;
            // For loom: the slots were written until now.
            self.producer.slots.runs_to_write(cursor.capacity(), cursor.tail(), filled);
            // Emptied first: what is the consumer's is not ours to drop.
            self.filled = 0;
            self.producer.cursor.0.publish(filled);
        }
        filled as usize
    }
}

impl<T, C: Capacity, W: Wake> Drop for WriteChunk<'_, '_, T, W, C> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() && self.filled > 0 {
            let cursor = &self.producer.cursor.0;
            // SAFETY: these slots were filled and not published, so that they are ours, and initialized. They count
            // as free again afterwards.
            unsafe {
                self.producer.slots.drop_values(cursor.capacity(), cursor.tail(), self.filled)
            };
        }
    }
}
