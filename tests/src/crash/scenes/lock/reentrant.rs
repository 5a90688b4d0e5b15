//! The mutex that its holder can take again.

use super::super::late;
use super::{WHOLE, forget_held, found_in, hold, let_go, taken, told};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Operation, SURVIVOR, Structure, WITNESS};
use ringway::lock::{ReentrantMutex, Robust};
use ringway::wait::Futex;
use ringway_core::participant::Participant;
use std::mem::forget;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Two parts, which are 100 together. They are in cells, because several guards share the lock.
type Shared = [AtomicU64; 2];
type Sum = ReentrantMutex<Shared, Futex>;

impl Structure for Sum {
    const NAME: &'static str = "Reentrant";

    fn fresh() -> Self {
        forget_held();
        ReentrantMutex::new(WHOLE.map(AtomicU64::new))
    }

    fn is_held_by(&self, who: Participant) -> bool {
        self.holder() == Some(who)
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { ReentrantMutex::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        let_go();
        let handle = self.handle(SURVIVOR);
        let (mut guard, died) = taken(handle.try_lock())?;
        seen.extend(found_in(died, guard.each_ref().map(|part| part.load(SeqCst))));
        guard.make_consistent();
        let handle = self.handle(SURVIVOR);
        let twice = handle.try_lock().map_err(|error| error.to_string())?;
        drop((guard, twice));
        match self.handle(SURVIVOR).try_lock() {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("it was repaired and given back: {error}")),
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
                let handle = sum.handle(CHILD);
                note.begin();
                if let Ok(outer) = handle.lock() {
                    if let Ok(inner) = handle.try_lock() {
                        change(&inner);
                    }
                    drop(outer);
                }
                note.end();
            },
            told,
        ),
        Operation::new(
            "lock, asleep until it is free",
            |sum: &Sum| hold(sum.handle(SURVIVOR).lock()),
            |sum, note| {
                let handle = sum.handle(CHILD);
                note.begin();
                if let Ok(guard) = handle.lock() {
                    change(&guard);
                }
                note.end();
            },
            told,
        )
        .wake(|_, _, _| let_go()),
        Operation::new(
            "recover another",
            |sum: &Sum| {
                let handle = sum.handle(EARLIER);
                let guard = handle.lock().expect("it is free");
                guard[0].fetch_add(1, SeqCst);
                forget((guard, sum.handle(EARLIER).lock()));
            },
            |sum, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
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
                let handle = sum.handle(CHILD);
                let guard = handle.lock().expect("it is free");
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
            |sum, note| {
                let handle = sum.handle(WITNESS);
                let (mut guard, died) = taken(handle.lock_deadline(late())).expect("in time");
                note.got(died.into());
                guard.make_consistent();
            },
            |_, _| (),
        ),
    ])
}
