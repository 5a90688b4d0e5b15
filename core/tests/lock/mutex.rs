//! Tests of the mutex: one holder at a time, and what the next holder learns of a death.

use super::*;

#[test]
fn four_threads_count_exactly() {
    static TOTAL: Mutex<u32, Yielding> = Mutex::new(0);
    const EACH: u32 = scaled(5_000) as u32;
    std::thread::scope(|s| {
        for number in 0..4 {
            s.spawn(move || {
                let handle = TOTAL.handle(participant(number));
                (0..EACH).for_each(|_| *handle.lock().unwrap() += 1);
            });
        }
    });
    assert_eq!(*TOTAL.lock().unwrap(), 4 * EACH);
    assert_eq!(TOTAL.holder(), None);
}

#[test]
fn a_held_mutex_refuses_and_times_out() {
    let mutex = Mutex::<_, Ticking>::new(());
    let handle = mutex.handle(participant(Participant::MAX));
    let guard = handle.lock();
    assert_eq!(mutex.holder(), Participant::new(Participant::MAX));
    assert_eq!(refused(mutex.try_lock()), Error::WouldBlock);
    assert_eq!(refused(mutex.lock_deadline(soon())), Error::TimedOut);
    assert_eq!(refused(mutex.lock_deadline(Some(0))), Error::TimedOut);
    drop(guard);
    assert!(mutex.lock_deadline(Some(0)).is_ok(), "a deadline of the past is a plain look");
}

#[test]
fn a_death_is_reported_until_one_holder_repairs() {
    let mutex = Mutex::<_, Ticking>::new(1);
    let dead = participant(1);
    std::mem::forget(mutex.handle(dead).lock());
    // SAFETY: no thread uses the mutex as that participant any more.
    assert!(unsafe { mutex.recover(dead) });
    // SAFETY: no thread uses the mutex as that participant any more.
    assert!(!unsafe { mutex.recover(dead) }, "it was put right already");
    assert_eq!(mutex.holder(), None);
    assert!(matches!(mutex.lock(), Err(OwnerDied(_))));
    assert!(matches!(mutex.try_lock(), Err(LockError::OwnerDied(_))));
    assert!(matches!(mutex.lock_deadline(soon()), Err(LockError::OwnerDied(_))));
    let told = mutex.lock().map(drop).map_err(Error::from);
    assert_eq!(told, Err(Error::OwnerDied), "also as an error alone, which gives the lock back");
    let told = mutex.try_lock().map(drop).map_err(Error::from);
    assert_eq!(told, Err(Error::OwnerDied));
    drop(mutex.lock().unwrap_err().repair(|value| **value = 2));
    assert!(mutex.lock().is_ok());
    assert_eq!(*mutex.lock().unwrap(), 2);
}

#[test]
fn a_holder_that_dies_after_repair_is_reported() {
    let mutex = Mutex::<_, Ticking>::new(());
    for dead in [participant(1), participant(2)] {
        let handle = mutex.handle(dead);
        let mut guard = handle.lock().unwrap_or_else(OwnerDied::into_inner);
        guard.make_consistent();
        std::mem::forget(guard);
        // SAFETY: no thread uses the mutex as that participant any more.
        assert!(unsafe { mutex.recover(dead) });
    }
    assert!(mutex.lock().is_err());
}

#[test]
fn a_death_without_the_lock_changes_nothing() {
    let mutex = Mutex::<_, Ticking>::new(());
    let guard = mutex.lock();
    // SAFETY: no thread uses the mutex as that participant.
    assert!(!unsafe { mutex.recover(participant(1)) });
    assert_eq!(mutex.holder(), Some(Participant::LOCAL));
    drop(guard);
    assert!(mutex.lock().is_ok());
}

#[test]
fn its_value_is_dropped_once() {
    let alive = std::rc::Rc::new(());
    drop(Mutex::<_, Ticking>::new(alive.clone()));
    assert_eq!(std::rc::Rc::strong_count(&alive), 1);
}

#[test]
fn a_death_and_a_refusal_are_told_in_words() {
    let mutex = Mutex::<u32>::new(1);
    let held = mutex.lock().unwrap();
    let refused = mutex.try_lock().map(drop).unwrap_err();
    assert_eq!(refused.to_string(), Error::WouldBlock.to_string());
    drop(held);
    std::mem::forget(mutex.handle(participant(1)).lock());
    // SAFETY: no thread uses the mutex as that participant any more.
    assert!(unsafe { mutex.recover(participant(1)) });
    let died = mutex.lock().map(drop).unwrap_err().to_string();
    assert!(died.contains("died"), "{died}");
    assert_eq!(mutex.try_lock().map(drop).unwrap_err().to_string(), died);
}
