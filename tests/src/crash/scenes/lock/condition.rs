//! The condition, with the mutex that belongs to it.

use super::super::late;
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, Found, Operation, SURVIVOR, Structure, WITNESS};
use ringway::lock::{Condition, Mutex};
use ringway::shm::Sleep;
use ringway_core::participant::Participant;

/// Whether it is so is 0 or 1.
struct So {
    so: Mutex<u64, Sleep>,
    changed: Condition<Sleep>,
}

impl Structure for So {
    const NAME: &'static str = "Condition";

    fn fresh() -> Self {
        So { so: Mutex::new(0, Sleep), changed: Condition::new(Sleep) }
    }

    fn is_held_by(&self, who: Participant) -> bool {
        self.so.holder() == Some(who)
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: by the caller's word.
        unsafe { self.so.recover(dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        let acquired = self.so.seat(SURVIVOR).try_lock().ok_or("the lock is not back")?;
        seen.push((!acquired.is_clean()).into());
        Ok(())
    }
}

/// The parent makes it so, and says it.
fn make_so(condition: &So) {
    if let Ok(so) = condition.so.seat(SURVIVOR).lock_deadline(late()) {
        *so.into_inner() = 1;
    }
    condition.changed.notify_all();
}

/// The next holder is told of a death if and only if there was one.
fn told(found: &Found) -> Check<u32> {
    if found.seen == [found.held.into()] {
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
                let seat = condition.so.seat(CHILD);
                note.begin();
                let so = condition.changed.wait_while(seat.lock().into_inner(), |so| *so == 0);
                note.got(*so.into_inner());
                note.end();
            },
            told,
        )
        .wake(|condition, _, _| make_so(condition)),
        Operation::new(
            "change, notify one that waits",
            |_: &So| (),
            |condition, note| {
                let seat = condition.so.seat(CHILD);
                note.begin();
                *seat.lock().into_inner() = 1;
                condition.changed.notify(1);
                note.end();
            },
            told,
        )
        .witness(
            |condition, note| {
                let so = condition.so.seat(WITNESS).lock().into_inner();
                let (so, waited) = condition.changed.wait_while_deadline(so, late(), |so| *so == 0);
                waited.expect("in time");
                note.got(*so.into_inner());
            },
            |condition, _| make_so(condition),
        ),
    ])
}
