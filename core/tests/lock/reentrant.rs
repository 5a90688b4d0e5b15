//! One thread, many times over.

use super::*;
use std::cell::Cell;

type Lock<W> = ReentrantMutex<Cell<u32>, Numbered, W>;

#[test]
fn one_thread_takes_it_again_and_others_wait_until_all_is_given_back() {
    let lock = Lock::<Ticking>::new(Cell::new(0));
    let outer = lock.lock().unwrap();
    let inner = lock.try_lock().unwrap();
    let other = || {
        let try_it = || lock.try_lock().map(drop).map_err(Error::from);
        std::thread::scope(|s| s.spawn(try_it).join().unwrap())
    };
    assert_eq!(other(), Err(Error::WouldBlock));
    drop(outer);
    inner.set(5);
    assert_eq!(other(), Err(Error::WouldBlock));
    assert_eq!(
        std::thread::scope(|s| s.spawn(|| refused(lock.lock_deadline(soon()))).join().unwrap()),
        Error::TimedOut
    );
    drop(inner);
    assert_eq!(other(), Ok(()));
    assert_eq!(lock.holder(), None);
}

#[test]
fn one_thread_cannot_take_it_without_end() {
    let lock = Lock::<Ticking>::new(Cell::new(0));
    let guards: Vec<_> = (0..Lock::<Ticking>::MAX_DEPTH).map(|_| lock.lock()).collect();
    assert!(guards.iter().all(Result::is_ok));
    assert_eq!(refused(lock.lock()), Error::Overflow);
    assert_eq!(refused(lock.try_lock()), Error::Overflow);
    drop(guards);
    assert_eq!(lock.holder(), None);
}

#[test]
fn four_threads_count_exactly() {
    static TOTAL: Lock<Yielding> = ReentrantMutex::new(Cell::new(0));
    const EACH: u32 = 2_000;
    let add = || {
        let total = TOTAL.lock().unwrap();
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
    assert_eq!(TOTAL.lock().unwrap().get(), 4 * EACH);
}

#[test]
fn one_that_died_deep_inside_leaves_it_free_and_every_guard_is_told_until_one_repairs() {
    let lock = Lock::<Ticking>::new(Cell::new(0));
    let dead = participant(1);
    std::mem::forget([lock.handle(dead).lock(), lock.handle(dead).lock()]);
    // SAFETY: nobody uses the lock under that name any more.
    assert!(unsafe { lock.recover(dead) });
    // SAFETY: as above.
    assert!(!unsafe { lock.recover(dead) });
    let told = || match lock.lock() {
        Err(LockError::OwnerDied(died)) => died,
        _ => panic!("nobody repaired it"),
    };
    drop((told(), told()));
    let outer = told().repair(|_| ());
    assert!(lock.lock().is_ok());
    drop(outer);
    assert!(lock.lock().is_ok());
}

#[test]
fn a_number_that_is_used_again_does_not_inherit_the_lock() {
    let lock = Lock::<Ticking>::new(Cell::new(0));
    let dead = participant(1);
    std::mem::forget(lock.handle(dead).lock());
    // SAFETY: nobody uses the lock under that name until it is given anew, below.
    assert!(unsafe { lock.recover(dead) });
    let handle = lock.handle(participant(2));
    let other = handle.lock().unwrap_err();
    // The same participant and thread number as the dead one's.
    assert_eq!(refused(lock.handle(dead).try_lock()), Error::WouldBlock);
    drop(other);
}
