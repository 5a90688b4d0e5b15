//! [`ringway_core::lock`]: when the holder of a lock dies, the next one gets the lock and is told,
//! and nobody who waits is forgotten.
//!
//! The locks protect a sum: 100, in two parts. A holder changes it in two steps, so a death in
//! between shows: the sum may be wrong only for a holder that is told of the death.

mod barrier;
mod bounded;
mod condition;
mod event;
mod mutex;
mod reentrant;
mod rwlock;
mod semaphore;

use crate::crash::run::Entry;
use crate::crash::{Check, Found};
use ringway::lock::{LockError, OwnerDied, TryLockResult};
use std::cell::RefCell;

pub fn entries() -> impl Iterator<Item = Entry> {
    mutex::entries()
        .chain(reentrant::entries())
        .chain(rwlock::entries())
        .chain(semaphore::entries())
        .chain(bounded::entries())
        .chain(condition::entries())
        .chain(event::entries())
        .chain(barrier::entries())
}

/// Two parts, which are 100 together.
type Parts = [u64; 2];

const WHOLE: Parts = [60, 40];

/// Moves 1 from one part to the other. In between the sum is wrong.
fn change(parts: &mut Parts) {
    let [one, other] = parts;
    // Volatile, so that the compiler makes two stores.
    // SAFETY: the pointer comes from an exclusive reference.
    unsafe { std::ptr::from_mut(one).write_volatile(*one + 1) };
    // SAFETY: the pointer comes from an exclusive reference.
    unsafe { std::ptr::from_mut(other).write_volatile(*other - 1) };
}

/// The guard, and whether the holder before died; or why the lock was not taken.
pub fn taken<G>(answer: TryLockResult<G>) -> Result<(G, bool), String> {
    match answer {
        Ok(guard) => Ok((guard, false)),
        Err(LockError::OwnerDied(OwnerDied(guard))) => Ok((guard, true)),
        Err(LockError::NotTaken(error)) => Err(format!("the lock is not back: {error}")),
    }
}

/// What the next holder found: whether it was told of a death, and the parts.
fn found_in(died: bool, parts: Parts) -> [u64; 3] {
    [died.into(), parts[0], parts[1]]
}

/// The next holder is told of a death if and only if there was one; only then may the sum be wrong.
fn told(found: &Found) -> Check<u32> {
    match *found.seen {
        [died, one, other] => match (found.held, died, one, other) {
            (false, 0, 60, 40) if !found.ended => Ok(0),
            (true, 1, 60, 40) => Ok(1),
            (true, 1, 61, 40) => Ok(2),
            (true, 1, 61, 39) => Ok(3),
            (false, 0, 61, 39) => Ok(4),
            _ => Err("OwnerDied if and only if the holder died, and else a sum of 100".into()),
        },
        _ => Err("the next holder finds two parts".into()),
    }
}

thread_local! {
    /// What the parent holds, until [`let_go`].
    static HELD: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// The parent holds this until [`let_go`].
fn hold<G>(guard: G) {
    let guard: Box<dyn FnOnce()> = Box::new(move || drop(guard));
    forget_held();
    // SAFETY: only the lifetime changes. The structure that the guard borrows stays in place while
    // its rows run. It is replaced only after `begin` has made the parent forget what it held.
    let guard = unsafe { std::mem::transmute::<Box<dyn FnOnce() + '_>, Box<dyn FnOnce()>>(guard) };
    HELD.with_borrow_mut(|held| *held = Some(guard));
}

/// The parent gives back what it holds.
fn let_go() {
    if let Some(guard) = HELD.take() {
        guard();
    }
}

/// Forgets what the parent held of a structure that no longer exists.
fn forget_held() {
    if let Some(guard) = HELD.take() {
        std::mem::forget(guard);
    }
}
