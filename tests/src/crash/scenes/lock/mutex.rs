//! The mutex.

use super::super::late;
use super::{Parts, WHOLE, change, forget_held, found_in, hold, let_go, taken, told};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Operation, SURVIVOR, Structure, WITNESS};
use ringway::lock::{LockError, Mutex, OwnerDied, Robust};
use ringway::wait::Futex;
use ringway_core::participant::Participant;
use std::mem::forget;

type Sum = Mutex<Parts, Futex>;

impl Structure for Sum {
    const NAME: &'static str = "Mutex";

    fn fresh() -> Self {
        forget_held();
        Mutex::new(WHOLE)
    }

    fn is_held_by(&self, who: Participant) -> bool {
        self.holder() == Some(who)
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { Mutex::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        let_go();
        let handle = self.handle(SURVIVOR);
        let (mut guard, died) = taken(handle.try_lock())?;
        seen.extend(found_in(died, *guard));
        if died {
            *guard = WHOLE;
            guard.make_consistent();
        }
        drop(guard);
        match self.handle(SURVIVOR).try_lock() {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("it was repaired and given back: {error}")),
        }
    }
}

fn lock_and_die(sum: &Sum, who: Participant) {
    let handle = sum.handle(who);
    let mut guard = handle.try_lock().expect("it is free");
    guard[0] += 1;
    forget(guard);
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Sum>(vec![
        Operation::new(
            "lock, change, unlock",
            |_: &Sum| (),
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                change(&mut handle.lock().unwrap());
                note.end();
            },
            told,
        ),
        Operation::new(
            "try_lock, unlock",
            |_| (),
            |sum: &Sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                if let Ok(mut guard) = handle.try_lock() {
                    change(&mut guard);
                }
                note.end();
            },
            told,
        ),
        Operation::new(
            "try_lock, while another has it",
            |sum: &Sum| hold(sum.handle(SURVIVOR).lock()),
            |sum, note| {
                note.begin();
                let refused = sum.handle(CHILD).try_lock().is_err();
                note.end();
                assert!(refused);
            },
            |found| match found.seen {
                // The holder is alive, and must not be taken for dead.
                [0, 60, 40] => Ok(0),
                _ => Err("as before".into()),
            },
        ),
        Operation::new(
            "lock, asleep until it is free",
            |sum: &Sum| hold(sum.handle(SURVIVOR).lock()),
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                change(&mut handle.lock().unwrap());
                note.end();
            },
            told,
        )
        .wake(|_, _, _| let_go()),
        Operation::new(
            "lock, asleep until a death is found",
            |sum: &Sum| lock_and_die(sum, EARLIER),
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                let died = match handle.lock() {
                    Ok(_) => false,
                    Err(OwnerDied(guard)) => {
                        forget(guard);
                        true
                    }
                };
                note.end();
                assert!(died, "the holder died");
            },
            |found| match found.seen {
                [1, 61, 40] => Ok(0),
                _ => Err("OwnerDied, and what the dead one left".into()),
            },
        )
        // SAFETY: this participant takes no further step: nobody acts for it any more.
        .wake(|sum, _, _| unsafe { Structure::recover(sum, EARLIER) }),
        Operation::new(
            "repair after a death, unlock",
            |sum: &Sum| {
                lock_and_die(sum, EARLIER);
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { Structure::recover(sum, EARLIER) };
            },
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                if let Err(LockError::OwnerDied(OwnerDied(mut guard))) = handle.try_lock() {
                    guard[0] -= 1;
                    guard.make_consistent();
                }
                note.end();
            },
            |found| match (found.seen, found.held, found.ended) {
                ([1, 61, 40], _, false) => Ok(0),
                ([1, 60, 40], true, false) => Ok(1),
                ([0, 60, 40], false, _) => Ok(2),
                _ => Err("told of a death until it was repaired and given back".into()),
            },
        ),
        Operation::new(
            "recover another",
            |sum: &Sum| lock_and_die(sum, EARLIER),
            |sum, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { Mutex::recover(sum, EARLIER) };
                note.end();
            },
            |found| match found.seen {
                [1, 61, 40] => Ok(0),
                _ => Err("OwnerDied, and what the dead one left".into()),
            },
        ),
        Operation::new(
            "unlock, and wake one that waits",
            |_| (),
            |sum: &Sum, note| {
                let handle = sum.handle(CHILD);
                let mut guard = handle.lock().unwrap();
                note.begin();
                change(&mut guard);
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
            |sum, note| {
                let handle = sum.handle(WITNESS);
                let (mut guard, died) = taken(handle.lock_deadline(late())).expect("in time");
                note.got(died.into());
                if died {
                    *guard = WHOLE;
                    guard.make_consistent();
                }
            },
            |_, _| (),
        ),
    ])
}
