//! What drives a link: the descriptors, the bytes between them and the core, and the clock.

use crate::fd::{self, Interest, WaitSet};
use crate::{CoreError, Result};
use rustix::io::Errno;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// A stream that can carry a link: anything with a descriptor.
///
/// The link keeps it open.
pub trait Stream: AsFd + fmt::Debug + Send + Sync + 'static {}

impl<T: AsFd + fmt::Debug + Send + Sync + 'static> Stream for T {}

/// One stream in both directions, or a pair `(from, to)`. The compiler infers `M`.
pub trait Streams<M> {
    /// The stream to read from, and the stream to write to, if that is another one.
    #[doc(hidden)]
    fn ends(self) -> (Box<dyn Stream>, Option<Box<dyn Stream>>);
}

impl<T: Stream> Streams<()> for T {
    fn ends(self) -> (Box<dyn Stream>, Option<Box<dyn Stream>>) {
        (Box::new(self), None)
    }
}

impl<From: Stream, To: Stream> Streams<(From, To)> for (From, To) {
    fn ends(self) -> (Box<dyn Stream>, Option<Box<dyn Stream>>) {
        (Box::new(self.0), Some(Box::new(self.1)))
    }
}

/// Bytes to read and write at once.
pub(super) const PIECE: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Wire {
    from: Box<dyn Stream>,
    /// The stream to write to, if it is not `from`.
    to: Option<Box<dyn Stream>>,
    began: Instant,
    input: Box<[u8]>,
    output: Box<[u8]>,
    /// The part of `output` that is still to be written.
    left: std::ops::Range<usize>,
    /// Set when the link reads and writes no more.
    ended: bool,
}

/// The result of a read from the line.
pub(super) enum Arrived<'a> {
    Nothing,
    /// Some bytes. There may be more.
    Bytes(&'a [u8]),
    End,
}

impl Wire {
    pub(super) fn new((from, to): (Box<dyn Stream>, Option<Box<dyn Stream>>)) -> Self {
        let piece = || vec![0; PIECE].into_boxed_slice();
        let (input, output) = (piece(), piece());
        let wire =
            Wire { from, to, began: Instant::now(), input, output, left: 0..0, ended: false };
        wire.disable_delay();
        wire
    }

    /// Turns off the delay of small TCP writes: credits and answers are small, and the peer waits
    /// for them.
    fn disable_delay(&self) {
        // Streams of other kinds refuse the option, so the result does not matter.
        let _ = rustix::net::sockopt::set_tcp_nodelay(self.output(), true);
    }

    /// Takes another stream in place of this one. The clock goes on.
    pub(super) fn replace(&mut self, ends: (Box<dyn Stream>, Option<Box<dyn Stream>>)) {
        (self.from, self.to) = ends;
        (self.left, self.ended) = (0..0, false);
        self.disable_delay();
    }

    /// Drops the bytes that wait to be written.
    pub(super) fn drop_output(&mut self) {
        self.left = 0..0;
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
        self.left = 0..0;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn input(&self) -> BorrowedFd<'_> {
        self.from.as_fd()
    }

    pub(super) fn output(&self) -> BorrowedFd<'_> {
        self.to.as_ref().unwrap_or(&self.from).as_fd()
    }

    /// The time on the link's clock, in milliseconds.
    pub(super) fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Converts a time of the link's clock; `None` if the system cannot represent it.
    pub(super) fn at(&self, ticks: u64) -> Option<Instant> {
        self.began.checked_add(Duration::from_millis(ticks))
    }

    /// Reads the bytes that are there, without waiting.
    pub(super) fn read(&mut self) -> Result<Arrived<'_>> {
        if self.ended {
            return Ok(Arrived::Nothing);
        }
        match fd::try_read(&self.from, &mut self.input) {
            Ok(0) => Ok(Arrived::End),
            Ok(n) => Ok(Arrived::Bytes(self.input.get(..n).unwrap_or_default())),
            Err(error) if error.is(CoreError::WouldBlock) => Ok(Arrived::Nothing),
            Err(error) if is_end(&error) => Ok(Arrived::End),
            Err(error) => Err(error),
        }
    }

    /// Writes the bytes that `next` puts into a buffer, until it has none or there is no more room.
    ///
    /// Returns `false` if nobody reads there any more.
    pub(super) fn write(&mut self, mut next: impl FnMut(u64, &mut [u8]) -> usize) -> Result<bool> {
        while !self.ended {
            if self.left.is_empty() {
                let now = self.now();
                self.left = 0..next(now, &mut self.output);
                if self.left.is_empty() {
                    break;
                }
            }
            let bytes = self.output.get(self.left.clone()).unwrap_or_default();
            let to = self.to.as_ref().unwrap_or(&self.from);
            match fd::try_write(to, bytes) {
                // The device takes nothing now.
                Ok(0) => break,
                Ok(n) => self.left.start += n,
                Err(error) if error.is(CoreError::WouldBlock) => break,
                Err(error) if is_end(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Whether bytes wait to be written.
    pub(super) fn is_blocked(&self) -> bool {
        !self.left.is_empty()
    }

    /// Waits until bytes come or there is room for the waiting ones, at most until `until`.
    pub(super) fn wait(&self, until: Option<Instant>) -> Result<()> {
        let mut set = WaitSet::new();
        if !self.ended {
            match &self.to {
                None if self.is_blocked() => _ = set.add(&self.from, Interest::ReadWrite),
                None => _ = set.add(&self.from, Interest::Read),
                Some(to) => {
                    set.add(&self.from, Interest::Read);
                    if self.is_blocked() {
                        set.add(to, Interest::Write);
                    }
                }
            }
        }
        match set.wait_deadline(until) {
            Err(error) if !error.is(CoreError::TimedOut) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether this error says that the other side is gone. A terminal that hung up says `EIO`.
fn is_end(error: &crate::Error) -> bool {
    error.is(CoreError::BrokenPipe)
        || error.is(CoreError::Reset)
        || error.cause() == crate::Cause::Os(Errno::IO)
}
