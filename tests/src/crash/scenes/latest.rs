//! [`ringway_core::ring::latest`]: there is always a whole newest value, whichever process stops at
//! whatever point.

use super::{Message, Sleeper, late, message, number};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Found, Operation, SURVIVOR, Structure};
use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::latest::{Latest, Version};
use std::mem::forget;

type Newest = Latest<Message, Sleeper>;

impl Structure for Newest {
    const NAME: &'static str = "Latest";

    fn fresh() -> Self {
        Latest::new()
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { Latest::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        leave(self);
        load(self, seen)?;
        let mut writer = self.writer_as(SURVIVOR).ok_or("the writer's half is not back")?;
        for n in 60..70 {
            writer.store(message(n));
            match self.load() {
                Some((found, _)) if found == message(n) => {}
                other => return Err(format!("stored {n}, loaded {other:?}")),
            }
        }
        Ok(())
    }
}

/// The survivor has no half any more.
fn leave(newest: &Newest) {
    // SAFETY: the survivor forgot every half that it took, and takes no step with one.
    unsafe { Latest::recover(newest, SURVIVOR) };
}

/// What a reader loads, and a check whether it is the newest.
fn load(newest: &Newest, seen: &mut Vec<u64>) -> Check {
    if let Some((found, version)) = newest.load() {
        seen.push(number(found)?);
        if newest.load_newer(version).is_some() {
            return Err("there was a newer one, though nobody stored it".into());
        }
    }
    Ok(())
}

fn store(newest: &Newest, numbers: impl IntoIterator<Item = u64>) {
    let mut writer = newest.writer_as(SURVIVOR).expect("nobody has it");
    numbers.into_iter().for_each(|number| writer.store(message(number)));
}

/// What the writer does while a reader is suspended: it stores more values than there are slots.
fn go_on(newest: &Newest, _: &mut Vec<u64>) -> Check {
    let mut writer = newest.writer_as(SURVIVOR).ok_or("the writer's half is not back")?;
    (101..=110).for_each(|number| writer.store(message(number)));
    Ok(())
}

fn as_before(found: &Found) -> Check<u32> {
    match found.seen {
        [2] | [2, 2] => Ok(0),
        _ => Err("2".into()),
    }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Newest>(vec![
        Operation::new(
            "store",
            |newest: &Newest| store(newest, [1, 2]),
            |newest, note| {
                let mut writer = newest.writer_as(CHILD).expect("nobody has it");
                note.begin();
                writer.store(message(3));
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([2], false) => Ok(0),
                // Those who loaded while it was suspended, and those who loaded later.
                ([3] | [2, 3] | [3, 3], _) => Ok(1),
                _ => Err("2, or 3, and 3 after the return".into()),
            },
        )
        .meanwhile(load)
        .committed(|seen| seen.contains(&3).into()),
        Operation::new(
            "load",
            |newest: &Newest| store(newest, [1, 2]),
            |newest, note| {
                note.begin();
                if let Some((found, _)) = newest.load() {
                    note.got(number(found).expect("a whole value"));
                }
                note.end();
            },
            |found| match (found.seen, found.got) {
                ([2], []) => Ok(0),
                ([2], [2]) => Ok(1),
                // A suspended reader goes on with the value that it had, or with the newest.
                ([110], [2 | 110]) => Ok(1),
                _ => Err("a whole value, the newest of its time".into()),
            },
        )
        .meanwhile(go_on),
        Operation::new(
            "take the writer's half, drop it",
            |newest: &Newest| store(newest, [1, 2]),
            |newest, note| {
                note.begin();
                drop(newest.writer_as(CHILD));
                note.end();
            },
            as_before,
        )
        .meanwhile(load),
        Operation::new(
            "recover another",
            |newest: &Newest| {
                store(newest, [1, 2]);
                forget(newest.writer_as(EARLIER));
            },
            |newest, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { Latest::recover(newest, EARLIER) };
                note.end();
            },
            as_before,
        )
        .meanwhile(load),
        Operation::new(
            "store, and wake a reader",
            |_: &Newest| (),
            |newest, note| {
                let mut writer = newest.writer_as(CHILD).expect("nobody has it");
                note.begin();
                writer.store(message(3));
                note.end();
            },
            |found| match (found.seen, found.witness, found.ended) {
                // The reader is told that the writer is gone.
                ([], [], false) => Ok(0),
                ([3], [3], _) => Ok(1),
                _ => Err("3 to all who look, or to nobody".into()),
            },
        )
        .witness(
            |newest, note| match newest.wait_newer_deadline(Version::NONE, late()) {
                Ok((found, _)) => note.got(number(found).expect("a whole value")),
                Err(end) => assert_eq!(end, Error::EndOfFile),
            },
            |_, _| (),
        ),
        Operation::new(
            "wait for a newer one, asleep",
            |_: &Newest| (),
            |newest, note| {
                note.begin();
                if let Ok((found, _)) = newest.wait_newer(Version::NONE) {
                    note.got(number(found).expect("a whole value"));
                }
                note.end();
            },
            |found| match (found.got, found.ended) {
                ([], false) => Ok(0),
                ([1000], _) => Ok(1),
                _ => Err("the first that was stored".into()),
            },
        )
        .wake(|newest, n, _| store(newest, [1000 + n])),
    ])
}
