//! The ring for the channels, which decide themselves who the producer and the consumer are.
//!
//! Several writers take turns, and an end closes when its last handle does.

use super::{ByteRingInner, Consumer, Producer};
use crate::storage::Storage;
use crate::wait::Wake;
use core::mem::ManuallyDrop;

impl<S: Storage<Value = u8> + ?Sized, W: Wake> ByteRingInner<S, W> {
    /// A producer that neither takes the half nor gives it back. `room` is what
    /// [`Producer::known_room`] returned at the end of the previous turn, or 0.
    ///
    /// # Safety
    /// No other producer exists while this one is in use. The previous turn happened before this
    /// call, and nobody was the producer between the two.
    #[inline(always)]
    pub(crate) unsafe fn lend_producer(&self, room: u32) -> ManuallyDrop<Producer<&Self>> {
        // SAFETY: the caller guarantees that there is no other producer, and that `room` bytes are
        // free since the previous turn. `ManuallyDrop` prevents the drop from giving the half back.
        ManuallyDrop::new(unsafe { Producer::with_room(self, room) })
    }

    /// A consumer that neither takes the half nor gives it back.
    ///
    /// # Safety
    /// No other consumer exists while this one is in use. What the previous consumer did happened
    /// before this call.
    pub(crate) unsafe fn lend_consumer(&self) -> ManuallyDrop<Consumer<&Self>> {
        // SAFETY: the caller guarantees that there is no other consumer. `ManuallyDrop` prevents
        // the drop from giving the half back.
        ManuallyDrop::new(unsafe { Consumer::from_taken(self) })
    }
}
