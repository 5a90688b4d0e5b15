//! The UART of the nRF51822 (QEMU's `microbit`): nRF51 Series Reference Manual, chapter 29.

use cortex_m::peripheral::NVIC;
use cortex_m_rt::exception;

const BASE: usize = 0x4000_2000;
const START_RECEIVING: *mut u32 = BASE as *mut u32;
const START_SENDING: *mut u32 = (BASE + 0x008) as *mut u32;
/// A byte is there; the last one is sent.
const RECEIVED: *mut u32 = (BASE + 0x108) as *mut u32;
const SENT: *mut u32 = (BASE + 0x11c) as *mut u32;
const INTERRUPT_ENABLE: *mut u32 = (BASE + 0x304) as *mut u32;
const ENABLE: *mut u32 = (BASE + 0x500) as *mut u32;
const RECEIVE: *const u32 = (BASE + 0x518) as *const u32;
const SEND: *mut u32 = (BASE + 0x51c) as *mut u32;

/// The UART's interrupt. The vector table of an image without a device crate has one handler for
/// all of them.
#[derive(Clone, Copy)]
struct Uart;

// SAFETY: the number is the UART's on this chip.
unsafe impl cortex_m::interrupt::InterruptNumber for Uart {
    fn number(self) -> u16 {
        2
    }
}

/// Bytes that come are received from now on.
pub fn start() {
    // SAFETY: these are the UART's registers, nobody else uses them, and the interrupt that they
    // enable has its handler below.
    unsafe {
        ENABLE.write_volatile(4);
        START_SENDING.write_volatile(1);
        START_RECEIVING.write_volatile(1);
        INTERRUPT_ENABLE.write_volatile(1 << 2);
        // The first byte can be sent at once.
        SENT.write_volatile(1);
        NVIC::unmask(Uart);
    }
}

/// Sends a byte if there is room.
pub fn try_put(byte: u8) -> bool {
    // SAFETY: main alone sends, and the register takes any byte when the last one is sent.
    unsafe {
        if SENT.read_volatile() == 0 {
            return false;
        }
        SENT.write_volatile(0);
        SEND.write_volatile(byte.into());
    }
    true
}

#[exception]
unsafe fn DefaultHandler(_: i16) {
    // SAFETY: the handler's purpose is to take the byte that is there, and only the handler reads.
    // No other interrupt is enabled.
    unsafe {
        while RECEIVED.read_volatile() != 0 {
            RECEIVED.write_volatile(0);
            super::received(RECEIVE.read_volatile() as u8);
        }
    }
}
