//! Ringway's errors as Python's exceptions.

use pyo3::create_exception;
use pyo3::exceptions::{PyEOFError, PyException, PyOSError, PyValueError};
use pyo3::import_exception;
use pyo3::prelude::*;
use ringway::{Cause, CoreError, Error};
use std::io;

import_exception!(queue, Empty);
import_exception!(queue, Full);
import_exception!(threading, BrokenBarrierError);

create_exception!(
    ringway,
    OwnerDied,
    PyException,
    "A process was killed while it held the lock. What the lock protects may be half changed."
);
create_exception!(
    ringway,
    MessageTooLarge,
    PyValueError,
    "The message does not fit into the part. `args[1]` is the room that there is, in bytes."
);
create_exception!(
    ringway,
    Lagged,
    PyException,
    "The reader was too slow. `args[1]` is how many messages were overwritten before it read them."
);
create_exception!(
    ringway,
    Taken,
    PyOSError,
    "Another process has this half of the part, and only one can."
);

/// The exception for an error that no call treats in a way of its own.
pub fn raise(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let text = error.to_string();
    match error.cause() {
        Cause::Core(CoreError::OwnerDied) => OwnerDied::new_err(text),
        Cause::Core(CoreError::MessageTooLarge { max }) => too_large(max),
        Cause::Core(CoreError::EndOfFile) => PyEOFError::new_err(text),
        Cause::Core(CoreError::Broken) => BrokenBarrierError::new_err(text),
        Cause::Core(CoreError::Taken) => Taken::new_err(text),
        Cause::Core(CoreError::NotHeld | CoreError::Overflow) => PyValueError::new_err(text),
        Cause::Lagged(missed) => Lagged::new_err((text, missed)),
        Cause::Region(_) | Cause::UnevenMode { .. } => PyValueError::new_err(text),
        cause => os_error(cause, error),
    }
}

/// An `OSError`, or what Python makes of its number: `FileNotFoundError` for example.
fn os_error(cause: Cause, error: Error) -> PyErr {
    let text = error.to_string();
    let number = match cause {
        Cause::Core(CoreError::AddressInUse) => libc::EEXIST,
        Cause::Os(errno) => errno.raw_os_error(),
        _ => match io::Error::from(error).kind() {
            io::ErrorKind::NotFound => libc::ENOENT,
            io::ErrorKind::AlreadyExists => libc::EEXIST,
            io::ErrorKind::PermissionDenied => libc::EACCES,
            io::ErrorKind::OutOfMemory => libc::ENOMEM,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                return PyValueError::new_err(text);
            }
            _ => return PyOSError::new_err(text),
        },
    };
    PyOSError::new_err((number, text))
}

pub fn too_large(room: usize) -> PyErr {
    let text = format!(
        "the message is too large: there is room for {room} bytes; state a larger size when you create the part"
    );
    MessageTooLarge::new_err((text, room))
}
