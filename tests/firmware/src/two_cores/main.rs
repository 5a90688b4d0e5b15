//! Two cores of one chip, and a timer's interrupt on each. Both cores and both interrupts use the
//! same structures at once. Each side spins when it has to wait, and in `mailbox.rs` it sleeps.
//!
//! The cores are two RISC-V harts, with compare-and-swap or without it. Without, the critical
//! section of `src/two_harts.rs` keeps them apart.
#![no_std]
#![no_main]

mod jobs;
mod locks;
mod mailbox;
mod news;
mod reset;
mod sections;
mod signals;
mod values;

use ringway_core::lock::Barrier;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Spin;
use ringway_firmware::{exit, rearm_timer, start_second_hart, start_timer, unmask_interrupts};

/// How often the interrupt of each core does its work in each part.
const TICKS: u32 = 100;

/// What both cores do at the same time.
struct Part {
    /// What each core does; the argument is its number.
    work: fn(usize),
    /// What the interrupt of each core does meanwhile. Returns whether it did it, and did not have
    /// to leave it to the next interrupt.
    tick: fn(usize) -> bool,
    /// Reports what came out, when both cores have done their work and their interrupts.
    check: fn() -> bool,
}

static PARTS: [Part; 7] = [
    sections::PART,
    values::PART,
    jobs::PART,
    signals::PART,
    locks::PART,
    news::PART,
    mailbox::PART,
];

/// The part that each core is in. Only this core uses the number, in main and in its interrupt.
static NOW: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
/// How often the interrupt of each core did its work. Only this interrupt writes it.
static TICKED: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
/// Where the cores meet before and after each check.
static MEETING: Barrier<2, Spin> = Barrier::new();

#[riscv_rt::entry]
fn main(hart: usize) -> ! {
    if hart == 0 {
        start_second_hart();
    }
    unmask_interrupts();
    start_timer();
    let good = parts(hart);
    if hart == 0 { exit(good & reset::recover()) } else { reset::die() }
}

fn parts(hart: usize) -> bool {
    let mut good = true;
    for part in &PARTS {
        (part.work)(hart);
        while !ticks_are_over(hart) {
            core::hint::spin_loop();
        }
        good &= MEETING.wait().is_ok();
        if hart == 0 {
            good &= (part.check)();
        }
        good &= MEETING.wait().is_ok();
        add(&NOW[hart & 1], 1);
    }
    good
}

/// Whether the interrupt of this core has done all that it does in this part.
fn ticks_are_over(hart: usize) -> bool {
    let ticked = TICKED[hart & 1].load(Ordering::Relaxed);
    ticked == NOW[hart & 1].load(Ordering::Relaxed).wrapping_add(1).wrapping_mul(TICKS)
}

#[riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineTimer)]
fn tick() {
    rearm_timer();
    let hart = riscv::register::mhartid::read() & 1;
    let part = PARTS.get(NOW[hart].load(Ordering::Relaxed) as usize);
    if part.is_some_and(|part| !ticks_are_over(hart) && (part.tick)(hart)) {
        add(&TICKED[hart], 1);
    }
}

/// Adds to a number that only the caller writes.
fn add(to: &AtomicU32, more: u32) {
    // Relaxed, here and wherever nothing else is said: one context writes the number, and the
    // others read it after the cores met.
    to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// The number that each context counted, together.
fn total<const N: usize>(of: &[AtomicU32; N]) -> u32 {
    of.iter().fold(0, |sum, count| sum.wrapping_add(count.load(Ordering::Relaxed)))
}

/// A number that a number is checked by.
fn mix(n: u32) -> u32 {
    (n ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9)
}

/// A message that shows whether it is whole.
fn message(n: u32) -> [u32; 3] {
    [n, mix(n), !n]
}
