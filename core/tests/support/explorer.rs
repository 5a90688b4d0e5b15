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
        /// Nobody watches it: that accesses are ordered is loom's to see.
        #[derive(Debug, Default)]
        pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

        // SAFETY: shuttle runs all threads of a model on one, and none is preempted in an access.
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
    /// As loom has it: the thread that spawned it goes on.
    AsItComes,
    /// Before all others.
    First,
    /// After the one that is first.
    Later,
}

/// What is counted while loom explores a model, all of whose threads it runs on one.
#[derive(Clone, Copy, Default)]
struct Run {
    /// Which of the spawned threads begins; 0 for none.
    first: usize,
    /// How many this execution has spawned.
    spawned: usize,
    /// The most that an execution spawned.
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

/// Explores every interleaving that loom tells apart, with at most `preemptions` involuntary
/// switches of threads (`None`: any number). Once for each thread of the model as the one that
/// begins: loom keeps only the last access of a word, so that what one thread looked at is hidden
/// behind what it then wrote, and which threads that hides depends on who begins.
///
/// Returns how many executions there were, and how many threads began.
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

/// Follows random schedules; the seed is printed when one of them fails, and taken from
/// `SHUTTLE_SEED` where that is set.
#[cfg(shuttle)]
pub fn explore(_: Option<usize>, scenario: impl Fn() + Sync + Send + 'static) -> (usize, usize) {
    const SCHEDULES: usize = 10_000;
    let given = std::env::var("SHUTTLE_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
    let seed = given.unwrap_or_else(now);
    println!("SHUTTLE_SEED={seed}");
    let scheduler = shuttle::scheduler::RandomScheduler::new_from_seed(seed, SCHEDULES);
    // It would say on each run what the module `sync::shuttle` of the core says.
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    (shuttle::Runner::new(scheduler, config).run(scenario), 1)
}
