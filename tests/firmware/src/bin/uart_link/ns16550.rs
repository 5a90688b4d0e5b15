//! The UART of QEMU's `virt`: an NS16550, whose interrupt comes through the PLIC (RISC-V
//! Platform-Level Interrupt Controller Specification, at the addresses of QEMU's `virt`).

/// Receive buffer and transmit holding register.
const DATA: *mut u8 = 0x1000_0000 as *mut u8;
const INTERRUPT_ENABLE: *mut u8 = 0x1000_0001 as *mut u8;
const FIFO_CONTROL: *mut u8 = 0x1000_0002 as *mut u8;
const LINE_CONTROL: *mut u8 = 0x1000_0003 as *mut u8;
const LINE_STATUS: *const u8 = 0x1000_0005 as *const u8;

/// In `LINE_STATUS`: a byte is there; one can be sent.
const READY: u8 = 1;
const EMPTY: u8 = 0x20;

/// The number of the UART's interrupt.
const SOURCE: u32 = 10;
/// Of that source, and for machine mode on hart 0.
const PRIORITY: *mut u32 = (0x0c00_0000 + 4 * SOURCE) as *mut u32;
const ENABLE: *mut u32 = 0x0c00_2000 as *mut u32;
const THRESHOLD: *mut u32 = 0x0c20_0000 as *mut u32;
const CLAIM: *mut u32 = 0x0c20_0004 as *mut u32;

/// Bytes that come are received from now on.
pub fn start() {
    // SAFETY: these are the UART's and the PLIC's registers, nobody else uses them, and the
    // interrupt that they enable has its handler below.
    unsafe {
        // At 115200 baud, this is four characters long: so long do bytes wait when there are too
        // few for an interrupt.
        LINE_CONTROL.write_volatile(0x80);
        DATA.write_volatile(1);
        INTERRUPT_ENABLE.write_volatile(0);
        // Eight bits, no parity; an interrupt when 14 bytes are in the FIFO.
        LINE_CONTROL.write_volatile(3);
        FIFO_CONTROL.write_volatile(0xc1);
        INTERRUPT_ENABLE.write_volatile(1);
        PRIORITY.write_volatile(1);
        ENABLE.write_volatile(1 << SOURCE);
        THRESHOLD.write_volatile(0);
        riscv::register::mie::set_mext();
    }
}

/// Sends a byte if there is room.
pub fn try_put(byte: u8) -> bool {
    // SAFETY: reading the status has no effect on it.
    if unsafe { LINE_STATUS.read_volatile() } & EMPTY == 0 {
        return false;
    }
    // SAFETY: the register takes any byte, and main alone sends.
    unsafe { DATA.write_volatile(byte) };
    true
}

#[riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineExternal)]
fn uart() {
    // SAFETY: the handler's purpose is to claim the interrupt, take the bytes, and complete it.
    // Only the handler reads.
    unsafe {
        let source = CLAIM.read_volatile();
        while LINE_STATUS.read_volatile() & READY != 0 {
            super::received(DATA.read_volatile());
        }
        CLAIM.write_volatile(source);
    }
}
