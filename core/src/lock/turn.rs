//! What a task owes to the other waiters when it stops waiting.

use core::task::Poll;

/// A task's turn at a word whose release wakes one waiter.
///
/// The wake-up may go to this task alone. If its future is dropped before it is polled again, the
/// wake-up goes to another waiter.
pub(super) struct Turn<F: FnMut()> {
    waits: bool,
    pass_on: F,
}

impl<F: FnMut()> Turn<F> {
    /// `pass_on` calls [`Register::pass_on`](crate::wait::Register::pass_on).
    pub(super) fn new(pass_on: F) -> Self {
        Turn { waits: false, pass_on }
    }

    /// Whether the last poll left the task waiting: then it may have been woken in place of others.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// The answer of a poll, which says whether the task waits now.
    pub(super) fn kept<R>(&mut self, answer: Poll<R>) -> Poll<R> {
        self.waits = answer.is_pending();
        answer
    }
}

impl<F: FnMut()> Drop for Turn<F> {
    fn drop(&mut self) {
        if self.waits {
            (self.pass_on)();
        }
    }
}
