//! Named pipes in memory: two contexts that share only a name meet at it.
//!
//! It behaves as the FIFO of POSIX does (`fifo(7)`, `mkfifo(3)`, `unlink(2)`):
//!
//! - Opening one end waits for the other. In the form that does not wait, a reader is given at once
//!   (its reads are at the end of file until a writer comes), and a writer is refused with
//!   [`Error::NoReader`].
//! - What is opened are a [pipe](super::pipe)'s reader and writers. The end of file comes when the
//!   last writer closes; a writer that opens later ends it again. A reader that opens later finds
//!   what the one before did not read; when every end is closed, it is discarded.
//! - Removing takes the name away and nothing from those who have it open; the name is free for
//!   another at once.
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
//! NAMES.create(b"log").unwrap();
//! assert_eq!(NAMES.try_open_writer(b"log").err(), Some(Error::NoReader));
//! std::thread::scope(|s| {
//!     s.spawn(|| NAMES.open_writer(b"log").unwrap().write(b"hello"));
//!     let mut reader = NAMES.open_reader(b"log").unwrap(); // waits for the writer
//!     let mut out = [0; 16];
//!     assert_eq!(reader.read(&mut out), Ok(5));
//!     assert_eq!(reader.read(&mut out), Ok(0), "the writer closed");
//! });
//! NAMES.remove(b"log").unwrap();
//! ```

use super::attempt::{Attempt, future, now, wait};
use super::pipe::{Ends, Reader, Writer};
use super::try_lock::{Locked, TryLock};
use crate::Error;
use crate::sync::{array_of, const_unless_loom};
use crate::wait::{Doorbell, Register, Spin, Wait, Wake};

mod directory;
use directory::{Directory, Fifo, Rendezvous};

/// At most `NAMES` names, and behind each of them a FIFO of `N` bytes. `W` says how those who open,
/// read and write sleep.
///
/// A place is free again when its name is removed and nobody has it open.
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::fifo::Registry;
/// let names = Registry::<1, 16>::new(); // on the stack
/// names.create(b"only").unwrap();
/// assert_eq!(names.create(b"another"), Err(Error::Exhausted));
/// names.remove(b"only").unwrap();
/// assert_eq!(names.create(b"another"), Ok(()));
/// ```
#[derive(Debug)]
pub struct Registry<const NAMES: usize, const N: usize, W: Wake = Spin> {
    /// Guards the names, and the opening of ends.
    lock: TryLock,
    /// Those who wait for the lock sleep here.
    bell: Doorbell<W>,
    fifos: [Fifo<N, W>; NAMES],
}

impl<const NAMES: usize, const N: usize, W: Wake> Registry<NAMES, N, W> {
    /// The most bytes that a write puts in all or nothing, see
    /// [`Pipe::ATOMIC`](super::pipe::Pipe::ATOMIC).
    pub const ATOMIC: usize = Fifo::<N, W>::ATOMIC;

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
                lock: TryLock::new(),
                bell: Doorbell::new(),
                fifos: array_of!(Fifo::new(); NAMES),
            }
        }
    }

    /// [`create`](Self::create) that never waits.
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and [`Error::WouldBlock`] while another context looks at
    /// the names.
    pub fn try_create(&self, name: &[u8]) -> Result<(), Error> {
        now(self.with_names(|names| names.create(name)).ok())
    }

    /// [`remove`](Self::remove) that never waits.
    ///
    /// # Errors
    /// Those of [`remove`](Self::remove), and [`Error::WouldBlock`] while another context looks at
    /// the names.
    pub fn try_remove(&self, name: &[u8]) -> Result<(), Error> {
        now(self.with_names(|names| names.remove(name)).ok())
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
    /// let names = Registry::<1, 16>::new();
    /// names.create(b"a").unwrap();
    /// let mut reader = names.try_open_reader(b"a").unwrap();
    /// let mut out = [0; 4];
    /// assert_eq!(reader.try_read(&mut out), Ok(0), "no writer: the end of file");
    /// let writer = names.try_open_writer(b"a").unwrap();
    /// assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
    /// ```
    pub fn try_open_reader(&self, name: &[u8]) -> Result<Reader<'_, N, W>, Error> {
        now(self.enter_reader(name).ok()).map(Rendezvous::into_end)
    }

    /// Opens an end that writes if a reader is there or waits for a writer (`O_NONBLOCK`).
    ///
    /// # Errors
    /// [`Error::NoReader`] when there is no reader, [`Error::NotFound`] when there is none of this
    /// name, [`Error::Exhausted`] when it has 65 536 writers, [`Error::WouldBlock`] while another
    /// context looks at the names.
    pub fn try_open_writer(&self, name: &[u8]) -> Result<Writer<'_, N, W>, Error> {
        now(self.enter_writer(name, Ends::reader).ok()).map(Rendezvous::into_end)
    }
}

