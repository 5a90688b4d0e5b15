//! The half of a ring that pushes: one value, a slice, or slots to be filled in place.

use super::error::{Full, PushError};
use super::inner::{self, CapacityOf, RingInner, RingRef};
use super::position;
use super::sides::{Header, ProducerCursor, Span};
use crate::Error;
use crate::participant::Participant;
use crate::sync::{CachePadded, SlotsRef};
use crate::wait::{Register, TimedOut, Wait, lend_until};
use core::fmt;
use core::future::poll_fn;
use core::mem::MaybeUninit;
use core::task::{Context, Poll};

/// The half that pushes. It can move to another thread or context, and is used from one at a time.
///
/// `R` is the reference by which the half reaches its ring and keeps it, see
/// [`StableRef`](crate::storage::StableRef). It is `&Ring<T, N, W>`, `&RingView<T, W>`, or an `Arc`
/// of one of these. With an `Arc` the half owns what it needs. A half of a `Ring` has the smaller
/// code, because its capacity is known at compile time.
///
/// ```
/// use ringway_core::ring::Ring;
/// let mut ring: Ring<_, 3> = Ring::new();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.try_push_slice(&[1, 2, 3, 4]), 3);
/// assert_eq!(producer.room(), 0);
/// ```
pub struct Producer<R: RingRef> {
    cursor: CachePadded<ProducerCursor<CapacityOf<R>, R::Wake>>,
    /// Keeps the ring, to which the cursor points. It is the last field, so that it is dropped
    /// last.
    owner: R,
}

// SAFETY: by the ownership rule, a value passes from one side to the other, and one side at a time
// touches it. So `T: Send` is enough. The pointer in the cursor leads to what the owner keeps, and
// the owner is `Send`. Both sides use `W`, which is `Sync`.
unsafe impl<R: RingRef<Value: Send, Wake: Sync> + Send> Send for Producer<R> {}

impl<R: RingRef> fmt::Debug for Producer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

impl<R: RingRef> Producer<R> {
    /// Takes the producer's half of the ring that `owner` refers to; `None` while somebody holds
    /// it.
    ///
    /// The half is held for the owner's [`participant`](crate::storage::StableRef::participant). It
    /// contains the owner.
    ///
    /// ```
    /// use ringway_core::ring::{Producer, Ring};
    /// static SAMPLES: Ring<u16, 8> = Ring::new();
    /// struct Sensor {
    ///     samples: Producer<&'static Ring<u16, 8>>,
    /// }
    /// let mut sensor = Sensor { samples: Producer::new(&SAMPLES).unwrap() };
    /// sensor.samples.try_push(512).unwrap();
    /// assert_eq!(SAMPLES.len(), 1);
    /// ```
    pub fn new(owner: R) -> Option<Self> {
        let me = owner.participant();
        Self::take(owner, me)
    }

    /// As [`new`](Self::new), for the participant `me`.
    pub(super) fn take(owner: R, me: Participant) -> Option<Self> {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor.
        let cursor = unsafe { Header::take_producer(header, n, me) }?;
        Some(Producer { cursor: CachePadded(cursor), owner })
    }

    /// The producer's half of the ring that `owner` refers to, which was taken already.
    ///
    /// # Safety
    /// The half is taken, and nothing else uses it.
    pub(super) unsafe fn from_taken(owner: R) -> Self {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor. The caller
        // guarantees that there is no other producer.
        let cursor = unsafe { ProducerCursor::new(header, n) };
        Producer { cursor: CachePadded(cursor), owner }
    }

