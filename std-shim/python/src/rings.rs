//! Rings: one process sends, and one receives. A half is taken when it is first used.

use crate::errors::{Empty, Full, raise, too_large};
use crate::forks::{self, Ours};
use crate::lent::Lent;
use crate::queue::{foreign, message, write_message};
use crate::ready::ReadyFd;
use crate::region::{PartOf, Region};
use crate::waiting::{Limit, wait};
use pyo3::exceptions::{PyBrokenPipeError, PyEOFError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ringway::CoreError;
use ringway::ring::bytes::{Consumer, Producer};
use ringway::ring::messages::{Receiver, RecvGrant, SendGrant, Sender};
use ringway::ring::{RawConsumer, RawProducer};
use ringway::shm::{ByteRingView, MessageRingView, Part, RawPart, RawRing, RobustFutex};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A half of a ring: not taken yet, taken, in use by a call, or closed.
enum Half<H> {
    Free,
    Taken(Ours<H>),
    /// By a call of the process of this number: in a copy of that process, no call uses it.
    InUse(u32),
    Closed,
}

/// The place of a half in the object that has it.
struct Place<H>(Mutex<Half<H>>);

/// A half that a call uses. It goes back when it is dropped.
struct Used<'p, H> {
    half: Option<H>,
    place: &'p Place<H>,
}

impl<H> Drop for Used<'_, H> {
    fn drop(&mut self) {
        if let Some(half) = self.half.take() {
            *locked(&self.place.0) = Half::Taken(Ours::new(half));
        }
    }
}

impl<H> Place<H> {
    fn new() -> Self {
        Place(Mutex::new(Half::Free))
    }

    /// Takes the half for a call; `take` takes it of the ring if this process does not have it yet.
    fn get(&self, take: impl FnOnce() -> PyResult<H>) -> PyResult<Used<'_, H>> {
        let mut place = locked(&self.0);
        let half = match std::mem::replace(&mut *place, Half::InUse(forks::count())) {
            Half::Taken(half) => match half.into_inner() {
                Some(half) => Ok(half),
                // A copy of the process: the half is the parent's.
                None => take(),
            },
            Half::Free => take(),
            Half::InUse(process) if process != forks::count() => take(),
            Half::InUse(_) => {
                return Err(PyValueError::new_err(
                    "another call uses this half: one thread sends, and one receives",
                ));
            }
            Half::Closed => {
                *place = Half::Closed;
                return Err(PyValueError::new_err("this half was closed before"));
            }
        };
        match half {
            Ok(half) => Ok(Used { half: Some(half), place: self }),
            Err(error) => {
                *place = Half::Free;
                Err(error)
            }
        }
    }

    /// Closes the half by `close`, if this process has it. This object takes it no more.
    fn close(&self, close: impl FnOnce(H)) -> PyResult<()> {
        self.end(Half::Closed, close)
    }

    /// Closes the half by `close`, if this process has it. This object can take it again.
    fn close_for_now(&self, close: impl FnOnce(H)) -> PyResult<()> {
        self.end(Half::Free, close)
    }

    fn end(&self, then: Half<H>, close: impl FnOnce(H)) -> PyResult<()> {
        let mut place = locked(&self.0);
        match std::mem::replace(&mut *place, then) {
            Half::Taken(half) => {
                if let Some(half) = half.into_inner() {
                    close(half);
                }
            }
            Half::InUse(process) if process == forks::count() => {
                *place = Half::InUse(process);
                return Err(PyValueError::new_err(
                    "another call uses this half: end it before you close the half",
                ));
            }
            Half::Free | Half::InUse(_) | Half::Closed => {}
        }
        Ok(())
    }
}

impl<H> Used<'_, H> {
    fn half(&mut self) -> &mut H {
        self.half.as_mut().expect("the half is there until this is dropped")
    }
}

/// What a call that sends raises.
fn refused(error: CoreError, when_late: fn() -> PyErr) -> PyErr {
    match error {
        CoreError::WouldBlock | CoreError::TimedOut => when_late(),
        CoreError::BrokenPipe => PyBrokenPipeError::new_err(
            "nobody receives here any more: the other side closed its half, or died",
        ),
        CoreError::EndOfFile => PyEOFError::new_err(
            "the other side closed its half, or died, and all that it sent was received",
        ),
        error => raise(error),
    }
}

