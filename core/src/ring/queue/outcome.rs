//! What an operation of a queue says when it does not succeed.

use crate::error::Error;
use crate::ring::PushError;

/// Why a producer got no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// Every slot is held.
    Full,
    /// The queue is closed.
    Closed,
    /// The words are not those of a queue: something else wrote into its memory. Nobody can tell
    /// what was in it; lay it out anew.
    Corrupt,
}

impl NoSlot {
    /// The error of a push that failed for this reason, with its value.
    pub(super) fn with<T>(self, value: T) -> PushError<T> {
        match self {
            NoSlot::Full => PushError::Full(value),
            NoSlot::Closed => PushError::Closed(value),
            NoSlot::Corrupt => PushError::Corrupt(value),
        }
    }
}

impl From<NoSlot> for Error {
    fn from(why: NoSlot) -> Self {
        match why {
            NoSlot::Full => Error::WouldBlock,
            NoSlot::Closed => Error::BrokenPipe,
            NoSlot::Corrupt => Error::Corrupt,
        }
    }
}

/// Why no message will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoMore {
    /// The queue is closed, and nothing waits in it.
    Ended,
    /// See [`NoSlot::Corrupt`].
    Corrupt,
}

/// Why a message was not put in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The queue takes no more messages: the order ends at a mark.
    Closed,
    /// See [`NoSlot::Corrupt`].
    Corrupt,
}
