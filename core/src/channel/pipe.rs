//! A one-way byte stream in memory: one reader, one or several writers.
//!
//! It behaves as the pipe of POSIX does (`pipe(7)`):
//!
//! - Reading gives what there is and waits only when there is nothing. When the last writer is gone and
//!   everything was read, a read gives 0 bytes: the end of file.
//! - Writing with no reader left is [`Error::BrokenPipe`].
//! - A write of at most [`Pipe::ATOMIC`] bytes is all or nothing, and never mixed with another writer's. A longer
//!   one may be cut in pieces.
//! - A write of no bytes, and a read into no room, do nothing and succeed.
//!
//! Unlike there, there is one reader at a time and the pipe is reused: when both ends are closed, [`Pipe::open`]
//! gives new ones, and what nobody read is discarded.
//!
//! # What it costs
//!
//! While there is one writer, a write and a read are loads, stores and a copy, as with the
//! [byte ring](crate::ring::bytes) inside. Several writers take turns through a word of their own, with two
//! read-modify-writes a write. A writer that finds another in its turn does not spin: `try_write` says
//! [`Error::WouldBlock`] and the waiting forms wait, so that an interrupt can write to the pipe whose
//! other writer it interrupted. With `W` = [`Spin`] nobody is ever woken, hence waking costs nothing; then contexts that
//! interrupt each other use the `try_` forms alone.
//!
//! ```
//! use ringway_core::channel::pipe::Pipe;
//! static LOG: Pipe<256> = Pipe::new();
//!
//! let (mut reader, mut writer) = LOG.open().unwrap();
//! let mut interrupt = writer.try_clone().unwrap(); // for another context
//! writer.try_write(b"main, ").unwrap();
//! interrupt.try_write(b"interrupt").unwrap();
//!
//! let mut out = [0; 32];
//! assert_eq!(reader.try_read(&mut out), Ok(15));
//! assert_eq!(&out[..15], b"main, interrupt");
//! ```

use super::{Event, State};
use crate::Error;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::ring::bytes::{Consumer, Producer, WriteAllError};
use crate::sync::const_unless_loom;
use crate::wait::{Doorbell, Register, Spin, Wait, Wake};
use core::future::poll_fn;
use core::mem::ManuallyDrop;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::task::{Context, Poll};

mod shared;
pub(super) use shared::{Ends, Opened, Shared};

/// A pipe that holds `N` bytes. `W` says how its ends sleep.
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::pipe::Pipe;
/// let mut pipe: Pipe<16> = Pipe::new(); // on the stack
/// let (mut reader, mut writer) = pipe.split();
/// std::thread::scope(|s| {
///     s.spawn(move || writer.write(b"a pipe holds less than this").unwrap());
///     let mut all = Vec::new();
///     let mut out = [0; 8];
///     loop {
///         match reader.read(&mut out).unwrap() {
///             0 => break, // the writer is gone
///             count => all.extend_from_slice(&out[..count]),
///         }
///     }
///     assert_eq!(all, b"a pipe holds less than this");
/// });
/// ```
#[derive(Debug)]
pub struct Pipe<const N: usize, W: Wake = Spin> {
    pub(super) shared: Shared<N, W>,
}

// SAFETY: all that it has is made there.
#[cfg(not(loom))]
unsafe impl<const N: usize, W: Wake> InPlace for Pipe<N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        // SAFETY: within the place, which is ours.
        let shared = unsafe { &raw mut (*place.as_mut_ptr()).shared };
        // SAFETY: as above; nothing else refers to these bytes.
        Shared::init(unsafe { &mut *shared.cast::<MaybeUninit<Shared<N, W>>>() }, Opened::Together);
        // SAFETY: just made.
        unsafe { place.assume_init_mut() }
    }
}

