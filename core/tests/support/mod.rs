//! What the loom models share. Its ways of sleeping are ones that loom understands: a lost wake-up
//! becomes a deadlock, which loom reports.
#![cfg(loom)]
#![allow(dead_code)]

mod counted;
mod explorer;

#[allow(unused_imports)]
pub use explorer::{cell, sync, thread, thread_local};

use ringway_core::sync::{AtomicU32, Ordering};
pub use ringway_core::wait::ModelFutex;
use ringway_core::wait::{BellWord, Register, TimedOut, Wait, Wake};
use std::sync::Arc;
use std::task::Waker;
use sync::{Condvar, Mutex};

std::thread_local! {
    /// Whether the next wake-up is lost. Loom runs all threads of a model on one of the system's.
    static DIES: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A [`ModelFutex`], or another, that loses one wake-up: its sender died just before it.
#[derive(Debug)]
pub struct DyingFutex<F = ModelFutex>(F);

impl DyingFutex {
    /// Sets whether the next wake-up is lost.
    pub fn set_dies(dies: bool) {
        DIES.set(dies);
    }
}

impl<F: Wake> Wake for DyingFutex<F> {
    type Word = BellWord;

    fn init() -> Self {
        DyingFutex(F::init())
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        if !DIES.replace(false) {
            self.0.wake(word, n);
        }
    }
}

impl<F: Wait> Wait for DyingFutex<F> {
    type Deadline = F::Deadline;

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<F::Deadline>,
    ) -> Result<(), TimedOut> {
        self.0.wait(word, expected, deadline)
    }
}

impl<F: Register> Register for DyingFutex<F> {
    fn register(&self, word: &AtomicU32, expected: u32, waker: &Waker) {
        self.0.register(word, expected, waker);
    }
}

/// A futex on which tasks and threads sleep together, as in a region: a wake-up for one goes to one
/// of them. It goes to the task that registered first, if there is one, even if that one is gone.
#[derive(Debug, Default)]
pub struct TaskFutex {
    tasks: Mutex<Vec<Waker>>,
    threads: Condvar,
}

impl Wake for TaskFutex {
    type Word = BellWord;

    fn init() -> Self {
        TaskFutex::default()
    }

    fn wake(&self, _: &AtomicU32, n: u32) {
        let mut tasks = self.tasks.lock().unwrap();
        let count = tasks.len().min(n as usize);
        let due: Vec<_> = tasks.drain(..count).collect();
        drop(tasks);
        if n == u32::MAX {
            self.threads.notify_all();
        } else {
            (count..n as usize).for_each(|_| self.threads.notify_one());
        }
        due.into_iter().for_each(Waker::wake);
    }
}

impl Wait for TaskFutex {
    type Deadline = ();

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<()>) -> Result<(), TimedOut> {
        let guard = self.tasks.lock().unwrap();
        // Relaxed: the caller checks its condition after this.
        if word.load(Ordering::Relaxed) == expected {
            if deadline.is_some() {
                return Err(TimedOut);
            }
            drop(self.threads.wait(guard).unwrap());
        }
        Ok(())
    }
}

impl Register for TaskFutex {
    fn register(&self, word: &AtomicU32, expected: u32, waker: &Waker) {
        let mut tasks = self.tasks.lock().unwrap();
        // Relaxed: as in `wait`.
        if word.load(Ordering::Relaxed) != expected {
            drop(tasks);
            waker.wake_by_ref();
        } else if !tasks.iter().any(|known| known.will_wake(waker)) {
            tasks.push(waker.clone());
        }
    }

    fn pass_on(&self, word: &AtomicU32) {
        // Nobody knows which waker is the gone task's: the others check again.
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        tasks.into_iter().for_each(Waker::wake);
        self.wake(word, 1);
    }
}

/// A [`ModelFutex`] whose deadline passes at the moment of the wake-up.
///
/// A wait with a deadline sleeps until it is woken, and then returns `TimedOut`.
#[derive(Debug, Default)]
pub struct LateFutex(ModelFutex);

impl LateFutex {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Wake for LateFutex {
    type Word = BellWord;

    fn init() -> Self {
        LateFutex::new()
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        self.0.wake(word, n);
    }
}

impl Wait for LateFutex {
    type Deadline = ();

    fn wait(&self, word: &AtomicU32, expected: u32, deadline: Option<()>) -> Result<(), TimedOut> {
        self.0.wait(word, expected, None)?;
        if deadline.is_some() { Err(TimedOut) } else { Ok(()) }
    }
}

/// A task that one thread runs: its waker, and its sleep between two polls.
#[derive(Debug)]
pub struct Task {
    woken: Mutex<u32>,
    asleep: Condvar,
}

impl std::task::Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap() += 1;
        self.asleep.notify_one();
    }
}

impl Task {
    pub fn new() -> Arc<Self> {
        Arc::new(Task { woken: Mutex::new(0), asleep: Condvar::new() })
    }

    pub fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }

    /// Sleeps until the waker was used at least once since the last sleep.
    pub fn sleep(&self) {
        // A task that wakes itself until another side is done must let that side run.
        thread::yield_now();
        let mut woken = self.woken.lock().unwrap();
        while *woken == 0 {
            woken = self.asleep.wait(woken).unwrap();
        }
        *woken = 0;
    }

    /// How often the waker was used since the last sleep.
    pub fn woken(&self) -> u32 {
        *self.woken.lock().unwrap()
    }

    /// Polls `poll` with this task's waker until it is ready, sleeping in between.
    pub fn block_on<R>(
        self: &Arc<Self>,
        mut poll: impl FnMut(&mut core::task::Context<'_>) -> core::task::Poll<R>,
    ) -> R {
        let waker = self.waker();
        let mut cx = core::task::Context::from_waker(&waker);
        loop {
            if let core::task::Poll::Ready(answer) = poll(&mut cx) {
                return answer;
            }
            self.sleep();
        }
    }
}

/// Explores a scenario: see [`explorer::explore`].
///
/// Fails also when there was hardly anything to explore: a scenario whose threads do not meet shows
/// nothing.
#[track_caller]
pub fn model(preemptions: Option<usize>, scenario: impl Fn() + Sync + Send + 'static) {
    let file = std::path::Path::new(std::panic::Location::caller().file());
    let (executions, began) = explorer::explore(preemptions, scenario);
    let file = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    counted::check(file, executions, began);
}

/// A value that lives for one run of a model, so that the run can lend it to threads that it joins.
pub struct Place<T: 'static>(*mut T);

impl<T> Place<T> {
    pub fn new(value: T) -> Self {
        Place(Box::into_raw(Box::new(value)))
    }

    /// Lends the value. The borrow must end before the place is dropped: make the place first, and
    /// join every thread.
    pub fn get(&self) -> &'static T {
        // SAFETY: the value lives until the place is dropped. Every model makes its place first and
        // joins its threads, so that the drop comes last.
        unsafe { &*self.0 }
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        // In a model that failed, threads that were not joined still use the value.
        if !std::thread::panicking() {
            // SAFETY: `Box::into_raw` made the pointer, and every borrow has ended.
            drop(unsafe { Box::from_raw(self.0) });
        }
    }
}
