//! The runtimes: how each runs a task, waits with a deadline, and watches an end of the system.

use crate::by_hand;
use async_executor::Executor;
use async_io::Timer;
use ringway::{Result, task};
use std::future::poll_fn;
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Instant;
use tokio::runtime::{self, Builder};

/// A runtime. Threads of the suite have their tasks run by it, and block until these end.
pub trait Runtime: Send + Sync + 'static {
    /// What evidence calls it.
    const NAME: &'static str;

    /// Whether an end is tried before the runtime knows that it is ready.
    const TRIES_FIRST: bool;

    /// An end of the system that it watches.
    type Watched<T: AsFd + Send + Sync + 'static>: Watched<T>;

    /// Starts its threads and opens its descriptors, which stay.
    fn start();

    /// Runs a task to its end.
    fn run<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T;

    /// Awaits the future until the deadline, and then drops it.
    fn until<T: Send>(
        deadline: Instant,
        future: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Option<T>> + Send;
}

/// An end of the system that a runtime watches.
pub trait Watched<T>: Sized + Send + Sync + 'static {
    fn new(end: T) -> Result<Self>;

    fn end(&self) -> &T;

    fn read_with<R>(
        &self,
        attempt: impl FnMut(&T) -> Result<R> + Send,
    ) -> impl Future<Output = Result<R>> + Send;

    fn write_with<R>(
        &self,
        attempt: impl FnMut(&T) -> Result<R> + Send,
    ) -> impl Future<Output = Result<R>> + Send;
}

macro_rules! watched {
    ($Watched:ident, $inside:expr) => {
        impl<T: AsFd + Send + Sync + 'static> Watched<T> for task::$Watched<T> {
            fn new(end: T) -> Result<Self> {
                let _inside = $inside;
                task::$Watched::new(end)
            }

            fn end(&self) -> &T {
                self.get_ref()
            }

            async fn read_with<R>(&self, attempt: impl FnMut(&T) -> Result<R> + Send) -> Result<R> {
                self.read_with(attempt).await
            }

            async fn write_with<R>(
                &self,
                attempt: impl FnMut(&T) -> Result<R> + Send,
            ) -> Result<R> {
                self.write_with(attempt).await
            }
        }
    };
}

watched!(Tokio, tokio().enter());
watched!(Smol, ());

static TOKIO: OnceLock<runtime::Runtime> = OnceLock::new();

fn tokio() -> &'static runtime::Runtime {
    TOKIO.get().expect("it was started")
}

fn start_tokio(builder: &mut Builder) {
    let runtime = builder.enable_all().build().expect("a runtime can be made");
    TOKIO.set(runtime).expect("a process has one");
}

async fn until_by_tokio<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout_at(deadline.into(), future).await.ok()
}

/// Tokio in the thread that waits for the task.
pub struct TokioOneThread;

impl Runtime for TokioOneThread {
    const NAME: &'static str = "tokio current-thread";

    const TRIES_FIRST: bool = false;

    type Watched<T: AsFd + Send + Sync + 'static> = task::Tokio<T>;

    fn start() {
        start_tokio(&mut Builder::new_current_thread());
    }

    fn run<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
        tokio().block_on(task)
    }

    fn until<T: Send>(
        deadline: Instant,
        future: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Option<T>> + Send {
        until_by_tokio(deadline, future)
    }
}

/// Tokio with two threads of its own.
pub struct TokioThreads;

impl Runtime for TokioThreads {
    const NAME: &'static str = "tokio multi-thread";

    const TRIES_FIRST: bool = false;

    type Watched<T: AsFd + Send + Sync + 'static> = task::Tokio<T>;

    fn start() {
        start_tokio(Builder::new_multi_thread().worker_threads(2));
    }

    fn run<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
        tokio().block_on(tokio().spawn(task)).expect("no task panics")
    }

    fn until<T: Send>(
        deadline: Instant,
        future: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Option<T>> + Send {
        until_by_tokio(deadline, future)
    }
}

/// Smol's executor and reactor. Each thread that waits for a task runs those of all.
pub struct Smol;

static EXECUTOR: Executor<'static> = Executor::new();

impl Runtime for Smol {
    const NAME: &'static str = "smol";

    const TRIES_FIRST: bool = true;

    type Watched<T: AsFd + Send + Sync + 'static> = task::Smol<T>;

    fn start() {
        // The first end that it watches starts the reactor and its thread.
        let (reader, _writer) = ringway::pipe::pipe().expect("a pipe can be made");
        drop(task::Smol::new(reader).expect("the reactor can be started"));
    }

    fn run<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
        async_io::block_on(EXECUTOR.run(EXECUTOR.spawn(task)))
    }

    async fn until<T: Send>(
        deadline: Instant,
        future: impl Future<Output = T> + Send,
    ) -> Option<T> {
        let (mut future, mut timer) = (pin!(future), Timer::at(deadline));
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => Pin::new(&mut timer).poll(cx).map(|_| None),
        })
        .await
    }
}

/// An executor written by hand, which shows that nothing here asks for a known one.
pub struct ByHand;

impl Runtime for ByHand {
    const NAME: &'static str = "hand-written executor";

    const TRIES_FIRST: bool = true;

    type Watched<T: AsFd + Send + Sync + 'static> = task::Smol<T>;

    fn start() {
        Smol::start();
        by_hand::start();
    }

    fn run<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> T {
        by_hand::run(task)
    }

    fn until<T: Send>(
        deadline: Instant,
        future: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Option<T>> + Send {
        by_hand::until(deadline, future)
    }
}
