//! Named pipes in memory: two contexts that share only a name meet at it.
//!
//! It behaves as the FIFO of POSIX does (`fifo(7)`, `mkfifo(3)`):
//!
//! - Opening one end waits for the other. In the form that does not wait, a reader is given at once (its reads are
//!   at the end of file until a writer comes), and a writer is refused with [`Error::NoReader`].
//! - What is opened are a [pipe](super::pipe)'s reader and writers. The end of file comes when the last writer
//!   closes; a writer that opens later ends it again. A reader that opens later finds what the one before did not
//!   read; when every end is closed, it is discarded.
//! - Unlinking takes the name away and nothing from those who have it open; the name is free for another at once.
//!
//! Unlike there, there is one reader at a time: a second is refused with [`Error::Taken`].
//!
//! What happened before one end was opened is seen by whoever met it by opening the other.
//!
//! ```
//! use ringway_core::Error;
//! use ringway_core::channel::fifo::Registry;
//! static NAMES: Registry<4, 256> = Registry::new();
//!
//! NAMES.make(b"log").unwrap();
//! assert_eq!(NAMES.try_open_writer(b"log").err(), Some(Error::NoReader));
//! std::thread::scope(|s| {
//!     s.spawn(|| NAMES.open_writer(b"log").unwrap().write(b"hello"));
//!     let mut reader = NAMES.open_reader(b"log").unwrap(); // waits for the writer
//!     let mut out = [0; 16];
//!     assert_eq!(reader.read(&mut out), Ok(5));
//!     assert_eq!(reader.read(&mut out), Ok(0), "the writer closed");
//! });
//! NAMES.unlink(b"log").unwrap();
//! ```

use super::name::Name;
use super::pipe::{Ends, Opened, Reader, Shared, Writer};
use super::turn::{InTurn, Taken, Turn};
use crate::Error;
use crate::sync::{AtomicU32, Ordering, array_of, const_unless_loom};
use crate::wait::{Doorbell, Register, Spin, Wait, Wake};
use core::future::poll_fn;
use core::task::Poll;

/// At most `NAMES` names, and behind each of them a FIFO of `N` bytes. `W` says how those who open, read and write
/// sleep.
///
/// A place is free again when its name is unlinked and nobody has it open.
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::fifo::Registry;
/// let names: Registry<1, 16> = Registry::new(); // on the stack
/// names.make(b"only").unwrap();
/// assert_eq!(names.make(b"another"), Err(Error::Exhausted));
/// names.unlink(b"only").unwrap();
/// assert_eq!(names.make(b"another"), Ok(()));
/// ```
#[derive(Debug)]
pub struct Registry<const NAMES: usize, const N: usize, W: Wake = Spin> {
    /// Whoever has it may look at names and give ends away.
    turn: Turn,
    /// Those who wait for the turn sleep here.
    bell: Doorbell<W>,
    fifos: [Fifo<N, W>; NAMES],
}

impl<const NAMES: usize, const N: usize, W: Wake> Registry<NAMES, N, W> {
    const_unless_loom! {
        /// A registry without names.
        ///
        /// ```
        /// use ringway_core::channel::fifo::Registry;
        /// use ringway_core::wait::{Async, Spin};
        /// static NAMES: Registry<8, 128> = Registry::new();
        /// static AWAITED: Registry<8, 128, Async<Spin>> = Registry::new();
        /// ```
        pub fn new() -> Self {
            Registry {
                turn: Turn::new(),
                bell: Doorbell::new(),
                fifos: array_of!(Fifo::new(); NAMES),
            }
        }
    }
}

impl<const NAMES: usize, const N: usize, W: Wake> Default for Registry<NAMES, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const NAMES: usize, const N: usize, W: Wait> Registry<NAMES, N, W> {
    /// Makes a FIFO with this name (`mkfifo`). Waits at most while another context looks at the names.
    ///
    /// # Errors
    /// [`Error::BadName`] when the name is empty or longer than [`NAME_MAX`](super::NAME_MAX), [`Error::AddressInUse`] when it is
    /// there already, [`Error::Exhausted`] when every place is in use.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::fifo::Registry;
    /// let names: Registry<2, 16> = Registry::new();
    /// assert_eq!(names.make(b"a"), Ok(()));
    /// assert_eq!(names.make(b"a"), Err(Error::AddressInUse));
    /// assert_eq!(names.make(b""), Err(Error::BadName));
    /// ```
    pub fn make(&self, name: &[u8]) -> Result<(), Error> {
        self.in_turn(|names| names.make(name))
    }

    /// [`make`](Self::make) that never waits.
    ///
    /// # Errors
    /// Those of [`make`](Self::make), and [`Error::WouldBlock`] while another context looks at the names.
    pub fn try_make(&self, name: &[u8]) -> Result<(), Error> {
        self.try_in_turn(|names| names.make(name))
    }

