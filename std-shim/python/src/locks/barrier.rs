//! Meeting points.

use crate::errors::raise;
use crate::region::{PartOf, Region};
use crate::waiting::{Limit, wait};
use pyo3::prelude::*;
use ringway::CoreError;
use ringway::lock::BarrierView;
use ringway::shm::{Part, RobustFutex};

/// A meeting point. See `ringway.Barrier`.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Barrier(PartOf<Part<BarrierView<RobustFutex>>>);

#[pymethods]
impl Barrier {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        Ok(Barrier(PartOf::new(region, name, |region, name| region.part(name))?))
    }

    /// Waits for all; the number of this party among them.
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<usize> {
        let part = self.0.get()?;
        let deadline = Limit::new(timeout)?.deadline();
        let (waited, raised) = wait(py, || part.wait_deadline(deadline));
        raised.map_or(Ok(()), Err)?;
        waited.map_err(|error| match error {
            // The barrier is broken for the others, too.
            CoreError::TimedOut => raise(CoreError::Broken),
            error => raise(error),
        })
    }

    fn abort(&self) -> PyResult<()> {
        self.0.get()?.abort();
        Ok(())
    }

    fn reset(&self) -> PyResult<()> {
        self.0.get()?.reset();
        Ok(())
    }

    #[getter]
    fn parties(&self) -> PyResult<usize> {
        Ok(self.0.get()?.parties())
    }

    #[getter]
    fn waiting(&self) -> PyResult<usize> {
        Ok(self.0.get()?.waiting())
    }

    #[getter]
    fn is_broken(&self) -> PyResult<bool> {
        Ok(self.0.get()?.is_broken())
    }
}
