//! Locks that one holder has at a time.

use super::{in_time, sorted, timeout_of};
use crate::cell::GilCell;
use crate::errors::raise;
use crate::forks::Ours;
use crate::region::{Attached, Nothing, Region, by_code};
use crate::waiting::{Limit, take};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use ringway::CoreError;
use ringway::lock::{Handle, MutexGuard, Robust};
use ringway::shm::{self, RobustFutex};
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Bare = shm::Mutex<Nothing>;
type Guard = MutexGuard<'static, Nothing, RobustFutex>;

/// A mutex of a region, whatever it protects there.
struct Opened {
    // Dropped before the region, which keeps the memory that it points into.
    handle: Handle<'static, Bare>,
    at: Address,
    _region: shm::Region,
}

/// Where a mutex and its value begin.
#[derive(Clone, Copy)]
struct Address(NonNull<u8>);

// SAFETY: it is an address alone. Each use of what lies there gives its own reason.
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}

impl Opened {
    /// Opens the mutex of this name: of the type that `code` says, or without a value for "".
    fn new(region: &shm::Region, name: &str, code: &str, array: bool) -> PyResult<Self> {
        let part = if code.is_empty() {
            region.part::<Bare>(name).map(|part| part.as_ptr().cast::<u8>()).map_err(raise)
        } else if array {
            by_code!(code, T => {
                region.array::<T>(name).map(|part| part.as_ptr().cast::<u8>()).map_err(raise)
            })
        } else {
            by_code!(code, T => {
                let part = region.part::<shm::Mutex<T>>(name);
                part.map(|part| part.as_ptr().cast::<u8>()).map_err(raise)
            })
        }?;
        let at = NonNull::new(part.cast_mut());
        let at = at.ok_or_else(|| PyRuntimeError::new_err("a part lies at address 0"))?;
        // SAFETY: there is a mutex at this address, and the region, which `Opened` drops last,
        // keeps it mapped. A mutex is its word, and then its value, so that every mutex begins with
        // one that protects nothing.
        let mutex: &'static Bare = unsafe { at.cast::<Bare>().as_ref() };
        let handle = mutex.handle(region.participant());
        Ok(Opened { handle, at: Address(at), _region: region.clone() })
    }

    /// Takes the mutex; true if its last holder died with it.
    ///
    /// # Safety
    /// The guard is dropped before `self` is.
    unsafe fn lend(&self, limit: Limit) -> Result<(Guard, bool), CoreError> {
        let this: *const Opened = self;
        // SAFETY: the caller keeps it as long as the guard, in which alone the reference lies.
        let this: &'static Opened = unsafe { &*this };
        sorted(match limit {
            Limit::Now => this.handle.try_lock(),
            Limit::Until(deadline) => this.handle.lock_deadline(Some(deadline)),
        })
    }
}

/// A mutex of a region, and this process's guard of it.
struct Shared {
    region: Arc<Attached>,
    name: String,
    code: String,
    array: bool,
    ignore_death: bool,
    here: GilCell<Here>,
}

/// A mutex in this process.
struct Here {
    // Dropped before the mutex that it has locked.
    guard: Option<Ours<Guard>>,
    /// Of an `RLock`, the number of the thread that has it, and how often that took it. They count
    /// only while there is a guard.
    owner: (u64, usize),
    // Stays as long as this process has a guard.
    opened: Ours<Arc<Opened>>,
}

impl Here {
    fn new(opened: Opened) -> Self {
        // In a copy of the process, the guard of before is the parent's, and its drop does nothing.
        Here { guard: None, owner: (0, 0), opened: Ours::new(Arc::new(opened)) }
    }

    /// Whether this process has it.
    fn is_held(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| guard.get().is_some())
    }

    /// How often the thread of this number has it.
    fn depth(&self, thread: u64) -> usize {
        let (owner, depth) = self.owner;
        if owner == thread && self.is_held() { depth } else { 0 }
    }

    /// Takes the mutex in the most frequent case: nobody has it, nobody died with it, and this
    /// process has it open. Otherwise false.
    #[inline]
    fn take_free(&mut self) -> bool {
        let Some(opened) = self.opened.get() else { return false };
        // SAFETY: the guard is dropped here, or lies beside what is opened.
        match unsafe { opened.lend(Limit::Now) } {
            Ok((guard, false)) => {
                self.guard = Some(Ours::new(guard));
                true
            }
            // If a holder died, the guard that is dropped here leaves that to the next one.
            _ => false,
        }
    }

    /// Gives the mutex back; false if this process does not hold it.
    #[inline]
    fn release(&mut self) -> bool {
        self.guard.take().and_then(Ours::into_inner).is_some()
    }

    /// Gives the mutex back once, if the thread of this number has it; whether it had.
    #[inline]
    fn release_once(&mut self, thread: u64) -> bool {
        match self.depth(thread) {
            0 => false,
            1 => self.release(),
            depth => {
                self.owner.1 = depth - 1;
                true
            }
        }
    }
}

