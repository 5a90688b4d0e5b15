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
use std::hint::spin_loop;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Bare = shm::Mutex<Nothing>;
type Guard = MutexGuard<'static, Nothing, RobustFutex>;

/// How long a waiter leaves a mutex alone before each look at it, until it sleeps.
///
/// In Python, what is done under a lock takes some hundred nanoseconds. A look takes the mutex away
/// from the processor of its holder, which then takes longer. All looks together take about as long
/// as a sleep and a wake-up.
const PAUSES: [Duration; 4] = [
    Duration::from_micros(1),
    Duration::from_micros(2),
    Duration::from_micros(4),
    Duration::from_micros(8),
];

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
        let Limit::Until(deadline) = limit else { return sorted(this.handle.try_lock()) };
        for pause in PAUSES {
            let begun = Instant::now();
            while begun.elapsed() < pause {
                spin_loop();
            }
            match sorted(this.handle.try_lock()) {
                Err(CoreError::WouldBlock) => {}
                taken => return taken,
            }
        }
        sorted(this.handle.lock_deadline(Some(deadline)))
    }
}

/// A mutex of a region, and this process's guard of it.
pub struct Shared {
    region: Arc<Attached>,
    name: String,
    code: String,
    array: bool,
    /// Whether the thread that has it can take it again.
    reentrant: bool,
    ignore_death: bool,
    here: GilCell<Here>,
}

/// A mutex in this process.
struct Here {
    // Dropped before the mutex that it has locked.
    guard: Option<Ours<Guard>>,
    /// The number of the thread that has it, and how often that took it, of one that can be taken
    /// again. They count only while there is a guard.
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

impl Shared {
    /// Runs `run` on what this process has of the mutex. A copy of the process opens it anew.
    fn with_here<R>(&self, py: Python<'_>, run: impl FnOnce(&mut Here) -> R) -> PyResult<R> {
        self.here.with(py, |here| {
            if here.opened.get().is_none() {
                let region = self.region.region()?;
                *here = Here::new(Opened::new(&region, &self.name, &self.code, self.array)?);
            }
            Ok(run(here))
        })
    }

    fn opened(&self, py: Python<'_>) -> PyResult<Arc<Opened>> {
        self.with_here(py, |here| here.opened.get_anyway().clone())
    }

    /// Takes the mutex, once more if this thread has it and can; or does nothing if anything is in
    /// the way. Whether it took it.
    #[inline]
    pub fn take_free(&self, py: Python<'_>) -> bool {
        if !self.reentrant {
            return self.here.with(py, Here::take_free);
        }
        let me = thread_number();
        self.here.with(py, |here| {
            let depth = here.depth(me);
            let is_taken = depth > 0 || here.take_free();
            if is_taken {
                here.owner = (me, depth + 1);
            }
            is_taken
        })
    }

    /// Gives the mutex back once; false if this process or this thread does not have it.
    #[inline]
    pub fn give_back(&self, py: Python<'_>) -> bool {
        if !self.reentrant {
            return self.here.with(py, Here::release);
        }
        let me = thread_number();
        self.here.with(py, |here| match here.depth(me) {
            0 => false,
            1 => here.release(),
            depth => {
                here.owner.1 = depth - 1;
                true
            }
        })
    }

    /// Runs `run` with the address of the mutex, and of its value behind it, under the lock.
    pub fn with<R>(&self, py: Python<'_>, run: impl Fn(NonNull<u8>) -> R) -> PyResult<R> {
        let me = thread_number();
        let at_once = self.here.with(py, |here| {
            let is_held = here.depth(me) > 0;
            if !is_held && !here.take_free() {
                return None;
            }
            let done = run(here.opened.get_anyway().at.0);
            if !is_held {
                here.release();
            }
            Some(done)
        });
        if let Some(done) = at_once {
            return Ok(done);
        }
        self.acquire(py, None, false)?;
        let done = self.with_here(py, |here| run(here.opened.get_anyway().at.0));
        self.give_back(py);
        done
    }

    /// The type code of what it protects, if that is one number.
    pub fn code(&self) -> Option<&str> {
        (!self.array && !self.code.is_empty()).then_some(&*self.code)
    }