fn full() -> PyErr {
    Full::new_err(())
}

fn empty() -> PyErr {
    Empty::new_err(())
}

type Pushes = Lent<RawProducer<'static, RobustFutex>, Arc<RawPart<RawRing>>>;
type Pops = Lent<RawConsumer<'static, RobustFutex>, Arc<RawPart<RawRing>>>;

/// A ring of items of one size. See `ringway.Ring`.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Ring {
    part: PartOf<RawPart<RawRing>>,
    pushes: Place<Pushes>,
    pops: Place<Pops>,
    /// An item that came together with the exception of a signal's handler, for the next call.
    left: Mutex<Option<Ours<Vec<u8>>>>,
    #[pyo3(get)]
    item_size: usize,
}

impl Ring {
    fn push(&self, py: Python<'_>, item: &[u8], timeout: Option<f64>) -> PyResult<()> {
        let part = self.part.get()?;
        let mut used = self.pushes.get(|| {
            // SAFETY: the half alone borrows from the part, which an `Arc` keeps in its place.
            unsafe { Lent::new(part, |part| part.producer()) }.map_err(raise)
        })?;
        let pushed = match used.half().try_push(item) {
            Err(CoreError::WouldBlock) => match Limit::new(timeout)? {
                // This does not wait, and tells the end.
                Limit::Now => used.half().push_deadline(item, Limit::Now.deadline()),
                Limit::Until(deadline) => {
                    let half = used.half();
                    let (pushed, raised) = wait(py, || half.push_deadline(item, Some(deadline)));
                    raised.map_or(Ok(()), Err)?;
                    pushed
                }
            },
            pushed => pushed,
        };
        pushed.map_err(|error| refused(error, full))
    }

    fn pop(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Vec<u8>> {
        if let Some(item) = locked(&self.left).take().and_then(Ours::into_inner) {
            return Ok(item);
        }
        let part = self.part.get()?;
        let mut used = self.pops.get(|| {
            // SAFETY: the half alone borrows from the part, which an `Arc` keeps in its place.
            unsafe { Lent::new(part, |part| part.consumer()) }.map_err(raise)
        })?;
        let mut item = vec![0; self.item_size];
        let popped = match used.half().try_pop(&mut item) {
            Err(CoreError::WouldBlock) => match Limit::new(timeout)? {
                // This does not wait, and tells the end.
                Limit::Now => used.half().pop_deadline(&mut item, Limit::Now.deadline()),
                Limit::Until(deadline) => {
                    let (half, out) = (used.half(), &mut item);
                    let (popped, raised) = wait(py, || half.pop_deadline(out, Some(deadline)));
                    if let Some(raised) = raised {
                        if popped.is_ok() {
                            *locked(&self.left) = Some(Ours::new(item));
                        }
                        return Err(raised);
                    }
                    popped
                }
            },
            popped => popped,
        };
        popped.map_err(|error| refused(error, empty))?;
        Ok(item)
    }
}

#[pymethods]
impl Ring {
    #[new]
    fn new(region: &Region, name: &str, item_size: usize) -> PyResult<Self> {
        let part = PartOf::new(region, name, |region, name| region.raw_part(name))?;
        let (pushes, pops, left) = (Place::new(), Place::new(), Mutex::new(None));
        Ok(Ring { part, pushes, pops, left, item_size })
    }

    /// Puts an item of exactly the ring's size.
    fn put(&self, py: Python<'_>, item: &[u8], timeout: Option<f64>) -> PyResult<()> {
        self.push(py, item, timeout)
    }

    /// Puts a message with its tag.
    fn put_message(
        &self,
        py: Python<'_>,
        message: &[u8],
        tag: u32,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let mut item = vec![0; self.item_size];
        write_message(&mut item, tag, message).map_err(too_large)?;
        self.push(py, &item, timeout)
    }

