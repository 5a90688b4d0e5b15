//! Compares the byte ring with a `VecDeque` in long random sequences of operations, and runs it
//! between real threads.
#![cfg(not(loom))]

mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use random::Random;
use ringway_core::Error;
use ringway_core::ring::bytes::{ByteRing, ReadGrant};
use ringway_core::wait::Spin;
use scaled::scaled;
use std::collections::VecDeque;

/// A clock that always says 100.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

fn behaves_as_a_bounded_deque<const N: usize>(seed: u64) {
    let mut random = Random::new(seed);
    let mut ring: ByteRing<N> = ByteRing::new();
    let max = ByteRing::<N>::MAX_GRANT;
    let mut oracle: VecDeque<u8> = VecDeque::new();
    let mut next = 0u8;
    let mut fresh = |count: usize| -> Vec<u8> {
        (0..count)
            .map(|_| {
                next = next.wrapping_add(1);
                next
            })
            .collect()
    };
    for _ in 0..scaled(20) {
        let (mut producer, mut consumer) = ring.split();
        for _ in 0..scaled(300) {
            // What is neither a byte nor room is the gap. There is at most one, shorter than a
            // grant.
            let room = producer.room();
            assert!(oracle.len() + room <= N && oracle.len() + room + max > N);
            match random.below(9) {
                0 => {
                    let bytes = fresh(random.below(N + 3));
                    let count = producer.try_write(&bytes);
                    assert_eq!(count, bytes.len().min(room));
                    oracle.extend(&bytes[..count]);
                }
                1 => {
                    let bytes = fresh(random.below(N + 3));
                    let answer = producer.try_write_all(&bytes);
                    if bytes.len() > N {
                        assert_eq!(answer, Err(Error::MessageTooLarge { max: N }));
                    } else if bytes.len() > room {
                        assert_eq!(answer, Err(Error::WouldBlock));
                    } else {
                        assert_eq!(answer, Ok(()));
                        oracle.extend(bytes);
                    }
                }
                2 | 3 => {
                    let len = random.below(N + 2);
                    match producer.try_reserve(len) {
                        Ok(mut grant) => {
                            assert_eq!(grant.len(), len);
                            let used = random.below(len + 1);
                            let bytes = fresh(used);
                            grant[..used].copy_from_slice(&bytes);
                            if random.below(4) > 0 {
                                grant.commit(used);
                                oracle.extend(bytes);
                            }
                        }
                        Err(Error::MessageTooLarge { max: said }) => {
                            assert_eq!(said, max);
                            assert!(len > max);
                        }
                        Err(_) => {
                            assert!(
                                room < N,
                                "a grant of at most MAX_GRANT succeeds when all is read"
                            );
                        }
                    }
                }
                4 => match producer.try_reserve_up_to(random.below(N) + 1) {
                    Ok(mut grant) => {
                        assert!(!grant.is_empty());
                        let bytes = fresh(grant.len());
                        grant.copy_from_slice(&bytes);
                        grant.commit(usize::MAX);
                        oracle.extend(bytes);
                    }
                    Err(error) => assert_eq!((error, room), (Error::WouldBlock, 0)),
                },
                5 | 6 => {
                    let mut out = vec![0; random.below(N + 2)];
                    let count = consumer.try_read(&mut out);
                    assert_eq!(count, out.len().min(oracle.len()));
                    assert!(oracle.drain(..count).eq(out[..count].iter().copied()));
                }
                7 => match consumer.try_peek(1) {
                    Ok(grant) => {
                        assert!(grant.iter().eq(oracle.iter().take(grant.len())));
                        let release = random.below(grant.len() + 2);
                        let used = release.min(grant.len());
                        if random.below(4) > 0 {
                            grant.release(release);
                            oracle.drain(..used);
                        }
                    }
                    Err(_) => assert!(oracle.is_empty()),
                },
                _ => {
                    assert_eq!(consumer.len(), oracle.len());
                    assert_eq!(consumer.is_empty(), oracle.is_empty());
                    if random.below(10) == 0 {
                        consumer.clear();
                        oracle.clear();
                    }
                }
            }
        }
    }
}

#[test]
fn random_operations_match_a_bounded_deque_of_bytes() {
    for seed in 0..scaled(20) as u64 {
        behaves_as_a_bounded_deque::<1>(seed);
        behaves_as_a_bounded_deque::<2>(seed);
        behaves_as_a_bounded_deque::<3>(seed);
        behaves_as_a_bounded_deque::<8>(seed);
        behaves_as_a_bounded_deque::<13>(seed);
    }
}

