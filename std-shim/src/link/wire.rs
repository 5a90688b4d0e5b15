//! What a link is driven over: the descriptors, the bytes between them and the link, and the clock.

use crate::fd::{self, Interest, WaitSet};
use crate::{CoreError, Result};
use rustix::io::Errno;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// What can carry a link: anything with a descriptor, kept open as long as the link has it.
pub trait Stream: AsFd + fmt::Debug + Send + Sync + 'static {}

impl<T: AsFd + fmt::Debug + Send + Sync + 'static> Stream for T {}

/// One stream both ways, or two, `(from, to)`. `M` is found by the compiler.
pub trait Streams<M> {
    /// Where bytes are read, and where they are written unless that is the same.
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

/// So much is read and written at once.
pub(super) const PIECE: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Wire {
    from: Box<dyn Stream>,
    /// Where bytes are written, unless that is the same.
    to: Option<Box<dyn Stream>>,
    began: Instant,
    input: Box<[u8]>,
    output: Box<[u8]>,
    /// What of `output` is still to be written.
    left: std::ops::Range<usize>,
    /// Nothing is read or written any more.
    ended: bool,
}

/// What a look at the line found.
pub(super) enum Arrived<'a> {
    Nothing,
    /// These, and perhaps more.
    Bytes(&'a [u8]),
    End,
}

impl Wire {
    pub(super) fn new((from, to): (Box<dyn Stream>, Option<Box<dyn Stream>>)) -> Self {
        let piece = || vec![0; PIECE].into_boxed_slice();
        let (input, output) = (piece(), piece());
        let wire =
            Wire { from, to, began: Instant::now(), input, output, left: 0..0, ended: false };
        wire.hasten();
        wire
    }

    /// Credits and answers are small, and whoever is to go on waits for them: TCP must not keep
    /// them back.
    fn hasten(&self) {
        // Every other stream says that it has no such option.
        let _ = rustix::net::sockopt::set_tcp_nodelay(self.output(), true);
    }

    /// Another stream in place of this one; the clock goes on.
    pub(super) fn replace(&mut self, ends: (Box<dyn Stream>, Option<Box<dyn Stream>>)) {
        (self.from, self.to) = ends;
        (self.left, self.ended) = (0..0, false);
        self.hasten();
    }

    /// What waits to be written is not.
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

    /// The link's clock counts milliseconds.
    pub(super) fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// When the link's clock says so; `None` for a time that the system cannot count.
    pub(super) fn at(&self, ticks: u64) -> Option<Instant> {
        self.began.checked_add(Duration::from_millis(ticks))
    }

    /// Reads what is there.
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

    /// Writes what `next` puts into a buffer until that is nothing, or as far as there is room.
    ///
    /// `false`: nobody reads there any more.
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
                // A device that takes nothing just now.
                Ok(0) => break,
                Ok(n) => self.left.start += n,
                Err(error) if error.is(CoreError::WouldBlock) => break,
                Err(error) if is_end(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Whether bytes wait for room.
    pub(super) fn is_blocked(&self) -> bool {
        !self.left.is_empty()
    }

    /// Waits until bytes come, or there is room for those that wait; at most until `until`.
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

/// Whether that is how the system says that the other side is gone. A terminal that hung up says
/// `EIO`.
fn is_end(error: &crate::Error) -> bool {
    error.is(CoreError::BrokenPipe)
        || error.is(CoreError::Reset)
        || error.cause() == crate::Cause::Os(Errno::IO)
}
