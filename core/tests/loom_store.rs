//! Models of words that are stored to plainly: one holder at a time, and what is given back can be taken again, whoever
//! tried to take it meanwhile.
//!
//! `tests/run no_cas` runs them where read-modify-write is a critical section, into which the store of another core can
//! come.
#![cfg(loom)]

mod support;

use ringway_core::lock::{BoundedSemaphore, RwLock};
use ringway_core::participant::Participant;
use ringway_core::ring::Ring;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::signal::Table;
use ringway_core::wait::Spin;
use support::cell::UnsafeCell;
use support::thread;
use support::{Place, model};

/// Two threads `take` and give back, each as another participant; afterwards a third can take.
fn can_be_taken_again<S: Sync + 'static, Held: 'static>(
    new: fn() -> S,
    take: fn(&'static S, Participant) -> Option<Held>,
) {
    /// What is taken, and what belongs to its holder.
    struct Shared<S>(S, UnsafeCell<()>);
    // SAFETY: the cell is the holder's, which loom checks.
    unsafe impl<S: Sync> Sync for Shared<S> {}

    model(Some(3), move || {
        let place = Place::new(Shared(new(), UnsafeCell::new(())));
        let shared = place.get();
        let try_once = move |number| {
            let held = take(&shared.0, Participant::new(number).unwrap());
            held.iter().for_each(|_| shared.1.with_mut(|_| ()));
            held.is_some()
        };
        let other = thread::spawn(move || try_once(1));
        let took = try_once(2);
        assert!(other.join().unwrap() || took, "one of two finds it free");
        assert!(try_once(3), "given back, and taken by nobody");
    });
}

#[test]
fn a_producers_half() {
    can_be_taken_again(Ring::<u32, 1>::new, |ring, me| ring.producer_as(me));
}

#[test]
fn a_consumers_half() {
    can_be_taken_again(Ring::<u32, 1>::new, |ring, me| ring.consumer_as(me));
}

#[test]
fn a_writers_half() {
    can_be_taken_again(Broadcast::<u32, 2>::new, |broadcast, me| broadcast.writer_as(me));
}

#[test]
fn the_only_place_of_a_reader() {
    can_be_taken_again(
        || RwLock::<_, 1, Spin>::new(()),
        |lock, me| lock.handle(me).try_read().ok().map(drop),
    );
}

#[test]
fn a_permit() {
    can_be_taken_again(
        || BoundedSemaphore::<1, Spin>::new(),
        |permits, me| permits.handle(me).try_acquire().map(drop),
    );
}

#[test]
fn a_signal_tables_dispatcher() {
    can_be_taken_again(Table::<1, 0>::new, |table, _| table.dispatcher());
}
