//! The locks.

use super::super::alone::{Only, participant};
use super::driver::Driver;
use super::wait::Bounded;
use ringway_core::lock::{
    BarrierView, BoundedSemaphoreView, Condition, Event, LockError, Mutex, OwnerDied,
    ReentrantMutex, Robust, RwLockView, Semaphore, TryLockResult,
};
use std::mem::forget;

/// The guard, whether or not an earlier holder died, made consistent or not.
fn held<G: Robust>(d: &Driver, taken: TryLockResult<G>) -> Option<G> {
    let guard = match taken {
        Ok(guard) => Some(guard),
        Err(LockError::OwnerDied(died)) if d.below(2) == Some(0) => Some(died.repair(|_| ())),
        Err(LockError::OwnerDied(died)) => Some(died.into_inner()),
        Err(LockError::NotTaken(_)) => None,
    };
    d.saw(guard.is_some());
    guard
}

/// Operations on a mutex and a condition, until they shall be opened anew.
pub(super) fn mutex(
    d: &Driver,
    mutex: &Mutex<[u32], Bounded>,
    condition: &Condition<Bounded>,
) -> Option<()> {
    let handles = [1, 2].map(|number| mutex.handle(participant(number)));
    let mut guard = None;
    loop {
        let which = d.next(16)?;
        let handle = &handles[d.below(2)?];
        match which {
            0..=2 if guard.is_none() => guard = held(d, handle.try_lock()),
            3 | 4 if guard.is_none() => guard = held(d, handle.lock_deadline(d.soon()?)),
            5 | 6 => {
                if let Some(guard) = &mut guard {
                    guard.iter_mut().for_each(|word| *word ^= 5);
                }
            }
            7 => drop(guard.take()),
            8 => {
                forget(guard.take());
                // SAFETY: the guard was forgotten.
                d.saw(unsafe { mutex.recover(d.either()?) });
            }
            9 => {
                let dead = d.stranger()?;
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { mutex.recover(dead) });
            }
            10 | 11 => {
                if let Some(held) = guard.take() {
                    // After the deadline it takes the mutex again, as long as that takes.
                    d.waits_for_lock(true);
                    let again = match which {
                        10 => condition.wait_deadline(held, d.soon()?),
                        _ => condition.wait_while_deadline(held, d.soon()?, |_| true),
                    };
                    let again = again.map_or_else(OwnerDied::into_inner, |(guard, _)| guard);
                    d.waits_for_lock(false);
                    guard = Some(again);
                }
            }
            12 => drop(condition.notify(d.below(4)? as u32)),
            13 => {
                let _ = (condition.notify_all(), mutex.holder());
            }
            14 => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a reentrant mutex, until it shall be opened anew.
pub(super) fn reentrant(d: &Driver, mutex: &ReentrantMutex<u64, Only, Bounded>) -> Option<()> {
    let handles = [1, 2].map(|number| mutex.handle(participant(number)));
    let mut guards = vec![];
    loop {
        let which = d.next(12)?;
        let handle = &handles[d.below(2)?];
        match which {
            0..=2 if guards.len() < 4 => guards.extend(held(d, handle.try_lock())),
            3 | 4 if guards.len() < 4 => guards.extend(held(d, handle.lock_deadline(d.soon()?))),
            5 => {
                if let Some(guard) = guards.last() {
                    std::hint::black_box(**guard);
                }
            }
            6 | 7 => drop(guards.pop()),
            8 => {
                guards.drain(..).for_each(forget);
                // SAFETY: the guards were forgotten.
                d.saw(unsafe { mutex.recover(d.either()?) });
            }
            9 => {
                let dead = d.stranger()?;
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { mutex.recover(dead) });
                let _ = mutex.holder();
            }
            10 => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a readers-writer lock, until it shall be opened anew.
pub(super) fn rwlock(d: &Driver, lock: &RwLockView<u64, Bounded>) -> Option<()> {
    let handles = [1, 2].map(|number| lock.handle(participant(number)));
    let (mut readers, mut writer) = (vec![], None);
    loop {
        let which = d.next(18)?;
        let handle = &handles[d.below(2)?];
        match which {
            0..=3 if readers.len() < 4 => {
                let taken = match which {
                    0 | 1 => handle.try_read(),
                    _ => handle.read_deadline(d.soon()?),
                };
                d.saw(taken.is_ok());
                readers.extend(match taken {
                    Ok(guard) | Err(LockError::OwnerDied(OwnerDied(guard))) => Some(guard),
                    Err(LockError::NotTaken(_)) => None,
                });
            }
            4 | 5 if writer.is_none() => writer = held(d, handle.try_write()),
            6 | 7 if writer.is_none() => writer = held(d, handle.write_deadline(d.soon()?)),
            8 => {
                if let Some(writer) = &mut writer {
                    **writer ^= 5;
                } else if let Some(reader) = readers.last() {
                    std::hint::black_box(**reader);
                }
            }
            9 | 10 => drop(readers.pop()),
            11 | 12 => drop(writer.take()),
            13 => {
                readers.drain(..).for_each(forget);
                forget(writer.take());
                // SAFETY: the guards were forgotten.
                d.saw(unsafe { lock.recover(d.either()?) });
            }
            14 => {
                let dead = d.stranger()?;
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { lock.recover(dead) });
            }
            15 => {
                let _ = (lock.writer(), lock.readers());
            }
            16 => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a semaphore, until it shall be opened anew.
pub(super) fn semaphore(d: &Driver, semaphore: &Semaphore<2, Bounded>) -> Option<()> {
    loop {
        match d.next(8)? {
            0 | 1 => d.saw(semaphore.try_acquire().is_ok()),
            2 => d.saw(semaphore.acquire_deadline(d.soon()?).is_ok()),
            3 => d.saw(semaphore.release(d.below(4)? as u32).is_ok()),
            4 => d.saw(semaphore.release(u32::MAX - d.below(4)? as u32).is_ok()),
            5 => assert!(semaphore.permits() <= Semaphore::<2, Bounded>::MAX),
            6 => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a bounded semaphore, until it shall be opened anew.
pub(super) fn bounded(d: &Driver, semaphore: &BoundedSemaphoreView<Bounded>) -> Option<()> {
    let handles = [1, 2].map(|number| semaphore.handle(participant(number)));
    let mut permits = vec![];
    loop {
        let which = d.next(14)?;
        let handle = &handles[d.below(2)?];
        match which {
            0..=4 if permits.len() < 4 => {
                let permit = match which {
                    0..=2 => handle.try_acquire(),
                    _ => handle.acquire_deadline(d.soon()?),
                };
                d.saw(permit.is_ok());
                permits.extend(permit);
            }
            5 | 6 => drop(permits.pop()),
            7 => {
                if let Some(permit) = permits.pop() {
                    permit.keep();
                }
            }
            8 => d.saw(handle.release().is_ok()),
            9 => {
                permits.drain(..).for_each(forget);
                // SAFETY: the permits were forgotten.
                d.saw(unsafe { semaphore.recover(d.either()?) } > 0);
            }
            10 => {
                let dead = d.stranger()?;
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { semaphore.recover(dead) } > 0);
            }
            11 => drop(semaphore.permits()),
            12 => return Some(()),
            _ => {}
        }
    }
}

/// Operations on an event, until it shall be opened anew.
pub(super) fn event(d: &Driver, event: &Event<Bounded>) -> Option<()> {
    loop {
        match d.next(8)? {
            0 | 1 => event.set(),
            2 => event.clear(),
            3 => d.saw(event.is_set()),
            4 | 5 => d.saw(event.wait_deadline(d.soon()?).is_ok()),
            6 => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a barrier, until it shall be opened anew.
pub(super) fn barrier(d: &Driver, barrier: &BarrierView<Bounded>) -> Option<()> {
    let handles = [1, 2].map(|number| barrier.handle(participant(number)));
    loop {
        let which = d.next(10)?;
        let handle = &handles[d.below(2)?];
        match which {
            0..=2 => d.saw(handle.wait_deadline(d.soon()?).is_ok()),
            3 | 4 => barrier.reset(),
            5 => barrier.abort(),
            6 => {
                // SAFETY: nothing acts for this participant between two calls.
                d.saw(unsafe { barrier.recover(d.either()?) });
            }
            7 => {
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { barrier.recover(d.stranger()?) });
                let _ = (barrier.waiting(), barrier.is_broken(), barrier.parties());
            }
            8 => return Some(()),
            _ => {}
        }
    }
}
