//! The UARTs of an LM3S6965 (ARM's PL011), as far as the examples need them.
//!
//! A board also turns on the UART's clock (`RCGC1`), hands the pins to the UART and sets the baud
//! rate. QEMU needs none of that.

use ringway_core::ring::bytes::{ByteRing, Consumer, Producer};
use ringway_core::wait::Async;

/// Bytes between the UART's interrupt and a task that awaits them, or room for them.
pub type Bytes<const N: usize> = ByteRing<N, Async>;

/// The halves of such a ring.
pub type Reader<const N: usize> = Consumer<&'static Bytes<N>>;
pub type Writer<const N: usize> = Producer<&'static Bytes<N>>;

/// The offsets of the registers.
const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
const LINE_CONTROL: usize = 0x2c;
const CONTROL: usize = 0x30;
const INTERRUPT_MASK: usize = 0x38;
const INTERRUPT_CLEAR: usize = 0x44;

/// Of `FLAGS`: there is nothing to receive, there is no room to send.
const RECEIVE_EMPTY: u32 = 1 << 4;
const SEND_FULL: u32 = 1 << 5;

/// Of the two interrupt registers: something was received, something received lies there for a
/// while, there is room to send.
const RECEIVED: u32 = 1 << 4;
const SENT: u32 = 1 << 5;
const RECEIVE_TIMEOUT: u32 = 1 << 6;

/// One of the UARTs, once it is on.
pub struct Uart {
    /// The address of its registers.
    base: usize,
}

impl Uart {
    /// Starts UART `number`, 0 or 1. It interrupts when something comes.
    ///
    /// # Safety
    /// Nobody else uses this UART.
    pub unsafe fn start(number: usize) -> Self {
        let mut uart = Uart { base: 0x4000_c000 + 0x1000 * number };
        uart.write(LINE_CONTROL, 3 << 5 | 1 << 4); // 8 bits, and the hardware's queues
        uart.write(CONTROL, 1 << 9 | 1 << 8 | 1); // receives, sends, is on
        uart.write(INTERRUPT_MASK, RECEIVED | RECEIVE_TIMEOUT);
        uart
    }

    /// The interrupt's work: moves bytes from the UART to `received`, and from `to_send` to the
    /// UART, in place.
    ///
    /// The UART interrupts again only for what the rings allow: for input if there is room for it,
    /// for output if something is left. So the interrupt does not lose bytes if the task is slow: a
    /// UART whose queue is full holds the peer up by RTS. A task that made room or wrote something
    /// pends the interrupt.
    pub fn serve<const R: usize, const S: usize>(
        &mut self,
        received: &mut Writer<R>,
        to_send: &mut Reader<S>,
    ) {
        self.write(INTERRUPT_CLEAR, RECEIVED | RECEIVE_TIMEOUT | SENT);
        if let Ok(mut grant) = received.try_reserve_up_to(R) {
            let mut count = 0;
            while count < grant.len() && self.read(FLAGS) & RECEIVE_EMPTY == 0 {
                grant[count] = self.read(DATA) as u8;
                count += 1;
            }
            grant.commit(count);
        }
        if let Ok(grant) = to_send.try_peek(1) {
            let mut count = 0;
            while count < grant.len() && self.read(FLAGS) & SEND_FULL == 0 {
                self.write(DATA, grant[count].into());
                count += 1;
            }
            grant.release(count);
        }
        let input = if received.room() > 0 { RECEIVED | RECEIVE_TIMEOUT } else { 0 };
        let output = if to_send.is_empty() { 0 } else { SENT };
        self.write(INTERRUPT_MASK, input | output);
    }

    /// Sends bytes without an interrupt; waits for room in the UART.
    pub fn send(&mut self, bytes: &[u8]) {
        for byte in bytes {
            while self.read(FLAGS) & SEND_FULL != 0 {}
            self.write(DATA, (*byte).into());
        }
    }

    fn read(&self, register: usize) -> u32 {
        // SAFETY: the register is one of a UART that this value alone uses: see `start`.
        unsafe { ((self.base + register) as *const u32).read_volatile() }
    }

    fn write(&mut self, register: usize, value: u32) {
        // SAFETY: the register is one of a UART that this value alone uses: see `start`.
        unsafe { ((self.base + register) as *mut u32).write_volatile(value) }
    }
}
