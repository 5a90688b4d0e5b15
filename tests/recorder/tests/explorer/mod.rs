//! The explorers, under one set of names: loom, shuttle, or neither.

#[cfg(all(loom, not(shuttle)))]
mod chosen {
    pub use loom::{model, thread};
}

#[cfg(shuttle)]
mod chosen {
    pub use shuttle::thread;

    /// Follows 10000 random schedules. `SHUTTLE_RANDOM_SEED` is where they begin.
    pub fn model(scenario: impl Fn() + Send + Sync + 'static) {
        shuttle::check_random(scenario, 10_000);
    }
}

#[cfg(not(loom))]
mod chosen {
    pub use std::thread;

    /// Runs the scenario as it comes, many times.
    pub fn model(scenario: impl Fn()) {
        (0..1000).for_each(|_| scenario());
    }
}

pub use chosen::{model, thread};
#[cfg(not(loom))]
pub use ringway::wait::PrivateFutex as Futex;
#[cfg(loom)]
pub use ringway_core::wait::ModelFutex as Futex;
