//! Two harts of one processor: how the second starts, and a critical section that holds for both.

use core::arch::global_asm;
use core::sync::atomic::{AtomicUsize, Ordering};
use critical_section::RawRestoreState;
use riscv::register::{mhartid, mstatus};

/// The second hart's software interrupt (RISC-V ACLINT specification, at the addresses of QEMU's
/// `virt`).
const MSIP_1: *mut u32 = 0x0200_0004 as *mut u32;

// Between reset and `main`: the first hart goes on and makes the memory ready, the second sleeps
// until the first sends it an interrupt, which it need not take to be woken.
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
    // SAFETY: the register belongs to the second hart, which waits for this.
    unsafe { MSIP_1.write_volatile(1) };
}

/// Interrupts off on this hart, and the other kept out.
struct BothHarts;
critical_section::set_impl!(BothHarts);

/// Which hart is in the section: one more than its number, or 0.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

// What a section says when it ends: whether it was inside another, and whether interrupts were on.
const NESTED: RawRestoreState = 1;
const INTERRUPTS: RawRestoreState = 2;

// SAFETY: one hart at a time is inside: it wrote its number where nobody's was, in one step, and
// nothing interrupts it. The acquire and the release order what happens inside. A section inside
// another of the same hart changes nothing.
unsafe impl critical_section::Impl for BothHarts {
    unsafe fn acquire() -> RawRestoreState {
        let interrupts = if mstatus::read().mie() { INTERRUPTS } else { 0 };
        riscv::interrupt::disable();
        let me = mhartid::read().wrapping_add(1);
        // Relaxed: no other hart writes this number.
        if INSIDE.load(Ordering::Relaxed) == me {
            return interrupts | NESTED;
        }
        // Acquire: partner is the release in `release`, of whichever hart was inside before.
        while INSIDE.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_err() {
            core::hint::spin_loop();
        }
        interrupts
    }

    unsafe fn release(was: RawRestoreState) {
        if was & NESTED == 0 {
            // Release: partner is the acquire in `acquire`, of whichever hart is inside next.
            INSIDE.store(0, Ordering::Release);
        }
        if was & INTERRUPTS != 0 {
            // SAFETY: they were on when the section began.
            unsafe { riscv::interrupt::enable() };
        }
    }
}
