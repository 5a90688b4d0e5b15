//! The two explorers of the models, under one set of names: loom, and shuttle with `--cfg shuttle`.

#[cfg(not(shuttle))]
mod names {
    pub use loom::{cell, sync, thread_local};

    pub mod thread {
        pub use loom::thread::{JoinHandle, yield_now};

        /// Spawns a thread of the model, in the order that this run asks for.
        #[track_caller]
        pub fn spawn<R: 'static>(work: impl FnOnce() -> R + 'static) -> JoinHandle<R> {
            let place = super::super::next_in_order();
            let handle = loom::thread::spawn(move || {
                if place == super::super::Start::Later {
                    yield_now();
                }
                work()
            });
            if place == super::super::Start::First {
                yield_now();
            }
            handle
        }
    }
}

#[cfg(shuttle)]
mod names {
    pub use shuttle::{sync, thread_local};

    pub mod thread {
        #[allow(unused_imports)]
        pub use shuttle::thread::{JoinHandle, spawn, yield_now};
    }

    pub mod cell {
        /// A cell that nobody watches: loom checks that accesses are ordered.
        #[derive(Debug, Default)]
        pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

        // SAFETY: shuttle runs all threads of a model on one thread, and switches only between
        // accesses.
        unsafe impl<T> Sync for UnsafeCell<T> {}

        impl<T> UnsafeCell<T> {
            pub fn new(value: T) -> Self {
                UnsafeCell(core::cell::UnsafeCell::new(value))
            }

            pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
                f(self.0.get())
            }

            pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
                f(self.0.get())
            }
        }
    }
}

#[allow(unused_imports)]
pub use names::{cell, sync, thread, thread_local};

use std::cell::Cell;

/// How a spawned thread begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// In loom's order: the thread that spawned it goes on.
    AsItComes,
    /// Before all other threads.
    First,
    /// After the thread that is first.
    Later,
}

/// The counts of a model under exploration. Loom runs all threads of a model on one thread.
#[derive(Clone, Copy, Default)]
struct Run {
    /// The number of the spawned thread that begins; 0 for none.
    first: usize,
    /// How many threads this execution has spawned.
    spawned: usize,
    /// The most threads that an execution spawned.
    most: usize,
    executions: usize,
}

std::thread_local! {
    static RUN: Cell<Run> = const { Cell::new(Run { first: 0, spawned: 0, most: 0, executions: 0 }) };
}

fn next_in_order() -> Start {
    let mut run = RUN.get();
    run.spawned += 1;
    run.most = run.most.max(run.spawned);
    RUN.set(run);
    match run.first {
        0 => Start::AsItComes,
        first if first == run.spawned => Start::First,
        _ => Start::Later,
    }
}

/// Explores every interleaving that loom tells apart.
///
/// There are at most `preemptions` involuntary switches of threads (`None`: any number). This
/// explores the scenario once for each of its threads as the one that begins. Loom keeps only the
/// last access of a word, so a thread's write hides its earlier load. Which loads that hides
/// depends on the thread that begins.
///
/// Returns the number of executions, and the number of threads that began.
#[cfg(not(shuttle))]
pub fn explore(
    preemptions: Option<usize>,
    scenario: impl Fn() + Sync + Send + 'static,
) -> (usize, usize) {
    let scenario = std::sync::Arc::new(scenario);
    RUN.set(Run::default());
    loop {
        let mut builder = loom::model::Builder::new();
        if builder.preemption_bound.is_none() {
            builder.preemption_bound = preemptions;
        }
        let scenario = scenario.clone();
        builder.check(move || {
            let run = RUN.get();
            RUN.set(Run { spawned: 0, executions: run.executions + 1, ..run });
            scenario();
        });
        let run = RUN.get();
        if run.first == run.most {
            return (run.executions, run.most + 1);
        }
        RUN.set(Run { first: run.first + 1, ..run });
    }
}

/// Follows random schedules.
///
/// The seed is that of `SHUTTLE_SEED`, if it is set. A test that fails prints the seed.
#[cfg(shuttle)]
pub fn explore(_: Option<usize>, scenario: impl Fn() + Sync + Send + 'static) -> (usize, usize) {
    const SCHEDULES: usize = 10_000;
    let given = std::env::var("SHUTTLE_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
    let seed = given.unwrap_or_else(now);
    println!("SHUTTLE_SEED={seed}");
    let scheduler = shuttle::scheduler::RandomScheduler::new_from_seed(seed, SCHEDULES);
    // Shuttle would warn on each run that it takes every ordering for the strongest one. The core's
    // module `sync::shuttle` says so.
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    (shuttle::Runner::new(scheduler, config).run(scenario), 1)
}
