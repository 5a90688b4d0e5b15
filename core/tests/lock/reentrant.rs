//! One thread, many times over.

use super::*;
use std::cell::Cell;

type Lock<W> = ReentrantMutex<Cell<u32>, Numbered, W>;

#[test]
fn one_thread_takes_it_again_and_others_wait_until_all_is_given_back() {
    let lock = Lock::new(Cell::new(0), CLOCK);
    let outer = lock.lock().unwrap().into_inner();
    let inner = lock.try_lock().unwrap().into_inner();
    let refused = || std::thread::scope(|s| s.spawn(|| lock.try_lock().err()).join().unwrap());
    assert_eq!(refused(), Some(ReentrantError::Held));
    drop(outer);
    inner.set(5);
    assert_eq!(refused(), Some(ReentrantError::Held));
    assert_eq!(
        std::thread::scope(|s| s.spawn(|| lock.lock_deadline(soon()).err()).join().unwrap()),
        Some(ReentrantError::TimedOut)
    );
    drop(inner);
    assert_eq!(refused(), None);
    assert_eq!(lock.holder(), None);
}

#[test]
fn one_thread_cannot_take_it_without_end() {
    let lock = Lock::new(Cell::new(0), CLOCK);
    let guards: Vec<_> = (0..Lock::<SpinClock<Ticks>>::MAX_DEPTH).map(|_| lock.lock()).collect();
    assert!(guards.iter().all(Result::is_ok));
    assert_eq!(lock.lock().unwrap_err(), ReentrantError::TooDeep);
    assert_eq!(lock.try_lock().unwrap_err(), ReentrantError::TooDeep);
    drop(guards);
    assert_eq!(lock.holder(), None);
}

#[test]
fn four_threads_count_exactly() {
    static TOTAL: Lock<Yielding> = ReentrantMutex::new(Cell::new(0), Yielding);
    const EACH: u32 = 2_000;
    let add = || {
        let total = TOTAL.lock().unwrap().into_inner();
        total.set(total.get() + 1);
    };
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..EACH {
                    let _outer = TOTAL.lock();
                    add();
                }
            });
        }
    });
    assert_eq!(TOTAL.lock().unwrap().into_inner().get(), 4 * EACH);
}

#[test]
fn one_that_died_deep_inside_leaves_it_free_and_every_guard_is_told_until_one_repairs() {
    let lock = Lock::new(Cell::new(0), CLOCK);
    let dead = participant(1);
    std::mem::forget([lock.seat(dead).lock(), lock.seat(dead).lock()]);
    // SAFETY: nobody uses the lock under that name any more.
    assert!(unsafe { lock.recover(dead) });
    // SAFETY: as above.
    assert!(!unsafe { lock.recover(dead) });
    let outer = lock.lock().unwrap();
    assert!(!outer.is_clean());
    let inner = lock.lock().unwrap();
    assert!(!inner.is_clean());
    drop((outer, inner));
    let mut outer = lock.lock().unwrap().clean().unwrap_err().0;
    outer.make_consistent();
    assert!(lock.lock().unwrap().is_clean());
    drop(outer);
    assert!(lock.lock().unwrap().is_clean());
}

#[test]
fn a_number_that_is_used_again_does_not_inherit_the_lock() {
    let lock = Lock::new(Cell::new(0), CLOCK);
    let dead = participant(1);
    std::mem::forget(lock.seat(dead).lock());
    // SAFETY: nobody uses the lock under that name until it is given anew, below.
    assert!(unsafe { lock.recover(dead) });
    let other = lock.seat(participant(2)).lock().unwrap();
    // The same participant and thread number as the dead one's.
    assert_eq!(lock.seat(dead).try_lock().unwrap_err(), ReentrantError::Held);
    drop(other);
}