    #[inline(always)]
    fn slots(&self) -> SlotsRef<'_, R::Value> {
        // SAFETY: the cursor was made from a pointer to the whole ring. The owner keeps the ring
        // while the half exists.
        unsafe { inner::slots(self.cursor.0.header_ptr()) }
    }

    /// Pushes one value. Wait-free.
    ///
    /// # Errors
    /// [`Full`] with the value, when there is no room.
    #[inline]
    pub fn try_push(&mut self, value: R::Value) -> Result<(), Full<R::Value>> {
        let Some(tail) = self.cursor.0.first_free() else { return Err(Full(value)) };
        // SAFETY: the ownership rule: `first_free` has found this slot free.
        unsafe { self.slots().write(self.cursor.0.capacity(), tail, value) };
        self.cursor.0.publish_first(tail);
        Ok(())
    }

    /// Has `fill` fill the first free slot, whose index it gets, and pushes that. Returns whether
    /// there is one.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) fn try_push_by(&mut self, fill: impl FnOnce(u32)) -> bool {
        let Some(tail) = self.cursor.0.first_free() else { return false };
        fill(position::offset(self.cursor.0.capacity(), tail));
        self.cursor.0.publish_first(tail);
        true
    }

    /// The cursor, for a [`Window`](super::Window).
    #[cfg(not(loom))]
    #[inline(always)]
    pub(super) fn cursor(&mut self) -> &mut ProducerCursor<CapacityOf<R>, R::Wake> {
        &mut self.cursor.0
    }

    /// Pushes as many of `values` as there is room for, in one publication, and returns their
    /// number.
    ///
    /// It is wait-free.
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
    pub fn try_push_slice(&mut self, values: &[R::Value]) -> usize
    where
        R::Value: Copy,
    {
        let n = self.cursor.0.capacity();
        let want = values.len().min(self.cursor.0.n() as usize) as u32;
        let room = self.cursor.0.room(want);
        let count = room.len.min(want);
        let (taken, _) = values.split_at_checked(count as usize).unwrap_or((values, &[]));
        if count > 0 {
            // SAFETY: the ownership rule: `room` has found `count` slots free, and `taken` has
            // `count` values.
            unsafe { self.slots().copy_in(n, room.at, taken) };
            self.cursor.0.publish(room.first(count));
        }
        count as usize
    }

    /// Reserves `count` slots to be filled in place.
    ///
    /// The consumer sees nothing before [`WriteChunk::commit`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when fewer slots are free now, [`Error::MessageTooLarge`] when the
    /// ring has fewer slots.
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
    pub fn try_reserve(&mut self, count: usize) -> Result<WriteChunk<'_, R>, Error> {
        let max = self.cursor.0.n() as usize;
        if count > max {
            return Err(Error::MessageTooLarge { max });
        }
        let len = count as u32;
        let room = self.cursor.0.room(len);
        if room.len < len {
            return Err(Error::WouldBlock);
        }
        Ok(self.chunk(room.first(len)))
    }

    /// The chunk of slots that were found free.
    #[inline(always)]
    fn chunk(&mut self, Span { at, len }: Span) -> WriteChunk<'_, R> {
        WriteChunk { producer: self, at, len, filled: 0 }
    }

    /// The number of values that can be pushed now. The consumer can only increase it.
    pub fn room(&mut self) -> usize {
        self.cursor.0.room(self.cursor.0.n()).len as usize
    }

    /// The ring of which this is a half.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// let mut ring: Ring<u8, 4> = Ring::new();
    /// let (producer, consumer) = ring.split();
    /// assert_eq!(producer.ring().capacity(), 4);
    /// producer.close();
    /// assert!(consumer.ring().producer_is_gone());
    /// ```
    pub fn ring(&self) -> &RingInner<R::Storage, R::Wake> {
        self.owner.get()
    }

    /// Ends the stream.
    ///
    /// The consumer still gets what was pushed. After that, its calls that wait return
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

    /// Pushes the value in `left`, or says why that is impossible. `None` when there may be room
    /// later; the value then stays in `left`.
    fn push_or_end(
        &mut self,
        left: &mut Option<R::Value>,
    ) -> Option<Result<(), PushError<R::Value>>> {
        let value = left.take()?;
        if self.cursor.0.peer_is_gone() {
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

    /// `count` free slots, or why there can be none. `None` when there may be room later.
    fn room_or_end(&mut self, count: usize) -> Option<Result<Span, Error>> {
        let max = self.cursor.0.n() as usize;
        if count > max {
            return Some(Err(Error::MessageTooLarge { max }));
        }
        let len = count as u32;
        self.cursor.0.room_or_end(|cursor| {
            let room = cursor.room(len);
            (room.len >= len).then_some(room.first(len))
        })
    }
}

impl<R: RingRef<Wake: Wait>> Producer<R> {
    /// Pushes one value; waits for room.
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died, [`PushError::Corrupt`] when the
    /// memory was corrupted.
    pub fn push(&mut self, value: R::Value) -> Result<(), PushError<R::Value>> {
        self.push_deadline(value, None)
    }

    /// Pushes one value; waits for room until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died, [`PushError::TimedOut`] when there
    /// was no room in time, [`PushError::Corrupt`] when the memory was corrupted.
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
        value: R::Value,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<(), PushError<R::Value>> {
        let mut left = Some(value);
        let waited = self.wait(deadline, |this| this.push_or_end(&mut left));
        match (waited, left) {
            (Ok(answer), _) => answer,
            (Err(_), Some(value)) => Err(PushError::TimedOut(value)),
            // Not reached: `push_or_end` leaves the value in `left` unless it returns an answer.
            (Err(_), None) => Ok(()),
        }
    }

    /// Reserves `count` slots to be filled in place; waits for room.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the consumer closed or died, [`Error::MessageTooLarge`] when the
    /// ring has fewer slots, [`Error::Corrupt`] when the memory was corrupted.
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
    pub fn reserve(&mut self, count: usize) -> Result<WriteChunk<'_, R>, Error> {
        self.reserve_deadline(count, None)
    }

    /// As [`reserve`](Self::reserve), until `deadline` at most (`None`: for ever).
    ///
    /// # Errors
    /// Those of `reserve`, and [`Error::TimedOut`].
    pub fn reserve_deadline(
        &mut self,
        count: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<WriteChunk<'_, R>, Error> {
        let room = self.wait(deadline, |this| this.room_or_end(count))??;
        Ok(self.chunk(room))
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

impl<R: RingRef<Wake: Register>> Producer<R> {
    /// Pushes one value; awaits room.
    ///
    /// If the future is dropped before it is ready, it drops the value and pushes nothing. To keep
    /// the value, reserve a slot first ([`reserve_async`](Self::reserve_async)).
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died, [`PushError::Corrupt`] when the
    /// memory was corrupted.
    pub fn push_async(
        &mut self,
        value: R::Value,
    ) -> impl Future<Output = Result<(), PushError<R::Value>>> {
        // Not an `async fn`: the compiler makes those panic when they are polled after their end.
        let mut left = Some(value);
        poll_fn(move |cx| self.poll(cx, |this| this.push_or_end(&mut left)))
    }

    /// As [`reserve`](Self::reserve), but awaits room. If the future is dropped, nothing is
    /// reserved.
    ///
    /// # Errors
    /// Those of `reserve`.
    pub fn reserve_async<'p>(
        &'p mut self,
        count: usize,
    ) -> impl Future<Output = Result<WriteChunk<'p, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.room_or_end(count))
        };
        lend_until(self, poll, |this, room| room.map(|room| this.chunk(room)))
    }

    /// Whether there is room for a value, or has the task woken when there may be.
    #[cfg(feature = "futures")]
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll(cx, |this| this.room_or_end(1)).map_ok(|_| ())
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

