//! The forms that wait: for threads and for tasks, on queues whose producers and consumers can sleep.

use super::{Full, Queue, Seat};
use crate::participant::Participant;
use crate::wait::{Doorbell, Register, TimedOut, Wait};
use core::task::{Context, Poll};

impl<T, const N: usize, W: Wait> Queue<T, N, Doorbell<W>> {
    /// Pushes one value; waits for room.
    pub fn push(&self, value: T) {
        // Without a deadline it does not come back with the value.
        let _ = self.seat(Participant::LOCAL).push_deadline(value, None);
    }

    /// Pops the oldest value; waits for one.
    pub fn pop(&self) -> T {
        loop {
            if let Ok(value) = self.seat(Participant::LOCAL).pop_deadline(None) {
                return value;
            }
        }
    }
}

impl<T, const N: usize, W: Wait> Seat<'_, T, N, Doorbell<W>> {
    /// Pushes one value; waits for room, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Full`] with the value, when there was no room in time.
    ///
    /// ```
    /// use ringway_core::ring::Full;
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::{Doorbell, SpinClock};
    /// let now = || Doorbell::new(SpinClock(|| 100)); // the time is always 100
    /// let queue = Queue::<_, 1, _>::with_bells(now(), now());
    /// let seat = queue.seat(Participant::LOCAL);
    /// assert_eq!(seat.push_deadline(1, Some(50)), Ok(()));
    /// assert_eq!(seat.push_deadline(2, Some(50)), Err(Full(2)));
    /// ```
    pub fn push_deadline(self, value: T, deadline: Option<W::Deadline>) -> Result<(), Full<T>> {
        match self.queue().head.0.bell.wait_until(deadline, || self.try_reserve()) {
            Ok(loan) => {
                loan.write(value);
                Ok(())
            }
            Err(TimedOut) => Err(Full(value)),
        }
    }

    /// Pops the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`TimedOut`] when none came in time.
    pub fn pop_deadline(self, deadline: Option<W::Deadline>) -> Result<T, TimedOut> {
        self.queue().tail.0.bell.wait_until(deadline, || self.try_pop())
    }
}

impl<T, const N: usize, W: Register> Queue<T, N, Doorbell<W>> {
    /// Pushes the value in `value`, or leaves it there and has the task woken when there may be room. One task at a
    /// time can wait for room.
    ///
    /// ```
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::{Async, Doorbell, Spin};
    /// use std::task::{Context, Waker};
    /// let bell = || Doorbell::new(Async::new(Spin));
    /// let queue = Queue::<_, 1, _>::with_bells(bell(), bell());
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(queue.poll_push(&mut cx, &mut Some(1)).is_ready());
    /// assert!(queue.poll_push(&mut cx, &mut Some(2)).is_pending());
    /// assert!(queue.poll_pop(&mut cx).is_ready());
    /// ```
    pub fn poll_push(&self, cx: &mut Context<'_>, value: &mut Option<T>) -> Poll<()> {
        let Some(sent) = value.take() else { return Poll::Ready(()) };
        match self.head.0.bell.poll_until(cx, || self.try_reserve()) {
            Poll::Ready(loan) => {
                loan.write(sent);
                Poll::Ready(())
            }
            Poll::Pending => {
                *value = Some(sent);
                Poll::Pending
            }
        }
    }

    /// Pops the oldest value, or has the task woken when one may be there. One task at a time can wait for a value.
    pub fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<T> {
        self.tail.0.bell.poll_until(cx, || self.try_pop())
    }
}
