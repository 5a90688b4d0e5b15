//! Flags that processes wait for.

use crate::region::{PartOf, Region};
use crate::waiting::{Limit, wait};
use pyo3::prelude::*;
use ringway::shm::{self, Part};

/// A flag that processes wait for. See `ringway.Event`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct Event(PartOf<Part<shm::Event>>);

#[pymethods]
impl Event {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        Ok(Event(PartOf::new(region, name, |region, name| region.part(name))?))
    }

    /// Sets the flag, and wakes all that wait for it.
    fn set(&self) -> PyResult<()> {
        self.0.get()?.set();
        Ok(())
    }

    /// Clears the flag.
    fn clear(&self) -> PyResult<()> {
        self.0.get()?.clear();
        Ok(())
    }

    /// Whether the flag is set.
    fn is_set(&self) -> PyResult<bool> {
        Ok(self.0.get()?.is_set())
    }

    /// Waits until the flag is set; whether it was in time.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let part = self.0.get()?;
        if part.is_set() {
            return Ok(true);
        }
        let Limit::Until(deadline) = Limit::new(timeout)? else { return Ok(false) };
        let (waited, raised) = wait(py, || part.wait_deadline(Some(deadline)));
        raised.map_or(Ok(()), Err)?;
        Ok(waited.is_ok())
    }
}