    /// Takes the name away (`unlink`); what is open stays open. Waits at most while another context looks at the
    /// names.
    ///
    /// Whoever still waits for the other end waits in vain from now on, as with POSIX, unless it has a deadline.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this name.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::fifo::Registry;
    /// let names: Registry<2, 16> = Registry::new();
    /// names.make(b"a").unwrap();
    /// assert_eq!(names.unlink(b"a"), Ok(()));
    /// assert_eq!(names.unlink(b"a"), Err(Error::NotFound));
    /// ```
    pub fn unlink(&self, name: &[u8]) -> Result<(), Error> {
        self.in_turn(|names| names.unlink(name))
    }

    /// [`unlink`](Self::unlink) that never waits.
    ///
    /// # Errors
    /// Those of [`unlink`](Self::unlink), and [`Error::WouldBlock`] while another context looks at the names.
    pub fn try_unlink(&self, name: &[u8]) -> Result<(), Error> {
        self.try_in_turn(|names| names.unlink(name))
    }

    /// Opens the end that reads; waits until a writer has it open, or opens it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this name, [`Error::Taken`] when it has a reader.
    pub fn open_reader(&self, name: &[u8]) -> Result<Reader<'_, N, W>, Error> {
        self.open_reader_deadline(name, None)
    }

    /// [`open_reader`](Self::open_reader), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`open_reader`](Self::open_reader), and [`Error::TimedOut`] when no writer came in time; the end is
    /// closed again then.
    pub fn open_reader_deadline(
        &self,
        name: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<Reader<'_, N, W>, Error> {
        let (reader, fifo, met) =
            self.bell.wait_until(deadline, || self.attempt_reader(name))??;
        fifo.shared.readers_bell().wait_until(deadline, || met.already(&fifo.writers_opened))?;
        Ok(reader)
    }

    /// Opens the end that reads, whether a writer is there or not (`O_NONBLOCK`).
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this name, [`Error::Taken`] when it has a reader,
    /// [`Error::WouldBlock`] while another context looks at the names.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::fifo::Registry;
    /// let names: Registry<1, 16> = Registry::new();
    /// names.make(b"a").unwrap();
    /// let mut reader = names.try_open_reader(b"a").unwrap();
    /// let mut out = [0; 4];
    /// assert_eq!(reader.try_read(&mut out), Ok(0), "no writer: the end of file");
    /// let writer = names.try_open_writer(b"a").unwrap();
    /// assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
    /// ```
    pub fn try_open_reader(&self, name: &[u8]) -> Result<Reader<'_, N, W>, Error> {
        let opened = self.attempt_reader(name).unwrap_or(Err(Error::WouldBlock));
        opened.map(|(reader, _, _)| reader)
    }

    /// Opens an end that writes; waits until a reader has it open, or opens it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this name, [`Error::Exhausted`] when it has 65 536 writers.
    pub fn open_writer(&self, name: &[u8]) -> Result<Writer<'_, N, W>, Error> {
        self.open_writer_deadline(name, None)
    }

    /// [`open_writer`](Self::open_writer), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`open_writer`](Self::open_writer), and [`Error::TimedOut`] when no reader came in time; the end is
    /// closed again then.
    pub fn open_writer_deadline(
        &self,
        name: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<Writer<'_, N, W>, Error> {
        let (writer, fifo, met) =
            self.bell.wait_until(deadline, || self.attempt_writer(name))??;
        fifo.shared.writers_bell().wait_until(deadline, || met.already(&fifo.readers_opened))?;
        Ok(writer)
    }

    /// Opens an end that writes if a reader is there or waits for a writer (`O_NONBLOCK`).
    ///
    /// # Errors
    /// [`Error::NoReader`] when there is no reader, [`Error::NotFound`] when there is none of this name,
    /// [`Error::Exhausted`] when it has 65 536 writers, [`Error::WouldBlock`] while another context looks at the names.
    pub fn try_open_writer(&self, name: &[u8]) -> Result<Writer<'_, N, W>, Error> {
        let opened = self.attempt_writer_if(name, Ends::reader);
        opened.unwrap_or(Err(Error::WouldBlock)).map(|(writer, _, _)| writer)
    }

    /// Does `work` with the names now, or not at all.
    fn try_in_turn<'a, R>(
        &'a self,
        work: impl FnOnce(&mut Directory<'a, N, W>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.attempt_in_turn(work).unwrap_or(Err(Error::WouldBlock))
    }

    /// Does `work` with the names when it is our turn.
    fn in_turn<'a, R>(
        &'a self,
        mut work: impl FnMut(&mut Directory<'a, N, W>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.bell.wait_until(None, || self.attempt_in_turn(&mut work))?
    }

    fn attempt_in_turn<'a, R>(
        &'a self,
        work: impl FnOnce(&mut Directory<'a, N, W>) -> R,
    ) -> Option<R> {
        let taken = Taken::take(&self.turn, &self.bell)?;
        let done = work(&mut Directory { fifos: &self.fifos });
        drop(taken);
        Some(done)
    }

    /// Opens the end that reads when it is our turn, then tells the writers; they may still have to be waited for.
    fn attempt_reader(&self, name: &[u8]) -> Option<Result<ReaderOpening<'_, N, W>, Error>> {
        let opened = self.attempt_in_turn(|names| names.enter_reader(name))?;
        if let Ok((_, fifo, _)) = &opened {
            fifo.shared.writers_bell().ring();
        }
        Some(opened)
    }

    /// Opens an end that writes when it is our turn, then tells the reader; it may still have to be waited for.
    fn attempt_writer(&self, name: &[u8]) -> Option<Result<WriterOpening<'_, N, W>, Error>> {
        self.attempt_writer_if(name, |_| true)
    }

    /// [`attempt_writer`](Self::attempt_writer), unless `may` says no of those who are there: [`Error::NoReader`].
    fn attempt_writer_if(
        &self,
        name: &[u8],
        may: impl FnOnce(Ends) -> bool,
    ) -> Option<Result<WriterOpening<'_, N, W>, Error>> {
        let opened = self.attempt_in_turn(|names| names.enter_writer(name, may))?;
        if let Ok((_, fifo, _)) = &opened {
            fifo.shared.readers_bell().ring();
        }
        Some(opened)
    }
}

