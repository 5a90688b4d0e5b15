//! The forms that wait: for threads and for tasks, on rings whose sides can sleep.

use super::{Consumer, Full, Producer};
use crate::Error;
use crate::wait::{Register, Wait, Wake};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

/// Why a value was not pushed, and the value.
///
/// ```
/// use ringway_core::ring::{PushError, Ring};
/// use ringway_core::wait::Spin;
/// let mut ring = Ring::<_, 4, Spin>::new();
/// let (mut producer, consumer) = ring.split();
/// consumer.close();
/// assert_eq!(producer.push(5), Err(PushError::Closed(5)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// The consumer closed its half or died.
    Closed(T),
    /// The deadline passed first.
    TimedOut(T),
    /// The consumer stands where none can: something else wrote into the ring's memory. Lay it out
    /// anew.
    Corrupt(T),
}

impl<T> PushError<T> {
    /// The value that was not pushed.
    pub fn into_value(self) -> T {
        match self {
            PushError::Closed(value) | PushError::TimedOut(value) | PushError::Corrupt(value) => {
                value
            }
        }
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PushError::Closed(_) => "Closed(..)",
            PushError::Corrupt(_) => "Corrupt(..)",
            PushError::TimedOut(_) => "TimedOut(..)",
        })
    }
}

#[cfg(feature = "defmt")]
impl<T> defmt::Format for PushError<T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            PushError::Closed(_) => defmt::write!(f, "Closed(..)"),
            PushError::Corrupt(_) => defmt::write!(f, "Corrupt(..)"),
            PushError::TimedOut(_) => defmt::write!(f, "TimedOut(..)"),
        }
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(
            &match self {
                PushError::Closed(_) => Error::BrokenPipe,
                PushError::Corrupt(_) => Error::Corrupt,
                PushError::TimedOut(_) => Error::TimedOut,
            },
            f,
        )
    }
}

impl<T> core::error::Error for PushError<T> {}

/// What a push found: a final answer, or the value back because the ring is full.
enum Pushed<T> {
    Done(Result<(), PushError<T>>),
    Full(T),
}

impl<T, const N: usize, W: Wake> Producer<'_, T, N, W> {
    fn push_or_closed(&mut self, value: T) -> Pushed<T> {
        if self.consumer_is_gone() {
            return Pushed::Done(Err(PushError::Closed(value)));
        }
        match self.try_push(value) {
            Ok(()) => Pushed::Done(Ok(())),
            Err(Full(value)) if self.cursor.0.peer_is_corrupt() => {
                Pushed::Done(Err(PushError::Corrupt(value)))
            }
            Err(Full(value)) => Pushed::Full(value),
        }
    }
}

impl<T, const N: usize, W: Wait> Producer<'_, T, N, W> {
    /// Pushes one value; waits for room.
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died.
    pub fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.push_deadline(value, None)
    }

    /// Pushes one value; waits for room, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died, [`PushError::TimedOut`] when there
    /// was no room in time.
    ///
    /// ```
    /// use ringway_core::ring::{PushError, Ring};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mut ring = Ring::<_, 1, SpinClock<Hundred>>::new();
    /// let (mut producer, _consumer) = ring.split();
    /// assert_eq!(producer.push_deadline(1, Some(50)), Ok(()), "a deadline of the past is a try");
    /// assert_eq!(producer.push_deadline(2, Some(50)), Err(PushError::TimedOut(2)));
    /// ```
    pub fn push_deadline(
        &mut self,
        value: T,
        deadline: Option<W::Deadline>,
    ) -> Result<(), PushError<T>> {
        let header = self.cursor.0.header();
        let mut left = Some(value);
        let waited = header.consumer.0.bell.wait_until(deadline, || {
            match self.push_or_closed(left.take()?) {
                Pushed::Done(answer) => Some(answer),
                Pushed::Full(value) => {
                    left = Some(value);
                    None
                }
            }
        });
        match (waited, left) {
            (Ok(answer), _) => answer,
            (Err(_), Some(value)) => Err(PushError::TimedOut(value)),
            // Not reached: without an answer the value is still here.
            (Err(_), None) => Ok(()),
        }
    }
}

