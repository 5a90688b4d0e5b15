//! Foreign code that panics in the middle of the library's: wakers, sleepers, destructors,
//! handlers.
//!
//! Whatever it does, nothing is overwritten, turns pass on, each value is dropped once, and the
//! structure works afterwards.

#![cfg(not(loom))]

mod channels;
mod destructors;
mod locks;
mod rings;
mod signals;

use ringway_core::sync::AtomicU32;
use ringway_core::wait::{Async, BellWord, Doorbell, Spin, TimedOut, Wait, Wake, WakerCell};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

/// Asserts that `work` panics.
fn panics<R>(work: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err(), "nobody panicked");
}

/// A waker that panics when it wakes its task.
struct PanickingWaker;

impl std::task::Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("a waker");
    }
}

fn panicking_waker() -> Waker {
    Waker::from(Arc::new(PanickingWaker))
}

/// A waker that remembers whether it was woken.
#[derive(Default)]
struct Woken(Flag);

impl Woken {
    fn is_woken(&self) -> bool {
        self.0.take()
    }
}

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.set();
    }
}

#[derive(Debug, Default)]
struct Flag(AtomicU64);

impl Flag {
    const fn new() -> Self {
        Flag(AtomicU64::new(0))
    }

    fn set(&self) {
        self.0.store(1, Ordering::SeqCst);
    }

    /// Whether it was set; clears it.
    fn take(&self) -> bool {
        self.0.swap(0, Ordering::SeqCst) != 0
    }
}

/// Polls once, so that the event at hand will wake `waker`.
fn leave<R>(waker: &Waker, poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) {
    assert!(poll(&mut Context::from_waker(waker)).is_pending());
}

/// A sleeper that never sleeps, counts its wake-ups, and panics when it is armed.
///
/// It panics once after each arming: at the next wake-up or at the next wait.
#[derive(Debug, Default)]
struct Sleeper {
    is_armed: Flag,
    is_armed_for_waits: Flag,
    wakes: AtomicU64,
}

thread_local! {
    /// The sleeper that the locks of this thread's test use.
    static SLEEPER: RefCell<Arc<Sleeper>> = RefCell::default();
}

impl Sleeper {
    /// Makes a new sleeper, which [`ThreadSleeper`] uses on this thread from now on.
    fn new() -> Arc<Self> {
        let sleeper = Arc::new(Sleeper::default());
        SLEEPER.set(sleeper.clone());
        sleeper
    }

    fn arm(&self) {
        self.is_armed.set();
    }

    fn arm_for_waits(&self) {
        self.is_armed_for_waits.set();
    }

    fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::SeqCst)
    }
}

/// Sleeps and wakes by the [`Sleeper`] of this thread.
#[derive(Debug)]
struct ThreadSleeper;

impl Wake for ThreadSleeper {
    type Word = BellWord;

    const INIT: Self = ThreadSleeper;

    fn wake(&self, _: &AtomicU32, _: u32) {
        let sleeper = SLEEPER.with_borrow(Arc::clone);
        sleeper.wakes.fetch_add(1, Ordering::SeqCst);
        assert!(!sleeper.is_armed.take(), "a way of waking");
    }
}

impl Wait for ThreadSleeper {
    type Deadline = u32;

    fn wait(&self, _: &AtomicU32, _: u32, deadline: Option<u32>) -> Result<(), TimedOut> {
        let sleeper = SLEEPER.with_borrow(Arc::clone);
        assert!(!sleeper.is_armed_for_waits.take(), "a way of sleeping");
        // Any deadline has passed already.
        if deadline.is_some() { Err(TimedOut) } else { Ok(()) }
    }
}

#[test]
fn bell_wakes_threads_when_a_task_waker_panics() {
    let threads = Sleeper::new();
    let bell = Doorbell::<Async<ThreadSleeper>>::new();
    leave(&panicking_waker(), |cx| bell.poll_until(cx, || None::<()>));
    panics(|| bell.ring());
    assert_eq!(threads.wakes(), 1);
}

#[test]
fn task_stays_registered_when_replaced_waker_panics() {
    let cell = WakerCell::new();
    let woken = Arc::new(Woken::default());
    cell.register(&panicking_waker());
    panics(|| cell.register(&woken.clone().into()));
    assert!(!woken.is_woken());
    cell.wake();
    assert!(woken.is_woken());
}
