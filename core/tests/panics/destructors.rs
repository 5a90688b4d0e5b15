//! Values whose destructor panics: each value is dropped once, whichever of them panics.

use super::*;
use ringway_core::lock::{Mutex, RwLock};
use ringway_core::ring::Ring;
use ringway_core::ring::queue::Queue;
use std::cell::Cell;
use std::pin::pin;

/// Counts the drops of each value; the value with the number `panics` panics when it is dropped.
#[derive(Default)]
struct Ledger {
    drops: [Cell<u32>; COUNT],
    made: Cell<usize>,
    panics: Cell<usize>,
}

const COUNT: usize = 16;

struct Value<'a>(&'a Ledger, usize);

impl Ledger {
    fn value(&self) -> Value<'_> {
        let number = self.made.get();
        self.made.set(number + 1);
        Value(self, number)
    }

    fn each_was_dropped_once(&self) {
        for (number, drops) in self.drops.iter().take(self.made.get()).enumerate() {
            assert_eq!(drops.get(), 1, "value {number}, when {} panics", self.panics.get());
        }
    }
}

impl Drop for Value<'_> {
    fn drop(&mut self) {
        let drops = &self.0.drops[self.1];
        drops.set(drops.get() + 1);
        assert_ne!(self.1, self.0.panics.get(), "a destructor");
    }
}

/// Calls `check` once for each of the first `count` values, with a ledger in which that one panics.
fn each_panics(count: usize, check: impl Fn(&Ledger)) {
    for panics in 0..count {
        let ledger = Ledger { panics: panics.into(), ..Ledger::default() };
        check(&ledger);
        ledger.each_was_dropped_once();
    }
}

/// A ring of four slots, whose positions start at `at`.
fn ring<'a, T>(at: usize, make: impl Fn() -> T) -> Ring<T, 4>
where
    T: 'a,
{
    let mut ring = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    for _ in 0..at {
        assert!(producer.try_push(make()).is_ok());
        std::mem::forget(consumer.try_pop());
    }
    drop((producer, consumer));
    ring
}

/// A value that never panics and is not counted, for moving the positions.
fn nothing(ledger: &Ledger) -> Value<'_> {
    Value(ledger, COUNT)
}

#[test]
fn ring_drops_each_value_once() {
    for at in 0..8 {
        each_panics(4, |ledger| {
            let ring = ring(at, || nothing(ledger));
            (0..4).for_each(|_| _ = ring.producer().unwrap().try_push(ledger.value()).is_ok());
            panics(|| drop(ring));
        });
        each_panics(4, |ledger| {
            let mut ring = ring(at, || nothing(ledger));
            let (mut producer, mut consumer) = ring.split();
            (0..4).for_each(|_| assert!(producer.try_push(ledger.value()).is_ok()));
            panics(|| consumer.clear());
            assert!(consumer.is_empty());
            assert_eq!(producer.room(), 4);
            assert!(producer.try_push(ledger.value()).is_ok());
            assert!(consumer.try_pop().is_some());
        });
        each_panics(3, |ledger| {
            let mut ring = ring(at, || nothing(ledger));
            let (mut producer, mut consumer) = ring.split();
            (0..4).for_each(|_| assert!(producer.try_push(ledger.value()).is_ok()));
            panics(|| consumer.try_peek(4).unwrap().release(3));
            assert_eq!(consumer.try_pop().map(|left| left.1), Some(3));
            assert!(consumer.try_pop().is_none());
        });
    }
}

#[test]
fn uncommitted_chunk_drops_each_value_once() {
    for at in 0..8 {
        each_panics(3, |ledger| {
            let mut ring = ring(at, || nothing(ledger));
            let (mut producer, mut consumer) = ring.split();
            let mut chunk = producer.try_reserve(4).unwrap();
            assert_eq!(chunk.fill((0..3).map(|_| ledger.value())), 3);
            panics(|| drop(chunk));
            assert!(consumer.is_empty());
            assert_eq!(producer.room(), 4);
        });
        // An iterator panics instead.
        let ledger = Ledger { panics: COUNT.into(), ..Ledger::default() };
        let mut ring = ring(at, || nothing(&ledger));
        let (mut producer, mut consumer) = ring.split();
        let mut chunk = producer.try_reserve(4).unwrap();
        panics(|| {
            chunk.fill((0..4).map(|number| {
                assert!(number < 2, "an iterator");
                ledger.value()
            }))
        });
        assert_eq!(chunk.commit(), 2);
        consumer.clear();
        ledger.each_was_dropped_once();
    }
}

#[test]
fn queue_drops_each_value_once() {
    each_panics(4, |ledger| {
        let queue: Queue<_, 4> = Queue::new();
        (0..4).for_each(|_| assert!(queue.try_push(ledger.value()).is_ok()));
        panics(|| drop(queue));
    });
    each_panics(1, |ledger| {
        let queue: Queue<_, 1> = Queue::new();
        assert!(queue.try_push(ledger.value()).is_ok());
        panics(|| queue.try_claim().unwrap().complete());
        assert_eq!(queue.unfinished(), 0);
        assert!(queue.try_push(ledger.value()).is_ok());
        assert!(queue.try_pop().is_some());
    });
}

#[test]
fn values_drop_once_when_a_waker_panics() {
    let ledger = &Ledger { panics: COUNT.into(), ..Ledger::default() };
    let queue = Queue::<_, 1, Async<Spin>>::new();
    let mut ring = Ring::<_, 1, Async<Spin>>::new();
    let (mut producer, mut consumer) = ring.split();
    for _ in 0..3 {
        assert!(queue.try_push(ledger.value()).is_ok());
        leave(&panicking_waker(), |cx| queue.poll_push(cx, &mut Some(ledger.value())));
        panics(|| queue.try_pop());
        assert!(producer.try_push(ledger.value()).is_ok());
        leave(&panicking_waker(), |cx| pin!(producer.push_async(ledger.value())).poll(cx));
        panics(|| consumer.try_pop());
    }
    // A push that comes too late frees its slot again, and wakes the task that waits for one.
    let mut loan = queue.try_reserve().unwrap();
    loan.as_uninit();
    leave(&panicking_waker(), |cx| queue.poll_push(cx, &mut Some(ledger.value())));
    panics(|| queue.close());
    assert!(queue.has_ended());
    leave(&panicking_waker(), |cx| queue.producers_bell().poll_until(cx, || None::<()>));
    panics(|| loan.write(ledger.value()).is_ok());
    drop(queue);
    ledger.each_was_dropped_once();
}

#[test]
fn locks_drop_each_value_once() {
    each_panics(1, |ledger| {
        let mutex = Mutex::<_, Spin>::new(Some(ledger.value()));
        panics(|| *mutex.lock().unwrap() = None);
        assert!(mutex.try_lock().is_ok_and(|guard| guard.is_none()));
    });
    each_panics(1, |ledger| {
        let lock = RwLock::<_, 1, Spin>::new(Some(ledger.value()));
        panics(|| *lock.write().unwrap() = None);
        assert!(lock.try_write().is_ok_and(|guard| guard.is_none()));
    });
}
