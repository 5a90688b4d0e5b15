//! Tests of the lock for one writer or several readers.

use super::*;
use ringway_core::lock::RawRwLock;
use std::alloc::Layout;
use std::ptr::NonNull;

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

/// The typed lock, as one that knows the layout of its value alone.
fn raw<T, const R: usize>(lock: &RwLock<T, R, Ticking>) -> RawRwLock<'_, Ticking> {
    let value = Layout::new::<T>();
    assert_eq!(
        RawRwLock::<Ticking>::layout(R, value),
        Some(Layout::new::<RwLock<T, R, Ticking>>())
    );
    // SAFETY: there is a lock for `R` readers with such a value, which the tests make a plain one.
    let raw = unsafe { RawRwLock::at(NonNull::from(lock).cast(), R, value) }.unwrap();
    let at = std::ptr::from_ref(&*lock.read().unwrap());
    assert_eq!(raw.value().as_ptr().cast_const().cast(), at);
    assert_eq!(lock.readers(), 0);
    raw
}

#[test]
fn a_raw_lock_and_a_typed_lock_share_their_bytes() {
    #[derive(Clone, Copy)]
    #[repr(align(128))]
    struct Wide(u8);
    raw(&RwLock::<(), 1, Ticking>::new(()));
    raw(&RwLock::<u8, 3, Ticking>::new(1));
    raw(&RwLock::<[u8; 13], 4, Ticking>::new([1; 13]));
    raw(&RwLock::<u64, 2, Ticking>::new(1));
    assert_eq!(RwLock::<_, 5, Ticking>::new(Wide(1)).read().unwrap().0, 1);
    raw(&RwLock::<Wide, 5, Ticking>::new(Wide(1)));
    // A value's size is a multiple of its alignment.
    let odd = Layout::from_size_align(12, 8).unwrap();
    let even = Layout::new::<RwLock<[u64; 2], 2, Ticking>>();
    assert_eq!(RawRwLock::<Ticking>::layout(2, odd), Some(even));
    assert_eq!(RawRwLock::<Ticking>::layout(0, odd), None);
    assert_eq!(RawRwLock::<Ticking>::layout(usize::MAX, odd), None);
}

#[test]
fn raw_and_typed_users_exclude_each_other() {
    let lock = RwLock::<u64, 2, Ticking>::new(5);
    let me = participant(3);
    let raw = raw(&lock).handle(me);
    let writing = raw.try_write().unwrap();
    assert_eq!(lock.writer(), Some(me));
    assert!(lock.try_read().is_err() && raw.try_read().is_err() && raw.try_write().is_err());
    assert_eq!(refused(raw.read_deadline(soon())), Error::TimedOut);
    // SAFETY: the value is a `u64`, and this thread has the lock to write.
    unsafe { *raw.value().cast::<u64>().as_ptr() += 1 };
    drop(writing);
    let reading = [raw.read_deadline(soon()).unwrap(), raw.try_read().unwrap()];
    assert_eq!(lock.readers(), 2);
    assert!(lock.try_read().is_err(), "every slot is taken");
    assert_eq!(refused(raw.write_deadline(soon())), Error::TimedOut);
    drop(reading);
    assert_eq!(*lock.read().unwrap(), 6);
    drop(raw.write_deadline(soon()).unwrap());
    // Both learn of a death.
    std::mem::forget(raw.try_write());
    // SAFETY: no thread uses the lock as that participant any more.
    assert!(unsafe { raw.recover(me) } && lock.read().is_err() && raw.try_read().is_err());
    std::mem::forget(lock.handle(me).write().unwrap_err().repair(|_| ()));
    // SAFETY: no thread uses the lock as that participant any more.
    assert!(unsafe { lock.recover(me) } && raw.try_write().is_err());
    drop(raw.try_write().map_err(|died| match died {
        LockError::OwnerDied(died) => died.repair(|_| ()),
        LockError::NotTaken(error) => panic!("{error}"),
    }));
    assert_eq!(lock.read().map(|value| *value).ok(), Some(6));
}
