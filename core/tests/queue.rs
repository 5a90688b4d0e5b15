//! The queue compared with a `VecDeque`, and between real threads.
#![cfg(not(loom))]

mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use random::Random;
use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::PushError;
use ringway_core::ring::queue::{Queue, QueueView, RawQueue};
use ringway_core::storage::InMemory;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Clock, Spin, SpinClock, TimedOut};
use scaled::scaled;
use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Mutex;

/// A queue on the heap whose capacity is known at run time.
fn boxed<T>(capacity: usize) -> Box<QueueView<T>> {
    let layout = QueueView::<T>::layout(capacity).unwrap();
    // SAFETY: the layout of a queue is not empty.
    let at = NonNull::new(unsafe { std::alloc::alloc(layout) }).unwrap();
    // SAFETY: memory of that layout, which nobody else uses.
    let queue = unsafe { QueueView::init_at(at, capacity) }.unwrap();
    // SAFETY: the queue is alone in memory that the allocator returned for its layout.
    unsafe { Box::from_raw(queue.as_ptr()) }
}

/// Runs random operations on the queue and on a `VecDeque`, and compares them.
///
/// Slots that are lent out to producers and consumers count as held. The queue is full when every
/// slot is held or has a message that waits, and not before.
fn behaves_as_a_bounded_deque(queue: &QueueView<(u32, Rc<()>)>, alive: &Rc<()>, seed: u64) {
    let mut random = Random::new(seed);
    let mut oracle = VecDeque::new();
    let (mut loans, mut claims) = (Vec::new(), Vec::new());
    // The ratio of pushes changes, so that the queue fills and runs empty in turn.
    let mut pushes = 5;
    for value in 0..scaled(6000) as u32 {
        if random.below(100) == 0 {
            pushes = 2 + random.below(7);
        }
        let is_full = oracle.len() + loans.len() + claims.len() == queue.capacity();
        match random.below(20) {
            0 => match queue.try_reserve() {
                Ok(loan) => loans.push(loan),
                Err(why) => assert!(is_full && why == Error::WouldBlock),
            },
            1 => {
                if let Some(loan) = loans.pop() {
                    if random.below(2) == 0 {
                        drop(loan);
                    } else {
                        assert!(loan.write((value, alive.clone())).is_ok());
                        oracle.push_back(value);
                    }
                }
            }
            2 => match (queue.try_claim(), oracle.pop_front()) {
                (Some(claim), Some(expected)) => {
                    assert_eq!(claim.0, expected);
                    claims.push(claim);
                }
                (claim, expected) => assert!(claim.is_none() && expected.is_none()),
            },
            3 => {
                if !claims.is_empty() {
                    let claim = claims.swap_remove(random.below(claims.len()));
                    if random.below(2) == 0 {
                        claim.complete();
                    } else {
                        oracle.push_back(claim.0);
                        drop(claim);
                    }
                }
            }
            other if other < 4 + 2 * pushes => {
                let pushed = queue.try_push((value, alive.clone())).is_ok();
                assert_eq!(pushed, !is_full);
                if pushed {
                    oracle.push_back(value);
                }
            }
            _ => assert_eq!(queue.try_pop().map(|v| v.0), oracle.pop_front()),
        }
        assert_eq!(queue.len(), oracle.len());
        assert_eq!(queue.unfinished(), oracle.len() + claims.len());
        assert_eq!(Rc::strong_count(alive), oracle.len() + claims.len() + 1);
    }
}

/// A queue whose capacity is a constant, and one whose capacity is known at run time.
fn both_behave_as_a_bounded_deque<const N: usize>(seed: u64) {
    let alive = Rc::new(());
    let queue = Queue::<_, N>::new();
    behaves_as_a_bounded_deque(&queue, &alive, seed);
    // A queue that moves takes its values along.
    let queue = (queue, ()).0;
    assert_eq!(Rc::strong_count(&alive), queue.len() + 1);
    drop(queue);
    assert_eq!(Rc::strong_count(&alive), 1, "what was left was dropped with the queue");
    let queue = boxed(N);
    behaves_as_a_bounded_deque(&queue, &alive, seed);
    drop(queue);
    assert_eq!(Rc::strong_count(&alive), 1, "what was left was dropped with the queue");
}

#[test]
fn random_operations_match_a_bounded_deque() {
    for seed in 0..scaled(10) as u64 {
        both_behave_as_a_bounded_deque::<1>(seed);
        both_behave_as_a_bounded_deque::<2>(seed);
        both_behave_as_a_bounded_deque::<3>(seed);
        both_behave_as_a_bounded_deque::<8>(seed);
        // With this many slots the hints may fall behind.
        both_behave_as_a_bounded_deque::<24>(seed);
        both_behave_as_a_bounded_deque::<64>(seed);
    }
}