impl<const NAMES: usize, const N: usize, W: Wait + Register> Registry<NAMES, N, W> {
    /// [`open_reader`](Self::open_reader) as a future. Cancelled, it closes the end again.
    ///
    /// # Errors
    /// Those of [`open_reader`](Self::open_reader).
    ///
    /// ```
    /// use ringway_core::channel::fifo::Registry;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    /// let names = Registry::<1, 16, Async<Spin>>::new();
    /// names.make(b"a").unwrap();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut reader = pin!(names.open_reader_async(b"a"));
    /// assert!(reader.as_mut().poll(&mut cx).is_pending());
    /// assert!(pin!(names.open_writer_async(b"a")).poll(&mut cx).is_ready());
    /// assert!(reader.poll(&mut cx).is_ready());
    /// ```
    pub fn open_reader_async(
        &self,
        name: &[u8],
    ) -> impl Future<Output = Result<Reader<'_, N, W>, Error>> {
        // Not an `async fn`: the compiler gives those a panic for a poll after the end.
        let mut entered = None;
        poll_fn(move |cx| {
            let (reader, fifo, met) = match entered.take() {
                Some(entered) => entered,
                None => match self.bell.poll_until(cx, || self.attempt_reader(name)) {
                    Poll::Ready(Ok(entered)) => entered,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
            };
            match fifo.shared.readers_bell().poll_until(cx, || met.already(&fifo.writers_opened)) {
                Poll::Ready(()) => Poll::Ready(Ok(reader)),
                Poll::Pending => {
                    entered = Some((reader, fifo, met));
                    Poll::Pending
                }
            }
        })
    }

    /// [`open_writer`](Self::open_writer) as a future. Cancelled, it closes the end again.
    ///
    /// # Errors
    /// Those of [`open_writer`](Self::open_writer).
    pub fn open_writer_async(
        &self,
        name: &[u8],
    ) -> impl Future<Output = Result<Writer<'_, N, W>, Error>> {
        let mut entered = None;
        poll_fn(move |cx| {
            let (writer, fifo, met) = match entered.take() {
                Some(entered) => entered,
                None => match self.bell.poll_until(cx, || self.attempt_writer(name)) {
                    Poll::Ready(Ok(entered)) => entered,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
            };
            match fifo.shared.writers_bell().poll_until(cx, || met.already(&fifo.readers_opened)) {
                Poll::Ready(()) => Poll::Ready(Ok(writer)),
                Poll::Pending => {
                    entered = Some((writer, fifo, met));
                    Poll::Pending
                }
            }
        })
    }
}

/// The place for one FIFO in a [`Registry`].
#[derive(Debug)]
pub struct Fifo<const N: usize, W: Wake = Spin> {
    shared: Shared<N, W>,
    /// The name, while it has one. In the registry's turn.
    name: InTurn<Option<Name>>,
    /// How often an end was opened: what the other end waits for, so that it is met even by one who is gone
    /// again by the time it looks. Stored in the registry's turn.
    readers_opened: AtomicU32,
    writers_opened: AtomicU32,
}

