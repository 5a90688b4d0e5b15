//! [`ringway_core::ring::Ring`]: what was published arrives, what was not published never does, and
//! the half of a dead process can be taken again.

use super::{Message, Sleeper, WAKES, late, message, number, woken_once};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Found, Operation, SURVIVOR, Structure, WITNESS};
use ringway_core::participant::Participant;
use ringway_core::ring::Ring;
use std::mem::forget;

const N: usize = 4;
type Values = Ring<Message, N, Sleeper>;

impl Structure for Values {
    const NAME: &'static str = "Ring";

    fn fresh() -> Self {
        Ring::new()
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { Ring::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        leave(self);
        drain(self, seen)?;
        let mut producer = self.producer_as(SURVIVOR).ok_or("the producer's half is not back")?;
        let room = (0..).take_while(|n| producer.try_push(message(*n)).is_ok()).count();
        if room != N {
            return Err(format!("there is room for {room} messages, and not for {N}"));
        }
        let mut again = Vec::new();
        drain(self, &mut again)?;
        if again != [0, 1, 2, 3] {
            Err(format!("pushed 0 to 3 and popped {again:?}"))
        } else {
            Ok(())
        }
    }
}

/// The survivor has no half any more.
fn leave(ring: &Values) {
    // SAFETY: the survivor forgot every half that it took, and takes no step with one.
    unsafe { Ring::recover(ring, SURVIVOR) };
}

/// What the consumer does while the producer is suspended: it takes what is there.
fn drain(ring: &Values, seen: &mut Vec<u64>) -> Check {
    let mut consumer = ring.consumer_as(SURVIVOR).ok_or("the consumer's half is not back")?;
    while let Some(found) = consumer.try_pop() {
        seen.push(number(found)?);
    }
    Ok(())
}

/// What the producer does while the consumer is suspended: it fills the free slots.
fn fill(ring: &Values, _: &mut Vec<u64>) -> Check {
    let mut producer = ring.producer_as(SURVIVOR).ok_or("the producer's half is not back")?;
    for number in [101, 102] {
        producer.try_push(message(number)).map_err(|_| "there is room for two")?;
    }
    Ok(())
}

fn push(ring: &Values, numbers: impl IntoIterator<Item = u64>) {
    let mut producer = ring.producer_as(SURVIVOR).expect("nobody has it");
    for number in numbers {
        producer.try_push(message(number)).expect("there is room");
    }
}

/// The messages without those that [`fill`] sent, which must be there at the end.
fn seen_of<'a>(found: &Found<'a>) -> &'a [u64] {
    found.seen.strip_suffix(&[101, 102]).unwrap_or(found.seen)
}

/// 1 was there; 2 was sent or not sent.
fn sent(found: &Found) -> Check<u32> {
    match (found.seen, found.ended) {
        ([1], false) => Ok(0),
        ([1, 2], _) => Ok(1),
        _ => Err("1, and 2 at most, and 2 after the return".into()),
    }
}

/// 2 and 3 were sent together or not at all.
fn both_sent(found: &Found) -> Check<u32> {
    match (found.seen, found.ended) {
        ([1], false) => Ok(0),
        ([1, 2, 3], _) => Ok(1),
        _ => Err("1, and then 2 and 3 or neither".into()),
    }
}

fn sees_it(seen: &[u64]) -> u32 {
    seen.contains(&2).into()
}

/// What was popped is there for the next consumer, or it has gone to the child, which may have died
/// before it could note it. A consumer that reads first and gives back afterwards receives it
/// again.
fn popped(found: &Found) -> Check<u32> {
    match (seen_of(found), found.got, found.ended) {
        ([1, 2], [], false) => Ok(0),
        ([2], [], false) => Ok(1),
        ([2], [1], _) => Ok(2),
        _ => Err("2 once; 1 to the child or to another, never to both".into()),
    }
}

/// A value that was read in place stays until it is released.
fn released(found: &Found) -> Check<u32> {
    match (seen_of(found), found.got, found.ended) {
        ([1, 2], [], false) => Ok(0),
        ([1, 2], [1], false) => Ok(1),
        ([2], [1], _) => Ok(2),
        _ => Err("2 once; 1 released by the child, or to another".into()),
    }
}

