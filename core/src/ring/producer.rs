//! The half of a ring that pushes: one value, a slice, or slots to be filled in place.

use super::error::{Full, PushError};
use super::inner::{self, CapacityOf, RingInner, RingRef};
use super::position;
use super::sides::{Header, ProducerCursor};
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
/// `R` is the reference by which it reaches its ring and keeps it, see
/// [`StableRef`](crate::storage::StableRef): `&Ring<T, N, W>` or `&RingView<T, W>`, or an `Arc` of
/// one, with which the half owns what it needs. A half of a `Ring`, which knows how many slots
/// there are when it is compiled, has the smaller code.
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
    /// Keeps the ring, which the cursor points to. The last field, which is dropped last.
    owner: R,
}

// SAFETY: as for the ring: values pass from side to side by the ownership rule. The pointer inside
// is to what the owner keeps.
unsafe impl<R: RingRef<Value: Send, Wake: Sync> + Send> Send for Producer<R> {}

impl<R: RingRef> fmt::Debug for Producer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("ring", &self.ring()).finish_non_exhaustive()
    }
}

impl<R: RingRef> Producer<R> {
    /// The half of the ring that `owner` refers to, taken for its
    /// [`participant`](crate::storage::StableRef::participant); `None` while somebody has it. It
    /// has the owner with it.
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

    /// The same, for `me`.
    pub(super) fn take(owner: R, me: Participant) -> Option<Self> {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: the owner keeps the ring where it is, and is dropped after the cursor.
        let cursor = unsafe { Header::take_producer(header, n, me) }?;
        Some(Producer { cursor: CachePadded(cursor), owner })
    }

    /// The half of the ring that `owner` refers to.
    ///
    /// # Safety
    /// The half was taken, and nobody has it.
    pub(super) unsafe fn of_taken(owner: R) -> Self {
        let (header, n) = (owner.get().header(), owner.get().n());
        // SAFETY: as in `take`.
        let cursor = unsafe { ProducerCursor::new(header, n) };
        Producer { cursor: CachePadded(cursor), owner }
    }

    #[inline(always)]
    fn slots(&self) -> SlotsRef<'_, R::Value> {
        // SAFETY: the cursor was made of a pointer to all of the ring, which is there for as long
        // as we are.
        unsafe { inner::slots(self.cursor.0.header_ptr()) }
    }

    /// Pushes one value. Wait-free.
    ///
    /// # Errors
    /// [`Full`] with the value, when there is no room.
    #[inline]
    pub fn try_push(&mut self, value: R::Value) -> Result<(), Full<R::Value>> {
        let Some(tail) = self.cursor.0.first_free() else { return Err(Full(value)) };
        // SAFETY: the ownership rule: there is room for one.
        unsafe { self.slots().write(self.cursor.0.capacity(), tail, value) };
        self.cursor.0.publish_first(tail);
        Ok(())
    }

    /// Pushes as many of `values` as there is room for, in one publication, and returns how many.
    /// Wait-free.
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
        let count = self.cursor.0.room(want).min(want);
        let (taken, _) = values.split_at_checked(count as usize).unwrap_or((values, &[]));
        if count > 0 {
            // SAFETY: the ownership rule: there is room for `count`, which is the length of
            // `taken`.
            unsafe { self.slots().copy_in(n, self.cursor.0.tail(), taken) };
            self.cursor.0.publish(count);
        }
        count as usize
    }

    /// Reserves `count` slots to be filled in place. The consumer sees nothing before
    /// [`WriteChunk::commit`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is less room now, [`Error::MessageTooLarge`] when the ring
    /// has fewer slots.
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
        if self.cursor.0.room(len) < len {
            return Err(Error::WouldBlock);
        }
        Ok(WriteChunk { producer: self, len, filled: 0 })
    }

    /// How many values can be pushed now. The consumer can only make it more.
    pub fn room(&mut self) -> usize {
        self.cursor.0.room(self.cursor.0.n()) as usize
    }

    /// The ring that it is a half of.
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

    /// Pushes what is in `left`, or says why that can never be; `None`, and the value stays there,
    /// when there may be room later.
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

    /// Whether there is room for `count`, or why there can never be; `None` when there may be
    /// later.
    fn room_or_end(&mut self, count: usize) -> Option<Result<u32, Error>> {
        let max = self.cursor.0.n() as usize;
        if count > max {
            return Some(Err(Error::MessageTooLarge { max }));
        }
        let len = count as u32;
        self.cursor.0.room_or_end(|cursor| (cursor.room(len) >= len).then_some(len))
    }
}

