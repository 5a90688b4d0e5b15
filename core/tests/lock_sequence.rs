//! Random sequences of operations and deaths of three participants, compared with a plain account
//! of the holders.
#![cfg(not(loom))]

mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use random::Random;
use ringway_core::Error;
use ringway_core::lock::{
    BoundedSemaphore, LockError, Mutex, MutexGuard, OwnerDied, Permit, ReadGuard, Robust, RwLock,
    Semaphore, TryLockResult, WriteGuard,
};
use ringway_core::participant::Participant;
use ringway_core::wait::Spin;
use scaled::scaled;

const PERMITS: usize = 3;
const READERS: usize = 2;

#[derive(Default)]
struct Locks {
    mutex: Mutex<u32>,
    lock: RwLock<u32, READERS>,
    places: BoundedSemaphore<PERMITS>,
    count: Semaphore<2>,
}

/// The guards that one participant holds.
#[derive(Default)]
struct Hands<'a> {
    mutex: Option<MutexGuard<'a, u32, Spin>>,
    reads: Vec<ReadGuard<'a, u32, Spin>>,
    write: Option<WriteGuard<'a, u32, Spin>>,
    permits: Vec<Permit<'a, Spin>>,
    kept: usize,
}

/// Whether the next holder must learn of a death.
#[derive(Default)]
struct Told {
    mutex: bool,
    lock: bool,
}

/// The guard, if the lock was taken; checks the result against the expected one.
fn taken<G>(answer: TryLockResult<G>, told: bool) -> Option<G> {
    match answer {
        Ok(guard) => {
            assert!(!told);
            Some(guard)
        }
        Err(LockError::OwnerDied(OwnerDied(guard))) => {
            assert!(told);
            Some(guard)
        }
        Err(LockError::NotTaken(error)) => {
            assert_eq!(error, Error::WouldBlock);
            None
        }
    }
}

fn check(seed: u64) {
    let locks = Locks::default();
    let handles = [1, 2, 3].map(|who| {
        let me = Participant::new(who).unwrap();
        (locks.mutex.handle(me), locks.lock.handle(me), locks.places.handle(me))
    });
    let mut random = Random::new(seed);
    let mut all: [Hands; 3] = Default::default();
    let mut told = Told::default();
    let (mut permits, mut value) = (2, 0);
    for _ in 0..scaled(2_000) {
        let who = random.below(all.len());
        let me = Participant::new(who as u16 + 1).unwrap();
        let mutex_is_free = all.iter().all(|hands| hands.mutex.is_none());
        let writes = all.iter().any(|hands| hands.write.is_some());
        let readers: usize = all.iter().map(|hands| hands.reads.len()).sum();
        let held: usize = all.iter().map(|hands| hands.permits.len() + hands.kept).sum();
        let mine = &mut all[who];
        let (mutex, lock, places) = &handles[who];
        match random.below(16) {
            0 | 1 => match taken(mutex.try_lock(), told.mutex) {
                Some(mut guard) => {
                    assert!(mutex_is_free);
                    assert_eq!(*guard, value);
                    value += 1;
                    *guard = value;
                    mine.mutex = Some(guard);
                }
                None => assert!(!mutex_is_free),
            },
            2 => mine.mutex = None,
            3 => {
                if let Some(guard) = &mut mine.mutex {
                    guard.make_consistent();
                    told.mutex = false;
                }
            }
            4 => match taken(lock.try_write(), told.lock) {
                Some(guard) => {
                    assert!(!writes && readers == 0);
                    mine.write = Some(guard);
                }
                None => assert!(writes || readers > 0),
            },
            5 => mine.write = None,
            6 => {
                if let Some(guard) = &mut mine.write {
                    guard.make_consistent();
                    told.lock = false;
                }
            }
            7 => match taken(lock.try_read(), told.lock) {
                Some(guard) => {
                    assert!(!writes && readers < READERS);
                    mine.reads.push(guard);
                }
                None => assert!(writes || readers == READERS),
            },
            8 => drop(mine.reads.pop()),
            9 => match places.try_acquire() {
                Ok(permit) => {
                    assert!(held < PERMITS);
                    mine.permits.push(permit);
                }
                Err(error) => assert_eq!((held, error), (PERMITS, Error::WouldBlock)),
            },
            10 => drop(mine.permits.pop()),
            11 => {
                if let Some(permit) = mine.permits.pop() {
                    permit.keep();
                    mine.kept += 1;
                }
            }
            12 => {
                let expected = if mine.kept > 0 { Ok(()) } else { Err(Error::NotHeld) };
                assert_eq!(places.release(), expected);
                mine.kept = mine.kept.saturating_sub(1);
            }
            13 => {
                assert_eq!(locks.count.try_acquire().is_ok(), permits > 0);
                permits = u32::saturating_sub(permits, 1);
            }
            14 => {
                let more = random.below(3) as u32;
                locks.count.release(more).unwrap();
                permits += more;
            }
            _ => {
                let dead = std::mem::take(mine);
                let had_mutex = dead.mutex.is_some();
                let (wrote, read) = (dead.write.is_some(), !dead.reads.is_empty());
                let had = dead.permits.len() + dead.kept;
                std::mem::forget((dead.mutex, dead.write));
                dead.reads.into_iter().for_each(std::mem::forget);
                dead.permits.into_iter().for_each(std::mem::forget);
                // SAFETY: its guards were forgotten, and the number is used again only after these
                // calls.
                assert_eq!(unsafe { locks.mutex.recover(me) }, had_mutex);
                // SAFETY: its guards were forgotten, and the number is used again only after these
                // calls.
                assert_eq!(unsafe { locks.lock.recover(me) }, wrote || read);
                // SAFETY: its guards were forgotten, and the number is used again only after these
                // calls.
                assert_eq!(unsafe { locks.places.recover(me) }, had);
                told.mutex |= had_mutex;
                told.lock |= wrote;
            }
        }
        let holder = |held: fn(&Hands) -> bool| {
            all.iter().position(held).and_then(|who| Participant::new(who as u16 + 1))
        };
        assert_eq!(locks.mutex.holder(), holder(|hands| hands.mutex.is_some()));
        assert_eq!(locks.lock.writer(), holder(|hands| hands.write.is_some()));
        assert_eq!(locks.count.permits(), permits);
    }
}

#[test]
fn any_sequence_with_deaths_matches_the_account() {
    (0..scaled(60) as u64).for_each(check);
}
