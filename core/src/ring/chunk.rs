//! Zero-copy: several slots at once, in place. Reserve, fill, commit; peek, read, release.

use super::{Consumer, Producer};
use crate::sync::Kept;
use crate::wait::Wake;
use core::fmt;
use core::mem::MaybeUninit;

/// There are fewer slots than were asked for.
///
/// ```
/// use ringway_core::ring::{Ring, TooFew};
/// let mut ring: Ring<u8, 4> = Ring::new();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.try_reserve(5).unwrap_err(), TooFew { available: 4 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooFew {
    /// How many there are now: to reserve, or to peek at.
    pub available: usize,
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} slots are there now: ask for so many, or again later", self.available)
    }
}

impl core::error::Error for TooFew {}

impl<'a, T, const N: usize, W: Wake> Producer<'a, T, N, W> {
    /// Reserves `count` slots to be filled in place. Nothing is seen by the consumer until
    /// [`WriteChunk::commit`].
    ///
    /// # Errors
    /// [`TooFew`] when there is less room.
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
    pub fn try_reserve(&mut self, count: usize) -> Result<WriteChunk<'_, 'a, T, N, W>, TooFew> {
        let available = self.cursor.0.room(count.min(N) as u32);
        if count > available as usize {
            return Err(TooFew { available: available as usize });
        }
        Ok(WriteChunk { producer: self, len: count as u32, filled: 0 })
    }
}

/// Reserved slots, filled front to back. Dropped without a commit, it gives nothing to the consumer, and drops what
/// was put in.
#[derive(Debug)]
#[must_use = "a chunk that is dropped commits nothing"]
pub struct WriteChunk<'c, 'a, T, const N: usize, W: Wake> {
    producer: &'c mut Producer<'a, T, N, W>,
    len: u32,
    filled: u32,
}

impl<T, const N: usize, W: Wake> WriteChunk<'_, '_, T, N, W> {
    /// Puts a value into the next slot.
    ///
    /// # Errors
    /// The value, when every slot of the chunk is filled.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.filled == self.len {
            return Err(value);
        }
        let at = super::index::advance::<N>(self.producer.cursor.0.tail(), self.filled);
        // SAFETY: the ownership rule: the chunk's slots are part of the room, and this one is not filled yet.
        unsafe { self.producer.slots.write::<N>(at, value) };
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
        // `take` first: a value that has no slot is not drawn from the iterator.
        for value in values.into_iter().take(self.slots_left()) {
            if self.push(value).is_err() {
                break;
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
        let at = super::index::advance::<N>(self.producer.cursor.0.tail(), self.filled);
        // SAFETY: the ownership rule: the chunk's slots are part of the room; the slices borrow the chunk.
        unsafe { self.producer.slots.writable::<N>(at, self.len - self.filled) }
    }

    /// Says that the next `count` slots were filled through [`as_uninit`](Self::as_uninit). More than are left count
    /// as all that are left.
    ///
    /// # Safety
    /// They were.
    pub unsafe fn assume_filled(&mut self, count: usize) {
        self.filled += count.min(self.slots_left()) as u32;
    }

    /// Gives what was filled to the consumer, in one publication, and returns how many that are. Slots not filled stay
    /// free.
    pub fn commit(mut self) -> usize {
        let filled = self.filled;
        if filled > 0 {
            // For loom: the slots were written until now.
            self.producer.slots.runs_to_write::<N>(self.producer.cursor.0.tail(), filled);
            // Emptied first: what is the consumer's is not ours to drop.
            self.filled = 0;
            self.producer.cursor.0.publish(filled);
        }
        filled as usize
    }
}

impl<T, const N: usize, W: Wake> Drop for WriteChunk<'_, '_, T, N, W> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() && self.filled > 0 {
            let tail = self.producer.cursor.0.tail();
            // SAFETY: these slots were filled and not published, so that they are ours, and initialized. They count
            // as free again afterwards.
            unsafe { self.producer.slots.drop_values::<N>(tail, self.filled) };
        }
    }
}

impl<'a, T, const N: usize, W: Wake> Consumer<'a, T, N, W> {
    /// The `count` oldest values, in place. Nothing is consumed until [`ReadChunk::release`].
    ///
    /// # Errors
    /// [`TooFew`] when there are fewer.
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
    pub fn try_peek(&mut self, count: usize) -> Result<ReadChunk<'_, 'a, T, N, W>, TooFew> {
        let want = count.min(N) as u32;
        let available = self.cursor.0.ready_soon(want, Kept::new(want));
        if count > available as usize {
            return Err(TooFew { available: available as usize });
        }
        Ok(ReadChunk { consumer: self, len: count as u32 })
    }
}

/// The oldest values, in place. Dropped without a release, it consumes nothing.
#[derive(Debug)]
#[must_use = "a chunk that is dropped consumes nothing"]
pub struct ReadChunk<'c, 'a, T, const N: usize, W: Wake> {
    consumer: &'c mut Consumer<'a, T, N, W>,
    len: u32,
}

impl<T, const N: usize, W: Wake> ReadChunk<'_, '_, T, N, W> {
    /// The values, oldest first, as two runs of memory; the second is empty unless the ring's end lies between.
    pub fn as_slices(&self) -> (&[T], &[T]) {
        let head = self.consumer.cursor.0.head();
        // SAFETY: the ownership rule: the chunk's values are ready; the slices borrow the chunk.
        unsafe { self.consumer.slots.readable::<N>(head, self.len) }
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
