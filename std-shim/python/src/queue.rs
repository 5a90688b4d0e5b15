//! Queues: any number of processes put and get, and none loses a message of another that is killed.

use crate::errors::{Empty, Full, raise, too_large};
use crate::lent::Lent;
use crate::ready::ReadyFd;
use crate::region::{PartOf, Region};
use crate::waiting::{Limit, take, wait};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ringway::CoreError;
use ringway::ring::queue::{RawClaim, RawLoan};
use ringway::shm::{RawPart, RawQueue, RobustFutex};
use std::sync::{Arc, Mutex, PoisonError};

type Part = RawPart<RawQueue>;
type LentClaim = Lent<RawClaim<'static, RobustFutex>, Arc<Part>>;
type LentLoan = Lent<RawLoan<'static, RobustFutex>, Arc<Part>>;

/// What precedes each message in its slot: its length, and its tag, 32 bits each, in the order of
/// this machine.
pub const HEADER: usize = 8;

/// The length and the tag at the beginning of a slot, and its bytes.
pub fn message(slot: &[u8]) -> Option<(u32, &[u8])> {
    let (length, rest) = slot.split_first_chunk::<4>()?;
    let (tag, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_ne_bytes(*length) as usize;
    Some((u32::from_ne_bytes(*tag), rest.get(..length)?))
}

/// Writes a message into a slot. The error is the room that there is.
pub fn write_message(slot: &mut [u8], tag: u32, message: &[u8]) -> Result<(), usize> {
    let room = slot.len().saturating_sub(HEADER);
    let end = HEADER + message.len();
    if message.len() > room {
        return Err(room);
    }
    let length = u32::try_from(message.len()).map_err(|_| room)?;
    slot[..4].copy_from_slice(&length.to_ne_bytes());
    slot[4..HEADER].copy_from_slice(&tag.to_ne_bytes());
    slot[HEADER..end].copy_from_slice(message);
    Ok(())
}

/// A queue of a region. See `ringway.Queue`.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Queue {
    part: PartOf<Part>,
}

/// The exception for a slot that holds no message of this package.
pub fn foreign() -> PyErr {
    PyValueError::new_err(
        "the item is no message of this package: another program laid out the part with items of its own; open it with `format`",
    )
}

fn refused(error: CoreError, when_late: fn() -> PyErr) -> PyErr {
    match error {
        CoreError::WouldBlock | CoreError::TimedOut => when_late(),
        CoreError::BrokenPipe | CoreError::EndOfFile => {
            PyValueError::new_err("the queue is closed")
        }
        error => raise(error),
    }
}

fn empty() -> PyErr {
    Empty::new_err(())
}

fn full() -> PyErr {
    Full::new_err(())
}

impl Queue {
    /// Claims the oldest message.
    fn take(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<LentClaim> {
        let part = self.part.get()?;
        let claim = take(py, timeout, |limit| {
            // SAFETY: the claim alone borrows from the part, and an `Arc` keeps that in its place.
            unsafe {
                Lent::new(part.clone(), |part| match limit {
                    Limit::Now => part.try_claim().or_else(|error| match part.is_closed() {
                        // This does not wait, and tells the end.
                        true => part.claim_deadline(limit.deadline()),
                        false => Err(error),
                    }),
                    Limit::Until(deadline) => part.claim_deadline(Some(deadline)),
                })
            }
        })?;
        claim.map_err(|error| refused(error, empty))
    }

    /// Takes a free slot.
    fn slot(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<LentLoan> {
        let part = self.part.get()?;
        let loan = take(py, timeout, |limit| {
            // SAFETY: the loan alone borrows from the part, and an `Arc` keeps that in its place.
            unsafe {
                Lent::new(part.clone(), |part| match limit {
                    Limit::Now => part.try_reserve(),
                    Limit::Until(deadline) => part.reserve_deadline(Some(deadline)),
                })
            }
        })?;
        loan.map_err(|error| refused(error, full))
    }
}

#[pymethods]
impl Queue {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        Ok(Queue { part: PartOf::new(region, name, |region, name| region.raw_part(name))? })
    }

    /// Puts a message with its tag.
    fn put(&self, py: Python<'_>, message: &[u8], tag: u32, timeout: Option<f64>) -> PyResult<()> {
        let mut loan = self.slot(py, timeout)?;
        write_message(&mut loan, tag, message).map_err(too_large)?;
        commit(loan)
    }

    /// Puts an item of exactly the queue's size.
    fn put_item(&self, py: Python<'_>, item: &[u8], timeout: Option<f64>) -> PyResult<()> {
        let loan = self.slot(py, timeout)?;
        let written = loan.end(|loan| loan.write(item));
        written.map_or(Ok(()), |(_, written)| written).map_err(|error| refused(error, full))
    }

    /// Gets the oldest message, with its tag.
    fn get<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
    ) -> PyResult<(Bound<'py, PyBytes>, u32)> {
        let claim = self.take(py, timeout)?;
        let (tag, bytes) = message(&claim).ok_or_else(foreign)?;
        let bytes = PyBytes::new(py, bytes);
        claim.end(RawClaim::complete);
        Ok((bytes, tag))
    }

