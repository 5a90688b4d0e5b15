//! Locks between processes, each of which may be killed while it holds one.

use crate::cell::GilCell;
use crate::errors::raise;
use crate::forks::Ours;
use crate::lent::Lent;
use crate::region::{Attached, Nothing, PartOf, Region, by_code};
use crate::waiting::{Limit, wait};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use ringway::CoreError;
use ringway::lock::{
    BarrierView, BoundedSemaphoreView, Handle, LockError, MutexGuard, OwnerDied, ReadGuard, Robust,
    RwLockView, WriteGuard,
};
use ringway::shm::{self, Part, RobustFutex};
use ringway::wait::{Wait, Wake};
use ringway_core::sync::AtomicU32 as Word;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard as StdGuard, PoisonError};

type Bare = shm::Mutex<Nothing>;
type Guard = MutexGuard<'static, Nothing, RobustFutex>;

fn locked<T>(mutex: &Mutex<T>) -> StdGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
    // Stays as long as this process has a guard.
    opened: Ours<Arc<Opened>>,
}

impl Here {
    /// The guard, if this process has it.
    fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()?.get()
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
        let opened = Ours::new(Arc::new(opened));
        Ok(Shared {
            region: attached,
            name: name.to_owned(),
            code: code.to_owned(),
            array,
            ignore_death,
            here: GilCell::new(Here { guard: None, opened }),
        })
    }

    /// Runs `run` on what this process has of the mutex. A copy of the process opens it anew.
    fn with<R>(&self, py: Python<'_>, run: impl FnOnce(&mut Here) -> R) -> PyResult<R> {
        self.here.with(py, |here| {
            if here.opened.get().is_none() {
                let anew = Opened::new(&self.region.region()?, &self.name, &self.code, self.array)?;
                // The guard is the parent's, and its drop does nothing.
                *here = Here { guard: None, opened: Ours::new(Arc::new(anew)) };
            }
            Ok(run(here))
        })
    }

    fn opened(&self, py: Python<'_>) -> PyResult<Arc<Opened>> {
        self.with(py, |here| here.opened.get_anyway().clone())
    }

    /// Takes the mutex; true if its last holder died with it.
    ///
    /// # Safety
    /// The guard is dropped before `opened` is.
    unsafe fn lend(opened: &Opened, limit: Limit) -> Result<(Guard, bool), CoreError> {
        let opened: *const Opened = opened;
        // SAFETY: the caller keeps it as long as the guard, in which alone the reference lies.
        let opened: &'static Opened = unsafe { &*opened };
        let taken = match limit {
            Limit::Now => opened.handle.try_lock(),
            Limit::Until(deadline) => opened.handle.lock_deadline(Some(deadline)),
        };
        let mut died = false;
        sorted(taken, &mut died).map(|guard| (guard, died))
    }

    /// Takes the mutex; false if it was not free in time.
    ///
    /// After the death of a holder it raises, and the mutex is free. With `repair` it takes the
    /// mutex all the same, and the next holder is not told; so does a lock that ignores deaths.
    fn acquire(&self, py: Python<'_>, timeout: Option<f64>, repair: bool) -> PyResult<bool> {
        let at_once = self.with(py, |here| {
            // SAFETY: the guard is dropped in this call, or lies beside what is opened.
            let (guard, died) = unsafe { Shared::lend(here.opened.get_anyway(), Limit::Now) }?;
            self.keep(here, guard, died, repair)
        })?;
        let taken = match at_once {
            Err(CoreError::WouldBlock) => match Limit::new(timeout)? {
                Limit::Now => return Ok(false),
                limit => {
                    let opened = self.opened(py)?;
                    // SAFETY: the guard is dropped in this call, or lies beside what is opened,
                    // which stays the same in this process.
                    let lend = || unsafe { Shared::lend(&opened, limit) };
                    let (taken, raised) = wait(py, lend);
                    raised.map_or(Ok(()), Err)?;
                    match taken {
                        Ok((guard, died)) => {
                            self.with(py, |here| self.keep(here, guard, died, repair))?
                        }
                        Err(error) => Err(error),
                    }
                }
            },
            taken => taken,
        };
        match taken {
            Ok(()) => Ok(true),
            Err(CoreError::TimedOut | CoreError::WouldBlock) => Ok(false),
            Err(error) => Err(raise(error)),
        }
    }

    /// Keeps the guard of the mutex, or gives it back and tells that its last holder died with it.
    fn keep(
        &self,
        here: &mut Here,
        mut guard: Guard,
        died: bool,
        repair: bool,
    ) -> Result<(), CoreError> {
        if died {
            if !(repair || self.ignore_death) {
                return Err(CoreError::OwnerDied);
            }
            guard.make_consistent();
        }
        here.guard = Some(Ours::new(guard));
        Ok(())
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

    /// Whether this process holds it.
    fn is_held(&self, py: Python<'_>) -> bool {
        self.here.with(py, |here| here.guard().is_some())
    }

    /// Gives the mutex back; false if this process does not hold it.
    fn release(&self, py: Python<'_>) -> bool {
        self.here.with(py, |here| here.guard.take().and_then(Ours::into_inner).is_some())
    }

    fn is_locked(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.opened(py)?.handle.holder().is_some())
    }
}

