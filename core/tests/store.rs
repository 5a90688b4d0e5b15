//! What is given back by a plain store can be taken again, whoever tries to take it at the same
//! moment: on two threads.
//!
//! `tests/run no_cas` runs this where read-modify-write is a critical section, into which the store
//! of another core can come. There a store was lost once in some hundred thousand rounds.
#![cfg(not(loom))]

use ringway_core::lock::{BoundedSemaphore, RwLock};
use ringway_core::participant::Participant;
use ringway_core::ring::Ring;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::queue::Queue;
use ringway_core::signal::Table;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Spin;
use std::thread;

/// How often each thread tries. Without compare-and-swap that takes about a second.
const ROUNDS: u32 = if cfg!(no_cas) { 3_000_000 } else { 100_000 };

/// Two threads `take` and give back over and over, until one is lost or they are through. What
/// nobody holds can be taken.
fn can_always_be_taken_again<Held>(take: impl Fn(Participant) -> Option<Held> + Sync) {
    let is_lost = AtomicU32::new(0);
    let try_often = |me: Participant| {
        // Fails only while the other holds it, which is never for long; so many times on end mean
        // that nobody does.
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
        "given back by both, and nobody can take it"
    );
}

#[test]
fn a_producers_half() {
    let ring: Ring<u32, 1> = Ring::new();
    can_always_be_taken_again(|me| ring.producer_as(me));
}

#[test]
fn a_consumers_half() {
    let ring: Ring<u32, 1> = Ring::new();
    can_always_be_taken_again(|me| ring.consumer_as(me));
}

#[test]
fn a_writers_half() {
    let broadcast: Broadcast<u32, 2> = Broadcast::new();
    can_always_be_taken_again(|me| broadcast.writer_as(me));
}

#[test]
fn a_slot_of_a_queue() {
    let queue: Queue<u32, 1> = Queue::new();
    can_always_be_taken_again(|me| queue.handle(me).try_reserve().ok().map(drop));
}

#[test]
fn the_only_place_of_a_reader() {
    let lock = RwLock::<_, 1, Spin>::new(());
    can_always_be_taken_again(|_| lock.try_read().ok());
}

#[test]
fn a_permit() {
    let permits = BoundedSemaphore::<1, Spin>::new();
    can_always_be_taken_again(|_| permits.try_acquire().ok());
}

#[test]
fn a_signal_tables_dispatcher() {
    let table = <Table<1, 0>>::new();
    can_always_be_taken_again(|_| table.dispatcher());
}
