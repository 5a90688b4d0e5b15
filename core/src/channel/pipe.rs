//! A one-way byte stream in memory: one reader, one or several writers.
//!
//! It behaves like a POSIX pipe (`pipe(7)`):
//!
//! - A read returns what is there, and waits only when nothing is there. When the last writer is
//!   closed and everything was read, a read returns 0 bytes: the end of file.
//! - Writing without a reader fails with [`Error::BrokenPipe`].
//! - A write of at most [`Pipe::ATOMIC`] bytes is all or nothing, and its bytes are never mixed
//!   with another writer's. For a longer one, `write` writes what fits, and `write_all` writes all
//!   of it in pieces.
//! - A write of no bytes and a read into an empty buffer do nothing and succeed.
//!
//! Unlike in POSIX, a pipe has one reader at a time, and it can be reused: when both ends are
//! closed, [`Pipe::open`] gives new ones and discards unread bytes.
//!
//! # What it costs
//!
//! While a pipe has one writer, a write or a read costs loads, stores and a copy, as with the [byte
//! ring](crate::ring::bytes) inside. Several writers take turns with a lock word, which costs two
//! read-modify-writes per write.
//!
//! A writer that finds another one writing does not spin. `try_write` fails with
//! [`Error::WouldBlock`], and the waiting forms wait. So an interrupt can write to a pipe whose
//! other writer it interrupted.
//!
//! With `W` = [`Spin`] nobody is ever woken, so waking costs nothing. Contexts that interrupt each
//! other then use only the `try_` forms.
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
use crate::sync::{Cached, Roomy, const_unless_loom, roomy};
use crate::wait::{Doorbell, Register, Spin, Wait, Wake, look_or_end};
use core::future::poll_fn;
use core::mem::ManuallyDrop;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::task::{Context, Poll};

mod shared;
pub(super) use shared::{Ends, Shared};

/// A pipe that holds `N` bytes; `W` says how its ends sleep.
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

// SAFETY: `shared` is the only field, and `init` initializes it.
#[cfg(not(loom))]
unsafe impl<const N: usize, W: Wake> InPlace for Pipe<N, W> {
    fn init(place: &mut MaybeUninit<Self>) -> &mut Self {
        // SAFETY: `place` is an exclusive reference to memory for a `Pipe`, so that the field lies
        // within it.
        let shared = unsafe { &raw mut (*place.as_mut_ptr()).shared };
        // SAFETY: `shared` points to the field's bytes within `place`, which is borrowed
        // exclusively; no other reference to these bytes exists. `MaybeUninit` may hold
        // uninitialized bytes.
        Shared::init(unsafe { &mut *shared.cast::<MaybeUninit<Shared<N, W>>>() });
        // SAFETY: `Shared::init` initialized `shared`, which is the only field.
        unsafe { place.assume_init_mut() }
    }
}

impl<const N: usize, W: Wake> Pipe<N, W> {
    /// The longest write that is all or nothing, in bytes (`PIPE_BUF`): `N`, but at most 4096.
    ///
    /// ```
    /// use ringway_core::channel::pipe::Pipe;
    /// assert_eq!(Pipe::<100>::ATOMIC, 100);
    /// assert_eq!(Pipe::<65536>::ATOMIC, 4096);
    /// ```
    pub const ATOMIC: usize = Shared::<N, W>::ATOMIC;

    const_unless_loom! {
        /// Creates a pipe with both ends closed.
        ///
        /// ```
        /// use ringway_core::channel::pipe::Pipe;
        /// use ringway_core::wait::{Async, Spin};
        /// static PIPE: Pipe<1024> = Pipe::new();
        /// static AWAITED: Pipe<64, Async<Spin>> = Pipe::new();
        /// assert!(PIPE.open().is_ok());
        /// ```
        pub fn new() -> Self {
            Pipe { shared: Shared::new() }
        }
    }

    /// Returns how many bytes the pipe can hold.
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
    /// Opens both ends, as `pipe(2)` does; any context may call it.
    ///
    /// [`Writer::try_clone`] makes more writers.
    ///
    /// # Errors
    /// [`Error::Taken`] while any end is open.
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