/// Asserts that each value arrives once, and that each consumer gets one producer's values in
/// order.
fn four_threads_lose_and_double_nothing(queue: &QueueView<(usize, u32)>) {
    const EACH: u32 = scaled(30_000) as u32;
    let left = &Mutex::new(2 * EACH);
    let arrived: Vec<Vec<(usize, u32)>> = std::thread::scope(|s| {
        for producer in 0..2 {
            s.spawn(move || {
                for value in 0..EACH {
                    while queue.try_push((producer, value)).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
        }
        let consumers = [(); 2].map(|()| {
            s.spawn(move || {
                let mut arrived = Vec::new();
                while *left.lock().unwrap() > 0 {
                    match queue.try_pop() {
                        Some(value) => {
                            arrived.push(value);
                            *left.lock().unwrap() -= 1;
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
    assert!(queue.is_empty());
}

#[test]
fn four_threads_lose_nothing_in_queues_of_any_size() {
    four_threads_lose_and_double_nothing(&Queue::<_, 5>::new());
    four_threads_lose_and_double_nothing(&Queue::<_, 128>::new());
    four_threads_lose_and_double_nothing(&boxed(5));
    four_threads_lose_and_double_nothing(&boxed(128));
}

#[test]
fn a_panic_in_complete_frees_the_slot() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as the test wants");
        }
    }
    let queue: Queue<Bomb, 1> = Queue::new();
    assert!(queue.try_push(Bomb).is_ok());
    let claim = queue.try_claim().unwrap();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| claim.complete())).is_err());
    assert!(queue.try_reserve().is_ok(), "the slot is free");
    assert!(queue.is_empty());
}

/// Two threads push one value and then pop one, so that there are always three to five. A third
/// thread counts them.
#[test]
fn a_queue_that_is_never_empty_is_never_seen_empty() {
    let queue: Queue<u32, 8> = Queue::new();
    (0..3).for_each(|value| queue.try_push(value).unwrap());
    let is_over = AtomicU32::new(0);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while is_over.load(Ordering::Relaxed) == 0 {
                    // The push may fail with "full", because slots come free and are taken again.
                    if queue.try_push(7).is_ok() {
                        assert!(queue.try_pop().is_some(), "there are three or more");
                    }
                }
            });
        }
        for _ in 0..scaled(2_000_000) {
            let (is_empty, len) = (queue.is_empty(), queue.len());
            if is_empty || !(1..=5).contains(&len) {
                is_over.store(1, Ordering::Relaxed);
                panic!("there are three to five, and it said {is_empty} and {len}");
            }
        }
        is_over.store(1, Ordering::Relaxed);
    });
    assert_eq!(queue.len(), 3);
}

/// Each job pushes a follow-up job: before the last one there is no moment without an unfinished
/// job.
#[test]
fn a_chain_of_jobs_is_unfinished_until_the_last() {
    const LINKS: u32 = scaled(1_000_000) as u32;
    let queue: Queue<u32, 4> = Queue::new();
    let done = AtomicU32::new(0);
    queue.try_push(LINKS).unwrap();
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while done.load(Ordering::Acquire) == 0 {
                    let Some(job) = queue.try_claim() else { continue };
                    match job.checked_sub(1) {
                        Some(left) => queue.try_push(left).unwrap(),
                        None => done.store(1, Ordering::Release),
                    }
                    job.complete();
                }
            });
        }
        while queue.unfinished() != 0 {}
        let last = done.load(Ordering::Acquire);
        done.store(1, Ordering::Release);
        assert_eq!(last, 1, "the last job was done");
    });
}

