//! Descriptors that are readable when a part has something to take.

use crate::errors::raise;
use crate::forks::Ours;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ringway::shm;
use std::os::fd::{AsRawFd, RawFd};

/// A descriptor for `select`, `poll` and event loops. It reports once, then `rearm` makes it look
/// again.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct ReadyFd(Ours<shm::ReadyFd>);

impl ReadyFd {
    pub fn of(ready: ringway::Result<shm::ReadyFd>) -> PyResult<Self> {
        Ok(ReadyFd(Ours::new(ready.map_err(raise)?)))
    }

    fn here(&self) -> PyResult<&shm::ReadyFd> {
        self.0.get().ok_or_else(|| {
            PyValueError::new_err("the descriptor belongs to the process that made it, and this is a copy of that: make a new one")
        })
    }
}

#[pymethods]
impl ReadyFd {
    fn fileno(&self) -> PyResult<RawFd> {
        Ok(self.here()?.as_raw_fd())
    }

    fn rearm(&self) -> PyResult<()> {
        self.here()?.rearm();
        Ok(())
    }
}
