//! The layout of locks in shared memory: the same on every host, and all zeros in a new lock.

use super::condition::Restless;
use super::*;

/// A lock made of zeros, as in a new region.
fn zeroed<T>() -> T {
    // SAFETY: the lock's documentation says that all-zero bytes are a fresh lock; these tests check
    // it.
    unsafe { std::mem::MaybeUninit::zeroed().assume_init() }
}

#[test]
fn zeros_are_a_fresh_mutex() {
    let mutex: Mutex<u64, Yielding> = zeroed();
    assert_eq!(mutex.holder(), None);
    let Ok(value) = mutex.lock() else { panic!("nobody died") };
    assert_eq!(*value, 0);
    let offset = std::ptr::from_ref(&*value).addr() - std::ptr::from_ref(&mutex).addr();
    assert_eq!(offset, 8, "where the value lies");
}

#[test]
fn zeros_are_a_fresh_semaphore() {
    let semaphore: Semaphore<5, Yielding> = zeroed();
    assert_eq!(semaphore.permits(), 5);
}

#[test]
fn zeros_are_a_fresh_event() {
    let event: Event<Yielding> = zeroed();
    assert!(!event.is_set());
    event.set();
    event.wait();
}

#[test]
fn zeros_are_a_fresh_reentrant_mutex() {
    let lock: ReentrantMutex<u64, Numbered, Yielding> = zeroed();
    let value = lock.lock().expect("nobody died");
    assert_eq!(*value, 0);
    let offset = std::ptr::from_ref(&*value).addr() - std::ptr::from_ref(&lock).addr();
    assert_eq!(offset, 24, "where the value lies");
}

#[test]
fn zeros_are_a_fresh_bounded_semaphore() {
    let places: BoundedSemaphore<3, Yielding> = zeroed();
    assert_eq!(places.permits(), 3);
    assert!(places.try_acquire().is_ok());
}

#[test]
fn zeros_are_a_fresh_condition() {
    let (mutex, condition): (Mutex<u32, Yielding>, Condition<Yielding>) = zeroed();
    condition.notify_all();
    assert!(condition.wait_while(mutex.lock().unwrap(), |value| *value != 0).is_ok());
}

#[test]
fn zeros_are_a_fresh_barrier() {
    let barrier: Barrier<1, Yielding> = zeroed();
    assert_eq!(barrier.wait(), Ok(0));
}

#[test]
fn zeros_are_a_fresh_lock_for_readers_and_writers() {
    let lock: RwLock<u64, 3, Restless> = zeroed();
    let value = lock.read().expect("nobody died");
    assert_eq!(*value, 0);
    let offset = std::ptr::from_ref(&*value).addr() - std::ptr::from_ref(&lock).addr();
    assert_eq!(offset, 8, "where the value lies");
}

#[test]
fn sizes_are_the_same_on_every_host() {
    fn assert_layout<T>(size: usize, align: usize) {
        assert_eq!((size_of::<T>(), align_of::<T>()), (size, align));
    }
    assert_layout::<Mutex<(), Restless>>(8, 8);
    assert_layout::<Mutex<u8, Restless>>(16, 8);
    assert_layout::<Mutex<u64, Restless>>(16, 8);
    assert_layout::<ReentrantMutex<(), Numbered, Restless>>(24, 8);
    assert_layout::<ReentrantMutex<u64, Numbered, Restless>>(32, 8);
    assert_layout::<Semaphore<1, Restless>>(4, 4);
    assert_layout::<BoundedSemaphore<5, Restless>>(24, 4);
    assert_layout::<Condition<Restless>>(8, 4);
    assert_layout::<Event<Restless>>(8, 4);
    assert_layout::<Barrier<5, Restless>>(28, 4);
    assert_layout::<RwLock<(), 1, Restless>>(16, 8);
    assert_layout::<RwLock<(), 2, Restless>>(16, 8);
    assert_layout::<RwLock<u64, 2, Restless>>(24, 8);
}