#[test]
fn init_in_needs_enough_memory_and_a_valid_capacity() {
    let layout = QueueView::<u16>::layout(5).unwrap();
    let mut memory = vec![MaybeUninit::new(0xA5); layout.size() + layout.align()];
    let queue = QueueView::<u16>::init_in(&mut memory, 5).unwrap();
    (0..5).for_each(|value| queue.try_push(value).unwrap());
    assert!(queue.try_push(5).is_err());
    assert!(queue.is_valid() && (0..5).all(|value| queue.try_pop() == Some(value)));
    let few = QueueView::<u16>::init_in(&mut memory[..layout.size() - 1], 5).unwrap_err();
    let Error::BufferTooSmall { needed } = few else { panic!("{few}") };
    assert!(QueueView::<u16>::init_in(&mut memory[..needed], 5).is_ok());
    // A slot's number has fewer bits without compare-and-swap.
    assert_eq!(QueueView::<u16>::layout(65535).is_some(), !cfg!(no_cas));
    for capacity in [0, 65536, usize::MAX] {
        assert_eq!(QueueView::<u16>::layout(capacity), None);
        assert!(QueueView::<u16>::init_in(&mut memory, capacity).is_err());
    }
    // So large a value that the slots do not fit in the address space, and one slot does.
    assert!(QueueView::<[u64; 1 << (usize::BITS - 19)]>::layout(60_000).is_none(), "too large");
}

#[test]
fn a_queue_tells_its_limit_and_what_was_pushed() {
    let queue: Queue<_, 3> = Queue::new();
    let me = queue.handle(Participant::LOCAL);
    assert_eq!((queue.pushed(), queue.max_attempts(), queue.is_closed()), (0, 0, false));
    queue.set_max_attempts(7);
    // Attempts are not counted without caches.
    assert_eq!(queue.max_attempts(), if cfg!(uncached) { 0 } else { 7 });
    let mut last = None;
    for n in 1..=10 {
        me.try_push(n).unwrap();
        assert_eq!(queue.pushed(), n);
        let claim = me.try_claim().unwrap();
        assert!(last.is_none_or(|last| claim.position() == last + 1));
        last = Some(claim.position());
        assert_eq!(claim.take(), n);
    }
    queue.try_push(11).unwrap();
    assert_eq!((me.try_pop(), me.try_pop()), (Some(11), None));
    queue.close();
    assert!(queue.is_closed());
}

/// A producer holds the slot that comes next, and may hold it for ever. The others pass it.
#[test]
fn a_held_slot_does_not_hold_up_the_others() {
    fn pass<const N: usize>() {
        let queue: Queue<usize, N> = Queue::new();
        let held = queue.try_reserve().unwrap();
        for round in 0..3 {
            (1..N).for_each(|n| queue.try_push(n).unwrap());
            assert_eq!(queue.try_push(0), Err(PushError::Full(0)), "round {round}");
            assert!((1..N).all(|n| queue.try_pop() == Some(n)));
        }
        held.write(5).unwrap();
        assert_eq!(queue.try_pop(), Some(5));
    }
    pass::<3>();
    pass::<64>();
    pass::<100>();
}

/// A message that went back into the queue counts where it is, and not where it was.
#[test]
fn a_value_put_back_takes_one_slot_only() {
    let queue: Queue<u32, 3> = Queue::new();
    for round in 0..10 {
        queue.try_push(1).unwrap();
        drop(queue.try_claim().unwrap());
        queue.try_push(2).unwrap();
        queue.try_push(3).unwrap();
        assert_eq!(queue.try_push(4), Err(PushError::Full(4)), "round {round}");
        assert!((1..=3).all(|n| queue.try_pop() == Some(n)), "round {round}");
        // The next round begins at another slot.
        queue.try_push(5).unwrap();
        assert_eq!(queue.try_pop(), Some(5));
    }
}

#[test]
fn recovery_takes_nothing_from_the_living() {
    let dead = Participant::new(7).unwrap();
    let queue: Queue<u32, 4> = Queue::new();
    (1..=3).for_each(|n| queue.try_push(n).unwrap());
    let mine = queue.try_claim().unwrap();
    let theirs = queue.handle(dead);
    std::mem::forget(theirs.try_claim().unwrap());
    let other = Participant::new(8).unwrap();
    // SAFETY: participants 7 and 8 do nothing any more.
    let held = [other, dead].map(|who| unsafe { queue.handle(Participant::LOCAL).recover(who) });
    assert_eq!((held, queue.len(), queue.unfinished()), ([0, 1], 2, 3));
    assert_eq!(mine.take(), 1);
    assert_eq!((queue.try_pop(), queue.try_pop(), queue.try_pop()), (Some(3), Some(2), None));
}

#[test]
fn a_dropped_queue_drops_what_waits_in_it() {
    let alive = Rc::new(());
    let (sized, view) = (Queue::<_, 3>::new(), boxed(3));
    for queue in [&*sized, &*view] {
        (0..3).for_each(|_| queue.try_push(alive.clone()).unwrap());
        drop(queue.try_pop());
    }
    assert_eq!(Rc::strong_count(&alive), 5);
    drop(sized);
    assert_eq!(Rc::strong_count(&alive), 3);
    drop(view);
    assert_eq!(Rc::strong_count(&alive), 1);
}

