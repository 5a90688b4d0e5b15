//! The error of all structures.

use core::fmt;

/// Why an operation failed. The same in memory and over the operating system.
///
/// ```
/// use ringway_core::Error;
/// assert!(Error::WouldBlock.to_string().contains("try again"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The operation cannot be done at once, and this form of the call does not wait (`EAGAIN`).
    WouldBlock,
    /// The deadline passed first (`ETIMEDOUT`). Nothing was lost.
    TimedOut,
    /// Nobody reads what is sent here, or this side ended its own sending (`EPIPE`).
    BrokenPipe,
    /// The last writer is gone, and all it wrote was read. A byte stream reports this by a read of
    /// 0 bytes. This error reports it where a message may be empty.
    EndOfFile,
    /// The FIFO was opened for writing without waiting, and nobody has it open for reading
    /// (`ENXIO`).
    NoReader,
    /// Nobody listens there (`ECONNREFUSED`).
    Refused,
    /// The connection was torn down; bytes under way are lost (`ECONNRESET`).
    Reset,
    /// The end is not connected (`ENOTCONN`).
    NotConnected,
    /// The end is already connected, listening or under way (`EISCONN`, `EINVAL`).
    AlreadyConnected,
    /// The end does not have this direction: a reader cannot send (`EBADF`).
    WrongDirection,
    /// This side closed the end before (`EBADF`).
    Closed,
    /// The name or address is taken (`EADDRINUSE`, `EEXIST`).
    AddressInUse,
    /// Nothing has this name (`ENOENT`).
    NotFound,
    /// The name is empty, or longer than names may be here (`ENAMETOOLONG`, `EINVAL`).
    BadName,
    /// The message is larger than this channel can ever carry (`EMSGSIZE`).
    MessageTooLarge {
        /// The most it can carry, in bytes.
        max: usize,
    },
    /// The message is larger than the buffer given for it. It is not consumed, if the mechanism can
    /// keep it.
    BufferTooSmall {
        /// The size of the message, in bytes.
        needed: usize,
    },
    /// No place is left: names, connections or descriptors are all in use (`ENFILE`, `EMFILE`).
    Exhausted,
    /// Somebody else holds this half, and there is only one.
    Taken,
    /// The peer wrote something invalid (`EBADMSG`). This channel cannot be used any more.
    Corrupt,
    /// A holder died, or panicked, with the lock, which is free again (`EOWNERDEAD`).
    OwnerDied,
    /// The barrier is broken: a party gave up, aborted, reset it, or died.
    Broken,
    /// Nothing to release: this participant has kept no permit.
    NotHeld,
    /// A count would exceed its limit: too many permits, or too many locks of one lock by one
    /// thread (`EOVERFLOW`, `EAGAIN`).
    Overflow,
    /// The table does not have this signal line.
    NoSuchLine {
        /// The number of lines; they are 0 to `lines - 1`.
        lines: u32,
    },
    /// The peer speaks another version of the protocol (`EPROTONOSUPPORT`).
    Incompatible {
        // As wide as the other numbers here. Small processors copy an error piece by piece if it
        // has a byte beside its tag.
        /// The version that the peer speaks.
        version: u32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::WouldBlock => {
                "it would have to wait: try again later, or use the form that waits"
            }
            Error::TimedOut => "the deadline passed first; nothing was lost, try again",
            Error::BrokenPipe => "broken pipe: nobody reads what is sent here; open a new channel",
            Error::EndOfFile => "end of file: the last writer is gone and everything was read",
            Error::NoReader => "no reader yet: wait for one, or use the form of open that waits",
            Error::Refused => "refused: nobody listens there; start the listener first",
            Error::Reset => "reset: the peer tore the connection down; connect again",
            Error::NotConnected => "not connected: connect or accept first",
            Error::AlreadyConnected => "already connected or listening: use a new end",
            Error::WrongDirection => {
                "wrong direction: a reader cannot send, a writer cannot receive"
            }
            Error::Closed => "closed: this end was closed before; open a new one",
            Error::AddressInUse => {
                "the name is in use: choose another, or end the program that has it"
            }
            Error::NotFound => "nothing has this name: make it first",
            Error::BadName => "bad name: it is empty, or too long for this place",
            Error::MessageTooLarge { max } => {
                return write!(f, "message too large: this channel carries at most {max} bytes");
            }
            Error::BufferTooSmall { needed } => {
                return write!(f, "buffer too small: the message has {needed} bytes");
            }
            Error::Exhausted => "no place left: close something, or make the limit larger",
            Error::Taken => "taken: somebody else holds this end, and there is only one",
            Error::Corrupt => "corrupt: the peer wrote what cannot be; open a new channel",
            Error::OwnerDied => {
                "a holder died or panicked with the lock: repair what it protects, then call \
                 make_consistent"
            }
            Error::Broken => "the barrier is broken: see to who is missing, then reset it",
            Error::NotHeld => {
                "released too often: release as many permits as you kept, under the name you took \
                 them"
            }
            Error::Overflow => {
                "a count is at its limit: release only what was acquired, drop guards, or end the \
                 recursion"
            }
            Error::NoSuchLine { lines } => {
                return write!(f, "there is no such line: the table has {lines}, counted from 0");
            }
            Error::Incompatible { version } => {
                return write!(
                    f,
                    "incompatible: the peer speaks version {version}; use the same release on both sides"
                );
            }
        })
    }
}

impl core::error::Error for Error {}
