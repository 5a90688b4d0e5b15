//! Why something did not work.

use ringway::{Cause, CoreError};
use std::{fmt, io};

/// Why a way does not work: in words, and in those of the core where it has them.
#[derive(Debug)]
pub struct Failure {
    reason: String,
    core: Option<CoreError>,
}

/// What the ways return.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// For this reason, which the core has no word for.
    pub fn new(reason: impl Into<String>) -> Self {
        Failure { reason: reason.into(), core: None }
    }

    /// The same in the words of the core, where it has them.
    pub fn core(&self) -> Option<CoreError> {
        self.core
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

impl<E: Into<ringway::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let core = if let Cause::Core(reason) = error.cause() { Some(reason) } else { None };
        Failure { reason: error.to_string(), core }
    }
}

/// An error of the standard library.
pub(crate) fn system(error: io::Error) -> Failure {
    Failure::new(error.to_string())
}
