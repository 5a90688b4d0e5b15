//! The forms that wait, for threads and for tasks. All come from two attempts: to take a slot, and
//! to claim a value.

use super::handle::{Claim, Handle, Loan};
use super::look::QueueView;
use super::shared::{NoMore, NoSlot};
use crate::error::Error;
use crate::participant::Participant;
use crate::ring::PushError;
use crate::wait::{Register, TimedOut, Wait, Wake};
use core::future::poll_fn;
use core::task::{Context, Poll};

impl<'q, T, W: Wake> Handle<'q, T, W> {
    /// A slot, or that there will be none; `None` when one may come free.
    fn attempt_reserve(&self) -> Option<Result<Loan<'q, T, W>, Error>> {
        match self.same().reserve_now() {
            Err(NoSlot::Full) => None,
            found => Some(found.map_err(Error::from)),
        }
    }

    /// A claim, or that there will be none; `None` when one may come.
    fn attempt_claim(&self) -> Option<Result<Claim<'q, T, W>, Error>> {
        match self.same().claim_now() {
            Ok(None) if self.producers_are_gone() => {
                // In this order: what they pushed before they went is seen by the look after we see
                // that they went.
                Some(self.same().claim_now().ok().flatten().ok_or(Error::EndOfFile))
            }
            Ok(claim) => claim.map(Ok),
            Err(NoMore::Ended) => Some(Err(Error::EndOfFile)),
            Err(NoMore::Corrupt) => Some(Err(Error::Corrupt)),
        }
    }
}

impl<'q, T, W: Wait> Handle<'q, T, W> {
    /// [`QueueView::push`] by this participant.
    ///
    /// # Errors
    /// [`PushError::Closed`] with the value, when the queue is closed; [`PushError::Corrupt`] with
    /// it.
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.push_deadline(value, None)
    }

    /// Pushes one value; waits for room, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`PushError::TimedOut`] when there was no room in time, [`PushError::Closed`] when the queue
    /// is closed; [`PushError::Corrupt`]; with the value.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::{PushError, queue::Queue};
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
    /// assert_eq!(handle.push_deadline(2, Some(50)), Err(PushError::TimedOut(2)));
    /// ```
    pub fn push_deadline(
        &self,
        value: T,
        deadline: Option<W::Deadline>,
    ) -> Result<(), PushError<T>> {
        match self.reserve_deadline(deadline) {
            Ok(loan) => loan.write(value),
            Err(error) => Err(PushError::new(error, value)),
        }
    }

    /// [`QueueView::pop`] by this participant.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the queue is closed, or its [producers are
    /// gone](super::QueueWords::producers_are_gone), and nothing waits in it; [`Error::Corrupt`].
    pub fn pop(&self) -> Result<T, Error> {
        self.pop_deadline(None)
    }

    /// Pops the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when none came in time; as [`pop`](Self::pop).
    pub fn pop_deadline(&self, deadline: Option<W::Deadline>) -> Result<T, Error> {
        self.claim_deadline(deadline).map(Claim::take)
    }

    /// Takes a slot to be filled in place, which is free again if this participant dies; waits for
    /// one. A large value is not moved, as it is by [`push`](Self::push).
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::Spin;
    /// static FRAMES: Queue<[u8; 65536], 2, Spin> = Queue::new();
    /// let me = &FRAMES.handle(Participant::LOCAL);
    /// std::thread::scope(|s| {
    ///     s.spawn(move || {
    ///         let mut loan = me.reserve().unwrap();
    ///         // SAFETY: bytes, all of which are written.
    ///         unsafe { loan.as_uninit().as_mut_ptr().write_bytes(7, 1) };
    ///         // SAFETY: as above.
    ///         unsafe { loan.commit() }.unwrap();
    ///     });
    ///     let frame = me.claim().unwrap();
    ///     assert_eq!(frame[65535], 7);
    ///     frame.complete();
    /// });
    /// ```
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the queue is closed; [`Error::Corrupt`].
    pub fn reserve(&self) -> Result<Loan<'_, T, W>, Error> {
        self.reserve_deadline(None)
    }

    /// [`reserve`](Self::reserve), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when no slot came free in time; as [`reserve`](Self::reserve).
    pub fn reserve_deadline(&self, deadline: Option<W::Deadline>) -> Result<Loan<'_, T, W>, Error> {
        self.shared().head.bell.wait_until(deadline, || self.attempt_reserve())?
    }

    /// Claims the oldest value, to be used in place, and given back if this participant dies; waits
    /// for one.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    pub fn claim(&self) -> Result<Claim<'_, T, W>, Error> {
        self.claim_deadline(None)
    }

    /// [`claim`](Self::claim), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As [`pop_deadline`](Self::pop_deadline).
    pub fn claim_deadline(&self, deadline: Option<W::Deadline>) -> Result<Claim<'_, T, W>, Error> {
        self.shared().tail.bell.wait_until(deadline, || self.attempt_claim())?
    }

    /// Waits until every value that was pushed is done with: popped, or its claim completed; at
    /// most until `deadline` (`None`: for ever). See
    /// [`QueueWords::unfinished`](super::QueueWords::unfinished).
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
    ///     s.spawn(|| handle.claim().unwrap().complete());
    ///     handle.join_deadline(None).unwrap();
    /// });
    /// ```
    pub fn join_deadline(&self, deadline: Option<W::Deadline>) -> Result<(), TimedOut> {
        let shared = self.shared();
        shared.head.bell.wait_until(deadline, || (shared.unfinished() == 0).then_some(()))
    }
}

