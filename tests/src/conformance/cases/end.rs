//! The end: what one side learns when the other leaves, and when.

use crate::conformance::load::{Load, Sequence, is_end, read_whole, write_whole};
use crate::conformance::{Answer, Reader, Scene, Writer};
use ringway::CoreError;
use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

/// How long the other side waits before it leaves, in milliseconds. It leaves before, while and
/// after this side falls asleep.
const PAUSES: [u64; 6] = [0, 0, 1, 2, 5, 20];

#[track_caller]
fn assert_end(rx: &mut Reader, scene: &Scene<'_>) {
    let answer = rx.read(&mut [0; 16]);
    assert!(is_end(&answer, scene.promises.content), "instead of the end of file: {answer:?}");
}

/// Whether it says that nobody reads. A connection that was torn down may say so for
/// once.
fn is_broken(answer: &Answer<usize>, scene: &Scene<'_>) -> bool {
    match answer {
        Err(CoreError::BrokenPipe) => true,
        Err(CoreError::Reset) => scene.promises.torn,
        _ => false,
    }
}

/// Writes until it is told that nobody reads.
#[track_caller]
fn write_until_broken(tx: &mut Writer, piece: &[u8], scene: &Scene<'_>) {
    loop {
        match tx.write(piece) {
            Ok(_) => {}
            answer if is_broken(&answer, scene) => return,
            other => panic!("instead of a broken pipe: {other:?}"),
        }
    }
}

/// What was written before the close is read after it. Then comes the end, every time that the
/// reader asks.
pub fn end_of_file(scene: &Scene<'_>) {
    let content = scene.promises.content;
    let (mut tx, mut rx) = scene.one_way();
    // So little that it fits everywhere.
    let load = Load::random(3, 3, 15, &scene.promises);
    load.send(&mut tx, content);
    drop(tx);
    load.receive(&mut rx, content);
    for _ in 0..3 {
        assert_end(&mut rx, scene);
        let answer = rx.try_read(&mut [0; 16]);
        assert!(is_end(&answer, content), "without waiting: {answer:?}");
    }
    // An end from which nothing ever came.
    let (tx, mut rx) = scene.one_way();
    drop(tx);
    assert_end(&mut rx, scene);
}

pub fn end_of_file_wakes_a_reader(scene: &Scene<'_>) {
    for pause in PAUSES {
        let (tx, mut rx) = scene.one_way();
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(pause));
                drop(tx);
            });
            assert_end(&mut rx, scene);
        });
    }
}

pub fn end_of_file_after_the_last_writer(scene: &Scene<'_>) {
    let content = scene.promises.content;
    let (first, mut rx) = scene.one_way();
    let (mut second, third) = (first.another(), first.another());
    let mut buf = [0; 8];
    drop(first);
    assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock), "two writers are left");
    write_whole(&mut second, b"bye", content);
    drop(second);
    read_whole(&mut rx, &mut buf[..3]);
    assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock), "one writer is left");
    // Also a writer that was made from one which is gone.
    let mut fourth = third.another();
    drop(third);
    assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock), "one writer is left");
    write_whole(&mut fourth, b"bye", content);
    drop(fourth);
    read_whole(&mut rx, &mut buf[..3]);
    assert_end(&mut rx, scene);
}

pub fn broken_pipe(scene: &Scene<'_>) {
    let (mut tx, rx) = scene.one_way();
    write_whole(&mut tx, b"never read", scene.promises.content);
    drop(rx);
    if !scene.promises.immediate || scene.promises.torn {
        write_until_broken(&mut tx, b"x", scene);
    }
    for _ in 0..3 {
        assert_eq!(tx.write(b"x"), Err(CoreError::BrokenPipe));
        assert_eq!(tx.try_write(b"x"), Err(CoreError::BrokenPipe));
    }
    // A reader that never read anything.
    let (mut tx, rx) = scene.one_way();
    drop(rx);
    write_until_broken(&mut tx, b"x", scene);
}

pub fn broken_pipe_wakes_a_writer(scene: &Scene<'_>) {
    for pause in PAUSES {
        let (mut tx, rx) = scene.one_way();
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(pause));
                drop(rx);
            });
            write_until_broken(&mut tx, &[7; 1000], scene);
        });
    }
}

/// One direction ends, the other goes on.
pub fn half_close(scene: &Scene<'_>) {
    let content = scene.promises.content;
    let (near, far) = scene.pair();
    let (mut near_rx, mut near_tx) = near.split();
    let (mut far_rx, mut far_tx) = far.split();
    let mut buf = [0; 4];
    write_whole(&mut near_tx, b"last", content);
    assert_eq!(near_tx.shut(), Ok(()));
    assert_eq!(near_tx.write(b"x"), Err(CoreError::BrokenPipe), "after this end's own shutdown");
    assert_eq!(near_tx.try_write(b"x"), Err(CoreError::BrokenPipe));
    read_whole(&mut far_rx, &mut buf);
    assert_eq!(&buf, b"last");
    assert_end(&mut far_rx, scene);
    for word in [b"more", b"even"] {
        write_whole(&mut far_tx, word, content);
        read_whole(&mut near_rx, &mut buf);
        assert_eq!(&buf, word);
    }
    assert_eq!(near_tx.shut(), Ok(()), "once more changes nothing");
    assert_eq!(near_rx.try_read(&mut buf), Err(CoreError::WouldBlock));
    assert_eq!(far_tx.shut(), Ok(()));
    assert_end(&mut near_rx, scene);
    assert_end(&mut far_rx, scene);
}

