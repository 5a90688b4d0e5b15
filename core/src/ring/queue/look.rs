//! What a participant sees of a queue without taking anything from it, and the queue's end: so that
//! a [`Handle`] is all that a participant needs.

use super::Handle;
use crate::wait::Wake;

impl<T, W: Wake> Handle<'_, T, W> {
    /// [`Queue::len`](super::Queue::len).
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::{PushError, queue::Queue};
    /// let queue: Queue<_, 4> = Queue::new();
    /// let me = queue.handle(Participant::new(1).unwrap());
    /// me.try_push("job").unwrap();
    /// me.close();
    /// assert_eq!(me.try_push("late"), Err(PushError::Closed("late")));
    /// assert_eq!((me.len(), me.unfinished(), me.has_ended()), (1, 1, false));
    /// ```
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// [`Queue::is_empty`](super::Queue::is_empty).
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// [`Queue::unfinished`](super::Queue::unfinished).
    pub fn unfinished(&self) -> usize {
        self.queue.unfinished()
    }

    /// [`Queue::close`](super::Queue::close).
    pub fn close(&self) {
        self.queue.close();
    }

    /// [`Queue::is_closed`](super::Queue::is_closed).
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// [`Queue::has_ended`](super::Queue::has_ended).
    pub fn has_ended(&self) -> bool {
        self.queue.has_ended()
    }

    /// [`Queue::capacity`](super::Queue::capacity).
    pub fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// [`Queue::set_max_attempts`](super::Queue::set_max_attempts).
    pub fn set_max_attempts(&self, max: u16) {
        self.queue.set_max_attempts(max);
    }

    /// [`Queue::max_attempts`](super::Queue::max_attempts).
    pub fn max_attempts(&self) -> u16 {
        self.queue.max_attempts()
    }

    /// [`Queue::refused`](super::Queue::refused).
    pub fn refused(&self) -> u32 {
        self.queue.refused()
    }
}
