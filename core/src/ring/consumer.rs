//! The half of a ring that pops: one value, a slice, or values to be read in place.

use super::inner::{self, CapacityOf, RingInner, RingRef};
#[cfg(not(loom))]
use super::position;
use super::sides::{ConsumerCursor, Header, Span};
use crate::Error;
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::{CachePadded, Cached, SlotsRef};
use crate::wait::{Register, TimedOut, Wait, lend_until, look_or_end};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

/// The half that pops. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which the half reaches its ring and keeps it, as for a
/// [`Producer`](super::Producer).
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
pub struct Consumer<R: RingRef> {
    cursor: CachePadded<ConsumerCursor<CapacityOf<R>, R::Wake>>,
    /// Keeps the ring, to which the cursor points. It is the last field, so that it is dropped
    /// last.
    owner: R,
}

// SAFETY: by the ownership rule, a value passes from one side to the other, and one side at a time
// touches it. So `T: Send` is enough. The pointer in the cursor leads to what the owner keeps, and
// the owner is `Send`. Both sides use `W`, which is `Sync`.
unsafe impl<R: RingRef<Value: Send, Wake: Sync> + Send> Send for Consumer<R> {}

impl<R: RingRef> fmt::Debug for Consumer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

impl<R: RingRef> Consumer<R> {
    /// Takes the consumer's half of the ring that `owner` refers to; `None` while somebody holds
    /// it.
    ///
    /// The half is held for the owner's [`participant`](crate::storage::StableRef::participant). It
    /// contains the owner.
    pub fn new(owner: R) -> Option<Self> {
        let me = owner.participant();
        Self::take(owner, me)
    }

    /// As [`new`](Self::new), for the participant `me`.
    pub(super) fn take(owner: R, me: Participant) -> Option<Self> {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor.
        let cursor = unsafe { Header::take_consumer(header, n, me) }?;
        Some(Consumer { cursor: CachePadded(cursor), owner })
    }

    /// The consumer's half of the ring that `owner` refers to, which was taken already.
    ///
    /// # Safety
    /// The half is taken, and nothing else uses it.
    pub(super) unsafe fn from_taken(owner: R) -> Self {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor. The caller
        // guarantees that there is no other consumer.
        let cursor = unsafe { ConsumerCursor::new(header, n) };
        Consumer { cursor: CachePadded(cursor), owner }
    }

