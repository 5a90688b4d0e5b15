//! What a runtime is told, and what it says.

use crate::{CoreError, Error, Result};
use std::io;

pub(super) const WATCH: &str = "have the runtime watch the descriptor";

/// The answer of an attempt, for a runtime that tries again as long as it is an error that says so.
pub(super) fn tried<R>(answer: Result<R>) -> io::Result<Result<R>> {
    match answer {
        Err(error) if error.is(CoreError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        answer => Ok(answer),
    }
}

/// What the runtime itself says: a refusal of the system, or that it has ended.
pub(super) fn refused(error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(_) => Error::new(WATCH, crate::error::limit(crate::sys::errno(&error))),
        None => Error::new(WATCH, CoreError::Closed).because("the runtime has ended"),
    }
}
