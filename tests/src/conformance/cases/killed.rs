//! A peer in another process that does its work, and one that is killed while it works.

use crate::conformance::load::{Sequence, is_end};
use crate::conformance::peer::{Job, Peer, load};
use crate::conformance::{Content, Scene};
use ringway::CoreError;
use std::thread;
use std::time::{Duration, Instant};

pub fn peer_sends(scene: &Scene<'_>) {
    let content = scene.promises.content;
    let (end, peer) = Peer::start(scene, Job::Send);
    let mut rx = end.into_rx();
    load(&scene.promises).receive(&mut rx, content);
    if scene.promises.end {
        let answer = rx.read(&mut [0; 8]);
        assert!(is_end(&answer, content), "after the last byte: {answer:?}");
    }
    peer.finish();
}

pub fn peer_receives(scene: &Scene<'_>) {
    let (end, peer) = Peer::start(scene, Job::Receive);
    let mut tx = end.into_tx();
    load(&scene.promises).send(&mut tx, scene.promises.content);
    drop(tx);
    peer.finish();
}

pub fn peer_echoes(scene: &Scene<'_>) {
    let content = scene.promises.content;
    let (end, peer) = Peer::start(scene, Job::Echo);
    let (mut rx, mut tx) = end.split();
    thread::scope(|scope| {
        scope.spawn(|| load(&scene.promises).send(&mut tx, content));
        load(&scene.promises).receive(&mut rx, content);
    });
    peer.finish();
}

/// The reader receives what the peer sent before, whole where there are messages. Then it learns of
/// the end where the transport reports one.
pub fn peer_killed_mid_write(scene: &Scene<'_>) {
    let content = scene.promises.content;
    let sequence = Sequence::new();
    for enough in [1, 100_000] {
        let size = match content {
            // Larger than the room on the other side, so that it dies while it waits in the middle
            // of a write.
            Content::Bytes => 300_000,
            Content::Messages { max, .. } => max.min(1_000),
        };
        let (end, peer) = Peer::start(scene, Job::SendForEver(size));
        let mut rx = end.into_rx();
        let mut buf = vec![0; 20_000];
        let mut at = 0;
        let mut take = |buf: &[u8]| {
            sequence.check(at, buf);
            assert!(content == Content::Bytes || buf.len() == size, "a part of a message");
            at += buf.len();
            at
        };
        loop {
            let count = rx.read(&mut buf).expect("it sends");
            assert!(count > 0);
            if take(&buf[..count]) >= enough {
                break;
            }
        }
        peer.kill();
        loop {
            let patience = if scene.promises.end { 30_000 } else { 200 };
            let answer =
                rx.read_deadline(&mut buf, Instant::now() + Duration::from_millis(patience));
            match answer {
                Err(CoreError::Reset) if scene.promises.killed_is_reset => break,
                Err(error) if scene.promises.killed_is_reset => panic!("no reset: {error:?}"),
                _ if is_end(&answer, content) && scene.promises.end => break,
                Err(CoreError::TimedOut) if !scene.promises.end => break,
                Ok(count) => drop(take(&buf[..count])),
                Err(error) => panic!("instead of the end: {error:?}"),
            }
        }
    }
}

/// The writer is told, even if it waits for room.
pub fn peer_killed_mid_read(scene: &Scene<'_>) {
    let sequence = Sequence::new();
    let (end, peer) = Peer::start(scene, Job::ReceiveForEver);
    let mut tx = end.into_tx();
    let mut at = 0;
    let mut write = || {
        let answer = tx.write(&sequence.take(at, 1_000));
        at += *answer.as_ref().unwrap_or(&0);
        answer.map(|_| at)
    };
    while write().expect("it receives") < 500_000 {}
    thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(Duration::from_millis(5));
            peer.kill();
        });
        let error = loop {
            if let Err(error) = write() {
                break error;
            }
        };
        match error {
            CoreError::Reset => assert!(scene.promises.torn || scene.promises.killed_is_reset),
            CoreError::BrokenPipe => assert!(!scene.promises.killed_is_reset),
            other => panic!("{other:?}"),
        }
    });
}