/// The writer is told that nobody reads; the other direction goes on.
pub fn half_close_of_reading(scene: &Scene<'_>) {
    let content = scene.promises.content;
    let (near, far) = scene.pair();
    let (mut near_rx, mut near_tx) = near.split();
    let (mut far_rx, mut far_tx) = far.split();
    assert_eq!(far_rx.shut(), Ok(()));
    assert_end(&mut far_rx, scene);
    assert_eq!(near_tx.write(b"x"), Err(CoreError::BrokenPipe));
    assert_eq!(near_tx.try_write(b"x"), Err(CoreError::BrokenPipe));
    let mut buf = [0; 4];
    write_whole(&mut far_tx, b"back", content);
    read_whole(&mut near_rx, &mut buf);
    assert_eq!(&buf, b"back");
    drop((far_rx, far_tx));
    assert_end(&mut near_rx, scene);
}

/// Nothing hangs and no descriptor is lost: there are more rounds than there may be descriptors.
pub fn both_ends_close_at_once(scene: &Scene<'_>) {
    for round in 0..200 {
        let (mut near, mut far) = scene.pair();
        if round % 2 == 1 {
            write_whole(&mut near.tx, b"under way", scene.promises.content);
        }
        if round % 4 >= 2 {
            let _ = far.rx.try_read(&mut [0; 16]);
        }
        let together = &Barrier::new(2);
        thread::scope(|scope| {
            for end in [near, far] {
                scope.spawn(move || {
                    together.wait();
                    drop(end);
                });
            }
        });
    }
}

/// The reader leaves while the writer writes. The writer is told when the buffers are full, at the
/// latest.
pub fn reader_closes_mid_stream(scene: &Scene<'_>) {
    let sequence = &Sequence::new();
    for round in 0..30 {
        let (mut tx, mut rx) = scene.one_way();
        thread::scope(|scope| {
            scope.spawn(move || {
                let (mut buf, mut at) = ([0; 1000], 0);
                while at <= round * 200 {
                    let count = rx.read(&mut buf).expect("the writer is there");
                    sequence.check(at, &buf[..count]);
                    at += count;
                }
            });
            let mut at = 0;
            loop {
                match tx.write(&sequence.take(at, 500)) {
                    Ok(count) => at += count,
                    answer if is_broken(&answer, scene) => break,
                    other => panic!("instead of a broken pipe: {other:?}"),
                }
            }
        });
    }
}

/// The writer leaves while the reader reads. The reader gets everything that was written, then the
/// end.
pub fn writer_closes_mid_stream(scene: &Scene<'_>) {
    let content = scene.promises.content;
    for round in 0..60 {
        let load = &Load::random(round, 1 + round as usize / 3, 3_000, &scene.promises);
        let (mut tx, mut rx) = scene.one_way();
        thread::scope(|scope| {
            scope.spawn(move || load.send(&mut tx, content));
            load.receive_into(&mut rx, content, 3_000);
            assert_end(&mut rx, scene);
        });
    }
}

/// The writer leaves right after its last word, while the reader asks again and again. The word
/// comes before the end.
pub fn last_words(scene: &Scene<'_>) {
    let content = scene.promises.content;
    // In memory, little time passes between the reader's check for bytes and its check for writers.
    let rounds = if scene.promises.processes { 300 } else { 2_000 };
    let (give, take) = mpsc::sync_channel::<Writer>(0);
    let started = &AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(move || {
            for (round, mut tx) in take.into_iter().enumerate() {
                while started.load(Ordering::SeqCst) <= round {
                    thread::yield_now();
                }
                // A little later in each round, over and over.
                (0..round % 64).for_each(|_| hint::spin_loop());
                write_whole(&mut tx, b"word", content);
            }
        });
        for _ in 0..rounds {
            let (tx, mut rx) = scene.one_way();
            give.send(tx).expect("the other thread takes it");
            started.fetch_add(1, Ordering::SeqCst);
            let (mut buf, mut looks) = ([0; 8], 0);
            let answer = loop {
                looks += 1;
                match rx.try_read(&mut buf) {
                    // If both share a processor, the other side has to get it.
                    Err(CoreError::WouldBlock) if looks % 500 == 0 => thread::yield_now(),
                    Err(CoreError::WouldBlock) => {}
                    answer => break answer,
                }
            };
            assert_eq!(answer, Ok(4), "the last word was lost");
            assert_end(&mut rx, scene);
        }
        drop(give);
    });
}
