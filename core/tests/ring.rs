//! Compares the ring of values with a `VecDeque` in long random sequences of operations, and runs
//! it between real threads.
#![cfg(not(loom))]

mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use random::Random;
use ringway_core::Error;
use ringway_core::ring::{PushError, Ring};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Spin, SpinClock};
use scaled::scaled;
use std::cell::Cell;
use std::collections::VecDeque;

/// A clock that always says 100.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

/// A value that counts the values alive, so that a lost or doubled one shows.
struct Counted<'a>(u32, &'a Cell<i32>);

impl<'a> Counted<'a> {
    fn new(value: u32, alive: &'a Cell<i32>) -> Self {
        alive.set(alive.get() + 1);
        Counted(value, alive)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

/// Checks the error for `count` slots, when `available` are there and the ring has `n`.
fn refused(error: Error, count: usize, available: usize, n: usize) {
    if count > n {
        assert_eq!(error, Error::MessageTooLarge { max: n });
    } else {
        assert_eq!(error, Error::WouldBlock);
        assert!(count > available);
    }
}

fn behaves_as_a_bounded_deque<const N: usize>(seed: u64) {
    let (mut random, alive) = (Random::new(seed), Cell::new(0));
    let mut ring: Ring<Counted<'_>, N> = Ring::new();
    let mut oracle = VecDeque::new();
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        next
    };
    for _ in 0..scaled(20) {
        // Each round gives the halves back and takes them again, with values left in the ring.
        let (mut producer, mut consumer) = ring.split();
        for _ in 0..scaled(200) {
            match random.below(8) {
                0 | 1 => {
                    let value = fresh();
                    let pushed = producer.try_push(Counted::new(value, &alive));
                    assert_eq!(pushed.is_ok(), oracle.len() < N);
                    if pushed.is_ok() {
                        oracle.push_back(value);
                    }
                }
                2 => assert_eq!(consumer.try_pop().map(|value| value.0), oracle.pop_front()),
                3 => {
                    let count = random.below(N + 2);
                    match producer.try_reserve(count) {
                        Ok(mut chunk) => {
                            let fill = random.below(count + 1);
                            let values: Vec<_> = (0..fill).map(|_| fresh()).collect();
                            let put = chunk.fill(values.iter().map(|v| Counted::new(*v, &alive)));
                            assert_eq!(put, fill);
                            if random.below(3) > 0 {
                                assert_eq!(chunk.commit(), fill);
                                oracle.extend(values);
                            }
                        }
                        Err(error) => refused(error, count, N - oracle.len(), N),
                    }
                }
                4 => {
                    let count = random.below(N + 2);
                    match consumer.try_peek(count) {
                        Ok(chunk) => {
                            let (first, second) = chunk.as_slices();
                            let seen: Vec<_> = first.iter().chain(second).map(|v| v.0).collect();
                            assert!(seen.iter().eq(oracle.iter().take(count)));
                            let release = random.below(count + 1);
                            if random.below(3) > 0 {
                                chunk.release(release);
                                oracle.drain(..release);
                            }
                        }
                        Err(error) => refused(error, count, oracle.len(), N),
                    }
                }
                5 => assert_eq!(consumer.front().map(|value| value.0), oracle.front().copied()),
                6 => assert_eq!(
                    (producer.room(), consumer.len(), consumer.is_empty()),
                    (N - oracle.len(), oracle.len(), oracle.is_empty())
                ),
                _ if random.below(10) == 0 => {
                    consumer.clear();
                    oracle.clear();
                }
                _ => {}
            }
            assert_eq!(alive.get() as usize, oracle.len(), "each value is in one place");
        }
    }
    drop(ring);
    assert_eq!(alive.get(), 0, "what was left was dropped with the ring");
}

#[test]
fn random_operations_match_a_bounded_deque() {
    for seed in 0..scaled(20) as u64 {
        behaves_as_a_bounded_deque::<1>(seed);
        behaves_as_a_bounded_deque::<2>(seed);
        behaves_as_a_bounded_deque::<3>(seed);
        behaves_as_a_bounded_deque::<7>(seed);
        behaves_as_a_bounded_deque::<16>(seed);
    }
}

#[test]
fn slices_wrap_around_the_end() {
    let mut random = Random::new(1);
    let mut ring: Ring<u32, 7> = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    let mut oracle: VecDeque<u32> = VecDeque::new();
    for round in 0..scaled(1000) as u32 {
        let values: Vec<u32> = (0..random.below(10) as u32).map(|i| round * 10 + i).collect();
        let pushed = producer.try_push_slice(&values);
        assert_eq!(pushed, values.len().min(7 - oracle.len()));
        oracle.extend(&values[..pushed]);
        let mut out = vec![0; random.below(10)];
        let popped = consumer.try_pop_slice(&mut out);
        assert_eq!(popped, out.len().min(oracle.len()));
        assert!(oracle.drain(..popped).eq(out[..popped].iter().copied()));
    }
}

#[test]
fn a_static_ring_carries_values_between_threads() {
    static RING: Ring<u64, 64> = Ring::new();
    const COUNT: u64 = scaled(1_000_000) as u64;
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut producer = RING.producer().unwrap();
            let mut next = 0;
            while next < COUNT {
                match producer.try_push(next) {
                    Ok(()) => next += 1,
                    Err(_) => std::thread::yield_now(),
                }
            }
        });
        let mut consumer = RING.consumer().unwrap();
        let mut expected = 0;
        while expected < COUNT {
            match consumer.try_pop() {
                Some(value) => {
                    assert_eq!(value, expected);
                    expected += 1;
                }
                None => std::thread::yield_now(),
            }
        }
        assert!(consumer.is_empty());
    });
}

