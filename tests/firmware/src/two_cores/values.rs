//! Rings: values to the second core and back, then bytes. Meanwhile the interrupts of both cores
//! pass one producer's half back and forth.

use crate::{Part, TICKS, add, mix};
use ringway_core::ring::Ring;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Spin;
use ringway_firmware::report;

pub const PART: Part = Part { work, tick, check };

/// How many values go to the second core and come back.
const VALUES: u32 = 100_000;
/// How many bytes go to the second core.
const BYTES: u32 = 100_000;

static THERE: Ring<[u32; 2], 16, Spin> = Ring::new();
static BACK: Ring<u32, 13> = Ring::new();
static LINE: ByteRing<61, Spin> = ByteRing::new();
static FROM_INTERRUPTS: Ring<u32, 5, Spin> = Ring::new();

/// The next value of the interrupts. Whichever has the producer's half uses it: the half that it
/// takes carries what the other interrupt stored before it gave the half back.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// What came back, came from the interrupts, and came over the line; and how much of each was
/// wrong. Only the core that takes them writes the numbers.
static CAME: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
static WRONG: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

fn note(kind: usize, is_right: bool) {
    if let (Some(came), Some(wrong)) = (CAME.get(kind), WRONG.get(kind)) {
        add(came, 1);
        add(wrong, u32::from(!is_right));
    }
}

fn work(hart: usize) {
    if hart == 0 {
        sends_values();
        sends_bytes();
        takes_from_interrupts();
    } else {
        answers();
        takes_bytes();
    }
}

/// Pushes the next value, if the other core's interrupt does not have the half at the moment.
fn tick(_hart: usize) -> bool {
    let Some(mut producer) = FROM_INTERRUPTS.producer() else { return false };
    let next = NEXT.load(Ordering::Relaxed);
    let pushed = producer.try_push(next).is_ok();
    NEXT.store(next.wrapping_add(u32::from(pushed)), Ordering::Relaxed);
    pushed
}

/// Sends values and takes the answers, as many at a time as fit.
fn sends_values() {
    let (Some(mut there), Some(mut back)) = (THERE.producer(), BACK.consumer()) else { return };
    let (mut sent, mut received) = (0_u32, 0_u32);
    while received < VALUES {
        while sent < VALUES && there.try_push([sent, mix(sent)]).is_ok() {
            sent = sent.wrapping_add(1);
        }
        while let Some(value) = back.try_pop() {
            note(0, value == received.rotate_left(7));
            received = received.wrapping_add(1);
        }
    }
}

fn answers() {
    let (Some(mut there), Some(mut back)) = (THERE.consumer(), BACK.producer()) else { return };
    for _ in 0..VALUES {
        let Ok([n, check]) = there.pop() else { return };
        let answer = if check == mix(n) { n.rotate_left(7) } else { u32::MAX };
        while back.try_push(answer).is_err() {
            core::hint::spin_loop();
        }
    }
}

fn takes_from_interrupts() {
    let Some(mut consumer) = FROM_INTERRUPTS.consumer() else { return };
    for expected in 0..2 * TICKS {
        note(1, consumer.pop() == Ok(expected));
    }
}

fn sends_bytes() {
    let Some(mut line) = LINE.producer() else { return };
    let mut sent = 0_u32;
    while sent < BYTES {
        let left = BYTES.wrapping_sub(sent) as usize;
        let bytes: [u8; 40] = core::array::from_fn(|at| mix(sent.wrapping_add(at as u32)) as u8);
        let some = bytes.get(..left).unwrap_or(&bytes);
        let Ok(count) = line.write(some) else { return };
        sent = sent.wrapping_add(count as u32);
    }
}

fn takes_bytes() {
    let Some(mut line) = LINE.consumer() else { return };
    let mut received = 0_u32;
    let mut bytes = [0; 24];
    while received < BYTES {
        let Ok(count) = line.read(&mut bytes) else { return };
        for byte in bytes.iter().take(count) {
            note(2, *byte == mix(received) as u8);
            received = received.wrapping_add(1);
        }
    }
}

fn check() -> bool {
    let came = CAME.each_ref().map(|count| count.load(Ordering::Relaxed));
    let [back, from_interrupts, bytes] = came;
    report("values that came back", back);
    report("values from the interrupts", from_interrupts);
    report("bytes that came", bytes);
    let wrong = crate::total(&WRONG);
    report("of all these wrong", wrong);
    came == [VALUES, 2 * TICKS, BYTES] && wrong == 0
}
