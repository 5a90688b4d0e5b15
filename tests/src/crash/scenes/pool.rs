//! [`ringway_core::ring::pool`]: a publication is seen whole or not at all, and every frame comes
//! back after a death.

use super::{Message, Sleeper, late, message, number};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Found, Operation, SURVIVOR, Structure};
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::ring::pool::{Loan, Pool, Reader, Reliability, Writer};
use std::mem::forget;

const N: usize = 3;
type Frames = Pool<N, { size_of::<Message>() }, Sleeper>;

impl Structure for Frames {
    const NAME: &'static str = "Pool";

    fn fresh() -> Self {
        Pool::new()
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { self.raw().recover(dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        leave(self);
        read(self, seen)?;
        let writer = self.raw().writer_as(SURVIVOR).ok_or("the writer's half is not back")?;
        let reader = reader(self, SURVIVOR);
        for n in 60..70 {
            // All frames at once: none is missing.
            let loans: Vec<_> = (0..N).map_while(|_| writer.try_loan_or_evict().ok()).collect();
            if loans.len() < N {
                return Err(format!("{} of {N} frames", loans.len()));
            }
            loans.into_iter().for_each(|loan| publish(loan, n));
            for _ in 0..N {
                match reader.try_recv() {
                    Ok(Some(frame)) if content(&frame)? == n => {}
                    other => return Err(format!("published {n}, received {other:?}")),
                }
            }
        }
        Ok(())
    }
}

/// The survivor has no half any more.
fn leave(pool: &Frames) {
    // SAFETY: the survivor forgot every half that it took, and takes no step with one.
    unsafe { pool.raw().recover(SURVIVOR) };
}

fn reader(pool: &Frames, who: Participant) -> Reader<'_, Sleeper> {
    pool.raw().reader_as(who, Reliability::BestEffort).expect("there are more places than readers")
}

/// A writer that keeps what was published for those who look afterwards.
fn writer(pool: &Frames, who: Participant) -> Writer<'_, Sleeper> {
    let writer = pool.raw().writer_as(who).expect("nobody has it");
    writer.set_history(N as u32 - 1);
    writer
}

fn publish(mut loan: Loan<'_, Sleeper>, number: u64) {
    for (to, word) in loan.chunks_exact_mut(8).zip(message(number)) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    loan.publish();
}

