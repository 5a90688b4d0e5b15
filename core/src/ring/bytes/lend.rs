//! The ring for the channels, which decide by a rule of their own who the producer and the consumer
//! are: several writers take turns, and an end closes when the last handle does.

use super::{ByteRingInner, Consumer, Producer};
use crate::storage::Storage;
use crate::wait::Wake;
use core::mem::ManuallyDrop;

impl<S: Storage<Value = u8> + ?Sized, W: Wake> ByteRingInner<S, W> {
    /// A producer that neither takes the half nor gives it back. `room` is what
    /// [`Producer::known_room`] said at the end of the turn before, or 0.
    ///
    /// # Safety
    /// While it is in use there is no other producer, the turn before happened before, and in
    /// between nobody was the producer.
    #[inline(always)]
    pub(crate) unsafe fn lend_producer(&self, room: u32) -> ManuallyDrop<Producer<&Self>> {
        // SAFETY: there is no other, as the caller states, and it is not given back.
        ManuallyDrop::new(unsafe { Producer::with_room(self, room) })
    }

    /// A consumer that neither takes the half nor gives it back.
    ///
    /// # Safety
    /// While it is in use there is no other consumer, and what the one before did happened before.
    pub(crate) unsafe fn lend_consumer(&self) -> ManuallyDrop<Consumer<&Self>> {
        // SAFETY: as above.
        ManuallyDrop::new(unsafe { Consumer::of_taken(self) })
    }
}
