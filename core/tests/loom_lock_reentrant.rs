//! Models of the reentrant mutex: one thread at a time holds it, and only that thread can take it
//! again.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::lock::{LockError, OwnerDied, ReentrantMutex, ThreadId};
use ringway_core::participant::Participant;
use std::num::NonZeroU32;
use support::cell::UnsafeCell;
use support::sync::Arc;
use support::thread;
use support::{ModelFutex, model};

/// Numbers loom's threads: each thread of a model is given a number.
struct Numbered;

support::thread_local! {
    static NUMBER: std::cell::Cell<u32> = std::cell::Cell::new(1);
}

// SAFETY: a model gives each thread of one participant a number of its own.
unsafe impl ThreadId for Numbered {
    fn thread_id() -> NonZeroU32 {
        NUMBER.with(|number| NonZeroU32::new(number.get()).unwrap())
    }
}

type Shared = Arc<ReentrantMutex<UnsafeCell<u32>, Numbered, ModelFutex>>;

fn shared() -> Shared {
    Arc::new(ReentrantMutex::<_, _, ModelFutex>::new(UnsafeCell::new(0)))
}

fn add(shared: &Shared) {
    let outer = shared.lock().unwrap();
    let inner = shared.lock().unwrap();
    // SAFETY: this thread holds the mutex; loom checks it.
    inner.with_mut(|value| unsafe { *value += 1 });
    drop(outer);
    // SAFETY: this thread holds the mutex; loom checks it.
    inner.with_mut(|value| unsafe { *value += 1 });
}

fn value(shared: &Shared) -> u32 {
    // SAFETY: this thread holds the mutex; loom checks it.
    shared.lock().unwrap().with(|value| unsafe { *value })
}

#[test]
fn two_threads_of_one_participant_exclude_each_other() {
    model(None, || {
        let shared = shared();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                NUMBER.with(|number| number.set(2));
                add(&shared);
            })
        };
        add(&shared);
        other.join().unwrap();
        assert_eq!(value(&shared), 4);
    });
}

#[test]
fn equal_thread_numbers_of_two_participants_exclude() {
    model(Some(3), || {
        let shared = shared();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                match shared.handle(Participant::new(1).unwrap()).try_lock() {
                    // SAFETY: this thread holds the mutex; loom checks it.
                    Ok(guard) => guard.with_mut(|value| unsafe { *value += 1 }),
                    Err(LockError::NotTaken(Error::WouldBlock)) => {}
                    Err(other) => panic!("{other}"),
                }
            })
        };
        add(&shared);
        other.join().unwrap();
        assert!([2, 3].contains(&value(&shared)));
    });
}

#[test]
fn a_death_with_two_guards_passes_the_lock_on() {
    model(Some(3), || {
        let shared = shared();
        let dead = Participant::new(1).unwrap();
        let dies = {
            let shared = shared.clone();
            thread::spawn(move || {
                let handle = shared.handle(dead);
                let guard = handle.lock().unwrap();
                // SAFETY: this thread holds the mutex; loom checks it.
                guard.with_mut(|value| unsafe { *value = 10 });
                std::mem::forget(handle.lock());
                std::mem::forget(guard);
            })
        };
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || {
                let (guard, died) = match shared.lock() {
                    Ok(guard) => (guard, false),
                    Err(LockError::OwnerDied(died)) => (died.repair(|_| ()), true),
                    Err(LockError::NotTaken(error)) => panic!("{error}"),
                };
                // SAFETY: this thread holds the mutex; loom checks it.
                guard.with_mut(|value| unsafe {
                    assert_eq!(*value, if died { 10 } else { 0 });
                    *value = 0;
                });
            })
        };
        dies.join().unwrap();
        // SAFETY: the thread that acted as this participant has ended.
        assert!(unsafe { shared.recover(dead) });
        waiter.join().unwrap();
        // The waiter came first, or it repaired the value.
        let (guard, clean) = match shared.lock() {
            Ok(guard) => (guard, true),
            Err(LockError::OwnerDied(OwnerDied(guard))) => (guard, false),
            Err(LockError::NotTaken(error)) => panic!("{error}"),
        };
        // SAFETY: this thread holds the mutex; loom checks it.
        guard.with(|value| assert_eq!(clean, unsafe { *value == 0 }));
    });
}
