//! What a participant sees of a queue without taking anything from it, and the queue's end: so that
//! a [`Handle`] is all that a participant needs.

use super::Handle;
use crate::wait::Wake;

impl<T, W: Wake> Handle<'_, T, W> {
    /// [`QueueView::len`](super::QueueView::len).
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

    /// [`QueueView::is_empty`](super::QueueView::is_empty).
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// [`QueueView::unfinished`](super::QueueView::unfinished).
    pub fn unfinished(&self) -> usize {
        self.queue.unfinished()
    }

    /// [`QueueView::close`](super::QueueView::close).
    pub fn close(&self) {
        self.queue.close();
    }

    /// [`QueueView::is_closed`](super::QueueView::is_closed).
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// [`QueueView::has_ended`](super::QueueView::has_ended).
    pub fn has_ended(&self) -> bool {
        self.queue.has_ended()
    }

    /// [`QueueView::capacity`](super::QueueView::capacity).
    pub fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// [`QueueView::set_max_attempts`](super::QueueView::set_max_attempts).
    pub fn set_max_attempts(&self, max: u16) {
        self.queue.set_max_attempts(max);
    }

    /// [`QueueView::max_attempts`](super::QueueView::max_attempts).
    pub fn max_attempts(&self) -> u16 {
        self.queue.max_attempts()
    }

    /// [`QueueView::refused`](super::QueueView::refused).
    pub fn refused(&self) -> u32 {
        self.queue.refused()
    }
}
