//! The event.

use super::super::late;
use crate::crash::run::{self, Entry};
use crate::crash::{Check, Operation, Structure};
use ringway::lock::Event;
use ringway::shm::RobustFutex;
use ringway_core::participant::Participant;

type Signal = Event<RobustFutex>;

impl Structure for Signal {
    const NAME: &'static str = "Event";

    fn fresh() -> Self {
        Event::new()
    }

    unsafe fn recover(&self, _: Participant) {}

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        seen.push(self.is_set().into());
        others(self, &mut Vec::new())
    }
}

/// What others do meanwhile.
fn others(event: &Signal, _: &mut Vec<u64>) -> Check {
    let was = event.is_set();
    event.set();
    if !event.is_set() || event.wait_deadline(late()).is_err() {
        return Err("it was set and is not".into());
    }
    event.clear();
    if event.is_set() {
        return Err("it was cleared and is set".into());
    }
    if was {
        event.set();
    }
    Ok(())
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Signal>(vec![
        Operation::new(
            "set, and wake one that waits",
            |_: &Signal| (),
            |event, note| {
                note.begin();
                event.set();
                note.end();
            },
            |found| match found.seen {
                [1] => Ok(0),
                _ => Err("set, by the child or by the parent".into()),
            },
        )
        .witness(|event, _| event.wait_deadline(late()).expect("in time"), |event, _| event.set()),
        Operation::new(
            "set",
            |_: &Signal| (),
            |event, note| {
                note.begin();
                event.set();
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([0], false) => Ok(0),
                ([1], _) => Ok(1),
                _ => Err("set after the return".into()),
            },
        )
        .meanwhile(others),
        Operation::new(
            "clear",
            Event::set,
            |event: &Signal, note| {
                note.begin();
                event.clear();
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([1], false) => Ok(0),
                ([0], _) => Ok(1),
                _ => Err("cleared after the return".into()),
            },
        ),
        Operation::new(
            "wait, asleep until it is set",
            |_: &Signal| (),
            |event, note| {
                note.begin();
                event.wait();
                note.end();
            },
            |found| match (found.wakes, found.seen) {
                (0, [0]) if !found.ended => Ok(0),
                (1.., [1]) => Ok(1),
                _ => Err("set if it was set".into()),
            },
        )
        .wake(|event, _, _| event.set()),
    ])
}