    #[inline(always)]
    fn slots(&self) -> SlotsRef<'_, R::Value> {
        // SAFETY: the cursor was made from a pointer to the whole ring. The owner keeps the ring
        // while the half exists.
        unsafe { inner::slots(self.cursor.0.header_ptr()) }
    }

    /// Pops the oldest value, if there is one. Wait-free.
    #[inline]
    pub fn try_pop(&mut self) -> Option<R::Value> {
        let head = self.cursor.0.first_filled()?;
        // SAFETY: the ownership rule: `first_filled` has found this slot filled. `release_first`
        // prevents a second read of it.
        let value = unsafe { self.slots().read(self.cursor.0.capacity(), head) };
        self.cursor.0.release_first(head);
        Some(value)
    }

    /// Has `read` read the oldest value, the index of whose slot it gets, and pops that. Returns
    /// whether there is one.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) fn try_pop_by(&mut self, read: impl FnOnce(u32)) -> bool {
        let Some(head) = self.cursor.0.first_filled() else { return false };
        read(position::offset(self.cursor.0.capacity(), head));
        self.cursor.0.release_first(head);
        true
    }

    /// The cursor, for a [`Window`](super::Window).
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) fn cursor(&mut self) -> &mut ConsumerCursor<CapacityOf<R>, R::Wake> {
        &mut self.cursor.0
    }

    /// Pops as many values as there are, at most `out.len()`, and returns their number. Wait-free.
    pub fn try_pop_slice(&mut self, out: &mut [R::Value]) -> usize
    where
        R::Value: Copy,
    {
        let n = self.cursor.0.capacity();
        let want = out.len().min(self.cursor.0.n() as usize) as u32;
        let ready = self.cursor.0.ready_batched(want, Cached::new(want));
        let count = ready.len.min(want);
        if let Some((taken, _)) = out.split_at_mut_checked(count as usize) {
            if count > 0 {
                // SAFETY: the ownership rule: `count` slots are ready, and `taken` has room for
                // `count`.
                unsafe { self.slots().copy_out(n, ready.at, taken) };
                self.cursor.0.release(ready.first(count));
            }
        }
        count as usize
    }

    /// Pops every value that is in the ring now, one by one.
    ///
    /// Values that are left when the iterator is dropped stay in the ring.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<_, 4> = Ring::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_push_slice(&[1, 2, 3]);
    /// assert_eq!(consumer.drain().take(2).sum::<i32>(), 3);
    /// assert_eq!(consumer.drain().collect::<Vec<_>>(), [3]);
    /// ```
    pub fn drain(&mut self) -> impl Iterator<Item = R::Value> {
        let ready = self.len();
        (0..ready).map_while(|_| self.try_pop())
    }

    /// The `count` oldest values, in place. Nothing is consumed before [`ReadChunk::release`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there are fewer values now, [`Error::MessageTooLarge`] when the
    /// ring has fewer slots.
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
    pub fn try_peek(&mut self, count: usize) -> Result<ReadChunk<'_, R>, Error> {
        let values = self.ready(count)?.ok_or(Error::WouldBlock)?;
        Ok(ReadChunk { consumer: self, values })
    }

    /// The oldest value, in place.
    pub fn front(&mut self) -> Option<&R::Value> {
        let Span { at, len } = self.ready(1).ok()??;
        let n = self.cursor.0.capacity();
        // SAFETY: the ownership rule: one slot is ready. The reference borrows `&mut self`, so that
        // the slot is not released while it is in use.
        let (first, _) = unsafe { self.slots().readable(n, at, len) };
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
    pub fn iter(&mut self) -> impl Iterator<Item = &R::Value> {
        let (n, Span { at, len }) = (self.cursor.0.capacity(), self.all());
        // SAFETY: the ownership rule: `len` slots are ready. The iterator borrows `&mut self`, so
        // that they are not released while it is in use.
        let (first, second) = unsafe { self.slots().readable(n, at, len) };
        first.iter().chain(second)
    }

    /// Drops every value that is in the ring now, and wakes the producer.
    pub fn clear(&mut self) {
        let all = self.all();
        self.discard(all);
    }

    /// Every value that is in the ring now.
    fn all(&mut self) -> Span {
        self.cursor.0.ready(self.cursor.0.n())
    }

    /// The number of values that can be popped now. The producer can only increase it.
    pub fn len(&mut self) -> usize {
        self.all().len as usize
    }

    /// Whether there is nothing to pop now.
    pub fn is_empty(&mut self) -> bool {
        self.cursor.0.ready(1).len == 0
    }

    /// The ring of which this is a half.
    pub fn ring(&self) -> &RingInner<R::Storage, R::Wake> {
        self.owner.get()
    }

    /// Ends the stream from this side.
    ///
    /// The producer's calls that wait return [`PushError::Closed`](super::PushError::Closed).
    /// Values that are left stay in the ring. A consumer that is taken later opens the ring again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// The `count` oldest values, if that many are ready.
    #[inline]
    fn ready(&mut self, count: usize) -> Result<Option<Span>, Error> {
        let max = self.cursor.0.n() as usize;
        if count > max {
            return Err(Error::MessageTooLarge { max });
        }
        let want = count as u32;
        let ready = self.cursor.0.ready_batched(want, Cached::new(want));
        Ok((ready.len >= want).then_some(ready.first(want)))
    }

    /// A value, or why there will be none. `None` when a value may come.
    fn pop_or_end(&mut self) -> Option<Result<R::Value, Error>> {
        look_or_end(self, |this| this.try_pop().map(Ok), |this| this.cursor.0.end().map(Err))
    }

    /// The `count` oldest values, or why they will not be there. `None` when they may come.
    fn peek_or_end(&mut self, count: usize) -> Option<Result<Span, Error>> {
        let ready = |this: &mut Self| this.ready(count).transpose();
        look_or_end(self, ready, |this| this.cursor.0.end().map(Err))
    }

    /// Drops the oldest values, which are ready. Gives their slots back, even when the drop of a
    /// value panics.
    fn discard(&mut self, values: Span) {
        if values.len == 0 {
            return;
        }
        let cursor = &mut self.cursor.0;
        let n = cursor.capacity();
        // SAFETY: the cursor was made from a pointer to the whole ring. The owner keeps the ring
        // while the half exists.
        let slots = unsafe { inner::slots::<R::Value, _>(cursor.header_ptr()) };
        let _release = Finally(|| cursor.release(values));
        if core::mem::needs_drop::<R::Value>() {
            // SAFETY: the ownership rule: these slots are ready. `release` prevents another read of
            // them.
            unsafe { slots.drop_values(n, values.at, values.len) };
        }
    }
}

impl<R: RingRef<Wake: Wait>> Consumer<R> {
    /// Pops the oldest value; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped,
    /// [`Error::Corrupt`] when the memory was corrupted.
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
    pub fn pop(&mut self) -> Result<R::Value, Error> {
        self.pop_deadline(None)
    }