/// Tries every position of an empty ring.
#[test]
fn the_largest_grant_succeeds_in_an_empty_ring() {
    fn at_every_position<const N: usize>() {
        let max = ByteRing::<N>::MAX_GRANT;
        for start in 0..2 * N {
            let mut ring: ByteRing<N> = ByteRing::new();
            let (mut producer, mut consumer) = ring.split();
            for _ in 0..start {
                assert_eq!(producer.try_write(&[1]), 1);
                consumer.clear();
            }
            let grant = producer.try_reserve(max).unwrap();
            grant.commit(max);
            assert_eq!(consumer.len(), max);
            assert_eq!(consumer.try_read(&mut [0; N]), max);
            assert!(consumer.is_empty());
            assert_eq!(producer.room(), N, "the gap came back too");
        }
    }
    at_every_position::<1>();
    at_every_position::<2>();
    at_every_position::<5>();
    at_every_position::<8>();
}

#[test]
fn copies_and_grants_pass_bytes_between_threads() {
    static RING: ByteRing<97> = ByteRing::new();
    const COUNT: usize = scaled(1 << 20);
    let byte = |at: usize| (at % 251) as u8;
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut producer = RING.producer().unwrap();
            let mut random = Random::new(5);
            let mut at = 0;
            while at < COUNT {
                let len = (random.below(49) + 1).min(COUNT - at);
                let bytes: Vec<u8> = (at..at + len).map(byte).collect();
                if random.below(2) == 0 {
                    at += producer.try_write(&bytes);
                } else if let Ok(mut grant) = producer.try_reserve(len) {
                    grant.copy_from_slice(&bytes);
                    grant.commit(len);
                    at += len;
                } else {
                    std::thread::yield_now();
                }
            }
        });
        let mut consumer = RING.consumer().unwrap();
        let mut at = 0;
        while at < COUNT {
            match consumer.try_peek(1) {
                Ok(grant) => {
                    assert!(grant.iter().enumerate().all(|(i, b)| *b == byte(at + i)));
                    let len = grant.len();
                    at += len;
                    grant.release(len);
                }
                Err(_) => std::thread::yield_now(),
            }
        }
        assert!(consumer.is_empty());
    });
}

/// The lengths lie on both sides of the limits for copies in pieces and for writes in chunks.
#[test]
fn long_writes_and_reads_keep_every_byte_in_order() {
    const N: usize = 5_000 + scaled(695_001);
    const COUNT: usize = 24 * N;
    const LENGTHS: [usize; 8] = [1, 100, 2047, 2048, 2049, 40_000, 70_001, 600_000];
    static RING: ByteRing<N> = ByteRing::new();
    let pattern: Vec<u8> = (0..N + 251).map(|at| (at % 251) as u8).collect();
    let from = |at: usize| &pattern[at % 251..];
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut producer = RING.producer().unwrap();
            let mut random = Random::new(6);
            let mut at = 0;
            while at < COUNT {
                let len = LENGTHS[random.below(LENGTHS.len())].min(N).min(COUNT - at);
                let bytes = &from(at)[..len];
                if random.below(2) == 0 {
                    at += producer.try_write(bytes);
                } else if producer.try_write_all(bytes).is_ok() {
                    at += len;
                } else {
                    std::thread::yield_now();
                }
            }
        });
        let mut consumer = RING.consumer().unwrap();
        let mut random = Random::new(7);
        let mut out = vec![0; N];
        let mut at = 0;
        while at < COUNT {
            let len = LENGTHS[random.below(LENGTHS.len())].min(N);
            let read = consumer.try_read(&mut out[..len]);
            assert!(out[..read] == from(at)[..read], "{read} bytes from {at} on");
            at += read;
            if read == 0 {
                std::thread::yield_now();
            }
        }
        assert!(consumer.is_empty());
    });
}

/// A peek for one byte must show all bytes that are there.
#[test]
fn a_peek_shows_bytes_that_came_since_the_last() {
    let mut ring: ByteRing<8> = ByteRing::new();
    let (mut producer, mut consumer) = ring.split();
    for expected in [&b"a"[..], b"ab", b"abc"] {
        producer.try_write(&expected[expected.len() - 1..]);
        assert_eq!(&*consumer.try_peek(1).unwrap(), expected);
    }
    // The same after a part of the known bytes was released. A grant ends at the memory's end.
    consumer.try_peek(1).unwrap().release(2);
    producer.try_write(b"defghi");
    assert_eq!(&*consumer.try_peek(1).unwrap(), b"cdefgh");
    consumer.try_peek(1).unwrap().release(6);
    producer.try_write(b"jk");
    assert_eq!(&*consumer.try_peek(1).unwrap(), b"ijk");
}

/// The consumer skips the gap by what it knows. The new bytes lie after the gap.
#[test]
fn a_peek_after_a_gap_shows_bytes_that_came_since() {
    let mut ring: ByteRing<8> = ByteRing::new();
    let (mut producer, mut consumer) = ring.split();
    producer.try_write(b"abcdef");
    consumer.try_peek(1).unwrap().release(5);
    producer.try_reserve(3).unwrap().commit(1);
    assert_eq!(&*consumer.try_peek(1).unwrap(), b"f");
    producer.try_write(b"x");
    consumer.try_peek(1).unwrap().release(1);
    assert_eq!(consumer.try_peek(1).unwrap()[1..], *b"x");
}

