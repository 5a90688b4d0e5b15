//! The error of this crate: what was tried, on what, and why it failed.

mod cause;
mod process;

pub use cause::Cause;
pub(crate) use cause::{limit, wrong_file};
pub use process::ProcessError;

use crate::CoreError;
use rustix::io::Errno;
use std::fmt;
use std::io;

/// A failed operation: what was tried, on what, why it failed, and what to do.
///
/// It displays as one line. `?` converts every error of this crate and of [`ringway_core`] into it,
/// and it into an [`io::Error`].
///
/// ```
/// use ringway::{Error, CoreError};
/// use ringway::ring::queue::Queue;
/// fn give_up(error: &Error) -> bool {
///     !error.is(CoreError::WouldBlock)
/// }
/// fn fill(jobs: &Queue<u32, 4>) -> ringway::Result<()> {
///     loop {
///         jobs.try_push(7)?;
///     }
/// }
/// assert!(!give_up(&fill(&Queue::new()).unwrap_err()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// `None` if an error of the core was converted.
    operation: Option<&'static str>,
    subject: Option<Box<str>>,
    cause: Cause,
    /// What is wrong and what to do, if the cause alone does not say it.
    reason: Option<&'static str>,
}

/// The result of this crate's operations.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error. `operation` is a verb with its object: `"open the FIFO"`.
    pub(crate) fn new(operation: &'static str, cause: impl Into<Cause>) -> Self {
        let operation = Some(operation);
        Error { operation, subject: None, cause: cause.into(), reason: None }
    }

    /// Replaces the cause's text by `reason`, which says what is wrong and what to do.
    pub(crate) fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// As [`on`](Self::on), unless the error has a subject already.
    pub(crate) fn or_on(self, subject: impl fmt::Display) -> Self {
        if self.subject.is_some() { self } else { self.on(subject) }
    }

    /// Adds the path, address or process that the operation was for.
    pub(crate) fn on(mut self, subject: impl fmt::Display) -> Self {
        self.subject = Some(subject.to_string().into());
        self
    }

    /// Why it failed.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether it failed for this reason.
    ///
    /// A full file system and a used-up quota have messages of their own, and are
    /// [`Exhausted`](CoreError::Exhausted) too.
    ///
    /// ```
    /// use ringway::{CoreError, fd};
    /// let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    /// let error = fd::write(&full, b"x").unwrap_err();
    /// assert!(error.is(CoreError::Exhausted) && error.to_string().contains("full"));
    /// ```
    pub fn is(&self, reason: CoreError) -> bool {
        match self.cause {
            Cause::Os(Errno::NOSPC | Errno::DQUOT) => reason == CoreError::Exhausted,
            cause => cause == Cause::Core(reason),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.operation {
            write!(f, "cannot {operation}")?;
            if let Some(subject) = &self.subject {
                write!(f, " {subject}")?;
            }
            f.write_str(": ")?;
        }
        match self.reason {
            Some(reason) => f.write_str(reason),
            None => self.cause.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// Converts a [`Cause`], or what converts into one. The error does not say what was tried.
impl<E> From<E> for Error
where
    Cause: From<E>,
{
    fn from(error: E) -> Self {
        Error { operation: None, subject: None, cause: error.into(), reason: None }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.cause.kind(), error)
    }
}

/// Adds to a failure what was tried: a verb with its object.
pub(crate) trait Tried<T> {
    fn tried(self, operation: &'static str) -> Result<T>;
}

impl<T, E: Into<Cause>> Tried<T> for std::result::Result<T, E> {
    fn tried(self, operation: &'static str) -> Result<T> {
        self.map_err(|cause| Error::new(operation, cause))
    }
}

/// Adds to a failure the path, address or process that it was for.
pub(crate) trait On<T> {
    fn on(self, subject: impl fmt::Display) -> Result<T>;
}

impl<T> On<T> for Result<T> {
    fn on(self, subject: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.on(subject))
    }
}

/// Says that the system refuses a call, and what to do.
macro_rules! refused {
    ($call:literal) => {
        concat!(
            "the system refuses ",
            $call,
            ": allow it in the container's filter, or use a newer kernel"
        )
    };
}
pub(crate) use refused;

/// Adds to a failure what was tried. If the system refuses the call itself, the error says so.
pub(crate) trait Asked<T> {
    /// `refusal` names the call: see [`refused`].
    fn asked(self, operation: &'static str, refusal: &'static str) -> Result<T>;
}

impl<T, E: Into<Cause>> Asked<T> for std::result::Result<T, E> {
    fn asked(self, operation: &'static str, refusal: &'static str) -> Result<T> {
        self.tried(operation).map_err(|error| match error.cause {
            Cause::Os(errno) if is_refusal(errno) => error.because(refusal),
            _ => error,
        })
    }
}

/// Whether a filter refuses a call, or the kernel lacks it, by the call's errno. It is for calls
/// that do not fail with these otherwise. `EINVAL` says that the kernel does not know a flag or a
/// command.
pub(crate) fn is_refusal(errno: Errno) -> bool {
    matches!(errno, Errno::PERM | Errno::NOSYS | Errno::INVAL)
}

/// The error of a failed call on a path in `/proc`.
pub(crate) fn through_proc(operation: &'static str, errno: Errno) -> Error {
    let error = Error::new(operation, errno);
    match errno {
        Errno::NOENT if !std::path::Path::new("/proc/self/fd").is_dir() => {
            error.because("/proc is not mounted here, and it is needed: mount it")
        }
        _ => error,
    }
}

/// The error of a failed call that makes a file larger.
pub(crate) fn too_large(operation: &'static str, errno: Errno) -> Error {
    match errno {
        Errno::FBIG => Error::new(operation, CoreError::Exhausted).because(
            "it is larger than a file of this process may be: raise the limit (ulimit -f)",
        ),
        errno => Error::new(operation, errno),
    }
}