    /// Gets the oldest item, as its bytes.
    fn get_item<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let claim = self.take(py, timeout)?;
        let bytes = PyBytes::new(py, &claim);
        claim.end(RawClaim::complete);
        Ok(bytes)
    }

    /// Claims the oldest message.
    fn claim(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Claim> {
        let claim = self.take(py, timeout)?;
        let offset = self.part.offset_of(&claim)?;
        Ok(Claim { claim: Mutex::new(Some(claim)), offset })
    }

    /// Takes a slot to be filled in place.
    fn reserve(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Loan> {
        let loan = self.slot(py, timeout)?;
        let (offset, room) = (self.part.offset_of(&loan)?, loan.len());
        Ok(Loan { loan: Mutex::new(Some(loan)), offset, room })
    }

    /// Waits until every message is completed; whether that happened in time.
    fn join(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let part = self.part.get()?;
        let limit = Limit::new(timeout)?;
        let (_, raised) = wait(py, || join(&part, limit));
        raised.map_or(Ok(()), Err)?;
        Ok(part.unfinished() == 0)
    }

    fn close(&self) -> PyResult<()> {
        self.part.get()?.close();
        Ok(())
    }

    #[getter]
    fn is_closed(&self) -> PyResult<bool> {
        Ok(self.part.get()?.is_closed())
    }

    fn qsize(&self) -> PyResult<usize> {
        Ok(self.part.get()?.len())
    }

    #[getter]
    fn unfinished(&self) -> PyResult<usize> {
        Ok(self.part.get()?.unfinished())
    }

    #[getter]
    fn capacity(&self) -> PyResult<usize> {
        Ok(self.part.get()?.capacity())
    }

    #[getter]
    fn max_attempts(&self) -> PyResult<u16> {
        Ok(self.part.get()?.max_attempts())
    }

    fn set_max_attempts(&self, attempts: u16) -> PyResult<()> {
        self.part.get()?.set_max_attempts(attempts);
        Ok(())
    }

    #[getter]
    fn refused(&self) -> PyResult<u32> {
        Ok(self.part.get()?.refused())
    }

    fn ready_fd(&self) -> PyResult<ReadyFd> {
        ReadyFd::of(self.part.get()?.ready_fd())
    }
}

/// Waits until every message is completed, in sleeps that a signal can end.
fn join(part: &Part, limit: Limit) {
    // A raw queue has no form of its own for this: it looks as its sleepers do.
    let deadline = limit.deadline();
    let _ = part.producers_bell().wait_until(deadline, || (part.unfinished() == 0).then_some(()));
}

fn commit(loan: LentLoan) -> PyResult<()> {
    let sent = loan.end(RawLoan::commit);
    sent.map_or(Ok(()), |(_, sent)| sent).map_err(|error| refused(error, full))
}

/// A claimed message.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Claim {
    claim: Mutex<Option<LentClaim>>,
    #[pyo3(get)]
    offset: usize,
}

impl Claim {
    fn take(&self) -> Option<LentClaim> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<R>(&self, run: impl FnOnce(&LentClaim) -> PyResult<R>) -> PyResult<R> {
        let claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        let claim = claim.as_ref().filter(|claim| claim.is_ours());
        run(claim.ok_or_else(|| {
            PyValueError::new_err("the claim is over: it was completed or given back")
        })?)
    }
}

#[pymethods]
impl Claim {
    /// The tag, and the length of the message.
    fn header(&self) -> PyResult<(u32, usize)> {
        self.with(|claim| message(claim).map(|(tag, bytes)| (tag, bytes.len())).ok_or_else(foreign))
    }

    /// The size of the slot, in bytes.
    fn size(&self) -> PyResult<usize> {
        self.with(|claim| Ok(claim.len()))
    }

    #[getter]
    fn attempts(&self) -> PyResult<u32> {
        self.with(|claim| Ok(claim.attempts()))
    }

    /// Completes the claim; false if it was over.
    fn complete(&self) -> bool {
        self.take().and_then(|claim| claim.end(RawClaim::complete)).is_some()
    }

    /// Gives the message back; false if the claim was over.
    fn give_back(&self) -> bool {
        self.take().is_some()
    }
}

/// A slot that is filled in place.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Loan {
    loan: Mutex<Option<LentLoan>>,
    #[pyo3(get)]
    offset: usize,
    #[pyo3(get)]
    room: usize,
}

impl Loan {
    fn take(&self) -> PyResult<LentLoan> {
        let loan = self.loan.lock().unwrap_or_else(PoisonError::into_inner).take();
        loan.filter(Lent::is_ours)
            .ok_or_else(|| PyValueError::new_err("the loan is over: it was sent or given back"))
    }
}

#[pymethods]
impl Loan {
    /// Sends the first `length` bytes behind the header, with a tag.
    fn commit(&self, length: usize, tag: u32) -> PyResult<()> {
        let mut loan = self.take()?;
        let room = loan.len().saturating_sub(HEADER);
        let said = u32::try_from(length).ok().filter(|_| length <= room);
        let said = said.ok_or_else(|| too_large(room))?;
        loan[..4].copy_from_slice(&said.to_ne_bytes());
        loan[4..HEADER].copy_from_slice(&tag.to_ne_bytes());
        commit(loan)
    }

    /// Sends the whole slot as one item.
    fn commit_item(&self) -> PyResult<()> {
        commit(self.take()?)
    }

    fn give_back(&self) {
        let _ = self.take();
    }
}