#[test]
fn try_reserve_up_to_sees_newly_freed_room() {
    let mut ring: ByteRing<8> = ByteRing::new();
    let (mut producer, mut consumer) = ring.split();
    producer.try_write(b"abc");
    consumer.clear();
    producer.try_write(b"d");
    assert_eq!(producer.try_reserve_up_to(8).unwrap().len(), 4);
    assert_eq!(producer.room(), 7);
    // The next write knows what the grant took.
    let mut ring: ByteRing<8> = ByteRing::new();
    let (mut producer, mut consumer) = ring.split();
    producer.try_write(b"abcdefgh");
    consumer.clear();
    let mut grant = producer.try_reserve_up_to(8).unwrap();
    grant.copy_from_slice(b"ABCDEFGH");
    grant.commit(8);
    assert_eq!(producer.try_write(b"x"), 0);
    assert_eq!(&*consumer.try_peek(8).unwrap(), b"ABCDEFGH");
}

#[test]
fn a_parser_waits_for_more_than_it_has() {
    use ringway_core::wait::{Async, SpinClock};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    let mut ring = ByteRing::<8, Async<SpinClock<Hundred>>>::new();
    let (mut producer, mut consumer) = ring.split();
    producer.try_write(b"ab");
    let first = |peeked: Result<ReadGrant<'_, _>, Error>| peeked.map(|grant| grant.len());
    assert_eq!(first(consumer.peek(2)), Ok(2));
    assert_eq!(first(consumer.peek_deadline(3, Some(50))), Err(Error::TimedOut));
    assert_eq!(first(consumer.peek_deadline(8, Some(50))), Err(Error::TimedOut));
    assert_eq!(first(consumer.peek(9)), Err(Error::MessageTooLarge { max: 8 }));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(consumer.peek_async(3)).poll(&mut cx).is_pending());
    producer.try_write(b"cd");
    assert_eq!(pin!(consumer.peek_async(3)).poll(&mut cx).map(first), Poll::Ready(Ok(4)));
    producer.try_write(b"e");
    // Across threads, the rest comes while the parser waits.
    std::thread::scope(|s| {
        s.spawn(|| producer.try_write(b"fg"));
        assert_eq!(first(consumer.peek(7)), Ok(7));
    });
    assert_eq!(&*consumer.try_peek(1).unwrap(), b"abcdefg");
}

#[test]
fn what_can_never_fit_is_another_error() {
    let mut ring = ByteRing::<4>::new();
    let (mut producer, mut consumer) = ring.split();
    assert_eq!(producer.try_write_all(b"12345"), Err(Error::MessageTooLarge { max: 4 }));
    assert_eq!(producer.try_write_all(b"1234"), Ok(()));
    for more in [&b"5"[..], b"5678"] {
        assert_eq!(producer.try_write_all(more), Err(Error::WouldBlock));
    }
    assert_eq!(producer.try_write_all(b""), Ok(()));
    let mut out = [0; 5];
    assert_eq!(consumer.try_read_exact(&mut out), Err(Error::MessageTooLarge { max: 4 }));
    assert_eq!(consumer.try_read_exact(&mut out[..4]), Ok(()));
    assert_eq!(&out[..4], b"1234");
    assert_eq!(consumer.try_read_exact(&mut out[..4]), Err(Error::WouldBlock));
    assert_eq!(consumer.try_read_exact(&mut []), Ok(()));
}

#[test]
fn the_bytes_after_a_gap_are_the_first_slice() {
    let mut ring = ByteRing::<8>::new();
    let (mut producer, mut consumer) = ring.split();
    assert_eq!(producer.try_write(b"abcdef"), 6);
    consumer.consume(6);
    let mut grant = producer.try_reserve(4).unwrap();
    grant.copy_from_slice(b"ghij");
    grant.commit(4);
    assert_eq!(consumer.as_slices(), (&b"ghij"[..], &b""[..]));
    consumer.consume(3);
    assert_eq!(consumer.as_slices(), (&b"j"[..], &b""[..]));
}

#[test]
fn nothing_is_reserved_for_a_consumer_that_closed() {
    let mut ring = ByteRing::<4, Spin>::new();
    let (mut producer, consumer) = ring.split();
    consumer.close();
    assert_eq!(producer.reserve(3).err(), Some(Error::MessageTooLarge { max: 2 }));
    assert_eq!(producer.reserve(2).err(), Some(Error::BrokenPipe));
    assert_eq!(producer.try_write(b"abcd"), 4);
    assert_eq!(producer.reserve(2).err(), Some(Error::BrokenPipe));
}
