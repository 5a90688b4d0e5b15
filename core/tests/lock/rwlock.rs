//! Tests of the lock for one writer or several readers.

use super::*;

#[test]
fn readers_share_and_writers_do_not() {
    let lock = RwLock::<_, 2, Ticking>::new(5);
    let (one, two) = (lock.read(), lock.try_read().unwrap());
    assert_eq!(lock.readers(), 2);
    assert!(lock.try_read().is_err(), "every slot is taken");
    assert_eq!(refused(lock.read_deadline(soon())), Error::TimedOut);
    assert!(lock.try_write().is_err());
    assert_eq!(refused(lock.write_deadline(soon())), Error::TimedOut);
    assert_eq!(lock.writer(), None);
    drop((one, two));
    let writer = lock.write();
    assert_eq!(lock.writer(), Some(Participant::LOCAL));
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    assert_eq!(refused(lock.write_deadline(soon())), Error::TimedOut);
    drop(writer);
    assert_eq!(*lock.read().unwrap(), 5);
}

#[test]
fn readers_never_see_half_a_change() {
    static PAIR: RwLock<[u32; 2], 2, Yielding> = RwLock::new([0; 2]);
    const EACH: u32 = scaled(2_000) as u32;
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..EACH {
                    let mut pair = PAIR.write().unwrap();
                    pair[0] += 1;
                    pair[1] += 1;
                }
            });
        }
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..EACH {
                    let pair = PAIR.read().unwrap();
                    assert_eq!(pair[0], pair[1]);
                }
            });
        }
    });
    assert_eq!(*PAIR.read().unwrap(), [2 * EACH; 2]);
}

#[test]
fn a_waiting_writer_keeps_new_readers_out() {
    static LOCK: RwLock<u32, 4, Yielding> = RwLock::new(0);
    std::thread::scope(|s| {
        let reader = LOCK.read();
        let writer = s.spawn(|| *LOCK.write().unwrap() = 1);
        while LOCK.writer().is_none() {
            std::thread::yield_now();
        }
        assert!(LOCK.try_read().is_err());
        drop(reader);
        writer.join().unwrap();
    });
    assert_eq!(*LOCK.read().unwrap(), 1);
}

#[test]
fn a_writers_death_is_reported_until_one_repairs() {
    let lock = RwLock::<_, 2, Ticking>::new(5);
    let dead = participant(1);
    std::mem::forget(lock.handle(dead).write());
    // SAFETY: no thread uses the lock as that participant any more.
    assert!(unsafe { lock.recover(dead) });
    // SAFETY: no thread uses the lock as that participant any more.
    assert!(!unsafe { lock.recover(dead) });
    assert!(lock.read().is_err());
    assert!(lock.write().is_err());
    drop(lock.write().unwrap_err().repair(|value| **value = 6));
    assert!(lock.write().is_ok());
    assert!(matches!(lock.read(), Ok(value) if *value == 6));
}

#[test]
fn the_slots_of_a_reader_that_died_are_free() {
    let lock = RwLock::<_, 2, Ticking>::new(5);
    let dead = participant(1);
    std::mem::forget([lock.handle(dead).read(), lock.handle(dead).read()]);
    assert!(lock.try_write().is_err());
    // SAFETY: no thread uses the lock as that participant any more.
    assert!(unsafe { lock.recover(dead) });
    assert_eq!(lock.readers(), 0);
    assert!(lock.write().is_ok());
}
