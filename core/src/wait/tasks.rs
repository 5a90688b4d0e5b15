//! Sleeping for tasks.

use super::{Register, Spin, TimedOut, Wait, WakerSet};
use crate::finally::Finally;
use crate::sync::{AtomicU32, const_unless_loom};
use core::task::Waker;

/// Sleeping for tasks and for threads at once: a [`WakerSet`] around another way of sleeping.
///
/// One task at a time sleeps on each doorbell, or as many as `TASKS` says; threads besides, any number. What happens with one
/// more: see [`WakerSet`]. A ring of values has one consumer and one producer, hence one task on each bell. At a
/// [`Queue`](crate::ring::queue::Queue), a [`Broadcast`](crate::ring::broadcast::Broadcast) or a
/// [`Latest`](crate::ring::latest::Latest), and at channels whose ends several tasks use, there may be more.
///
/// The wakers are pointers, so that this way of sleeping belongs in one program's memory, never in a region that
/// processes share.
///
/// ```
/// use ringway_core::wait::{Async, Doorbell, Spin};
/// use std::task::{Context, Poll, Waker};
/// let bell = Doorbell::new(Async::new(Spin));
/// let mut cx = Context::from_waker(Waker::noop());
/// assert!(bell.poll_until(&mut cx, || None::<()>).is_pending());
/// assert_eq!(bell.poll_until(&mut cx, || Some(1)), Poll::Ready(1));
/// ```
#[derive(Debug, Default)]
pub struct Async<W = Spin, const TASKS: usize = 1> {
    tasks: WakerSet<TASKS>,
    inner: W,
}

impl<W> Async<W> {
    const_unless_loom! {
        /// Adds a task to those who can sleep as `inner` says.
        pub fn new(inner: W) -> Self {
            Async::with_tasks(inner)
        }
    }
}

impl<W, const TASKS: usize> Async<W, TASKS> {
    const_unless_loom! {
        /// Adds `TASKS` tasks to those who can sleep as `inner` says.
        ///
        /// ```
        /// use ringway_core::ring::queue::Queue;
        /// use ringway_core::wait::{Async, Doorbell, Spin};
        /// type Bell = Doorbell<Async<Spin, 4>>;
        /// const BELL: Bell = Doorbell::new(Async::with_tasks(Spin));
        /// static JOBS: Queue<u32, 16, Bell> = Queue::with_bells(BELL, BELL); // four workers
        /// assert!(JOBS.try_pop().is_none());
        /// ```
        pub fn with_tasks(inner: W) -> Self {
            Async { tasks: WakerSet::new(), inner }
        }
    }
}

impl<W: Wait, const TASKS: usize> Wait for Async<W, TASKS> {
    type Deadline = W::Deadline;

    fn looks(&self) -> u32 {
        self.inner.looks()
    }

    fn learn(&self, were_enough: bool) {
        self.inner.learn(were_enough);
    }

    fn is_unwinding(&self) -> bool {
        self.inner.is_unwinding()
    }

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Self::Deadline>,
    ) -> Result<(), TimedOut> {
        self.inner.wait(word, expected, deadline)
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        // The threads are woken also when a task's waker panics.
        let _threads = Finally(|| self.inner.wake(word, n));
        self.tasks.wake();
    }
}

impl<W: Wait, const TASKS: usize> Register for Async<W, TASKS> {
    fn register(&self, waker: &Waker) {
        self.tasks.register(waker);
    }
}
