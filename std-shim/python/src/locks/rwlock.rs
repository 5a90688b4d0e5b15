//! Locks for many readers or one writer.

use super::{in_time, sorted};
use crate::errors::raise;
use crate::lent::Lent;
use crate::region::{Nothing, PartOf, Region};
use crate::waiting::{Limit, take};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use ringway::CoreError;
use ringway::lock::{LockError, ReadGuard, Robust, RwLockView, WriteGuard};
use ringway::shm::{Part, RobustFutex};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type RwPart = Part<RwLockView<Nothing, RobustFutex>>;
type Lend<G> = Lent<G, Arc<RwPart>>;
type Reading = ReadGuard<'static, Nothing, RobustFutex>;
type Writing = WriteGuard<'static, Nothing, RobustFutex>;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lock for many readers or one writer. See `ringway.RwLock`.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct RwLock {
    part: PartOf<RwPart>,
    readers: Mutex<Vec<Lend<Reading>>>,
    writer: Mutex<Option<Lend<Writing>>>,
}

impl RwLock {
    /// Takes a side of the lock by `lock`: the guard, and whether a writer died with the lock.
    /// `None` if it was not free in time.
    fn acquire<G: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        lock: fn(&'static RwPart, Limit) -> Result<G, LockError<G>>,
    ) -> PyResult<Option<(Lend<G>, bool)>>
    where
        Lend<G>: Send,
    {
        let part = self.part.get()?;
        in_time(take(py, timeout, |limit| {
            let mut died = false;
            // SAFETY: the guard alone borrows from the part, which an `Arc` keeps in its place.
            let guard = unsafe {
                Lent::new(part.clone(), |part| {
                    let (guard, has_died) = sorted(lock(part, limit))?;
                    died = has_died;
                    Ok::<_, CoreError>(guard)
                })
            }?;
            Ok((guard, died))
        })?)
    }
}

#[pymethods]
impl RwLock {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        let part = PartOf::new(region, name, |region, name| region.part(name))?;
        Ok(RwLock { part, readers: Mutex::new(Vec::new()), writer: Mutex::new(None) })
    }

    /// `None` if it was not free in time, else whether a writer died with it.
    fn acquire_read(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<bool>> {
        let acquired = self.acquire(py, timeout, |part, limit| match limit {
            Limit::Now => part.try_read(),
            Limit::Until(deadline) => part.read_deadline(Some(deadline)),
        })?;
        let Some((guard, died)) = acquired else { return Ok(None) };
        if died {
            // A reader can repair nothing: the lock stays for a writer that does.
            return Err(raise(CoreError::OwnerDied));
        }
        locked(&self.readers).push(guard);
        Ok(Some(died))
    }

    /// `None` if it was not free in time, else whether a writer died with it.
    fn acquire_write(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        repair: bool,
    ) -> PyResult<Option<bool>> {
        let acquired = self.acquire(py, timeout, |part, limit| match limit {
            Limit::Now => part.try_write(),
            Limit::Until(deadline) => part.write_deadline(Some(deadline)),
        })?;
        let Some((mut guard, died)) = acquired else { return Ok(None) };
        if died && !repair {
            return Err(raise(CoreError::OwnerDied));
        }
        if died {
            guard.make_consistent();
        }
        *locked(&self.writer) = Some(guard);
        Ok(Some(died))
    }

    fn release_read(&self) -> PyResult<()> {
        let guard = locked(&self.readers).pop();
        guard.filter(Lent::is_ours).map(drop).ok_or_else(not_held)
    }

    fn release_write(&self) -> PyResult<()> {
        let guard = locked(&self.writer).take();
        guard.filter(Lent::is_ours).map(drop).ok_or_else(not_held)
    }

    #[getter]
    fn readers(&self) -> PyResult<usize> {
        Ok(self.part.get()?.readers())
    }
}

fn not_held() -> PyErr {
    PyRuntimeError::new_err("the lock is not held by this process: release what you acquired")
}