    /// Opens both ends of a pipe that the caller owns, without a read-modify-write.
    pub fn split(&mut self) -> (Reader<'_, N, W>, Writer<'_, N, W>) {
        self.shared.own_both();
        (Reader::new(&self.shared), Writer::new(&self.shared))
    }
}

/// The reading end of a pipe or FIFO; dropping it closes it.
///
/// It can move to another thread or context. One context uses it at a time.
#[derive(Debug)]
pub struct Reader<'a, const N: usize, W: Wake = Spin> {
    shared: &'a Shared<N, W>,
    /// The consumer's half of the ring, where it keeps copies of positions.
    half: Roomy<ManuallyDrop<Consumer<&'a ByteRing<N, W>>>>,
}

impl<'a, const N: usize, W: Wake> Reader<'a, N, W> {
    /// Makes the reading end for the context whose opening of `shared` set the reader's bit.
    pub(super) fn new(shared: &'a Shared<N, W>) -> Self {
        // SAFETY: the reader's bit is set once at a time (`open_both`, `own_both`, `enter_reader`).
        // The caller is the context that set it, or took the end over from that context, as a
        // listener does. The bit stays set until the returned reader is dropped.
        let half = roomy!(unsafe { shared.reading() });
        Reader { shared, half }
    }

    /// Does `work` with the consumer's half.
    #[inline(always)]
    fn with_half<R>(&mut self, work: impl FnOnce(&mut Consumer<&'a ByteRing<N, W>>) -> R) -> R {
        match self.half.get_mut() {
            Some(half) => work(half),
            // SAFETY: the reader's bit is set for this reader, as `new` says, until it is dropped.
            // `&mut self` excludes another half at the same time.
            None => work(&mut *unsafe { self.shared.reading() }),
        }
    }

    /// Returns the state of this end: receiving, at the end of file, or reset.
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
        if self.with_half(|half| half.is_empty()) { state } else { State::READER }
    }

    #[inline(always)]
    fn reader(&mut self) -> Result<&mut Self, Error> {
        Ok(self)
    }

    /// The doorbell that this end sleeps on.
    pub(super) fn bell(&self) -> &'a Doorbell<W> {
        self.shared.readers_bell()
    }

    /// Reads what is there; [`Error::EndOfFile`] at the end of file, `None` when nothing is there
    /// yet.
    #[inline]
    pub(super) fn attempt_read(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        if out.is_empty() {
            return Some(Ok(0));
        }
        if !Cached::ENABLED {
            return self.take_or_end(out);
        }
        match self.with_half(|half| half.read_once(out, false)) {
            0 => self.read_or_end(out),
            count => Some(Ok(count)),
        }
    }

    /// Does the rest of [`attempt_read`](Self::attempt_read) when it found no byte.
    ///
    /// It is a separate function, so that the code of a read that finds something is short.
    #[inline(never)]
    fn read_or_end(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        self.take_or_end(out)
    }

    #[inline(always)]
    fn take_or_end(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        self.attempt(|half| match half.read_once(out, false) {
            0 => None,
            count => Some(Ok(count)),
        })
    }

    /// Fills `out`, or reads nothing; `None` when too few bytes are there yet.
    pub(super) fn attempt_read_exact(&mut self, out: &mut [u8]) -> Option<Result<(), Error>> {
        if out.len() > N {
            return Some(Err(Error::MessageTooLarge { max: N }));
        }
        let count = out.len();
        self.attempt(|half| (half.read_once(out, true) == count).then_some(Ok(())))
    }

    /// Takes one message that [`Writer::attempt_message`] wrote; `None` when none is there yet.
    pub(super) fn attempt_message(&mut self, out: &mut [u8]) -> Option<Result<usize, Error>> {
        self.attempt(|half| {
            let taken = half.try_read_message(out)?;
            Some(taken.map_err(|needed| Error::BufferTooSmall { needed }))
        })
    }

    /// Does `take`; if that finds nothing, returns why nothing more will come, or `None` if it may.
    #[inline(always)]
    fn attempt<R>(
        &mut self,
        take: impl FnMut(&mut Consumer<&'a ByteRing<N, W>>) -> Option<Result<R, Error>>,
    ) -> Option<Result<R, Error>> {
        if !Cached::ENABLED {
            // A single look is shorter. What it does not find after the last writer closed will
            // not come.
            let ends = self.shared.ends();
            let found = self.with_half(take);
            return found.or_else(|| ends.reader_state().on(Event::Recv).err().map(Err));
        }
        let shared = self.shared;
        self.with_half(|half| {
            let ends = || shared.ends().reader_state();
            look_or_end(half, take, |_| ends().on(Event::Recv).err().map(Err))
        })
    }

    /// Returns whether a read would not wait: bytes are there, or no more will come.
    #[cfg(feature = "embedded-io")]
    pub(super) fn is_ready(&mut self) -> bool {
        let is_empty = self.with_half(|half| half.is_empty());
        !is_empty || !self.shared.ends().reader_state().can_recv()
    }
}