    /// Pops the oldest value; waits for one until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped,
    /// [`Error::TimedOut`] when no value came in time, [`Error::Corrupt`] when the memory was
    /// corrupted.
    pub fn pop_deadline(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<R::Value, Error> {
        self.wait(deadline, Self::pop_or_end)?
    }

    /// The `count` oldest values, in place; waits until there are that many.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and there are fewer values, which can
    /// still be popped. [`Error::MessageTooLarge`] when the ring has fewer slots,
    /// [`Error::Corrupt`] when the memory was corrupted.
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
    pub fn peek(&mut self, count: usize) -> Result<ReadChunk<'_, R>, Error> {
        self.peek_deadline(count, None)
    }

    /// As [`peek`](Self::peek), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `peek`, and [`Error::TimedOut`].
    pub fn peek_deadline(
        &mut self,
        count: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<ReadChunk<'_, R>, Error> {
        let values = self.wait(deadline, |this| this.peek_or_end(count))??;
        Ok(ReadChunk { consumer: self, values })
    }

    /// Waits until `attempt` returns an answer, until `deadline` at most.
    fn wait<A>(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
        mut attempt: impl FnMut(&mut Self) -> Option<A>,
    ) -> Result<A, TimedOut> {
        // SAFETY: `&mut self` borrows the half while the bell is in use, so that the cursor lives.
        unsafe { self.cursor.0.bell() }.wait_until(deadline, || attempt(self))
    }
}

impl<R: RingRef<Wake: Register>> Consumer<R> {
    /// Pops the oldest value, or has the task woken when there may be one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped,
    /// [`Error::Corrupt`] when the memory was corrupted.
    pub fn poll_pop(&mut self, cx: &mut Context<'_>) -> Poll<Result<R::Value, Error>> {
        self.poll(cx, Self::pop_or_end)
    }

    /// Pops the oldest value; awaits one. If the future is dropped, nothing is consumed.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped,
    /// [`Error::Corrupt`] when the memory was corrupted.
    pub fn pop_async(&mut self) -> impl Future<Output = Result<R::Value, Error>> {
        poll_fn(|cx| self.poll_pop(cx))
    }

    /// As [`peek`](Self::peek), but awaits the `count` values.
    ///
    /// If the future is dropped, every value stays in the ring.
    ///
    /// # Errors
    /// Those of `peek`.
    pub fn peek_async<'c>(
        &'c mut self,
        count: usize,
    ) -> impl Future<Output = Result<ReadChunk<'c, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.peek_or_end(count))
        };
        lend_until(self, poll, |this, ready| {
            ready.map(|values| ReadChunk { consumer: this, values })
        })
    }

    /// Returns what `attempt` answers. Without an answer, it has the task woken when there may be
    /// one.
    fn poll<A>(
        &mut self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut Self) -> Option<A>,
    ) -> Poll<A> {
        // SAFETY: `&mut self` borrows the half while the bell is in use, so that the cursor lives.
        unsafe { self.cursor.0.bell() }.poll_until(cx, || attempt(self))
    }
}

/// The oldest values, in place. Dropped without a release, the chunk consumes nothing.
#[must_use = "a chunk that is dropped consumes nothing"]
pub struct ReadChunk<'c, R: RingRef> {
    consumer: &'c mut Consumer<R>,
    values: Span,
}

impl<R: RingRef> fmt::Debug for ReadChunk<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChunk").field("len", &self.values.len).finish()
    }
}

impl<R: RingRef> ReadChunk<'_, R> {
    /// The values, oldest first, as two runs of memory.
    ///
    /// The second run is empty unless the values go past the end of the ring's memory.
    pub fn as_slices(&self) -> (&[R::Value], &[R::Value]) {
        let (n, Span { at, len }) = (self.consumer.cursor.0.capacity(), self.values);
        // SAFETY: the ownership rule: the chunk's values are ready. The slices borrow the chunk, so
        // that they are not released while the slices are in use.
        unsafe { self.consumer.slots().readable(n, at, len) }
    }

    /// The index of the slot with the oldest value.
    #[cfg(not(loom))]
    pub(super) fn slot(&self) -> u32 {
        super::position::offset(self.consumer.cursor.0.capacity(), self.values.at)
    }

    /// Drops the oldest `count` values of the chunk and gives their slots back to the producer.
    ///
    /// If the chunk has fewer than `count` values, it drops all of them.
    pub fn release(self, count: usize) {
        let count = count.min(self.values.len as usize) as u32;
        #[cfg(loom)]
        self.as_slices();
        self.consumer.discard(self.values.first(count));
    }
}
