//! How a process ended.

use crate::signal::Signal;
use std::fmt;

/// How a process ended: it exited with a code, or a signal ended it.
///
/// ```
/// use ringway::process::Exit;
/// use ringway::signal::Signal;
/// assert!(Exit::Code(0).success() && !Exit::Code(1).success());
/// assert_eq!((Exit::Code(3).code(), Exit::Code(3).signal()), (Some(3), None));
/// assert_eq!(Exit::Signal(Signal::KILL).to_string(), "ended by SIGKILL");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It exited with this code: 0 after an entry that returned `Ok`, 1 after one that returned an
    /// error, 101 after a panic.
    Code(i32),
    /// This signal ended it.
    Signal(Signal),
}

impl Exit {
    /// Whether it exited with 0.
    pub const fn success(self) -> bool {
        matches!(self, Exit::Code(0))
    }

    /// The code, if it exited by itself.
    pub const fn code(self) -> Option<i32> {
        match self {
            Exit::Code(code) => Some(code),
            Exit::Signal(_) => None,
        }
    }

    /// The signal, if one ended it.
    pub const fn signal(self) -> Option<Signal> {
        match self {
            Exit::Code(_) => None,
            Exit::Signal(signal) => Some(signal),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exited with {code}"),
            Exit::Signal(signal) => write!(f, "ended by {signal}"),
        }
    }
}
