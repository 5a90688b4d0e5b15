//! Broadcasts and newest values: one process writes, and any number reads.

use crate::errors::{Empty, raise};
use crate::forks::Ours;
use crate::lent::Lent;
use crate::region::{Observer, PartOf, Region};
use crate::waiting::{Limit, wait};
use pyo3::exceptions::{PyEOFError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ringway::ring::broadcast::{RawReader, RawWriter, RecvError};
use ringway::shm::{self, RawBroadcast, RawLatest, RawPart, RobustFutex, Unwritten};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(error: RecvError) -> PyErr {
    match error {
        RecvError::TimedOut => Empty::new_err(()),
        RecvError::EndOfFile => PyEOFError::new_err(error.to_string()),
        error => raise(ringway::Cause::from(error)),
    }
}

type News = RawPart<RawBroadcast>;
type Level = RawPart<RawLatest>;
type Reader<P> = Lent<RawReader<'static, RobustFutex>, Arc<P>>;
type Writer<P> = Lent<RawWriter<'static, RobustFutex>, Arc<P>>;

/// Keeps a half of a part together with the part.
fn lent<P: 'static, T>(
    part: Arc<P>,
    lend: fn(&'static P) -> ringway::Result<T>,
) -> ringway::Result<Lent<T, Arc<P>>> {
    // SAFETY: the functions of this file that come here put the reference into the half alone. An
    // `Arc` keeps the part in its place.
    unsafe { Lent::new(part, lend) }
}

/// The two parts of which readers are alike.
enum Opened {
    News(PartOf<News>),
    Level(PartOf<Level>),
}

enum AnyReader {
    News(Reader<News>),
    Level(Reader<Level>),
}

enum AnyWriter {
    News(Writer<News>),
    Level(Writer<Level>),
}

/// A broadcast or a newest value of a region. See `ringway.Broadcast` and `ringway.Latest`.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Broadcast {
    opened: Opened,
    writer: Mutex<Option<AnyWriter>>,
    #[pyo3(get)]
    item_size: usize,
}

impl AnyWriter {
    fn is_ours(&self) -> bool {
        match self {
            AnyWriter::News(writer) => writer.is_ours(),
            AnyWriter::Level(writer) => writer.is_ours(),
        }
    }
}

#[pymethods]
impl Broadcast {
    #[new]
    fn new(region: &Region, name: &str, item_size: usize, latest: bool) -> PyResult<Self> {
        let opened = if latest {
            Opened::Level(PartOf::new(region, name, |region, name| region.raw_part(name))?)
        } else {
            Opened::News(PartOf::new(region, name, |region, name| region.raw_part(name))?)
        };
        Ok(Broadcast { opened, writer: Mutex::new(None), item_size })
    }

    /// Sends an item of exactly the item's size. Takes the half that writes if it is not taken.
    fn send(&self, item: &[u8]) -> PyResult<()> {
        let mut writer = locked(&self.writer);
        if !writer.as_ref().is_some_and(AnyWriter::is_ours) {
            let taken = match &self.opened {
                Opened::News(part) => lent(part.get()?, News::writer).map(AnyWriter::News),
                Opened::Level(part) => lent(part.get()?, Level::writer).map(AnyWriter::Level),
            };
            *writer = Some(taken.map_err(raise)?);
        }
        let sent = match writer.as_mut() {
            Some(AnyWriter::News(writer)) => writer.send(item),
            Some(AnyWriter::Level(writer)) => writer.send(item),
            None => Ok(()),
        };
        sent.map_err(raise)
    }

    /// Ends the stream, if this process writes it.
    fn close(&self) {
        match locked(&self.writer).take() {
            Some(AnyWriter::News(writer)) => drop(writer.end(RawWriter::close)),
            Some(AnyWriter::Level(writer)) => drop(writer.end(RawWriter::close)),
            None => {}
        }
    }

    /// A reader, which begins at the oldest item that is still there.
    fn reader(&self) -> PyResult<BroadcastReader> {
        let reader = match &self.opened {
            Opened::News(part) => {
                lent(part.get()?, |part| Ok(part.reader_from_oldest())).map(AnyReader::News)
            }
            Opened::Level(part) => {
                lent(part.get()?, |part| Ok(part.reader_from_oldest())).map(AnyReader::Level)
            }
        };
        let reader = reader.map_err(raise)?;
        Ok(BroadcastReader {
            reader: Mutex::new(reader),
            left: Mutex::new(None),
            item_size: self.item_size,
        })
    }

