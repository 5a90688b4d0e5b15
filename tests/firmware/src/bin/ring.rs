//! A ring of values in a `static`: the timer's interrupt samples, and main drains it in every form
//! there is.
#![no_std]
#![no_main]

use ringway_core::ring::Ring;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::{report, sleep, start_timer};

/// How many samples the interrupt takes in all.
const SAMPLES: u32 = 2_000;

static RING: Ring<u32, 8> = Ring::new();
/// The next sample; touched by the interrupt alone.
static NEXT: AtomicU32 = AtomicU32::new(0);
/// How often the interrupt found the ring full.
static FULL: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

/// Takes the producer's half, pushes at most three samples, and gives the half back.
fn tick() {
    let Some(mut producer) = RING.producer() else { return };
    for _ in 0..3 {
        // Relaxed, here and below: one side writes, and the store publishes nothing else.
        let next = NEXT.load(Ordering::Relaxed);
        if next == SAMPLES {
            return;
        }
        if producer.try_push(next).is_err() {
            FULL.store(FULL.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            return;
        }
        NEXT.store(next.wrapping_add(1), Ordering::Relaxed);
    }
}

/// What was received so far: the count, and whether all came in order.
struct Received {
    count: u32,
    in_order: bool,
}

impl Received {
    fn take(&mut self, sample: u32) {
        self.in_order &= sample == self.count;
        self.count = self.count.wrapping_add(1);
    }
}

fn run() -> bool {
    start_timer();
    let Some(mut consumer) = RING.consumer() else { return false };
    report("a second consumer", u32::from(RING.consumer().is_some()));
    // Nobody drains: the ring fills, and the interrupt notices.
    while FULL.load(Ordering::Relaxed) == 0 {
        sleep();
    }
    report("in a full ring", consumer.len() as u32);

    let mut received = Received { count: 0, in_order: true };
    let mut rounds = 0_u32;
    while received.count < SAMPLES {
        match rounds % 4 {
            0 => {
                while let Some(sample) = consumer.try_pop() {
                    received.take(sample);
                }
            }
            1 => {
                let mut out = [0; 5];
                let count = consumer.try_pop_slice(&mut out);
                out.iter().take(count).for_each(|sample| received.take(*sample));
            }
            2 => {
                let ready = consumer.len();
                if let Ok(chunk) = consumer.try_peek(ready) {
                    let (first, second) = chunk.as_slices();
                    first.iter().chain(second).for_each(|sample| received.take(*sample));
                    chunk.release(ready);
                }
            }
            _ => {
                let oldest = consumer.front().copied();
                if oldest == consumer.try_pop() {
                    oldest.into_iter().for_each(|sample| received.take(sample));
                }
            }
        }
        rounds = rounds.wrapping_add(1);
        if consumer.is_empty() && received.count < SAMPLES {
            sleep();
        }
    }
    report("samples received", received.count);
    report("in order", u32::from(received.in_order));
    report("left over", consumer.len() as u32);
    received.in_order && on_the_stack()
}

/// Both halves of a ring on the stack, with grants.
fn on_the_stack() -> bool {
    let mut ring: Ring<u16, 6> = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    let mut sum = 0_u32;
    for _ in 0..100 {
        if let Ok(mut chunk) = producer.try_reserve(4) {
            chunk.fill([1, 2, 3]);
            chunk.commit();
        }
        // Dropped: commits nothing.
        if let Ok(mut chunk) = producer.try_reserve(2) {
            let _ = chunk.push(1_000);
        }
        producer.try_push_slice(&[4, 5]);
        while let Some(value) = consumer.try_pop() {
            sum = sum.wrapping_add(u32::from(value));
        }
    }
    consumer.clear();
    consumer.close();
    report("sum of the committed", sum);
    producer.ring().consumer_is_gone() && sum == 1_500
}
