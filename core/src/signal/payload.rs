//! What a raise carries: its payload, its delivery, and the error of a payload that was not queued.

use crate::Error;
use core::fmt;

/// What a queued raise carries.
///
/// The field names are those of `siginfo_t`. Without an operating system, the program decides what
/// they mean.
///
/// ```
/// use ringway_core::signal::Payload;
/// let payload = Payload { sender: 7, ..Payload::new(42) };
/// assert_eq!((payload.value, payload.sender, payload.user), (42, 7, 0));
/// ```
#[doc(alias = "siginfo_t")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Payload {
    /// A number, or the bits of a pointer (`si_value`).
    pub value: usize,
    /// The raiser: a process (`si_pid`), a core, a task.
    pub sender: u32,
    /// The user the raiser acts for (`si_uid`).
    pub user: u32,
    /// The reason (`si_code`): negative for a signal that a program sent, positive for one from the
    /// kernel.
    pub code: i32,
}

impl Payload {
    /// A payload with a value and nothing else.
    ///
    /// ```
    /// use ringway_core::signal::Payload;
    /// assert_eq!(Payload::new(42).value, 42);
    /// ```
    pub const fn new(value: usize) -> Self {
        Payload { value, sender: 0, user: 0, code: 0 }
    }
}

/// One delivery of a line, to its handler or to the context that waited for it.
///
/// ```
/// use ringway_core::signal::{SignalSet, Table};
/// let table = <Table<4, 0>>::new();
/// table.raise(3)?;
/// table.raise(3)?;
/// let delivery = table.dispatcher().unwrap().try_wait(SignalSet::line(3)).unwrap();
/// assert_eq!((delivery.line, delivery.count, delivery.payload), (3, 2, None));
/// # Ok::<(), ringway_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Raised {
    /// The line.
    pub line: u32,
    /// The number of raises in this delivery: at least 1, and 1 if there is a payload. Exact: the
    /// count does not wrap before 2^64 raises, or 2^56 on a target without compare-and-swap.
    pub count: u64,
    /// The payload, if the raise was a [`raise_with`](crate::signal::Table::raise_with).
    pub payload: Option<Payload>,
}

/// Why a payload was not queued; gives the payload back.
///
/// ```
/// use ringway_core::signal::{Payload, RaiseError, Table};
/// let table = <Table<1, 2>>::new();
/// assert_eq!(table.raise_with(0, Payload::new(1)), Ok(()));
/// assert_eq!(table.raise_with(0, Payload::new(2)), Ok(()));
/// assert_eq!(table.raise_with(0, Payload::new(3)), Err(RaiseError::Full(Payload::new(3))));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RaiseError {
    /// The line's queue is full. Its payloads will still be delivered.
    Full(Payload),
    /// The table has no such line.
    NoSuchLine {
        /// The number of lines of the table: they are 0 to `lines - 1`.
        lines: u32,
        /// The payload that was not queued.
        payload: Payload,
    },
}

impl RaiseError {
    /// The payload that was not queued.
    ///
    /// ```
    /// use ringway_core::signal::{Payload, RaiseError};
    /// assert_eq!(RaiseError::Full(Payload::new(3)).payload(), Payload::new(3));
    /// ```
    pub const fn payload(&self) -> Payload {
        match *self {
            RaiseError::Full(payload) | RaiseError::NoSuchLine { payload, .. } => payload,
        }
    }
}

impl fmt::Display for RaiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RaiseError::Full(_) => f.write_str(
                "the line's queue is full: dispatch first, raise without a payload, or count the loss",
            ),
            RaiseError::NoSuchLine { lines, .. } => Error::NoSuchLine { lines: *lines }.fmt(f),
        }
    }
}

impl core::error::Error for RaiseError {}

impl From<RaiseError> for Error {
    /// The error alone, without the payload.
    fn from(error: RaiseError) -> Self {
        match error {
            RaiseError::Full(_) => Error::WouldBlock,
            RaiseError::NoSuchLine { lines, .. } => Error::NoSuchLine { lines },
        }
    }
}
