//! From objects to pickles, and back; over connections too.

use super::super::connection::Connection;
use super::scan::scan;
use crate::socket::Family;
use crate::{CoreError, Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_pickle::{DeOptions, SerOptions, Value};
use std::time::Instant;

/// The pickle of an object, of protocol 3, which every Python 3 reads.
///
/// Structures and maps become dicts, sequences lists, tuples tuples.
///
/// # Errors
/// [`Corrupt`](CoreError::Corrupt) if the value's own `Serialize` fails.
///
/// ```
/// use ringway::python::pickle;
/// let pickled = pickle::to_vec(&["a", "b"])?;
/// let letters: Vec<String> = pickle::from_slice(&pickled)?;
/// assert_eq!(letters, ["a", "b"]);
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "dumps")]
pub fn to_vec(object: &(impl Serialize + ?Sized)) -> Result<Vec<u8>> {
    serde_pickle::to_vec(&object, SerOptions::new()).map_err(not_written)
}

fn not_written(error: serde_pickle::Error) -> Error {
    let failed = Error::new("pickle the object", CoreError::Corrupt).on(format!("({error})"));
    failed.because("its type cannot be written so: use plain types")
}

/// The pickle of an object of any plain type, of protocol 3.
///
/// # Errors
/// None in practice: every [`Value`] has a pickle.
///
/// ```
/// use ringway::python::pickle::{Value, value_from_slice, value_to_vec};
/// let object = Value::List(vec![Value::None, Value::I64(7)]);
/// assert_eq!(value_from_slice(&value_to_vec(&object)?)?, object);
/// # Ok::<(), ringway::Error>(())
/// ```
pub fn value_to_vec(object: &Value) -> Result<Vec<u8>> {
    serde_pickle::value_to_vec(object, SerOptions::new()).map_err(not_written)
}

/// An object of a type of this program's, from its pickle.
///
/// # Errors
/// [`Corrupt`](CoreError::Corrupt) if it is no pickle, no plain object, or of another type; the
/// error says which. The [module](super) has the limits.
///
/// ```
/// use ringway::python::pickle;
/// // pickle.dumps([1, 2]) in Python
/// let pickled = b"\x80\x04\x95\x09\0\0\0\0\0\0\0]\x94(K\x01K\x02e.";
/// assert_eq!(pickle::from_slice::<Vec<u8>>(pickled)?, [1, 2]);
/// assert!(pickle::from_slice::<String>(pickled).is_err());
/// // os.system("…")
/// let hostile = b"cos\nsystem\n(S'\xe2\x80\xa6'\ntR.";
/// assert!(pickle::from_slice::<u8>(hostile).is_err());
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "loads")]
pub fn from_slice<T: DeserializeOwned>(pickle: &[u8]) -> Result<T> {
    let pickle = scan(pickle)?;
    serde_pickle::from_slice(&pickle, DeOptions::new()).map_err(|error| {
        let failed = Error::new("take the object for this type", CoreError::Corrupt);
        failed.on(format!("({error})")).because("have both sides agree on the type")
    })
}

/// An object of any plain type, from its pickle.
///
/// Unlike [`from_slice`], it keeps tuples, sets and large integers apart.
///
/// # Errors
/// [`Corrupt`](CoreError::Corrupt) if it is no pickle, or no plain object; the error says which.
/// The [module](super) has the limits.
///
/// ```
/// use ringway::python::pickle::{Value, value_from_slice};
/// // pickle.dumps((None, True)) in Python
/// let pickled = b"\x80\x04N\x88\x86\x94.";
/// let expected = Value::Tuple(vec![Value::None, Value::Bool(true)]);
/// assert_eq!(value_from_slice(pickled)?, expected);
/// # Ok::<(), ringway::Error>(())
/// ```
pub fn value_from_slice(pickle: &[u8]) -> Result<Value> {
    let pickle = scan(pickle)?;
    serde_pickle::value_from_slice(&pickle, DeOptions::new()).map_err(|error| {
        let failed = Error::new("read the pickled object", CoreError::Corrupt);
        failed.on(format!("({error})")).because("Python writes no such pickle of a plain object")
    })
}

/// Objects: Python's `send` and `recv`.
impl<F: Family> Connection<F> {
    /// Sends an object, which Python receives with `recv`; waits at most until `deadline`.
    ///
    /// # Errors
    /// Those of [`to_vec`] and of [`send_deadline`](Self::send_deadline).
    pub fn send_object(
        &self,
        object: &(impl Serialize + ?Sized),
        deadline: Option<Instant>,
    ) -> Result<()> {
        self.send_deadline(&to_vec(object)?, deadline)
    }

    /// Sends an object of any plain type, which Python receives with `recv`; waits at most until
    /// `deadline`.
    ///
    /// # Errors
    /// Those of [`value_to_vec`] and of [`send_deadline`](Self::send_deadline).
    pub fn send_value(&self, object: &Value, deadline: Option<Instant>) -> Result<()> {
        self.send_deadline(&value_to_vec(object)?, deadline)
    }

    /// Receives an object that Python sent with `send`; waits at most until `deadline`.
    ///
    /// # Errors
    /// Those of [`from_slice`], after which the next message can be received, and of
    /// [`recv_deadline`](Self::recv_deadline).
    pub fn recv_object<T: DeserializeOwned>(&self, deadline: Option<Instant>) -> Result<T> {
        let mut pickle = Vec::new();
        self.recv_deadline(&mut pickle, deadline)?;
        from_slice(&pickle)
    }

    /// Receives an object of any plain type that Python sent with `send`; waits at most until
    /// `deadline`.
    ///
    /// # Errors
    /// Those of [`value_from_slice`], after which the next message can be received, and of
    /// [`recv_deadline`](Self::recv_deadline).
    pub fn recv_value(&self, deadline: Option<Instant>) -> Result<Value> {
        let mut pickle = Vec::new();
        self.recv_deadline(&mut pickle, deadline)?;
        value_from_slice(&pickle)
    }
}
