//! A device on a serial line, with embassy: the UART's interrupt, a task that speaks the protocol,
//! and a task that sends the log by the second UART. Byte rings connect the three.
//!
//! ```text
//! UART0 ⇄ interrupt ⇄ rings ⇄ protocol (task)
//!                                 │ defmt
//!                            ring of the log → send_log (task) → UART1
//! ```
//!
//! The rings wake the tasks: their `W` is `Async`.
#![no_std]
#![no_main]

mod device;

use cortex_m::peripheral::NVIC;
use device::log;
use device::registers::Registers;
use device::uart::{Bytes, Reader, Uart, Writer};
use embassy_executor::{Executor, Spawner};
use lm3s6965::{Interrupt, interrupt};
use ringway_core::ring::bytes::Consumer;
use ringway_firmware::{exit, report};

static INPUT: Bytes<32> = Bytes::new();
static OUTPUT: Bytes<16> = Bytes::new();

/// Moves bytes between UART0 and the rings. The interrupt keeps what it has in its own `static`.
#[interrupt]
fn UART0() {
    static mut PARTS: Option<(Uart, Writer<32>, Reader<16>)> = None;
    if PARTS.is_none() {
        // SAFETY: nobody else uses UART0.
        let uart = unsafe { Uart::start(0) };
        *PARTS = INPUT.producer().zip(OUTPUT.consumer()).map(|(input, out)| (uart, input, out));
    }
    if let Some((uart, received, to_send)) = PARTS {
        uart.serve(received, to_send);
    }
}

/// Answers requests until the peer ends the session.
#[embassy_executor::task]
async fn protocol(mut requests: Reader<32>, mut answers: Writer<16>) {
    let mut registers = Registers::default();
    let mut input = [0; 8];
    while !registers.is_ended {
        let Ok(count @ 1..) = requests.read_async(&mut input).await else { exit(false) };
        // There is room for more input.
        NVIC::pend(Interrupt::UART0);
        for byte in &input[..count] {
            if let Some(answer) = registers.push(*byte) {
                send(&mut answers, answer).await;
            }
        }
    }
    report("answers", registers.answers);
    report("log frames lost", log::stop());
}

async fn send(answers: &mut Writer<16>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let Ok(count) = answers.write_async(bytes).await else { exit(false) };
        bytes = &bytes[count..];
        NVIC::pend(Interrupt::UART0);
    }
}

#[embassy_executor::task]
async fn send_log(mut log: Consumer<&'static log::Log>) {
    // SAFETY: nobody else uses UART1.
    let mut uart = unsafe { Uart::start(1) };
    let mut bytes = [0; 32];
    while let Ok(count @ 1..) = log.read_async(&mut bytes).await {
        uart.send(&bytes[..count]);
    }
    // The log ended, and all of it is out.
    exit(true)
}

fn start(spawner: Spawner) -> Option<()> {
    let log = log::start()?;
    spawner.spawn(send_log(log).ok()?);
    spawner.spawn(protocol(INPUT.consumer()?, OUTPUT.producer()?).ok()?);
    defmt::info!("embassy runs");
    // SAFETY: no critical section relies on this interrupt being off.
    unsafe { NVIC::unmask(Interrupt::UART0) };
    // The first call starts the UART.
    NVIC::pend(Interrupt::UART0);
    Some(())
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut EXECUTOR: Option<Executor> = None;
    EXECUTOR.insert(Executor::new()).run(|spawner| start(spawner).unwrap_or_else(|| exit(false)))
}