    /// Gets the oldest item, as its bytes.
    fn get<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.pop(py, timeout)?))
    }

    /// Gets the oldest message, with its tag.
    fn get_message<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
    ) -> PyResult<(Bound<'py, PyBytes>, u32)> {
        let item = self.pop(py, timeout)?;
        let (tag, bytes) = message(&item).ok_or_else(foreign)?;
        Ok((PyBytes::new(py, bytes), tag))
    }

    fn close(&self) -> PyResult<()> {
        self.pushes.close(|half| drop(half.end(RawProducer::close)))?;
        self.pops.close(|half| drop(half.end(RawConsumer::close)))
    }

    fn qsize(&self) -> PyResult<usize> {
        Ok(self.part.get()?.len())
    }

    #[getter]
    fn capacity(&self) -> PyResult<usize> {
        Ok(self.part.get()?.capacity())
    }

    fn ready_fd(&self) -> PyResult<ReadyFd> {
        ReadyFd::of(self.part.get()?.ready_fd())
    }
}

type Bytes = Part<ByteRingView>;

/// A ring of bytes. See `ringway.ByteRing`.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct ByteRing {
    part: PartOf<Bytes>,
    writes: Place<Producer<Bytes>>,
    reads: Place<Consumer<Bytes>>,
}

#[pymethods]
impl ByteRing {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        let part = PartOf::new(region, name, |region, name| region.part(name))?;
        Ok(ByteRing { part, writes: Place::new(), reads: Place::new() })
    }

    /// Writes at least a byte, unless there is none to write; returns how many. `None` if there was
    /// no room in time.
    fn write(&self, py: Python<'_>, bytes: &[u8], timeout: Option<f64>) -> PyResult<Option<usize>> {
        let part = self.part.get()?;
        let mut used = self.writes.get(|| part.producer().map_err(raise))?;
        let half = used.half();
        let deadline = Limit::new(timeout)?.deadline();
        let (written, raised) = wait(py, || half.write_deadline(bytes, deadline));
        match (written, raised) {
            // What was written is told: the exception is raised by the next call, if at all.
            (Ok(count), None) => Ok(Some(count)),
            (Ok(_), Some(raised)) | (Err(_), Some(raised)) => Err(raised),
            (Err(CoreError::TimedOut | CoreError::WouldBlock), None) => Ok(None),
            (Err(error), None) => Err(refused(error, full)),
        }
    }

    /// Reads at most `most` bytes, at least one; none at the end. `None` if none came in time.
    fn read<'py>(
        &self,
        py: Python<'py>,
        most: usize,
        timeout: Option<f64>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let part = self.part.get()?;
        let mut used = self.reads.get(|| part.consumer().map_err(raise))?;
        let half = used.half();
        if most == 0 {
            return Ok(Some(PyBytes::new(py, b"")));
        }
        if half.is_empty() {
            let deadline = Limit::new(timeout)?.deadline();
            let (seen, raised) = wait(py, || half.peek_deadline(1, deadline).map(drop));
            raised.map_or(Ok(()), Err)?;
            match seen {
                Ok(()) => {}
                Err(CoreError::EndOfFile) => return Ok(Some(PyBytes::new(py, b""))),
                Err(CoreError::TimedOut | CoreError::WouldBlock) => return Ok(None),
                Err(error) => return Err(refused(error, empty)),
            }
        }
        let count = half.len().min(most);
        let bytes = PyBytes::new_with(py, count, |out| {
            half.try_read(out);
            Ok(())
        })?;
        Ok(Some(bytes))
    }

    fn close(&self) -> PyResult<()> {
        self.writes.close(Producer::close)?;
        self.reads.close(Consumer::close)
    }

    fn close_writer(&self) -> PyResult<()> {
        self.writes.close(Producer::close)
    }

    fn qsize(&self) -> PyResult<usize> {
        Ok(self.part.get()?.len())
    }

    #[getter]
    fn capacity(&self) -> PyResult<usize> {
        Ok(self.part.get()?.capacity())
    }

    fn ready_fd(&self) -> PyResult<ReadyFd> {
        ReadyFd::of(self.part.get()?.ready_fd())
    }
}

