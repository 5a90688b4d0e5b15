//! The conformance suite: every case on every transport. See `ringway_tests::conformance`.
//!
//! The transports that can be awaited are in it once more for each runtime: `tokio::pipe`,
//! `tokio_threads::pipe`, `smol::pipe`, `by_hand::pipe`. Each of their operations is a task.

mod awaited;
mod by_hand;
mod descriptors;
mod memory;
mod regions;
mod runtime;

use runtime::{ByHand, Smol, TokioOneThread, TokioThreads};

fn main() -> std::process::ExitCode {
    let transports = awaited::transports::<TokioOneThread>("tokio", 0)
        .chain(awaited::transports::<TokioThreads>("tokio_threads", 1))
        .chain(awaited::transports::<Smol>("smol", 2))
        .chain(awaited::transports::<ByHand>("by_hand", 3));
    ringway_tests::conformance::harness::main(transports.collect())
}
