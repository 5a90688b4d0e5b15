//! Sleeping for tasks.

use super::{BellWord, Register, Spin, TimedOut, Wait, Wake, WakerSet};
use crate::finally::Finally;
use crate::sync::AtomicU32;
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
/// use ringway_core::ring::queue::Queue;
/// use ringway_core::wait::{Async, Spin};
/// use std::task::{Context, Poll, Waker};
/// static JOBS: Queue<u32, 16, Async<Spin, 4>> = Queue::new(); // four workers
/// let mut cx = Context::from_waker(Waker::noop());
/// assert!(JOBS.poll_pop(&mut cx).is_pending());
/// JOBS.try_push(1).unwrap();
/// assert_eq!(JOBS.poll_pop(&mut cx), Poll::Ready(Ok(1)));
/// ```
#[derive(Debug)]
pub struct Async<W = Spin, const TASKS: usize = 1> {
    tasks: WakerSet<TASKS>,
    inner: W,
}

impl<W: Wake, const TASKS: usize> Wake for Async<W, TASKS> {
    type Word = BellWord;

    #[cfg(not(loom))]
    const INIT: Self = Async { tasks: WakerSet::new(), inner: W::INIT };

    #[cfg(loom)]
    fn init() -> Self {
        Async { tasks: WakerSet::new(), inner: W::init() }
    }

    fn is_unwinding(&self) -> bool {
        self.inner.is_unwinding()
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        // The threads are woken also when a task's waker panics.
        let _threads = Finally(|| self.inner.wake(word, n));
        self.tasks.wake();
    }
}

impl<W: Wait, const TASKS: usize> Wait for Async<W, TASKS> {
    type Deadline = W::Deadline;

    fn spin_limit(&self) -> u32 {
        self.inner.spin_limit()
    }

    fn record_spin(&self, were_enough: bool) {
        self.inner.record_spin(were_enough);
    }

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Self::Deadline>,
    ) -> Result<(), TimedOut> {
        self.inner.wait(word, expected, deadline)
    }
}

impl<W: Wake, const TASKS: usize> Register for Async<W, TASKS> {
    fn register(&self, waker: &Waker) {
        self.tasks.register(waker);
    }
}
