//! The half of a ring that pops: one value, a slice, or values to be read in place.

use super::sides::ConsumerCursor;
use crate::Error;
use crate::finally::Finally;
use crate::storage::{Capacity, Counted};
use crate::sync::{CachePadded, Cached, SlotsRef};
use crate::wait::{Doorbell, Nobody, Register, Wait, Wake, lend_until, look_or_end};
use core::future::poll_fn;
use core::task::{Context, Poll};

/// The half that pops. It can move to another thread or context, and is used from one at a time.
///
/// `C` is how many slots its ring has, as in a [`Producer`](super::Producer).
///
/// ```
/// use ringway_core::ring::Ring;
/// let mut ring: Ring<_, 4> = Ring::new();
/// let (mut producer, mut consumer) = ring.split();
/// producer.try_push_slice(&[1, 2, 3]);
/// assert_eq!(consumer.front(), Some(&1));
/// assert_eq!(consumer.len(), 3);
/// consumer.clear();
/// assert!(consumer.is_empty());
/// ```
#[derive(Debug)]
pub struct Consumer<'a, T, W: Wake = Nobody, C = Counted> {
    cursor: CachePadded<ConsumerCursor<C, W>>,
    slots: SlotsRef<'a, T>,
}

// SAFETY: as for `Producer`.
unsafe impl<T: Send, C: Send, W: Wake + Sync> Send for Consumer<'_, T, W, C> {}

impl<'a, T, C: Capacity, W: Wake> Consumer<'a, T, W, C> {
    pub(super) fn new(cursor: ConsumerCursor<C, W>, slots: SlotsRef<'a, T>) -> Self {
        Consumer { cursor: CachePadded(cursor), slots }
    }

    /// Pops the oldest value, if there is one. Wait-free.
    #[inline]
    pub fn try_pop(&mut self) -> Option<T> {
        let head = self.cursor.0.first_filled()?;
        // SAFETY: the ownership rule: one is ready. `release_from` makes sure that it is not read again.
        let value = unsafe { self.slots.read(self.cursor.0.capacity(), head) };
        self.cursor.0.release_from(head, 1);
        Some(value)
    }

