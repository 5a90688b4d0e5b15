//! The half of a ring that pops: one value, a slice, or values to be read in place.

use super::inner::{self, CapacityOf, RingInner, RingRef};
use super::sides::{ConsumerCursor, Header};
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
/// `R` is the reference by which it reaches its ring and keeps it, as in a
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
    /// Keeps the ring, which the cursor points to. The last field, which is dropped last.
    owner: R,
}

// SAFETY: as for `Producer`.
unsafe impl<R: RingRef<Value: Send, Wake: Sync> + Send> Send for Consumer<R> {}

impl<R: RingRef> fmt::Debug for Consumer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

impl<R: RingRef> Consumer<R> {
    /// The half of the ring that `owner` refers to, taken for its
    /// [`participant`](crate::storage::StableRef::participant); `None` while somebody has it. It
    /// has the owner with it.
    pub fn new(owner: R) -> Option<Self> {
        let me = owner.participant();
        Self::take(owner, me)
    }

    /// The same, for `me`.
    pub(super) fn take(owner: R, me: Participant) -> Option<Self> {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor.
        let cursor = unsafe { Header::take_consumer(header, n, me) }?;
        Some(Consumer { cursor: CachePadded(cursor), owner })
    }

    /// The half of the ring that `owner` refers to.
    ///
    /// # Safety
    /// The half was taken, and nobody has it.
    pub(super) unsafe fn of_taken(owner: R) -> Self {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: as in `take`.
        let cursor = unsafe { ConsumerCursor::new(header, n) };
        Consumer { cursor: CachePadded(cursor), owner }
    }

    #[inline(always)]
    fn slots(&self) -> SlotsRef<'_, R::Value> {
        // SAFETY: the cursor was made of a pointer to all of the ring, which is there for as long
        // as we are.
        unsafe { inner::slots(self.cursor.0.header_ptr()) }
    }

    /// Pops the oldest value, if there is one. Wait-free.
    #[inline]
    pub fn try_pop(&mut self) -> Option<R::Value> {
        let head = self.cursor.0.first_filled()?;
        // SAFETY: the ownership rule: one is ready. `release_first` makes sure that it is not read
        // again.
        let value = unsafe { self.slots().read(self.cursor.0.capacity(), head) };
        self.cursor.0.release_first(head);
        Some(value)
    }

    /// Pops as many values as there are, at most `out.len()`, and returns how many. Wait-free.
    pub fn try_pop_slice(&mut self, out: &mut [R::Value]) -> usize
    where
        R::Value: Copy,
    {
        let n = self.cursor.0.capacity();
        let want = out.len().min(self.cursor.0.n() as usize) as u32;
        let count = self.cursor.0.ready_batched(want, Cached::new(want)).min(want);
        if let Some((taken, _)) = out.split_at_mut_checked(count as usize) {
            if count > 0 {
                // SAFETY: the ownership rule: `count` are ready, which is the length of `taken`.
                unsafe { self.slots().copy_out(n, self.cursor.0.head(), taken) };
                self.cursor.0.release(count);
            }
        }
        count as usize
    }

    /// Pops every value that is in the ring now, one by one. Values that are left when it is
    /// dropped stay in the ring.
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
    /// [`Error::WouldBlock`] when there are fewer now, [`Error::MessageTooLarge`] when the ring has
    /// fewer slots.
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
        let len = self.ready(count)?.ok_or(Error::WouldBlock)?;
        Ok(ReadChunk { consumer: self, len })
    }

    /// The oldest value, in place.
    pub fn front(&mut self) -> Option<&R::Value> {
        self.ready(1).ok()??;
        let (n, head) = (self.cursor.0.capacity(), self.cursor.0.head());
        // SAFETY: the ownership rule: one is ready, and `&mut self` is borrowed for as long as the
        // answer lives.
        let (first, _) = unsafe { self.slots().readable(n, head, 1) };
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
        let (n, ready) = (self.cursor.0.capacity(), self.len() as u32);
        // SAFETY: the ownership rule: so many are ready, and `&mut self` is borrowed for as long as
        // the slices live.
        let (first, second) = unsafe { self.slots().readable(n, self.cursor.0.head(), ready) };
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

    /// The ring that it is a half of.
    pub fn ring(&self) -> &RingInner<R::Storage, R::Wake> {
        self.owner.get()
    }

    /// Takes no more: the producer's forms that wait answer
    /// [`PushError::Closed`](super::PushError::Closed). Values that are left stay. A consumer that
    /// is taken later opens the ring again.
    pub fn close(self) {
        self.cursor.0.close();
    }

    /// `count`, if so many are ready.
    #[inline]
    fn ready(&mut self, count: usize) -> Result<Option<u32>, Error> {
        let max = self.cursor.0.n() as usize;
        if count > max {
            return Err(Error::MessageTooLarge { max });
        }
        let want = count as u32;
        Ok((self.cursor.0.ready_batched(want, Cached::new(want)) >= want).then_some(want))
    }

    /// A value, or why there will be none; `None` when one may come.
    fn pop_or_end(&mut self) -> Option<Result<R::Value, Error>> {
        look_or_end(self, |this| this.try_pop().map(Ok), |this| this.cursor.0.end().map(Err))
    }

    /// Whether `count` are ready, or why they will not be; `None` when they may be later.
    fn peek_or_end(&mut self, count: usize) -> Option<Result<u32, Error>> {
        let ready = |this: &mut Self| this.ready(count).transpose();
        look_or_end(self, ready, |this| this.cursor.0.end().map(Err))
    }

    /// Drops the oldest `count` values, which are ready, and gives their slots back; also when a
    /// value panics as it is dropped.
    fn discard(&mut self, count: u32) {
        let cursor = &mut self.cursor.0;
        let (n, head) = (cursor.capacity(), cursor.head());
        // SAFETY: as in `slots`.
        let slots = unsafe { inner::slots::<R::Value, _>(cursor.header_ptr()) };
        let _release = Finally(|| cursor.release(count));
        if core::mem::needs_drop::<R::Value>() {
            // SAFETY: the ownership rule: `count` are ready. `release` makes sure that they are not
            // read again.
            unsafe { slots.drop_values(n, head, count) };
        }
    }
}