/// The timeout that `multiprocessing` means by its two arguments.
fn timeout_of(block: bool, timeout: Option<f64>) -> Option<f64> {
    if block { timeout } else { Some(0.0) }
}

/// A lock that one thread of one process has at a time. See `ringway.Lock`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct Lock(Shared);

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
        if self.0.release(py) {
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
        self.0.is_held(py)
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
pub struct RLock {
    lock: Shared,
    /// The number of the thread that has it, and how often that took it. They count only while
    /// `lock` is held.
    owner: GilCell<(u64, usize)>,
}

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
    /// How often this thread has it.
    fn depth(&self, py: Python<'_>) -> usize {
        let (owner, depth) = self.owner.with(py, |owner| *owner);
        if depth > 0 && owner == thread_number() && self.lock.is_held(py) { depth } else { 0 }
    }

    fn set_depth(&self, py: Python<'_>, depth: usize) {
        self.owner.with(py, |owner| *owner = (thread_number(), depth));
    }

    /// Runs `run` with the address of the mutex, and of its value behind it, under the lock.
    pub fn with<R>(&self, py: Python<'_>, run: impl FnOnce(NonNull<u8>) -> R) -> PyResult<R> {
        let is_held = self.depth(py) > 0;
        if !is_held {
            self.take(py, None, false)?;
        }
        let done = self.lock.with(py, |here| run(here.opened.get_anyway().at.0));
        if !is_held {
            self.release(py)?;
        }
        done
    }

    /// The type code of what it protects, if that is one number.
    pub fn code(&self) -> Option<&str> {
        (!self.lock.array && !self.lock.code.is_empty()).then_some(&*self.lock.code)
    }

    fn take(&self, py: Python<'_>, timeout: Option<f64>, repair: bool) -> PyResult<bool> {
        let depth = self.depth(py);
        let taken = depth > 0 || self.lock.acquire(py, timeout, repair)?;
        if taken {
            self.set_depth(py, depth + 1);
        }
        Ok(taken)
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
        let lock = Shared::new(region, name, code, array, ignore_death)?;
        Ok(RLock { lock, owner: GilCell::new((0, 0)) })
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
        match self.depth(py) {
            0 => {
                return Err(PyRuntimeError::new_err(
                    "the lock is not held by this thread: release what you acquired",
                ));
            }
            1 => {
                self.set_depth(py, 0);
                self.lock.release(py);
            }
            depth => self.set_depth(py, depth - 1),
        }
        Ok(())
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
        self.lock.is_locked(py)
    }

    fn _is_owned(&self, py: Python<'_>) -> bool {
        self.depth(py) > 0
    }

    fn _release_save(&self, py: Python<'_>) -> PyResult<usize> {
        let depth = self.depth(py);
        self.set_depth(py, depth.min(1));
        self.release(py)?;
        Ok(depth)
    }

    fn _acquire_restore(&self, py: Python<'_>, depth: usize) -> PyResult<()> {
        self.lock.acquire_at_last(py)?;
        self.set_depth(py, depth);
        Ok(())
    }
}

/// A number of permits, which is one at least.
fn permits(n: i64) -> PyResult<u32> {
    let count = u32::try_from(n).ok().filter(|&count| count > 0);
    count.ok_or_else(|| PyValueError::new_err("the number of permits must be one or more"))
}

