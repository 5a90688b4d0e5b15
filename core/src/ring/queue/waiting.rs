//! The forms that wait, for threads and for tasks. All of them repeat one of two attempts: to take
//! a slot, or to claim a value.

use super::handle::{Claim, Handle, Loan};
use super::outcome::{NoMore, NoSlot};
use super::view::QueueView;
use crate::error::Error;
use crate::participant::Participant;
use crate::ring::PushError;
use crate::wait::{Register, TimedOut, Wait, Wake};
use core::future::poll_fn;
use core::task::{Context, Poll};

impl<'q, T, W: Wake> Handle<'q, T, W> {
    /// Tries to take a slot. `None` when one may come free later; an error when none will.
    fn attempt_reserve(&self) -> Option<Result<Loan<'q, T, W>, Error>> {
        match self.same().reserve_now() {
            Err(NoSlot::Full) => None,
            found => Some(found.map_err(Error::from)),
        }
    }

    /// Tries to claim a value. `None` when one may come later; an error when none will.
    fn attempt_claim(&self) -> Option<Result<Claim<'q, T, W>, Error>> {
        match self.same().claim_now() {
            Ok(None) if self.producers_are_gone() => {
                // This second look comes after the producers were seen to be gone. So it sees all
                // that they pushed before they went.
                Some(self.same().claim_now().ok().flatten().ok_or(Error::EndOfFile))
            }
            Ok(claim) => claim.map(Ok),
            Err(NoMore::Ended) => Some(Err(Error::EndOfFile)),
            Err(NoMore::Corrupt) => Some(Err(Error::Corrupt)),
        }
    }
}

impl<'q, T, W: Wait> Handle<'q, T, W> {
    /// Pushes one value as this participant; waits for room: [`QueueView::push`].
    ///
    /// # Errors
    /// [`PushError::Closed`] when the queue is closed, [`PushError::Corrupt`] when something else
    /// wrote into its memory. Each returns the value.
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.push_deadline(value, None)
    }

    /// Pushes one value; waits for room, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`PushError::TimedOut`] when there was no room in time, [`PushError::Closed`] when the queue
    /// is closed, [`PushError::Corrupt`] when something else wrote into its memory. Each returns
    /// the value.
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

    /// Pops the oldest value as this participant; waits for one: [`QueueView::pop`].
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when nothing waits in the queue and it is closed, or its [producers are
    /// gone](super::QueueWords::producers_are_gone). [`Error::Corrupt`] when something else wrote
    /// into its memory.
    pub fn pop(&self) -> Result<T, Error> {
        self.pop_deadline(None)
    }

    /// Pops the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when none came in time. Also the errors of [`pop`](Self::pop).
    pub fn pop_deadline(&self, deadline: Option<W::Deadline>) -> Result<T, Error> {
        self.claim_deadline(deadline).map(Claim::take)
    }

    /// Takes a slot to be filled in place; waits for one.
    ///
    /// The slot is free again if this participant dies. A large value is not moved here, as it is
    /// by [`push`](Self::push).
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
    ///         // SAFETY: the loan lends a slot of this size, and any bytes are a value.
    ///         unsafe { loan.as_uninit().as_mut_ptr().write_bytes(7, 1) };
    ///         // SAFETY: the line above wrote every byte.
    ///         unsafe { loan.commit() }.unwrap();
    ///     });
    ///     let frame = me.claim().unwrap();
    ///     assert_eq!(frame[65535], 7);
    ///     frame.complete();
    /// });
    /// ```
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the queue is closed, [`Error::Corrupt`] when something else wrote
    /// into its memory.
    pub fn reserve(&self) -> Result<Loan<'_, T, W>, Error> {
        self.reserve_deadline(None)
    }

    /// Takes a slot to be filled in place; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when no slot came free in time. Also the errors of
    /// [`reserve`](Self::reserve).
    pub fn reserve_deadline(&self, deadline: Option<W::Deadline>) -> Result<Loan<'_, T, W>, Error> {
        self.producers_bell().wait_until(deadline, || self.attempt_reserve())?
    }

    /// Claims the oldest value, to be used in place; waits for one.
    ///
    /// The value goes back into the queue if this participant dies.
    ///
    /// # Errors
    /// The errors of [`pop`](Self::pop).
    pub fn claim(&self) -> Result<Claim<'_, T, W>, Error> {
        self.claim_deadline(None)
    }

    /// Claims the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// The errors of [`pop_deadline`](Self::pop_deadline).
    pub fn claim_deadline(&self, deadline: Option<W::Deadline>) -> Result<Claim<'_, T, W>, Error> {
        self.consumers_bell().wait_until(deadline, || self.attempt_claim())?
    }

    /// Waits until every pushed value is done, at most until `deadline` (`None`: for ever).
    ///
    /// A value is done when it was popped, or its claim completed: see
    /// [`QueueWords::unfinished`](super::QueueWords::unfinished).
    ///
    /// # Errors
    /// [`TimedOut`] when some values were not done in time.
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
        let is_done = || (self.unfinished() == 0).then_some(());
        self.producers_bell().wait_until(deadline, is_done)
    }
}