impl<T, const N: usize, W: Register> Producer<'_, T, N, W> {
    /// Pushes the value in `value`, or leaves it there and has the task woken when there may be room.
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::task::{Context, Waker};
    /// let mut ring = Ring::<_, 1, Async<Spin>>::new();
    /// let (mut producer, _consumer) = ring.split();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(producer.poll_push(&mut cx, &mut Some(1)).is_ready());
    /// let mut second = Some(2);
    /// assert!(producer.poll_push(&mut cx, &mut second).is_pending());
    /// assert_eq!(second, Some(2));
    /// ```
    pub fn poll_push(
        &mut self,
        cx: &mut Context<'_>,
        value: &mut Option<T>,
    ) -> Poll<Result<(), PushError<T>>> {
        let header = self.cursor.0.header();
        if value.is_none() {
            return Poll::Ready(Ok(()));
        }
        header.consumer.0.bell.poll_until(cx, || match self.push_or_closed(value.take()?) {
            Pushed::Done(answer) => Some(answer),
            Pushed::Full(back) => {
                *value = Some(back);
                None
            }
        })
    }

    /// Pushes one value; awaits room. Cancelled, it drops the value and pushes nothing; to keep the value, use
    /// [`poll_push`](Self::poll_push).
    ///
    /// # Errors
    /// [`PushError::Closed`] when the consumer closed or died.
    pub fn push_async(&mut self, value: T) -> impl Future<Output = Result<(), PushError<T>>> {
        // Not an `async fn`: the compiler gives those a panic for a poll after the end.
        let mut left = Some(value);
        poll_fn(move |cx| self.poll_push(cx, &mut left))
    }
}

impl<T, const N: usize, W: Wake> Consumer<'_, T, N, W> {
    /// A value, or why there will be none; `None` when one may come.
    fn pop_or_end(&mut self) -> Option<Result<T, Error>> {
        if let Some(value) = self.try_pop() {
            return Some(Ok(value));
        }
        // In this order: what the producer pushed before it went is seen by the look after we see that it went.
        if self.producer_is_gone() {
            return Some(self.try_pop().ok_or(Error::EndOfFile));
        }
        self.cursor.0.peer_is_corrupt().then_some(Err(Error::Corrupt))
    }
}

impl<T, const N: usize, W: Wait> Consumer<'_, T, N, W> {
    /// Pops the oldest value; waits for one.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped;
    /// [`Error::Corrupt`].
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::ring::Ring;
    /// use ringway_core::wait::Spin;
    /// let mut ring = Ring::<_, 4, Spin>::new();
    /// let (mut producer, mut consumer) = ring.split();
    /// std::thread::scope(|s| {
    ///     s.spawn(move || {
    ///         producer.push(1).unwrap();
    ///         producer.close();
    ///     });
    ///     assert_eq!(consumer.pop(), Ok(1));
    ///     assert_eq!(consumer.pop(), Err(Error::EndOfFile));
    /// });
    /// ```
    pub fn pop(&mut self) -> Result<T, Error> {
        self.pop_deadline(None)
    }

    /// Pops the oldest value; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped,
    /// [`Error::TimedOut`] when none came in time.
    pub fn pop_deadline(&mut self, deadline: Option<W::Deadline>) -> Result<T, Error> {
        let header = self.cursor.0.header();
        header.producer.0.bell.wait_until(deadline, || self.pop_or_end())?
    }
}

impl<T, const N: usize, W: Register> Consumer<'_, T, N, W> {
    /// Pops the oldest value, or has the task woken when one may be there.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped;
    /// [`Error::Corrupt`].
    pub fn poll_pop(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        let header = self.cursor.0.header();
        header.producer.0.bell.poll_until(cx, || self.pop_or_end())
    }

    /// Pops the oldest value; awaits one. Cancelled, it consumes nothing.
    ///
    /// # Errors
    /// [`Error::EndOfFile`] when the producer closed or died and everything was popped;
    /// [`Error::Corrupt`].
    pub fn pop_async(&mut self) -> impl Future<Output = Result<T, Error>> {
        poll_fn(|cx| self.poll_pop(cx))
    }
}