impl<R: RingRef<Wake: Wait>> Producer<R> {
    /// Pushes one value; waits for room.
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died.
    pub fn push(&mut self, value: R::Value) -> Result<(), PushError<R::Value>> {
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
        value: R::Value,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<(), PushError<R::Value>> {
        let mut left = Some(value);
        let waited = self.wait(deadline, |this| this.push_or_end(&mut left));
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
    /// [`Error::BrokenPipe`] when the consumer closed or died, [`Error::MessageTooLarge`] when the
    /// ring has fewer slots, [`Error::Corrupt`].
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

    /// [`reserve`](Self::reserve), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As `reserve`, and [`Error::TimedOut`].
    pub fn reserve_deadline(
        &mut self,
        count: usize,
        deadline: Option<<R::Wake as Wait>::Deadline>,
    ) -> Result<WriteChunk<'_, R>, Error> {
        let len = self.wait(deadline, |this| this.room_or_end(count))??;
        Ok(WriteChunk { producer: self, len, filled: 0 })
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

impl<R: RingRef<Wake: Register>> Producer<R> {
    /// Pushes one value; awaits room. Cancelled, it drops the value and pushes nothing; to keep the
    /// value, reserve a slot first ([`reserve_async`](Self::reserve_async)).
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died.
    pub fn push_async(
        &mut self,
        value: R::Value,
    ) -> impl Future<Output = Result<(), PushError<R::Value>>> {
        // Not an `async fn`: the compiler gives those a panic for a poll after the end.
        let mut left = Some(value);
        poll_fn(move |cx| self.poll(cx, |this| this.push_or_end(&mut left)))
    }

    /// [`reserve`](Self::reserve); awaits room. Cancelled, it has reserved nothing.
    ///
    /// # Errors
    /// As `reserve`.
    pub fn reserve_async<'p>(
        &'p mut self,
        count: usize,
    ) -> impl Future<Output = Result<WriteChunk<'p, R>, Error>> {
        let poll = move |this: &mut Self, cx: &mut Context<'_>| {
            this.poll(cx, |this| this.room_or_end(count))
        };
        lend_until(self, poll, |this, room| {
            room.map(|len| WriteChunk { producer: this, len, filled: 0 })
        })
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

/// Reserved slots, filled front to back. Dropped without a commit, it gives nothing to the
/// consumer, and drops what was put in.
#[must_use = "a chunk that is dropped commits nothing"]
pub struct WriteChunk<'c, R: RingRef> {
    producer: &'c mut Producer<R>,
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
    pub fn push(&mut self, value: R::Value) -> Result<(), R::Value> {
        if self.filled == self.len {
            return Err(value);
        }
        // SAFETY: the ownership rule: the chunk's slots are part of the room, and this one is not
        // filled yet.
        unsafe {
            self.producer.slots().write(self.producer.cursor.0.capacity(), self.next(), value)
        };
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
    pub fn fill(&mut self, values: impl IntoIterator<Item = R::Value>) -> usize {
        let before = self.filled;
        let mut values = values.into_iter();
        let (n, at) = (self.producer.cursor.0.capacity(), self.next());
        // SAFETY: the ownership rule: the chunk's slots are part of the room, and these are not
        // filled yet.
        let (first, second) =
            unsafe { self.producer.slots().writable(n, at, self.len - self.filled) };
        for run in [first, second] {
            // The slot first: a value that has none is not drawn from the iterator.
            for (slot, value) in run.iter_mut().zip(values.by_ref()) {
                slot.write(value);
                self.filled += 1;
            }
        }
        (self.filled - before) as usize
    }

    /// The slots that are not filled yet, as two runs of memory in order, for a DMA transfer or a
    /// `memcpy`. Follow it with [`assume_filled`](Self::assume_filled).
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
        // SAFETY: the ownership rule: the chunk's slots are part of the room; the slices borrow the
        // chunk.
        unsafe { self.producer.slots().writable(n, at, self.len - self.filled) }
    }

    /// Says that the next `count` slots were filled through [`as_uninit`](Self::as_uninit). More
    /// than are left count as all that are left.
    ///
    /// # Safety
    /// The caller has initialized those slots.
    pub unsafe fn assume_filled(&mut self, count: usize) {
        let left = self.len - self.filled;
        self.filled += count.min(left as usize) as u32;
    }

    /// Gives what was filled to the consumer, in one publication, and returns how many that are.
    /// Slots not filled stay free.
    pub fn commit(mut self) -> usize {
        let filled = self.filled;
        if filled > 0 {
            let cursor = &self.producer.cursor.0;
            // For loom: the slots were written until now.
            self.producer.slots().runs_to_write(cursor.capacity(), cursor.tail(), filled);
            // Emptied first: what is the consumer's is not ours to drop.
            self.filled = 0;
            self.producer.cursor.0.publish(filled);
        }
        filled as usize
    }
}

impl<R: RingRef> Drop for WriteChunk<'_, R> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<R::Value>() && self.filled > 0 {
            let cursor = &self.producer.cursor.0;
            // SAFETY: these slots were filled and not published, so that they are ours, and
            // initialized. They count as free again afterwards.
            unsafe {
                self.producer.slots().drop_values(cursor.capacity(), cursor.tail(), self.filled)
            };
        }
    }
}
