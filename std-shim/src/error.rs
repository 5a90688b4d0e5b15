//! The shim's one error: what was tried, on what, and why it did not work.

use crate::shm::AccessError;
use ringway_core::{channel, region};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::fmt;
use std::io;

/// Why an operation failed: in the words of the core where it has them, else as the system said it.
///
/// ```
/// use ringway::{Cause, channel};
/// assert_eq!(Cause::from(channel::Error::BrokenPipe), Cause::Channel(channel::Error::BrokenPipe));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// One of the errors that the mechanisms have in memory too.
    Channel(channel::Error),
    /// The path or the descriptor is of another kind than the operation is for.
    WrongFile {
        /// What it is: `"a regular file"`.
        found: &'static str,
        /// What it should be: `"a FIFO"`.
        wanted: &'static str,
    },
    /// It cannot be done with this signal, for this reason.
    Signal(&'static str),
    /// The memory is not a region that can be used here.
    Region(region::Error),
    /// The region has no such part.
    Part(region::PartError),
    /// The file of this name is not to be used as a region, for this reason.
    Access(AccessError),
    /// A region cannot be laid out so.
    Layout(region::LayoutError),
    /// It cannot be done with this process, for this reason.
    Process(crate::process::ProcessError),
    /// Anything else that the operating system reports.
    Os(Errno),
}

impl From<region::Error> for Cause {
    fn from(error: region::Error) -> Self {
        Cause::Region(error)
    }
}

impl From<AccessError> for Cause {
    fn from(error: AccessError) -> Self {
        Cause::Access(error)
    }
}

impl From<region::PartError> for Cause {
    fn from(error: region::PartError) -> Self {
        Cause::Part(error)
    }
}

impl From<region::LayoutError> for Cause {
    fn from(error: region::LayoutError) -> Self {
        Cause::Layout(error)
    }
}

/// The cause for a file that is not what was `wanted` (`"a FIFO"`).
pub(crate) fn wrong_file(found: FileType, wanted: &'static str) -> Cause {
    let found = match found {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe or a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        FileType::Unknown => "a file of no known kind",
    };
    Cause::WrongFile { found, wanted }
}

/// An operation that failed: one line that says what was tried, on what, and what to do.
///
/// ```
/// use ringway::{Error, channel};
/// fn give_up(error: &Error) -> bool {
///     !error.is(channel::Error::WouldBlock)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    operation: &'static str,
    subject: Option<Box<str>>,
    cause: Cause,
    /// What is wrong and what to do, where the cause alone does not say it.
    reason: Option<&'static str>,
}

