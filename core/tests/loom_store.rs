//! Models of words that a holder gives back by a plain store. There is one holder at a time, and
//! the word can be taken again, even if others tried to take it meanwhile.
//!
//! `tests/run no_cas` runs them where read-modify-write is a critical section. There another core's
//! store can come into the middle of the section.
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

/// Two threads, each as another participant, call `use_it`: it takes something, works with it and
/// gives it back. Afterwards a third participant can take it. `use_it` returns whether it got it.
fn assert_can_be_taken_again<S: Sync + 'static>(
    new: fn() -> S,
    use_it: fn(&S, Participant, work: &dyn Fn()) -> bool,
) {
    /// The structure, and a cell that belongs to the current holder.
    struct Shared<S>(S, UnsafeCell<()>);
    // SAFETY: only the current holder touches the cell; loom checks that.
    unsafe impl<S: Sync> Sync for Shared<S> {}

    model(Some(3), move || {
        let place = Place::new(Shared(new(), UnsafeCell::new(())));
        let shared = place.get();
        let try_once = move |number| {
            let me = Participant::new(number).unwrap();
            use_it(&shared.0, me, &|| shared.1.with_mut(|_| ()))
        };
        let other = thread::spawn(move || try_once(1));
        let took = try_once(2);
        assert!(other.join().unwrap() || took, "one of two finds it free");
        assert!(try_once(3), "given back, and taken by nobody");
    });
}

#[test]
fn a_producers_half_can_be_taken_again() {
    assert_can_be_taken_again(Ring::<u32, 1>::new, |ring, me, work| {
        ring.producer_as(me).map(|_held| work()).is_some()
    });
}

#[test]
fn a_consumers_half_can_be_taken_again() {
    assert_can_be_taken_again(Ring::<u32, 1>::new, |ring, me, work| {
        ring.consumer_as(me).map(|_held| work()).is_some()
    });
}

#[test]
fn a_writers_half_can_be_taken_again() {
    assert_can_be_taken_again(Broadcast::<u32, 2>::new, |broadcast, me, work| {
        broadcast.writer_as(me).map(|_held| work()).is_some()
    });
}

#[test]
fn the_only_reader_slot_can_be_taken_again() {
    assert_can_be_taken_again(
        || RwLock::<_, 1, Spin>::new(()),
        |lock, me, work| lock.handle(me).try_read().map(|_held| work()).is_ok(),
    );
}

#[test]
fn a_permit_can_be_taken_again() {
    assert_can_be_taken_again(
        || BoundedSemaphore::<1, Spin>::new(),
        |permits, me, work| permits.handle(me).try_acquire().map(|_held| work()).is_ok(),
    );
}

#[test]
fn a_dispatcher_can_be_taken_again() {
    assert_can_be_taken_again(Table::<1, 0>::new, |table, _, work| {
        table.dispatcher().map(|_held| work()).is_some()
    });
}
