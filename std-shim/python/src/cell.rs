//! Cells of objects, for the thread that holds the interpreter's lock.

use pyo3::prelude::*;
#[cfg(not(Py_GIL_DISABLED))]
use std::cell::RefCell;
#[cfg(Py_GIL_DISABLED)]
use std::sync::Mutex;

/// A value of an object, which one thread at a time can use: the one that holds the interpreter's
/// lock. An interpreter without that lock takes one of its own.
pub struct GilCell<T> {
    #[cfg(not(Py_GIL_DISABLED))]
    value: RefCell<T>,
    #[cfg(Py_GIL_DISABLED)]
    value: Mutex<T>,
}

// SAFETY: `with` alone uses the value. Its token proves that the thread holds the interpreter's
// lock, which one thread has at a time. If `run` gave that lock away, another call would panic,
// since the value is borrowed meanwhile.
#[cfg(not(Py_GIL_DISABLED))]
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    pub fn new(value: T) -> Self {
        GilCell { value: value.into() }
    }

    /// Runs `run` on the value.
    ///
    /// # Panics
    /// If `run` uses the same cell.
    pub fn with<R>(&self, _: Python<'_>, run: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(not(Py_GIL_DISABLED))]
        let mut value = self.value.borrow_mut();
        #[cfg(Py_GIL_DISABLED)]
        let mut value = self.value.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        run(&mut value)
    }
}
