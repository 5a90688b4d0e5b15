//! Why an operation failed, and the texts for it.

use super::ProcessError;
use crate::CoreError;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::{lock, region, ring, signal, wait};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::fmt;
use std::io::ErrorKind;

/// Why an operation failed: an error of the core if there is a fitting one, else the system's.
///
/// The core's errors convert into it, and into an [`Error`](crate::Error).
///
/// ```
/// use ringway::{Cause, CoreError};
/// assert_eq!(Cause::from(CoreError::BrokenPipe), Cause::Core(CoreError::BrokenPipe));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// An error that the core's mechanisms have too.
    Core(CoreError),
    /// A broadcast's reader was too slow: this many messages were overwritten before it read them.
    Lagged(u64),
    /// The path or the descriptor is of the wrong kind for the operation.
    WrongFile {
        /// What it is: `"a regular file"`.
        found: &'static str,
        /// What it should be: `"a FIFO"`.
        wanted: &'static str,
    },
    /// The region belongs neither to this process's user nor to root.
    OtherOwner {
        /// The owner's user number.
        user: u32,
    },
    /// The region's mode allows more users than the caller does.
    TooOpen {
        /// The region's permissions.
        mode: u32,
        /// The permissions that the caller allows.
        allowed: u32,
    },
    /// The permissions let some user read and not write, or write and not read.
    UnevenMode {
        /// The permissions.
        mode: u32,
    },
    /// Nobody is attached to the region any more, and this process may neither remove nor reuse it.
    Stale {
        /// The owner's user number.
        user: u32,
    },
    /// The operation cannot be done with this signal, for this reason.
    Signal(&'static str),
    /// The memory is no region that can be used here, or has no such part; or the layout is
    /// invalid.
    Region(region::Error),
    /// The operation cannot be done with this process, for this reason.
    Process(ProcessError),
    /// The peer could not show that it knows the key, or this side not to the peer, for this
    /// reason.
    #[cfg(feature = "python")]
    Authentication(&'static str),
    /// Any other error of the operating system.
    Os(Errno),
}

impl Cause {
    /// The standard library's kind for it.
    pub(super) fn kind(self) -> ErrorKind {
        use crate::CoreError as E;
        match self {
            Cause::WrongFile { .. } | Cause::Signal(_) | Cause::UnevenMode { .. } => {
                ErrorKind::InvalidInput
            }
            Cause::Region(
                region::Error::BadName
                | region::Error::NameTaken
                | region::Error::TooManyParts { .. }
                | region::Error::Places { .. }
                | region::Error::TooLarge
                | region::Error::Capacity
                | region::Error::Memory,
            ) => ErrorKind::InvalidInput,
            Cause::Region(_) => ErrorKind::InvalidData,
            Cause::OtherOwner { .. } | Cause::TooOpen { .. } | Cause::Stale { .. } => {
                ErrorKind::PermissionDenied
            }
            #[cfg(feature = "python")]
            Cause::Authentication(_) => ErrorKind::PermissionDenied,
            Cause::Process(_) | Cause::Lagged(_) => ErrorKind::Other,
            Cause::Os(errno) => std::io::Error::from(errno).kind(),
            Cause::Core(reason) => match reason {
                E::WouldBlock => ErrorKind::WouldBlock,
                E::TimedOut => ErrorKind::TimedOut,
                E::BrokenPipe => ErrorKind::BrokenPipe,
                E::EndOfFile => ErrorKind::UnexpectedEof,
                E::Refused => ErrorKind::ConnectionRefused,
                E::Reset => ErrorKind::ConnectionReset,
                E::NotConnected | E::NoReader | E::Closed => ErrorKind::NotConnected,
                E::AddressInUse => ErrorKind::AddrInUse,
                E::NotFound => ErrorKind::NotFound,
                E::BadName
                | E::MessageTooLarge { .. }
                | E::BufferTooSmall { .. }
                | E::NoSuchLine { .. } => ErrorKind::InvalidInput,
                E::Corrupt => ErrorKind::InvalidData,
                _ => ErrorKind::Other,
            },
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Core(error) => error.fmt(f),
            Cause::Lagged(count) => {
                write!(
                    f,
                    "{count} messages were overwritten before they were read: read more often"
                )
            }
            Cause::WrongFile { found, wanted } => {
                write!(f, "it is {found}, not {wanted}: use another one")
            }
            Cause::OtherOwner { user } => write!(
                f,
                "it belongs to user {user}, who may put anything there: say with \
                 shm::Access that every owner is trusted, or choose another name"
            ),
            Cause::TooOpen { mode, allowed } => write!(
                f,
                "its permissions are {mode:03o}, and no more than {allowed:03o} are allowed here: \
                 say with shm::Access whom to share it with, or change them"
            ),
            Cause::UnevenMode { mode } => write!(
                f,
                "with the permissions {mode:03o} some may read and not write, or the reverse, \
                 and a reader's locks hold everybody up: give both or neither, as in 600 or 660"
            ),
            Cause::Stale { user } => write!(
                f,
                "nobody is attached to it any more, and only user {user} or root may remove it: \
                 have it removed, or choose another name"
            ),
            Cause::Signal(reason) => f.write_str(reason),
            #[cfg(feature = "python")]
            Cause::Authentication(reason) => f.write_str(reason),
            Cause::Region(error) => error.fmt(f),
            Cause::Process(reason) => reason.fmt(f),
            Cause::Os(Errno::NOSPC) => {
                f.write_str("the file system is full: remove something from it, or use another")
            }
            Cause::Os(Errno::DQUOT) => f.write_str(
                "the user's quota on the file system is used up: remove something, or ask for more",
            ),
            Cause::Os(Errno::NOSYS) => f.write_str(
                "the system lacks a call that this needs, or refuses it: allow it in the \
                 container's filter, or use a newer kernel",
            ),
            Cause::Os(errno) => errno.fmt(f),
        }
    }
}

/// The cause of each error. The conversion drops a value that was not taken. It releases a lock
/// that was taken from a dead owner, and so the next holder is told of the death again.
macro_rules! causes {
    ($($({$T:ident})? $Error:ty: $error:pat => $cause:expr;)*) => {
        $(impl $(<$T>)? From<$Error> for Cause {
            fn from($error: $Error) -> Self {
                $cause
            }
        })*
    };
}

causes! {
    CoreError: error => Cause::Core(error);
    region::Error: error => Cause::Region(error);
    ProcessError: error => Cause::Process(error);
    wait::TimedOut: error => Cause::Core(error.into());
    signal::RaiseError: error => Cause::Core(error.into());
    {G} lock::OwnerDied<G>: error => Cause::Core(error.into());
    {G} lock::LockError<G>: error => Cause::Core(error.into());
    {T} ring::Full<T>: _ => Cause::Core(CoreError::WouldBlock);
    {T} ring::PushError<T>: error => Cause::Core(match error {
        ring::PushError::Full(_) => CoreError::WouldBlock,
        ring::PushError::Closed(_) => CoreError::BrokenPipe,
        ring::PushError::TimedOut(_) => CoreError::TimedOut,
        ring::PushError::Corrupt(_) => CoreError::Corrupt,
    });
    RecvError: error => match error {
        RecvError::Lagged(count) => Cause::Lagged(count),
        RecvError::EndOfFile => Cause::Core(CoreError::EndOfFile),
        RecvError::TimedOut => Cause::Core(CoreError::TimedOut),
    };
}

impl From<Errno> for Cause {
    /// Translates an errno into the core's error, if there is one. If an errno means two things,
    /// the operation translates it first.
    fn from(errno: Errno) -> Self {
        use crate::CoreError as E;
        Cause::Core(match errno {
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

/// The cause for a file of another kind than `wanted` (`"a FIFO"`).
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

/// The cause of a failed call whose `EAGAIN` means that a limit is reached, and not "later".
///
/// Such calls are `clone(2)`, `pthread_create(3)`, `timer_create(2)`, `sigqueue(3)` and `mmap(2)`.
pub(crate) fn limit(errno: Errno) -> Cause {
    match errno {
        Errno::AGAIN => CoreError::Exhausted.into(),
        other => other.into(),
    }
}
