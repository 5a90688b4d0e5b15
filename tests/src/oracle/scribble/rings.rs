//! The rings: of values, of bytes of unknown type, of bytes, of messages.

use super::driver::Driver;
use super::wait::Bounded;
use ringway_core::ring::bytes::{self, ByteRingInner};
use ringway_core::ring::messages::{self, MessageRingInner};
use ringway_core::ring::{self, PushError, RawRing, RingInner};
use ringway_core::storage::Storage;
use std::mem::forget;

/// Operations on a ring of values, until it shall be opened anew.
pub(super) fn ring<S>(d: &Driver, ring: &RingInner<S, Bounded>) -> Option<()>
where
    S: Storage<Value = u32> + ?Sized,
{
    type Halves<'r, S> = (
        Option<ring::Producer<&'r RingInner<S, Bounded>>>,
        Option<ring::Consumer<&'r RingInner<S, Bounded>>>,
    );
    let (mut tx, mut rx): Halves<'_, S> = (None, None);
    let n = ring.capacity();
    loop {
        let which = d.next(26)?;
        if which < 9 && tx.is_none() {
            tx = ring.producer_as(d.me());
        } else if which < 18 && rx.is_none() {
            rx = ring.consumer_as(d.me());
        }
        match (which, &mut tx, &mut rx) {
            (0 | 1, Some(tx), _) => d.saw(tx.try_push(d.below(256)? as u32).is_ok()),
            (2, Some(tx), _) => match tx.push_deadline(1, d.soon()?) {
                Ok(()) => d.saw(true),
                Err(PushError::Corrupt(1) | PushError::TimedOut(1) | PushError::Closed(1)) => {}
                Err(other) => panic!("{other:?}"),
            },
            (3, Some(tx), _) => {
                let values = [7; 12];
                let some = &values[..d.below(12)?];
                let done = tx.try_push_slice(some);
                assert!(done <= some.len().min(n));
                d.saw(done > 0);
            }
            (4 | 5, Some(tx), _) => {
                let count = d.below(n + 2)?;
                let chunk = match which {
                    4 => tx.try_reserve(count),
                    _ => tx.reserve_deadline(count, d.soon()?),
                };
                if let Ok(mut chunk) = chunk {
                    d.turn();
                    let (first, second) = chunk.as_uninit();
                    assert_eq!(first.len() + second.len(), count);
                    let _ = chunk.push(1);
                    d.turn();
                    chunk.fill(0..d.below(9)? as u32);
                    d.saw(true);
                    if d.below(4)? > 0 {
                        chunk.commit();
                    }
                }
            }
            (6, Some(tx), _) => assert!(tx.room() <= n),
            (7, tx, _) => {
                if let Some(tx) = tx.take().filter(|_| d.below(2) == Some(0)) {
                    tx.close();
                }
            }
            (8, tx, _) => {
                forget(tx.take());
                if rx.is_none() {
                    // SAFETY: the half was forgotten, and this participant has no other.
                    d.saw(unsafe { ring.recover(d.me()) } > 0);
                }
            }
            (9 | 10, _, Some(rx)) => d.saw(rx.try_pop().is_some()),
            (11, _, Some(rx)) => d.saw(rx.pop_deadline(d.soon()?).is_ok()),
            (12, _, Some(rx)) => {
                let mut out = [0; 12];
                let some = &mut out[..d.below(12)?];
                let done = rx.try_pop_slice(some);
                assert!(done <= some.len().min(n));
                d.saw(done > 0);
            }
            (13 | 14, _, Some(rx)) => {
                let count = d.below(n + 2)?;
                let chunk = match which {
                    13 => rx.try_peek(count),
                    _ => rx.peek_deadline(count, d.soon()?),
                };
                if let Ok(chunk) = chunk {
                    d.turn();
                    let (first, second) = chunk.as_slices();
                    assert!((count..=n).contains(&(first.len() + second.len())));
                    std::hint::black_box(first.iter().chain(second).fold(0, |sum, it| sum ^ it));
                    d.turn();
                    chunk.release(d.below(n + 2)?);
                    d.saw(true);
                }
            }
            (15, _, Some(rx)) => {
                std::hint::black_box(rx.front().copied());
                assert!(rx.iter().count() <= n && rx.len() <= n);
            }
            (16, _, Some(rx)) => match d.below(2)? {
                0 => rx.clear(),
                _ => assert!(rx.drain().count() <= 2 * n),
            },
            (17, _, rx) => match (d.below(3)?, rx.take()) {
                (0, Some(rx)) => rx.close(),
                (1, rx) => {
                    forget(rx);
                    if tx.is_none() {
                        // SAFETY: the half was forgotten, and this participant has no other.
                        d.saw(unsafe { ring.recover(d.me()) } > 0);
                    }
                }
                _ => {}
            },
            (18 | 19, ..) => {
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { ring.recover(d.dead()?) } > 0);
            }
            (20..=23, ..) => {
                assert!(ring.len() <= n);
                let _ = (ring.is_empty(), ring.is_valid());
                let _ = (ring.producer_is_gone(), ring.consumer_is_gone());
            }
            (24, ..) => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a ring of values of a size that is known now.
pub(super) fn raw_ring(d: &Driver, ring: RawRing<'_, Bounded>, size: usize) -> Option<()> {
    let (mut tx, mut rx) = (None, None);
    let value = vec![7; size];
    let mut out = vec![0; size];
    loop {
        let which = d.next(12)?;
        if which < 4 && tx.is_none() {
            tx = ring.producer_as(d.me());
        } else if which < 8 && rx.is_none() {
            rx = ring.consumer_as(d.me());
        }
        match (which, &mut tx, &mut rx) {
            (0 | 1, Some(tx), _) => d.saw(tx.try_push(&value).is_ok()),
            (2, Some(tx), _) => d.saw(tx.push_deadline(&value, d.soon()?).is_ok()),
            (3, tx, _) => {
                if let (0, Some(tx)) = (d.below(2)?, tx.take()) {
                    tx.close();
                }
            }
            (4 | 5, _, Some(rx)) => d.saw(rx.try_pop(&mut out).is_ok()),
            (6, _, Some(rx)) => d.saw(rx.pop_deadline(&mut out, d.soon()?).is_ok()),
            (7, _, rx) => {
                if let (0, Some(rx)) = (d.below(2)?, rx.take()) {
                    rx.close();
                }
            }
            (8, ..) => {
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { ring.words().recover(d.dead()?) } > 0);
            }
            (9, ..) => assert!(ring.words().len() <= ring.words().capacity()),
            (10, ..) => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a ring of bytes, until it shall be opened anew.
pub(super) fn byte_ring<S>(d: &Driver, ring: &ByteRingInner<S, Bounded>) -> Option<()>
where
    S: Storage<Value = u8> + ?Sized,
{
    type Halves<'r, S> = (
        Option<bytes::Producer<&'r ByteRingInner<S, Bounded>>>,
        Option<bytes::Consumer<&'r ByteRingInner<S, Bounded>>>,
    );
    let (mut tx, mut rx): Halves<'_, S> = (None, None);
    let n = ring.capacity();
    let bytes = [0x5A; 80];
    let mut out = [0; 80];
    loop {
        let which = d.next(30)?;
        if which < 11 && tx.is_none() {
            tx = ring.producer_as(d.me());
        } else if which < 23 && rx.is_none() {
            rx = ring.consumer_as(d.me());
        }
        match (which, &mut tx, &mut rx) {
            (0..=3, Some(tx), _) => {
                let some = &bytes[..d.below(80)?];
                let done = match which {
                    0 => tx.try_write(some),
                    1 => tx.write_deadline(some, d.soon()?).unwrap_or(0),
                    2 => tx.try_write_all(some).map_or(0, |()| some.len()),
                    _ => {
                        let mut rest = some;
                        let _ = tx.write_all_deadline(&mut rest, d.soon()?);
                        some.len() - rest.len()
                    }
                };
                assert!(done <= some.len());
                d.saw(done > 0);
            }
            (4..=7, Some(tx), _) => {
                let want = d.below(n + 2)?;
                let grant = match which {
                    4 => tx.try_reserve_up_to(want),
                    5 | 6 => tx.try_reserve(want),
                    _ => tx.reserve_deadline(want, d.soon()?),
                };
                if let Ok(mut grant) = grant {
                    d.turn();
                    assert!(grant.len() <= want.max(1));
                    grant.fill(3);
                    d.turn();
                    grant.commit(d.below(n + 2)?);
                    d.saw(true);
                }
            }
            (8, Some(tx), _) => assert!(tx.room() <= n),
            (9, tx, _) => {
                if let Some(tx) = tx.take().filter(|_| d.below(2) == Some(0)) {
                    tx.close();
                }
            }
            (10, tx, _) => {
                forget(tx.take());
                if rx.is_none() {
                    // SAFETY: the half was forgotten, and this participant has no other.
                    d.saw(unsafe { ring.recover(d.me()) } > 0);
                }
            }
            (11..=14, _, Some(rx)) => {
                let some = &mut out[..d.below(80)?];
                let length = some.len();
                let done = match which {
                    11 => rx.try_read(some),
                    12 => rx.read_deadline(some, d.soon()?).unwrap_or(0),
                    13 => rx.try_read_exact(some).map_or(0, |()| some.len()),
                    _ => {
                        let mut rest = &mut *some;
                        let _ = rx.read_exact_deadline(&mut rest, d.soon()?);
                        length - rest.len()
                    }
                };
                assert!(done <= length);
                d.saw(done > 0);
            }
            (15..=17, _, Some(rx)) => {
                let want = d.below(n + 2)?;
                let grant = match which {
                    15 => rx.peek_deadline(want, d.soon()?),
                    _ => rx.try_peek(want),
                };
                if let Ok(grant) = grant {
                    d.turn();
                    assert!(grant.len() <= n);
                    std::hint::black_box(grant.iter().fold(0, |sum, it| sum ^ it));
                    d.turn();
                    grant.release(d.below(n + 2)?);
                    d.saw(true);
                }
            }
            (18, _, Some(rx)) => {
                let (first, second) = rx.as_slices();
                assert!(first.len() + second.len() <= n);
                std::hint::black_box(first.iter().chain(second).fold(0, |sum, it| sum ^ it));
                d.turn();
                rx.consume(d.below(n + 2)?);
            }
            (19, _, Some(rx)) => assert!(rx.len() <= n),
            (20, _, Some(rx)) => rx.clear(),
            (21, _, rx) => {
                if let Some(rx) = rx.take().filter(|_| d.below(2) == Some(0)) {
                    rx.close();
                }
            }
            (22, _, rx) => {
                forget(rx.take());
                if tx.is_none() {
                    // SAFETY: the half was forgotten, and this participant has no other.
                    d.saw(unsafe { ring.recover(d.me()) } > 0);
                }
            }
            (23 | 24, ..) => {
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { ring.recover(d.dead()?) } > 0);
            }
            (25..=27, ..) => {
                assert!(ring.len() <= n);
                let _ = (ring.is_empty(), ring.is_valid());
                let _ = (ring.producer_is_gone(), ring.consumer_is_gone());
            }
            (28, ..) => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a ring of messages, until it shall be opened anew.
pub(super) fn message_ring<S>(d: &Driver, ring: &MessageRingInner<S, Bounded>) -> Option<()>
where
    S: Storage<Value = u8> + ?Sized,
{
    type Halves<'r, S> = (
        Option<messages::Sender<&'r MessageRingInner<S, Bounded>>>,
        Option<messages::Receiver<&'r MessageRingInner<S, Bounded>>>,
    );
    let (mut tx, mut rx): Halves<'_, S> = (None, None);
    let max = ring.max_message();
    let bytes = [0x5A; 80];
    let mut out = [0; 80];
    loop {
        let which = d.next(20)?;
        if which < 7 && tx.is_none() {
            tx = ring.sender_as(d.me());
        } else if which < 14 && rx.is_none() {
            rx = ring.receiver_as(d.me());
        }
        match (which, &mut tx, &mut rx) {
            (0..=2, Some(tx), _) => {
                let some = &bytes[..d.below(max.min(79) + 2)?];
                let sent = match which {
                    2 => tx.send_deadline(some, d.soon()?),
                    _ => tx.try_send(some),
                };
                d.saw(sent.is_ok());
            }
            (3 | 4, Some(tx), _) => {
                let want = d.below(max + 2)?;
                let grant = match which {
                    3 => tx.try_reserve(want),
                    _ => tx.reserve_deadline(want, d.soon()?),
                };
                if let Ok(mut grant) = grant {
                    d.turn();
                    assert_eq!(grant.len(), want);
                    grant.fill(3);
                    d.turn();
                    grant.commit(d.below(want + 2)?);
                    d.saw(true);
                }
            }
            (5, tx, _) => {
                if let Some(tx) = tx.take().filter(|_| d.below(2) == Some(0)) {
                    tx.close();
                }
            }
            (6, tx, _) => {
                forget(tx.take());
                if rx.is_none() {
                    // SAFETY: the half was forgotten, and this participant has no other.
                    d.saw(unsafe { ring.recover(d.me()) } > 0);
                }
            }
            (7..=9, _, Some(rx)) => {
                let some = &mut out[..d.below(80)?];
                let received = match which {
                    9 => rx.recv_deadline(some, d.soon()?),
                    _ => rx.try_recv(some),
                };
                if let Ok(done) = received {
                    assert!(done <= some.len());
                    d.saw(true);
                }
            }
            (10 | 11, _, Some(rx)) => {
                let grant = match which {
                    10 => rx.try_peek(),
                    _ => rx.peek_deadline(d.soon()?),
                };
                if let Ok(grant) = grant {
                    d.turn();
                    // A corrupt length may be that of a message that nobody can send. It is in the
                    // ring all the same.
                    assert!(grant.len() <= 2 * max + 8);
                    std::hint::black_box(grant.iter().fold(0, |sum, it| sum ^ it));
                    d.saw(true);
                    if d.below(4)? > 0 {
                        grant.release();
                    }
                }
            }
            (12, _, rx) => {
                if let Some(rx) = rx.take().filter(|_| d.below(2) == Some(0)) {
                    rx.close();
                }
            }
            (13, _, rx) => {
                forget(rx.take());
                if tx.is_none() {
                    // SAFETY: the half was forgotten, and this participant has no other.
                    d.saw(unsafe { ring.recover(d.me()) } > 0);
                }
            }
            (14 | 15, ..) => {
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { ring.recover(d.dead()?) } > 0);
            }
            (16..=17, ..) => {
                let _ = (ring.is_empty(), ring.is_valid());
                let _ = (ring.sender_is_gone(), ring.receiver_is_gone());
            }
            (18, ..) => return Some(()),
            _ => {}
        }
    }
}
