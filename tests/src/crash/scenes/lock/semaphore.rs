//! The counting semaphore. It records no holders, so the permits that a dead process took stay
//! taken. A permit is never half taken.

use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, Operation, SURVIVOR, Structure};
use ringway::lock::Semaphore;
use ringway::shm::RobustFutex;
use ringway_core::participant::Participant;

const START: usize = 2;
type Permits = Semaphore<START, RobustFutex>;

impl Structure for Permits {
    const NAME: &'static str = "Semaphore";

    fn fresh() -> Self {
        Semaphore::new()
    }

    unsafe fn recover(&self, _: Participant) {}

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        let permits = self.permits();
        seen.push(permits.into());
        let taken = (0..).take_while(|_| self.try_acquire().is_ok()).count();
        if taken != permits as usize {
            return Err(format!("{permits} permits, of which {taken} could be taken"));
        }
        Ok(())
    }
}

fn take_all(permits: &Permits) {
    while permits.try_acquire().is_ok() {}
}

/// What others do meanwhile: they use the permit that is left, or one that they release themselves.
fn others(permits: &Permits, _: &mut Vec<u64>) -> Check {
    for _ in 0..20 {
        permits.release(1).map_err(|error| error.to_string())?;
        if permits.try_acquire().is_err() {
            return Err("the permit that was given back cannot be taken".into());
        }
    }
    Ok(())
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    // The semaphore does not know its users.
    let _ = (CHILD, SURVIVOR);
    run::entries::<Permits>(vec![
        Operation::new(
            "acquire",
            |_: &Permits| (),
            |permits, note| {
                note.begin();
                permits.acquire();
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([2], false) => Ok(0),
                ([1], _) => Ok(1),
                _ => Err("one taken, or none".into()),
            },
        )
        .meanwhile(others),
        Operation::new(
            "release",
            |permits: &Permits| permits.acquire(),
            |permits, note| {
                note.begin();
                let released = permits.release(1);
                note.end();
                released.expect("there are few");
            },
            |found| match (found.seen, found.ended) {
                ([1], false) => Ok(0),
                ([2], _) => Ok(1),
                _ => Err("one more, or none".into()),
            },
        )
        .meanwhile(others),
        Operation::new(
            "acquire, asleep until there is one",
            take_all,
            |permits, note| {
                note.begin();
                permits.acquire();
                note.end();
            },
            |found| {
                let left = found.seen.first().copied().unwrap_or(u64::MAX);
                match (found.wakes.checked_sub(left), found.ended) {
                    (Some(0), false) => Ok(0),
                    (Some(1), _) => Ok(1),
                    _ => Err("of those that were given, one taken or none".into()),
                }
            },
        )
        .wake(|permits, _, _| permits.release(1).expect("there are few")),
        Operation::new(
            "release, and wake one that waits",
            take_all,
            |permits, note| {
                note.begin();
                let released = permits.release(1);
                note.end();
                released.expect("there are few");
            },
            |found| match (found.seen, found.ended) {
                // One permit comes from the child and one from the parent; the witness has taken
                // one.
                ([0], false) => Ok(0),
                ([1], _) => Ok(1),
                _ => Err("the one that waits has one; one is left if the child gave one".into()),
            },
        )
        .witness(
            |permits, _| permits.acquire(),
            |permits, _| permits.release(1).expect("there are few"),
        ),
    ])
}
