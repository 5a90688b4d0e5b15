//! The counts of condition variables.

use crate::region::{PartOf, Region};
use crate::waiting::{Limit, wait};
use pyo3::prelude::*;
use ringway::shm::{Part, RobustFutex};
use ringway::wait::{Wait, Wake};
use ringway_core::sync::AtomicU32 as Word;
use std::sync::atomic::{AtomicU32, Ordering};

/// The words of a condition: what its waiters sleep on, how many wait, and how many may go.
pub type ConditionWords = [AtomicU32; 3];

/// The counts of a condition variable, which change under its lock. See `ringway.Condition`.
///
/// A wait ends by a notification alone: each notification grants some of those that wait already,
/// and a waiter that came later takes no grant that was meant for them. A waiter that is killed
/// stays counted, so that a later notification may grant one too many.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Condition(PartOf<Part<ConditionWords>>);

// All accesses are relaxed and have no partner: the lock of the condition orders them, but for the
// look at the first word before a sleep, which the kernel repeats.
impl Condition {
    fn bell(words: &ConditionWords) -> &Word {
        let word: *const AtomicU32 = &words[0];
        // SAFETY: `Word` is `repr(transparent)` over this atomic, in the configuration for a
        // system.
        unsafe { &*word.cast::<Word>() }
    }
}

#[pymethods]
impl Condition {
    #[new]
    fn new(region: &Region, name: &str) -> PyResult<Self> {
        Ok(Condition(PartOf::new(region, name, |region, name| region.part(name))?))
    }

    /// Counts a waiter; the number of the last notification before it. The caller has the lock.
    fn arrive(&self) -> PyResult<u32> {
        let part = self.0.get()?;
        let [notified, waiting, _] = &***part;
        waiting.fetch_add(1, Ordering::Relaxed);
        Ok(notified.load(Ordering::Relaxed))
    }

    /// Sleeps until there is a notification after the one numbered `seen`. Returns the number of
    /// the last one; `None` if the time is over. The caller does not have the lock.
    fn sleep(&self, py: Python<'_>, seen: u32, timeout: Option<f64>) -> PyResult<Option<u32>> {
        let part = self.0.get()?;
        let deadline = Limit::new(timeout)?.deadline();
        let sleep = || {
            let words: &ConditionWords = &part;
            loop {
                let last = words[0].load(Ordering::Relaxed);
                if last != seen {
                    return Some(last);
                }
                RobustFutex.wait(Condition::bell(words), seen, deadline).ok()?;
            }
        };
        let (woken, raised) = wait(py, sleep);
        raised.map_or(Ok(woken), Err)
    }

    /// Takes a grant, if there is one for a waiter that arrived after the notification numbered
    /// `arrival`. The caller has the lock.
    fn take(&self, arrival: u32) -> PyResult<bool> {
        let part = self.0.get()?;
        let [notified, waiting, granted] = &***part;
        let grants = granted.load(Ordering::Relaxed);
        if grants == 0 || notified.load(Ordering::Relaxed) == arrival {
            return Ok(false);
        }
        granted.store(grants - 1, Ordering::Relaxed);
        waiting.fetch_sub(1, Ordering::Relaxed);
        Ok(true)
    }

    /// How many wait, at some moment of the call.
    #[getter]
    fn waiting(&self) -> PyResult<u32> {
        Ok(self.0.get()?[1].load(Ordering::Relaxed))
    }

    /// Counts a waiter no more, which gives up. The caller has the lock.
    fn leave(&self) -> PyResult<()> {
        let part = self.0.get()?;
        let [_, waiting, granted] = &***part;
        let left = waiting.load(Ordering::Relaxed).saturating_sub(1);
        waiting.store(left, Ordering::Relaxed);
        granted.fetch_min(left, Ordering::Relaxed);
        Ok(())
    }

    /// Lets `count` of the waiters go. The caller has the lock.
    fn notify(&self, count: u32) -> PyResult<()> {
        let part = self.0.get()?;
        let words: &ConditionWords = &part;
        let [notified, waiting, granted] = words;
        let grants = granted.load(Ordering::Relaxed);
        let more = count.min(waiting.load(Ordering::Relaxed).saturating_sub(grants));
        if more == 0 {
            return Ok(());
        }
        granted.store(grants + more, Ordering::Relaxed);
        notified.fetch_add(1, Ordering::Relaxed);
        RobustFutex.wake(Condition::bell(words), u32::MAX);
        Ok(())
    }
}
