//! Contiguous grants: reserve, fill, commit; peek, read, release.

use super::{ByteRing, Consumer, Producer};
use crate::ring::index;
use crate::wait::Wake;
use core::fmt;
use core::ops::{Deref, DerefMut};

/// Why a grant was not given.
///
/// ```
/// use ringway_core::ring::bytes::{ByteRing, ReserveError};
/// let mut ring: ByteRing<8> = ByteRing::new();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.try_reserve(5).unwrap_err(), ReserveError::TooLarge { max: 4 });
/// producer.try_write(b"1234567");
/// assert_eq!(producer.try_reserve(2).unwrap_err(), ReserveError::Full);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ReserveError {
    /// There is no such run of free memory now; there will be when the consumer has read more.
    Full,
    /// There is no telling whether there will ever be such a run, see [`ByteRing::MAX_GRANT`].
    TooLarge {
        /// The largest grant, in bytes.
        max: usize,
    },
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReserveError::Full => f.write_str("the ring is too full now: read first, or try later"),
            ReserveError::TooLarge { max } => {
                write!(f, "a grant has at most {max} bytes, half the ring: ask for less, or copy")
            }
        }
    }
}

impl core::error::Error for ReserveError {}

impl<'a, const N: usize, W: Wake> Producer<'a, N, W> {
    /// Reserves exactly `len` contiguous bytes. The consumer sees nothing before [`WriteGrant::commit`].
    ///
    /// # Errors
    /// [`ReserveError::Full`] when there is no such run now; it comes when the consumer has read everything.
    /// [`ReserveError::TooLarge`] above [`ByteRing::MAX_GRANT`].
    pub fn try_reserve(&mut self, len: usize) -> Result<WriteGrant<'_, 'a, N, W>, ReserveError> {
        let max = ByteRing::<N, W>::MAX_GRANT;
        if len > max {
            return Err(ReserveError::TooLarge { max });
        }
        let len = len as u32;
        let to_end = N as u32 - index::offset::<N>(self.cursor.0.tail());
        // Before the end of the memory, or else at its start, with a gap before the end. Neither sum overflows:
        // both are at most 2 * N.
        let gap = if len <= to_end { 0 } else { to_end };
        if self.cursor.0.room(gap + len) < gap + len {
            return Err(ReserveError::Full);
        }
        Ok(WriteGrant { producer: self, gap, len })
    }

    /// Reserves the contiguous bytes at hand, at most `max`, leaving no gap. The consumer sees nothing before
    /// [`WriteGrant::commit`].
    ///
    /// # Errors
    /// [`ReserveError::Full`] when there is no room at all.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// let mut ring: ByteRing<8> = ByteRing::new();
    /// let (mut producer, _consumer) = ring.split();
    /// producer.try_write(b"12345");
    /// assert_eq!(producer.try_reserve_up_to(100).unwrap().len(), 3);
    /// ```
    pub fn try_reserve_up_to(
        &mut self,
        max: usize,
    ) -> Result<WriteGrant<'_, 'a, N, W>, ReserveError> {
        let want = max.min(N) as u32;
        let to_end = N as u32 - index::offset::<N>(self.cursor.0.tail());
        // At least one: for none, what is known would be enough, and it may be that the ring was full.
        let room = self.cursor.0.room(want.max(1));
        if room == 0 {
            return Err(ReserveError::Full);
        }
        Ok(WriteGrant { producer: self, gap: 0, len: want.min(room).min(to_end) })
    }
}

/// Contiguous bytes to be written, as a slice. They hold what an earlier lap left there, or zero. Dropped without a
/// commit, it gives nothing to the consumer.
///
/// ```
/// use ringway_core::ring::bytes::ByteRing;
/// let mut ring: ByteRing<8> = ByteRing::new();
/// let (mut producer, mut consumer) = ring.split();
/// producer.try_reserve(3).unwrap().copy_from_slice(b"abc"); // dropped: aborted
/// assert!(consumer.is_empty());
/// ```
#[derive(Debug)]
#[must_use = "a grant that is dropped commits nothing"]
pub struct WriteGrant<'g, 'a, const N: usize, W: Wake> {
    producer: &'g mut Producer<'a, N, W>,
    /// How many bytes before the end of the memory stay unused, if this is committed.
    gap: u32,
    len: u32,
}

