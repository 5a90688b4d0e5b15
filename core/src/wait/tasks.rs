//! Sleeping for tasks: [`Async`].

use super::how::{BellWord, Register, TimedOut, Wait, Wake};
use super::set::WakerSet;
use super::spin::Nobody;
use crate::finally::Finally;
use crate::sync::{AtomicU32, Ordering};
use core::task::Waker;

/// Sleeping for tasks, and also for threads if the inner `W` can sleep.
///
/// Up to `TASKS` tasks can sleep on each doorbell at a time. [`WakerSet`] says what happens with
/// one more. A ring of values has one consumer and one producer, hence one task on each doorbell.
/// There may be more at a [`Queue`](crate::ring::queue::Queue), a
/// [`Broadcast`](crate::ring::broadcast::Broadcast) or a [`Latest`](crate::ring::latest::Latest),
/// and at channels whose ends several tasks use.
///
/// With [`Nobody`] as its `W`, the default, only tasks sleep, and the structure has no blocking
/// forms:
///
/// ```compile_fail,E0277
/// use ringway_core::ring::Ring;
/// use ringway_core::wait::Async;
/// let mut ring = Ring::<u8, 4, Async>::new();
/// let (_producer, mut consumer) = ring.split();
/// consumer.pop(); // would block the executor
/// ```
///
/// The wakers are pointers. So use it only in the memory of one program, never in a region that
/// processes share.
///
/// ```
/// use ringway_core::ring::queue::Queue;
/// use ringway_core::wait::{Async, Nobody};
/// use std::task::{Context, Poll, Waker};
/// static JOBS: Queue<u32, 16, Async<Nobody, 4>> = Queue::new(); // four workers
/// let mut cx = Context::from_waker(Waker::noop());
/// assert!(JOBS.poll_pop(&mut cx).is_pending());
/// JOBS.try_push(1).unwrap();
/// assert_eq!(JOBS.poll_pop(&mut cx), Poll::Ready(Ok(1)));
/// ```
#[derive(Debug)]
pub struct Async<W = Nobody, const TASKS: usize = 1> {
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
        // Wake the threads even if a task's waker panics.
        let _threads = Finally(|| self.inner.wake(word, n));
        self.tasks.wake();
    }

    fn spin_limit(&self) -> u32 {
        self.inner.spin_limit()
    }

    fn record_spin(&self, were_enough: bool) {
        self.inner.record_spin(were_enough);
    }
}

impl<W: Wait, const TASKS: usize> Wait for Async<W, TASKS> {
    type Deadline = W::Deadline;

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
    fn register(&self, word: &AtomicU32, expected: u32, waker: &Waker) {
        self.tasks.register(waker);
        // Relaxed: the side that changes the word wakes the tasks next. If it finds the waker, it
        // wakes this task. Otherwise it came before the registration, which acquired the change
        // (see `WakerCell`), so that this load sees it.
        if word.load(Ordering::Relaxed) != expected {
            waker.wake_by_ref();
        }
    }
}