impl<const NAMES: usize, const N: usize, W: Wake> Default for Registry<NAMES, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const NAMES: usize, const N: usize, W: Wait> Registry<NAMES, N, W> {
    /// Makes a FIFO with this name (`mkfifo`). Waits at most while another context looks at the
    /// names.
    ///
    /// # Errors
    /// [`Error::BadName`] when the name is empty or longer than [`NAME_MAX`](super::NAME_MAX),
    /// [`Error::AddressInUse`] when it is there already, [`Error::Exhausted`] when every place is
    /// in use.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::fifo::Registry;
    /// let names = Registry::<2, 16>::new();
    /// assert_eq!(names.create(b"a"), Ok(()));
    /// assert_eq!(names.create(b"a"), Err(Error::AddressInUse));
    /// assert_eq!(names.create(b""), Err(Error::BadName));
    /// ```
    #[doc(alias = "mkfifo")]
    pub fn create(&self, name: &[u8]) -> Result<(), Error> {
        self.create_deadline(name, None)
    }

    /// [`create`](Self::create), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and [`Error::TimedOut`].
    pub fn create_deadline(&self, name: &[u8], deadline: Option<W::Deadline>) -> Result<(), Error> {
        wait(deadline, || self.with_names(|names| names.create(name)))
    }

    /// Takes the name away (`unlink`); what is open stays open. Waits at most while another context
    /// looks at the names.
    ///
    /// Whoever still waits for the other end waits in vain from now on, as with POSIX, unless it
    /// has a deadline.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this name.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::channel::fifo::Registry;
    /// let names = Registry::<2, 16>::new();
    /// names.create(b"a").unwrap();
    /// assert_eq!(names.remove(b"a"), Ok(()));
    /// assert_eq!(names.remove(b"a"), Err(Error::NotFound));
    /// ```
    #[doc(alias = "unlink")]
    pub fn remove(&self, name: &[u8]) -> Result<(), Error> {
        self.remove_deadline(name, None)
    }

    /// [`remove`](Self::remove), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`remove`](Self::remove), and [`Error::TimedOut`].
    pub fn remove_deadline(&self, name: &[u8], deadline: Option<W::Deadline>) -> Result<(), Error> {
        wait(deadline, || self.with_names(|names| names.remove(name)))
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
    /// Those of [`open_reader`](Self::open_reader), and [`Error::TimedOut`] when no writer came in
    /// time; the end is closed again then.
    pub fn open_reader_deadline(
        &self,
        name: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<Reader<'_, N, W>, Error> {
        wait(deadline, opening(|| self.enter_reader(name)))
    }

    /// Opens an end that writes; waits until a reader has it open, or opens it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this name, [`Error::Exhausted`] when it has 65 536
    /// writers.
    pub fn open_writer(&self, name: &[u8]) -> Result<Writer<'_, N, W>, Error> {
        self.open_writer_deadline(name, None)
    }

    /// [`open_writer`](Self::open_writer), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`open_writer`](Self::open_writer), and [`Error::TimedOut`] when no reader came in
    /// time; the end is closed again then.
    pub fn open_writer_deadline(
        &self,
        name: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<Writer<'_, N, W>, Error> {
        wait(deadline, opening(|| self.enter_writer(name, |_| true)))
    }
}

