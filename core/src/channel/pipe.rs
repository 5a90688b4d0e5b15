//! A one-way byte stream in memory: one reader, one or several writers.
//!
//! It behaves as the pipe of POSIX does (`pipe(7)`):
//!
//! - Reading gives what there is and waits only when there is nothing. When the last writer is gone
//!   and everything was read, a read gives 0 bytes: the end of file.
//! - Writing with no reader left is [`Error::BrokenPipe`].
//! - A write of at most [`Pipe::ATOMIC`] bytes is all or nothing, and never mixed with another
//!   writer's. Of a longer one, `write` puts in what there is room for, and `write_all` all of it,
//!   in pieces.
//! - A write of no bytes, and a read into no room, do nothing and succeed.
//!
//! Unlike there, there is one reader at a time and the pipe is reused: when both ends are closed,
//! [`Pipe::open`] gives new ones, and what nobody read is discarded.
//!
//! # What it costs
//!
//! While there is one writer, a write and a read are loads, stores and a copy, as with the
//! [byte ring](crate::ring::bytes) inside. Several writers take turns through a word of their own,
//! with two read-modify-writes a write. A writer that finds another writing does not spin:
//! `try_write` says [`Error::WouldBlock`] and the waiting forms wait, so that an interrupt can
//! write to the pipe whose other writer it interrupted. With `W` = [`Spin`] nobody is ever woken,
//! hence waking costs nothing; then contexts that interrupt each other use the `try_` forms alone.
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

use super::attempt::{now, poll, wait};
use super::bytes::{or_end, reading, writing};
use super::{Event, State};
use crate::Error;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::ring::bytes::{ByteRing, Consumer, Producer};
use crate::sync::{Cached, const_unless_loom};
use crate::wait::{Doorbell, Register, Spin, Wait, Wake, look_or_end};
use core::future::poll_fn;
use core::mem::ManuallyDrop;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::task::{Context, Poll};

mod shared;
pub(super) use shared::{Ends, Opened, Shared};

/// A pipe that holds `N` bytes. `W` says how its ends sleep.
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::pipe::Pipe;
/// let mut pipe = Pipe::<16>::new(); // on the stack
/// let (mut reader, mut writer) = pipe.split();
/// std::thread::scope(|s| {
///     s.spawn(move || writer.write_all(b"a pipe holds less than this").unwrap());
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

impl<const N: usize, W: Wake> Pipe<N, W> {
    /// Both ends, as `pipe(2)` gives them. Any context may ask. More writers come from
    /// [`Writer::try_clone`].
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
pub struct Reader<'a, const N: usize, W: Wake = Spin> {
    shared: &'a Shared<N, W>,
    half: ManuallyDrop<Consumer<&'a ByteRing<N, W>>>,
}

impl<'a, const N: usize, W: Wake> Reader<'a, N, W> {
    /// For the context that just entered as the reader.
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
    /// let mut pipe = Pipe::<8>::new();
    /// let (mut reader, writer) = pipe.split();
    /// assert_eq!(reader.state(), State::READER);
    /// drop(writer);
    /// assert!(!reader.state().can_recv());
    /// ```
    pub fn state(&mut self) -> State {
        let state = self.shared.ends().reader_state();
        if self.half.is_empty() { state } else { State::READER }
    }

    #[inline(always)]
    fn reader(&mut self) -> Result<&mut Self, Error> {
        Ok(self)
    }

    /// What this end sleeps on.
    pub(super) fn bell(&self) -> &'a Doorbell<W> {
        self.shared.readers_bell()
    }

    /// Reads what there is. At the end of file: [`Error::EndOfFile`].
    #[inline]
    pub(super) fn attempt_read(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        if out.is_empty() {
            return Some(Ok(0));
        }
        if !Cached::ENABLED {
            return self.take_or_end(out);
        }
        match self.half.try_read(out) {
            0 => self.read_or_end(out),
            count => Some(Ok(count)),
        }
    }

    /// The rest of [`attempt_read`](Self::attempt_read) where nothing was there. By itself, so that
    /// the read that finds something is short.
    #[inline(never)]
    fn read_or_end(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        self.take_or_end(out)
    }

    #[inline(always)]
    fn take_or_end(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        self.attempt(|half| match half.try_read(out) {
            0 => None,
            count => Some(Ok(count)),
        })
    }

    /// Fills `out` or reads nothing.
    pub(super) fn attempt_read_exact(&mut self, out: &mut [u8]) -> Option<Result<(), Error>> {
        if out.len() > N {
            return Some(Err(Error::MessageTooLarge { max: N }));
        }
        self.attempt(|half| {
            (half.len() >= out.len()).then(|| {
                half.try_read(out);
                Ok(())
            })
        })
    }

    /// Takes a message as [`Writer::attempt_message`] put it there.
    pub(super) fn attempt_message(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        self.attempt(|half| {
            let taken = half.try_read_message(out)?;
            Some(taken.map_err(|needed| Error::BufferTooSmall { needed }))
        })
    }

    /// Does `take`, and if there is nothing to take, says why.
    #[inline(always)]
    fn attempt<R>(
        &mut self,
        take: impl FnMut(&mut Consumer<&'a ByteRing<N, W>>) -> Option<Result<R, Error>>,
    ) -> Option<Result<R, Error>> {
        let ends = || self.shared.ends().reader_state();
        look_or_end(&mut *self.half, take, |_| ends().on(Event::Recv).err().map(Err))
    }

    /// Whether a read would not wait: something is there, or the end of file.
    #[cfg(feature = "embedded-io")]
    pub(super) fn is_ready(&mut self) -> bool {
        !self.half.is_empty() || !self.shared.ends().reader_state().can_recv()
    }
}

