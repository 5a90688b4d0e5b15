//! Messages: where one ends and the next begins.

use crate::conformance::load::{Sequence, is_end};
use crate::conformance::{Content, Reader, Scene};
use ringway::CoreError;
use std::time::{Duration, Instant};

/// Long enough for what travels over the loopback interface.
fn receive(rx: &mut Reader, buf: &mut [u8]) -> Result<usize, CoreError> {
    rx.read_deadline(buf, Instant::now() + Duration::from_secs(20))
}

pub fn message_boundaries(scene: &Scene<'_>) {
    let (mut tx, mut rx) = scene.one_way();
    let sequence = Sequence::new();
    let mut buf = [0; 300];
    for (one, two) in [(1, 2), (256, 255), (17, 17)] {
        assert_eq!(tx.write(&sequence.take(0, one)), Ok(one));
        assert_eq!(tx.write(&sequence.take(one, two)), Ok(two));
        assert_eq!(receive(&mut rx, &mut buf), Ok(one), "one read, one message");
        sequence.check(0, &buf[..one]);
        assert_eq!(receive(&mut rx, &mut buf), Ok(two));
        sequence.check(one, &buf[..two]);
        assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock), "nothing else came");
    }
}

/// An empty message is a message: not the end, and not nothing.
pub fn empty_messages(scene: &Scene<'_>) {
    let (mut tx, mut rx) = scene.one_way();
    let mut buf = [9; 4];
    assert_eq!(tx.write(b""), Ok(0));
    assert_eq!(tx.write(b"a"), Ok(1));
    assert_eq!(tx.try_write(b""), Ok(0));
    assert_eq!(receive(&mut rx, &mut buf), Ok(0));
    assert_eq!(receive(&mut rx, &mut buf), Ok(1));
    assert_eq!(receive(&mut rx, &mut buf), Ok(0));
    assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock));
    if scene.promises.end {
        drop(tx);
        let answer = rx.read(&mut buf);
        assert!(is_end(&answer, scene.promises.content), "the end: {answer:?}");
    }
}

/// The message is refused, no part of it is sent, and the channel still works.
pub fn message_too_large(scene: &Scene<'_>) {
    let Content::Messages { limit: Some(size), .. } = scene.promises.content else {
        unreachable!("for messages with a limit")
    };
    let (mut tx, mut rx) = scene.one_way();
    let message = vec![1; size];
    let soon = Instant::now() + Duration::from_secs(20);
    for answer in [tx.write(&message), tx.try_write(&message), tx.write_deadline(&message, soon)] {
        match answer {
            Err(CoreError::MessageTooLarge { max }) => {
                assert!(max < size, "of {size} bytes, and yet {max} are carried");
            }
            other => panic!("a message of {size} bytes: {other:?}"),
        }
    }
    let mut buf = [0; 8];
    assert_eq!(rx.try_read(&mut buf), Err(CoreError::WouldBlock), "nothing of it was sent");
    assert_eq!(tx.write(b"next"), Ok(4));
    assert_eq!(receive(&mut rx, &mut buf), Ok(4));
}

/// The receiver gets an error. What it gets next is a whole message: this one if it could be kept,
/// otherwise the next.
pub fn buffer_too_small(scene: &Scene<'_>) {
    let (mut tx, mut rx) = scene.one_way();
    assert_eq!(tx.write(b"0123456789"), Ok(10));
    assert_eq!(tx.write(b"abc"), Ok(3));
    assert_eq!(receive(&mut rx, &mut [0; 4]), Err(CoreError::BufferTooSmall { needed: 10 }));
    let mut buf = [0; 16];
    match receive(&mut rx, &mut buf) {
        Ok(10) => {
            assert_eq!(&buf[..10], b"0123456789");
            assert_eq!(receive(&mut rx, &mut buf), Ok(3));
        }
        other => assert_eq!(other, Ok(3)),
    }
    assert_eq!(&buf[..3], b"abc");
}
