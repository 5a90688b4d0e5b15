//! Waiting without the interpreter's lock, and ending a wait when a signal's handler raises.

use crate::forks;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ringway::CoreError;
use ringway::wait::interruptible;
use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    /// What a signal's handler raised during the wait of this thread.
    static RAISED: Cell<Option<PyErr>> = const { Cell::new(None) };
    /// Whether this is the thread in which Python runs signal handlers; for which process it was
    /// found.
    static IS_MAIN: Cell<Option<(u32, bool)>> = const { Cell::new(None) };
}

/// How long a wait may take.
#[derive(Clone, Copy)]
pub enum Limit {
    /// Not at all.
    Now,
    /// Until then.
    Until(Instant),
}

/// Further away than any program runs: a wait without a deadline cannot be interrupted.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

impl Limit {
    /// From a timeout in seconds, as Python's own have it: `None` is for ever, and what is not
    /// positive is not at all.
    pub fn new(timeout: Option<f64>) -> PyResult<Limit> {
        let Some(seconds) = timeout else { return Ok(Limit::Until(Instant::now() + FOR_EVER)) };
        if seconds.is_nan() {
            return Err(PyValueError::new_err("a timeout is a number of seconds, and not NaN"));
        }
        if seconds <= 0.0 {
            return Ok(Limit::Now);
        }
        let long = Duration::try_from_secs_f64(seconds).unwrap_or(FOR_EVER).min(FOR_EVER);
        Ok(Limit::Until(Instant::now() + long))
    }

    /// The deadline: for no wait at all, now.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Limit::Now => Some(Instant::now()),
            Limit::Until(deadline) => Some(deadline),
        }
    }
}

/// Waits by `wait`, without the interpreter's lock.
///
/// With the result comes what a signal's handler raised meanwhile. The wait then has given up,
/// unless it was over just then: the caller undoes what it got, or keeps it for the next call, and
/// raises.
pub fn wait<R: Send>(py: Python<'_>, wait: impl FnOnce() -> R + Send) -> (R, Option<PyErr>) {
    if !is_main() {
        return (py.detach(wait), None);
    }
    let done = py.detach(|| interruptible(run_handlers, wait));
    (done, RAISED.take())
}

/// Takes something by `take`: at once if it is there, and otherwise in a wait without the
/// interpreter's lock.
///
/// What comes together with an exception of a signal's handler is dropped, which gives it back.
pub fn take<R: Send>(
    py: Python<'_>,
    timeout: Option<f64>,
    take: impl Fn(Limit) -> Result<R, CoreError> + Sync,
) -> PyResult<Result<R, CoreError>> {
    match take(Limit::Now) {
        Err(CoreError::WouldBlock | CoreError::TimedOut) => {}
        taken => return Ok(taken),
    }
    match Limit::new(timeout)? {
        Limit::Now => Ok(Err(CoreError::WouldBlock)),
        limit => {
            let (taken, raised) = wait(py, || take(limit));
            raised.map_or(Ok(taken), Err)
        }
    }
}

/// Runs the handlers of the signals that came. Returns whether one of them raised.
fn run_handlers() -> bool {
    let raised = Python::attach(|py| py.check_signals().err());
    let is_raised = raised.is_some();
    RAISED.set(raised);
    is_raised
}

/// Whether this is the process's first thread. Python runs the handlers of signals there.
fn is_main() -> bool {
    let here = forks::count();
    match IS_MAIN.get() {
        Some((process, is_main)) if process == here => is_main,
        _ => {
            // SAFETY: it takes no argument and cannot fail.
            let thread = unsafe { libc::gettid() };
            // SAFETY: it takes no argument and cannot fail.
            let is_main = thread == unsafe { libc::getpid() };
            IS_MAIN.set(Some((here, is_main)));
            is_main
        }
    }
}
