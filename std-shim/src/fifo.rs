//! Named pipes: a pipe between two programs that share only a path.
//!
//! A [`Fifo`] is the name. Its `open_…` methods return the ends, which are those of
//! [`pipe`](crate::pipe) and behave as they do. Only opening differs:
//!
//! | to open | waits for | without waiting | by a deadline |
//! |---|---|---|---|
//! | a reader | a writer ([`open_reader`](Fifo::open_reader)) | succeeds at once, and is `Connecting` until a writer comes ([`try_open_reader`](Fifo::try_open_reader)) | [`open_reader_deadline`](Fifo::open_reader_deadline) |
//! | a writer | a reader ([`open_writer`](Fifo::open_writer)) | [`NoReader`](CoreError::NoReader) if there is none (`ENXIO`; [`try_open_writer`](Fifo::try_open_writer)) | [`open_writer_deadline`](Fifo::open_writer_deadline) |
//! | both | nobody ([`open_both`](Fifo::open_both)) | the same | |
//!
//! The peers of a FIFO come and go. After the last writer left, readers get the end of file until
//! the next writer opens the FIFO. Then they read on. After the last reader left, writers get a
//! broken pipe until the next reader opens it.
//!
//! See [`fifo(7)`](https://man7.org/linux/man-pages/man7/fifo.7.html).
//!
//! ```
//! use ringway::fifo::Fifo;
//! use std::process::Command;
//! let place = tempfile::tempdir().unwrap();
//! let path = place.path().join("news");
//!
//! let fifo = Fifo::create(&path, 0o600).unwrap();
//! let mut echo = Command::new("sh").arg("-c").arg("echo hello > \"$0\"").arg(&path).spawn().unwrap();
//! let reader = fifo.open_reader().unwrap();
//! assert_eq!(std::io::read_to_string(&reader).unwrap(), "hello\n");
//! assert!(echo.wait().unwrap().success());
//!
//! drop(fifo);
//! assert!(!path.exists()); // this process made it, so the drop removed it
//! ```

mod mark;
mod name;
mod open;

pub use crate::pipe::{Reader, Writer};

use crate::{CoreError, Result};
use mark::Made;
use rustix::fs::CWD;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A FIFO's name in the file system. If this value made the FIFO, dropping it removes the name.
///
/// ```
/// use ringway::fifo::Fifo;
/// let place = tempfile::tempdir().unwrap();
/// let path = place.path().join("news");
/// let fifo = Fifo::open_or_create(&path, 0o600).unwrap();
/// assert!(fifo.path() == path && fifo.is_creator());
/// assert_eq!(fifo.mark().unwrap(), place.path().join(".news.ringway"));
/// assert!(!Fifo::open_or_create(&path, 0o600).unwrap().is_creator());
/// let (reader, writer) = fifo.open_both().unwrap();
/// writer.write_all(b"to myself").unwrap();
/// assert_eq!(reader.read(&mut [0; 16]).unwrap(), 9);
///
/// fifo.remove().unwrap();
/// assert_eq!(place.path().read_dir().unwrap().count(), 0);
/// Fifo::create(&path, 0o600).unwrap().keep();
/// assert_eq!(place.path().read_dir().unwrap().count(), 1);
/// ```
#[derive(Debug)]
pub struct Fifo {
    path: PathBuf,
    /// Held open, so that the name keeps its meaning after a `chdir` or when the directory is
    /// moved.
    dir: OwnedFd,
    file: PathBuf,
    made: Option<Made>,
}

impl Fifo {
    /// Makes a FIFO at a path where nothing is yet: `int mkfifo(const char *path, mode_t mode)`.
    ///
    /// The FIFO gets exactly this `mode`, whatever the process's umask is. The umask belongs to all
    /// threads, so this function does not change it, but sets the mode again afterwards. In between
    /// the mode is narrower, never wider.
    ///
    /// Dropping the value removes the name, if the name still leads to the FIFO that was made here,
    /// and if this process made it. [`keep`](Self::keep) leaves it.
    ///
    /// **If a dead process made a FIFO here and left it, this value takes it over**, as a listener
    /// replaces the file of a dead socket. The FIFO gets this `mode` and is removed with this
    /// value. A peer that waits at it already meets the new process.
    ///
    /// A FIFO is never taken over if its process lives, if it was [kept](Self::keep), or if another
    /// program made it (`mkfifo(1)`). The locked file `.NAME.ringway` beside the FIFO shows that
    /// its process lives.
    ///
    /// See [`mkfifo(3)`](https://man7.org/linux/man-pages/man3/mkfifo.3.html).
    ///
    /// # Errors
    /// [`AddressInUse`](CoreError::AddressInUse) if something has the name,
    /// [`NotFound`](CoreError::NotFound) if the directory does not exist,
    /// [`BadName`](CoreError::BadName), `EINVAL` for a mode above `0o7777`, or the error
    /// of the system call.
    ///
    /// ```
    /// use ringway::{CoreError, fifo::Fifo};
    /// use std::os::unix::fs::PermissionsExt;
    /// let place = tempfile::tempdir().unwrap();
    /// let path = place.path().join("open to all");
    /// let fifo = Fifo::create(&path, 0o622).unwrap();
    /// assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o622);
    /// assert!(Fifo::create(&path, 0o622).unwrap_err().is(CoreError::AddressInUse));
    /// ```
    #[doc(alias = "mkfifo")]
    pub fn create(path: impl AsRef<Path>, mode: u32) -> Result<Fifo> {
        Self::create_at(CWD, path, mode)
    }