    /// Takes the mutex; false if it was not free in time.
    ///
    /// After the death of a holder it raises, and the mutex is free. With `repair` it takes the
    /// mutex all the same, and the next holder is not told; so does a lock that ignores deaths.
    fn acquire(&self, py: Python<'_>, timeout: Option<f64>, repair: bool) -> PyResult<bool> {
        if self.take_free(py) {
            return Ok(true);
        }
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
        let owner = (thread_number(), 1);
        self.here.with(py, |here| {
            here.guard = Some(Ours::new(guard));
            here.owner = owner;
        });
        Ok(true)
    }

    fn release(&self, py: Python<'_>) -> PyResult<()> {
        match (self.give_back(py), self.reentrant) {
            (true, _) => Ok(()),
            (false, true) => Err(PyRuntimeError::new_err(
                "the lock is not held by this thread: release what you acquired",
            )),
            (false, false) => Err(PyValueError::new_err(
                "the lock is not held by this process: release what you acquired",
            )),
        }
    }
}

/// What a `with` statement calls: the methods of a lock, which the lock keeps, so that a statement
/// makes no objects. An object of its own has them, since a lock that kept its own methods would
/// keep itself.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Entrance(pub Arc<Shared>);

#[pymethods]
impl Entrance {
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
        self.0.release(py)
    }
}

/// A lock that one thread of one process has at a time. See `ringway.Lock` and `ringway.RLock`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct Lock {
    pub shared: Arc<Shared>,
    /// `__enter__` and `__exit__`.
    pub entrance: [Py<PyAny>; 2],
}

#[pymethods]
impl Lock {
    #[new]
    #[pyo3(signature = (region, name, code="", array=false, reentrant=false, ignore_death=false))]
    fn new(
        py: Python<'_>,
        region: &Region,
        name: &str,
        code: &str,
        array: bool,
        reentrant: bool,
        ignore_death: bool,
    ) -> PyResult<Self> {
        let attached = region.attached();
        let opened = Opened::new(&attached.region()?, name, code, array)?;
        let shared = Arc::new(Shared {
            region: attached,
            name: name.to_owned(),
            code: code.to_owned(),
            array,
            reentrant,
            ignore_death,
            here: GilCell::new(Here::new(opened)),
        });
        let entrance = Bound::new(py, Entrance(shared.clone()))?;
        let entrance = [entrance.getattr("__enter__")?, entrance.getattr("__exit__")?];
        Ok(Lock { shared, entrance: entrance.map(Bound::unbind) })
    }

    /// Takes the lock, once more if it is an `RLock` that this thread has. Returns false if it was
    /// not free in time.
    #[pyo3(signature = (block=true, timeout=None))]
    fn acquire(&self, py: Python<'_>, block: bool, timeout: Option<f64>) -> PyResult<bool> {
        self.shared.acquire(py, timeout_of(block, timeout), false)
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
        self.shared.acquire(py, timeout_of(block, timeout), true)
    }

    /// Gives the lock back: from any thread of the process that has it, or, if it is an `RLock`, in
    /// the thread that has it.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.release(py)
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.shared.acquire(py, None, false)
    }

    #[pyo3(signature = (_kind=None, _value=None, _trace=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<&Bound<'_, PyAny>>,
        _value: Option<&Bound<'_, PyAny>>,
        _trace: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.shared.release(py)
    }

    /// Whether somebody has the lock.
    fn locked(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.shared.opened(py)?.handle.holder().is_some())
    }

    fn _is_owned(&self, py: Python<'_>) -> bool {
        let me = thread_number();
        self.shared.here.with(py, |here| match self.shared.reentrant {
            true => here.depth(me) > 0,
            false => here.is_held(),
        })
    }

    /// Gives the lock back, however often this thread has taken it: how often.
    fn _release_save(&self, py: Python<'_>) -> PyResult<usize> {
        let me = thread_number();
        let depth = self.shared.here.with(py, |here| {
            let depth = here.depth(me);
            if depth > 0 {
                here.owner.1 = 1;
            }
            depth
        });
        self.release(py).map(|()| depth)
    }

    /// Takes the lock again after a wait that released it, whatever comes between. What a signal's
    /// handler raises meanwhile is raised when the lock is taken.
    fn _acquire_restore(&self, py: Python<'_>, depth: usize) -> PyResult<()> {
        let mut first = None;
        loop {
            match self.shared.acquire(py, None, true) {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) if first.is_none() => first = Some(error),
                Err(_) => {}
            }
        }
        self.shared.here.with(py, |here| here.owner.1 = depth);
        first.map_or(Ok(()), Err)
    }
}