    /// Pops as many values as there are, at most `out.len()`, and returns how many. Wait-free.
    pub fn try_pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let n = self.cursor.0.capacity();
        let want = out.len().min(self.capacity()) as u32;
        let count = self.cursor.0.ready_batched(want, Cached::new(want)).min(want);
        if let Some((taken, _)) = out.split_at_mut_checked(count as usize) {
            if count > 0 {
                // SAFETY: the ownership rule: `count` are ready, which is the length of `taken`.
                unsafe { self.slots.copy_out(n, self.cursor.0.head(), taken) };
                self.cursor.0.release(count);
            }
        }
        count as usize
    }

    /// Pops every value that is in the ring now, one by one. Values that are left when it is dropped stay in the ring.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<_, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_push_slice(&[1, 2, 3]);
    /// assert_eq!(consumer.drain().take(2).sum::<i32>(), 3);
    /// assert_eq!(consumer.drain().collect::<Vec<_>>(), [3]);
    /// ```
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        let ready = self.len();
        (0..ready).map_while(|_| self.try_pop())
    }

    /// The `count` oldest values, in place. Nothing is consumed before [`ReadChunk::release`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there are fewer now, [`Error::MessageTooLarge`] when the ring has fewer slots.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<_, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_push_slice(&[1, 2, 3]);
    /// let available = consumer.len();
    /// let chunk = consumer.try_peek(available).unwrap();
    /// assert_eq!(chunk.as_slices().0, [1, 2, 3]);
    /// chunk.release(2); // the third stays
    /// assert_eq!(consumer.try_pop(), Some(3));
    /// ```
    #[inline]
    pub fn try_peek(&mut self, count: usize) -> Result<ReadChunk<'_, 'a, T, W, C>, Error> {
        let len = self.ready(count)?.ok_or(Error::WouldBlock)?;
        Ok(ReadChunk { consumer: self, len })
    }

    /// The oldest value, in place.
    pub fn front(&mut self) -> Option<&T> {
        self.ready(1).ok()??;
        let (n, head) = (self.cursor.0.capacity(), self.cursor.0.head());
        // SAFETY: the ownership rule: one is ready, and `&mut self` is borrowed for as long as the answer lives.
        let (first, _) = unsafe { self.slots.readable(n, head, 1) };
        first.first()
    }

    /// The values that are in the ring now, oldest first, in place.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<_, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_push_slice(&[1, 2, 3]);
    /// assert_eq!(consumer.iter().copied().max(), Some(3));
    /// assert_eq!(consumer.len(), 3);
    /// ```
    pub fn iter(&mut self) -> impl Iterator<Item = &T> {
        let (n, ready) = (self.cursor.0.capacity(), self.len() as u32);
        // SAFETY: the ownership rule: so many are ready, and `&mut self` is borrowed for as long as the slices live.
        let (first, second) = unsafe { self.slots.readable(n, self.cursor.0.head(), ready) };
        first.iter().chain(second)
    }

    /// Drops every value that is in the ring now, and wakes the producer.
    pub fn clear(&mut self) {
        let count = self.len() as u32;
        self.discard(count);
    }

    /// How many values can be popped now. The producer can only make it more.
    pub fn len(&mut self) -> usize {
        self.cursor.0.ready(self.cursor.0.n()) as usize
    }

    /// Whether there is nothing to pop now.
    pub fn is_empty(&mut self) -> bool {
        self.cursor.0.ready(1) == 0
    }

    /// How many values the ring holds when it is full.
    pub fn capacity(&self) -> usize {
        self.cursor.0.n() as usize
    }

    /// Whether the last producer closed its half or died, and nobody took it since. What it pushed
    /// can still be popped. One that has not come yet is not gone, nor is one that gave its half
    /// back.
    pub fn producer_is_gone(&self) -> bool {
        self.cursor.0.peer_is_gone()
    }

    /// Takes no more: the producer's forms that wait answer [`PushError::Closed`](super::PushError::Closed). Values that are
    /// left stay. A consumer that is taken later opens the ring again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// `count`, if so many are ready.
    #[inline]
    fn ready(&mut self, count: usize) -> Result<Option<u32>, Error> {
        let max = self.capacity();
        if count > max {
            return Err(Error::MessageTooLarge { max });
        }
        let want = count as u32;
        Ok((self.cursor.0.ready_batched(want, Cached::new(want)) >= want).then_some(want))
    }

    /// What this side sleeps on.
    fn bell(&self) -> &'a Doorbell<W> {
        // SAFETY: the half borrows the ring, for `'a`.
        unsafe { self.cursor.0.bell() }
    }

    /// A value, or why there will be none; `None` when one may come.
    fn pop_or_end(&mut self) -> Option<Result<T, Error>> {
        look_or_end(self, |this| this.try_pop().map(Ok), |this| this.cursor.0.end().map(Err))
    }

    /// Whether `count` are ready, or why they will not be; `None` when they may be later.
    fn peek_or_end(&mut self, count: usize) -> Option<Result<u32, Error>> {
        let ready = |this: &mut Self| this.ready(count).transpose();
        look_or_end(self, ready, |this| this.cursor.0.end().map(Err))
    }

    /// Drops the oldest `count` values, which are ready, and gives their slots back; also when a value panics as it is
    /// dropped.
    fn discard(&mut self, count: u32) {
        let (n, head) = (self.cursor.0.capacity(), self.cursor.0.head());
        let _release = Finally(|| self.cursor.0.release(count));
        if core::mem::needs_drop::<T>() {
            // SAFETY: the ownership rule: `count` are ready. `release` makes sure that they are not read again.
            unsafe { self.slots.drop_values(n, head, count) };
        }
    }
}

impl<'a, T, C: Capacity, W: Wait> Consumer<'a, T, W, C> {
    /// Pops the oldest value; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped;
    /// [`Error::Corrupt`].
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::Spin;
    /// let mut ring = Ring::<_, 4, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || {
    ///         producer.push(1).unwrap();
    ///         producer.close();
    ///     });
    ///     assert_eq!(consumer.pop(), Ok(1));
    ///     assert_eq!(consumer.pop(), Err(Error::EndOfFile));
    /// });
    /// ```
    pub fn pop(&mut self) -> Result<T, Error> {
        self.pop_deadline(None)
    }

    /// Pops the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped,
    /// [`Error::TimedOut`] when none came in time.
    pub fn pop_deadline(&mut self, deadline: Option<W::Deadline>) -> Result<T, Error> {
        self.bell().wait_until(deadline, || self.pop_or_end())?
    }