impl<const N: usize, W: Wake> Fifo<N, W> {
    /// The most bytes that a write puts in all or nothing, see [`Pipe::ATOMIC`](super::pipe::Pipe::ATOMIC).
    pub const ATOMIC: usize = Shared::<N, W>::ATOMIC;

    const_unless_loom! {
        /// A place without a name.
        pub fn new() -> Self {
            Fifo {
                shared: Shared::new(Opened::Apart),
                name: InTurn::new(None),
                readers_opened: AtomicU32::new(0),
                writers_opened: AtomicU32::new(0),
            }
        }
    }
}

impl<const N: usize, W: Wake> Default for Fifo<N, W> {
    fn default() -> Self {
        Self::new()
    }
}

/// What one waits for who opened an end: that the other end was opened, before or since.
struct Met {
    /// How often it was opened when we came; `None`: it was there.
    seen: Option<u32>,
}

impl Met {
    fn already(&self, opened: &AtomicU32) -> Option<()> {
        // Acquire: partner is the release in `Directory::count`. What happened before the other end was opened is seen.
        let now = opened.load(Ordering::Acquire);
        (self.seen != Some(now)).then_some(())
    }
}

/// The names, for the one who has the turn. There is one at a time.
struct Directory<'a, const N: usize, W: Wake> {
    fifos: &'a [Fifo<N, W>],
}

impl<'a, const N: usize, W: Wait> Directory<'a, N, W> {
    fn name(&self, fifo: &Fifo<N, W>) -> Option<Name> {
        // SAFETY: a `Directory` exists in the turn only.
        unsafe { fifo.name.get() }
    }

    fn set_name(&mut self, fifo: &Fifo<N, W>, name: Option<Name>) {
        // SAFETY: as in `name`.
        unsafe { fifo.name.set(name) };
    }

    fn find(&self, name: &[u8]) -> Result<&'a Fifo<N, W>, Error> {
        let name = Name::new(name)?;
        self.fifos.iter().find(|fifo| self.name(fifo) == Some(name)).ok_or(Error::NotFound)
    }

    fn make(&mut self, name: &[u8]) -> Result<(), Error> {
        if self.find(name).is_ok() {
            return Err(Error::AddressInUse);
        }
        let name = Name::new(name)?;
        // Without a name nobody can open it; without an end nobody has it open.
        let free = |fifo: &&Fifo<N, W>| self.name(fifo).is_none() && fifo.shared.ends().nobody();
        let fifo = self.fifos.iter().find(free).ok_or(Error::Exhausted)?;
        self.set_name(fifo, Some(name));
        Ok(())
    }

    fn unlink(&mut self, name: &[u8]) -> Result<(), Error> {
        let fifo = self.find(name)?;
        self.set_name(fifo, None);
        Ok(())
    }

    /// Opens the end that reads. The writers are to be told once the turn is passed on.
    fn enter_reader(&mut self, name: &[u8]) -> Result<ReaderOpening<'a, N, W>, Error> {
        let fifo = self.find(name)?;
        let before = fifo.shared.enter_reader()?;
        Self::count(&fifo.readers_opened);
        let met = Met { seen: (before.writers() == 0).then(|| Self::opened(&fifo.writers_opened)) };
        Ok((Reader::new(&fifo.shared), fifo, met))
    }

    /// Opens an end that writes, if it `may`. The reader is to be told once the turn is passed on.
    fn enter_writer(
        &mut self,
        name: &[u8],
        may: impl FnOnce(Ends) -> bool,
    ) -> Result<WriterOpening<'a, N, W>, Error> {
        let fifo = self.find(name)?;
        if !may(fifo.shared.ends()) {
            return Err(Error::NoReader);
        }
        let before = fifo.shared.enter_writer()?;
        Self::count(&fifo.writers_opened);
        let met = Met { seen: (!before.reader()).then(|| Self::opened(&fifo.readers_opened)) };
        Ok((Writer::new(&fifo.shared), fifo, met))
    }

    fn count(opened: &AtomicU32) {
        // Release: partner is the acquire in `Met::already`.
        opened.store(Self::opened(opened).wrapping_add(1), Ordering::Release);
    }

    fn opened(opened: &AtomicU32) -> u32 {
        // Relaxed: stored in the turn only, and this is the turn.
        opened.load(Ordering::Relaxed)
    }
}

/// An end just opened, where it belongs, and what it has yet to wait for.
type Opening<'a, const N: usize, W, E> = (E, &'a Fifo<N, W>, Met);
type ReaderOpening<'a, const N: usize, W> = Opening<'a, N, W, Reader<'a, N, W>>;
type WriterOpening<'a, const N: usize, W> = Opening<'a, N, W, Writer<'a, N, W>>;