fn content(frame: &[u8]) -> Check<u64> {
    let word = |at: usize| {
        let bytes = frame.get(8 * at..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    };
    number(std::array::from_fn(|at| word(at).unwrap_or(0)))
}

/// What a reader receives that goes back to the oldest publication that is still there.
fn read(pool: &Frames, seen: &mut Vec<u64>) -> Check {
    let mut reader = reader(pool, SURVIVOR);
    let there = reader.rewind(N as u32);
    let (mut count, mut missed) = (0, 0);
    loop {
        match reader.try_recv() {
            Ok(Some(frame)) => {
                seen.push(content(&frame)?);
                count += 1;
            }
            Ok(None) => break,
            Err(RecvError::Lagged(more)) => missed += more as u32,
            Err(_) => break,
        }
    }
    if count + missed == there {
        Ok(())
    } else {
        Err(format!("of {there} publications, {count} received and {missed} missed"))
    }
}

fn send(pool: &Frames, numbers: impl IntoIterator<Item = u64>) {
    let writer = writer(pool, SURVIVOR);
    for number in numbers {
        publish(writer.try_loan_or_evict().expect("not all frames are pinned"), number);
    }
}

/// What the writer does while a reader is suspended: it publishes more than there are frames.
fn go_on(pool: &Frames, _: &mut Vec<u64>) -> Check {
    send(pool, 101..=110);
    Ok(())
}

/// Publication 1 alone, or 2 behind it, however often the survivors looked.
fn sent(found: &Found) -> Check<u32> {
    match (found.seen, found.ended) {
        ([1], false) => Ok(0),
        ([1, 2] | [1, 1, 2] | [1, 2, 1, 2], _) => Ok(1),
        _ => Err("1, and 2 at most, and 2 after the return".into()),
    }
}

/// Nothing but publication 1, which everybody sees.
fn untouched(found: &Found) -> Check<u32> {
    match found.seen {
        [1] | [1, 1] => Ok(0),
        _ => Err("1 and nothing else".into()),
    }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Frames>(vec![
        Operation::new(
            "borrow a frame, publish it",
            |pool: &Frames| send(pool, [1]),
            |pool, note| {
                let writer = writer(pool, CHILD);
                note.begin();
                publish(writer.try_loan().expect("two frames were never used"), 2);
                note.end();
            },
            sent,
        )
        .meanwhile(read)
        .committed(|seen| seen.contains(&2).into()),
        Operation::new(
            "publish, over the oldest",
            |pool: &Frames| send(pool, [1, 2, 3]),
            |pool, note| {
                let writer = writer(pool, CHILD);
                note.begin();
                publish(writer.try_loan_or_evict().expect("nobody has pinned one"), 4);
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([1, 2, 3], false) => Ok(0),
                // The writer has the frame, and the readers are told that they missed it.
                ([2, 3], false) => Ok(1),
                ([2, 3, 4], _) => Ok(2),
                _ => Err("2 and 3; 1 or 4 or neither".into()),
            },
        ),
        Operation::new(
            "borrow a frame, give it back",
            |pool: &Frames| send(pool, [1]),
            |pool, note| {
                let writer = writer(pool, CHILD);
                note.begin();
                drop(writer.try_loan());
                note.end();
            },
            untouched,
        )
        .meanwhile(read),
        Operation::new(
            "receive, let go",
            |pool: &Frames| send(pool, [1, 2]),
            |pool, note| {
                let mut reader = reader(pool, CHILD);
                reader.rewind(2);
                note.begin();
                if let Ok(Some(frame)) = reader.try_recv() {
                    note.got(content(&frame).expect("a whole publication"));
                }
                note.end();
            },
            |found| match (found.seen, found.got) {
                ([1, 2] | [.., 110], [] | [1]) => Ok(found.got.len() as u32),
                _ => Err("every reader sees all that is there".into()),
            },
        )
        .meanwhile(go_on),
        Operation::new(
            "take a reader's place, drop it",
            |pool: &Frames| send(pool, [1]),
            |pool, note| {
                note.begin();
                drop(pool.raw().reader_as(CHILD, Reliability::Reliable));
                note.end();
            },
            untouched,
        )
        .meanwhile(read),
        Operation::new(
            "take the writer's half, drop it",
            |pool: &Frames| {
                // The writer before died with a frame.
                send(pool, [1]);
                forget(writer(pool, EARLIER).try_loan());
            },
            |pool, note| {
                note.begin();
                drop(pool.raw().writer_as(CHILD));
                note.end();
            },
            untouched,
        )
        .meanwhile(read),
        Operation::new(
            "recover another",
            |pool: &Frames| {
                send(pool, [1]);
                let mut reader = reader(pool, EARLIER);
                reader.rewind(1);
                forget(reader.try_recv());
                forget(reader);
                let writer = writer(pool, EARLIER);
                forget(writer.try_loan());
                forget(writer);
            },
            |pool, note| {
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { pool.raw().recover(EARLIER) };
                note.end();
            },
            untouched,
        )
        .meanwhile(read),
        Operation::new(
            "publish, and wake a reader",
            |_: &Frames| (),
            |pool, note| {
                let writer = writer(pool, CHILD);
                note.begin();
                publish(writer.try_loan().expect("no frame was used"), 2);
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
            |pool, note| match reader(pool, crate::crash::WITNESS).recv_deadline(late()) {
                Ok(frame) => note.got(content(&frame).expect("a whole publication")),
                Err(end) => assert_eq!(end, RecvError::EndOfFile),
            },
            |_, _| (),
        ),
        Operation::new(
            "let go, and wake the writer",
            |pool: &Frames| send(pool, [1, 2, 3]),
            |pool, note| {
                let mut reader = reader(pool, CHILD);
                reader.rewind(3);
                let frames: Vec<_> = (0..3).map_while(|_| reader.try_recv().ok()?).collect();
                note.begin();
                drop(frames);
                note.end();
            },
            |found| match found.witness {
                [4] => Ok(0),
                _ => Err("the writer has a frame in any case".into()),
            },
        )
        .witness(
            |pool, note| {
                let writer = pool.raw().writer_as(crate::crash::WITNESS).expect("nobody has it");
                publish(writer.loan_deadline(late()).expect("a frame comes back"), 4);
                note.got(4);
            },
            |_, _| (),
        ),
        Operation::new(
            "receive, asleep until there is one",
            |_: &Frames| (),
            |pool, note| {
                let reader = reader(pool, CHILD);
                note.begin();
                if let Ok(frame) = reader.recv_deadline(None) {
                    note.got(content(&frame).expect("a whole publication"));
                }
                note.end();
            },
            |found| match (found.got, found.ended) {
                ([], false) => Ok(0),
                ([1000], _) => Ok(1),
                _ => Err("the first that was published".into()),
            },
        )
        .wake(|pool, n, _| send(pool, [1000 + n])),
        Operation::new(
            "borrow a frame, asleep until there is one",
            |pool: &Frames| {
                send(pool, [1, 2, 3]);
                let mut reader = reader(pool, SURVIVOR);
                reader.rewind(3);
                (0..3).for_each(|_| forget(reader.try_recv()));
                forget(reader);
            },
            |pool, note| {
                let writer = pool.raw().writer_as(CHILD).expect("nobody has it");
                note.begin();
                publish(writer.loan_deadline(None).expect("a frame comes back"), 4);
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([1, 2, 3], false) => Ok(0),
                ([1, 2] | [], false) => Ok(1),
                ([1, 2, 4] | [4] | [2, 4] | [.., 4], _) => Ok(2),
                _ => Err("4 at the end, or not yet".into()),
            },
        )
        .wake(|pool, _, _| leave(pool)),
    ])
}
