//! A loom model of your own: it tries every interleaving of two threads that use a ring.
//!
//! ```text
//! cargo run -p ringway-core --example model                          # once
//! RUSTFLAGS="--cfg loom" cargo run -p ringway-core --example model   # in every interleaving
//! ```
//!
//! In a crate of your own, `loom` is a dependency under `cfg(loom)`, and Ringway's structures use
//! its atomics by themselves: docs/model-checking.md.

#[cfg(loom)]
use loom::{model, sync::Arc, thread};
use ringway_core::ring::Ring;
#[cfg(not(loom))]
use std::{sync::Arc, thread};

/// The scenario: a value that is pushed arrives, or the ring is still empty.
fn a_value_arrives_once() {
    let ring = Arc::new(Ring::<u32, 1>::new());
    let producer = {
        let ring = ring.clone();
        thread::spawn(move || {
            let mut producer = ring.producer().expect("nobody else takes it");
            producer.try_push(7).expect("the ring is empty");
        })
    };
    let mut consumer = ring.consumer().expect("nobody else takes it");
    let early = consumer.try_pop();
    assert!(early.is_none() || early == Some(7));
    producer.join().expect("no panic");
    let late = consumer.try_pop();
    assert_eq!(early.or(late), Some(7));
    assert_ne!(early, late, "once");
}

fn main() {
    #[cfg(loom)]
    model(a_value_arrives_once);
    #[cfg(not(loom))]
    a_value_arrives_once();
    println!("a value arrives once");
}
