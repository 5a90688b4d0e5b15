//! Errors of a push, which give the value back.

use crate::Error;
use core::fmt;

/// The ring is full. Contains the value that was not pushed.
///
/// ```
/// use ringway_core::ring::{Full, Ring};
/// let mut ring: Ring<_, 1> = Ring::new();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.try_push('a'), Ok(()));
/// assert_eq!(producer.try_push('b'), Err(Full('b')));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(
    /// The value that was not pushed.
    pub T,
);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

#[cfg(feature = "defmt")]
impl<T> defmt::Format for Full<T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Full(..)");
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ring is full: pop first, or push again later")
    }
}

impl<T> core::error::Error for Full<T> {}

/// Why a value was not pushed. Contains the value.
///
/// ```
/// use ringway_core::ring::{PushError, Ring};
/// use ringway_core::wait::Spin;
/// let mut ring = Ring::<_, 4, Spin>::new();
/// let (mut producer, consumer) = ring.split();
/// consumer.close();
/// assert_eq!(producer.push(5), Err(PushError::Closed(5)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// There is no room now, and this call does not wait.
    Full(T),
    /// The consumer closed its half or died, or the queue is closed.
    Closed(T),
    /// The deadline passed before there was room.
    TimedOut(T),
    /// The memory was corrupted: it contains what this crate never writes. Lay it out anew.
    Corrupt(T),
}

impl<T> PushError<T> {
    /// The value that was not pushed.
    pub fn into_value(self) -> T {
        match self {
            PushError::Full(value)
            | PushError::Closed(value)
            | PushError::TimedOut(value)
            | PushError::Corrupt(value) => value,
        }
    }

    /// The reason, without the value.
    pub(crate) fn without_value(&self) -> Error {
        match self {
            PushError::Full(_) => Error::WouldBlock,
            PushError::Closed(_) => Error::BrokenPipe,
            PushError::Corrupt(_) => Error::Corrupt,
            PushError::TimedOut(_) => Error::TimedOut,
        }
    }

    /// Combines the reason `why` with `value`.
    pub(crate) fn new(why: Error, value: T) -> Self {
        match why {
            Error::WouldBlock => PushError::Full(value),
            Error::BrokenPipe => PushError::Closed(value),
            Error::TimedOut => PushError::TimedOut(value),
            _ => PushError::Corrupt(value),
        }
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PushError::Full(_) => "Full(..)",
            PushError::Closed(_) => "Closed(..)",
            PushError::Corrupt(_) => "Corrupt(..)",
            PushError::TimedOut(_) => "TimedOut(..)",
        })
    }
}

#[cfg(feature = "defmt")]
impl<T> defmt::Format for PushError<T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            PushError::Full(_) => defmt::write!(f, "Full(..)"),
            PushError::Closed(_) => defmt::write!(f, "Closed(..)"),
            PushError::Corrupt(_) => defmt::write!(f, "Corrupt(..)"),
            PushError::TimedOut(_) => defmt::write!(f, "TimedOut(..)"),
        }
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.without_value(), f)
    }
}

impl<T> core::error::Error for PushError<T> {}
