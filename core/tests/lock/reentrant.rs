//! Tests of the reentrant mutex: one thread holds it, many times over.

use super::*;
use std::cell::Cell;

type Lock<W> = ReentrantMutex<Cell<u32>, Numbered, W>;

#[test]
fn others_wait_until_every_guard_is_dropped() {
    let lock = Lock::<Ticking>::new(Cell::new(0));
    let outer = lock.lock().unwrap();
    let inner = lock.try_lock().unwrap();
    let other = || {
        let try_it = || lock.try_lock().map(drop).map_err(Error::from);
        std::thread::scope(|s| s.spawn(try_it).join().unwrap())
    };
    assert_eq!(other(), Err(Error::WouldBlock));
    assert_eq!(lock.holder(), Some(Participant::LOCAL));
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
#[cfg_attr(miri, ignore = "it takes tens of thousands of guards, and a minute")]
fn too_many_guards_overflow() {
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
    const EACH: u32 = scaled(2_000) as u32;
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
fn a_nested_holders_death_is_reported_until_repair() {
    let lock = Lock::<Ticking>::new(Cell::new(0));
    let dead = participant(1);
    std::mem::forget([lock.handle(dead).lock(), lock.handle(dead).lock()]);
    // SAFETY: no thread uses the lock as that participant any more.
    assert!(unsafe { lock.recover(dead) });
    // SAFETY: no thread uses the lock as that participant any more.
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
fn a_reused_number_does_not_inherit_the_lock() {
    let lock = Lock::<Ticking>::new(Cell::new(0));
    let dead = participant(1);
    std::mem::forget(lock.handle(dead).lock());
    // SAFETY: no thread uses the lock as that participant until the number is given again, below.
    assert!(unsafe { lock.recover(dead) });
    let handle = lock.handle(participant(2));
    let other = handle.lock().unwrap_err();
    // The same participant and thread number as those of the dead holder.
    assert_eq!(refused(lock.handle(dead).try_lock()), Error::WouldBlock);
    drop(other);
}
