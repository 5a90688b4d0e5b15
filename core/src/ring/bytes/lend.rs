//! The ring for the channels, which decide by a rule of their own who the producer and the consumer are: several
//! writers take turns, and an end closes when the last handle does.

use super::{ByteRing, Consumer, Producer};
use crate::ring::cursor::{ConsumerCursor, ProducerCursor};
use crate::wait::Bell;
use core::mem::ManuallyDrop;

impl<const N: usize, B: Bell> ByteRing<N, B> {
    /// A producer that neither takes the half nor gives it back. `room` is what [`Producer::known_room`] said at the
    /// end of the turn before, or 0.
    ///
    /// # Safety
    /// While it is in use there is no other producer, the turn before happened before, and in between nobody was the
    /// producer.
    #[inline(always)]
    pub(crate) unsafe fn lend_producer(&self, room: u32) -> ManuallyDrop<Producer<'_, N, B>> {
        let cursor = ProducerCursor::with_room(&self.header, room);
        ManuallyDrop::new(Producer::new(cursor, &self.mark, &self.slots))
    }

    /// A consumer that neither takes the half nor gives it back.
    ///
    /// # Safety
    /// While it is in use there is no other consumer, and what the one before did happened before.
    pub(crate) unsafe fn lend_consumer(&self) -> ManuallyDrop<Consumer<'_, N, B>> {
        let cursor = ConsumerCursor::new(&self.header);
        ManuallyDrop::new(Consumer::new(cursor, &self.mark, &self.slots))
    }

    /// What a consumer sleeps on. Every publication rings it.
    #[inline(always)]
    pub(crate) fn consumers_bell(&self) -> &B {
        &self.header.producer.0.bell
    }

    /// What a producer sleeps on. Every release rings it.
    #[inline(always)]
    pub(crate) fn producers_bell(&self) -> &B {
        &self.header.consumer.0.bell
    }
}

impl<const N: usize, B: Bell> Producer<'_, N, B> {
    /// How much room is known without looking.
    #[inline(always)]
    pub(crate) fn known_room(&self) -> u32 {
        self.cursor.0.known_room()
    }
}
