//! A DMA controller writes straight into the grant of a ring of bytes: no copy by the processor.
//! The timer's interrupt is the consumer.
//!
//! The controller is the PL081 of the board with the Cortex-M33 (QEMU's `mps2-an505`). It copies
//! from memory here; a real one would read a peripheral's data register. Only `mod pl081` is about
//! this controller. `fill` is what any driver does, in this order:
//!
//! ```text
//!   1. reserve      the bytes belong to the driver until it commits or drops the grant
//!   2. clean        where there is a cache: see below
//!   3. dmb          what the processor wrote is in memory before the controller may read it
//!   4. start        the controller gets the address; the compiler learns that it may write there
//!   5. wait         for the interrupt at the end; the grant stays as it is and is not looked at
//!   6. dmb          what the processor reads next, it reads after the controller's end
//!   7. invalidate   where there is a cache
//!   8. commit       the consumer sees the bytes
//! ```
//!
//! - **Barriers.** `dmb` orders the processor's accesses to memory and to the controller. It is a
//!   barrier for the compiler too: an access that is not volatile does not move across it. The
//!   release in `commit` alone does not do: it orders what *this* processor wrote, and these bytes
//!   the controller wrote. On RISC-V the barriers are `fence rw, o` before the start and
//!   `fence i, rw` after the status was read.
//! - **Alignment.** The controller moves words of 4 bytes, so that the address and the length must
//!   be multiples of 4. A ring's bytes begin at a multiple of 4, and so does each grant if the
//!   capacity and all lengths are multiples of 4. `fill` checks it all the same.
//! - **Caches.** This processor has none. Where there is one (a Cortex-M7), the ring's bytes begin
//!   at a line of the cache (32 bytes), and the capacity and all lengths are multiples of it. Or
//!   the ring lies in memory that is not cached. `ByteRingView::init_in` puts a ring where you say,
//!   and the first grant shows where its bytes begin. Otherwise a line that is invalidated takes
//!   along what the processor wrote beside the grant. Before the start the driver cleans and
//!   invalidates the lines of the grant, so that none is written back over the controller's bytes.
//!   After the end it invalidates them again, because the processor may have fetched one ahead.
//! - **An early end.** A grant must not be dropped while the controller writes into it. `fill` does
//!   not return before the end; a driver with a timeout first disables the channel, and waits until
//!   the controller says that it is disabled.
#![no_std]
#![no_main]

use cortex_m::peripheral::NVIC;
use ringway_core::lock::Event;
use ringway_core::ring::bytes::{ByteRing, Producer};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::WaitForInterrupt;
use ringway_firmware::{report, start_timer};

/// How many bytes a transfer has, and how many transfers there are.
const LENGTH: usize = 24;
const TRANSFERS: u32 = 200;
const BYTES: u32 = TRANSFERS * LENGTH as u32;

type Line = ByteRing<64, WaitForInterrupt>;

static LINE: Line = Line::new();
/// Set by the interrupt at the end of a transfer.
static ENDED: Event<WaitForInterrupt> = Event::new();
/// How many transfers ended with an error; the controller's interrupt alone writes it.
static FAILED: AtomicU32 = AtomicU32::new(0);
/// How many bytes came, and how many of them were wrong; the timer's interrupt alone writes them.
static CAME: AtomicU32 = AtomicU32::new(0);
static WRONG: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

fn byte(number: u32) -> u8 {
    number.wrapping_mul(0x9e37_79b9).to_be_bytes()[0]
}