    /// Makes a FIFO as [`create`](Self::create) does; a relative path begins at the directory
    /// `dir`.
    ///
    /// # Errors
    /// Those of [`create`](Self::create).
    ///
    /// ```
    /// use ringway::fifo::Fifo;
    /// let place = tempfile::tempdir().unwrap();
    /// let dir = std::fs::File::open(place.path()).unwrap();
    /// let fifo = Fifo::create_at(&dir, "news", 0o600).unwrap();
    /// assert!(place.path().join("news").exists() && !Fifo::open_at(&dir, "news").unwrap().is_creator());
    /// ```
    #[doc(alias = "mkfifoat")]
    pub fn create_at(dir: impl AsFd, path: impl AsRef<Path>, mode: u32) -> Result<Fifo> {
        Self::make(dir.as_fd(), path.as_ref(), mode)
    }

    /// Opens the FIFO, or makes it if nothing has the name.
    ///
    /// Use it for two peers that may start in either order. Only the value that made the FIFO, or
    /// took over a dead process's FIFO, removes it.
    ///
    /// # Errors
    /// [`Cause::WrongFile`](crate::Cause::WrongFile) if something else has the name; else those of
    /// [`create`](Self::create).
    pub fn open_or_create(path: impl AsRef<Path>, mode: u32) -> Result<Fifo> {
        let path = path.as_ref();
        // Both fail if somebody removes the name in between. Then this process can make the FIFO
        // after all. The limit is for a program that makes and removes it again and again.
        let mut tries = 8;
        loop {
            tries -= 1;
            match Self::create(path, mode) {
                Err(error) if error.is(CoreError::AddressInUse) => {}
                other => return other,
            }
            match Self::open(path) {
                Err(error) if error.is(CoreError::NotFound) && tries > 0 => {}
                other => return other,
            }
        }
    }

    /// Refers to a FIFO that exists. Dropping the value leaves it.
    ///
    /// # Errors
    /// [`NotFound`](CoreError::NotFound), or [`Cause::WrongFile`](crate::Cause::WrongFile) if the
    /// path leads to something else.
    ///
    /// ```
    /// use ringway::fifo::Fifo;
    /// let wrong = Fifo::open("/").unwrap_err();
    /// assert_eq!(wrong.to_string(), "cannot use the FIFO /: it is a directory, not a FIFO: use another one");
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Fifo> {
        Self::open_at(CWD, path)
    }

    /// Refers to a FIFO as [`open`](Self::open) does; a relative path begins at the directory
    /// `dir`.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    ///
    /// See [`create_at`](Self::create_at) for an example.
    pub fn open_at(dir: impl AsFd, path: impl AsRef<Path>) -> Result<Fifo> {
        Self::find(dir.as_fd(), path.as_ref())
    }

    /// The path that the caller gave.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether dropping this value removes the name.
    pub fn is_creator(&self) -> bool {
        self.made.as_ref().is_some_and(|made| made.process == std::process::id())
    }

    /// The path of the mark, `.NAME.ringway`, beside a FIFO that was made here.
    ///
    /// Dropping this value removes the mark with the FIFO. A program that ends without dropping it
    /// may remove both itself. `None` if there is no mark.
    pub fn mark(&self) -> Option<PathBuf> {
        let mark = self.made.as_ref().filter(|_| self.is_creator())?.mark.as_ref()?;
        Some(self.path.with_file_name(mark.name()))
    }

    /// Leaves the name in the file system when the value is dropped.
    pub fn keep(mut self) {
        self.made = None;
    }

    /// Removes the name now, as dropping the value does, and returns whether that worked.
    ///
    /// Open ends stay open. The name stays if it was not made here, or leads to something else by
    /// now.
    ///
    /// # Errors
    /// The error of the system call.
    #[doc(alias = "unlink")]
    pub fn remove(mut self) -> Result<()> {
        self.remove_name()
    }
}
