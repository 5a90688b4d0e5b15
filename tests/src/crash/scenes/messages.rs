//! [`ringway_core::ring::messages::MessageRing`]: a message of any length arrives whole or not at
//! all. The scenes of the byte ring cover the halves and the waiting.

use super::{Sleeper, late};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, Found, Operation, SURVIVOR, Structure, WITNESS};
use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::messages::MessageRing;

const N: usize = 64;
type Messages = MessageRing<N, Sleeper>;

impl Structure for Messages {
    const NAME: &'static str = "MessageRing";

    fn fresh() -> Self {
        MessageRing::new()
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { MessageRing::recover(self, dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        drain(self, seen)?;
        send(self, &[9, 8]);
        send(self, &[7]);
        let mut again = Vec::new();
        drain(self, &mut again)?;
        if again != [9, 7] { Err(format!("sent 9, 7 and received {again:?}")) } else { Ok(()) }
    }
}

/// A message is a number, followed by numbers that are one less each.
fn number(message: &[u8]) -> Check<u64> {
    let first = *message.first().ok_or("an empty message")?;
    let whole = (0..).zip(message).all(|(n, byte)| *byte == first - n);
    if whole { Ok(first.into()) } else { Err(format!("not a message: {message:?}")) }
}

fn send(ring: &Messages, message: &[u8]) {
    ring.sender_as(SURVIVOR).expect("nobody has it").try_send(message).expect("there is room");
}

/// What the receiver does while the sender is suspended.
fn drain(ring: &Messages, seen: &mut Vec<u64>) -> Check {
    let mut receiver = ring.receiver_as(SURVIVOR).ok_or("the receiver's half is not back")?;
    loop {
        match receiver.try_peek() {
            Ok(message) => {
                seen.push(number(&message)?);
                message.release();
            }
            Err(Error::WouldBlock) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// What the sender does while the receiver is suspended.
fn fill(ring: &Messages, _: &mut Vec<u64>) -> Check {
    let mut sender = ring.sender_as(SURVIVOR).ok_or("the sender's half is not back")?;
    sender.try_send(&[101, 100]).map_err(|error| format!("there is room: {error}"))
}

/// Moves the positions forward, close to the end of the memory.
fn move_on(ring: &Messages) {
    send(ring, &[20; 20].map(|n: u8| n));
    send(ring, &[20; 20]);
    let mut receiver = ring.receiver_as(SURVIVOR).expect("nobody has it");
    while receiver.try_recv(&mut [0; N]).is_ok() {}
}

fn sent(found: &Found) -> Check<u32> {
    match (found.seen, found.ended) {
        ([1], false) => Ok(0),
        ([1, 50], _) => Ok(1),
        _ => Err("1, and 50 at most, and 50 after the return".into()),
    }
}

fn sees_it(seen: &[u64]) -> u32 {
    seen.contains(&50).into()
}

const LONG: [u8; 18] = [50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33];

fn received(found: &Found) -> Check<u32> {
    let seen = found.seen.strip_suffix(&[101]).unwrap_or(found.seen);
    match (seen, found.got, found.ended) {
        ([1, 2], [], false) => Ok(0),
        // It may have read the message in place before it released it.
        ([1, 2], [1], false) => Ok(1),
        ([2], [], false) => Ok(2),
        ([2], [1], _) => Ok(3),
        _ => Err("2 once; 1 released by the child, or to another".into()),
    }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    run::entries::<Messages>(vec![
        Operation::new(
            "send",
            |ring: &Messages| send(ring, &[1]),
            |ring, note| {
                let mut sender = ring.sender_as(CHILD).expect("nobody has it");
                note.begin();
                let sent = sender.try_send(&LONG);
                note.end();
                sent.expect("there is room");
            },
            sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "reserve behind a gap, fill, commit",
            |ring: &Messages| {
                move_on(ring);
                send(ring, &[1]);
            },
            |ring, note| {
                let mut sender = ring.sender_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(mut grant) = sender.try_reserve(20) {
                    grant[..LONG.len()].copy_from_slice(&LONG);
                    grant.commit(LONG.len());
                }
                note.end();
            },
            sent,
        )
        .meanwhile(drain)
        .committed(sees_it),
        Operation::new(
            "receive",
            |ring: &Messages| {
                send(ring, &[1]);
                send(ring, &[2, 1]);
            },
            |ring, note| {
                let mut receiver = ring.receiver_as(CHILD).expect("nobody has it");
                let mut out = [0; N];
                note.begin();
                if receiver.try_recv(&mut out) == Ok(1) {
                    note.got(out[0].into());
                }
                note.end();
            },
            |found| match received(found) {
                Ok(1) => Err("1 to the child and to another".into()),
                other => other,
            },
        )
        .meanwhile(fill),
        Operation::new(
            "peek, use, release",
            |ring: &Messages| {
                send(ring, &[1]);
                send(ring, &[2, 1]);
            },
            |ring, note| {
                let mut receiver = ring.receiver_as(CHILD).expect("nobody has it");
                note.begin();
                if let Ok(message) = receiver.try_peek() {
                    note.got(message[0].into());
                    message.release();
                }
                note.end();
            },
            received,
        )
        .meanwhile(fill),
        Operation::new(
            "send, and wake the receiver",
            |_: &Messages| (),
            |ring, note| {
                let mut sender = ring.sender_as(CHILD).expect("nobody has it");
                note.begin();
                let sent = sender.send_deadline(&LONG, None);
                note.end();
                sent.expect("there is room");
            },
            |found| match (found.seen, found.witness, found.ended) {
                // The receiver is told that the sender is gone.
                ([], [], false) => Ok(0),
                ([], [50], _) => Ok(1),
                _ => Err("the message to the receiver who waits, or to nobody".into()),
            },
        )
        .witness(
            |ring, note| {
                let mut receiver = ring.receiver_as(WITNESS).expect("nobody has it");
                let mut out = [0; N];
                match receiver.recv_deadline(&mut out, late()) {
                    Ok(count) => note.got(number(&out[..count]).expect("a whole message")),
                    Err(end) => assert_eq!(end, Error::EndOfFile),
                }
            },
            |_, _| (),
        ),
    ])
}