type Messages = Part<MessageRingView>;
type Sends = Sender<Messages>;
type Receives = Receiver<Messages>;
type Sending = Lent<SendGrant<'static, Messages>, Box<Sends>>;
type Receiving = Lent<RecvGrant<'static, Messages>, Box<Receives>>;

/// A ring of messages of any length. See `ringway.MessageRing`.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct MessageRing(Arc<MessageRingInner>);

struct MessageRingInner {
    part: PartOf<Messages>,
    sends: Place<Box<Sends>>,
    receives: Place<Box<Receives>>,
}

impl MessageRing {
    fn sends(&self) -> PyResult<Used<'_, Box<Sends>>> {
        let part = self.0.part.get()?;
        self.0.sends.get(|| part.sender().map(Box::new).map_err(raise))
    }

    fn receives(&self) -> PyResult<Used<'_, Box<Receives>>> {
        let part = self.0.part.get()?;
        self.0.receives.get(|| part.receiver().map(Box::new).map_err(raise))
    }

    /// Waits until there is a message.
    fn await_message(half: &mut Receives, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let seen = match half.try_peek().map(drop) {
            Err(CoreError::WouldBlock) => match Limit::new(timeout)? {
                // This does not wait, and tells the end.
                Limit::Now => half.peek_deadline(Limit::Now.deadline()).map(drop),
                Limit::Until(deadline) => {
                    let (seen, raised) = wait(py, || half.peek_deadline(Some(deadline)).map(drop));
                    raised.map_or(Ok(()), Err)?;
                    seen
                }
            },
            seen => seen,
        };
        seen.map_err(|error| refused(error, empty))
    }
}

