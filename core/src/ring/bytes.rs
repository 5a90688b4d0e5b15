//! The byte ring: one producer, one consumer, and contiguous grants.
//!
//! A DMA transfer, a `memcpy` or a parser gets one run of memory.
//!
//! There are two ways in and two ways out. They may be mixed:
//!
//! | | copies | in place |
//! |---|---|---|
//! | as much as there is | [`try_write`](Producer::try_write), [`try_read`](Consumer::try_read) | [`try_reserve_up_to`](Producer::try_reserve_up_to), [`try_peek`](Consumer::try_peek) |
//! | an exact number of bytes, in one publication | [`try_write_all`](Producer::try_write_all) | [`try_reserve`](Producer::try_reserve) |
//!
//! For 2 KiB or more, the methods that copy are faster than a `copy_from_slice` into a grant, where
//! the C library leaves such copies to the processor (`rep movsb`). These methods copy in pieces.
//! They hand a long copy to the other side in chunks.
//!
//! # At the end of the memory
//!
//! An exact grant that does not fit before the end of the memory begins at the start of the memory.
//! The bytes before the end stay unused for this lap. The producer records where the bytes of the
//! lap end (the *mark*), and the consumer skips from there to the start. This follows Cooke's bip
//! buffer (2003), but the consumer needs no second position to see such a gap.
//!
//! A gap must not lead to a grant that can never succeed. When everything is read, the position
//! still cuts the free memory in two, and the larger piece has at least half of it. So an exact
//! grant may ask for [`MAX_GRANT`](ByteRing::MAX_GRANT) bytes: half the capacity, rounded up. Such
//! a grant always succeeds once the consumer has read everything. A larger one fails with
//! [`MessageTooLarge`](crate::Error::MessageTooLarge). Copies wrap around and have no such limit.
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
#[cfg(feature = "embedded-io-async")]
mod io_async;
mod lend;
mod once;
mod producer;
mod run;

pub(in crate::ring) use consumer::Found;
pub use consumer::{Consumer, ReadGrant};
pub use inner::{ByteRing, ByteRingInner, ByteRingRef, ByteRingView};
pub(crate) use producer::HEADER;
pub(in crate::ring) use producer::Room;
pub use producer::{Producer, WriteGrant};

impl<S: Storage<Value = u8> + ?Sized, W: Wake> ByteRingInner<S, W> {
    /// Takes the producer's half; `None` while somebody holds it.
    ///
    /// Any context may call this. When the half is dropped, it is given back, and the consumer
    /// waits for the next producer. [`Producer::close`] ends the stream.
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

    /// As [`producer`](Self::producer), for the participant `me`, where processes share the ring.
    ///
    /// It is also `None` when the memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn producer_as(&self, me: Participant) -> Option<Producer<&Self>> {
        Producer::take_for(self, me)
    }

    /// Takes the consumer's half; `None` while somebody holds it.
    ///
    /// Any context may call this. When the half is dropped, it is given back, and the bytes that
    /// are left are there for the next consumer. [`Consumer::close`] tells the producer that there
    /// will be no next one.
    pub fn consumer(&self) -> Option<Consumer<&Self>> {
        Consumer::new(self)
    }

    /// As [`consumer`](Self::consumer), for the participant `me`, where processes share the ring.
    ///
    /// It is also `None` when the memory was corrupted, see [`is_valid`](Self::is_valid).
    pub fn consumer_as(&self, me: Participant) -> Option<Consumer<&Self>> {
        Consumer::take_for(self, me)
    }

    /// Both halves of a ring that the caller owns. This needs no read-modify-write.
    pub fn split(&mut self) -> (Producer<&Self>, Consumer<&Self>) {
        self.take_both_halves();
        let ring = &*self;
        // SAFETY: `take_both_halves` has just taken the half, and only this call uses it.
        let producer = unsafe { Producer::from_taken(ring) };
        // SAFETY: `take_both_halves` has just taken the half, and only this call uses it.
        (producer, unsafe { Consumer::from_taken(ring) })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_corrupt_length_takes_no_more_than_is_there() {
        let mut ring: ByteRing<32> = ByteRing::new();
        let (mut producer, mut consumer) = ring.split();
        let mut out = [0; 32];
        for length in [4, 11, u32::MAX] {
            producer.try_write(&length.to_le_bytes());
            producer.try_write(b"abc");
            assert_eq!(consumer.try_read_message(&mut out), Some(Ok(3)));
            assert!(out.starts_with(b"abc") && consumer.is_empty());
            assert_eq!(consumer.try_read_message(&mut out), None);
        }
    }
}
