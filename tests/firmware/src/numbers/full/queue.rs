//! A queue that fills up and drains: by value and in place, with values that come back, and once
//! more when it is full and when it is empty.

use crate::CAPACITY;
use core::hint::black_box;
use ringway_core::ring::queue::Queue;
use ringway_firmware::report;

type Values = Queue<u32, CAPACITY>;

ringway_firmware::image!(run, tick);

fn tick() {}

static QUEUE: Values = Queue::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_push(queue: &'static Values, value: u32) -> bool {
    queue.try_push(value).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_pop(queue: &'static Values) -> u32 {
    queue.try_pop().unwrap_or(u32::MAX)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_reserve_and_commit(queue: &'static Values, value: u32) -> bool {
    queue.try_reserve().is_ok_and(|loan| loan.write(value).is_ok())
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_claim_and_complete(queue: &'static Values) -> u32 {
    let Some(claim) = queue.try_claim() else { return u32::MAX };
    let value = *claim;
    claim.complete();
    value
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_claim_and_give_back(queue: &'static Values) -> u32 {
    queue.try_claim().map_or(u32::MAX, |claim| *claim)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Values>() as u32);
    report("RAM of the handles", 0);
    let mut good = true;
    let capacity = CAPACITY as u32;
    for _ in 0..2 {
        for n in 0..capacity {
            good &= operation_push(black_box(&QUEUE), black_box(n));
        }
        good &= !operation_push(black_box(&QUEUE), black_box(capacity));
        for n in 0..capacity {
            good &= operation_pop(black_box(&QUEUE)) == n;
        }
        good &= operation_pop(black_box(&QUEUE)) == u32::MAX;

        for n in 0..capacity {
            good &= operation_reserve_and_commit(black_box(&QUEUE), black_box(n));
        }
        good &= !operation_reserve_and_commit(black_box(&QUEUE), black_box(capacity));
        // Each value goes to the back once.
        for n in 0..capacity {
            good &= operation_claim_and_give_back(black_box(&QUEUE)) == n;
        }
        for n in 0..capacity {
            good &= operation_claim_and_complete(black_box(&QUEUE)) == n;
        }
        good &= operation_claim_and_complete(black_box(&QUEUE)) == u32::MAX;
        good &= operation_claim_and_give_back(black_box(&QUEUE)) == u32::MAX;
    }
    good
}
