//! A descriptor that becomes readable when there is something to take, for `poll`, `epoll` and async runtimes.

use super::{Part, RobustFutex};
use crate::error::limit;
use crate::wait::Doorbell;
use crate::{Error, Result};
use ringway_core::region;
use ringway_core::region::Item;
use ringway_core::ring::Ring;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::messages::MessageRing;
use ringway_core::ring::queue::Queue;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

const READY_FD: &str = "watch the part";

/// Watches a part of a region: its descriptor is readable once there is something to take, or nothing will come any more.
///
/// It tells once: take what there is, then [`rearm`](Self::rearm) it. Words in shared memory have no descriptor in the kernel,
/// so that a thread of this process sleeps on them in its stead; it costs nothing while it sleeps, and one wake-up each time.
/// Where a side can sleep by itself, it had better.
///
/// ```
/// use ringway::fd::{self, Interest};
/// use ringway::shm::{Layout, Queue, Region};
/// type Jobs = Queue<u32, 8>;
/// let region = Region::anonymous(&Layout::new(2).part::<Jobs>("jobs")?)?;
/// let jobs = region.part::<Jobs>("jobs")?;
/// let ready = jobs.ready_fd()?;
/// jobs.push(7)?;
/// fd::wait(&ready, Interest::Read)?;
/// ready.rearm();
/// assert_eq!(jobs.try_pop(), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "eventfd")]
#[derive(Debug)]
pub struct ReadyFd {
    shared: Arc<Shared>,
    /// Wakes the thread, so that it sees what it is told.
    wake: Wake,
    thread: Option<JoinHandle<()>>,
}

struct Wake(Box<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Wake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wake")
    }
}

#[derive(Debug)]
struct Shared {
    event: OwnedFd,
    told: Mutex<Told>,
    change: Condvar,
}

/// What the thread is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Look,
    Rest,
    End,
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        // A panic in between leaves the word as good as it was.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, told: Told) {
        *self.told() = told;
        self.change.notify_all();
    }
}

impl ReadyFd {
    fn start<P: region::Part>(
        part: &Part<P>,
        bell: fn(&P) -> &Doorbell<RobustFutex>,
        is_ready: fn(&P) -> bool,
    ) -> Result<ReadyFd> {
        let failed = |errno: Errno| Error::new(READY_FD, errno);
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let event = eventfd(0, flags).map_err(failed)?;
        let shared =
            Arc::new(Shared { event, told: Mutex::new(Told::Look), change: Condvar::new() });
        let wake = part.clone();
        let wake = Wake(Box::new(move || bell(wake.structure()).ring()));
        let (watched, theirs) = (part.clone(), shared.clone());
        let watch = move || watch(&theirs, watched.structure(), bell, is_ready);
        let thread = Builder::new().name("ringway-ready".to_owned()).spawn(watch);
        let thread = thread.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN));
        let thread = thread.map_err(|errno| Error::new(READY_FD, limit(errno)))?;
        Ok(ReadyFd { shared, wake, thread: Some(thread) })
    }

    /// Makes the descriptor unreadable until there is something again, which may be at once. Call it before the last look,
    /// so that nothing is missed.
    pub fn rearm(&self) {
        let mut count = [0; 8];
        // Nothing to read is as good.
        let _ = read(&self.shared.event, &mut count);
        self.shared.tell(Told::Look);
    }
}

fn watch<P>(
    shared: &Shared,
    part: &P,
    bell: fn(&P) -> &Doorbell<RobustFutex>,
    is_ready: fn(&P) -> bool,
) {
    loop {
        let stop = || (*shared.told() == Told::End).then_some(());
        // Without a deadline it ends with an answer.
        let _ = bell(part).wait_until(None, || is_ready(part).then_some(()).or_else(stop));
        {
            let mut told = shared.told();
            if *told == Told::Look {
                *told = Told::Rest;
                // Its count cannot overflow: it is read before the next.
                let _ = write(&shared.event, &1_u64.to_ne_bytes());
            }
            while *told == Told::Rest {
                told = shared.change.wait(told).unwrap_or_else(PoisonError::into_inner);
            }
            if *told == Told::End {
                return;
            }
        }
    }
}

impl Drop for ReadyFd {
    fn drop(&mut self) {
        self.shared.tell(Told::End);
        (self.wake.0)();
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            let _ = thread.join();
        }
    }
}

crate::sys::descriptor!(ReadyFd, |it| it.shared.event);

impl<T: Item, const N: usize> Part<Ring<T, N, RobustFutex>> {
    /// A descriptor that is readable when there is a value to pop, or the producer closed or died.
    ///
    /// # Errors
    /// [`CoreError::Exhausted`](crate::CoreError::Exhausted) when there is no descriptor or no thread left.
    pub fn ready_fd(&self) -> Result<ReadyFd> {
        ReadyFd::start(self, Ring::consumers_bell, |ring| {
            !ring.is_empty() || ring.producer_is_gone()
        })
    }
}

impl<const N: usize> Part<ByteRing<N, RobustFutex>> {
    /// A descriptor that is readable when there is a byte to read, or the producer closed or died.
    ///
    /// # Errors
    /// [`CoreError::Exhausted`](crate::CoreError::Exhausted) when there is no descriptor or no thread left.
    pub fn ready_fd(&self) -> Result<ReadyFd> {
        ReadyFd::start(self, ByteRing::consumers_bell, |ring| {
            !ring.is_empty() || ring.producer_is_gone()
        })
    }
}

impl<const N: usize> Part<MessageRing<N, RobustFutex>> {
    /// A descriptor that is readable when there is a message to receive, or the sender closed or
    /// died.
    ///
    /// # Errors
    /// [`CoreError::Exhausted`](crate::CoreError::Exhausted) when there is no descriptor or no thread left.
    pub fn ready_fd(&self) -> Result<ReadyFd> {
        ReadyFd::start(self, MessageRing::receivers_bell, |ring| {
            !ring.is_empty() || ring.sender_is_gone()
        })
    }
}

#[cfg(target_has_atomic = "64")]
impl<T: Item, const N: usize> Part<Queue<T, N, RobustFutex>> {
    /// A descriptor that is readable when there is a value to pop, or the queue has ended.
    ///
    /// # Errors
    /// [`CoreError::Exhausted`](crate::CoreError::Exhausted) when there is no descriptor or no thread left.
    pub fn ready_fd(&self) -> Result<ReadyFd> {
        ReadyFd::start(
            self,
            |queue| queue.consumers_bell(),
            |queue| !queue.is_empty() || queue.has_ended(),
        )
    }
}
