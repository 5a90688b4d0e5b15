//! A sleeper for two harts: the one stops at `wfi`, and the other wakes it by a software interrupt.
//!
//! This is how a program brings a way to wait of its own; take it along and adapt it. It needs a
//! register by which one core interrupts the other: here the `MSIP` of the CLINT, elsewhere a
//! mailbox or an inter-processor interrupt. (Two Cortex-M cores need none of this: `WaitForEvent`
//! wakes the other core by `sev`.)
//!
//! The interrupt is never taken, and needs no handler. It is enabled only while the hart sleeps,
//! with interrupts masked: a pending interrupt ends `wfi` all the same.
//!
//! No wake-up is lost:
//!
//! ```text
//!   the hart that sleeps                     the hart that wakes
//!   1. masks interrupts                      a. changes the word
//!   2. does the word still say "sleep"?      b. fence: the change, then the register
//!   3. wfi, until its register is 1          c. writes 1 to the other's register
//!   4. writes 0 to its register
//!   5. fence: the register, then memory
//!   6. unmasks interrupts, checks again
//! ```
//!
//! If a comes after 2, then c comes after 2 as well. The register is 1 before 3 or during 3, and
//! ends it. If c comes between 3 and 4, then 4 loses it; but a came before, and 6 sees it.

use core::arch::asm;
use core::convert::Infallible;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};
use riscv::register::{mhartid, mie, mstatus};

/// The software interrupt of each hart: a register of 32 bits, with one bit in use (RISC-V ACLINT
/// specification, at the address of QEMU's `virt`).
const MSIP: *mut u32 = 0x0200_0000 as *mut u32;

/// Sets the software interrupt of a hart pending, or takes it back.
pub(super) fn set(hart: usize, pending: bool) {
    // SAFETY: both harts have this register, and a hart that writes it only ends a sleep.
    unsafe { MSIP.wrapping_add(hart & 1).write_volatile(u32::from(pending)) };
}

/// Sleeps by `wfi` until an interrupt on this hart, or until the other hart rings.
pub struct SoftwareInterrupt;

impl Wake for SoftwareInterrupt {
    type Word = BellWord;

    const INIT: Self = SoftwareInterrupt;

    /// Wakes the other hart. If it is this hart that sleeps, then the interrupt whose handler calls
    /// this has woken it.
    fn wake(&self, _word: &AtomicU32, _n: u32) {
        // SAFETY: a fence changes nothing.
        unsafe { asm!("fence rw, o", options(nostack, preserves_flags)) };
        set(mhartid::read() ^ 1, true);
    }
}

impl Wait for SoftwareInterrupt {
    type Deadline = Infallible;

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        _deadline: Option<Infallible>,
    ) -> Result<(), TimedOut> {
        let unmasked = mstatus::read().mie();
        riscv::interrupt::disable();
        // Relaxed: the caller checks its condition behind the doorbell's fence.
        if word.load(Ordering::Relaxed) == expected {
            // SAFETY: while interrupts are masked, no handler is called.
            unsafe { mie::set_msoft() };
            riscv::asm::wfi();
            // SAFETY: interrupts are still masked. Once they are unmasked, this one cannot come.
            unsafe { mie::clear_msoft() };
            set(mhartid::read(), false);
            // SAFETY: a fence changes nothing.
            unsafe { asm!("fence o, rw", options(nostack, preserves_flags)) };
        }
        if unmasked {
            // SAFETY: interrupts were unmasked when this was called.
            unsafe { riscv::interrupt::enable() };
        }
        Ok(())
    }
}
