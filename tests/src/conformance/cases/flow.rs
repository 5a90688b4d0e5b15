//! What arrives: everything, once, in order, unaltered.

use crate::conformance::load::{Load, Sequence, is_end, read_whole, write_whole};
use crate::conformance::{Content, Scene};
use ringway::CoreError;
use std::thread;
use std::time::{Duration, Instant};

/// Sends in one thread and receives in another, and checks the end where there is one.
fn carry(scene: &Scene<'_>, load: &Load) {
    let content = scene.promises.content;
    let (mut tx, mut rx) = scene.one_way();
    thread::scope(|scope| {
        scope.spawn(move || {
            load.send(&mut tx, content);
            drop(tx);
        });
        load.receive(&mut rx, content);
        if scene.promises.end {
            let answer = rx.read(&mut [0; 16]);
            assert!(is_end(&answer, content), "after everything: {answer:?}");
        }
    });
}

pub fn order_and_integrity(scene: &Scene<'_>) {
    for seed in 1..=3 {
        carry(scene, &Load::random(seed, 200, 50_000, &scene.promises));
    }
}

pub fn many_small(scene: &Scene<'_>) {
    for size in [1, 3] {
        carry(scene, &Load::same(5_000, size));
    }
}

pub fn one_large(scene: &Scene<'_>) {
    let size = match scene.promises.content {
        // Larger than any buffer on the way.
        Content::Bytes => 9_000_001,
        Content::Messages { max, .. } => max,
    };
    carry(scene, &Load::one(size));
}

/// Every message waits for the one before it, so that both sides fall asleep again and again.
pub fn ping_pong(scene: &Scene<'_>) {
    const ROUNDS: usize = 1_000;
    let content = scene.promises.content;
    let (mut there_tx, mut there_rx) = scene.one_way();
    let (mut back_tx, mut back_rx) = scene.one_way();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut ball = [0; 9];
            for _ in 0..ROUNDS {
                read_whole(&mut there_rx, &mut ball);
                write_whole(&mut back_tx, &ball, content);
            }
        });
        let sequence = Sequence::new();
        for round in 0..ROUNDS {
            write_whole(&mut there_tx, &sequence.take(round, 9), content);
            let mut ball = [0; 9];
            read_whole(&mut back_rx, &mut ball);
            sequence.check(round, &ball);
        }
    });
}

pub fn both_directions_at_once(scene: &Scene<'_>) {
    let content = scene.promises.content;
    let load = &Load::random(4, 200, 50_000, &scene.promises);
    let (near, far) = scene.pair();
    thread::scope(|scope| {
        for end in [near, far] {
            let (mut rx, mut tx) = end.split();
            scope.spawn(move || load.send(&mut tx, content));
            scope.spawn(move || load.receive(&mut rx, content));
        }
    });
}

/// An empty write is not the end of file. An empty read takes nothing and returns at once.
pub fn zero_length_reads_and_writes(scene: &Scene<'_>) {
    let (mut tx, mut rx) = scene.one_way();
    assert_eq!(rx.read(&mut []), Ok(0), "an empty read of nothing does not wait");
    assert_eq!(rx.try_read(&mut []), Ok(0));
    assert_eq!(tx.write(&[]), Ok(0));
    assert_eq!(tx.try_write(&[]), Ok(0));
    assert_eq!(
        rx.try_read(&mut [0; 8]),
        Err(CoreError::WouldBlock),
        "an empty write sends nothing"
    );
    assert_eq!(tx.write(b"abc"), Ok(3));
    assert_eq!(tx.write(&[]), Ok(0));
    assert_eq!(rx.read(&mut []), Ok(0));
    let mut buf = [0; 3];
    read_whole(&mut rx, &mut buf);
    assert_eq!(&buf, b"abc");
    while tx.try_write(&[0; 4096]).is_ok() {}
    assert_eq!(tx.try_write(&[]), Ok(0), "nothing needs no room");
    assert_eq!(tx.write(&[]), Ok(0));
}

/// A transport that may lose a message does not alter one, and does not deliver one twice.
pub fn whole_or_not_at_all(scene: &Scene<'_>) {
    const MESSAGES: usize = 3_000;
    const SIZE: usize = 1_200;
    let (mut tx, mut rx) = scene.one_way();
    let sequence = Sequence::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MESSAGES {
                let mut message = sequence.take(number, SIZE);
                message[..8].copy_from_slice(&(number as u64).to_le_bytes());
                assert_eq!(tx.write(&message), Ok(SIZE), "sending never waits for the receiver");
            }
        });
        let mut seen = vec![false; MESSAGES];
        let mut buf = [0; SIZE + 1];
        loop {
            // Silence means that no more comes. The wait for the first message is longer.
            let patience = if seen.contains(&true) { 300 } else { 20_000 };
            match rx.read_deadline(&mut buf, Instant::now() + Duration::from_millis(patience)) {
                Err(CoreError::TimedOut) => break,
                answer => assert_eq!(answer, Ok(SIZE), "a message is whole"),
            }
            let number = u64::from_le_bytes(buf[..8].try_into().expect("8 bytes")) as usize;
            assert!(!std::mem::replace(&mut seen[number], true), "message {number} came twice");
            sequence.check(number + 8, &buf[8..SIZE]);
        }
        assert!(seen.contains(&true), "none of {MESSAGES} messages arrived");
    });
}
