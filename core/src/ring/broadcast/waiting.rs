//! The forms that wait: for threads and for tasks, on broadcasts whose readers can sleep.

use super::{Missed, Reader};
use crate::plain::Plain;
use crate::wait::{Register, TimedOut, Wait, Wake};
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
/// assert_eq!(reader.recv(), Err(RecvError::Missed(2)));
/// assert_eq!(reader.recv(), Ok(3));
/// assert_eq!(reader.recv(), Err(RecvError::EndOfFile));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RecvError {
    /// The reader was too slow, and so many messages were overwritten before it got them. The next call goes on at the oldest
    /// that was still there.
    Missed(u64),
    /// The writer closed or died, and every message was read. Another writer may come: then the
    /// reader goes on.
    EndOfFile,
    /// The deadline passed first.
    TimedOut,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Missed(missed) => fmt::Display::fmt(&Missed(*missed), f),
            RecvError::EndOfFile => {
                f.write_str("the writer closed or died, and every message was read")
            }
            RecvError::TimedOut => fmt::Display::fmt(&TimedOut, f),
        }
    }
}

impl core::error::Error for RecvError {}

impl From<Missed> for RecvError {
    fn from(Missed(missed): Missed) -> RecvError {
        RecvError::Missed(missed)
    }
}

impl From<TimedOut> for RecvError {
    fn from(TimedOut: TimedOut) -> RecvError {
        RecvError::TimedOut
    }
}

impl<T: Plain, const N: usize, W: Wake> Reader<'_, T, N, W> {
    /// A message, or why there will be none; `None` when one may come.
    fn recv_or_end(&mut self) -> Option<Result<T, RecvError>> {
        if let Some(answer) = self.try_recv().transpose() {
            return Some(answer.map_err(RecvError::from));
        }
        // In this order: what the writer sent before it went is seen by the look after we see that it went.
        if self.writer_is_gone() {
            let answer = self.try_recv().transpose();
            return Some(
                answer.map_or(Err(RecvError::EndOfFile), |got| got.map_err(RecvError::from)),
            );
        }
        None
    }
}

impl<T: Plain, const N: usize, W: Wait> Reader<'_, T, N, W> {
    /// Copies the next message out; waits for one.
    ///
    /// # Errors
    /// [`RecvError::Missed`] when the next message was overwritten, [`RecvError::EndOfFile`] when
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
        let bell = self.stamped.bell();
        bell.wait_until(deadline, || self.recv_or_end())?
    }

    /// [`recv_or_end`](Self::recv_or_end), with the message in `out`.
    fn recv_into_or_end(&mut self, out: &mut T) -> Option<Result<(), RecvError>> {
        // In this order, as there: once more after we see that the writer went.
        for is_last in [false, true] {
            if is_last && !self.writer_is_gone() {
                return None;
            }
            match self.try_recv_into(out) {
                Ok(true) => return Some(Ok(())),
                Ok(false) => {}
                Err(missed) => return Some(Err(missed.into())),
            }
        }
        Some(Err(RecvError::EndOfFile))
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
        let bell = self.stamped.bell();
        bell.wait_until(deadline, || self.recv_into_or_end(out))?
    }
}

impl<T: Plain, const N: usize, W: Register> Reader<'_, T, N, W> {
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
        let bell = self.stamped.bell();
        bell.poll_until(cx, || self.recv_or_end())
    }

    /// Copies the next message out; awaits one. Cancelled, it consumes nothing.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_async(&mut self) -> impl Future<Output = Result<T, RecvError>> {
        poll_fn(|cx| self.poll_recv(cx))
    }
}