/// What the shim's operations return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// `operation` is a verb with its object: `"open the FIFO"`.
    pub(crate) fn new(operation: &'static str, cause: impl Into<Cause>) -> Self {
        Error { operation, subject: None, cause: cause.into(), reason: None }
    }

    /// Says in its own words what is wrong here and what to do.
    pub(crate) fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Names the path, address or process that the operation was for.
    pub(crate) fn on(mut self, subject: impl fmt::Display) -> Self {
        self.subject = Some(subject.to_string().into());
        self
    }

    /// Why it failed.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Whether it failed for this reason. A file system that is full, and a quota that is used up, have words of their own and
    /// are [`Exhausted`](channel::Error::Exhausted) too.
    ///
    /// ```
    /// use ringway::{channel, fd};
    /// let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    /// let error = fd::write(&full, b"x").unwrap_err();
    /// assert!(error.is(channel::Error::Exhausted) && error.to_string().contains("full"));
    /// ```
    pub fn is(&self, reason: channel::Error) -> bool {
        match self.cause {
            Cause::Os(Errno::NOSPC | Errno::DQUOT) => reason == channel::Error::Exhausted,
            cause => cause == Cause::Channel(reason),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.operation)?;
        if let Some(subject) = &self.subject {
            write!(f, " {subject}")?;
        }
        if let Some(reason) = self.reason {
            return write!(f, ": {reason}");
        }
        match self.cause {
            Cause::Channel(error) => write!(f, ": {error}"),
            Cause::WrongFile { found, wanted } => {
                write!(f, ": it is {found}, not {wanted}: use another one")
            }
            Cause::Signal(reason) => write!(f, ": {reason}"),
            Cause::Region(error) => write!(f, ": {error}"),
            Cause::Part(error) => write!(f, ": {error}"),
            Cause::Access(error) => write!(f, ": {error}"),
            Cause::Layout(error) => write!(f, ": {error}"),
            Cause::Process(reason) => write!(f, ": {reason}"),
            Cause::Os(Errno::NOSPC) => {
                f.write_str(": the file system is full: remove something from it, or use another")
            }
            Cause::Os(Errno::DQUOT) => f.write_str(
                ": the user's quota on the file system is used up: remove something, or ask for more",
            ),
            Cause::Os(errno) => write!(f, ": {errno}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<channel::Error> for Cause {
    fn from(error: channel::Error) -> Self {
        Cause::Channel(error)
    }
}

impl From<crate::process::ProcessError> for Cause {
    fn from(reason: crate::process::ProcessError) -> Self {
        Cause::Process(reason)
    }
}

impl From<Errno> for Cause {
    /// Errno in the words of the core. Where one errno means two things, the operation translates it before.
    fn from(errno: Errno) -> Self {
        use channel::Error as E;
        Cause::Channel(match errno {
            Errno::AGAIN => E::WouldBlock,
            Errno::TIMEDOUT => E::TimedOut,
            Errno::PIPE => E::BrokenPipe,
            Errno::CONNREFUSED => E::Refused,
            Errno::CONNRESET | Errno::CONNABORTED => E::Reset,
            Errno::NOTCONN | Errno::DESTADDRREQ => E::NotConnected,
            Errno::ISCONN | Errno::ALREADY => E::AlreadyConnected,
            Errno::BADF => E::WrongDirection,
            Errno::ADDRINUSE | Errno::EXIST => E::AddressInUse,
            Errno::NOENT => E::NotFound,
            Errno::NAMETOOLONG => E::BadName,
            Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => E::Exhausted,
            other => return Cause::Os(other),
        })
    }
}

/// The cause of a failed call whose `EAGAIN` says that a limit is reached, and not "later": `clone(2)`,
/// `pthread_create(3)`, `timer_create(2)`, `sigqueue(3)`, `mmap(2)`.
pub(crate) fn limit(errno: Errno) -> Cause {
    match errno {
        Errno::AGAIN => channel::Error::Exhausted.into(),
        other => other.into(),
    }
}

/// The error of a call that makes a file larger.
pub(crate) fn too_large(operation: &'static str, errno: Errno) -> Error {
    match errno {
        Errno::FBIG => Error::new(operation, channel::Error::Exhausted).because(
            "it is larger than a file of this process may be: raise the limit (ulimit -f)",
        ),
        errno => Error::new(operation, errno),
    }
}

impl From<region::LayoutError> for Error {
    fn from(error: region::LayoutError) -> Self {
        Error::new("lay out the region", error)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        use channel::Error as E;
        let kind = match error.cause {
            Cause::WrongFile { .. } | Cause::Signal(_) | Cause::Layout(_) => {
                io::ErrorKind::InvalidInput
            }
            Cause::Region(_) | Cause::Part(_) => io::ErrorKind::InvalidData,
            Cause::Access(AccessError::Uneven { .. }) => io::ErrorKind::InvalidInput,
            Cause::Access(_) => io::ErrorKind::PermissionDenied,
            Cause::Process(_) => io::ErrorKind::Other,
            Cause::Os(errno) => io::Error::from(errno).kind(),
            Cause::Channel(reason) => match reason {
                E::WouldBlock => io::ErrorKind::WouldBlock,
                E::TimedOut => io::ErrorKind::TimedOut,
                E::BrokenPipe => io::ErrorKind::BrokenPipe,
                E::EndOfFile => io::ErrorKind::UnexpectedEof,
                E::Refused => io::ErrorKind::ConnectionRefused,
                E::Reset => io::ErrorKind::ConnectionReset,
                E::NotConnected | E::NoReader | E::Closed => io::ErrorKind::NotConnected,
                E::AddressInUse => io::ErrorKind::AddrInUse,
                E::NotFound => io::ErrorKind::NotFound,
                E::BadName | E::MessageTooLarge { .. } | E::BufferTooSmall { .. } => {
                    io::ErrorKind::InvalidInput
                }
                E::Corrupt => io::ErrorKind::InvalidData,
                _ => io::ErrorKind::Other,
            },
        };
        io::Error::new(kind, error)
    }
}
