//! The mutex that its holder can take again.

use super::super::late;
use super::{WHOLE, forget_held, found_in, hold, let_go, told};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Operation, SURVIVOR, Structure, WITNESS};
use ringway::lock::{Acquired, ReentrantMutex, Robust};
use ringway::wait::Futex;
use ringway_core::participant::Participant;
use std::mem::forget;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Two parts that are 100 together. What is to be changed behind a lock that several guards share is in cells.
type Shared = [AtomicU64; 2];
type Sum = ReentrantMutex<Shared, Futex>;

impl Structure for Sum {
    const NAME: &'static str = "Reentrant";

    fn fresh() -> Self {
        forget_held();
        ReentrantMutex::new(WHOLE.map(AtomicU64::new), Futex)
    }

    fn is_held_by(&self, who: Participant) -> bool {
        self.holder() == Some(who)
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: by the caller's word.
        unsafe { ReentrantMutex::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        let_go();
        let acquired = self.seat(SURVIVOR).try_lock().map_err(|error| error.to_string())?;
        let died = !acquired.is_clean();
        let mut guard = acquired.into_inner();
        seen.extend(found_in(died, guard.each_ref().map(|part| part.load(SeqCst))));
        guard.make_consistent();
        let twice = self.seat(SURVIVOR).try_lock().map_err(|error| error.to_string())?;
        drop((guard, twice));
        let again = self.seat(SURVIVOR).try_lock().map_err(|error| error.to_string())?;
        if again.is_clean() {
            Ok(())
        } else {
            Err("it was repaired, and the next one is told".into())
        }
    }
}

fn change([one, other]: &Shared) {
    one.fetch_add(1, SeqCst);
    other.fetch_sub(1, SeqCst);
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Sum>(vec![
        Operation::new(
            "lock twice, change, unlock twice",
            |_: &Sum| (),
            |sum, note| {
                let seat = sum.seat(CHILD);
                note.begin();
                if let Ok(outer) = seat.lock() {
                    let outer = outer.into_inner();
                    if let Ok(inner) = seat.try_lock() {
                        change(&inner.into_inner());
                    }
                    drop(outer);
                }
                note.end();
            },
            told,
        ),
        Operation::new(
            "lock, asleep until it is free",
            |sum: &Sum| hold(sum.seat(SURVIVOR).lock()),
            |sum, note| {
                let seat = sum.seat(CHILD);
                note.begin();
                if let Ok(guard) = seat.lock() {
                    change(&guard.into_inner());
                }
                note.end();
            },
            told,
        )
        .wake(|_, _, _| let_go()),
        Operation::new(
            "recover another",
            |sum: &Sum| {
                let guard = sum.seat(EARLIER).lock().expect("it is free").into_inner();
                guard[0].fetch_add(1, SeqCst);
                forget((guard, sum.seat(EARLIER).lock()));
            },
            |sum, note| {
                note.begin();
                // SAFETY: nobody acts for this one any more.
                unsafe { ReentrantMutex::recover(sum, EARLIER) };
                note.end();
            },
            |found| match found.seen {
                [1, 61, 40] => Ok(0),
                _ => Err("OwnerDied, and what the dead one left".into()),
            },
        ),
        Operation::new(
            "unlock, and wake one that waits",
            |_: &Sum| (),
            |sum, note| {
                let guard = sum.seat(CHILD).lock().expect("it is free").into_inner();
                note.begin();
                change(&guard);
                drop(guard);
                note.end();
            },
            |found| match (found.held, found.witness) {
                (true, [1]) => Ok(0),
                (false, [0]) => Ok(1),
                _ => {
                    Err("the one that waits gets it, and is told of a death if there was one"
                        .into())
                }
            },
        )
        .witness(
            |sum, note| match sum.seat(WITNESS).lock_deadline(late()).expect("in time") {
                Acquired::Clean(_) => note.got(0),
                Acquired::OwnerDied(mut guard) => {
                    note.got(1);
                    guard.make_consistent();
                }
            },
            |_, _| (),
        ),
    ])
}
