//! A Cortex-M: an M0 (QEMU's `microbit`), an M3 (`lm3s6965evb`) or an M33 (`mps2-an505`), ticking
//! by SysTick.

use cortex_m::Peripherals;
use cortex_m::peripheral::syst::SystClkSource;

/// Cycles from one tick to the next: 1 ms at the 16 MHz of the nRF51822, 1.28 ms at the 12.5 MHz of
/// the LM3S6965, 0.8 ms at the 20 MHz of the AN505.
const PERIOD: u32 = 16_000;

/// The timer interrupt comes from now on.
pub fn start_timer() {
    if let Some(mut board) = Peripherals::take() {
        board.SYST.set_clock_source(SystClkSource::Core);
        board.SYST.set_reload(PERIOD - 1);
        board.SYST.clear_current();
        board.SYST.enable_counter();
        board.SYST.enable_interrupt();
    }
}

/// Sleeps until an interrupt comes.
pub fn sleep() {
    cortex_m::asm::wfi();
}
