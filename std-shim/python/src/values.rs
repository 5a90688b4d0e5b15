//! Numbers in shared memory, which are read and written under their lock.

use crate::locks::{Lock, Shared};
use crate::region::{Nothing, by_code};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};
use ringway::shm::Mutex;
use std::ptr::NonNull;

/// A number with its lock. See `ringway.Value`.
#[pyclass(frozen, subclass, module = "ringway._ringway")]
pub struct Value {
    lock: Py<Lock>,
}

/// What a number in shared memory becomes of an object of Python's, as `ctypes` has it.
trait Number: Copy {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self>;

    /// The sum, which wraps around as a number of this size does.
    fn plus(self, other: Self) -> Self;
}

/// The low 64 bits of an integer.
fn low_bits(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    if !object.is_instance_of::<PyInt>() {
        let kind = object.get_type().name()?;
        return Err(PyTypeError::new_err(format!("int expected instead of {kind} instance")));
    }
    match object.extract::<i64>() {
        Ok(number) => Ok(number as u64),
        Err(_) => object.bitand(u64::MAX)?.extract(),
    }
}

macro_rules! integers {
    ($($T:ty)*) => {
        $(impl Number for $T {
            fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
                Ok(low_bits(object)? as $T)
            }

            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
        })*
    };
}

integers!(i8 u8 i16 u16 i32 u32 i64 u64);

impl Number for f32 {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(object.extract::<f64>()? as f32)
    }

    fn plus(self, other: Self) -> Self {
        self + other
    }
}

impl Number for f64 {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        object.extract()
    }

    fn plus(self, other: Self) -> Self {
        self + other
    }
}

/// A byte of the type code "c": of one byte, or of its number.
fn byte(object: &Bound<'_, PyAny>) -> PyResult<u8> {
    if let Ok(number) = object.extract::<u8>() {
        return Ok(number);
    }
    match object.extract::<Vec<u8>>().as_deref() {
        Ok([byte]) => Ok(*byte),
        _ => Err(PyTypeError::new_err(
            "one character bytes, bytearray, or an integer in range(256) expected",
        )),
    }
}

/// How far behind the beginning of a mutex its value lies, in bytes.
pub const fn value_offset<T>() -> usize {
    // A mutex is its word, then its value.
    size_of::<Mutex<Nothing>>().next_multiple_of(align_of::<T>())
}

/// The number of the mutex at this address.
///
/// # Safety
/// There is a mutex of a `T`, and this process holds it.
unsafe fn place_of<T>(at: NonNull<u8>) -> NonNull<T> {
    // SAFETY: the caller guarantees that the mutex has a value, which lies there.
    unsafe { at.byte_add(value_offset::<T>()) }.cast::<T>()
}

/// Reads the number of the mutex at this address. What writes it without the lock changes no more
/// than the number that is read.
///
/// # Safety
/// There is a mutex of a `T`, a number, and this process holds it.
unsafe fn read<T: Copy>(at: NonNull<u8>) -> T {
    // SAFETY: as the caller guarantees.
    let place = unsafe { place_of::<T>(at) };
    // SAFETY: it is mapped and aligned, and any bytes are a number.
    unsafe { place.read_volatile() }
}

/// Writes the number of the mutex at this address.
///
/// # Safety
/// There is a mutex of a `T`, a number, and this process holds it.
unsafe fn write<T: Copy>(at: NonNull<u8>, number: T) {
    // SAFETY: as the caller guarantees.
    let place = unsafe { place_of::<T>(at) };
    // SAFETY: it is mapped and aligned.
    unsafe { place.write_volatile(number) };
}

impl Value {
    pub fn lock<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.lock.bind(py).as_any().clone()
    }

    fn shared(&self) -> &Shared {
        &self.lock.get().shared
    }

    fn code(&self) -> PyResult<&str> {
        self.shared().code().ok_or_else(|| PyValueError::new_err("the lock is not of a number"))
    }
}

#[pymethods]
impl Value {
    #[new]
    fn new(lock: Py<Lock>) -> PyResult<Self> {
        let value = Value { lock };
        value.code().map(drop)?;
        Ok(value)
    }

    /// The lock: an `RLock`, which `acquire_to_repair` takes after the death of a holder.
    fn get_lock(&self, py: Python<'_>) -> Py<Lock> {
        self.lock.clone_ref(py)
    }

    /// The number, which is read and written under the lock.
    #[getter]
    fn get_value(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let (code, lock) = (self.code()?, self.shared());
        if matches!(code, "c" | "?") {
            // SAFETY: these codes mean a byte in a mutex, and `with` holds it.
            let byte = lock.with(py, |at| unsafe { read::<u8>(at) })?;
            return match code {
                "c" => PyBytes::new(py, &[byte]).into_py_any(py),
                _ => (byte != 0).into_py_any(py),
            };
        }
        by_code!(code, T => {
            // SAFETY: the code says what the mutex protects, and `with` holds it.
            lock.with(py, |at| unsafe { read::<T>(at) })?.into_py_any(py)
        })
    }

    #[setter]
    fn set_value(&self, py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let (code, lock) = (self.code()?, self.shared());
        if matches!(code, "c" | "?") {
            let byte = if code == "c" { byte(object)? } else { object.is_truthy()?.into() };
            // SAFETY: these codes mean a byte in a mutex, and `with` holds it.
            return lock.with(py, |at| unsafe { write::<u8>(at, byte) });
        }
        by_code!(code, T => {
            let number = T::of(object)?;
            // SAFETY: the code says what the mutex protects, and `with` holds it.
            lock.with(py, |at| unsafe { write::<T>(at, number) })
        })
    }

    /// Adds to the number, under the lock, and returns the sum: `value += amount` in one call.
    fn add(&self, py: Python<'_>, amount: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let code = self.code()?;
        if matches!(code, "c" | "?") {
            return Err(PyTypeError::new_err(
                "what has the type code \"c\" or \"?\" is not added to",
            ));
        }
        by_code!(code, T => {
            let amount = T::of(amount)?;
            let sum = self.shared().with(py, |at| {
                // SAFETY: the code says what the mutex protects, and `with` holds it.
                let sum = unsafe { read::<T>(at) }.plus(amount);
                // SAFETY: as above.
                unsafe { write::<T>(at, sum) };
                sum
            })?;
            sum.into_py_any(py)
        })
    }
}