impl<R: RingRef<Wake: Wait>> Consumer<R> {
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
    pub fn pop(&mut self) -> Result<R::Value, Error> {
        self.pop_deadline(None)
    }

    /// Pops the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped,
    /// [`Error::TimedOut`] when none came in time.
    pub fn pop_deadline(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<R::Value, Error> {
        self.wait(deadline, Self::pop_or_end)?
    }

    /// [`try_peek`](Self::try_peek); waits until there are `count`.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and there are fewer; what there is can
    /// be popped. [`Error::MessageTooLarge`] when the ring has fewer slots, [`Error::Corrupt`].
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

    /// [`peek`](Self::peek), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `peek`, and [`Error::TimedOut`].
    pub fn peek_deadline(
        &mut self,
        count: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<ReadChunk<'_, R>, Error> {
        let len = self.wait(deadline, |this| this.peek_or_end(count))??;
        Ok(ReadChunk { consumer: self, len })
    }

    /// Waits until `look` answers, at most until `deadline`.
    fn wait<A>(
        &mut self,
        deadline: Option<<R::Wake as Wait>::Deadline>,
        mut look: impl FnMut(&mut Self) -> Option<A>,
    ) -> Result<A, TimedOut> {
        // SAFETY: the half is borrowed meanwhile, and so lives.
        unsafe { self.cursor.0.bell() }.wait_until(deadline, || look(self))
    }
}

impl<R: RingRef<Wake: Register>> Consumer<R> {
    /// Pops the oldest value, or has the task woken when one may be there.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped;
    /// [`Error::Corrupt`].
    pub fn poll_pop(&mut self, cx: &mut Context<'_>) -> Poll<Result<R::Value, Error>> {
        self.poll(cx, Self::pop_or_end)
    }

    /// Pops the oldest value; awaits one. Cancelled, it consumes nothing.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped;
    /// [`Error::Corrupt`].
    pub fn pop_async(&mut self) -> impl Future<Output = Result<R::Value, Error>> {
        poll_fn(|cx| self.poll_pop(cx))
    }

    /// [`peek`](Self::peek); awaits so many.
    ///
    /// # Errors
    /// As `peek`.
    pub fn peek_async<'c>(
        &'c mut self,
        count: usize,
    ) -> impl Future<Output = Result<ReadChunk<'c, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.peek_or_end(count))
        };
        lend_until(self, poll, |this, ready| ready.map(|len| ReadChunk { consumer: this, len }))
    }

    /// What `look` answers, or has the task woken when it may.
    fn poll<A>(
        &mut self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&mut Self) -> Option<A>,
    ) -> Poll<A> {
        // SAFETY: the half is borrowed meanwhile, and so lives.
        unsafe { self.cursor.0.bell() }.poll_until(cx, || look(self))
    }
}

/// The oldest values, in place. Dropped without a release, it consumes nothing.
#[must_use = "a chunk that is dropped consumes nothing"]
pub struct ReadChunk<'c, R: RingRef> {
    consumer: &'c mut Consumer<R>,
    len: u32,
}

impl<R: RingRef> fmt::Debug for ReadChunk<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChunk").field("len", &self.len).finish()
    }
}

impl<R: RingRef> ReadChunk<'_, R> {
    /// The values, oldest first, as two runs of memory; the second is empty unless the ring's end
    /// lies between.
    pub fn as_slices(&self) -> (&[R::Value], &[R::Value]) {
        let cursor = &self.consumer.cursor.0;
        // SAFETY: the ownership rule: the chunk's values are ready; the slices borrow the chunk.
        unsafe { self.consumer.slots().readable(cursor.capacity(), cursor.head(), self.len) }
    }

    /// Which slot the oldest value is in.
    #[cfg(not(loom))]
    pub(super) fn slot(&self) -> u32 {
        let cursor = &self.consumer.cursor.0;
        super::position::offset(cursor.capacity(), cursor.head())
    }

    /// Drops the oldest `count` values of the chunk and gives their slots back to the producer.
    /// More than the chunk has count as all it has.
    pub fn release(self, count: usize) {
        let count = count.min(self.len as usize) as u32;
        #[cfg(loom)]
        self.as_slices();
        self.consumer.discard(count);
    }
}
