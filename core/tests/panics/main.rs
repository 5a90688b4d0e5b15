//! Code of others that panics in the middle of ours: wakers, ways of sleeping, destructors,
//! handlers. Whatever it does, nothing is overwritten, turns pass on, each value is dropped once,
//! and the structure works afterwards.

#![cfg(not(loom))]

mod channels;
mod destructors;
mod locks;
mod rings;
mod signals;

use ringway_core::sync::AtomicU32;
use ringway_core::wait::{Async, BellWord, Doorbell, Spin, TimedOut, Wait, Wake, WakerCell};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

/// `work` panics, as it is meant to.
fn panics<R>(work: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err(), "nobody panicked");
}

/// A task whose waker panics.
struct Explosive;

impl std::task::Wake for Explosive {
    fn wake(self: Arc<Self>) {
        panic!("a waker");
    }
}

fn explosive() -> Waker {
    Waker::from(Arc::new(Explosive))
}

/// One that can be asked whether it was woken.
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

    /// Whether it was set; it is not afterwards.
    fn take(&self) -> bool {
        self.0.swap(0, Ordering::SeqCst) != 0
    }
}

/// Polls once, to leave `waker` where the event wakes it.
fn leave<R>(waker: &Waker, poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) {
    assert!(poll(&mut Context::from_waker(waker)).is_pending());
}

/// Sleeps never, and panics when it is to wake somebody, or to wait, once after it is armed; counts
/// the wake-ups.
#[derive(Debug, Default)]
struct Mine {
    is_armed: Flag,
    is_armed_for_waits: Flag,
    wakes: AtomicU64,
}

thread_local! {
    /// What the locks of this thread's test sleep on.
    static MINE: Cell<Option<&'static Mine>> = const { Cell::new(None) };
}

impl Mine {
    /// From now on, [`Here`] is this one.
    fn new() -> &'static Self {
        let mine = Box::leak(Box::new(Mine::default()));
        MINE.set(Some(mine));
        mine
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

/// The [`Mine`] of this thread.
#[derive(Debug)]
struct Here;

impl Wake for Here {
    type Word = BellWord;

    const INIT: Self = Here;

    fn wake(&self, _: &AtomicU32, _: u32) {
        let mine = MINE.get().unwrap();
        mine.wakes.fetch_add(1, Ordering::SeqCst);
        assert!(!mine.is_armed.take(), "a way of waking");
    }
}

impl Wait for Here {
    type Deadline = u32;

    fn wait(&self, _: &AtomicU32, _: u32, deadline: Option<u32>) -> Result<(), TimedOut> {
        assert!(!MINE.get().unwrap().is_armed_for_waits.take(), "a way of sleeping");
        // A deadline passes at once.
        if deadline.is_some() { Err(TimedOut) } else { Ok(()) }
    }
}

#[test]
fn threads_are_woken_also_when_the_waker_of_the_task_panics() {
    let threads = Mine::new();
    let bell = Doorbell::<Async<Here>>::new();
    leave(&explosive(), |cx| bell.poll_until(cx, || None::<()>));
    panics(|| bell.ring());
    assert_eq!(threads.wakes(), 1);
}

#[test]
fn a_task_stays_registered_also_when_the_one_that_it_replaces_panics() {
    let cell = WakerCell::new();
    let woken = Arc::new(Woken::default());
    cell.register(&explosive());
    panics(|| cell.register(&woken.clone().into()));
    assert!(!woken.is_woken());
    cell.wake();
    assert!(woken.is_woken());
}