    #[getter]
    fn capacity(&self) -> PyResult<usize> {
        Ok(match &self.opened {
            Opened::News(part) => part.get()?.capacity(),
            Opened::Level(part) => part.get()?.capacity(),
        })
    }

    #[getter]
    fn sent(&self) -> PyResult<u64> {
        Ok(match &self.opened {
            Opened::News(part) => part.get()?.sent(),
            Opened::Level(part) => part.get()?.sent(),
        })
    }
}

/// A reader of a broadcast or of a newest value.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct BroadcastReader {
    reader: Mutex<AnyReader>,
    /// An item that came together with the exception of a signal's handler, for the next call.
    left: Mutex<Option<Vec<u8>>>,
    item_size: usize,
}

impl BroadcastReader {
    fn with<R>(
        &self,
        run: impl FnOnce(&mut RawReader<'static, RobustFutex>) -> PyResult<R>,
    ) -> PyResult<R> {
        let reader = self.reader.try_lock();
        let mut reader = reader.map_err(|_| {
            PyValueError::new_err("another thread waits with this reader: make one each")
        })?;
        let ours = match &mut *reader {
            AnyReader::News(reader) if reader.is_ours() => &mut **reader,
            AnyReader::Level(reader) if reader.is_ours() => &mut **reader,
            _ => {
                return Err(PyValueError::new_err(
                    "the reader belongs to the process that made it, and this is a copy of that: make a new one",
                ));
            }
        };
        run(ours)
    }
}

#[pymethods]
impl BroadcastReader {
    /// The next item.
    fn recv<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(item) = locked(&self.left).take() {
            return Ok(PyBytes::new(py, &item));
        }
        let mut item = vec![0; self.item_size];
        self.with(|reader| {
            let received = match reader.try_recv(&mut item) {
                Ok(true) => Ok(()),
                Err(error) => Err(error),
                Ok(false) => match Limit::new(timeout)? {
                    // This does not wait, and tells the end.
                    Limit::Now => reader.recv_deadline(&mut item, Limit::Now.deadline()),
                    Limit::Until(deadline) => {
                        let out = &mut item;
                        let (received, raised) =
                            wait(py, || reader.recv_deadline(out, Some(deadline)));
                        if let Some(raised) = raised {
                            if received.is_ok() {
                                *locked(&self.left) = Some(std::mem::take(&mut item));
                            }
                            return Err(raised);
                        }
                        received
                    }
                },
            };
            received.map_err(refused)
        })?;
        Ok(PyBytes::new(py, &item))
    }

    /// Goes on at the newest item; returns how many items it skips.
    fn skip_to_newest(&self) -> PyResult<u64> {
        *locked(&self.left) = None;
        self.with(|reader| Ok(reader.skip_to_newest()))
    }
}

type Looks = Lent<RawReader<'static, Unwritten>, Arc<Ours<shm::Observer>>>;

/// A reader of a region that is only looked at.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct ObservedReader {
    reader: Mutex<Looks>,
    item_size: usize,
}

#[pymethods]
impl ObservedReader {
    #[new]
    fn new(observer: &Observer, name: &str, item_size: usize, latest: bool) -> PyResult<Self> {
        // SAFETY: the reader alone borrows from the observer, which an `Arc` keeps in its place.
        let reader = unsafe {
            Lent::new(observer.0.clone(), |observer| {
                let observer = observer.get_anyway();
                if latest { observer.raw_latest(name) } else { observer.raw_broadcast(name) }
            })
        };
        Ok(ObservedReader { reader: Mutex::new(reader.map_err(raise)?), item_size })
    }

    /// The next item, if there is one.
    fn try_recv<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut reader = locked(&self.reader);
        here(&reader)?;
        let mut item = vec![0; self.item_size];
        let is_there = reader.try_recv(&mut item).map_err(refused)?;
        Ok(is_there.then(|| PyBytes::new(py, &item)))
    }

    fn skip_to_newest(&self) -> PyResult<u64> {
        let mut reader = locked(&self.reader);
        here(&reader)?;
        Ok(reader.skip_to_newest())
    }
}

/// A copy of the process does not have the observer's memory.
fn here(reader: &Looks) -> PyResult<()> {
    if reader.is_ours() {
        return Ok(());
    }
    Err(PyValueError::new_err(
        "the observer belongs to the process that made it, and this is a copy of that: make a new one",
    ))
}