impl Shared {
    fn new(
        region: &Region,
        name: &str,
        code: &str,
        array: bool,
        ignore_death: bool,
    ) -> PyResult<Self> {
        let attached = region.attached();
        let opened = Opened::new(&attached.region()?, name, code, array)?;
        Ok(Shared {
            region: attached,
            name: name.to_owned(),
            code: code.to_owned(),
            array,
            ignore_death,
            here: GilCell::new(Here::new(opened)),
        })
    }

    /// Runs `run` on what this process has of the mutex. A copy of the process opens it anew.
    fn with<R>(&self, py: Python<'_>, run: impl FnOnce(&mut Here) -> R) -> PyResult<R> {
        self.here.with(py, |here| {
            if here.opened.get().is_none() {
                let region = self.region.region()?;
                *here = Here::new(Opened::new(&region, &self.name, &self.code, self.array)?);
            }
            Ok(run(here))
        })
    }

    fn opened(&self, py: Python<'_>) -> PyResult<Arc<Opened>> {
        self.with(py, |here| here.opened.get_anyway().clone())
    }

    /// Takes the mutex; false if it was not free in time.
    ///
    /// After the death of a holder it raises, and the mutex is free. With `repair` it takes the
    /// mutex all the same, and the next holder is not told; so does a lock that ignores deaths.
    fn acquire(&self, py: Python<'_>, timeout: Option<f64>, repair: bool) -> PyResult<bool> {
        let opened = self.opened(py)?;
        // SAFETY: the guard is dropped in this call, or lies beside what is opened, which stays the
        // same in this process.
        let taken = take(py, timeout, |limit| unsafe { opened.lend(limit) })?;
        let Some((mut guard, died)) = in_time(taken)? else { return Ok(false) };
        if died {
            if !(repair || self.ignore_death) {
                // The guard that is dropped here leaves the mutex free.
                return Err(raise(CoreError::OwnerDied));
            }
            guard.make_consistent();
        }
        self.here.with(py, |here| here.guard = Some(Ours::new(guard)));
        Ok(true)
    }

    /// Takes the mutex again after a wait that released it, whatever comes between. What a signal's
    /// handler raises meanwhile is raised when the mutex is taken.
    fn acquire_at_last(&self, py: Python<'_>) -> PyResult<()> {
        let mut first = None;
        loop {
            match self.acquire(py, None, true) {
                Ok(true) => return first.map_or(Ok(()), Err),
                Ok(false) => {}
                Err(error) if first.is_none() => first = Some(error),
                Err(_) => {}
            }
        }
    }

    fn is_locked(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.opened(py)?.handle.holder().is_some())
    }
}

/// A lock that one thread of one process has at a time. See `ringway.Lock`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct Lock(Shared);

impl Lock {
    /// Takes the lock if nothing is in the way.
    pub fn take_free(&self, py: Python<'_>) -> bool {
        self.0.here.with(py, Here::take_free)
    }

    /// Gives the lock back; false if this process does not have it.
    pub fn give_back(&self, py: Python<'_>) -> bool {
        self.0.here.with(py, Here::release)
    }
}

#[pymethods]
impl Lock {
    #[new]
    #[pyo3(signature = (region, name, code="", array=false, ignore_death=false))]
    fn new(
        region: &Region,
        name: &str,
        code: &str,
        array: bool,
        ignore_death: bool,
    ) -> PyResult<Self> {
        Shared::new(region, name, code, array, ignore_death).map(Lock)
    }

    /// Takes the lock. Returns false if it was not free in time.
    #[pyo3(signature = (block=true, timeout=None))]
    fn acquire(&self, py: Python<'_>, block: bool, timeout: Option<f64>) -> PyResult<bool> {
        self.0.acquire(py, timeout_of(block, timeout), false)
    }

    /// Takes the lock also if its last holder died with it, and makes it whole again: repair what
    /// it protects before you release it.
    #[pyo3(signature = (block=true, timeout=None))]
    fn acquire_to_repair(
        &self,
        py: Python<'_>,
        block: bool,
        timeout: Option<f64>,
    ) -> PyResult<bool> {
        self.0.acquire(py, timeout_of(block, timeout), true)
    }

    /// Gives the lock back, from any thread of the process that has it.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        if self.give_back(py) {
            return Ok(());
        }
        Err(PyValueError::new_err(
            "the lock is not held by this process: release what you acquired",
        ))
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.0.acquire(py, None, false)
    }

    #[pyo3(signature = (_kind=None, _value=None, _trace=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<&Bound<'_, PyAny>>,
        _value: Option<&Bound<'_, PyAny>>,
        _trace: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.release(py)
    }

    /// Whether somebody has the lock.
    fn locked(&self, py: Python<'_>) -> PyResult<bool> {
        self.0.is_locked(py)
    }

    fn _is_owned(&self, py: Python<'_>) -> bool {
        self.0.here.with(py, |here| here.is_held())
    }

    fn _release_save(&self, py: Python<'_>) -> PyResult<usize> {
        self.release(py).map(|()| 1)
    }

    fn _acquire_restore(&self, py: Python<'_>, _depth: usize) -> PyResult<()> {
        self.0.acquire_at_last(py)
    }
}

