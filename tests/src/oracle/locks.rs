//! The locks against simple models: three participants of one thread take, wait, give up, panic and
//! die.
//!
//! A participant waits as a task, which the bytes poll. Whatever happens, the lock answers as its
//! model does, and one of those that wait is woken when it could go on.

mod barrier;
mod event;
mod mutex;
mod reentrant;
mod rwlock;
mod semaphore;

use super::Choices;
use super::alone::{Late, participant};
use ringway_core::Error;
use ringway_core::lock::{LockError, LockResult, OwnerDied, TryLockResult};
use ringway_core::participant::Participant;
use ringway_core::wait::Async;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// Runs one sequence on one kind of lock.
pub fn locks(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(7) {
        Some(0) => mutex::run(&mut choices),
        Some(1) => rwlock::run(&mut choices),
        Some(2) => reentrant::run(&mut choices),
        Some(3) => semaphore::run(&mut choices),
        Some(4) => semaphore::run_bounded(&mut choices),
        Some(5) => event::run(&mut choices),
        Some(6) => barrier::run(&mut choices),
        _ => {}
    }
}

const PEOPLE: usize = 3;

/// The participant at `index`.
fn person(index: usize) -> Participant {
    participant(index as u16 + 1)
}

/// A way to wait: a deadline is always past, and tasks are woken.
type Waits = Async<Late, PEOPLE>;

/// A deadline that is past.
const LATE: Option<()> = Some(());

/// Notes that the task was woken.
struct Woken(AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        // Relaxed: one thread does everything.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a participant waits for.
struct Task<'a, T> {
    /// `None` once it has ended.
    future: Option<Box<ManuallyDrop<dyn Future<Output = T> + Unpin + 'a>>>,
    woken: Arc<Woken>,
}

impl<'a, T> Task<'a, T> {
    fn new(future: impl Future<Output = T> + Unpin + 'a) -> Self {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        Task { future: Some(Box::new(ManuallyDrop::new(future))), woken }
    }

    /// Polls; the answer, unless it still waits.
    fn poll(&mut self) -> Option<T> {
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.woken));
        match Pin::new(&mut ***self.future.as_mut()?).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }

    /// Ends as with its process: nothing is given back.
    fn die(mut self) {
        // The memory goes, so that no test leaks; what lies in it is not dropped.
        drop(self.future.take());
    }
}

impl<T> Drop for Task<'_, T> {
    fn drop(&mut self) {
        if let Some(mut future) = self.future.take() {
            // SAFETY: the future was taken, so that nothing uses it after this.
            unsafe { ManuallyDrop::drop(&mut future) };
        }
    }
}

/// Ends the task, if there is one, as with its process.
fn die<T>(task: Option<Task<'_, T>>) {
    if let Some(task) = task {
        task.die();
    }
}

/// Drops `value` by a panic, which ends here.
fn panic_with(value: impl Sized) {
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _value = value;
        // Not `panic!`: a fuzzer takes that for a failure.
        resume_unwind(Box::new("on purpose"))
    }));
    assert!(panic.is_err());
}

/// What a form without a wait found, if it took the lock; `why` is its error if it did not.
fn taken<G>(answer: TryLockResult<G>, died: bool, why: Error) -> Option<G> {
    match answer {
        Ok(guard) => Some(after_wait(Ok(guard), died)),
        Err(LockError::OwnerDied(dead)) => Some(after_wait(Err(dead), died)),
        Err(LockError::NotTaken(error)) => {
            assert_eq!(error, why);
            None
        }
    }
}

/// The guard of a form that waits; checks whether it tells of a death.
fn after_wait<G>(answer: LockResult<G>, died: bool) -> G {
    match answer {
        Ok(guard) => {
            assert!(!died, "nobody told of the death");
            guard
        }
        Err(OwnerDied(guard)) => {
            assert!(died, "nobody died");
            guard
        }
    }
}

/// Asserts that one of these is woken, if there are any.
fn assert_one_is_woken<'t, 'a: 't, T: 't>(tasks: impl IntoIterator<Item = &'t Task<'a, T>>) {
    let mut tasks = tasks.into_iter().peekable();
    assert!(tasks.peek().is_none() || tasks.any(Task::is_woken), "nobody is woken");
}
