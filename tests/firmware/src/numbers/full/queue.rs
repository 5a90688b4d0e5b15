//! A queue that fills up and drains: by value and in place, with values that come back, and once
//! more when it is full and when it is empty.

use crate::{CAPACITY, WORDS};
use core::hint::black_box;
use ringway_core::ring::queue::Queue;
use ringway_firmware::report;

type Value = [u32; WORDS];
type Values = Queue<Value, CAPACITY>;

ringway_firmware::image!(run, tick);

fn tick() {}

static QUEUE: Values = Queue::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_push(queue: &'static Values, value: &Value) -> bool {
    queue.try_push(*value).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_pop(queue: &'static Values, out: &mut Value) -> bool {
    queue.try_pop().map(|value| *out = value).is_some()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_reserve_and_commit(queue: &'static Values, value: &Value) -> bool {
    queue.try_reserve().is_ok_and(|loan| loan.write(*value).is_ok())
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_claim_and_complete(queue: &'static Values, out: &mut Value) -> bool {
    let Some(claim) = queue.try_claim() else { return false };
    *out = *claim;
    claim.complete();
    true
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_claim_and_give_back(queue: &'static Values, out: &mut Value) -> bool {
    queue.try_claim().map(|claim| *out = *claim).is_some()
}

fn put(put: extern "C" fn(&'static Values, &Value) -> bool, n: u32) -> bool {
    put(black_box(&QUEUE), black_box(&[n; WORDS]))
}

/// What `take` takes; `None` if it finds nothing.
fn take(take: extern "C" fn(&'static Values, &mut Value) -> bool) -> Option<Value> {
    let mut out = [0; WORDS];
    take(black_box(&QUEUE), black_box(&mut out)).then_some(out)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Values>() as u32);
    report("RAM of the handles", 0);
    let mut good = true;
    let values = || (0..CAPACITY as u32).map(|n| (n, Some([n; WORDS])));
    for _ in 0..2 {
        values().for_each(|(n, _)| good &= put(operation_push, n));
        good &= !put(operation_push, 0);
        values().for_each(|(_, value)| good &= take(operation_pop) == value);
        good &= take(operation_pop).is_none();

        values().for_each(|(n, _)| good &= put(operation_reserve_and_commit, n));
        good &= !put(operation_reserve_and_commit, 0);
        // Each value goes to the back once.
        values().for_each(|(_, value)| good &= take(operation_claim_and_give_back) == value);
        values().for_each(|(_, value)| good &= take(operation_claim_and_complete) == value);
        good &= take(operation_claim_and_complete).is_none();
        good &= take(operation_claim_and_give_back).is_none();
    }
    good
}
