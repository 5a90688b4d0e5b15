//! A RISC-V hart (QEMU's `virt`), ticking by the timer of its CLINT.

/// The first hart's timer compare register, before those of the others, and the time, each 64 bits
/// in two halves (RISC-V ACLINT specification, at the addresses of QEMU's `virt`).
const MTIMECMP: *mut u32 = 0x0200_4000 as *mut u32;
const MTIME: *const u32 = 0x0200_bff8 as *const u32;

/// From one tick to the next: 1 ms of the board's 10 MHz clock.
const PERIOD: u64 = 10_000;

/// Lets interrupts through that are enabled: none, until [`start_timer`]. A Cortex-M is so after
/// its reset. On such a board a critical section ends with the instruction that unmasks interrupts.
pub fn unmask_interrupts() {
    // SAFETY: an image starts with this, or with its timer: no critical section is open that relies
    // on interrupts being off.
    unsafe { riscv::interrupt::enable() };
}

/// The timer interrupt comes from now on.
pub fn start_timer() {
    rearm_timer();
    // SAFETY: the image has a handler for this interrupt, the only one that is enabled.
    unsafe { riscv::register::mie::set_mtimer() };
    unmask_interrupts();
}

/// Lets the next tick come one period from now.
pub fn rearm_timer() {
    let next = now() + PERIOD;
    let mine = MTIMECMP.wrapping_add(2 * riscv::register::mhartid::read());
    // SAFETY: the register belongs to this hart; the high half is at its maximum while the low half
    // is written, so that no tick comes from a half-written time.
    unsafe {
        mine.add(1).write_volatile(u32::MAX);
        mine.write_volatile(next as u32);
        mine.add(1).write_volatile((next >> 32) as u32);
    }
}

fn now() -> u64 {
    loop {
        // SAFETY: reading the time has no effect on it.
        let (high, low, again) = unsafe {
            (MTIME.add(1).read_volatile(), MTIME.read_volatile(), MTIME.add(1).read_volatile())
        };
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Sleeps until an interrupt comes.
pub fn sleep() {
    riscv::asm::wfi();
}
