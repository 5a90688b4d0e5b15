//! Two cores of one chip. Values, bytes and jobs pass between them by loads, stores and
//! compare-and-swap alone. Each side spins when it has to wait.
#![no_std]
#![no_main]

use ringway_core::ring::Ring;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::queue::Queue;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Spin;
use ringway_firmware::{exit, report, start_second_hart};

/// How many values go to the second core and come back.
const VALUES: u32 = 200_000;
/// How many bytes go to the second core.
const BYTES: u32 = 200_000;
/// How many jobs each core puts into the queue.
const JOBS: u32 = 20_000;

type Sleeper = Spin;
static THERE: Ring<[u32; 2], 16, Sleeper> = Ring::new();
static BACK: Ring<u32, 13> = Ring::new();
static LINE: ByteRing<61, Sleeper> = ByteRing::new();
static WORK: Queue<u32, 8> = Queue::new();
/// How many bytes arrived wrong at the second core, how many jobs it did, and their sum.
static WRONG: AtomicU32 = AtomicU32::new(0);
static DONE: AtomicU32 = AtomicU32::new(0);
static SUM: AtomicU32 = AtomicU32::new(0);

/// The second core's answer to a value.
fn answer([n, check]: [u32; 2]) -> u32 {
    if check == mix(n) { n.rotate_left(7) } else { u32::MAX }
}

fn mix(n: u32) -> u32 {
    (n ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9)
}

#[riscv_rt::entry]
fn main(hart: usize) -> ! {
    if hart == 0 {
        start_second_hart();
        exit(first());
    }
    second()
}

fn first() -> bool {
    let good = values() & bytes();
    good & jobs()
}

/// Sends values and takes the answers, as many at a time as fit.
fn values() -> bool {
    let (Some(mut there), Some(mut back)) = (THERE.producer(), BACK.consumer()) else {
        return false;
    };
    let (mut sent, mut received, mut wrong) = (0_u32, 0_u32, 0_u32);
    while received < VALUES {
        while sent < VALUES && there.try_push([sent, mix(sent)]).is_ok() {
            sent = sent.wrapping_add(1);
        }
        while let Some(value) = back.try_pop() {
            wrong = wrong.wrapping_add(u32::from(value != received.rotate_left(7)));
            received = received.wrapping_add(1);
        }
    }
    report("values that came back", received);
    report("wrong", wrong);
    wrong == 0
}

fn bytes() -> bool {
    let Some(mut line) = LINE.producer() else { return false };
    let mut sent = 0_u32;
    while sent < BYTES {
        let left = BYTES.wrapping_sub(sent) as usize;
        let bytes: [u8; 40] = core::array::from_fn(|at| mix(sent.wrapping_add(at as u32)) as u8);
        let some = bytes.get(..left).unwrap_or(&bytes);
        let Ok(count) = line.write(some) else { return false };
        sent = sent.wrapping_add(count as u32);
    }
    report("bytes sent", sent);
    true
}

/// Both cores put jobs into the queue, and both take some out.
fn jobs() -> bool {
    let (mut pushed, mut done, mut sum) = (0_u32, 0_u32, 0_u32);
    // Acquire: its partner is the release in `second`. This core sees the sum with the number of
    // jobs.
    while done.wrapping_add(DONE.load(Ordering::Acquire)) < 2 * JOBS {
        job(&mut pushed, &mut done, &mut sum);
    }
    // Relaxed, all: the second core pushed every job after it had taken its bytes, and every job is
    // done.
    let wrong = WRONG.load(Ordering::Relaxed);
    let done = done.wrapping_add(DONE.load(Ordering::Relaxed));
    let sum = sum.wrapping_add(SUM.load(Ordering::Relaxed));
    report("bytes that arrived wrong", wrong);
    report("jobs done", done);
    report("and their sum", sum);
    wrong == 0 && sum == (0..JOBS).fold(0_u32, u32::wrapping_add).wrapping_mul(2)
}

/// Pushes a job if there is one left, and does one if one is there.
fn job(pushed: &mut u32, done: &mut u32, sum: &mut u32) {
    if *pushed < JOBS && WORK.try_push(*pushed).is_ok() {
        *pushed = pushed.wrapping_add(1);
    }
    if let Some(job) = WORK.try_pop() {
        *done = done.wrapping_add(1);
        *sum = sum.wrapping_add(job);
    }
}

/// The second core's function, which never ends.
fn second() -> ! {
    answers();
    takes_bytes();
    let (mut pushed, mut done, mut sum) = (0_u32, 0_u32, 0_u32);
    loop {
        job(&mut pushed, &mut done, &mut sum);
        // Relaxed: carried by the release.
        SUM.store(sum, Ordering::Relaxed);
        // Release: its partner is the acquire in `jobs`.
        DONE.store(done, Ordering::Release);
    }
}

fn answers() {
    let (Some(mut there), Some(mut back)) = (THERE.consumer(), BACK.producer()) else { return };
    for _ in 0..VALUES {
        let Ok(value) = there.pop() else { return };
        while back.try_push(answer(value)).is_err() {
            core::hint::spin_loop();
        }
    }
}

fn takes_bytes() {
    let Some(mut line) = LINE.consumer() else { return };
    let (mut received, mut wrong) = (0_u32, 0_u32);
    let mut bytes = [0; 24];
    while received < BYTES {
        let Ok(count) = line.read(&mut bytes) else { return };
        for byte in bytes.iter().take(count) {
            wrong = wrong.wrapping_add(u32::from(*byte != mix(received) as u8));
            received = received.wrapping_add(1);
        }
    }
    // Relaxed: the jobs that are pushed after this carry it.
    WRONG.store(wrong, Ordering::Relaxed);
}
