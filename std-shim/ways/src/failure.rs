//! The error of the ways.

use ringway::{Cause, CoreError};
use std::{fmt, io};

/// Why a way does not work: a text, and the core's error where there is one.
#[derive(Debug)]
pub struct Failure {
    reason: String,
    core: Option<CoreError>,
}

/// The result of the ways.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with this reason and no error of the core.
    pub fn new(reason: impl Into<String>) -> Self {
        Failure { reason: reason.into(), core: None }
    }

    /// The core's error, where there is one.
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

/// A failure from an error of the standard library.
pub(crate) fn system(error: io::Error) -> Failure {
    Failure::new(error.to_string())
}
