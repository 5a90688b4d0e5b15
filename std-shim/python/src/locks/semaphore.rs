//! Semaphores: one that anybody may release, and one that records who has its permits.

use super::{in_time, timeout_of};
use crate::errors::raise;
use crate::region::{PartOf, Region};
use crate::waiting::{Limit, take};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ringway::lock::BoundedSemaphoreView;
use ringway::shm::{self, Part, RobustFutex};

/// A number of permits, which is one at least.
fn permits(n: i64) -> PyResult<u32> {
    let count = u32::try_from(n).ok().filter(|&count| count > 0);
    count.ok_or_else(|| PyValueError::new_err("the number of permits must be one or more"))
}

type AnyPart = Part<shm::SemaphoreView>;

/// A permit that goes back when it is dropped.
struct Permit<'p>(&'p AnyPart);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // It cannot overflow: the permit was one of those that there are.
        let _ = self.0.release(1);
    }
}

/// A counting semaphore, which records no holders. See `ringway.Semaphore`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct Semaphore(PartOf<AnyPart>);

#[pymethods]
impl Semaphore {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        Ok(Semaphore(PartOf::new(region, name, |region, name| region.part(name))?))
    }

    /// Takes a permit. Returns false if there was none in time.
    #[pyo3(signature = (block=true, timeout=None))]
    fn acquire(&self, py: Python<'_>, block: bool, timeout: Option<f64>) -> PyResult<bool> {
        let part = &*self.0.get()?;
        let taken = take(py, timeout_of(block, timeout), |limit| {
            let taken = match limit {
                Limit::Now => part.try_acquire(),
                Limit::Until(deadline) => part.acquire_deadline(Some(deadline)),
            };
            taken.map(|()| Permit(part))
        })?;
        Ok(in_time(taken)?.map(std::mem::forget).is_some())
    }

    /// Adds permits.
    #[pyo3(signature = (n=1))]
    fn release(&self, n: i64) -> PyResult<()> {
        self.0.get()?.release(permits(n)?).map_err(raise)
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.acquire(py, true, None)
    }

    #[pyo3(signature = (_kind=None, _value=None, _trace=None))]
    fn __exit__(
        &self,
        _kind: Option<&Bound<'_, PyAny>>,
        _value: Option<&Bound<'_, PyAny>>,
        _trace: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.release(1)
    }

    /// The number of permits at some moment of the call.
    fn get_value(&self) -> PyResult<u32> {
        Ok(self.0.get()?.permits())
    }
}

/// A semaphore that records who has its permits. See `ringway.BoundedSemaphore`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct BoundedSemaphore(PartOf<Part<BoundedSemaphoreView<RobustFutex>>>);

#[pymethods]
impl BoundedSemaphore {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        Ok(BoundedSemaphore(PartOf::new(region, name, |region, name| region.part(name))?))
    }

    /// Takes a permit. Returns false if there was none in time.
    #[pyo3(signature = (block=true, timeout=None))]
    fn acquire(&self, py: Python<'_>, block: bool, timeout: Option<f64>) -> PyResult<bool> {
        let part = &*self.0.get()?;
        let taken = take(py, timeout_of(block, timeout), |limit| match limit {
            Limit::Now => part.try_acquire(),
            Limit::Until(deadline) => part.acquire_deadline(Some(deadline)),
        })?;
        Ok(in_time(taken)?.map(|permit| permit.keep()).is_some())
    }

    /// Gives back permits that this process took.
    #[pyo3(signature = (n=1))]
    fn release(&self, n: i64) -> PyResult<()> {
        let part = self.0.get()?;
        (0..permits(n)?).try_for_each(|_| part.release()).map_err(raise)
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.acquire(py, true, None)
    }

    #[pyo3(signature = (_kind=None, _value=None, _trace=None))]
    fn __exit__(
        &self,
        _kind: Option<&Bound<'_, PyAny>>,
        _value: Option<&Bound<'_, PyAny>>,
        _trace: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.release(1)
    }

    /// The number of permits at some moment of the call.
    fn get_value(&self) -> PyResult<usize> {
        Ok(self.0.get()?.permits())
    }
}
