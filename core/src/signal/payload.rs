//! What travels with a raise: its payload, what a delivery tells, and why a payload was not queued.

use crate::Error;
use core::fmt;

/// What travels with a queued raise. The names are those of `siginfo_t`; without an operating
/// system, they are the program's to fill.
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
    /// Who raised: a process (`si_pid`), a core, a task.
    pub sender: u32,
    /// On whose behalf (`si_uid`).
    pub user: u32,
    /// Why (`si_code`): negative for a signal that a program sent, positive for one from the
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

/// One delivery of a line: to its handler, or to who waited for it.
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
    /// Which line.
    pub line: u32,
    /// How many raises this delivery stands for: at least 1, and 1 if there is a payload. Exact:
    /// the count does not wrap before 2^64 raises.
    pub count: u64,
    /// What came with the raise, if it was a [`raise_with`](crate::signal::Table::raise_with).
    pub payload: Option<Payload>,
}

/// Why a payload was not queued. The payload is in it.
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
    /// The line's queue is full; what is in it is still delivered.
    Full(Payload),
    /// The table has no such line.
    NoSuchLine {
        /// How many lines it has: 0 to `lines - 1`.
        lines: u32,
        /// The payload.
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
