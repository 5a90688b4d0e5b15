//! Two threads take and give back, by a plain store. What was given back can be taken again, even
//! if another thread tries to take it at that moment.
//!
//! `tests/run no_cas` runs this where read-modify-write is a critical section. There another core's
//! store can come into the middle of the section. Before that was put right, a store was lost once
//! in some hundred thousand rounds.
#![cfg(not(loom))]

#[path = "../src/scaled.rs"]
mod scaled;

use ringway_core::lock::{BoundedSemaphore, RwLock};
use ringway_core::participant::Participant;
use ringway_core::ring::Ring;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::queue::Queue;
use ringway_core::signal::Table;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Spin;
use scaled::scaled;
use std::thread;

/// The attempts of each thread. Without compare-and-swap they take about a second.
const ROUNDS: usize = scaled(if cfg!(no_cas) { 3_000_000 } else { 100_000 });

/// Two threads `take` and give back in turn, for all rounds, or until something is lost. Asserts
/// that it can be taken when nobody holds it.
fn assert_can_be_taken_again<Held>(take: impl Fn(Participant) -> Option<Held> + Sync) {
    let is_lost = AtomicU32::new(0);
    let try_often = |me: Participant| {
        // An attempt fails only while the other thread holds it, which is never for long. So many
        // failures in a row mean that nobody holds it.
        let mut failed = 0_u32;
        for _ in 0..ROUNDS {
            let held = take(me);
            failed = if held.is_some() { 0 } else { failed + 1 };
            drop(held);
            if failed > 1000 {
                thread::yield_now();
                if failed > 100_000 || is_lost.load(Ordering::Relaxed) != 0 {
                    is_lost.store(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    };
    thread::scope(|s| {
        s.spawn(|| try_often(Participant::new(1).unwrap()));
        s.spawn(|| try_often(Participant::new(2).unwrap()));
    });
    assert!(
        take(Participant::new(3).unwrap()).is_some(),
        "both gave it back, and nobody can take it"
    );
}

#[test]
fn a_producers_half_can_be_taken_again() {
    let ring: Ring<u32, 1> = Ring::new();
    assert_can_be_taken_again(|me| ring.producer_as(me));
}

#[test]
fn a_consumers_half_can_be_taken_again() {
    let ring: Ring<u32, 1> = Ring::new();
    assert_can_be_taken_again(|me| ring.consumer_as(me));
}

#[test]
fn a_writers_half_can_be_taken_again() {
    let broadcast: Broadcast<u32, 2> = Broadcast::new();
    assert_can_be_taken_again(|me| broadcast.writer_as(me));
}

#[test]
fn a_queue_slot_can_be_taken_again() {
    let queue: Queue<u32, 1> = Queue::new();
    assert_can_be_taken_again(|me| queue.handle(me).try_reserve().ok().map(drop));
}

#[test]
fn the_only_reader_slot_can_be_taken_again() {
    let lock = RwLock::<_, 1, Spin>::new(());
    assert_can_be_taken_again(|_| lock.try_read().ok());
}

#[test]
fn a_permit_can_be_taken_again() {
    let permits = BoundedSemaphore::<1, Spin>::new();
    assert_can_be_taken_again(|_| permits.try_acquire().ok());
}

#[test]
fn a_dispatcher_can_be_taken_again() {
    let table = <Table<1, 0>>::new();
    assert_can_be_taken_again(|_| table.dispatcher());
}
