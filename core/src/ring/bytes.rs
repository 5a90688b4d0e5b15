//! The byte ring: one producer, one consumer, and grants that are contiguous, so that a DMA
//! transfer, a `memcpy` or a parser gets one run of memory.
//!
//! Two ways in and two ways out, which may be mixed:
//!
//! | | copies | in place |
//! |---|---|---|
//! | as much as there is | [`try_write`](Producer::try_write), [`try_read`](Consumer::try_read) | [`try_reserve_up_to`](Producer::try_reserve_up_to), [`try_peek`](Consumer::try_peek) |
//! | exactly so much, in one publication | [`try_write_all`](Producer::try_write_all) | [`try_reserve`](Producer::try_reserve) |
//!
//! To copy 2 KiB or more, the methods that copy are quicker than a `copy_from_slice` into a grant
//! where the C library leaves such to the processor (`rep movsb`): they go in pieces, and long ones
//! pass to the other side a stretch at a time.
//!
//! # Where the ring's end lies in the way
//!
//! An exact grant that does not fit before the end of the memory begins at its start, and the bytes
//! before the end stay unused for this lap. The producer writes down where the lap's bytes end (the
//! *mark*), and the consumer skips from there. As in Cooke's bip buffer (2003), but the consumer's
//! view of such a gap costs no second position.
//!
//! A gap must not lead to a grant that can never succeed: with everything read, the free memory is
//! still cut in two at the position, and the larger piece has at least half of it. So an exact
//! grant may ask for [`MAX_GRANT`](ByteRing::MAX_GRANT), half the capacity rounded up, which always
//! succeeds once the consumer has read everything; more is refused as
//! [`MessageTooLarge`](crate::Error::MessageTooLarge), not as full. Copies wrap around and have no
//! such limit.
//!
//! ```
//! use ringway_core::ring::bytes::ByteRing;
//! static UART: ByteRing<64> = ByteRing::new();
//! let (mut tx, mut rx) = (UART.producer().unwrap(), UART.consumer().unwrap());
//!
//! let mut grant = tx.try_reserve(5).unwrap();
//! grant.copy_from_slice(b"hello");
//! grant.commit(5);
//!
//! let grant = rx.try_peek(1).unwrap();
//! assert_eq!(&*grant, b"hello");
//! grant.release(5);
//! ```

use crate::participant::Participant;
use crate::storage::Storage;
use crate::wait::Wake;

mod consumer;
mod inner;
#[cfg(feature = "embedded-io")]
mod io;
mod lend;
mod producer;
mod run;

pub use consumer::{Consumer, ReadGrant};
pub use inner::{ByteRing, ByteRingInner, ByteRingRef, ByteRingView};
pub(crate) use producer::HEADER;
pub use producer::{Producer, WriteGrant};

impl<S: Storage<Value = u8> + ?Sized, W: Wake> ByteRingInner<S, W> {
    /// The producer's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back, and the consumer waits for the next producer; [`Producer::close`] ends the stream.
    ///
    /// ```
    /// use ringway_core::ring::bytes::ByteRing;
    /// static RING: ByteRing<8> = ByteRing::new();
    /// let producer = RING.producer().unwrap();
    /// assert!(RING.producer().is_none());
    /// ```
    pub fn producer(&self) -> Option<Producer<&Self>> {
        Producer::new(self)
    }

    /// [`producer`](Self::producer) for `me`, where processes share the ring. `None` also when its
    /// memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn producer_as(&self, me: Participant) -> Option<Producer<&Self>> {
        Producer::take_for(self, me)
    }

    /// The consumer's half, or `None` while somebody has it. Any context may ask. Dropping it gives
    /// it back; bytes that it left are there for the next. [`Consumer::close`] tells the producer
    /// that there will be no next.
    pub fn consumer(&self) -> Option<Consumer<&Self>> {
        Consumer::new(self)
    }

    /// [`consumer`](Self::consumer) for `me`, where processes share the ring. `None` also when its
    /// memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn consumer_as(&self, me: Participant) -> Option<Consumer<&Self>> {
        Consumer::take_for(self, me)
    }

    /// Both halves of a ring that the caller owns. Needs no read-modify-write.
    pub fn split(&mut self) -> (Producer<&Self>, Consumer<&Self>) {
        self.take_both_halves();
        let ring = &*self;
        // SAFETY: just taken.
        let producer = unsafe { Producer::of_taken(ring) };
        // SAFETY: as above.
        (producer, unsafe { Consumer::of_taken(ring) })
    }
}
