//! Two harts of one processor: how the second starts, and a critical section that holds for both.

use core::arch::global_asm;
use critical_section::RawRestoreState;
use riscv::register::{mhartid, mstatus};

#[cfg_attr(not(target_has_atomic = "32"), path = "two_harts/peterson.rs")]
#[cfg_attr(target_has_atomic = "32", path = "two_harts/exchange.rs")]
mod between;
mod software_interrupt;

pub use software_interrupt::SoftwareInterrupt;

// Between reset and `main`: the first hart goes on and prepares the memory. The second sleeps until
// the first sends it an interrupt; it wakes without taking the interrupt.
global_asm!(
    ".section .init.mp_hook, \"ax\"
    .global _mp_hook
_mp_hook:
    bnez a0, 1f
    li a0, 1
    ret
1:  csrsi mie, 8
2:  wfi
    csrr t0, mip
    andi t0, t0, 8
    beqz t0, 2b
    csrci mie, 8
    li a0, 0
    ret"
);

/// Lets the second hart run.
pub fn start_second_hart() {
    software_interrupt::set(1, true);
}

/// A critical section that turns interrupts off on this hart and keeps the other hart out.
struct BothHarts;
critical_section::set_impl!(BothHarts);

// What a section says when it ends: whether it was inside another, and whether interrupts were on.
const NESTED: RawRestoreState = 1;
const INTERRUPTS: RawRestoreState = 2;

// SAFETY: one hart at a time is inside: `between` sees to that, and orders what happens inside.
// Nothing interrupts a hart that is inside or that waits to get in. A section inside another of the
// same hart changes nothing.
unsafe impl critical_section::Impl for BothHarts {
    unsafe fn acquire() -> RawRestoreState {
        let interrupts = if mstatus::read().mie() { INTERRUPTS } else { 0 };
        riscv::interrupt::disable();
        let me = mhartid::read();
        if between::is_inside(me) {
            return interrupts | NESTED;
        }
        between::enter(me);
        interrupts
    }

    unsafe fn release(was: RawRestoreState) {
        if was & NESTED == 0 {
            between::leave(mhartid::read());
        }
        if was & INTERRUPTS != 0 {
            // SAFETY: interrupts were on when the section began.
            unsafe { riscv::interrupt::enable() };
        }
    }
}
