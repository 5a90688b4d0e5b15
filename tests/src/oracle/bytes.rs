//! The byte ring against a `VecDeque`.

use super::Choices;
use ringway_core::ring::bytes::{ByteRing, Consumer, Producer, ReserveError, WriteAllError};
use std::collections::VecDeque;

/// A sequence of operations on a [`ByteRing`].
pub fn byte_ring(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(7) {
        Some(0) => sequence::<1>(choices),
        Some(1) => sequence::<2>(choices),
        Some(2) => sequence::<3>(choices),
        Some(3) => sequence::<5>(choices),
        Some(4) => sequence::<8>(choices),
        Some(5) => sequence::<16>(choices),
        Some(6) => sequence::<23>(choices),
        _ => {}
    }
}

fn sequence<const N: usize>(mut choices: Choices<'_>) {
    let ring = ByteRing::<N>::new();
    let mut producer = ring.producer().expect("nobody has it");
    let mut consumer = ring.consumer().expect("nobody has it");
    let mut model = VecDeque::new();
    let mut next = 0_u8;
    while let Some(operation) = choices.below(10) {
        let done = match operation {
            0..=4 => produce(&mut producer, operation, &mut next, &mut choices, &mut model),
            5..=7 => consume(&mut consumer, operation, &mut choices, &mut model),
            8 => {
                drop(producer);
                assert!(consumer.producer_is_gone());
                producer = ring.producer().expect("it was given back");
                Some(())
            }
            _ => {
                drop(consumer);
                assert!(producer.consumer_is_gone());
                consumer = ring.consumer().expect("it was given back");
                Some(())
            }
        };
        if done.is_none() {
            break;
        }
        assert_eq!(consumer.len(), model.len());
        assert_eq!(consumer.is_empty(), model.is_empty());
        // A gap before the end of the memory may take room, but never more than is free.
        assert!(producer.room() <= N - model.len());
        if model.is_empty() {
            assert_eq!(producer.room(), N, "everything was read, and something is still taken");
        }
    }
    let mut rest = vec![0; N + 1];
    let count = consumer.try_read(&mut rest);
    assert!(model.iter().eq(&rest[..count]), "what was left is not what was written");
}

/// The next `count` bytes that nobody wrote before.
fn fresh(next: &mut u8, count: usize) -> Vec<u8> {
    let bytes = (0..count).map(|n| next.wrapping_add(n as u8)).collect();
    *next = next.wrapping_add(count as u8);
    bytes
}

fn produce<const N: usize>(
    producer: &mut Producer<'_, N>,
    operation: usize,
    next: &mut u8,
    choices: &mut Choices<'_>,
    model: &mut VecDeque<u8>,
) -> Option<()> {
    let want = choices.below(N + 3)?;
    let room = producer.room();
    match operation {
        0 => {
            let bytes = fresh(next, want);
            let count = producer.try_write(&bytes);
            assert_eq!(count, want.min(room));
            model.extend(&bytes[..count]);
        }
        1 => {
            let bytes = fresh(next, want);
            match producer.try_write_all(&bytes) {
                Ok(()) => model.extend(bytes),
                Err(WriteAllError::Full) => assert!(want > room && want <= N),
                Err(WriteAllError::TooLarge { max }) => assert!(want > N && max == N),
            }
        }
        2 | 3 => {
            let commit = choices.below(N + 3)?;
            match producer.try_reserve(want) {
                Ok(mut grant) => {
                    assert_eq!(grant.len(), want, "an exact grant is exact");
                    let bytes = fresh(next, want);
                    grant.copy_from_slice(&bytes);
                    assert_eq!(*grant, bytes);
                    if commit <= N {
                        grant.commit(commit);
                        model.extend(bytes.iter().take(commit));
                    }
                }
                Err(ReserveError::Full) => {
                    assert!(
                        !model.is_empty(),
                        "with everything read, a grant of {want} of {N} must succeed"
                    );
                    assert!(want <= ByteRing::<N>::MAX_GRANT);
                }
                Err(ReserveError::TooLarge { max }) => {
                    assert!(want > max && max == ByteRing::<N>::MAX_GRANT);
                }
            }
        }
        _ => {
            let commit = choices.below(N + 3)?;
            match producer.try_reserve_up_to(want) {
                Ok(mut grant) => {
                    assert_eq!(grant.is_empty(), want == 0, "there is room, hence a run of one");
                    assert!(grant.len() <= want.min(room));
                    let bytes = fresh(next, grant.len());
                    grant.copy_from_slice(&bytes);
                    if commit <= N {
                        grant.commit(commit);
                        model.extend(bytes.iter().take(commit));
                    }
                }
                Err(error) => assert!(error == ReserveError::Full && room == 0),
            }
        }
    }
    Some(())
}

fn consume<const N: usize>(
    consumer: &mut Consumer<'_, N>,
    operation: usize,
    choices: &mut Choices<'_>,
    model: &mut VecDeque<u8>,
) -> Option<()> {
    let want = choices.below(N + 3)?;
    match operation {
        5 => {
            let mut out = vec![0; want];
            let count = consumer.try_read(&mut out);
            assert_eq!(count, want.min(model.len()));
            assert!(
                model.drain(..count).eq(out[..count].iter().copied()),
                "other bytes, or another order"
            );
        }
        6 => match consumer.try_peek() {
            Some(grant) => {
                assert!(!grant.is_empty() && grant.len() <= model.len());
                assert!(
                    grant.iter().eq(model.iter().take(grant.len())),
                    "other bytes, or another order"
                );
                let released = want.min(grant.len());
                if want <= N {
                    grant.release(want);
                    model.drain(..released);
                }
            }
            None => assert!(model.is_empty()),
        },
        _ => {
            if want == 0 {
                consumer.clear();
                model.clear();
            }
        }
    }
    Some(())
}
