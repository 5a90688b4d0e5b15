//! A Cortex-M: an M0 (QEMU's `microbit`), an M3 (`lm3s6965evb`) or an M33 (`mps2-an505`), ticking
//! by SysTick.

use cortex_m::Peripherals;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// Cycles from one tick to the next: 1 ms at the 16 MHz of the nRF51822, 1.28 ms at the 12.5 MHz of
/// the LM3S6965, 0.8 ms at the 20 MHz of the AN505.
const PERIOD: u32 = 16_000;

/// The timer interrupt comes from now on.
pub fn start_timer() {
    if let Some(board) = Peripherals::take() {
        start_this_timer(board.SYST);
    }
}

/// As [`start_timer`], for a program whose framework has taken the peripherals.
pub fn start_this_timer(mut timer: SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(PERIOD - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

/// Sleeps until an interrupt comes.
pub fn sleep() {
    cortex_m::asm::wfi();
}
