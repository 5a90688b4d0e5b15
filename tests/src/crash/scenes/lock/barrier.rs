//! The barrier: a party that dies in its slot breaks it; nobody hangs; after a reset it is as good
//! as new.

use super::super::late;
use crate::crash::run::{self, Entry};
use crate::crash::trace::Child;
use crate::crash::{CHILD, Check, EARLIER, Found, Operation, SURVIVOR, Structure, WITNESS};
use ringway::CoreError;
use ringway::lock::Barrier;
use ringway::wait::Futex;
use ringway_core::participant::Participant;

type Meeting = Barrier<2, Futex>;

impl Structure for Meeting {
    const NAME: &'static str = "Barrier";

    fn fresh() -> Self {
        Barrier::new()
    }

    fn is_held_by(&self, _: Participant) -> bool {
        // This is asked only for operations in which nobody else waits.
        self.waiting() > 0
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { Barrier::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        seen.push(self.is_broken().into());
        self.reset();
        // One round of two live parties.
        let mut other = Child::start(|| {
            self.handle(EARLIER).wait_deadline(late()).expect("a whole round");
        });
        let met = self.handle(SURVIVOR).wait_deadline(late());
        while other.ended().is_none() {
            std::thread::yield_now();
        }
        met.map(|_| ()).map_err(|error| format!("after the reset: {error}"))
    }
}

/// What the witness found: 1 if all came, 0 if the barrier was broken.
fn wait(meeting: &Meeting, who: Participant) -> u64 {
    match meeting.handle(who).wait_deadline(late()) {
        Ok(_) => 1,
        Err(error) => {
            assert_eq!(error, CoreError::Broken);
            0
        }
    }
}

/// If the child's call succeeded, all came; otherwise they may have.
fn met_or_broken(found: &Found) -> Check<u32> {
    match (found.got, found.witness, found.ended) {
        ([], [0 | 1], false) | ([1], [1], _) => Ok(0),
        _ => Err("the other meets the child, or is told that it is broken".into()),
    }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Meeting>(vec![
        Operation::new(
            "wait, the last to come",
            |_: &Meeting| (),
            |meeting, note| {
                note.begin();
                note.got(wait(meeting, CHILD));
                note.end();
            },
            met_or_broken,
        )
        // If the child did not come, it is the parent's to say so.
        .witness(|meeting, note| note.got(wait(meeting, WITNESS)), |meeting, _| meeting.abort()),
        Operation::new(
            "wait, asleep until it is broken",
            |_: &Meeting| (),
            |meeting, note| {
                note.begin();
                note.got(wait(meeting, CHILD));
                note.end();
            },
            |found| match (found.held, found.wakes, found.seen, found.got) {
                // It died before it came.
                (false, 0, [0], []) => Ok(0),
                // It died while it waited.
                (true, 0, [1], []) => Ok(1),
                (false, 1.., [1], []) => Ok(2),
                (false, 1.., [1], [0]) => Ok(3),
                _ => Err("broken by its death, or by the parent".into()),
            },
        )
        .wake(|meeting, _, _| meeting.abort()),
        Operation::new(
            "abort, while one waits",
            |_: &Meeting| (),
            |meeting, note| {
                note.begin();
                meeting.abort();
                note.end();
            },
            |found| match (found.seen, found.witness) {
                ([1], [0]) => Ok(0),
                _ => Err("the one that waits is told".into()),
            },
        )
        .witness(|meeting, note| note.got(wait(meeting, WITNESS)), |meeting, _| meeting.abort()),
        Operation::new(
            "reset, after it was broken",
            |barrier| barrier.abort(),
            |meeting: &Meeting, note| {
                note.begin();
                meeting.reset();
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([1], false) => Ok(0),
                ([0], _) => Ok(1),
                _ => Err("as new after the return".into()),
            },
        ),
        Operation::new(
            "recover another",
            |meeting: &Meeting| {
                // It dies while it waits.
                let other = Child::start(|| {
                    let _ = meeting.handle(EARLIER).wait();
                });
                while meeting.waiting() == 0 {
                    std::thread::yield_now();
                }
                other.kill();
            },
            |meeting, note| {
                note.begin();
                // SAFETY: this participant was reaped, so it takes no further step.
                unsafe { Barrier::recover(meeting, EARLIER) };
                note.end();
            },
            |found| if found.seen == [1] { Ok(0) } else { Err("broken by the death".into()) },
        ),
    ])
}
