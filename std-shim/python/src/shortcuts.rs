//! Methods whose plainest call is a short one.
//!
//! A wheel for all versions from 3.9 on gets the arguments of a method as a tuple, which the
//! interpreter makes for each call. The methods here take them where they lie (`METH_FASTCALL`).
//! Every CPython from 3.7 on calls methods so, although its limited interface names the flag only
//! from 3.10 on. What they cannot do at once is up to the method that pyo3 made, which stays behind
//! each: it waits, raises, and knows all the arguments.

use crate::locks::{Entrance, Lock};
use crate::values::Value;
use pyo3::PyClass;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyTuple};
use std::ffi::{CString, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// A method with a short form.
trait Shortcut {
    type Class: PyClass<Frozen = True> + Sync;
    const NAME: &'static str;
    /// How many arguments the short form ignores.
    const IGNORED: usize;

    /// The method as pyo3 made it.
    fn full() -> &'static PyOnceLock<Py<PyAny>>;

    /// Does what the method does; or does nothing, and returns `None`.
    fn run<'py>(this: &Self::Class, py: Python<'py>) -> Option<Bound<'py, PyAny>>;
}

macro_rules! shortcuts {
    ($($Class:ty, $name:literal, ignores $ignored:literal: $run:expr;)*) => {
        /// Puts the short forms into their classes.
        pub fn install(py: Python<'_>) -> PyResult<()> {
            $({
                struct Method;
                impl Shortcut for Method {
                    type Class = $Class;
                    const NAME: &'static str = $name;
                    const IGNORED: usize = $ignored;

                    fn full() -> &'static PyOnceLock<Py<PyAny>> {
                        static FULL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
                        &FULL
                    }

                    fn run<'py>(this: &$Class, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
                        let run: fn(&$Class, Python<'py>) -> Option<Bound<'py, PyAny>> = $run;
                        run(this, py)
                    }
                }
                put::<Method>(py)?;
            })*
            put_entrance(py)
        }
    };
}

shortcuts! {
    Lock, "acquire", ignores 0: |lock, py| lock.shared.take_free(py).then(|| yes(py));
    Lock, "release", ignores 0: |lock, py| lock.shared.give_back(py).then(|| nothing(py));
    Entrance, "__enter__", ignores 0: |entrance, py| entrance.0.take_free(py).then(|| yes(py));
    Entrance, "__exit__", ignores 3: |entrance, py| entrance.0.give_back(py).then(|| nothing(py));
    Value, "get_lock", ignores 0: |value, py| Some(value.lock(py));
}

fn yes(py: Python<'_>) -> Bound<'_, PyAny> {
    PyBool::new(py, true).to_owned().into_any()
}

fn nothing(py: Python<'_>) -> Bound<'_, PyAny> {
    py.None().into_bound(py)
}

/// What the interpreter calls for a method with `METH_FASTCALL | METH_KEYWORDS`.
type Call = unsafe extern "C" fn(
    *mut PyObject,
    *const *mut PyObject,
    Py_ssize_t,
    *mut PyObject,
) -> *mut PyObject;

const METH_FASTCALL: i32 = 0x80;

/// Puts a short form in front of a method. It keeps the signature and the description.
fn put<S: Shortcut>(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<S::Class>();
    let full = class.getattr(S::NAME)?;
    let signature = full.getattr("__text_signature__")?.extract::<Option<String>>()?;
    let doc = full.getattr("__doc__")?.extract::<Option<String>>()?;
    let (signature, doc) = (signature.unwrap_or_default(), doc.unwrap_or_default());
    let call: Call = call::<S>;
    // The interpreter uses what is leaked here as long as the class is there: for ever.
    let method = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: CString::new(S::NAME)?.into_raw(),
        ml_meth: ffi::PyMethodDefPointer {
            // SAFETY: a union of pointers to functions, of which pyo3 names this one only for the
            // interpreters from 3.10 on. `ml_flags` tells the interpreter which it is.
            PyCFunction: unsafe { std::mem::transmute::<Call, ffi::PyCFunction>(call) },
        },
        ml_flags: METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: CString::new(format!("{}{signature}\n--\n\n{doc}", S::NAME))?.into_raw(),
    }));
    // SAFETY: the class is one, the definition lives for ever, and this thread has the
    // interpreter's lock.
    let short = unsafe { ffi::PyDescr_NewMethod(class.as_type_ptr(), method) };
    // SAFETY: it is a new reference, or null with an exception that is set.
    let short = unsafe { Bound::from_owned_ptr_or_err(py, short) }?;
    class.setattr(S::NAME, short)?;
    let _ = S::full().set(py, full.unbind());
    Ok(())
}