impl<const N: usize, W: Wake> Pipe<N, W> {
    /// The most bytes that a write puts in all or nothing (`PIPE_BUF`): the capacity, at most 4096.
    ///
    /// ```
    /// use ringway_core::channel::pipe::Pipe;
    /// assert_eq!(Pipe::<100>::ATOMIC, 100);
    /// assert_eq!(Pipe::<65536>::ATOMIC, 4096);
    /// ```
    pub const ATOMIC: usize = Shared::<N, W>::ATOMIC;

    const_unless_loom! {
        /// A pipe with no end open.
        ///
        /// ```
        /// use ringway_core::channel::pipe::Pipe;
        /// use ringway_core::wait::{Async, Spin};
        /// static PIPE: Pipe<1024> = Pipe::new();
        /// static AWAITED: Pipe<64, Async<Spin>> = Pipe::new();
        /// assert!(PIPE.open().is_ok());
        /// ```
        pub fn new() -> Self {
            Pipe { shared: Shared::new(Opened::Together) }
        }
    }

    /// How many bytes the pipe holds.
    pub const fn capacity(&self) -> usize {
        N
    }
}

impl<const N: usize, W: Wake> Default for Pipe<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, W: Wait> Pipe<N, W> {
    /// Both ends, as `pipe(2)` gives them. Any context may ask. More writers come from [`Writer::try_clone`].
    ///
    /// # Errors
    /// [`Error::Taken`] while any end of it is open.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::pipe::Pipe;
    /// static PIPE: Pipe<8> = Pipe::new();
    /// let (reader, writer) = PIPE.open().unwrap();
    /// assert_eq!(PIPE.open().err(), Some(Error::Taken));
    /// drop((reader, writer));
    /// assert!(PIPE.open().is_ok());
    /// ```
    pub fn open(&self) -> Result<(Reader<'_, N, W>, Writer<'_, N, W>), Error> {
        self.shared.open_both()?;
        Ok((Reader::new(&self.shared), Writer::new(&self.shared)))
    }

    /// Both ends of a pipe that the caller owns. Needs no read-modify-write.
    pub fn split(&mut self) -> (Reader<'_, N, W>, Writer<'_, N, W>) {
        self.shared.own_both();
        (Reader::new(&self.shared), Writer::new(&self.shared))
    }
}

/// The end that reads. Dropping it closes it.
///
/// It can move to another thread or context, and is used from one at a time.
#[derive(Debug)]
pub struct Reader<'a, const N: usize, W: Wait = Spin> {
    shared: &'a Shared<N, W>,
    half: ManuallyDrop<Consumer<'a, N, W>>,
}

impl<'a, const N: usize, W: Wait> Reader<'a, N, W> {
    /// For the one who just entered as the reader.
    pub(super) fn new(shared: &'a Shared<N, W>) -> Self {
        // SAFETY: the caller is the only reader, and came in behind the one before (`Shared`).
        let half = unsafe { shared.reading() };
        Reader { shared, half }
    }

    /// Where this end is in its life: receiving, or at the end of file.
    ///
    /// ```
    /// use ringway_core::channel::State;
    /// use ringway_core::channel::pipe::Pipe;
    /// let mut pipe: Pipe<8> = Pipe::new();
    /// let (mut reader, writer) = pipe.split();
    /// assert_eq!(reader.state(), State::READER);
    /// drop(writer);
    /// assert!(!reader.state().can_recv());
    /// ```
    pub fn state(&mut self) -> State {
        let state = self.shared.ends().reader_state();
        if self.half.is_empty() { state } else { State::READER }
    }