/// A counting semaphore, which records no holders. See `ringway.Semaphore`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct Semaphore(PartOf<Part<shm::Semaphore<0>>>);

#[pymethods]
impl Semaphore {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        Ok(Semaphore(PartOf::new(region, name, |region, name| region.part(name))?))
    }

    /// Takes a permit. Returns false if there was none in time.
    #[pyo3(signature = (block=true, timeout=None))]
    fn acquire(&self, py: Python<'_>, block: bool, timeout: Option<f64>) -> PyResult<bool> {
        let part = self.0.get()?;
        if part.try_acquire().is_ok() {
            return Ok(true);
        }
        let Limit::Until(deadline) = Limit::new(timeout_of(block, timeout))? else {
            return Ok(false);
        };
        let (taken, raised) = wait(py, || part.acquire_deadline(Some(deadline)));
        if let Some(raised) = raised {
            if taken.is_ok() {
                part.release(1).map_err(raise)?;
            }
            return Err(raised);
        }
        Ok(taken.is_ok())
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
        let part = self.0.get()?;
        if let Ok(permit) = part.try_acquire() {
            permit.keep();
            return Ok(true);
        }
        let Limit::Until(deadline) = Limit::new(timeout_of(block, timeout))? else {
            return Ok(false);
        };
        let (taken, raised) = wait(py, || part.acquire_deadline(Some(deadline)));
        // A permit that is dropped goes back.
        raised.map_or(Ok(()), Err)?;
        Ok(taken.map(|permit| permit.keep()).is_ok())
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

type RwPart = Part<RwLockView<Nothing, RobustFutex>>;
type Reading = Lent<ReadGuard<'static, Nothing, RobustFutex>, Arc<RwPart>>;
type Writing = Lent<WriteGuard<'static, Nothing, RobustFutex>, Arc<RwPart>>;

/// A lock for many readers or one writer. See `ringway.RwLock`.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct RwLock {
    part: PartOf<RwPart>,
    readers: Mutex<Vec<Reading>>,
    writer: Mutex<Option<Writing>>,
}

/// Sorts what taking a lock led to: the guard, whether a holder died, or why there is none.
fn sorted<G>(taken: Result<G, LockError<G>>, died: &mut bool) -> Result<G, CoreError> {
    match taken {
        Ok(guard) => Ok(guard),
        Err(LockError::OwnerDied(OwnerDied(guard))) => {
            *died = true;
            Ok(guard)
        }
        Err(error) => Err(CoreError::from(error)),
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
        let part = self.part.get()?;
        let lend = |limit| {
            let mut died = false;
            // SAFETY: the guard alone borrows from the part, which an `Arc` keeps in its place.
            let guard = unsafe {
                Lent::new(part.clone(), |part: &'static RwPart| {
                    let taken = match limit {
                        Limit::Now => part.try_read(),
                        Limit::Until(deadline) => part.read_deadline(Some(deadline)),
                    };
                    sorted(taken, &mut died)
                })
            }?;
            Ok((guard, died))
        };
        let Some((guard, died)) = acquire(py, timeout, lend)? else { return Ok(None) };
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
        let part = self.part.get()?;
        let lend = |limit| {
            let mut died = false;
            // SAFETY: the guard alone borrows from the part, which an `Arc` keeps in its place.
            let guard = unsafe {
                Lent::new(part.clone(), |part: &'static RwPart| {
                    let taken = match limit {
                        Limit::Now => part.try_write(),
                        Limit::Until(deadline) => part.write_deadline(Some(deadline)),
                    };
                    sorted(taken, &mut died)
                })
            }?;
            Ok((guard, died))
        };
        let Some((mut guard, died)) = acquire(py, timeout, lend)? else { return Ok(None) };
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

/// Takes a lock by `lend`, first without waiting.
fn acquire<G: Send>(
    py: Python<'_>,
    timeout: Option<f64>,
    lend: impl Fn(Limit) -> Result<(G, bool), CoreError> + Send + Sync,
) -> PyResult<Option<(G, bool)>> {
    let taken = match lend(Limit::Now) {
        Err(CoreError::WouldBlock) => match Limit::new(timeout)? {
            Limit::Now => return Ok(None),
            limit => {
                let (taken, raised) = wait(py, || lend(limit));
                raised.map_or(Ok(()), Err)?;
                taken
            }
        },
        taken => taken,
    };
    match taken {
        Ok(taken) => Ok(Some(taken)),
        Err(CoreError::TimedOut | CoreError::WouldBlock) => Ok(None),
        Err(error) => Err(raise(error)),
    }
}

