//! Waiting: main sleeps until the timer's interrupt has something for it, first as a thread does,
//! then as a task.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::pin::pin;
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use critical_section::Mutex;
use ringway_core::Error;
use ringway_core::ring::{Producer, PushError, Ring};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Async, Wait, WaitForInterrupt, Wake};
use ringway_firmware::{report, start_timer};

type Sleeper = Async<WaitForInterrupt>;

static RING: Ring<u32, 4, Sleeper> = Ring::new();

/// The producer's half, which the interrupt keeps until it is done.
static HALF: Mutex<RefCell<Option<Producer<&'static Ring<u32, 4, Sleeper>>>>> =
    Mutex::new(RefCell::new(None));

/// The next value; touched by the interrupt alone.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// How many values come before the interrupt closes its half.
const VALUES: u32 = 600;

ringway_firmware::image!(run, tick);

fn tick() {
    critical_section::with(|section| {
        let Ok(mut half) = HALF.borrow(section).try_borrow_mut() else { return };
        let Some(producer) = half.as_mut() else { return };
        let next = NEXT.load(Ordering::Relaxed);
        if next % VALUES == VALUES - 1 {
            NEXT.store(next.wrapping_add(1), Ordering::Relaxed);
            // The other side learns that there will be no more.
            if let Some(producer) = half.take() {
                producer.close();
            }
        } else if producer.try_push(next).is_ok() {
            NEXT.store(next.wrapping_add(1), Ordering::Relaxed);
        }
    });
}

/// Gives the producer's half to the interrupt.
fn hand_over() -> bool {
    critical_section::with(|section| match HALF.borrow(section).try_borrow_mut() {
        Ok(mut half) => {
            *half = RING.producer();
            half.is_some()
        }
        Err(_) => false,
    })
}

fn run() -> bool {
    let Some(mut consumer) = RING.consumer() else { return false };
    if !hand_over() {
        return false;
    }
    start_timer();

    let (mut count, mut in_order) = (0, true);
    while let Ok(value) = consumer.pop() {
        in_order &= value == count;
        count = count.wrapping_add(1);
    }
    report("values popped", count);
    report("in order", u32::from(in_order));
    report("end of file", u32::from(consumer.pop() == Err(Error::EndOfFile)));

    if !hand_over() {
        return false;
    }
    // Not an `async` block: the compiler gives those a panic, for a poll after their end.
    let mut awaited = 0;
    while let Ok(value) = block_on(consumer.pop_async()) {
        in_order &= value == VALUES.wrapping_add(awaited);
        awaited = awaited.wrapping_add(1);
    }
    report("values awaited", awaited);
    report("in order", u32::from(in_order));

    // The interrupt's half is free again: main is the producer, and its consumer goes.
    let Some(mut producer) = RING.producer() else { return false };
    let pushed = producer.push(1).is_ok();
    consumer.close();
    let closed = matches!(producer.push(2), Err(PushError::Closed(2)));
    report("closed", u32::from(closed));
    in_order && pushed && closed && count == VALUES - 1 && awaited == VALUES - 1
}

/// Whether the task was woken since it was polled last.
static WOKEN: AtomicU32 = AtomicU32::new(0);

const WAKE: RawWakerVTable = {
    fn clone(_: *const ()) -> RawWaker {
        RawWaker::new(core::ptr::null(), &WAKE)
    }
    fn wake(_: *const ()) {
        WOKEN.store(1, Ordering::Relaxed);
    }
    fn forget(_: *const ()) {}
    RawWakerVTable::new(clone, wake, wake, forget)
};

/// The smallest executor: one task, which sleeps until it is woken.
fn block_on<R>(task: impl Future<Output = R>) -> R {
    // SAFETY: the functions of the table do not use the pointer.
    let waker = unsafe { Waker::new(core::ptr::null(), &WAKE) };
    let mut cx = Context::from_waker(&waker);
    let mut task = pin!(task);
    loop {
        // Relaxed, as in `wake`: there is one processor, and the task checks the ring itself.
        WOKEN.store(0, Ordering::Relaxed);
        if let Poll::Ready(result) = task.as_mut().poll(&mut cx) {
            return result;
        }
        // Without a deadline it ends with an answer.
        let _ = <WaitForInterrupt>::INIT.wait(&WOKEN, 0, None);
    }
}
