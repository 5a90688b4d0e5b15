//! The second core is reset while it holds a message, a slot, two locks and the half of a ring. The
//! first core puts them right, and goes on.

use crate::locks;
use ringway_core::participant::Participant;
use ringway_core::ring::Ring;
use ringway_core::ring::queue::Queue;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::report;

static HELD: Queue<u32, 4> = Queue::new();
static HALF: Ring<u32, 4> = Ring::new();
/// 1 once the second core takes no further step.
static DEAD: AtomicU32 = AtomicU32::new(0);

fn second() -> Participant {
    Participant::new(1).unwrap_or(Participant::LOCAL)
}

/// The second core takes what it holds, and stops.
pub fn die() -> ! {
    riscv::interrupt::disable();
    let queue = HELD.handle(second());
    let _ = queue.try_push(7);
    core::mem::forget(queue.try_claim());
    core::mem::forget(queue.try_reserve());
    if let Some(mut producer) = HALF.producer_as(second()) {
        let _ = producer.try_push(8);
        core::mem::forget(producer);
    }
    locks::hold(second());
    // Release: its partner is the acquire in `recover`.
    DEAD.store(1, Ordering::Release);
    loop {
        riscv::asm::wfi();
    }
}

pub fn recover() -> bool {
    // Acquire: its partner is the release in `die`.
    while DEAD.load(Ordering::Acquire) == 0 {
        core::hint::spin_loop();
    }
    let taken = HALF.producer().is_none();
    // SAFETY: the second core takes no further step.
    let (slots, halves, locks) = unsafe {
        let slots = HELD.handle(Participant::LOCAL).recover(second());
        (slots, HALF.recover(second()), locks::recover(second()))
    };
    report("slots recovered", slots as u32);
    let (message, value) = (HELD.try_pop(), HALF.consumer().and_then(|mut half| half.try_pop()));
    report("the message", message.unwrap_or_default());
    report("halves recovered", halves as u32);
    report("the value", value.unwrap_or_default());
    let free = taken && HALF.producer().is_some() && HELD.is_empty();
    free && slots == 2 && halves == 1 && locks && message == Some(7) && value == Some(8)
}
