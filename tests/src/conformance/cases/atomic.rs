//! Several writers: what each of them writes stays in one piece.

use crate::conformance::load::{Sequence, read_whole};
use crate::conformance::{Content, Scene, Writer};
use crate::oracle::Dice;
use ringway::CoreError;
use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

const WRITERS: usize = 4;
const RECORDS: u32 = 400;
/// Writer, size, number.
const HEAD: usize = 9;

fn record(writer: usize, number: u32, size: usize) -> Vec<u8> {
    let mut record = vec![(writer as u8) << 5 | (number % 31) as u8; size];
    record[0] = writer as u8;
    record[1..5].copy_from_slice(&(size as u32).to_le_bytes());
    record[5..9].copy_from_slice(&number.to_le_bytes());
    record
}

/// The writer, number and size that the head of a record states.
fn head(bytes: &[u8]) -> (usize, u32, usize) {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    (bytes[0].into(), number(5), number(1) as usize)
}

/// Writes a record as a whole, in one of the three forms.
fn write(tx: &mut Writer, record: &[u8], form: usize) {
    let size = record.len();
    let answer = match form {
        0 => tx.write(record),
        1 => tx.write_deadline(record, Instant::now() + Duration::from_secs(30)),
        _ => loop {
            match tx.try_write(record) {
                Err(CoreError::WouldBlock) => thread::yield_now(),
                answer => break answer,
            }
        },
    };
    assert_eq!(answer, Ok(size), "all of it or nothing, in form {form}");
}

/// Starts the writers, with records of sizes up to `most`. Calls `next` once for each record to
/// check what arrives.
fn race(
    scene: &Scene<'_>,
    most: usize,
    mut next: impl FnMut(&mut dyn FnMut(&[u8]), &mut crate::conformance::Reader),
) {
    let (first, mut rx) = scene.one_way();
    let mut writers = vec![first];
    while writers.len() < WRITERS {
        writers.push(writers[0].another());
    }
    thread::scope(|scope| {
        for (writer, mut tx) in writers.into_iter().enumerate() {
            scope.spawn(move || {
                let mut dice = Dice::new(writer as u64);
                for number in 0..RECORDS {
                    // Every fifth is of the largest size.
                    let size = if number % 5 == 0 { most } else { dice.between(HEAD, most) };
                    write(&mut tx, &record(writer, number, size), writer % 3);
                }
            });
        }
        let mut expected = [0; WRITERS];
        for _ in 0..WRITERS as u32 * RECORDS {
            next(
                &mut |bytes| {
                    let (writer, number, size) = head(bytes);
                    assert_eq!(number, expected[writer], "the order of one writer is kept");
                    expected[writer] += 1;
                    assert!(bytes == record(writer, number, size), "record {number} of {writer}");
                },
                &mut rx,
            );
        }
        assert_eq!(expected, [RECORDS; WRITERS]);
    });
}

pub fn atomic_writes(scene: &Scene<'_>) {
    let most = scene.promises.atomic.expect("for transports that promise it");
    race(scene, most, |check, rx| {
        let mut bytes = vec![0; HEAD];
        read_whole(rx, &mut bytes);
        let (writer, _, size) = head(&bytes);
        assert!(
            writer < WRITERS && (HEAD..=most).contains(&size),
            "another record lies in between"
        );
        bytes.resize(size, 0);
        read_whole(rx, &mut bytes[HEAD..]);
        check(&bytes);
    });
}

pub fn several_senders(scene: &Scene<'_>) {
    let Content::Messages { max, .. } = scene.promises.content else {
        unreachable!("for messages alone")
    };
    let most = max.min(3_000);
    race(scene, most, |check, rx| {
        let mut bytes = vec![0; most + 1];
        let count = rx.read(&mut bytes).expect("the message comes");
        assert!(count >= HEAD && head(&bytes).2 == count, "a message is whole");
        check(&bytes[..count]);
    });
}

/// A write that does not wait takes all of the record or nothing, however little room there is.
pub fn atomic_write_that_does_not_fit(scene: &Scene<'_>) {
    let most = scene.promises.atomic.expect("for transports that promise it");
    let (mut tx, mut rx) = scene.one_way();
    let sequence = Sequence::new();
    let mut dice = Dice::new(5);
    let (mut sent, mut read, mut refused) = (0, 0, 0);
    let mut buf = vec![0; most];
    let mut pending = VecDeque::new();
    for _ in 0..20_000 {
        let size = dice.between(1, most);
        // More is written than read, so it is nearly full most of the time.
        if dice.between(0, 5) > 0 {
            let past = Instant::now();
            let answer = match dice.between(0, 3) {
                0 => tx.write_deadline(&sequence.take(sent, size), past),
                _ => tx.try_write(&sequence.take(sent, size)),
            };
            match answer {
                Ok(count) => {
                    assert_eq!(count, size, "a part of a write of {size} bytes");
                    pending.push_back(size);
                    sent += size;
                }
                Err(error) => {
                    assert!(
                        matches!(error, CoreError::WouldBlock | CoreError::TimedOut),
                        "{error}"
                    );
                    refused += 1;
                }
            }
        } else {
            match rx.try_read(&mut buf[..size]) {
                Ok(count) => {
                    sequence.check(read, &buf[..count]);
                    read += count;
                }
                Err(error) => assert_eq!((error, read), (CoreError::WouldBlock, sent)),
            }
        }
    }
    assert!(refused > 100, "it was hardly ever full: {refused}");
    while read < sent {
        let count = rx.try_read(&mut buf).expect("what was taken is there");
        sequence.check(read, &buf[..count]);
        read += count;
    }
    assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock), "nothing else is there");
}