// As of what the ends share: a panic leaves it as after the call.
impl<const N: usize, W: Wake> UnwindSafe for Reader<'_, N, W> {}
impl<const N: usize, W: Wake> RefUnwindSafe for Reader<'_, N, W> {}

reading!(Reader);

impl<const N: usize, W: Wake> Drop for Reader<'_, N, W> {
    fn drop(&mut self) {
        self.shared.leave_reader();
    }
}

/// An end that writes. Dropping it closes it; the last one that closes is the reader's end of file.
///
/// It can move to another thread or context, and is used from one at a time;
/// [`try_clone`](Self::try_clone) makes another for another context.
#[derive(Debug)]
pub struct Writer<'a, const N: usize, W: Wake = Spin> {
    shared: &'a Shared<N, W>,
}

impl<'a, const N: usize, W: Wake> Writer<'a, N, W> {
    /// For a context that is counted among the writers.
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
    /// let mut pipe = Pipe::<8>::new();
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
    /// let mut pipe = Pipe::<8>::new();
    /// let (reader, writer) = pipe.split();
    /// assert_eq!(writer.state(), State::WRITER);
    /// drop(reader);
    /// assert!(!writer.state().can_send());
    /// ```
    pub fn state(&self) -> State {
        self.shared.ends().writer_state()
    }

    #[inline(always)]
    fn writer(&mut self) -> Result<&mut Self, Error> {
        Ok(self)
    }

    fn is_atomic(bytes: &[u8]) -> bool {
        bytes.len() <= Shared::<N, W>::ATOMIC
    }

    /// What this end sleeps on.
    pub(super) fn bell(&self) -> &'a Doorbell<W> {
        self.shared.writers_bell()
    }

    /// Writes all of `bytes` or nothing if `whole`, else what there is room for.
    #[inline]
    pub(super) fn attempt_write(
        &mut self,
        bytes: &[u8],
        whole: bool,
    ) -> Option<Result<usize, Error>> {
        if bytes.is_empty() {
            return Some(Ok(0));
        }
        let write = |half: &mut Producer<&'a ByteRing<N, W>>| {
            if whole {
                half.write_all_once(bytes).map_or(0, |()| bytes.len())
            } else {
                half.write_once(bytes)
            }
        };
        // SAFETY: this is a writer.
        let written = unsafe { self.shared.writing(write) };
        written.filter(|written| *written != Ok(0))
    }

    /// Puts a message in, which [`Reader::attempt_message`] takes whole. For one writer.
    pub(super) fn attempt_message(&mut self, message: &[u8]) -> Option<Result<(), Error>> {
        // SAFETY: this is a writer.
        let written = unsafe { self.shared.writing(|half| half.try_write_message(message)) };
        match written? {
            Ok(Err(Error::WouldBlock)) => None,
            Ok(done) => Some(done),
            Err(error) => Some(Err(error)),
        }
    }

    /// Whether a write that needs this much room would not wait, were this the only writer.
    #[cfg(feature = "embedded-io")]
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        // SAFETY: this is a writer.
        let room = unsafe { self.shared.writing(|half| half.room()) };
        // A broken pipe says so at once.
        room.is_some_and(|room| room.map_or(true, |room| room >= bytes))
    }
}

writing!(Writer);

impl<const N: usize, W: Wake> Drop for Writer<'_, N, W> {
    fn drop(&mut self) {
        self.shared.leave_writer();
    }
}