/// A clock that stands at 1: a deadline has passed or never comes.
struct Two;

impl Clock for Two {
    fn now() -> u64 {
        1
    }
}

#[test]
fn timeout_and_end_are_different_errors() {
    let late = Some(0);
    let queue = Queue::<u32, 1, SpinClock<Two>>::new();
    let me = queue.handle(Participant::LOCAL);
    assert_eq!(me.claim_deadline(late).err(), Some(Error::TimedOut));
    assert_eq!(me.pop_deadline(late), Err(Error::TimedOut));
    let loan = me.reserve_deadline(late).unwrap();
    assert_eq!(me.try_reserve().err(), Some(Error::WouldBlock));
    assert_eq!(me.try_push(2), Err(PushError::Full(2)));
    assert_eq!(me.reserve_deadline(late).err(), Some(Error::TimedOut));
    assert_eq!(me.push_deadline(2, late), Err(PushError::TimedOut(2)));
    loan.write(1).unwrap();
    let claim = me.claim_deadline(late).unwrap();
    queue.close();
    assert_eq!(me.try_reserve().err(), Some(Error::BrokenPipe));
    assert_eq!(
        (me.reserve().err(), me.push(3)),
        (Some(Error::BrokenPipe), Err(PushError::Closed(3)))
    );
    claim.complete();
    assert_eq!((me.claim().err(), me.pop()), (Some(Error::EndOfFile), Err(Error::EndOfFile)));
}

#[test]
fn join_waits_until_every_value_is_done() {
    let late = Some(0);
    let queue = Queue::<u32, 2, SpinClock<Two>>::new();
    let me = queue.handle(Participant::LOCAL);
    assert_eq!(me.join_deadline(late), Ok(()));
    queue.push(1).unwrap();
    assert_eq!(me.join_deadline(late), Err(TimedOut));
    let claim = me.claim_deadline(late).unwrap();
    assert_eq!(me.join_deadline(late), Err(TimedOut));
    assert_eq!((claim.take(), me.join_deadline(late)), (1, Ok(())));
}

#[test]
fn waiting_sides_use_large_values_in_place() {
    const ROUNDS: u8 = scaled(50) as u8;
    static FRAMES: Queue<[u8; scaled(65536)], 2, Spin> = Queue::new();
    std::thread::scope(|s| {
        let me = FRAMES.handle(Participant::LOCAL);
        s.spawn(|| {
            let me = FRAMES.handle(Participant::LOCAL);
            for round in 0..ROUNDS {
                let mut loan = me.reserve().unwrap();
                // SAFETY: the loan lends a slot of this size, and any bytes are a value.
                unsafe { loan.as_uninit().as_mut_ptr().write_bytes(round, 1) };
                // SAFETY: the line above wrote every byte.
                unsafe { loan.commit() }.unwrap();
            }
            FRAMES.close();
        });
        let mut round = 0;
        while let Ok(frame) = me.claim() {
            assert!(frame.iter().all(|byte| *byte == round));
            frame.complete();
            round += 1;
        }
        assert_eq!(round, ROUNDS);
    });
}

/// Two threads wait for each other, at a queue whose value size is known at run time.
#[test]
fn a_raw_queue_waits_for_values_of_any_size() {
    for size in [0, 1, 8, 100] {
        let item = std::alloc::Layout::from_size_align(size, 1).unwrap();
        let layout = RawQueue::<Spin>::layout(2, item).unwrap();
        let mut memory = vec![0_u128; layout.size().div_ceil(16) + 8];
        let padding = memory.as_ptr().cast::<u8>().align_offset(layout.align());
        let at = NonNull::from(&mut memory[padding / 16..]).cast();
        // SAFETY: the memory has that size and alignment, and nobody else uses it.
        let queue = unsafe { RawQueue::<Spin>::init_at(at, 2, item) }.unwrap();
        let me = queue.handle(Participant::LOCAL);
        std::thread::scope(|s| {
            let me = &me;
            s.spawn(move || {
                for round in 0..scaled(100) as u8 {
                    me.reserve_deadline(None).unwrap().write(&vec![round; size]).unwrap();
                }
                queue.close();
            });
            for round in 0..scaled(100) as u8 {
                let claim = me.claim_deadline(None).unwrap();
                assert_eq!(*claim, vec![round; size]);
                claim.complete();
            }
            assert_eq!(me.claim_deadline(None).err(), Some(Error::EndOfFile));
        });
    }
}