impl<const N: usize, W: Wake> WriteGrant<'_, '_, N, W> {
    /// Gives the first `len` bytes to the consumer; more than the grant has count as all it has. With 0, nothing
    /// happens.
    pub fn commit(mut self, len: usize) {
        let len = len.min(self.len as usize) as u32;
        if len == 0 {
            return;
        }
        // Under loom, says that the bytes were written until now.
        self.bytes();
        if self.gap > 0 {
            // The lap's bytes end here; the rest of the memory is skipped.
            let end = index::offset::<N>(self.producer.cursor.0.tail());
            self.producer.set_mark(end);
            self.producer.cursor.0.publish(self.gap + len);
        } else {
            self.producer.publish(len);
        }
    }

    /// Where the grant begins.
    fn position(&self) -> u32 {
        index::advance::<N>(self.producer.cursor.0.tail(), self.gap)
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the ownership rule: the grant lies within the room; the slice borrows it. It is contiguous, so that
        // there is no second run.
        let (bytes, _) = unsafe { self.producer.slots.writable::<N>(self.position(), self.len) };
        // SAFETY: every byte of the ring is initialized since it was made; the type is the same but for that.
        unsafe { &mut *(core::ptr::from_mut(bytes) as *mut [u8]) }
    }
}

impl<const N: usize, W: Wake> Deref for WriteGrant<'_, '_, N, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: as in `bytes`: the producer's and initialized. A shared borrow only reads.
        let (bytes, _) = unsafe { self.producer.slots.readable::<N>(self.position(), self.len) };
        bytes
    }
}

impl<const N: usize, W: Wake> DerefMut for WriteGrant<'_, '_, N, W> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes()
    }
}

impl<'a, const N: usize, W: Wake> Consumer<'a, N, W> {
    /// All contiguous bytes that lie at the head now, or `None` when nothing is ready. Nothing is consumed until
    /// [`ReadGrant::release`], and what came since the last look is shown by the next. The run ends where the memory does:
    /// bytes that were copied in go on at its start.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// let mut ring: ByteRing<8> = ByteRing::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// producer.try_write(b"ab");
    /// assert_eq!(&*consumer.try_peek().unwrap(), b"ab");
    /// producer.try_write(b"c");
    /// assert_eq!(&*consumer.try_peek().unwrap(), b"abc");
    /// ```
    pub fn try_peek(&mut self) -> Option<ReadGrant<'_, 'a, N, W>> {
        let len = self.longest_run();
        self.grant(len)
    }

    /// [`try_peek`](Self::try_peek) for those who know that what is published in one go is enough: looks at the producer's
    /// position only where nothing is known to be ready.
    pub(in crate::ring) fn try_peek_one(&mut self) -> Option<ReadGrant<'_, 'a, N, W>> {
        let len = self.first_run(1);
        self.grant(len)
    }

    /// The grant of a run of `len` bytes, which are ready and contiguous; `None` for none.
    fn grant(&mut self, len: u32) -> Option<ReadGrant<'_, 'a, N, W>> {
        if len == 0 {
            return None;
        }
        Some(ReadGrant { consumer: self, len })
    }
}

/// Contiguous bytes to be read, as a slice. Dropped without a release, it consumes nothing.
#[derive(Debug)]
#[must_use = "a grant that is dropped consumes nothing"]
pub struct ReadGrant<'g, 'a, const N: usize, W: Wake> {
    consumer: &'g mut Consumer<'a, N, W>,
    len: u32,
}

impl<const N: usize, W: Wake> ReadGrant<'_, '_, N, W> {
    /// Gives the first `len` bytes back to the producer; more than the grant has count as all it has.
    pub fn release(self, len: usize) {
        let len = len.min(self.len as usize) as u32;
        // Under loom, says that the bytes were read until now.
        let _ = &*self;
        if len > 0 {
            self.consumer.cursor.0.release(len);
            self.consumer.took(len);
        }
    }
}

impl<const N: usize, W: Wake> Deref for ReadGrant<'_, '_, N, W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the ownership rule: these bytes are ready and contiguous; the slice borrows the grant.
        let (bytes, _) =
            unsafe { self.consumer.slots.readable::<N>(self.consumer.cursor.0.head(), self.len) };
        bytes
    }
}
