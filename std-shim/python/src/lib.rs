//! The native part of the Python package `ringway`.
//!
//! Its classes have the plainest methods that do the work. The Python sources beside it give them
//! the names and the manners of `multiprocessing`.

mod cell;
mod errors;
mod forks;
mod lent;
mod locks;
mod news;
mod queue;
mod ready;
mod region;
mod rings;
mod shortcuts;
mod values;
mod waiting;

use pyo3::prelude::*;

/// The size of what precedes each message in a slot, in bytes.
const HEADER: usize = queue::HEADER;

#[pymodule]
fn _ringway(module: &Bound<'_, PyModule>) -> PyResult<()> {
    forks::watch();
    let py = module.py();
    module.add("HEADER", HEADER)?;
    module.add("OwnerDied", py.get_type::<errors::OwnerDied>())?;
    module.add("MessageTooLarge", py.get_type::<errors::MessageTooLarge>())?;
    module.add("Lagged", py.get_type::<errors::Lagged>())?;
    module.add("Taken", py.get_type::<errors::Taken>())?;
    module.add_class::<region::Layout>()?;
    module.add_class::<region::Region>()?;
    module.add_class::<region::Observer>()?;
    module.add_class::<queue::Queue>()?;
    module.add_class::<queue::Claim>()?;
    module.add_class::<queue::Loan>()?;
    module.add_class::<rings::Ring>()?;
    module.add_class::<rings::ByteRing>()?;
    module.add_class::<rings::MessageRing>()?;
    module.add_class::<rings::Sent>()?;
    module.add_class::<rings::Peeked>()?;
    module.add_class::<news::Broadcast>()?;
    module.add_class::<news::BroadcastReader>()?;
    module.add_class::<news::ObservedReader>()?;
    module.add_class::<locks::Lock>()?;
    module.add_class::<locks::RwLock>()?;
    module.add_class::<locks::Semaphore>()?;
    module.add_class::<locks::BoundedSemaphore>()?;
    module.add_class::<locks::Event>()?;
    module.add_class::<locks::Barrier>()?;
    module.add_class::<locks::Condition>()?;
    module.add_class::<values::Value>()?;
    module.add_class::<ready::ReadyFd>()?;
    shortcuts::install(py)
}