#[pymethods]
impl MessageRing {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        let part = PartOf::new(region, name, |region, name| region.part(name))?;
        let (sends, receives) = (Place::new(), Place::new());
        Ok(MessageRing(Arc::new(MessageRingInner { part, sends, receives })))
    }

    fn send(&self, py: Python<'_>, message: &[u8], timeout: Option<f64>) -> PyResult<()> {
        let mut used = self.sends()?;
        let half = used.half();
        let sent = match half.try_send(message) {
            Err(CoreError::WouldBlock) => match Limit::new(timeout)? {
                // This does not wait, and tells the end.
                Limit::Now => half.send_deadline(message, Limit::Now.deadline()),
                Limit::Until(deadline) => {
                    let (sent, raised) = wait(py, || half.send_deadline(message, Some(deadline)));
                    raised.map_or(Ok(()), Err)?;
                    sent
                }
            },
            sent => sent,
        };
        sent.map_err(|error| refused(error, full))
    }

    fn recv<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyBytes>> {
        let mut used = self.receives()?;
        let half = used.half();
        MessageRing::await_message(half, py, timeout)?;
        let grant = half.try_peek().map_err(|error| refused(error, empty))?;
        let bytes = PyBytes::new(py, &grant);
        grant.release();
        Ok(bytes)
    }

    /// Whether there is a message, or the end, in time.
    fn poll(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let mut used = self.receives()?;
        match MessageRing::await_message(used.half(), py, timeout) {
            Ok(()) => Ok(true),
            Err(error) if error.is_instance_of::<PyEOFError>(py) => Ok(true),
            Err(error) if error.is_instance_of::<Empty>(py) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Room for a message of at most `length` bytes, to be written in place.
    fn reserve(&self, py: Python<'_>, length: usize, timeout: Option<f64>) -> PyResult<Sent> {
        let mut used = self.sends()?;
        if let Err(CoreError::WouldBlock) = used.half().try_reserve(length).map(drop) {
            if let Limit::Until(deadline) = Limit::new(timeout)? {
                let half = used.half();
                let (_, raised) =
                    wait(py, || half.reserve_deadline(length, Some(deadline)).map(drop));
                raised.map_or(Ok(()), Err)?;
            }
        }
        let half = used.half.take().ok_or_else(|| PyValueError::new_err("no half"))?;
        // SAFETY: the grant alone borrows from the half, which a `Box` keeps in its place.
        match unsafe { Lent::new_mut(half, |half| half.try_reserve(length)) } {
            Ok(grant) => {
                let offset = self.0.part.offset_of(&grant)?;
                Ok(Sent { grant: Mutex::new(Some(grant)), ring: self.0.clone(), offset, length })
            }
            Err((half, error)) => {
                used.half = Some(half);
                Err(refused(error, full))
            }
        }
    }

    /// The oldest message, in place.
    fn peek(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Peeked> {
        let mut used = self.receives()?;
        MessageRing::await_message(used.half(), py, timeout)?;
        let half = used.half.take().ok_or_else(|| PyValueError::new_err("no half"))?;
        // SAFETY: the grant alone borrows from the half, which a `Box` keeps in its place.
        match unsafe { Lent::new_mut(half, |half| half.try_peek()) } {
            Ok(grant) => {
                let (offset, length) = (self.0.part.offset_of(&grant)?, grant.len());
                Ok(Peeked { grant: Mutex::new(Some(grant)), ring: self.0.clone(), offset, length })
            }
            Err((half, error)) => {
                used.half = Some(half);
                Err(refused(error, empty))
            }
        }
    }

    /// Takes the half that sends, and no message.
    fn take_sender(&self) -> PyResult<()> {
        self.sends().map(drop)
    }

    /// Takes the half that receives, and no message.
    fn take_receiver(&self) -> PyResult<()> {
        self.receives().map(drop)
    }

    fn close_sender(&self) -> PyResult<()> {
        self.0.sends.close(|half| half.close())
    }

    /// Ends what this process sent, for an end of a pipe of which there may be another object.
    fn end_sender(&self) -> PyResult<()> {
        self.0.sends.close_for_now(|half| half.close())
    }

    /// Ends what this process received, for an end of a pipe of which there may be another object.
    fn end_receiver(&self) -> PyResult<()> {
        self.0.receives.close_for_now(|half| half.close())
    }

    fn close_receiver(&self) -> PyResult<()> {
        self.0.receives.close(|half| half.close())
    }

    #[getter]
    fn is_empty(&self) -> PyResult<bool> {
        Ok(self.0.part.get()?.is_empty())
    }

    fn ready_fd(&self) -> PyResult<ReadyFd> {
        ReadyFd::of(self.0.part.get()?.ready_fd())
    }
}

/// A message that is written in place.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Sent {
    grant: Mutex<Option<Sending>>,
    ring: Arc<MessageRingInner>,
    #[pyo3(get)]
    offset: usize,
    #[pyo3(get)]
    length: usize,
}

/// Ends a grant by `end`, and puts the half back into its place; false if it was over.
fn end<G, H>(grant: &Mutex<Option<Lent<G, H>>>, place: &Place<H>, end: impl FnOnce(G)) -> bool {
    let grant = locked(grant).take();
    let Some((half, ())) = grant.and_then(|grant| grant.end(end)) else { return false };
    *locked(&place.0) = Half::Taken(Ours::new(half));
    true
}

#[pymethods]
impl Sent {
    /// Sends the first `length` bytes; false if it was over.
    fn commit(&self, length: usize) -> PyResult<bool> {
        if length > self.length {
            return Err(crate::errors::too_large(self.length));
        }
        Ok(end(&self.grant, &self.ring.sends, |grant| grant.commit(length)))
    }

    /// Sends nothing.
    fn give_back(&self) {
        end(&self.grant, &self.ring.sends, drop);
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        end(&self.grant, &self.ring.sends, drop);
    }
}

/// A received message, in place.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Peeked {
    grant: Mutex<Option<Receiving>>,
    ring: Arc<MessageRingInner>,
    #[pyo3(get)]
    offset: usize,
    #[pyo3(get)]
    length: usize,
}

#[pymethods]
impl Peeked {
    /// Ends the message: its room is free. False if it was over.
    fn release(&self) -> bool {
        end(&self.grant, &self.ring.receives, |grant| grant.release())
    }

    /// Leaves the message in the ring, for the next call.
    fn give_back(&self) {
        end(&self.grant, &self.ring.receives, drop);
    }
}

impl Drop for Peeked {
    fn drop(&mut self) {
        end(&self.grant, &self.ring.receives, drop);
    }
}