fn add(to: &AtomicU32, more: u32) {
    // Relaxed, here and below: one context writes each of these.
    to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// The consumer: takes what is there.
fn tick() {
    let Some(mut line) = LINE.consumer() else { return };
    let mut bytes = [0; 16];
    loop {
        let count = line.try_read(&mut bytes);
        for byte_that_came in bytes.iter().take(count) {
            let expected = byte(CAME.load(Ordering::Relaxed));
            add(&WRONG, u32::from(*byte_that_came != expected));
            add(&CAME, 1);
        }
        if count == 0 {
            return;
        }
    }
}

/// Lets the controller write `LENGTH` bytes of `source` into the ring. Returns whether it did.
fn fill(line: &mut Producer<&'static Line>, source: &[u8; LENGTH]) -> bool {
    // Sleeps until there is room.
    let Ok(mut grant) = line.reserve(LENGTH) else { return false };
    let bytes = grant.as_mut_ptr();
    if bytes.addr() % 4 != 0 || source.as_ptr().addr() % 4 != 0 {
        return false;
    }
    let failed = FAILED.load(Ordering::Relaxed);
    ENDED.clear();
    cortex_m::asm::dmb();
    // SAFETY: both are `LENGTH` bytes from a multiple of 4. The grant keeps the bytes for this
    // driver, and the source is borrowed; neither is used before the end, for which this waits.
    unsafe { pl081::start(source.as_ptr(), bytes, LENGTH) };
    ENDED.wait();
    cortex_m::asm::dmb();
    if FAILED.load(Ordering::Relaxed) != failed {
        // Dropping the grant takes nothing out of the ring and puts nothing in.
        return false;
    }
    grant.commit(LENGTH);
    true
}

/// A word's alignment for what the controller reads.
#[repr(C, align(4))]
struct Aligned([u8; LENGTH]);

fn run() -> bool {
    let Some(mut line) = LINE.producer() else { return false };
    // SAFETY: `DefaultHandler` handles it, and no critical section relies on its being masked.
    unsafe { NVIC::unmask(pl081::Interrupt) };
    start_timer();

    let (mut next, mut filled) = (0_u32, 0_u32);
    for _ in 0..TRANSFERS {
        let source = Aligned(core::array::from_fn(|at| byte(next.wrapping_add(at as u32))));
        filled = filled.wrapping_add(u32::from(fill(&mut line, &source.0)));
        next = next.wrapping_add(LENGTH as u32);
    }
    while !LINE.is_empty() {
        cortex_m::asm::wfi();
    }
    let (came, wrong) = (CAME.load(Ordering::Relaxed), WRONG.load(Ordering::Relaxed));
    report("transfers", filled);
    report("failed", FAILED.load(Ordering::Relaxed));
    report("bytes that came", came);
    report("wrong", wrong);
    filled == TRANSFERS && came == BYTES && wrong == 0
}

/// The controller's interrupt; there is no other but the timer's.
#[cortex_m_rt::exception]
unsafe fn DefaultHandler(_number: i16) {
    add(&FAILED, u32::from(pl081::acknowledge()));
    ENDED.set();
}

/// ARM's PrimeCell PL081, one channel (ARM DDI 0218).
mod pl081 {
    /// DMA 0 of the board in the secure world (ARM DAI 0505).
    const BASE: usize = 0x5011_0000;

    const TRANSFER_ENDED_CLEAR: usize = 0x008;
    const ERROR: usize = 0x00c;
    const ERROR_CLEAR: usize = 0x010;
    const CONFIGURATION: usize = 0x030;
    const SOURCE: usize = 0x100;
    const DESTINATION: usize = 0x104;
    const NEXT: usize = 0x108;
    const CONTROL: usize = 0x10c;
    const CHANNEL: usize = 0x110;

    /// The controller's interrupt at the processor.
    #[derive(Clone, Copy)]
    pub struct Interrupt;

    // SAFETY: the number is that of the board's manual, and always the same.
    unsafe impl cortex_m::interrupt::InterruptNumber for Interrupt {
        fn number(self) -> u16 {
            58
        }
    }

    fn write(register: usize, value: u32) {
        // SAFETY: a register of the controller. Only `start` makes the controller write to memory,
        // and its caller says where it may.
        unsafe { ((BASE + register) as *mut u32).write_volatile(value) };
    }

    /// Starts a transfer of whole words.
    ///
    /// # Safety
    /// `length` bytes from `source` are readable, and `length` bytes from `destination` are
    /// writable, from now until the controller's interrupt. Nothing else uses them meanwhile. Both
    /// begin at a multiple of 4, and `length` is one, less than 16 KiB.
    pub unsafe fn start(source: *const u8, destination: *mut u8, length: usize) {
        write(SOURCE, source.expose_provenance() as u32);
        // The compiler now has to assume that these bytes change behind its back.
        write(DESTINATION, destination.expose_provenance() as u32);
        write(NEXT, 0);
        // The number of words; both sides 4 bytes wide and counting up; an interrupt at the end.
        let words = (length / 4) as u32;
        write(CONTROL, words | 2 << 18 | 2 << 21 | 1 << 26 | 1 << 27 | 1 << 31);
        // From memory to memory, with the interrupts of the end and of an error.
        write(CHANNEL, 1 | 1 << 14 | 1 << 15);
        // The controller is on only while it works. (QEMU's raises the interrupt of a transfer that
        // begins with this write, and not of one that begins with the write before.)
        write(CONFIGURATION, 1);
    }

    /// Takes the interrupt back. Returns whether the transfer ended with an error.
    pub fn acknowledge() -> bool {
        // SAFETY: reading this register of the controller changes nothing.
        let failed = unsafe { ((BASE + ERROR) as *const u32).read_volatile() } & 1 != 0;
        write(TRANSFER_ENDED_CLEAR, 1);
        write(ERROR_CLEAR, 1);
        write(CONFIGURATION, 0);
        failed
    }
}