    /// Reads what there is, at most `out.len()` bytes, and returns how many; never waits. 0 is the end of file (or
    /// an `out` of no bytes).
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is nothing now and a writer is there.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::pipe::Pipe;
    /// let mut pipe: Pipe<8> = Pipe::new();
    /// let (mut reader, mut writer) = pipe.split();
    /// let mut out = [0; 4];
    /// assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
    /// writer.try_write(b"hi").unwrap();
    /// drop(writer);
    /// assert_eq!(reader.try_read(&mut out), Ok(2));
    /// assert_eq!(reader.try_read(&mut out), Ok(0), "end of file");
    /// ```
    #[inline]
    pub fn try_read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.attempt(out).unwrap_or(Err(Error::WouldBlock))
    }

    /// Reads at least one byte and what there is, at most `out.len()`; waits for one. Returns how many; 0 is the
    /// end of file.
    ///
    /// # Errors
    /// None of its own; the type is that of the form with a deadline.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.read_deadline(out, None)
    }

    /// [`read`](Self::read), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] when nothing came in time.
    pub fn read_deadline(
        &mut self,
        out: &mut [u8],
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        self.bell().wait_until(deadline, || self.attempt(out))?
    }

    /// Reads now, if something can be said now.
    #[inline]
    fn attempt(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        if out.is_empty() {
            return Some(Ok(0));
        }
        let count = self.half.try_read(out);
        if count > 0 {
            return Some(Ok(count));
        }
        let state = self.shared.ends().reader_state();
        if state.can_recv() {
            return None;
        }
        // The last writer went after our look, or before: what it wrote is seen now.
        match self.half.try_read(out) {
            0 => Some(match state.on(Event::Recv) {
                Ok(_) | Err(Error::EndOfFile) => Ok(0),
                Err(error) => Err(error),
            }),
            count => Some(Ok(count)),
        }
    }

    /// Takes a message now, as [`Writer::attempt_message`] put it there.
    pub(super) fn attempt_message(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        if let Some(taken) = self.half.try_read_message(out) {
            return Some(taken.map_err(|needed| Error::BufferTooSmall { needed }));
        }
        let error = self.shared.ends().reader_state().on(Event::Recv).err()?;
        let taken = self.half.try_read_message(out);
        Some(
            taken.map_or(Err(error), |taken| {
                taken.map_err(|needed| Error::BufferTooSmall { needed })
            }),
        )
    }

    /// What this end sleeps on.
    pub(super) fn bell(&self) -> &'a Doorbell<W> {
        self.shared.readers_bell()
    }

    /// Whether a read would not wait: something is there, or the end of file.
    #[cfg(feature = "embedded-io")]
    pub(super) fn is_ready(&mut self) -> bool {
        !self.half.is_empty() || !self.shared.ends().reader_state().can_recv()
    }
}

impl<const N: usize, W: Wait + Register> Reader<'_, N, W> {
    /// [`read`](Self::read) for a task: reads, or has the task woken when something may be there. Cancel-safe: what
    /// was not returned was not read.
    ///
    /// # Errors
    /// None of its own.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        self.bell().poll_until(cx, || self.attempt(out))
    }

    /// [`read`](Self::read) as a future. Cancel-safe: what was not returned was not read.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// use ringway_core::channel::pipe::Pipe;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    /// let mut pipe = Pipe::<8, Async<Spin>>::new();
    /// let (mut reader, mut writer) = pipe.split();
    /// let mut out = [0; 8];
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut read = pin!(reader.read_async(&mut out));
    /// assert!(read.as_mut().poll(&mut cx).is_pending());
    /// assert_eq!(pin!(writer.write_async(b"hello")).poll(&mut cx), Poll::Ready(Ok(5)));
    /// assert_eq!(read.poll(&mut cx), Poll::Ready(Ok(5)));
    /// ```
    pub fn read_async(&mut self, out: &mut [u8]) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(|cx| self.poll_read(cx, out))
    }
}

impl<const N: usize, W: Wait> Drop for Reader<'_, N, W> {
    fn drop(&mut self) {
        self.shared.leave_reader();
    }
}

/// An end that writes. Dropping it closes it; the last one that closes is the reader's end of file.
///
/// It can move to another thread or context, and is used from one at a time; [`try_clone`](Self::try_clone) makes
/// another for another context.
#[derive(Debug)]
pub struct Writer<'a, const N: usize, W: Wait = Spin> {
    shared: &'a Shared<N, W>,
}