/// Reserved slots, filled from front to back.
///
/// Dropped without a commit, the chunk gives nothing to the consumer, and drops the values in it.
#[must_use = "a chunk that is dropped commits nothing"]
pub struct WriteChunk<'c, R: RingRef> {
    producer: &'c mut Producer<R>,
    /// The position of the first slot, see [`Span`].
    at: u32,
    len: u32,
    filled: u32,
}

impl<R: RingRef> fmt::Debug for WriteChunk<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, filled) = (self.len, self.filled);
        f.debug_struct("WriteChunk").field("len", &len).field("filled", &filled).finish()
    }
}

impl<R: RingRef> WriteChunk<'_, R> {
    /// The position of the first slot that is not filled.
    #[inline(always)]
    fn next(&self) -> u32 {
        position::advance(self.producer.cursor.0.capacity(), self.at, self.filled)
    }

    /// The index of the first slot that is not filled.
    #[cfg(not(loom))]
    pub(super) fn slot(&self) -> u32 {
        position::offset(self.producer.cursor.0.capacity(), self.next())
    }

    /// Puts a value into the next slot.
    ///
    /// # Errors
    /// The value, when every slot of the chunk is filled.
    #[inline]
    pub fn push(&mut self, value: R::Value) -> Result<(), R::Value> {
        if self.filled == self.len {
            return Err(value);
        }
        // SAFETY: the ownership rule: the chunk's slots are part of the room. This one is not
        // filled yet, since `filled < len`.
        unsafe {
            self.producer.slots().write(self.producer.cursor.0.capacity(), self.next(), value)
        };
        self.filled += 1;
        Ok(())
    }

    /// Puts values into the slots until the chunk is full or the iterator ends; returns their
    /// number.
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
    pub fn fill(&mut self, values: impl IntoIterator<Item = R::Value>) -> usize {
        let before = self.filled;
        let mut values = values.into_iter();
        let (n, at) = (self.producer.cursor.0.capacity(), self.next());
        // SAFETY: the ownership rule: the chunk's slots are part of the room, and these are not
        // filled yet.
        let (first, second) =
            unsafe { self.producer.slots().writable(n, at, self.len - self.filled) };
        for run in [first, second] {
            // `zip` takes the slot first. Without a slot it draws no value from the iterator.
            for (slot, value) in run.iter_mut().zip(values.by_ref()) {
                slot.write(value);
                self.filled += 1;
            }
        }
        (self.filled - before) as usize
    }

    /// The slots that are not filled yet, in order, as two runs of memory.
    ///
    /// They are meant for a DMA transfer or a `memcpy`. Afterwards call
    /// [`assume_filled`](Self::assume_filled).
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
    #[allow(clippy::type_complexity)] // it is a pair
    pub fn as_uninit(&mut self) -> (&mut [MaybeUninit<R::Value>], &mut [MaybeUninit<R::Value>]) {
        let (n, at) = (self.producer.cursor.0.capacity(), self.next());
        // SAFETY: the ownership rule: the chunk's slots are part of the room. The slices borrow the
        // chunk, so that nothing else writes them.
        unsafe { self.producer.slots().writable(n, at, self.len - self.filled) }
    }

    /// Declares the next `count` slots as filled through [`as_uninit`](Self::as_uninit).
    ///
    /// If fewer than `count` slots are left, it declares all of them.
    ///
    /// # Safety
    /// The caller has initialized those slots.
    pub unsafe fn assume_filled(&mut self, count: usize) {
        let left = self.len - self.filled;
        self.filled += count.min(left as usize) as u32;
    }

    /// Gives the filled slots to the consumer, in one publication, and returns their number.
    ///
    /// The other slots stay free.
    pub fn commit(mut self) -> usize {
        let (at, filled) = (self.at, self.filled);
        if filled > 0 {
            let n = self.producer.cursor.0.capacity();
            // Tells loom that the slots were being written until now.
            self.producer.slots().runs_to_write(n, at, filled);
            // Set to 0 first, so that the drop of the chunk leaves the values to the consumer.
            self.filled = 0;
            self.producer.cursor.0.publish(Span { at, len: filled });
        }
        filled as usize
    }
}

impl<R: RingRef> Drop for WriteChunk<'_, R> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<R::Value>() && self.filled > 0 {
            let n = self.producer.cursor.0.capacity();
            // SAFETY: these slots were filled, and not published. By the ownership rule they belong
            // to this half, and they are initialized. Nobody reads them afterwards, since they
            // count as free again.
            unsafe { self.producer.slots().drop_values(n, self.at, self.filled) };
        }
    }
}