/// The words of a condition: what its waiters sleep on, how many wait, and how many may go.
pub type ConditionWords = [AtomicU32; 3];

/// The counts of a condition variable, which change under its lock. See `ringway.Condition`.
///
/// A wait ends by a notification alone: each notification grants some of those that wait already,
/// and a waiter that came later takes no grant that was meant for them. A waiter that is killed
/// stays counted, so that a later notification may grant one too many.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Condition(PartOf<Part<ConditionWords>>);

// All accesses are relaxed and have no partner: the lock of the condition orders them, but for the
// look at the first word before a sleep, which the kernel repeats.
impl Condition {
    fn bell(words: &ConditionWords) -> &Word {
        let word: *const AtomicU32 = &words[0];
        // SAFETY: `Word` is `repr(transparent)` over this atomic, in the configuration for a
        // system.
        unsafe { &*word.cast::<Word>() }
    }
}

#[pymethods]
impl Condition {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        Ok(Condition(PartOf::new(region, name, |region, name| region.part(name))?))
    }

    /// Counts a waiter; the number of the last notification before it. The caller has the lock.
    fn arrive(&self) -> PyResult<u32> {
        let part = self.0.get()?;
        let [notified, waiting, _] = &***part;
        waiting.fetch_add(1, Ordering::Relaxed);
        Ok(notified.load(Ordering::Relaxed))
    }

    /// Sleeps until there is a notification after the one numbered `seen`. Returns the number of
    /// the last one; `None` if the time is over. The caller does not have the lock.
    fn sleep(&self, py: Python<'_>, seen: u32, timeout: Option<f64>) -> PyResult<Option<u32>> {
        let part = self.0.get()?;
        let deadline = Limit::new(timeout)?.deadline();
        let sleep = || {
            let words: &ConditionWords = &part;
            loop {
                let last = words[0].load(Ordering::Relaxed);
                if last != seen {
                    return Some(last);
                }
                RobustFutex.wait(Condition::bell(words), seen, deadline).ok()?;
            }
        };
        let (woken, raised) = wait(py, sleep);
        raised.map_or(Ok(woken), Err)
    }

    /// Takes a grant, if there is one for a waiter that arrived after the notification numbered
    /// `arrival`. The caller has the lock.
    fn take(&self, arrival: u32) -> PyResult<bool> {
        let part = self.0.get()?;
        let [notified, waiting, granted] = &***part;
        let grants = granted.load(Ordering::Relaxed);
        if grants == 0 || notified.load(Ordering::Relaxed) == arrival {
            return Ok(false);
        }
        granted.store(grants - 1, Ordering::Relaxed);
        waiting.fetch_sub(1, Ordering::Relaxed);
        Ok(true)
    }

    /// How many wait, at some moment of the call.
    #[getter]
    fn waiting(&self) -> PyResult<u32> {
        Ok(self.0.get()?[1].load(Ordering::Relaxed))
    }

    /// Counts a waiter no more, which gives up. The caller has the lock.
    fn leave(&self) -> PyResult<()> {
        let part = self.0.get()?;
        let [_, waiting, granted] = &***part;
        let left = waiting.load(Ordering::Relaxed).saturating_sub(1);
        waiting.store(left, Ordering::Relaxed);
        granted.fetch_min(left, Ordering::Relaxed);
        Ok(())
    }

    /// Lets `count` of the waiters go. The caller has the lock.
    fn notify(&self, count: u32) -> PyResult<()> {
        let part = self.0.get()?;
        let words: &ConditionWords = &part;
        let [notified, waiting, granted] = words;
        let grants = granted.load(Ordering::Relaxed);
        let more = count.min(waiting.load(Ordering::Relaxed).saturating_sub(grants));
        if more == 0 {
            return Ok(());
        }
        granted.store(grants + more, Ordering::Relaxed);
        notified.fetch_add(1, Ordering::Relaxed);
        RobustFutex.wake(Condition::bell(words), u32::MAX);
        Ok(())
    }
}