/// The forms for tasks.
///
/// The bell has a number of places. That many tasks can wait for room at a time, and as many for a
/// value: see [`Async`](crate::wait::Async).
impl<'q, T, W: Register> Handle<'q, T, W> {
    /// Pushes the value in `value` as this participant, or has the task woken:
    /// [`QueueView::poll_push`].
    ///
    /// # Errors
    /// The errors of [`push`](QueueView::push).
    pub fn poll_push(
        &self,
        cx: &mut Context<'_>,
        value: &mut Option<T>,
    ) -> Poll<Result<(), PushError<T>>> {
        if value.is_none() {
            return Poll::Ready(Ok(()));
        }
        let loan = self.poll_reserve(cx);
        // Takes the value only now, so that a waker that panics leaves it where it was.
        loan.map(|loan| match (loan, value.take()) {
            (Ok(loan), Some(value)) => loan.write(value),
            (Err(error), Some(value)) => Err(PushError::new(error, value)),
            // Not reached: the check above found a value.
            (_, None) => Ok(()),
        })
    }

    /// Pops the oldest value as this participant, or has the task woken: [`QueueView::poll_pop`].
    ///
    /// # Errors
    /// The errors of [`pop`](QueueView::pop).
    pub fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.poll_claim(cx).map(|claim| claim.map(Claim::take))
    }

    /// Takes a slot to be filled in place, or has the task woken when one may be free.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the queue is closed, [`Error::Corrupt`] when something else wrote
    /// into its memory.
    pub fn poll_reserve(&self, cx: &mut Context<'_>) -> Poll<Result<Loan<'_, T, W>, Error>> {
        self.producers_bell().poll_until(cx, || self.attempt_reserve())
    }

    /// Claims the oldest value, or has the task woken when one may be there.
    ///
    /// # Errors
    /// The errors of [`pop`](QueueView::pop).
    pub fn poll_claim(&self, cx: &mut Context<'_>) -> Poll<Result<Claim<'_, T, W>, Error>> {
        self.consumers_bell().poll_until(cx, || self.attempt_claim())
    }

    /// Pushes one value; awaits room.
    ///
    /// If the future is dropped before it ends, the value is dropped with it.
    ///
    /// # Errors
    /// The errors of [`push`](QueueView::push).
    pub fn push_async(&self, value: T) -> impl Future<Output = Result<(), PushError<T>>> {
        let mut value = Some(value);
        poll_fn(move |cx| self.poll_push(cx, &mut value))
    }

    /// Pops the oldest value; awaits one.
    ///
    /// If the future is dropped before it ends, the value stays in the queue.
    ///
    /// # Errors
    /// The errors of [`pop`](QueueView::pop).
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
    /// If the future is dropped before it ends, it has taken no slot.
    ///
    /// # Errors
    /// The errors of [`poll_reserve`](Self::poll_reserve).
    pub fn reserve_async(&self) -> impl Future<Output = Result<Loan<'_, T, W>, Error>> {
        poll_fn(move |cx| self.poll_reserve(cx))
    }

    /// Claims the oldest value, to be used in place; awaits one.
    ///
    /// If the future is dropped before it ends, the value stays in the queue.
    ///
    /// # Errors
    /// The errors of [`pop`](QueueView::pop).
    pub fn claim_async(&self) -> impl Future<Output = Result<Claim<'_, T, W>, Error>> {
        poll_fn(move |cx| self.poll_claim(cx))
    }
}

impl<T, W: Wait> QueueView<T, W> {
    /// Pushes one value; waits for room.
    ///
    /// A [`handle`](QueueView::handle) has the other forms that wait.
    ///
    /// # Errors
    /// [`PushError::Closed`] when the queue is closed, [`PushError::Corrupt`] when something else
    /// wrote into its memory. Each returns the value.
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.handle(Participant::LOCAL).push(value)
    }

    /// Pops the oldest value; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when nothing waits in the queue and it is closed, or its [producers are
    /// gone](super::QueueWords::producers_are_gone). [`Error::Corrupt`] when something else wrote
    /// into its memory.
    pub fn pop(&self) -> Result<T, Error> {
        self.handle(Participant::LOCAL).pop()
    }
}

impl<T, W: Register> QueueView<T, W> {
    /// Pushes the value in `value`, or leaves it there and has the task woken.
    ///
    /// The task is woken when there may be room. The bell has a number of places, and that many
    /// tasks can wait for room at a time: see [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// [`PushError::Closed`] when the queue is closed, [`PushError::Corrupt`] when something else
    /// wrote into its memory. Each returns the value.
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

    /// Pops the oldest value, or has the task woken when one may be there.
    ///
    /// The bell has a number of places, and that many tasks can wait for a value at a time: see
    /// [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// The errors of [`pop`](Self::pop).
    pub fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.handle(Participant::LOCAL).poll_pop(cx)
    }
}