impl<const NAMES: usize, const N: usize, W: Register> Registry<NAMES, N, W> {
    /// [`create`](Self::create) as a future.
    ///
    /// # Errors
    /// Those of [`create`](Self::create).
    pub fn create_async(&self, name: &[u8]) -> impl Future<Output = Result<(), Error>> {
        future(move || self.with_names(|names| names.create(name)))
    }

    /// [`remove`](Self::remove) as a future.
    ///
    /// # Errors
    /// Those of [`remove`](Self::remove).
    pub fn remove_async(&self, name: &[u8]) -> impl Future<Output = Result<(), Error>> {
        future(move || self.with_names(|names| names.remove(name)))
    }

    /// [`open_reader`](Self::open_reader) as a future. Cancelled, it closes the end again.
    ///
    /// # Errors
    /// Those of [`open_reader`](Self::open_reader).
    ///
    /// ```
    /// use ringway_core::channel::fifo::Registry;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// let names = Registry::<1, 16, Async<Spin>>::new();
    /// names.create(b"a").unwrap();
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
        future(opening(move || self.enter_reader(name)))
    }

    /// [`open_writer`](Self::open_writer) as a future. Cancelled, it closes the end again.
    ///
    /// # Errors
    /// Those of [`open_writer`](Self::open_writer).
    pub fn open_writer_async(
        &self,
        name: &[u8],
    ) -> impl Future<Output = Result<Writer<'_, N, W>, Error>> {
        future(opening(move || self.enter_writer(name, |_| true)))
    }
}

impl<const NAMES: usize, const N: usize, W: Wake> Registry<NAMES, N, W> {
    /// Does `work` with the names, if nobody else does.
    fn with_names<'a, R>(
        &'a self,
        work: impl FnOnce(&mut Directory<'a, N, W>) -> Result<R, Error>,
    ) -> Attempt<'a, R, W> {
        let locked = Locked::new(&self.lock, &self.bell).ok_or(&self.bell)?;
        // SAFETY: the lock is ours until `locked` is dropped.
        let done = work(&mut unsafe { Directory::new(&self.fifos) });
        drop(locked);
        Ok(done)
    }

    /// Opens the end that reads, then tells the writers; one may still have to be waited for.
    fn enter_reader(&self, name: &[u8]) -> Attempt<'_, Rendezvous<'_, Reader<'_, N, W>, W>, W> {
        let entered = self.with_names(|names| names.enter_reader(name))?;
        if let Ok(rendezvous) = &entered {
            rendezvous.tell();
        }
        Ok(entered)
    }

    /// Opens an end that writes, unless `may` says no of those who are there ([`Error::NoReader`]),
    /// then tells the reader; it may still have to be waited for.
    fn enter_writer(
        &self,
        name: &[u8],
        may: impl FnOnce(Ends) -> bool,
    ) -> Attempt<'_, Rendezvous<'_, Writer<'_, N, W>, W>, W> {
        let entered = self.with_names(|names| names.enter_writer(name, may))?;
        if let Ok(rendezvous) = &entered {
            rendezvous.tell();
        }
        Ok(entered)
    }
}

/// The attempts to open an end: to `enter`, and then to meet the other end. Dropped in between,
/// they close the end again.
fn opening<'a, E, W: Wake + 'a>(
    mut enter: impl FnMut() -> Attempt<'a, Rendezvous<'a, E, W>, W>,
) -> impl FnMut() -> Attempt<'a, E, W> {
    let mut entered: Option<Rendezvous<'a, E, W>> = None;
    move || {
        let rendezvous = match entered.take() {
            Some(rendezvous) => rendezvous,
            None => match enter()? {
                Ok(rendezvous) => rendezvous,
                Err(error) => return Ok(Err(error)),
            },
        };
        if rendezvous.is_met() {
            return Ok(Ok(rendezvous.into_end()));
        }
        Err(entered.insert(rendezvous).bell())
    }
}