#[test]
fn values_of_size_zero_are_counted() {
    let mut ring: Ring<(), 3> = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    assert_eq!(producer.try_push_slice(&[(); 5]), 3);
    assert_eq!(consumer.try_pop(), Some(()));
    assert_eq!(consumer.len(), 2);
}

#[test]
fn a_value_whose_drop_panics_is_dropped_once() {
    struct Bomb<'a>(&'a Cell<u32>);
    impl Drop for Bomb<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            if self.0.get() == 1 {
                panic!("expected by the test");
            }
        }
    }
    let drops = Cell::new(0);
    let mut ring: Ring<Bomb<'_>, 2> = Ring::new();
    {
        let (mut producer, mut consumer) = ring.split();
        assert!(producer.try_push(Bomb(&drops)).is_ok());
        let cleared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| consumer.clear()));
        assert!(cleared.is_err());
        assert!(consumer.is_empty());
    }
    drop(ring);
    assert_eq!(drops.get(), 1);
}

#[test]
fn each_side_sees_the_other_come_and_go() {
    static RING: Ring<u8, 2, Spin> = Ring::new();
    let mut consumer = RING.consumer().unwrap();
    assert!(!RING.producer_is_gone(), "it has not come yet");
    let mut producer = RING.producer().unwrap();
    producer.push(1).unwrap();
    drop(producer);
    assert!(!RING.producer_is_gone(), "it gave its half back, and another may come");
    RING.producer().unwrap().close();
    assert!(RING.producer_is_gone());
    let second = RING.producer().unwrap();
    assert!(!RING.producer_is_gone(), "another came");
    second.close();
    assert_eq!(consumer.pop(), Ok(1), "what the first pushed is there");
    assert!(consumer.pop().is_err());
    assert!(!RING.consumer_is_gone());
    consumer.close();
    let mut producer = RING.producer().unwrap();
    assert!(RING.consumer_is_gone() && producer.push(2).is_err());
    drop(RING.consumer());
    assert!(!RING.consumer_is_gone(), "another came, and gave the half back");
}

/// An interrupt handler takes the producer's half for each sample, while the main program sleeps.
#[test]
fn giving_a_half_back_does_not_end_the_stream() {
    let ring = Ring::<u32, 2, SpinClock<Hundred>>::new();
    let mut consumer = ring.consumer().unwrap();
    for sample in 0..3 {
        ring.producer().unwrap().push(sample).unwrap();
        assert_eq!(consumer.pop(), Ok(sample));
        assert_eq!(consumer.pop_deadline(Some(50)), Err(Error::TimedOut), "not the end");
    }
    // The same for a producer that waits.
    drop(consumer);
    let mut producer = ring.producer().unwrap();
    for sample in 3..5 {
        producer.push(sample).unwrap();
    }
    let refused = producer.push_deadline(5, Some(50));
    assert_eq!(refused, Err(PushError::TimedOut(5)), "no broken pipe");
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[cfg_attr(uncached, ignore = "it is the layout of targets with caches")]
fn the_layout_is_as_documented() {
    assert_eq!(size_of::<Ring<u32, 32>>(), 2 * 128 + 32 * 4);
    let mut ring: Ring<u32, 32> = Ring::new();
    let (producer, consumer) = ring.split();
    assert_eq!((align_of_val(&producer), align_of_val(&consumer)), (128, 128));
}

#[test]
fn zeroed_memory_is_a_fresh_structure() {
    use ringway_core::ring::bytes::ByteRing;
    use ringway_core::ring::queue::Queue;
    use std::mem::MaybeUninit;

    // SAFETY: this test checks that zeroed memory is a fresh ring.
    let mut ring: Ring<u64, 4> = unsafe { MaybeUninit::zeroed().assume_init() };
    let (mut producer, mut consumer) = ring.split();
    assert_eq!(producer.try_push_slice(&[1, 2, 3, 4, 5]), 4);
    assert_eq!(consumer.try_pop(), Some(1));

    // SAFETY: this test checks that zeroed memory is a fresh ring of bytes.
    let mut ring: ByteRing<4> = unsafe { MaybeUninit::zeroed().assume_init() };
    let (mut producer, mut consumer) = ring.split();
    assert_eq!(producer.try_write(b"12345"), 4);
    assert_eq!(&*consumer.try_peek(1).unwrap(), b"1234");

    // SAFETY: this test checks that zeroed memory is a fresh queue.
    let queue: Queue<u64, 3> = unsafe { MaybeUninit::zeroed().assume_init() };
    (0..9).for_each(|n| {
        queue.try_push(n).unwrap();
        assert_eq!(queue.try_pop(), Some(n));
    });
}

/// A producer and a consumer leave three to eight values in the ring, while a third thread looks.
#[test]
fn a_ring_never_empty_is_never_seen_empty() {
    let ring: Ring<u32, 8> = Ring::new();
    let is_over = AtomicU32::new(0);
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer().unwrap();
    producer.try_push_slice(&[1, 2, 3]);
    std::thread::scope(|s| {
        s.spawn(|| {
            while is_over.load(Ordering::Relaxed) == 0 {
                let _ = producer.try_push(7);
            }
        });
        s.spawn(|| {
            while is_over.load(Ordering::Relaxed) == 0 {
                if consumer.len() > 3 {
                    let _ = consumer.try_pop();
                }
            }
        });
        for _ in 0..scaled(10_000_000) {
            let (is_empty, len) = (ring.is_empty(), ring.len());
            if is_empty || !(1..=8).contains(&len) {
                is_over.store(1, Ordering::Relaxed);
                panic!("the ring has three to eight values, but said {is_empty} and {len}");
            }
        }
        is_over.store(1, Ordering::Relaxed);
    });
}
