//! The condition, with the mutex that belongs to it.

use super::super::late;
use super::taken;
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, Found, Operation, SURVIVOR, Structure, WITNESS};
use ringway::lock::{Condition, Mutex, OwnerDied};
use ringway::shm::RobustFutex;
use ringway_core::participant::Participant;

/// The condition is 0 (false) or 1 (true).
struct So {
    so: Mutex<u64, RobustFutex>,
    changed: Condition<RobustFutex>,
}

impl Structure for So {
    const NAME: &'static str = "Condition";

    fn fresh() -> Self {
        So { so: Mutex::new(0), changed: Condition::new() }
    }

    fn is_held_by(&self, who: Participant) -> bool {
        self.so.holder() == Some(who)
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { self.so.recover(dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        let handle = self.so.handle(SURVIVOR);
        let (_guard, died) = taken(handle.try_lock())?;
        seen.push(died.into());
        Ok(())
    }
}

/// The parent makes the condition true, and notifies.
fn make_so(condition: &So) {
    if let Ok((mut so, _)) = taken(condition.so.handle(SURVIVOR).lock_deadline(late())) {
        *so = 1;
    }
    condition.changed.notify_all();
}

/// The next holder is told of a death if and only if there was one.
fn told(found: &Found) -> Check<u32> {
    if found.seen == [u64::from(found.held)] {
        Ok(found.held.into())
    } else {
        Err("OwnerDied if and only if the holder died".into())
    }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<So>(vec![
        Operation::new(
            "wait, asleep until it is so",
            |_: &So| (),
            |condition, note| {
                let handle = condition.so.handle(CHILD);
                note.begin();
                let so = condition.changed.wait_while(handle.lock().unwrap(), |so| *so == 0);
                note.got(*so.unwrap());
                note.end();
            },
            told,
        )
        .wake(|condition, _, _| make_so(condition)),
        Operation::new(
            "change, notify one that waits",
            |_: &So| (),
            |condition, note| {
                let handle = condition.so.handle(CHILD);
                note.begin();
                *handle.lock().unwrap() = 1;
                condition.changed.notify(1);
                note.end();
            },
            told,
        )
        .witness(
            |condition, note| {
                let handle = condition.so.handle(WITNESS);
                let so = handle.lock().unwrap_or_else(OwnerDied::into_inner);
                match condition.changed.wait_while_deadline(so, late(), |so| *so == 0) {
                    Ok((so, waited)) => {
                        waited.expect("in time");
                        note.got(*so);
                    }
                    Err(OwnerDied(so)) => note.got(*so),
                }
            },
            |condition, _| make_so(condition),
        ),
    ])
}