// If a waker panics, the reader and what it shares with the writers are as after the call (see
// `Shared`).
impl<const N: usize, W: Wake> UnwindSafe for Reader<'_, N, W> {}
impl<const N: usize, W: Wake> RefUnwindSafe for Reader<'_, N, W> {}

reading!(Reader);

impl<const N: usize, W: Wake> Drop for Reader<'_, N, W> {
    fn drop(&mut self) {
        self.shared.leave_reader();
    }
}

/// A writing end of a pipe or FIFO; dropping it closes it.
///
/// When the last writer closes, the reader is at the end of file.
///
/// It can move to another thread or context. One context uses it at a time;
/// [`try_clone`](Self::try_clone) makes another end for another context.
#[derive(Debug)]
pub struct Writer<'a, const N: usize, W: Wake = Spin> {
    shared: &'a Shared<N, W>,
}

impl<'a, const N: usize, W: Wake> Writer<'a, N, W> {
    /// Makes a writing end that was counted among the writers of `shared`.
    pub(super) fn new(shared: &'a Shared<N, W>) -> Self {
        Writer { shared }
    }

    /// Makes another writer of the same pipe (`dup`).
    ///
    /// # Errors
    /// [`Error::Exhausted`] when the pipe has 65536 writers.
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

    /// Returns the state of this end: sending, or without a reader.
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

    /// The doorbell that this end sleeps on.
    pub(super) fn bell(&self) -> &'a Doorbell<W> {
        self.shared.writers_bell()
    }

    /// Writes all of `bytes` or nothing if `whole`, else what fits.
    ///
    /// `None` when there is no room now, or another writer is writing.
    #[inline]
    pub(super) fn attempt_write(
        &mut self,
        bytes: &[u8],
        whole: bool,
    ) -> Option<Result<usize, Error>> {
        if bytes.is_empty() {
            return Some(Ok(0));
        }
        let write = |half: &mut Producer<&'a ByteRing<N, W>>| half.write_once(bytes, whole);
        // SAFETY: this end was counted among the writers when it was opened, and leaves when it is
        // dropped.
        let written = unsafe { self.shared.writing(write) };
        written.filter(|written| *written != Ok(0))
    }

    /// Writes a message, which [`Reader::attempt_message`] takes whole; the pipe has one writer.
    ///
    /// `None` when there is no room now.
    pub(super) fn attempt_message(&mut self, message: &[u8]) -> Option<Result<(), Error>> {
        // SAFETY: this end was counted among the writers when it was opened, and leaves when it is
        // dropped.
        let written = unsafe { self.shared.writing(|half| half.try_write_message(message)) };
        match written? {
            Ok(Err(Error::WouldBlock)) => None,
            Ok(done) => Some(done),
            Err(error) => Some(Err(error)),
        }
    }

    /// Returns whether a write of `bytes` bytes would not wait if this were the only writer.
    #[cfg(feature = "embedded-io")]
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        // SAFETY: this end was counted among the writers when it was opened, and leaves when it is
        // dropped.
        let room = unsafe { self.shared.writing(|half| half.room()) };
        // A write to a broken pipe fails at once, so it does not wait.
        room.is_some_and(|room| room.map_or(true, |room| room >= bytes))
    }
}

writing!(Writer);

impl<const N: usize, W: Wake> Drop for Writer<'_, N, W> {
    fn drop(&mut self) {
        self.shared.leave_writer();
    }
}
