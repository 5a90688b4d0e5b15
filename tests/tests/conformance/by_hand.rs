//! An executor with one thread, written by hand: a queue of tasks and a list of timers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

struct Task(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        state().woken.push_back(self);
        CHANGED.notify_one();
    }
}

struct State {
    woken: VecDeque<Arc<Task>>,
    timers: Vec<(Instant, Waker)>,
}

static STATE: Mutex<State> = Mutex::new(State { woken: VecDeque::new(), timers: Vec::new() });
static CHANGED: Condvar = Condvar::new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state() -> MutexGuard<'static, State> {
    lock(&STATE)
}

/// Starts the thread, which stays.
pub fn start() {
    let thread = thread::Builder::new().name("by-hand".into());
    thread.spawn(work).expect("a thread can be started");
}

fn work() {
    loop {
        let mut state = state();
        let now = Instant::now();
        let due: Vec<_> = state.timers.extract_if(.., |(at, _)| *at <= now).collect();
        if let Some(task) = state.woken.pop_front() {
            drop(state);
            due.into_iter().for_each(|(_, waker)| waker.wake());
            poll(&task);
        } else if !due.is_empty() {
            drop(state);
            due.into_iter().for_each(|(_, waker)| waker.wake());
        } else {
            match state.timers.iter().map(|(at, _)| *at).min() {
                Some(at) => drop(CHANGED.wait_timeout(state, at - now)),
                None => drop(CHANGED.wait(state)),
            }
        }
    }
}

fn poll(task: &Arc<Task>) {
    let mut future = lock(&task.0);
    let waker = Waker::from(task.clone());
    let answer = future.as_mut().map(|it| it.as_mut().poll(&mut Context::from_waker(&waker)));
    if answer == Some(Poll::Ready(())) {
        *future = None;
    }
}

/// Runs a task on the thread, and waits for its end.
pub fn run<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
    let (give, take) = mpsc::channel();
    let task = async move { give.send(task.await).expect("somebody waits for it") };
    Arc::new(Task(Mutex::new(Some(Box::pin(task))))).wake();
    take.recv().expect("no task panics")
}

/// Awaits the future until the deadline, and then drops it.
pub async fn until<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if Instant::now() >= deadline => Poll::Ready(None),
        Poll::Pending => {
            state().timers.push((deadline, cx.waker().clone()));
            Poll::Pending
        }
    })
    .await
}