/// For tasks. As many at a time can wait for room, and as many for a value, as the bell has places
/// for: see [`Async`](crate::wait::Async).
impl<'q, T, W: Register> Handle<'q, T, W> {
    /// [`QueueView::poll_push`] by this participant.
    ///
    /// # Errors
    /// As [`push`](QueueView::push).
    pub fn poll_push(
        &self,
        cx: &mut Context<'_>,
        value: &mut Option<T>,
    ) -> Poll<Result<(), PushError<T>>> {
        if value.is_none() {
            return Poll::Ready(Ok(()));
        }
        let loan = self.poll_reserve(cx);
        // Taken only now: a waker that panics leaves the value where it was.
        loan.map(|loan| match (loan, value.take()) {
            (Ok(loan), Some(value)) => loan.write(value),
            (Err(error), Some(value)) => Err(PushError::new(error, value)),
            // Not reached: it was there.
            (_, None) => Ok(()),
        })
    }

    /// [`QueueView::poll_pop`] by this participant.
    ///
    /// # Errors
    /// As [`pop`](QueueView::pop).
    pub fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.poll_claim(cx).map(|claim| claim.map(Claim::take))
    }

    /// Takes a slot to be filled in place, or has the task woken when one may be free.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the queue is closed; [`Error::Corrupt`].
    pub fn poll_reserve(&self, cx: &mut Context<'_>) -> Poll<Result<Loan<'_, T, W>, Error>> {
        self.shared().head.bell.poll_until(cx, || self.attempt_reserve())
    }

    /// Claims the oldest value, or has the task woken when one may be there.
    ///
    /// # Errors
    /// As [`pop`](QueueView::pop).
    pub fn poll_claim(&self, cx: &mut Context<'_>) -> Poll<Result<Claim<'_, T, W>, Error>> {
        self.shared().tail.bell.poll_until(cx, || self.attempt_claim())
    }

    /// Pushes one value; awaits room. The value is dropped with the future if that is dropped
    /// before it ends.
    ///
    /// # Errors
    /// As [`push`](QueueView::push).
    pub fn push_async(&self, value: T) -> impl Future<Output = Result<(), PushError<T>>> {
        let mut value = Some(value);
        poll_fn(move |cx| self.poll_push(cx, &mut value))
    }

    /// Pops the oldest value; awaits one.
    ///
    /// # Errors
    /// As [`pop`](QueueView::pop).
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::{Async, Spin};
    /// static JOBS: Queue<u32, 4, Async<Spin>> = Queue::new();
    /// async fn work() -> Result<u32, Box<dyn std::error::Error>> {
    ///     let me = JOBS.handle(Participant::LOCAL);
    ///     me.push_async(1).await?;
    ///     let job = me.claim_async().await?;
    ///     let done = *job + 1;
    ///     job.complete();
    ///     Ok(done)
    /// }
    /// # let mut work = std::pin::pin!(work());
    /// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(matches!(work.as_mut().poll(&mut cx), std::task::Poll::Ready(Ok(2))));
    /// ```
    pub fn pop_async(&self) -> impl Future<Output = Result<T, Error>> {
        poll_fn(move |cx| self.poll_pop(cx))
    }

    /// Takes a slot to be filled in place; awaits one.
    ///
    /// # Errors
    /// As [`poll_reserve`](Self::poll_reserve).
    pub fn reserve_async(&self) -> impl Future<Output = Result<Loan<'_, T, W>, Error>> {
        poll_fn(move |cx| self.poll_reserve(cx))
    }

    /// Claims the oldest value, to be used in place; awaits one.
    ///
    /// # Errors
    /// As [`pop`](QueueView::pop).
    pub fn claim_async(&self) -> impl Future<Output = Result<Claim<'_, T, W>, Error>> {
        poll_fn(move |cx| self.poll_claim(cx))
    }
}

impl<T, W: Wait> QueueView<T, W> {
    /// Pushes one value; waits for room. The other forms that wait are those of a
    /// [`handle`](QueueView::handle).
    ///
    /// # Errors
    /// [`PushError::Closed`] with the value, when the queue is closed; [`PushError::Corrupt`] with
    /// it.
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.handle(Participant::LOCAL).push(value)
    }

    /// Pops the oldest value; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the queue is closed, or its [producers are
    /// gone](super::QueueWords::producers_are_gone), and nothing waits in it; [`Error::Corrupt`].
    pub fn pop(&self) -> Result<T, Error> {
        self.handle(Participant::LOCAL).pop()
    }
}

impl<T, W: Register> QueueView<T, W> {
    /// Pushes the value in `value`, or leaves it there and has the task woken when there may be
    /// room. As many tasks at a time can wait for room as the bell has places for, see
    /// [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// [`PushError::Closed`] with the value, when the queue is closed; [`PushError::Corrupt`] with
    /// it.
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
        self.handle(Participant::LOCAL).poll_push(cx, value)
    }

    /// Pops the oldest value, or has the task woken when one may be there. As many tasks at a time
    /// can wait for a value as the bell has places for, see [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    pub fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.handle(Participant::LOCAL).poll_pop(cx)
    }
}
