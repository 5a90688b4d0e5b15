//! The byte ring against a `VecDeque`.

use super::Choices;
use ringway_core::Error;
use ringway_core::ring::bytes::{ByteRing, Consumer, Producer};
use std::collections::VecDeque;

/// What is in the ring, in order.
#[derive(Default)]
struct Model {
    /// Each byte, and where it lies in the memory.
    bytes: VecDeque<(u8, usize)>,
    /// Where the next byte goes.
    at: usize,
}

impl Model {
    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Notes bytes that begin where the last ones ended and go on at the memory's start.
    fn extend<const N: usize>(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.bytes.push_back((*byte, self.at));
            self.at = (self.at + 1) % N;
        }
    }

    /// Notes that an exact grant of `len` bytes began. If it goes to the memory's start, so do the
    /// bytes.
    fn grant<const N: usize>(&mut self, len: usize, committed: &[u8]) {
        if self.at + len > N && !committed.is_empty() {
            self.at = 0;
        }
        self.extend::<N>(committed);
    }

    /// How many bytes lie contiguous at the head.
    fn first_run(&self) -> usize {
        let first = self.bytes.front().map_or(0, |(_, at)| *at);
        self.bytes.iter().zip(first..).take_while(|((_, at), expected)| at == expected).count()
    }

    /// Whether `bytes` are the oldest.
    fn begins_with(&self, bytes: &[u8]) -> bool {
        bytes.len() <= self.len()
            && self.bytes.iter().zip(bytes).all(|((own, _), byte)| own == byte)
    }

    fn remove(&mut self, count: usize) {
        self.bytes.drain(..count);
    }
}

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
    let ring: ByteRing<N> = ByteRing::new();
    let mut producer = ring.producer().expect("nobody has it");
    let mut consumer = ring.consumer().expect("nobody has it");
    let mut model = Model::default();
    let mut next = 0_u8;
    while let Some(operation) = choices.below(10) {
        let done = match operation {
            0..=4 => produce(&mut producer, operation, &mut next, &mut choices, &mut model),
            5..=7 => consume(&mut consumer, operation, &mut choices, &mut model),
            8 => {
                let closes = choices.flip() == Some(true);
                if closes {
                    producer.close()
                } else {
                    drop(producer)
                }
                assert_eq!(consumer.ring().producer_is_gone(), closes);
                producer = ring.producer().expect("it was given back");
                assert!(!consumer.ring().producer_is_gone());
                Some(())
            }
            _ => {
                let closes = choices.flip() == Some(true);
                if closes {
                    consumer.close()
                } else {
                    drop(consumer)
                }
                assert_eq!(producer.ring().consumer_is_gone(), closes);
                consumer = ring.consumer().expect("it was given back");
                assert!(!producer.ring().consumer_is_gone());
                Some(())
            }
        };
        if done.is_none() {
            break;
        }
        // Only sometimes: such a call refreshes what the halves know of each other, and their
        // answers must be right without it.
        if choices.below(3) != Some(0) {
            continue;
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
    assert!(
        count == model.len() && model.begins_with(&rest[..count]),
        "what was left is not what was written"
    );
}

/// The next `count` bytes that nobody wrote before.
fn fresh(next: &mut u8, count: usize) -> Vec<u8> {
    let bytes = (0..count).map(|n| next.wrapping_add(n as u8)).collect();
    *next = next.wrapping_add(count as u8);
    bytes
}

fn produce<const N: usize>(
    producer: &mut Producer<&ByteRing<N>>,
    operation: usize,
    next: &mut u8,
    choices: &mut Choices<'_>,
    model: &mut Model,
) -> Option<()> {
    let want = choices.below(N + 3)?;
    match operation {
        0 => {
            let bytes = fresh(next, want);
            let count = producer.try_write(&bytes);
            // Looked up behind it: before, it would tell the producer what it has to find out.
            let room = producer.room() + count;
            assert_eq!(count, want.min(room));
            model.extend::<N>(&bytes[..count]);
        }
        1 => {
            let bytes = fresh(next, want);
            match producer.try_write_all(&bytes) {
                Ok(()) => model.extend::<N>(&bytes),
                Err(Error::MessageTooLarge { max }) => assert!(want > N && max == N),
                Err(error) => {
                    assert_eq!(error, Error::WouldBlock);
                    assert!(want > producer.room() && want <= N);
                }
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
                        model.grant::<N>(want, &bytes[..commit.min(want)]);
                    }
                }
                Err(Error::MessageTooLarge { max }) => {
                    assert!(want > max && max == ByteRing::<N>::MAX_GRANT);
                }
                Err(error) => {
                    assert_eq!(error, Error::WouldBlock);
                    assert!(
                        !model.is_empty(),
                        "with everything read, a grant of {want} of {N} must succeed"
                    );
                    assert!(want <= ByteRing::<N>::MAX_GRANT);
                }
            }
        }
        _ => {
            let commit = choices.below(N + 3)?;
            match producer.try_reserve_up_to(want) {
                Ok(mut grant) => {
                    let len = grant.len();
                    let bytes = fresh(next, len);
                    grant.copy_from_slice(&bytes);
                    let run = N - model.at;
                    let committed = if commit <= N { commit.min(len) } else { 0 };
                    grant.commit(committed);
                    let room = producer.room() + committed;
                    assert_eq!(len, want.min(room).min(run), "not all that is free in one run");
                    model.extend::<N>(&bytes[..committed]);
                }
                Err(error) => assert!(error == Error::WouldBlock && producer.room() == 0),
            }
        }
    }
    Some(())
}

fn consume<const N: usize>(
    consumer: &mut Consumer<&ByteRing<N>>,
    operation: usize,
    choices: &mut Choices<'_>,
    model: &mut Model,
) -> Option<()> {
    let want = choices.below(N + 3)?;
    match operation {
        5 => {
            let mut out = vec![0; want];
            let count = consumer.try_read(&mut out);
            assert_eq!(count, want.min(model.len()));
            assert!(model.begins_with(&out[..count]), "other bytes, or another order");
            model.remove(count);
        }
        6 if choices.flip()? => {
            let (first, second) = consumer.as_slices();
            assert_eq!(first.len(), model.first_run(), "not all that lies in one run");
            let all = [first, second].concat();
            assert_eq!(all.len(), model.len());
            assert!(model.begins_with(&all), "other bytes, or another order");
            consumer.consume(want);
            model.remove(want.min(all.len()));
        }
        6 => {
            let at_least = choices.below(N + 2)?;
            match consumer.try_peek(at_least) {
                Ok(grant) => {
                    assert_eq!(grant.len(), model.first_run(), "not all that lies in one run");
                    assert!(model.len() >= at_least.max(1), "fewer than were asked for");
                    assert!(model.begins_with(&grant), "other bytes, or another order");
                    let released = want.min(grant.len());
                    if want <= N {
                        grant.release(want);
                        model.remove(released);
                    }
                }
                Err(Error::MessageTooLarge { max }) => assert!(at_least > N && max == N),
                Err(error) => {
                    assert_eq!(error, Error::WouldBlock);
                    assert!(model.len() < at_least.max(1));
                }
            }
        }
        _ => {
            if want == 0 {
                consumer.clear();
                model.bytes.clear();
            }
        }
    }
    Some(())
}
