//! What the images share: a board that starts, ticks, prints and ends.
//!
//! An image is a function that runs in the foreground, and one that the timer's interrupt calls:
//!
//! ```ignore
//! ringway_firmware::image!(run, tick);
//! ```
//!
//! The board ends with exit status 0 when `run` returns `true`.
#![no_std]

#[cfg_attr(target_arch = "arm", path = "cortex_m.rs")]
#[cfg_attr(target_arch = "riscv32", path = "riscv32.rs")]
mod board;

#[cfg(feature = "two-cores")]
mod two_harts;

#[cfg(target_arch = "arm")]
pub use board::start_this_timer;
pub use board::{sleep, start_timer};
#[cfg(feature = "two-cores")]
pub use two_harts::{SoftwareInterrupt, start_second_hart};

use core::hint::black_box;
use semihosting::io::{Write, stdout};

/// Prints `name: value` as one line, without `core::fmt`, which can panic.
///
/// It is the same code in every image. Otherwise the compiler makes one for the numbers that an
/// image prints, and the sizes of two images differ by more than what they measure.
#[inline(never)]
pub fn report(name: &str, value: u32) {
    let mut digits = [b'0'; 10];
    let mut rest = black_box(value);
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first = place;
        if rest == 0 {
            break;
        }
    }
    write(name.as_bytes());
    write(b": ");
    write(digits.get(first..).unwrap_or_default());
    write(b"\n");
}

fn write(bytes: &[u8]) {
    if let Ok(mut out) = stdout() {
        // An image goes on if the emulator has no console: the exit status says the same.
        let _ = out.write_all(bytes);
    }
}

/// Ends the emulator with status 0 if `good`, otherwise with 1.
pub fn exit(good: bool) -> ! {
    semihosting::process::exit(if good { 0 } else { 1 })
}

/// Makes an image of `fn run() -> bool` and `fn tick()`.
#[macro_export]
macro_rules! image {
    ($run:ident, $tick:ident) => {
        #[cfg(target_arch = "arm")]
        mod start {
            #[cortex_m_rt::entry]
            fn main() -> ! {
                $crate::exit(super::$run())
            }

            #[cortex_m_rt::exception]
            fn SysTick() {
                super::$tick()
            }
        }

        #[cfg(target_arch = "riscv32")]
        mod start {
            #[riscv_rt::entry]
            fn main() -> ! {
                $crate::unmask_interrupts();
                $crate::exit(super::$run())
            }

            #[riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineTimer)]
            fn timer() {
                $crate::rearm_timer();
                super::$tick()
            }
        }
    };
}

#[cfg(target_arch = "riscv32")]
#[doc(hidden)]
pub use board::{rearm_timer, unmask_interrupts};

// Only an image that can panic needs this name, and nothing defines it: such an image does not
// link.
#[cfg(not(any(feature = "numbers", feature = "embassy")))]
unsafe extern "C" {
    safe fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    #[cfg(not(any(feature = "numbers", feature = "embassy")))]
    a_panic_is_reachable();
    // Other libraries are used as they are, and some can panic.
    #[cfg(any(feature = "numbers", feature = "embassy"))]
    exit(false)
}