/// The short form of a method, as the interpreter calls it.
///
/// # Safety
/// The interpreter calls it: with its lock, an object of the class, `count` arguments at `given`,
/// and behind them one for each name of the tuple `names`, which may be null.
unsafe extern "C" fn call<S: Shortcut>(
    this: *mut PyObject,
    given: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls this with its lock, and keeps that until it returns.
    let py = unsafe { Python::assume_attached() };
    let done = caught(S::NAME, || {
        // SAFETY: the interpreter passes an object, and keeps it during the call.
        let this = unsafe { Borrowed::from_ptr(py, this) };
        if names.is_null() && count as usize <= S::IGNORED {
            // SAFETY: the descriptor belongs to the class, and lets no other object through.
            let short = unsafe { this.cast_unchecked::<S::Class>() };
            if let Some(done) = S::run(short.get(), py) {
                return Ok(done);
            }
        }
        // SAFETY: the arguments are as the interpreter passed them.
        unsafe { in_full(S::full(), this, given, count as usize, names) }
    });
    done.map_or_else(|raised| failed(py, raised), Bound::into_ptr)
}

/// Runs `run`, so that nothing unwinds into the interpreter: a panic becomes an exception.
fn caught<R>(name: &str, run: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(PanicException::new_err(format!("a fault of the package, in {name:?}")))
    })
}

/// Raises, for a function that returns null then.
#[cold]
fn failed(py: Python<'_>, raised: PyErr) -> *mut PyObject {
    raised.restore(py);
    ptr::null_mut()
}

/// `__enter__` and `__exit__` of locks, as pyo3 made them.
static FULL_ENTRANCE: [PyOnceLock<Py<PyAny>>; 2] = [PyOnceLock::new(), PyOnceLock::new()];

/// Puts attributes in front of `__enter__` and `__exit__` of locks which give the methods that the
/// lock keeps. A method of a class is a new object at each `with` statement.
fn put_entrance(py: Python<'_>) -> PyResult<()> {
    put_attribute::<0>(py, "__enter__")?;
    put_attribute::<1>(py, "__exit__")
}

fn put_attribute<const WHICH: usize>(py: Python<'_>, name: &str) -> PyResult<()> {
    let get: ffi::descrgetfunc = entrance::<WHICH>;
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_descr_get, pfunc: get as *mut c_void },
        ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"ringway._ringway.entrance".as_ptr(),
        basicsize: size_of::<PyObject>() as c_int,
        itemsize: 0,
        flags: ffi::Py_TPFLAGS_DEFAULT as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the slots end with an empty one, the function has the type of its slot, and this
    // thread has the interpreter's lock.
    let attribute = unsafe { ffi::PyType_FromSpec(&mut spec) };
    // SAFETY: it is a new reference, or null with an exception that is set.
    let attribute = unsafe { Bound::from_owned_ptr_or_err(py, attribute) }?;
    let class = py.get_type::<Lock>();
    let _ = FULL_ENTRANCE[WHICH].set(py, class.getattr(name)?.unbind());
    class.setattr(name, attribute.call0()?)
}

/// Reads the attribute `__enter__` or `__exit__` of a lock, or of the class.
///
/// # Safety
/// The interpreter calls it, with its lock. `lock` and `class` are objects or null.
unsafe extern "C" fn entrance<const WHICH: usize>(
    _: *mut PyObject,
    lock: *mut PyObject,
    class: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls this with its lock, and keeps that until it returns.
    let py = unsafe { Python::assume_attached() };
    let got = caught("an attribute of a lock", || {
        // SAFETY: the interpreter passes an object or null, and keeps it during the call.
        let lock = unsafe { Borrowed::from_ptr_or_opt(py, lock) };
        if let Some(Ok(lock)) = lock.map(|lock| lock.cast::<Lock>()) {
            return Ok(lock.get().entrance[WHICH].bind(py).clone());
        }
        // SAFETY: as above.
        let class = unsafe { Borrowed::from_ptr_or_opt(py, class) };
        let full = FULL_ENTRANCE[WHICH].get(py).expect("it is there before the attribute is");
        full.bind(py).call_method1("__get__", (lock, class))
    });
    got.map_or_else(|raised| failed(py, raised), Bound::into_ptr)
}

/// Calls the method that pyo3 made.
///
/// # Safety
/// There are `count` objects at `given`, and behind them one for each name of the tuple `names`,
/// which may be null.
#[cold]
unsafe fn in_full<'py>(
    full: &PyOnceLock<Py<PyAny>>,
    this: Borrowed<'_, 'py, PyAny>,
    given: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> PyResult<Bound<'py, PyAny>> {
    let py = this.py();
    // SAFETY: the interpreter passes a tuple or null, and keeps it during the call.
    let names = unsafe { Bound::from_borrowed_ptr_or_opt(py, names) };
    let names = names.map(|names| names.cast_into::<PyTuple>()).transpose()?;
    let argument = |index| {
        // SAFETY: the caller guarantees an object for this index.
        let place = unsafe { given.add(index) };
        // SAFETY: as above.
        let argument = unsafe { *place };
        // SAFETY: it is an object, which the interpreter keeps during the call.
        unsafe { Bound::from_borrowed_ptr(py, argument) }
    };
    let named = PyDict::new(py);
    for (index, name) in names.iter().flatten().enumerate() {
        named.set_item(name, argument(count + index))?;
    }
    let positional = std::iter::once(this.to_owned()).chain((0..count).map(argument));
    let positional = PyTuple::new(py, positional.collect::<Vec<_>>())?;
    let full = full.get(py).expect("it is there before the short form is").bind(py);
    full.call(positional, Some(&named))
}
