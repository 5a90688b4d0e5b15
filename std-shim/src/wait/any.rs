//! Waiting for several sources at once, in a thread.

use super::futex::PrivateFutex;
use ringway_core::wait::{Doorbell, TimedOut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// A waker that wakes the thread in `wait_any`.
#[derive(Default)]
struct ThreadWaker {
    is_woken: AtomicBool,
    bell: Doorbell<PrivateFutex>,
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // SYNC POINT with the swap in `wait_any`, release: the woken thread sees what the waker's
        // caller published.
        self.is_woken.store(true, Ordering::Release);
        self.bell.ring();
    }
}

/// Sleeps until `poll` is ready, at most until `deadline` (`None`: for ever).
///
/// Use it to wait for several rings, queues, channels, signals and doorbells at once.
///
/// `poll` calls the `poll_` form of each source, which registers the thread's waker, and returns
/// the answer of the first one that has something. It is called at least once, and once more when
/// the deadline has passed. The structures need [`Async`](super::Async) as their `W`. To wait for
/// several parts of regions, whose other side is another process, use their descriptors: see
/// [`WaitSet`](crate::fd::WaitSet) and [`Part::ready_fd`](crate::shm::Part::ready_fd).
///
/// # Errors
/// [`TimedOut`] if the deadline has passed and `poll` is still not ready. Nothing was taken.
///
/// ```
/// use ringway::wait::{Async, PrivateFutex, wait_any};
/// use ringway::ring::queue::Queue;
/// use std::task::Poll;
///
/// static JOBS: Queue<u32, 8, Async<PrivateFutex>> = Queue::new();
/// static URGENT: Queue<u32, 8, Async<PrivateFutex>> = Queue::new();
///
/// std::thread::scope(|s| {
///     s.spawn(|| JOBS.push(7));
///     let job = wait_any(None, |cx| match URGENT.poll_pop(cx) {
///         Poll::Pending => JOBS.poll_pop(cx),
///         urgent => urgent,
///     });
///     assert_eq!(job, Ok(Ok(7)));
/// });
/// ```
#[doc(alias = "select")]
#[doc(alias = "block_on")]
pub fn wait_any<R>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Result<R, TimedOut> {
    let woken = Arc::new(ThreadWaker::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    let mut is_last = false;
    loop {
        if let Poll::Ready(answer) = poll(&mut cx) {
            return Ok(answer);
        }
        if is_last {
            return Err(TimedOut);
        }
        // SYNC POINT with the store in `wake_by_ref`, acquire.
        let look = || woken.is_woken.swap(false, Ordering::Acquire).then_some(());
        is_last = woken.bell.wait_until(deadline, look).is_err();
    }
}
