//! The queue against a `VecDeque`, and between real threads.
#![cfg(not(loom))]

mod random;

use random::Random;
use ringway_core::ring::queue::{NoSlot, Queue};
use std::collections::VecDeque;
use std::sync::Mutex;

fn behaves_as_a_bounded_deque<const N: usize>(seed: u64) {
    let (mut random, alive) = (Random::new(seed), std::rc::Rc::new(()));
    let queue = Queue::<(u32, std::rc::Rc<()>), N>::new();
    let mut oracle = VecDeque::new();
    for value in 0..3000 {
        match random.below(7) {
            0..=2 => {
                let pushed = queue.try_push((value, alive.clone())).is_ok();
                assert_eq!(pushed, oracle.len() < N);
                if pushed {
                    oracle.push_back(value);
                }
            }
            3 | 4 => assert_eq!(queue.try_pop().map(|v| v.0), oracle.pop_front()),
            5 => match (queue.try_claim(), oracle.pop_front()) {
                (Some(claim), Some(expected)) => {
                    assert_eq!(claim.0, expected);
                    if random.below(2) == 0 {
                        claim.release();
                    } else {
                        drop(claim);
                        oracle.push_back(expected);
                    }
                }
                (claim, expected) => assert!(claim.is_none() && expected.is_none()),
            },
            _ => match queue.try_reserve() {
                Ok(loan) if random.below(2) == 0 => drop(loan),
                Ok(loan) => {
                    assert!(loan.write((value, alive.clone())).is_ok());
                    oracle.push_back(value);
                }
                Err(why) => assert_eq!((why, oracle.len()), (NoSlot::Full, N)),
            },
        }
        assert_eq!(queue.len(), oracle.len());
        assert_eq!(std::rc::Rc::strong_count(&alive), oracle.len() + 1);
    }
    drop(queue);
    assert_eq!(std::rc::Rc::strong_count(&alive), 1, "what was left was dropped with the queue");
}

#[test]
fn any_sequence_of_operations_behaves_as_a_bounded_deque() {
    for seed in 0..10 {
        behaves_as_a_bounded_deque::<1>(seed);
        behaves_as_a_bounded_deque::<2>(seed);
        behaves_as_a_bounded_deque::<3>(seed);
        behaves_as_a_bounded_deque::<8>(seed);
    }
}

/// Each value arrives once, and those of one producer in order at each consumer.
#[test]
fn four_threads_lose_and_double_nothing() {
    const EACH: u32 = 30_000;
    static QUEUE: Queue<(usize, u32), 5> = Queue::new();
    static LEFT: Mutex<u32> = Mutex::new(2 * EACH);
    let arrived: Vec<Vec<(usize, u32)>> = std::thread::scope(|s| {
        for producer in 0..2 {
            s.spawn(move || {
                for value in 0..EACH {
                    while QUEUE.try_push((producer, value)).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
        }
        let consumers = [(); 2].map(|()| {
            s.spawn(|| {
                let mut arrived = Vec::new();
                while *LEFT.lock().unwrap() > 0 {
                    match QUEUE.try_pop() {
                        Some(value) => {
                            arrived.push(value);
                            *LEFT.lock().unwrap() -= 1;
                        }
                        None => std::thread::yield_now(),
                    }
                }
                arrived
            })
        });
        consumers.map(|consumer| consumer.join().unwrap()).into()
    });
    for producer in 0..2 {
        for consumer in &arrived {
            let values = consumer.iter().filter(|value| value.0 == producer).map(|value| value.1);
            assert!(values.is_sorted_by(|a, b| a < b));
        }
    }
    let mut all: Vec<_> = arrived.concat();
    all.sort();
    assert!(all.into_iter().eq((0..2).flat_map(|p| (0..EACH).map(move |value| (p, value)))));
    assert!(QUEUE.is_empty());
}

#[test]
fn a_value_that_panics_as_it_is_released_gives_its_slot_back() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as the test wants");
        }
    }
    let queue = Queue::<Bomb, 1>::new();
    assert!(queue.try_push(Bomb).is_ok());
    let claim = queue.try_claim().unwrap();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| claim.release())).is_err());
    assert!(queue.try_reserve().is_ok(), "the slot is free");
    assert!(queue.is_empty());
}
