//! A queue of 16 places.
#![no_std]
#![no_main]

use core::hint::black_box;
use heapless::spsc::{Consumer, Producer, Queue};
use ringway_firmware::report;

// One place stays free: 15 values.
type Values = Queue<u32, 16>;

ringway_firmware::image!(run, tick);

fn tick() {}

static mut QUEUE: Values = Queue::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_push(producer: &mut Producer<'static, u32>, value: u32) -> bool {
    producer.enqueue(value).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_pop(consumer: &mut Consumer<'static, u32>) -> u32 {
    consumer.dequeue().unwrap_or(u32::MAX)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Values>() as u32);
    report(
        "RAM of the handles",
        (size_of::<Producer<'static, u32>>() + size_of::<Consumer<'static, u32>>()) as u32,
    );
    // SAFETY: `run` is called once, and nothing else names the queue.
    let queue = unsafe { &mut *(&raw mut QUEUE) };
    let (mut producer, mut consumer) = queue.split();
    let mut good = true;
    for n in 0..64 {
        good &= operation_push(black_box(&mut producer), black_box(n));
        good &= operation_pop(black_box(&mut consumer)) == n;
    }
    good
}