impl<'a, const N: usize, W: Wait> Writer<'a, N, W> {
    /// For one who is counted among the writers.
    pub(super) fn new(shared: &'a Shared<N, W>) -> Self {
        Writer { shared }
    }

    /// Another writer of the same pipe (`dup`).
    ///
    /// # Errors
    /// [`Error::Exhausted`] when there are 65 536.
    ///
    /// ```
    /// use ringway_core::channel::pipe::Pipe;
    /// let mut pipe: Pipe<8> = Pipe::new();
    /// let (mut reader, writer) = pipe.split();
    /// let mut other = writer.try_clone().unwrap();
    /// drop(writer);
    /// assert_eq!(other.try_write(b"still"), Ok(5));
    /// drop(other);
    /// let mut out = [0; 8];
    /// assert_eq!(reader.try_read(&mut out), Ok(5));
    /// assert_eq!(reader.try_read(&mut out), Ok(0));
    /// ```
    pub fn try_clone(&self) -> Result<Writer<'a, N, W>, Error> {
        self.shared.clone_writer()?;
        Ok(Writer::new(self.shared))
    }

    /// Where this end is in its life: sending, or with nobody who reads.
    ///
    /// ```
    /// use ringway_core::channel::State;
    /// use ringway_core::channel::pipe::Pipe;
    /// let mut pipe: Pipe<8> = Pipe::new();
    /// let (reader, writer) = pipe.split();
    /// assert_eq!(writer.state(), State::WRITER);
    /// drop(reader);
    /// assert!(!writer.state().can_send());
    /// ```
    pub fn state(&self) -> State {
        self.shared.ends().writer_state()
    }

    /// Writes and returns how many bytes; never waits. At most [`Pipe::ATOMIC`] bytes go in all or not at all; of
    /// more, as many as there is room for.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is no room now, or another writer has the turn; [`Error::BrokenPipe`] when no
    /// reader is left. Nothing was written then.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::pipe::Pipe;
    /// let mut pipe: Pipe<8> = Pipe::new();
    /// let (reader, mut writer) = pipe.split();
    /// assert_eq!(writer.try_write(b"12345"), Ok(5));
    /// assert_eq!(writer.try_write(b"6789"), Err(Error::WouldBlock), "all or nothing");
    /// assert_eq!(writer.try_write(b"678901234"), Ok(3), "longer than ATOMIC: what fits");
    /// drop(reader);
    /// assert_eq!(writer.try_write(b"x"), Err(Error::BrokenPipe));
    /// ```
    #[inline]
    pub fn try_write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.attempt(bytes, self.is_atomic(bytes)).unwrap_or(Err(Error::WouldBlock))
    }

    /// Writes all of `bytes`; waits for room. Fewer are written, and their number returned, only if the reader
    /// went in the middle; the next write then says so.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when no reader is left and nothing was written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.write_deadline(bytes, None)
    }

    /// [`write`](Self::write), at most until `deadline` (`None`: for ever). Fewer than all bytes are written if the
    /// deadline passed in the middle, which only a write of more than [`Pipe::ATOMIC`] can be caught in.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when there was no room in time, [`Error::BrokenPipe`] when no reader is left; nothing was
    /// written then.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::pipe::Pipe;
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mut pipe = Pipe::<4, SpinClock<Hundred>>::new();
    /// let (_reader, mut writer) = pipe.split();
    /// assert_eq!(writer.write_deadline(b"more than fits", Some(50)), Ok(4));
    /// assert_eq!(writer.write_deadline(b"x", Some(50)), Err(Error::TimedOut));
    /// ```
    pub fn write_deadline(
        &mut self,
        bytes: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        self.write_as(self.is_atomic(bytes), bytes, deadline)
    }

    pub(super) fn is_atomic(&self, bytes: &[u8]) -> bool {
        bytes.len() <= Shared::<N, W>::ATOMIC
    }

    /// Writes all of `bytes`, and each part of it as [`attempt`](Self::attempt) does.
    pub(super) fn write_as(
        &mut self,
        whole: bool,
        bytes: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<usize, Error> {
        let mut left = bytes;
        loop {
            let written = self
                .shared
                .writers_bell()
                .wait_until(deadline, || self.attempt(left, whole))
                .map_err(Error::from)
                .and_then(|answer| answer);
            match written {
                Ok(count) => left = left.get(count..).unwrap_or(&[]),
                Err(error) if left.len() == bytes.len() => return Err(error),
                // Part of it is written: that is the answer now, and the reason that of the next write.
                Err(_) => return Ok(bytes.len() - left.len()),
            }
            if left.is_empty() {
                return Ok(bytes.len());
            }
        }
    }

    /// Writes now, if something can be said now: all of `bytes` or nothing if `whole`, else what fits.
    #[inline]
    pub(super) fn attempt(&mut self, bytes: &[u8], whole: bool) -> Option<Result<usize, Error>> {
        if bytes.is_empty() {
            return Some(Ok(0));
        }
        let write = |half: &mut Producer<'_, N, W>| {
            if whole {
                half.try_write_all(bytes).map_or(0, |()| bytes.len())
            } else {
                half.try_write(bytes)
            }
        };
        // SAFETY: this is a writer.
        let written = unsafe { self.shared.writing(write) };
        written.filter(|written| *written != Ok(0))
    }

    /// Puts a message in now, which [`Reader::attempt_message`] takes whole. For one writer.
    pub(super) fn attempt_message(&mut self, message: &[u8]) -> Option<Result<(), Error>> {
        // SAFETY: this is a writer.
        let written = unsafe { self.shared.writing(|half| half.try_write_message(message)) };
        match written? {
            Ok(Ok(())) => Some(Ok(())),
            Ok(Err(WriteAllError::Full)) => None,
            Ok(Err(WriteAllError::TooLarge { max })) => Some(Err(Error::MessageTooLarge { max })),
            Err(error) => Some(Err(error)),
        }
    }

    /// What this end sleeps on.
    pub(super) fn bell(&self) -> &'a Doorbell<W> {
        self.shared.writers_bell()
    }

    /// Waits until something can be written, and writes that: all of `bytes` if `whole`, else what fits.
    #[cfg(feature = "embedded-io")]
    pub(super) fn write_some(&mut self, bytes: &[u8], whole: bool) -> Result<usize, Error> {
        self.bell().wait_until(None, || self.attempt(bytes, whole))?
    }

    /// Whether a write that needs this much room would not wait, were this the only writer.
    #[cfg(feature = "embedded-io")]
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        // SAFETY: this is a writer.
        match unsafe { self.shared.writing(|half| half.room()) } {
            Some(Ok(room)) => room >= bytes,
            Some(Err(_)) => true,
            None => false,
        }
    }
}

impl<const N: usize, W: Wait + Register> Writer<'_, N, W> {
    /// [`try_write`](Self::try_write) for a task: writes, or has the task woken when it may be possible.
    /// Cancel-safe: what was not returned was not written.
    ///
    /// As many tasks can wait to write to one pipe as its bells have places for, see
    /// [`Async`](crate::wait::Async).
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when no reader is left.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        let whole = self.is_atomic(bytes);
        self.bell().poll_until(cx, || self.attempt(bytes, whole))
    }

    /// [`poll_write`](Self::poll_write) as a future: at most [`Pipe::ATOMIC`] bytes go in all at once; of more, as
    /// many as there is room for, at least one. Cancel-safe: what was not returned was not written.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when no reader is left.
    pub fn write_async(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(|cx| self.poll_write(cx, bytes))
    }
}

impl<const N: usize, W: Wait> Drop for Writer<'_, N, W> {
    fn drop(&mut self) {
        self.shared.leave_writer();
    }
}
