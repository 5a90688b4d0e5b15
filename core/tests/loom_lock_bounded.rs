//! Models of the bounded semaphore: a permit has one holder at a time, nobody sleeps while a permit
//! is free, and recovery gives back the permits of the dead.
#![cfg(loom)]

mod support;

use ringway_core::lock::BoundedSemaphore;
use ringway_core::participant::Participant;
use support::cell::UnsafeCell;
use support::sync::Arc;
use support::thread;
use support::{ModelFutex, model};

/// A semaphore of one permit, and a value that only its holder accesses.
type Shared<const N: usize> = Arc<(BoundedSemaphore<N, ModelFutex>, UnsafeCell<u32>)>;

fn shared<const N: usize>() -> Shared<N> {
    Arc::new((BoundedSemaphore::<_, ModelFutex>::new(), UnsafeCell::new(0)))
}

fn add(shared: &Shared<1>) {
    // SAFETY: this thread holds the only permit; loom checks it.
    shared.1.with_mut(|value| unsafe { *value += 1 });
}

fn value(shared: &Shared<1>) -> u32 {
    let _permit = shared.0.acquire();
    // SAFETY: this thread holds the only permit; loom checks it.
    shared.1.with(|value| unsafe { *value })
}

#[test]
fn two_share_one_permit() {
    model(None, || {
        let shared = shared::<1>();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                let _permit = shared.0.acquire();
                add(&shared);
            })
        };
        {
            let _permit = shared.0.acquire();
            add(&shared);
        }
        other.join().unwrap();
        assert_eq!(value(&shared), 2);
    });
}

#[test]
fn a_permit_that_was_kept_wakes_when_it_is_released() {
    model(Some(3), || {
        let shared = shared::<1>();
        shared.0.acquire().keep();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                let _permit = shared.0.acquire();
                add(&shared);
            })
        };
        add(&shared);
        shared.0.release().unwrap();
        other.join().unwrap();
        assert_eq!(value(&shared), 2);
        assert!(shared.0.release().is_err());
    });
}

#[test]
fn three_share_two_permits() {
    model(Some(2), || {
        let shared = shared::<2>();
        let others = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || drop(shared.0.acquire()))
        });
        drop(shared.0.acquire());
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(shared.0.permits(), 2);
    });
}

#[test]
fn one_that_gives_up_takes_nothing() {
    model(Some(2), || {
        let shared = shared::<1>();
        let hasty = {
            let shared = shared.clone();
            thread::spawn(move || match shared.0.acquire_deadline(Some(())) {
                Ok(_permit) => add(&shared),
                Err(_) => {}
            })
        };
        let patient = {
            let shared = shared.clone();
            thread::spawn(move || {
                let _permit = shared.0.acquire();
                add(&shared);
            })
        };
        hasty.join().unwrap();
        patient.join().unwrap();
        assert!(value(&shared) >= 1);
    });
}

#[test]
fn a_dead_holders_permit_goes_to_a_sleeper() {
    model(Some(2), || {
        let shared = shared::<1>();
        let dead = Participant::new(1).unwrap();
        let dies = {
            let shared = shared.clone();
            thread::spawn(move || {
                std::mem::forget(shared.0.handle(dead).acquire());
                add(&shared);
            })
        };
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || {
                let handle = shared.0.handle(Participant::new(2).unwrap());
                let _permit = handle.acquire();
                add(&shared);
            })
        };
        dies.join().unwrap();
        // SAFETY: the thread that acted as this participant has ended.
        assert_eq!(unsafe { shared.0.recover(dead) }, 1);
        waiter.join().unwrap();
        assert_eq!(value(&shared), 2);
    });
}

#[test]
fn two_that_recover_at_once_give_a_permit_back_once() {
    model(Some(3), || {
        let shared = shared::<1>();
        let dead = Participant::new(1).unwrap();
        std::mem::forget(shared.0.handle(dead).acquire());
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                // SAFETY: the test's main thread acted as this participant, and does not any more.
                let found = unsafe { shared.0.recover(dead) };
                let _permit = shared.0.acquire();
                add(&shared);
                found
            })
        };
        // SAFETY: the test's main thread acted as this participant, and does not any more.
        let found = unsafe { shared.0.recover(dead) };
        {
            let _permit = shared.0.acquire();
            add(&shared);
        }
        assert_eq!(found + other.join().unwrap(), 1);
        assert_eq!(value(&shared), 2);
    });
}
