//! [`ringway_core::ring::broadcast`]: the writer and the readers do not wait for each other; a
//! message is seen whole or not at all; readers learn how many messages were overwritten.

use super::{Message, Sleeper, late, message, number};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Found, Operation, SURVIVOR, Structure};
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::{Broadcast, Reader, RecvError};
use std::mem::forget;

const N: usize = 4;
type News = Broadcast<Message, N, Sleeper>;

impl Structure for News {
    const NAME: &'static str = "Broadcast";

    fn fresh() -> Self {
        Broadcast::new()
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { Broadcast::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        leave(self);
        read(self, seen)?;
        let mut reader = self.reader();
        let mut writer = self.writer_as(SURVIVOR).ok_or("the writer's half is not back")?;
        for n in 60..70 {
            writer.send(message(n));
            match reader.try_recv() {
                Ok(Some(found)) if found == message(n) => {}
                other => return Err(format!("sent {n}, received {other:?}")),
            }
        }
        Ok(())
    }
}

/// The survivor has no half any more.
fn leave(news: &News) {
    // SAFETY: the survivor forgot every half that it took, and takes no step with one.
    unsafe { Broadcast::recover(news, SURVIVOR) };
}

/// What a reader receives that begins at the oldest message: as many as there are, less those that
/// it is told it missed.
fn read(news: &News, seen: &mut Vec<u64>) -> Check {
    let mut reader = Reader::from_oldest(news);
    let there = reader.behind();
    let (mut count, mut missed) = (0, 0);
    loop {
        match reader.try_recv() {
            Ok(Some(found)) => {
                seen.push(number(found)?);
                count += 1;
            }
            Ok(None) => break,
            Err(RecvError::Lagged(more)) => missed += more,
            Err(_) => break,
        }
    }
    if count + missed == there {
        Ok(())
    } else {
        Err(format!("of {there} messages, {count} received and {missed} missed"))
    }
}

fn send(news: &News, numbers: impl IntoIterator<Item = u64>) {
    let mut writer = news.writer_as(SURVIVOR).expect("nobody has it");
    numbers.into_iter().for_each(|number| writer.send(message(number)));
}

/// What the writer does while a reader is suspended: it sends more messages than there are slots.
fn go_on(news: &News, _: &mut Vec<u64>) -> Check {
    let mut writer = news.writer_as(SURVIVOR).ok_or("the writer's half is not back")?;
    (101..=110).for_each(|number| writer.send(message(number)));
    Ok(())
}

fn sent(found: &Found) -> Check<u32> {
    // Those who received while it was suspended may have seen the message, and the others see it
    // again later.
    match (found.seen, found.ended) {
        ([1], false) => Ok(0),
        ([1, 2] | [1, 1, 2] | [1, 2, 1, 2], _) => Ok(1),
        _ => Err("1, and 2 at most, and 2 after the return".into()),
    }
}

fn sees_it(seen: &[u64]) -> u32 {
    seen.contains(&2).into()
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<News>(vec![
        Operation::new(
            "send",
            |news: &News| send(news, [1]),
            |news, note| {
                let mut writer = news.writer_as(CHILD).expect("nobody has it");
                note.begin();
                writer.send(message(2));
                note.end();
            },
            sent,
        )
        .meanwhile(read)
        .committed(sees_it),
        Operation::new(
            "send, over the oldest",
            |news: &News| send(news, [1, 2, 3, 4]),
            |news, note| {
                let mut writer = news.writer_as(CHILD).expect("nobody has it");
                note.begin();
                writer.send(message(5));
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([1, 2, 3, 4], false) => Ok(0),
                // The writer is writing its slot, and the readers are told that they missed it.
                ([2, 3, 4], false) => Ok(1),
                ([2, 3, 4, 5], _) => Ok(2),
                _ => Err("2 to 4; 1 or 5 or neither".into()),
            },
        ),
        Operation::new(
            "receive",
            |news: &News| send(news, [1, 2]),
            |news, note| {
                let mut reader = Reader::from_oldest(news);
                note.begin();
                if let Ok(Some(found)) = reader.try_recv() {
                    note.got(number(found).expect("a whole message"));
                }
                note.end();
            },
            |found| match (found.seen, found.got) {
                // A reader leaves nothing behind and takes nothing away. It does not receive what
                // is overwritten meanwhile.
                ([1, 2] | [107, 108, 109, 110], [] | [1]) => Ok(found.got.len() as u32),
                _ => Err("every reader sees all that is there".into()),
            },
        )
        .meanwhile(go_on),
        Operation::new(
            "take the writer's half, drop it",
            |news: &News| send(news, [1]),
            |news, note| {
                note.begin();
                drop(news.writer_as(CHILD));
                note.end();
            },
            |found| match found.seen {
                [1] | [1, 1] => Ok(0),
                _ => Err("1 and nothing else".into()),
            },
        )
        .meanwhile(read),
        Operation::new(
            "recover another",
            |news: &News| {
                send(news, [1]);
                forget(news.writer_as(EARLIER));
            },
            |news, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { Broadcast::recover(news, EARLIER) };
                note.end();
            },
            |found| match found.seen {
                [1] | [1, 1] => Ok(0),
                _ => Err("1 and nothing else".into()),
            },
        )
        .meanwhile(read),
        Operation::new(
            "send, and wake a reader",
            |_: &News| (),
            |news, note| {
                let mut writer = news.writer_as(CHILD).expect("nobody has it");
                note.begin();
                writer.send(message(2));
                note.end();
            },
            |found| match (found.seen, found.witness, found.ended) {
                // The reader is told that the writer is gone.
                ([], [], false) => Ok(0),
                ([2], [2], _) => Ok(1),
                _ => Err("2 to all who look, or to nobody".into()),
            },
        )
        .witness(
            |news, note| match news.reader().recv_deadline(late()) {
                Ok(found) => note.got(number(found).expect("a whole message")),
                Err(end) => assert_eq!(end, RecvError::EndOfFile),
            },
            |_, _| (),
        ),
        Operation::new(
            "receive, asleep until there is one",
            |_: &News| (),
            |news, note| {
                let mut reader = news.reader();
                note.begin();
                if let Ok(found) = reader.recv() {
                    note.got(number(found).expect("a whole message"));
                }
                note.end();
            },
            |found| match (found.got, found.ended) {
                ([], false) => Ok(0),
                ([1000], _) => Ok(1),
                _ => Err("the first that was sent".into()),
            },
        )
        .wake(|news, n, _| send(news, [1000 + n])),
    ])
}