/// A lock that its holder can take again. See `ringway.RLock`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct RLock(Shared);

/// A number that no other thread of this process has, nor had.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    let number = NUMBER.get();
    if number > 0 {
        return number;
    }
    // Relaxed: no partner. Each thread gets another number, in whatever order.
    NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.get()
}

impl RLock {
    /// Takes the lock, once more if this thread has it, if nothing is in the way.
    pub fn take_free(&self, py: Python<'_>) -> bool {
        let me = thread_number();
        self.0.here.with(py, |here| {
            let depth = here.depth(me);
            let is_taken = depth > 0 || here.take_free();
            if is_taken {
                here.owner = (me, depth + 1);
            }
            is_taken
        })
    }

    /// Gives the lock back; false if this thread does not have it.
    pub fn give_back(&self, py: Python<'_>) -> bool {
        let me = thread_number();
        self.0.here.with(py, |here| here.release_once(me))
    }

    /// Runs `run` with the address of the mutex, and of its value behind it, under the lock.
    pub fn with<R>(&self, py: Python<'_>, run: impl FnOnce(NonNull<u8>) -> R) -> PyResult<R> {
        let is_held = self._is_owned(py);
        if !is_held {
            self.take(py, None, false)?;
        }
        let at = self.0.here.with(py, |here| here.opened.get_anyway().at.0);
        let done = run(at);
        if !is_held {
            self.give_back(py);
        }
        Ok(done)
    }

    /// The type code of what it protects, if that is one number.
    pub fn code(&self) -> Option<&str> {
        (!self.0.array && !self.0.code.is_empty()).then_some(&*self.0.code)
    }

    fn take(&self, py: Python<'_>, timeout: Option<f64>, repair: bool) -> PyResult<bool> {
        if self.take_free(py) {
            return Ok(true);
        }
        let is_taken = self.0.acquire(py, timeout, repair)?;
        if is_taken {
            self.set_owner(py, 1);
        }
        Ok(is_taken)
    }

    fn set_owner(&self, py: Python<'_>, depth: usize) {
        let owner = (thread_number(), depth);
        self.0.here.with(py, |here| here.owner = owner);
    }
}

#[pymethods]
impl RLock {
    #[new]
    #[pyo3(signature = (region, name, code="", array=false, ignore_death=false))]
    fn new(
        region: &Region,
        name: &str,
        code: &str,
        array: bool,
        ignore_death: bool,
    ) -> PyResult<Self> {
        Shared::new(region, name, code, array, ignore_death).map(RLock)
    }

    /// Takes the lock, once more if this thread has it. Returns false if it was not free in time.
    #[pyo3(signature = (block=true, timeout=None))]
    fn acquire(&self, py: Python<'_>, block: bool, timeout: Option<f64>) -> PyResult<bool> {
        self.take(py, timeout_of(block, timeout), false)
    }

    /// Takes the lock also if its last holder died with it, and makes it whole again: repair what
    /// it protects before you release it.
    #[pyo3(signature = (block=true, timeout=None))]
    fn acquire_to_repair(
        &self,
        py: Python<'_>,
        block: bool,
        timeout: Option<f64>,
    ) -> PyResult<bool> {
        self.take(py, timeout_of(block, timeout), true)
    }

    /// Gives the lock back, in the thread that has it.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        if self.give_back(py) {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "the lock is not held by this thread: release what you acquired",
        ))
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.take(py, None, false)
    }

    #[pyo3(signature = (_kind=None, _value=None, _trace=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<&Bound<'_, PyAny>>,
        _value: Option<&Bound<'_, PyAny>>,
        _trace: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.release(py)
    }

    /// Whether somebody has the lock.
    fn locked(&self, py: Python<'_>) -> PyResult<bool> {
        self.0.is_locked(py)
    }

    fn _is_owned(&self, py: Python<'_>) -> bool {
        let me = thread_number();
        self.0.here.with(py, |here| here.depth(me) > 0)
    }

    fn _release_save(&self, py: Python<'_>) -> PyResult<usize> {
        let me = thread_number();
        let depth = self.0.here.with(py, |here| {
            let depth = here.depth(me);
            if depth > 0 {
                here.owner.1 = 1;
            }
            depth
        });
        self.release(py)?;
        Ok(depth)
    }

    fn _acquire_restore(&self, py: Python<'_>, depth: usize) -> PyResult<()> {
        self.0.acquire_at_last(py)?;
        self.set_owner(py, depth);
        Ok(())
    }
}
