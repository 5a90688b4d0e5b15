//! Waiting, not waiting, and waiting until a deadline.

use crate::conformance::load::{Sequence, is_end, write_whole};
use crate::conformance::{Content, Reader, Scene, Writer};
use ringway::CoreError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A wait that succeeds never takes this long.
const LONG: Duration = Duration::from_secs(30);

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(30)
}

/// A convenient size for a piece, which messages can have too.
fn piece(scene: &Scene<'_>) -> usize {
    match scene.promises.content {
        Content::Bytes => 4_096,
        Content::Messages { max, .. } => max.min(1_000),
    }
}

/// Sends pieces of the sequence with `send` until it reports `full`. Returns how many bytes were
/// sent.
#[track_caller]
fn fill(
    from: usize,
    size: usize,
    full: CoreError,
    mut send: impl FnMut(&[u8]) -> Result<usize, CoreError>,
) -> usize {
    let sequence = Sequence::new();
    let mut sent = from;
    loop {
        match send(&sequence.take(sent, size)) {
            Ok(count) => {
                assert!(count > 0 && count <= size, "a write of {size} gave {count}");
                sent += count;
            }
            Err(error) => {
                assert_eq!(error, full);
                return sent;
            }
        }
        assert!(sent - from < 1 << 28, "it takes more and more: it is not bounded");
    }
}

/// Reads the bytes of the sequence from 0 to `total`, and finds nothing after them.
#[track_caller]
fn drain(rx: &mut Reader, total: usize, size: usize) {
    let sequence = Sequence::new();
    let mut buf = vec![0; size + 1];
    let mut at = 0;
    while at < total {
        let count =
            rx.read_deadline(&mut buf, Instant::now() + LONG).expect("what was taken comes");
        assert!(count > 0, "the end after {at} of {total} bytes that were taken");
        sequence.check(at, &buf[..count]);
        at += count;
    }
    assert_eq!(at, total);
    assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock), "nothing else comes");
}

pub fn would_block_when_empty(scene: &Scene<'_>) {
    let (near, far) = scene.pair();
    let (mut tx, mut rx) = (near.tx, far.rx);
    let mut buf = [0; 64];
    for _ in 0..3 {
        assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock));
    }
    assert_eq!(tx.write(b"x"), Ok(1));
    assert_eq!(rx.read_deadline(&mut buf, Instant::now() + LONG), Ok(1));
    assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock), "it was read");
}

pub fn would_block_when_full(scene: &Scene<'_>) {
    let size = piece(scene);
    let (mut tx, mut rx) = scene.one_way();
    let sent = fill(0, size, CoreError::WouldBlock, |piece| tx.try_write(piece));
    assert!(sent > 0, "not even the first write was possible");
    if scene.promises.immediate {
        assert_eq!(tx.try_write(&Sequence::new().take(sent, size)), Err(CoreError::WouldBlock));
    }
    drain(&mut rx, sent, size);
    if scene.promises.immediate {
        assert!(tx.try_write(b"again").is_ok(), "everything was read: there is room");
    } else {
        write_whole(&mut tx, b"again", scene.promises.content);
    }
}

pub fn deadline_of_a_read(scene: &Scene<'_>) {
    let (mut tx, mut rx) = scene.one_way();
    let mut buf = [0; 16];
    for _ in 0..2 {
        let deadline = soon();
        assert_eq!(rx.read_deadline(&mut buf, deadline), Err(CoreError::TimedOut));
        assert!(Instant::now() >= deadline, "it gave up before the deadline");
    }
    // What comes later is not lost to a reader that gave up.
    assert_eq!(tx.write(b"late"), Ok(4));
    assert_eq!(rx.read_deadline(&mut buf, Instant::now() + LONG), Ok(4));
    assert_eq!(&buf[..4], b"late");
}

pub fn deadline_of_a_write(scene: &Scene<'_>) {
    let size = piece(scene);
    let (mut tx, mut rx) = scene.one_way();
    let full = fill(0, size, CoreError::WouldBlock, |piece| tx.try_write(piece));
    let mut deadline = soon();
    let sent = fill(full, size, CoreError::TimedOut, |piece| {
        deadline = soon();
        tx.write_deadline(piece, deadline)
    });
    assert!(Instant::now() >= deadline, "it gave up before the deadline");
    if scene.promises.immediate {
        assert_eq!(sent, full, "it was full");
    }
    // What timed out was not sent, and what was sent is there.
    drain(&mut rx, sent, size);
    write_whole(&mut tx, b"again", scene.promises.content);
}

/// A deadline in the past acts like a form that never waits: it does what can be done at once.
pub fn deadline_that_is_past_is_a_try(scene: &Scene<'_>) {
    let past = Instant::now();
    let size = piece(scene);
    let (mut tx, mut rx) = scene.one_way();
    let mut buf = [0; 16];
    assert_eq!(rx.read_deadline(&mut buf, past), Err(CoreError::TimedOut));
    assert_eq!(tx.write_deadline(b"now", past), Ok(3));
    if scene.promises.immediate {
        assert_eq!(rx.read_deadline(&mut buf, past), Ok(3));
    } else {
        assert_eq!(rx.read_deadline(&mut buf, Instant::now() + LONG), Ok(3));
    }
    let sent = fill(0, size, CoreError::TimedOut, |piece| tx.write_deadline(piece, past));
    drain(&mut rx, sent, size);
    if scene.promises.end {
        drop(tx);
        let answer = rx.read_deadline(&mut buf, past.max(after_arrival(scene)));
        assert!(is_end(&answer, scene.promises.content), "the end is there: {answer:?}");
    }
}

/// The time at which an operation's effect has certainly arrived: at once where nothing travels.
fn after_arrival(scene: &Scene<'_>) -> Instant {
    Instant::now() + if scene.promises.immediate { Duration::ZERO } else { LONG }
}

/// What happens before the deadline ends the wait.
pub fn deadline_in_time(scene: &Scene<'_>) {
    let size = piece(scene);
    let (mut tx, mut rx) = scene.one_way();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            assert_eq!(tx.write(b"data"), Ok(4));
        });
        let mut buf = [0; 16];
        assert_eq!(rx.read_deadline(&mut buf, Instant::now() + LONG), Ok(4));
    });
    room_in_time(scene, &mut tx, &mut rx, size);
    if scene.promises.end {
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(20));
                drop(tx);
            });
            let answer = rx.read_deadline(&mut [0; 16], Instant::now() + LONG);
            assert!(is_end(&answer, scene.promises.content), "the end came in time: {answer:?}");
        });
    }
}

fn room_in_time(scene: &Scene<'_>, tx: &mut Writer, rx: &mut Reader, size: usize) {
    if !scene.promises.bounded {
        return;
    }
    let full = fill(0, size, CoreError::WouldBlock, |piece| tx.try_write(piece));
    let more = Sequence::new().take(full, size);
    // How much there is to read, once the write is done: it may end with the first room or with the
    // last byte.
    let total = AtomicUsize::new(usize::MAX);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            let mut buf = vec![0; size + 1];
            let mut at = 0;
            while at < total.load(Ordering::SeqCst) {
                match rx.read_deadline(&mut buf, Instant::now() + Duration::from_millis(2)) {
                    Err(CoreError::TimedOut) => {}
                    answer => at += answer.expect("what was taken comes"),
                }
            }
        });
        let written = tx.write_deadline(&more, Instant::now() + LONG);
        total.store(full + written.unwrap_or(0), Ordering::SeqCst);
        assert!(matches!(written, Ok(1..)), "there is room in time: {written:?}");
    });
}
