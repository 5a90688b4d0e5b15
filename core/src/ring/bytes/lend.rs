//! The ring for the channels, which decide by a rule of their own who the producer and the consumer are: several
//! writers take turns, and an end closes when the last handle does.

use super::{ByteRing, Consumer, Producer, WriteAllError};
use crate::ring::cursor::{ConsumerCursor, ProducerCursor};
use crate::ring::index;
use crate::wait::Wake;
use core::mem::ManuallyDrop;

impl<const N: usize, W: Wake> ByteRing<N, W> {
    /// A producer that neither takes the half nor gives it back. `room` is what [`Producer::known_room`] said at the
    /// end of the turn before, or 0.
    ///
    /// # Safety
    /// While it is in use there is no other producer, the turn before happened before, and in between nobody was the
    /// producer.
    #[inline(always)]
    pub(crate) unsafe fn lend_producer(&self, room: u32) -> ManuallyDrop<Producer<'_, N, W>> {
        let cursor = ProducerCursor::with_room(&self.header, room);
        ManuallyDrop::new(Producer::new(cursor, &self.mark, &self.slots))
    }

    /// A consumer that neither takes the half nor gives it back.
    ///
    /// # Safety
    /// While it is in use there is no other consumer, and what the one before did happened before.
    pub(crate) unsafe fn lend_consumer(&self) -> ManuallyDrop<Consumer<'_, N, W>> {
        let cursor = ConsumerCursor::new(&self.header);
        ManuallyDrop::new(Consumer::new(cursor, &self.mark, &self.slots))
    }
}

/// Before each message: its length, so many bytes of it.
pub(crate) const HEADER: usize = size_of::<u32>();

impl<const N: usize, W: Wake> Producer<'_, N, W> {
    /// Copies in a message and its length in one publication, or nothing.
    pub(crate) fn try_write_message(&mut self, message: &[u8]) -> Result<(), WriteAllError> {
        let max = const {
            assert!(N > HEADER, "a channel of messages needs room for a length and a byte");
            N - HEADER
        };
        if message.len() > max {
            return Err(WriteAllError::TooLarge { max });
        }
        let count = (HEADER + message.len()) as u32;
        if self.cursor.0.room(count) < count {
            return Err(WriteAllError::Full);
        }
        let start = self.cursor.0.tail();
        // SAFETY: the ownership rule: there is room for `count`, of which this are the first.
        unsafe { self.slots.copy_in::<N>(start, &(message.len() as u32).to_le_bytes()) };
        let start = index::advance::<N>(start, HEADER as u32);
        // SAFETY: as above, and this are the others.
        unsafe { self.slots.copy_in::<N>(start, message) };
        self.publish(count);
        Ok(())
    }

    /// How much room is known without looking.
    #[inline(always)]
    pub(crate) fn known_room(&self) -> u32 {
        self.cursor.0.known_room()
    }
}

impl<const N: usize, W: Wake> Consumer<'_, N, W> {
    /// Takes a message out whole; `None` when there is none. Only for a ring into which messages alone are written.
    ///
    /// # Errors
    /// The size of the message when `out` is smaller; it stays.
    pub(crate) fn try_read_message(&mut self, out: &mut [u8]) -> Option<Result<usize, usize>> {
        let header = HEADER as u32;
        let ready = self.cursor.0.ready_soon(header, self.taken);
        if ready < header {
            return None;
        }
        let mut length = [0; HEADER];
        // SAFETY: the ownership rule: at least `HEADER` bytes are ready.
        unsafe { self.slots.copy_out::<N>(self.cursor.0.head(), &mut length) };
        // A message is published with its length; less is not ready only on a peer's nonsense, and never touched.
        let length = u32::from_le_bytes(length).min(ready - header);
        let Some((message, _)) = out.split_at_mut_checked(length as usize) else {
            return Some(Err(length as usize));
        };
        let start = index::advance::<N>(self.cursor.0.head(), header);
        // SAFETY: the ownership rule: `length` bytes are ready behind the header.
        unsafe { self.slots.copy_out::<N>(start, message) };
        self.cursor.0.release(header + length);
        self.took(header + length);
        Some(Ok(length as usize))
    }
}