/// Nothing is sent and nothing received.
fn as_before(found: &Found) -> Check<u32> {
    if seen_of(found) == [1] { Ok(0) } else { Err("1 once and nothing else".into()) }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Values>(vec![
        Operation::new(
            "push",
            |ring| push(ring, [1]),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                let pushed = producer.try_push(message(2));
                note.end();
                pushed.expect("there is room");
            },
            sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "push a slice, around the end",
            |ring| {
                push(ring, [11, 12]);
                drain(ring, &mut Vec::new()).expect("nobody has it");
                push(ring, [1]);
            },
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                let pushed = producer.try_push_slice(&[message(2), message(3)]);
                note.end();
                assert_eq!(pushed, 2);
            },
            both_sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "reserve, fill, commit",
            |ring| push(ring, [1]),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(mut chunk) = producer.try_reserve(3) {
                    chunk.fill([message(2), message(3)]);
                    chunk.commit();
                }
                note.end();
            },
            both_sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "reserve, fill, drop",
            |ring| push(ring, [1]),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(mut chunk) = producer.try_reserve(2) {
                    chunk.fill([message(2), message(3)]);
                }
                note.end();
            },
            as_before,
        )
        .meanwhile(drain),
        Operation::new(
            "pop",
            |ring| push(ring, [1, 2]),
            |ring, note| {
                let mut consumer = ring.consumer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Some(found) = consumer.try_pop() {
                    note.got(found[0]);
                }
                note.end();
            },
            popped,
        )
        .meanwhile(fill),
        Operation::new(
            "peek, use, release",
            |ring| push(ring, [1, 2]),
            |ring, note| {
                let mut consumer = ring.consumer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(chunk) = consumer.try_peek(2) {
                    if let Some(found) = chunk.as_slices().0.first() {
                        note.got(found[0]);
                    }
                    chunk.release(1);
                }
                note.end();
            },
            released,
        )
        .meanwhile(fill),
        Operation::new(
            "take the producer's half, drop it",
            |ring| push(ring, [1]),
            |ring, note| {
                note.begin();
                drop(ring.producer_as(CHILD));
                note.end();
            },
            as_before,
        )
        .meanwhile(drain),
        Operation::new(
            "take the consumer's half, drop it",
            |ring| push(ring, [1]),
            |ring, note| {
                note.begin();
                drop(ring.consumer_as(CHILD));
                note.end();
            },
            as_before,
        )
        .meanwhile(fill),
        Operation::new(
            "take the producer's half, close it",
            |ring| push(ring, [1]),
            |ring, note| {
                note.begin();
                if let Some(producer) = ring.producer_as(CHILD) {
                    producer.close();
                }
                note.end();
            },
            as_before,
        )
        .meanwhile(drain),
        Operation::new(
            "take the consumer's half, close it",
            |ring| push(ring, [1]),
            |ring, note| {
                note.begin();
                if let Some(consumer) = ring.consumer_as(CHILD) {
                    consumer.close();
                }
                note.end();
            },
            as_before,
        )
        .meanwhile(fill),
        Operation::new(
            "close, and wake the consumer",
            |_: &Values| (),
            |ring, note| {
                let producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                producer.close();
                note.end();
            },
            |found| match (found.seen, found.witness) {
                // Told that the producer closed, or died.
                ([], [60]) => Ok(0),
                _ => Err("the end to the consumer who waits".into()),
            },
        )
        .witness(
            |ring, note| {
                let mut consumer = ring.consumer_as(WITNESS).expect("nobody has it");
                let end = consumer.pop_deadline(late());
                assert_eq!(end.err(), Some(ringway_core::Error::EndOfFile));
                note.got(60);
            },
            |_, _| (),
        ),
        Operation::new(
            "recover another",
            |ring| {
                push(ring, [1]);
                forget(ring.producer_as(EARLIER));
                forget(ring.consumer_as(EARLIER));
            },
            |ring, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { Ring::recover(ring, EARLIER) };
                note.end();
            },
            as_before,
        ),
        Operation::new(
            "push, and wake the consumer",
            |_: &Values| (),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                let pushed = producer.push_deadline(message(2), None);
                note.end();
                pushed.expect("there is room");
            },
            |found| match (found.seen, found.witness, found.ended) {
                // The consumer is told that the producer is gone.
                ([], [], false) => Ok(0),
                ([], [2], _) => Ok(1),
                _ => Err("2 to the consumer who waits, or to nobody".into()),
            },
        )
        .witness(
            |ring, note| {
                let mut consumer = ring.consumer_as(WITNESS).expect("nobody has it");
                match consumer.pop_deadline(late()) {
                    Ok(found) => note.got(found[0]),
                    Err(end) => assert_eq!(end, ringway_core::Error::EndOfFile),
                }
            },
            |_, _| (),
        ),
        Operation::new(
            "pop, and wake the producer",
            |ring| push(ring, [1, 2, 3, 4]),
            |ring, note| {
                let mut consumer = ring.consumer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(found) = consumer.pop_deadline(None) {
                    note.got(found[0]);
                }
                note.end();
            },
            |found| match (found.seen, found.got, found.witness) {
                // The producer is told that the consumer is gone.
                ([1, 2, 3, 4], [], []) => Ok(0),
                ([2, 3, 4], [] | [1], []) => Ok(1),
                ([2, 3, 4, 5], [] | [1], [50]) => Ok(1),
                _ => Err("1 at most once, 2 to 4 once, and 5 if it was sent".into()),
            },
        )
        .witness(
            |ring, note| {
                let mut producer = ring.producer_as(WITNESS).expect("nobody has it");
                if producer.push_deadline(message(5), late()).is_ok() {
                    note.got(50);
                }
            },
            |_, _| (),
        ),
        Operation::new(
            "pop, asleep until there is one",
            |_: &Values| (),
            |ring, note| {
                let mut consumer = ring.consumer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(found) = consumer.pop_deadline(None) {
                    note.got(found[0]);
                }
                note.end();
            },
            |found| match (found.got, found.ended) {
                ([], false) if woken_once(found) => Ok(0),
                ([_], _) if woken_once(found) => Ok(1),
                _ => Err("one, once".into()),
            },
        )
        .wake(|ring, n, _| push(ring, [WAKES + n])),
        Operation::new(
            "push, asleep until there is room",
            |ring| push(ring, [11, 12, 13, 14]),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                // A push that comes too late for the consumer that made room is refused.
                if producer.push_deadline(message(2), None).is_ok() {
                    note.got(50);
                }
                note.end();
            },
            |found| match (found.seen, found.got, found.ended) {
                ([11, 12, 13, 14], [], _) => Ok(0),
                ([11, 12, 13, 14, 2], [], false) => Ok(1),
                ([11, 12, 13, 14, 2], [50], _) => Ok(2),
                _ => Err("11 to 14 once, 2 at most once, and once if the child was told so".into()),
            },
        )
        .wake(|ring, _, seen| {
            let mut consumer = ring.consumer_as(SURVIVOR).expect("nobody has it");
            seen.extend(consumer.try_pop().map(|found| found[0]));
        }),
    ])
}
