//! Named pipes in memory: contexts that share only a name connect through it.
//!
//! It behaves like a POSIX FIFO (`fifo(7)`, `mkfifo(3)`, `unlink(2)`):
//!
//! - Opening one end waits for the other. The `try_` forms do not wait. `try_open_reader` returns
//!   at once, and reads are at the end of file until a writer comes. `try_open_writer` fails with
//!   [`Error::NoReader`] if there is no reader.
//! - The ends are a [pipe](super::pipe)'s reader and writers. The reader is at the end of file when
//!   the last writer closes, until another writer opens. A reader that opens later finds the bytes
//!   that the earlier reader left. When every end is closed, those bytes are discarded.
//! - Removing takes only the name away. Open ends stay open, and the name is free for another FIFO
//!   at once.
//!
//! Unlike in POSIX, a FIFO has one reader at a time: opening a second fails with [`Error::Taken`].
//!
//! Opening orders memory: a context that opens one end, and so meets the other, sees everything
//! that happened before the other end was opened.
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

/// A table of at most `NAMES` named FIFOs of `N` bytes each.
///
/// `W` says how contexts sleep when they open, read and write.
///
/// A FIFO's place is free again when its name is removed and every end is closed.
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
    /// Guards the names and the opening of ends.
    lock: TryLock,
    /// Contexts that wait for the lock sleep here.
    bell: Doorbell<W>,
    fifos: [Fifo<N, W>; NAMES],
}

impl<const NAMES: usize, const N: usize, W: Wake> Registry<NAMES, N, W> {
    /// The longest write that is all or nothing, in bytes.
    ///
    /// See [`Pipe::ATOMIC`](super::pipe::Pipe::ATOMIC).
    pub const ATOMIC: usize = Fifo::<N, W>::ATOMIC;

    const_unless_loom! {
        /// Creates a registry without names.
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

    /// Does [`create`](Self::create) without waiting.
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and [`Error::WouldBlock`] while another context uses the
    /// registry.
    pub fn try_create(&self, name: &[u8]) -> Result<(), Error> {
        now(self.with_names(|names| names.create(name)).ok())
    }

    /// Does [`remove`](Self::remove) without waiting.
    ///
    /// # Errors
    /// Those of [`remove`](Self::remove), and [`Error::WouldBlock`] while another context uses the
    /// registry.
    pub fn try_remove(&self, name: &[u8]) -> Result<(), Error> {
        now(self.with_names(|names| names.remove(name)).ok())
    }

    /// Opens the reading end, whether a writer is there or not (`O_NONBLOCK`).
    ///
    /// # Errors
    /// [`Error::BadName`] when the name is empty or too long, [`Error::NotFound`] when no FIFO has
    /// this name, [`Error::Taken`] when it has a reader, [`Error::WouldBlock`] while another
    /// context uses the registry.
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

    /// Opens a writing end, if the reading end is open or is being opened (`O_NONBLOCK`).
    ///
    /// # Errors
    /// [`Error::NoReader`] when there is no reader, [`Error::BadName`] when the name is empty or
    /// too long, [`Error::NotFound`] when no FIFO has this name, [`Error::Exhausted`] when it
    /// already has 65536 writers, [`Error::WouldBlock`] while another context uses the registry.
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
    /// Creates a FIFO with this name (`mkfifo`).
    ///
    /// It waits only while another context uses the registry.
    ///
    /// # Errors
    /// [`Error::BadName`] when the name is empty or longer than [`NAME_MAX`](super::NAME_MAX),
    /// [`Error::AddressInUse`] when a FIFO has this name, [`Error::Exhausted`] when every place is
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

    /// Does [`create`](Self::create), waiting at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and [`Error::TimedOut`].
    pub fn create_deadline(&self, name: &[u8], deadline: Option<W::Deadline>) -> Result<(), Error> {
        wait(deadline, || self.with_names(|names| names.create(name)))
    }

    /// Removes the name (`unlink`); open ends stay open.
    ///
    /// It waits only while another context uses the registry.
    ///
    /// A context that still waits for the other end then waits in vain, as in POSIX: until its
    /// deadline, or for ever.
    ///
    /// # Errors
    /// [`Error::BadName`] when the name is empty or too long, [`Error::NotFound`] when no FIFO has
    /// this name.
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

    /// Does [`remove`](Self::remove), waiting at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// Those of [`remove`](Self::remove), and [`Error::TimedOut`].
    pub fn remove_deadline(&self, name: &[u8], deadline: Option<W::Deadline>) -> Result<(), Error> {
        wait(deadline, || self.with_names(|names| names.remove(name)))
    }

    /// Opens the reading end; waits for a writer if none is open.
    ///
    /// # Errors
    /// [`Error::BadName`] when the name is empty or too long, [`Error::NotFound`] when no FIFO has
    /// this name, [`Error::Taken`] when it has a reader already.
    pub fn open_reader(&self, name: &[u8]) -> Result<Reader<'_, N, W>, Error> {
        self.open_reader_deadline(name, None)
    }