    /// [`try_peek`](Self::try_peek); waits until there are `count`.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and there are fewer; what there is can be popped.
    /// [`Error::MessageTooLarge`] when the ring has fewer slots, [`Error::Corrupt`].
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::Spin;
    /// let mut ring = Ring::<[u8; 4096], 4, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || producer.push([7; 4096]).unwrap());
    ///     let chunk = consumer.peek(1).unwrap();
    ///     assert_eq!(chunk.as_slices().0[0][4095], 7); // where it lies
    ///     chunk.release(1);
    /// });
    /// ```
    pub fn peek(&mut self, count: usize) -> Result<ReadChunk<'_, 'a, T, W, C>, Error> {
        self.peek_deadline(count, None)
    }

    /// [`peek`](Self::peek), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `peek`, and [`Error::TimedOut`].
    pub fn peek_deadline(
        &mut self,
        count: usize,
        deadline: Option<W::Deadline>,
    ) -> Result<ReadChunk<'_, 'a, T, W, C>, Error> {
        let len = self.bell().wait_until(deadline, || self.peek_or_end(count))??;
        Ok(ReadChunk { consumer: self, len })
    }
}

impl<'a, T, C: Capacity, W: Register> Consumer<'a, T, W, C> {
    /// Pops the oldest value, or has the task woken when one may be there.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped;
    /// [`Error::Corrupt`].
    pub fn poll_pop(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.bell().poll_until(cx, || self.pop_or_end())
    }

    /// Pops the oldest value; awaits one. Cancelled, it consumes nothing.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped;
    /// [`Error::Corrupt`].
    pub fn pop_async(&mut self) -> impl Future<Output = Result<T, Error>> {
        poll_fn(|cx| self.poll_pop(cx))
    }

    /// [`peek`](Self::peek) for a task: answers, or has the task woken when there may be so many.
    ///
    /// # Errors
    /// As `peek`.
    pub fn poll_peek(
        &mut self,
        cx: &mut Context<'_>,
        count: usize,
    ) -> Poll<Result<ReadChunk<'_, 'a, T, W, C>, Error>> {
        let ready = self.bell().poll_until(cx, || self.peek_or_end(count));
        ready.map_ok(|len| ReadChunk { consumer: self, len })
    }

    /// [`peek`](Self::peek); awaits so many.
    ///
    /// # Errors
    /// As `peek`.
    pub fn peek_async<'c>(
        &'c mut self,
        count: usize,
    ) -> impl Future<Output = Result<ReadChunk<'c, 'a, T, W, C>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.bell().poll_until(cx, || this.peek_or_end(count))
        };
        lend_until(self, poll, |this, ready| ready.map(|len| ReadChunk { consumer: this, len }))
    }
}

/// The oldest values, in place. Dropped without a release, it consumes nothing.
#[derive(Debug)]
#[must_use = "a chunk that is dropped consumes nothing"]
pub struct ReadChunk<'c, 'a, T, W: Wake, C: Capacity> {
    consumer: &'c mut Consumer<'a, T, W, C>,
    len: u32,
}

impl<T, C: Capacity, W: Wake> ReadChunk<'_, '_, T, W, C> {
    /// The values, oldest first, as two runs of memory; the second is empty unless the ring's end lies between.
    pub fn as_slices(&self) -> (&[T], &[T]) {
        let cursor = &self.consumer.cursor.0;
        // SAFETY: the ownership rule: the chunk's values are ready; the slices borrow the chunk.
        unsafe { self.consumer.slots.readable(cursor.capacity(), cursor.head(), self.len) }
    }

    /// Which slot the oldest value is in.
    #[cfg(not(loom))]
    pub(super) fn slot(&self) -> u32 {
        let cursor = &self.consumer.cursor.0;
        super::position::offset(cursor.capacity(), cursor.head())
    }

    /// How many values the chunk has.
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the chunk has no value: it was asked for none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Drops the oldest `count` values of the chunk and gives their slots back to the producer. More than the chunk
    /// has count as all it has.
    pub fn release(self, count: usize) {
        let count = count.min(self.len as usize) as u32;
        #[cfg(loom)]
        self.as_slices();
        self.consumer.discard(count);
    }
}
