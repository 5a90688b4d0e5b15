//! The forms that wait: for threads and for tasks, on queues whose producers and consumers can sleep.

use super::shared::NoMore;
use super::{Claim, Handle, NoSlot, PushError, QueueView};
use crate::Error;
use crate::participant::Participant;
use crate::wait::{Register, TimedOut, Wait, Wake};
use core::task::{Context, Poll};

impl<T, W: Wait> QueueView<T, W> {
    /// Pushes one value; waits for room.
    ///
    /// # Errors
    /// [`PushError::Closed`] with the value, when the queue is closed; [`PushError::Corrupt`] with it.
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.handle(Participant::LOCAL).push_deadline(value, None)
    }

    /// Pops the oldest value; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the queue is closed, or its [producers are
    /// gone](Queue::producers_are_gone), and nothing waits in it; [`Error::Corrupt`].
    pub fn pop(&self) -> Result<T, Error> {
        self.handle(Participant::LOCAL).pop_deadline(None)
    }
}

impl<'q, T, W: Wait> Handle<'q, T, W> {
    /// [`Queue::push`] by this participant.
    ///
    /// # Errors
    /// [`PushError::Closed`] with the value, when the queue is closed; [`PushError::Corrupt`] with it.
    pub fn push(self, value: T) -> Result<(), PushError<T>> {
        self.push_deadline(value, None)
    }

    /// [`Queue::pop`] by this participant.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the queue is closed, or its [producers are
    /// gone](Queue::producers_are_gone), and nothing waits in it; [`Error::Corrupt`].
    pub fn pop(self) -> Result<T, Error> {
        self.pop_deadline(None)
    }

    /// Claims the oldest value, to be used in place, and given back if this participant dies; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the queue is closed, or its [producers are
    /// gone](Queue::producers_are_gone), and nothing waits in it; [`Error::Corrupt`].
    pub fn claim(self) -> Result<Claim<'q, T, W>, Error> {
        self.claim_deadline(None)
    }

    /// Pushes one value; waits for room, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`PushError::Full`] when there was no room in time, [`PushError::Closed`] when the queue is closed;
    /// [`PushError::Corrupt`]; with the value.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::queue::{PushError, Queue};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let queue = Queue::<_, 1, SpinClock<Hundred>>::new();
    /// let handle = queue.handle(Participant::LOCAL);
    /// assert_eq!(handle.push_deadline(1, Some(50)), Ok(()));
    /// assert_eq!(handle.push_deadline(2, Some(50)), Err(PushError::Full(2)));
    /// ```
    pub fn push_deadline(
        self,
        value: T,
        deadline: Option<W::Deadline>,
    ) -> Result<(), PushError<T>> {
        let found = self.shared().head.bell.wait_until(deadline, || match self.try_reserve() {
            Err(NoSlot::Full) => None,
            found => Some(found),
        });
        match found {
            Ok(Ok(loan)) => loan.write(value),
            Ok(Err(error)) => Err(error.with(value)),
            Err(TimedOut) => Err(PushError::Full(value)),
        }
    }

    /// Pops the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when none came in time, [`Error::EndOfFile`] when the queue is closed,
    /// or its [producers are gone](Queue::producers_are_gone), and nothing waits in it;
    /// [`Error::Corrupt`].
    pub fn pop_deadline(self, deadline: Option<W::Deadline>) -> Result<T, Error> {
        self.claim_deadline(deadline).map(Claim::take)
    }

    /// Claims the oldest value, to be used in place; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As [`pop_deadline`](Self::pop_deadline).
    pub fn claim_deadline(self, deadline: Option<W::Deadline>) -> Result<Claim<'q, T, W>, Error> {
        self.shared().tail.bell.wait_until(deadline, || self.claim_or_end())?
    }

    /// Waits until every value that was pushed is done with: popped, or its claim completed; at most until `deadline`
    /// (`None`: for ever). See [`Queue::unfinished`].
    ///
    /// # Errors
    /// [`TimedOut`] when some were not.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::Spin;
    /// let queue = Queue::<_, 4, Spin>::new();
    /// let handle = queue.handle(Participant::LOCAL);
    /// queue.push("job").unwrap();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| handle.claim_deadline(None).unwrap().complete());
    ///     handle.join_deadline(None).unwrap();
    /// });
    /// ```
    pub fn join_deadline(self, deadline: Option<W::Deadline>) -> Result<(), TimedOut> {
        let shared = self.shared();
        shared.head.bell.wait_until(deadline, || (shared.unfinished() == 0).then_some(()))
    }
}

impl<'q, T, W: Wake> Handle<'q, T, W> {
    /// A claim, or that there will be none; `None` when one may come.
    fn claim_or_end(self) -> Option<Result<Claim<'q, T, W>, Error>> {
        match self.claim_now() {
            Ok(None) if self.producers_are_gone() => {
                // In this order: what they pushed before they went is seen by the look after we see
                // that they went.
                Some(self.try_claim().ok_or(Error::EndOfFile))
            }
            Ok(claim) => claim.map(Ok),
            Err(NoMore::Ended) => Some(Err(Error::EndOfFile)),
            Err(NoMore::Corrupt) => Some(Err(Error::Corrupt)),
        }
    }
}

impl<T, W: Register> QueueView<T, W> {
    /// Pushes the value in `value`, or leaves it there and has the task woken when there may be
    /// room. As many tasks at a time can wait for room as the bell has places for, see
    /// [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// [`PushError::Closed`] with the value, when the queue is closed; [`PushError::Corrupt`] with it.
    ///
    /// ```
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::task::{Context, Waker};
    /// let queue = Queue::<_, 1, Async<Spin>>::new();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(queue.poll_push(&mut cx, &mut Some(1)).is_ready());
    /// assert!(queue.poll_push(&mut cx, &mut Some(2)).is_pending());
    /// assert!(queue.poll_pop(&mut cx).is_ready());
    /// ```
    pub fn poll_push(
        &self,
        cx: &mut Context<'_>,
        value: &mut Option<T>,
    ) -> Poll<Result<(), PushError<T>>> {
        if value.is_none() {
            return Poll::Ready(Ok(()));
        }
        let found = self.ends().head.0.bell.poll_until(cx, || match self.try_reserve() {
            Err(NoSlot::Full) => None,
            found => Some(found),
        });
        // Taken only now: a waker that panics leaves the value where it was.
        found.map(|found| match (found, value.take()) {
            (Ok(loan), Some(sent)) => loan.write(sent),
            (Err(error), Some(sent)) => Err(error.with(sent)),
            // Not reached: it was there.
            (_, None) => Ok(()),
        })
    }

    /// Pops the oldest value, or has the task woken when one may be there. As many tasks at a time
    /// can wait for a value as the bell has places for, see [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the queue is closed, or its [producers are
    /// gone](Queue::producers_are_gone), and nothing waits in it; [`Error::Corrupt`].
    pub fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        let handle = self.handle(Participant::LOCAL);
        let claim = self.ends().tail.0.bell.poll_until(cx, || handle.claim_or_end());
        claim.map(|claim| claim.map(Claim::take))
    }
}
