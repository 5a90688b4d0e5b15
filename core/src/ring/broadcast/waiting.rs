//! The forms that wait: for threads and for tasks, on broadcasts whose readers can sleep.

use super::Reader;
use super::seq_slots::{SeqSlotsRef, Standing};
use crate::plain::Plain;
use crate::storage::Capacity;
use crate::wait::{Register, TimedOut, Wait, Wake, look_or_end};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

/// Why there is no message.
///
/// ```
/// use ringway_core::ring::broadcast::{Broadcast, RecvError};
/// use ringway_core::wait::Spin;
/// let mut broadcast = Broadcast::<_, 1, Spin>::new();
/// let (mut writer, mut reader) = broadcast.split();
/// (1..=3).for_each(|message| writer.send(message));
/// writer.close();
/// assert_eq!(reader.recv(), Err(RecvError::Lagged(2)));
/// assert_eq!(reader.recv(), Ok(3));
/// assert_eq!(reader.recv(), Err(RecvError::EndOfFile));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RecvError {
    /// The reader was too slow, and so many messages were overwritten before it got them. The next call goes on at the oldest
    /// that was still there.
    Lagged(u64),
    /// The writer closed or died, and every message was read. Another writer may come: then the
    /// reader goes on.
    EndOfFile,
    /// The deadline passed first.
    TimedOut,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Lagged(missed) => write!(
                f,
                "the reader was too slow and missed {missed} messages; the next call goes on behind them"
            ),
            RecvError::EndOfFile => {
                f.write_str("the writer closed or died, and every message was read")
            }
            RecvError::TimedOut => fmt::Display::fmt(&TimedOut, f),
        }
    }
}

impl core::error::Error for RecvError {}

impl From<TimedOut> for RecvError {
    fn from(TimedOut: TimedOut) -> RecvError {
        RecvError::TimedOut
    }
}

impl<'a, T: Plain, W: Wake, C: Capacity> Reader<'a, T, W, C> {
    /// What `read` makes of a message, or why there will be none; `None` when one may come.
    pub(super) fn attempt_or_end<R>(
        &mut self,
        mut read: impl FnMut(SeqSlotsRef<'a, T, W, C>, Standing<T, C>) -> Option<R>,
    ) -> Option<Result<R, RecvError>> {
        look_or_end(
            self,
            |reader| reader.attempt(&mut read).transpose(),
            |reader| reader.writer_is_gone().then_some(Err(RecvError::EndOfFile)),
        )
    }
}

impl<T: Plain, W: Wait, C: Capacity> Reader<'_, T, W, C> {
    /// Copies the next message out; waits for one.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] when the next message was overwritten, [`RecvError::EndOfFile`] when
    /// the writer closed or died and everything was read.
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.recv_deadline(None)
    }

    /// Copies the next message out; waits for one, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`RecvError::TimedOut`] when none came in time.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::{Broadcast, RecvError};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mut broadcast = Broadcast::<u32, 4, SpinClock<Hundred>>::new();
    /// let (_writer, mut reader) = broadcast.split();
    /// assert_eq!(reader.recv_deadline(Some(50)), Err(RecvError::TimedOut));
    /// ```
    pub fn recv_deadline(&mut self, deadline: Option<W::Deadline>) -> Result<T, RecvError> {
        let bell = self.slots.line().bell();
        bell.wait_until(deadline, || self.attempt_or_end(SeqSlotsRef::read))?
    }

    /// Copies the next message into `out`; waits for one. For a large message, as
    /// [`try_recv_into`](Self::try_recv_into).
    ///
    /// # Errors
    /// As [`recv`](Self::recv). What is in `out` then is of no message.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// use ringway_core::wait::Spin;
    /// let mut frames = Broadcast::<[u8; 4096], 2, Spin>::new();
    /// let (mut writer, mut reader) = frames.split();
    /// writer.send_from(&[7; 4096]);
    /// let mut frame = Box::new([0; 4096]);
    /// reader.recv_into(&mut frame).unwrap();
    /// assert_eq!(*frame, [7; 4096]);
    /// ```
    pub fn recv_into(&mut self, out: &mut T) -> Result<(), RecvError> {
        self.recv_into_deadline(out, None)
    }

    /// [`recv_into`](Self::recv_into), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// As [`recv_deadline`](Self::recv_deadline). What is in `out` then is of no message.
    pub fn recv_into_deadline(
        &mut self,
        out: &mut T,
        deadline: Option<W::Deadline>,
    ) -> Result<(), RecvError> {
        let bell = self.slots.line().bell();
        bell.wait_until(deadline, || self.attempt_or_end(|slots, next| slots.read_into(next, out)))?
    }
}

impl<T: Plain, W: Register, C: Capacity> Reader<'_, T, W, C> {
    /// Copies the next message out, or has the task woken when one may be there. As many tasks at a
    /// time can wait as the bell has places for, see [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::task::{Context, Poll, Waker};
    /// let mut broadcast = Broadcast::<_, 4, Async<Spin>>::new();
    /// let (mut writer, mut reader) = broadcast.split();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(reader.poll_recv(&mut cx).is_pending());
    /// writer.send(1);
    /// assert_eq!(reader.poll_recv(&mut cx), Poll::Ready(Ok(1)));
    /// ```
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        let bell = self.slots.line().bell();
        bell.poll_until(cx, || self.attempt_or_end(SeqSlotsRef::read))
    }

    /// Copies the next message out; awaits one. Cancelled, it consumes nothing.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_async(&mut self) -> impl Future<Output = Result<T, RecvError>> {
        poll_fn(|cx| self.poll_recv(cx))
    }

    /// Copies the next message into `out`, or has the task woken when one may be there. For a large message, as
    /// [`recv_into`](Self::recv_into).
    ///
    /// # Errors
    /// As [`recv`](Self::recv). What is in `out` without a message is of none.
    ///
    /// ```
    /// use ringway_core::ring::broadcast::Broadcast;
    /// use ringway_core::wait::Async;
    /// use std::task::{Context, Poll, Waker};
    /// let mut frames = Broadcast::<[u8; 4096], 2, Async>::new();
    /// let (mut writer, mut reader) = frames.split();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut frame = Box::new([0; 4096]);
    /// assert!(reader.poll_recv_into(&mut cx, &mut frame).is_pending());
    /// writer.send_from(&[7; 4096]);
    /// assert_eq!(reader.poll_recv_into(&mut cx, &mut frame), Poll::Ready(Ok(())));
    /// assert_eq!(*frame, [7; 4096]);
    /// ```
    pub fn poll_recv_into(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut T,
    ) -> Poll<Result<(), RecvError>> {
        let bell = self.slots.line().bell();
        bell.poll_until(cx, || self.attempt_or_end(|slots, next| slots.read_into(next, out)))
    }

    /// Copies the next message into `out`; awaits one. Cancelled, it consumes nothing.
    ///
    /// # Errors
    /// As [`recv_into`](Self::recv_into).
    pub fn recv_into_async(&mut self, out: &mut T) -> impl Future<Output = Result<(), RecvError>> {
        poll_fn(|cx| self.poll_recv_into(cx, out))
    }
}
