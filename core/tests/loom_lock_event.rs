//! Models of the event: no waiter misses that it was set, however soon it is cleared.
#![cfg(loom)]

mod support;

use ringway_core::lock::Event;
use ringway_core::sync::{AtomicU32, Ordering};
use support::cell::UnsafeCell;
use support::sync::Arc;
use support::thread;
use support::{ModelFutex, model};

fn shared() -> Arc<(Event<ModelFutex>, AtomicU32)> {
    Arc::new((Event::<ModelFutex>::new(), AtomicU32::new(0)))
}

#[test]
fn a_waiter_sees_what_was_done_before_set() {
    model(None, || {
        let shared = shared();
        let setter = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(7, Ordering::Relaxed);
                shared.0.set();
            })
        };
        shared.0.wait();
        assert_eq!(shared.1.load(Ordering::Relaxed), 7);
        setter.join().unwrap();
    });
}

#[test]
fn is_set_shows_what_was_done_before_set() {
    model(None, || {
        let shared = Arc::new((Event::<ModelFutex>::new(), UnsafeCell::new(0)));
        // The main thread sets it, not the spawned one, so that the event is set in loom's first
        // run.
        let looker = {
            let shared = shared.clone();
            thread::spawn(move || {
                if shared.0.is_set() {
                    // SAFETY: the other thread wrote it before it set the event; loom checks it.
                    assert_eq!(shared.1.with(|value| unsafe { *value }), 7);
                }
            })
        };
        // SAFETY: the other thread reads it only after the event is set; loom checks it.
        shared.1.with_mut(|value| unsafe { *value = 7 });
        shared.0.set();
        looker.join().unwrap();
    });
}

#[test]
fn it_is_found_set_by_one_that_comes_late() {
    model(None, || {
        let shared = shared();
        let setter = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(7, Ordering::Relaxed);
                shared.0.set();
            })
        };
        // A check that does not wait.
        if shared.0.wait_deadline(Some(())).is_ok() {
            assert_eq!(shared.1.load(Ordering::Relaxed), 7);
        }
        setter.join().unwrap();
    });
}

#[test]
fn two_waiters_return_despite_repeated_clears() {
    model(Some(2), || {
        let shared = shared();
        let waiters = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.0.wait();
                assert_eq!(shared.1.load(Ordering::Relaxed), 7);
            })
        });
        shared.1.store(7, Ordering::Relaxed);
        shared.0.set();
        shared.0.clear();
        // For a waiter that came after the event was set.
        shared.0.set();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn two_that_set_it_are_both_seen() {
    model(Some(3), || {
        let shared = shared();
        let setter = {
            let shared = shared.clone();
            thread::spawn(move || shared.0.set())
        };
        shared.1.store(7, Ordering::Relaxed);
        shared.0.set();
        shared.0.wait();
        setter.join().unwrap();
        assert!(shared.0.is_set());
    });
}
