//! The lock for one writer or several readers.

use super::super::late;
use super::{Parts, WHOLE, change, forget_held, found_in, hold, let_go, taken, told};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Found, Operation, SURVIVOR, Structure, WITNESS};
use ringway::lock::{Robust, RwLock};
use ringway::wait::Futex;
use ringway_core::participant::Participant;
use std::mem::forget;

const R: usize = 3;
type Sum = RwLock<Parts, R, Futex>;

impl Structure for Sum {
    const NAME: &'static str = "RwLock";

    fn fresh() -> Self {
        forget_held();
        RwLock::new(WHOLE)
    }

    fn is_held_by(&self, who: Participant) -> bool {
        self.writer() == Some(who)
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { RwLock::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        let_go();
        let handle = self.handle(SURVIVOR);
        let (mut guard, died) = taken(handle.try_write())?;
        seen.extend(found_in(died, *guard));
        *guard = WHOLE;
        guard.make_consistent();
        drop(guard);
        let survivor = self.handle(SURVIVOR);
        let readers = [(); R].map(|()| survivor.try_read());
        if readers.iter().all(Result::is_ok) {
            Ok(())
        } else {
            Err(format!("not {R} readers without a complaint: {readers:?}"))
        }
    }
}

/// A reader's death leaves the value as it was, and the next holder is not told.
fn only_read(found: &Found) -> Check<u32> {
    if found.seen == [0, 60, 40] { Ok(0) } else { Err("as before, and nobody is told".into()) }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Sum>(vec![
        Operation::new(
            "read, give back",
            |_: &Sum| (),
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                note.got(handle.read().unwrap()[0]);
                note.end();
            },
            only_read,
        ),
        Operation::new(
            "try_read, while another writes",
            |sum: &Sum| hold(sum.handle(SURVIVOR).write()),
            |sum, note| {
                note.begin();
                let refused = sum.handle(CHILD).try_read().is_err();
                note.end();
                assert!(refused);
            },
            only_read,
        ),
        Operation::new(
            "try_write, while another reads",
            |sum: &Sum| hold(sum.handle(SURVIVOR).read()),
            |sum, note| {
                note.begin();
                let refused = sum.handle(CHILD).try_write().is_err();
                note.end();
                assert!(refused);
            },
            |found| match (found.seen, found.held) {
                // A process that dies while it tries to write counts as one that wrote.
                ([0, 60, 40], false) | ([1, 60, 40], true) => Ok(0),
                _ => Err("as before, and told if the child had the word".into()),
            },
        ),
        Operation::new(
            "write, change, give back",
            |_: &Sum| (),
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                change(&mut handle.write().unwrap());
                note.end();
            },
            told,
        ),
        Operation::new(
            "write, asleep until readers are gone",
            |sum: &Sum| hold(sum.handle(SURVIVOR).read()),
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                change(&mut handle.write().unwrap());
                note.end();
            },
            told,
        )
        .wake(|_, _, _| let_go()),
        Operation::new(
            "read, asleep until the writer is gone",
            |sum: &Sum| hold(sum.handle(SURVIVOR).write()),
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                note.got(handle.read().unwrap()[0]);
                note.end();
            },
            only_read,
        )
        .wake(|_, _, _| let_go()),
        Operation::new(
            "recover a writer",
            |sum: &Sum| {
                let handle = sum.handle(EARLIER);
                let mut guard = handle.write().unwrap();
                guard[0] += 1;
                forget(guard);
            },
            |sum, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { RwLock::recover(sum, EARLIER) };
                note.end();
            },
            |found| match found.seen {
                [1, 61, 40] => Ok(0),
                _ => Err("OwnerDied, and what the dead one left".into()),
            },
        ),
        Operation::new(
            "recover a reader",
            |sum: &Sum| {
                forget(sum.handle(EARLIER).read());
                forget(sum.handle(EARLIER).read());
            },
            |sum, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { RwLock::recover(sum, EARLIER) };
                note.end();
            },
            only_read,
        ),
        Operation::new(
            "give back, and wake a writer",
            |_: &Sum| (),
            |sum, note| {
                let handle = sum.handle(CHILD);
                let guard = handle.read();
                note.begin();
                drop(guard);
                note.end();
            },
            |found| match (found.seen, found.witness) {
                ([0, 61, 39], [0]) => Ok(0),
                _ => Err("the writer that waits gets it, and is told nothing".into()),
            },
        )
        .witness(
            |sum, note| {
                let handle = sum.handle(WITNESS);
                let (mut guard, died) = taken(handle.write_deadline(late())).expect("in time");
                note.got(died.into());
                change(&mut guard);
            },
            |_, _| (),
        ),
        Operation::new(
            "give back, and wake a reader",
            |_: &Sum| (),
            |sum, note| {
                let handle = sum.handle(CHILD);
                let mut guard = handle.write().unwrap();
                note.begin();
                change(&mut guard);
                drop(guard);
                note.end();
            },
            |found| match (found.held, found.witness) {
                (true, [1]) => Ok(0),
                (false, [0]) => Ok(1),
                _ => {
                    Err("the reader that waits gets it, and is told of a death if there was one"
                        .into())
                }
            },
        )
        .witness(
            |sum, note| {
                let handle = sum.handle(WITNESS);
                let read = taken(handle.read_deadline(late())).expect("in time");
                note.got(read.1.into());
            },
            |_, _| (),
        ),
    ])
}
