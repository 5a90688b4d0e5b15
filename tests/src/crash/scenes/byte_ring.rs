//! [`ringway_core::ring::bytes::ByteRing`]: bytes that were committed arrive in order, and no
//! others arrive.

use super::{Sleeper, late};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Found, Operation, SURVIVOR, Structure, WITNESS};
use ringway_core::participant::Participant;
use ringway_core::ring::bytes::ByteRing;
use std::mem::forget;

const N: usize = 16;
type Bytes = ByteRing<N, Sleeper>;

impl Structure for Bytes {
    const NAME: &'static str = "ByteRing";

    fn fresh() -> Self {
        ByteRing::new()
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { ByteRing::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        drain(self, seen)?;
        let mut producer = self.producer_as(SURVIVOR).ok_or("the producer's half is not back")?;
        let room = producer.try_write(&[7; 2 * N]);
        if room != N {
            return Err(format!("there is room for {room} bytes, and not for {N}"));
        }
        let mut again = Vec::new();
        drain(self, &mut again)?;
        if again != [7; N] { Err(format!("wrote sevens and read {again:?}")) } else { Ok(()) }
    }
}

/// What the consumer does while the producer is suspended: it takes what is there.
fn drain(ring: &Bytes, seen: &mut Vec<u64>) -> Check {
    let mut consumer = ring.consumer_as(SURVIVOR).ok_or("the consumer's half is not back")?;
    while let Ok(grant) = consumer.try_peek(1) {
        let count = grant.len();
        seen.extend(grant.iter().map(|byte| u64::from(*byte)));
        grant.release(count);
    }
    Ok(())
}

/// What the producer does while the consumer is suspended: it writes.
fn fill(ring: &Bytes, _: &mut Vec<u64>) -> Check {
    let mut producer = ring.producer_as(SURVIVOR).ok_or("the producer's half is not back")?;
    producer.try_write_all(&[101, 102]).map_err(|error| format!("there is room for two: {error}"))
}

fn write(ring: &Bytes, bytes: &[u8]) {
    let mut producer = ring.producer_as(SURVIVOR).expect("nobody has it");
    producer.try_write_all(bytes).expect("there is room");
}

/// Moves the positions forward by `count`, closer to the end of the memory.
fn move_on(ring: &Bytes, count: usize) {
    write(ring, &[0; N][..count]);
    drain(ring, &mut Vec::new()).expect("nobody has it");
}

const SENT: [u8; 4] = [11, 12, 13, 14];

/// All of it or nothing.
fn sent(found: &Found) -> Check<u32> {
    match (found.seen, found.ended) {
        ([1, 2], false) => Ok(0),
        ([1, 2, 11, 12, 13, 14], _) => Ok(1),
        _ => Err("1, 2, and then 11 to 14 or none of them".into()),
    }
}

fn sees_it(seen: &[u64]) -> u32 {
    seen.contains(&11).into()
}

/// What the child is known to have read is no longer there. What is there ends as the stream does.
fn read(found: &Found) -> Check<u32> {
    let stream: [u64; 4] = [1, 2, 3, 4];
    let seen = found.seen.strip_suffix(&[101, 102]).unwrap_or(found.seen);
    let gone = stream.len().checked_sub(seen.len()).ok_or("more than was written")?;
    let fits = seen == &stream[gone..] && (found.got.is_empty() || found.got == stream);
    match (fits, gone, found.got.len(), found.ended) {
        (true, 4, 4, _) => Ok(5),
        (true, gone, 0, false) => Ok(gone as u32),
        _ => Err("1 to 4 in order, each to the child or to another, never to both".into()),
    }
}

/// Bytes that were read in place stay until they are released.
fn released(found: &Found) -> Check<u32> {
    let seen = found.seen.strip_suffix(&[101, 102]).unwrap_or(found.seen);
    match (seen, found.got, found.ended) {
        ([1, 2, 3, 4], [], false) => Ok(0),
        ([1, 2, 3, 4], [1], false) => Ok(1),
        ([2, 3, 4], [1], _) => Ok(2),
        _ => Err("1 released by the child, or to another; 2 to 4 once".into()),
    }
}

fn as_before(found: &Found) -> Check<u32> {
    let seen = found.seen.strip_suffix(&[101, 102]).unwrap_or(found.seen);
    if seen == [1, 2] { Ok(0) } else { Err("1 and 2 once and nothing else".into()) }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Bytes>(vec![
        Operation::new(
            "write",
            |ring| write(ring, &[1, 2]),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                let written = producer.try_write_all(&SENT);
                note.end();
                written.expect("there is room");
            },
            sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "write, around the end",
            |ring| {
                move_on(ring, N - 4);
                write(ring, &[1, 2]);
            },
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                let written = producer.try_write_all(&SENT);
                note.end();
                written.expect("there is room");
            },
            sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "grant, fill, commit",
            |ring| write(ring, &[1, 2]),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(mut grant) = producer.try_reserve(5) {
                    grant[..4].copy_from_slice(&SENT);
                    grant.commit(4);
                }
                note.end();
            },
            sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "grant behind a gap, fill, commit",
            |ring| {
                move_on(ring, N - 4);
                write(ring, &[1, 2]);
            },
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(mut grant) = producer.try_reserve(4) {
                    grant.copy_from_slice(&SENT);
                    grant.commit(4);
                }
                note.end();
            },
            sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "grant, fill, drop",
            |ring| write(ring, &[1, 2]),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(mut grant) = producer.try_reserve(4) {
                    grant.copy_from_slice(&SENT);
                }
                note.end();
            },
            as_before,
        )
        .meanwhile(drain),
        Operation::new(
            "read, around the end",
            |ring| {
                move_on(ring, N - 2);
                write(ring, &[1, 2, 3, 4]);
            },
            |ring, note| {
                let mut consumer = ring.consumer_as(CHILD).expect("nobody has it");
                let mut out = [0; 4];
                note.begin();
                let count = consumer.try_read(&mut out);
                out[..count].iter().for_each(|byte| note.got((*byte).into()));
                note.end();
            },
            // The child is known to have read what it noted, in four notes.
            |found| match found.got {
                [] | [_, _, _, _] => read(found),
                some => {
                    let noted = found.seen.is_empty() || found.seen == [101, 102];
                    let fits = noted && [1, 2, 3, 4].starts_with(some);
                    if fits { Ok(4) } else { Err("noted, and there".into()) }
                }
            },
        )
        .meanwhile(fill),
        Operation::new(
            "peek, use, release",
            |ring| write(ring, &[1, 2, 3, 4]),
            |ring, note| {
                let mut consumer = ring.consumer_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(grant) = consumer.try_peek(1) {
                    note.got(grant[0].into());
                    grant.release(1);
                }
                note.end();
            },
            released,
        )
        .meanwhile(fill),
        Operation::new(
            "take the producer's half, drop it",
            |ring| write(ring, &[1, 2]),
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
            |ring| write(ring, &[1, 2]),
            |ring, note| {
                note.begin();
                drop(ring.consumer_as(CHILD));
                note.end();
            },
            as_before,
        )
        .meanwhile(fill),
        Operation::new(
            "recover another",
            |ring| {
                write(ring, &[1, 2]);
                forget(ring.producer_as(EARLIER));
                forget(ring.consumer_as(EARLIER));
            },
            |ring, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { ByteRing::recover(ring, EARLIER) };
                note.end();
            },
            as_before,
        ),
        Operation::new(
            "write, and wake the consumer",
            |_: &Bytes| (),
            |ring, note| {
                let mut producer = ring.producer_as(CHILD).expect("nobody has it");
                note.begin();
                let written = producer.write_deadline(&[2], None);
                note.end();
                assert_eq!(written, Ok(1));
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
                let mut out = [0; 4];
                if consumer.read_deadline(&mut out, late()).expect("a byte, or the end") == 1 {
                    note.got(out[0].into());
                }
            },
            |_, _| (),
        ),
    ])
}
