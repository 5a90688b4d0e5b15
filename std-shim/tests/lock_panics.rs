//! Threads that panic while they hold a lock: the next holder is told, whatever they sleep on.

use ringway::lock::{BoundedSemaphore, LockError, Mutex, OwnerDied, ReentrantMutex, RwLock};
use ringway::shm::RobustFutex;
use ringway::wait::{Async, Futex, PrivateFutex, Wait};
use std::cell::Cell;
use std::thread;

/// A thread takes the guard that `take` returns, and panics while it holds that.
fn panics_with<T>(take: impl FnOnce() -> T + Send) {
    let ended = thread::scope(|s| {
        let thread = s.spawn(|| {
            let _held = take();
            panic!("in the middle");
        });
        thread.join()
    });
    assert!(ended.is_err());
}

fn check<W: Wait + Sync>() {
    let mutex = Mutex::<_, W>::new([1, 1]);
    panics_with(|| {
        let mut held = mutex.lock().unwrap();
        held[0] = 2;
        held
    });
    let Err(OwnerDied(held)) = mutex.lock() else { panic!("it is half changed") };
    assert_eq!(*held, [2, 1]);
    drop(held);
    drop(mutex.lock().unwrap_err().repair(|held| **held = [2, 2]));
    assert!(mutex.lock().is_ok());

    let mutex = ReentrantMutex::<_, W>::new(Cell::new(1));
    panics_with(|| (mutex.lock().unwrap(), mutex.lock().unwrap()));
    let Err(LockError::OwnerDied(died)) = mutex.lock() else { panic!("it is half changed") };
    drop(died.repair(|_| ()));
    assert!(mutex.lock().is_ok());

    let lock = RwLock::<_, 2, W>::new(5);
    panics_with(|| lock.read());
    assert!(lock.write().is_ok(), "a reader changes nothing");
    panics_with(|| lock.write());
    assert!(lock.read().is_err());
    drop(lock.write().unwrap_err().repair(|_| ()));
    assert!(lock.read().is_ok());

    let places = BoundedSemaphore::<1, W>::new();
    panics_with(|| places.acquire());
    assert_eq!(places.permits(), 1);
}

#[test]
fn panics_are_reported_on_a_private_futex() {
    check::<PrivateFutex>();
    check::<Async<PrivateFutex>>();
}

#[test]
fn panics_are_reported_on_a_shared_futex() {
    check::<Futex>();
    check::<RobustFutex>();
}

/// A waiting thread takes the lock that another one left by a panic.
#[test]
fn a_sleeper_is_woken_and_told_of_a_panic() {
    let mutex = Mutex::<_, PrivateFutex>::new(0);
    let held = mutex.lock();
    thread::scope(|s| {
        let sleeper = s.spawn(|| mutex.lock().is_ok());
        let ended = s.spawn(move || {
            let _held = held;
            panic!("in the middle");
        });
        assert!(ended.join().is_err());
        assert!(!sleeper.join().unwrap());
    });
}