    /// Does [`open_reader`](Self::open_reader), waiting at most until `deadline` (`None`: for
    /// ever).
    ///
    /// # Errors
    /// Those of [`open_reader`](Self::open_reader), and [`Error::TimedOut`] when no writer came in
    /// time; this end is closed again then.
    pub fn open_reader_deadline(
        &self,
        name: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<Reader<'_, N, W>, Error> {
        wait(deadline, opening(|| self.enter_reader(name)))
    }

    /// Opens a writing end; waits for a reader if none is open.
    ///
    /// # Errors
    /// [`Error::BadName`] when the name is empty or too long, [`Error::NotFound`] when no FIFO has
    /// this name, [`Error::Exhausted`] when it already has 65536 writers.
    pub fn open_writer(&self, name: &[u8]) -> Result<Writer<'_, N, W>, Error> {
        self.open_writer_deadline(name, None)
    }

    /// Does [`open_writer`](Self::open_writer), waiting at most until `deadline` (`None`: for
    /// ever).
    ///
    /// # Errors
    /// Those of [`open_writer`](Self::open_writer), and [`Error::TimedOut`] when no reader came in
    /// time; this end is closed again then.
    pub fn open_writer_deadline(
        &self,
        name: &[u8],
        deadline: Option<W::Deadline>,
    ) -> Result<Writer<'_, N, W>, Error> {
        wait(deadline, opening(|| self.enter_writer(name, |_| true)))
    }
}

impl<const NAMES: usize, const N: usize, W: Register> Registry<NAMES, N, W> {
    /// Does [`create`](Self::create) as a future.
    ///
    /// Cancel-safe: if cancelled, it has created nothing.
    ///
    /// # Errors
    /// Those of [`create`](Self::create).
    pub fn create_async(&self, name: &[u8]) -> impl Future<Output = Result<(), Error>> {
        future(move || self.with_names(|names| names.create(name)))
    }

    /// Does [`remove`](Self::remove) as a future.
    ///
    /// Cancel-safe: if cancelled, it has removed nothing.
    ///
    /// # Errors
    /// Those of [`remove`](Self::remove).
    pub fn remove_async(&self, name: &[u8]) -> impl Future<Output = Result<(), Error>> {
        future(move || self.with_names(|names| names.remove(name)))
    }

    /// Does [`open_reader`](Self::open_reader) as a future.
    ///
    /// If cancelled, it closes the end again.
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

    /// Does [`open_writer`](Self::open_writer) as a future.
    ///
    /// If cancelled, it closes the end again.
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
    /// Locks the registry and does `work`; fails with the doorbell that rings when the lock is
    /// free.
    fn with_names<'a, R>(
        &'a self,
        work: impl FnOnce(&mut Directory<'a, N, W>) -> Result<R, Error>,
    ) -> Attempt<'a, R, W> {
        let locked = Locked::new(&self.lock, &self.bell).ok_or(&self.bell)?;
        // SAFETY: this context holds the lock of these FIFOs until `locked` is dropped, after
        // `work`.
        let done = work(&mut unsafe { Directory::new(&self.fifos) });
        drop(locked);
        Ok(done)
    }

    /// Opens the reading end and wakes the writers. The caller may have to wait for a writer.
    fn enter_reader(&self, name: &[u8]) -> Attempt<'_, Rendezvous<'_, Reader<'_, N, W>, W>, W> {
        let entered = self.with_names(|names| names.enter_reader(name))?;
        if let Ok(rendezvous) = &entered {
            rendezvous.wake_other_side();
        }
        Ok(entered)
    }

    /// Opens a writing end and wakes the reader. The caller may have to wait for a reader.
    ///
    /// Fails with [`Error::NoReader`] if `may` rejects the ends that are open.
    fn enter_writer(
        &self,
        name: &[u8],
        may: impl FnOnce(Ends) -> bool,
    ) -> Attempt<'_, Rendezvous<'_, Writer<'_, N, W>, W>, W> {
        let entered = self.with_names(|names| names.enter_writer(name, may))?;
        if let Ok(rendezvous) = &entered {
            rendezvous.wake_other_side();
        }
        Ok(entered)
    }
}

/// Returns the attempts to open an end: first to `enter`, then to meet the other end.
///
/// Dropping the closure in between closes the end again.
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
