//! A device on a serial line, with RTIC: the UART's interrupt, a task that speaks the protocol, and
//! a log that goes out by the second UART when nothing else is to do. Byte rings connect the three.
//!
//! ```text
//! UART0 ⇄ interrupt (priority 2) ⇄ rings ⇄ protocol (priority 1, async)
//!                                              │ defmt
//!                                         ring of the log → idle → UART1
//! ```
//!
//! Each half of a ring is a local resource of its task: no lock, no critical section.
#![no_std]
#![no_main]

mod device;

#[rtic::app(device = lm3s6965, dispatchers = [SSI0])]
mod app {
    use crate::device::log;
    use crate::device::registers::Registers;
    use crate::device::uart::{Bytes, Reader, Uart, Writer};
    use lm3s6965::Interrupt;
    use ringway_core::ring::bytes::Consumer;
    use ringway_firmware::{exit, report};

    #[shared]
    struct Shared {}

    #[local]
    struct Local {
        uart: Uart,
        received: Writer<32>,
        requests: Reader<32>,
        answers: Writer<16>,
        to_send: Reader<16>,
        log: Consumer<&'static log::Log>,
    }

    #[init(local = [input: Bytes<32> = Bytes::new(), output: Bytes<16> = Bytes::new()])]
    fn init(cx: init::Context) -> (Shared, Local) {
        let Some(log) = log::start() else { exit(false) };
        let (received, requests) = cx.local.input.split();
        let (answers, to_send) = cx.local.output.split();
        // SAFETY: nobody else uses UART0.
        let uart = unsafe { Uart::start(0) };
        if protocol::spawn().is_err() {
            exit(false);
        }
        defmt::info!("RTIC runs");
        (Shared {}, Local { uart, received, requests, answers, to_send, log })
    }

    #[task(binds = UART0, priority = 2, local = [uart, received, to_send])]
    fn uart(cx: uart::Context) {
        cx.local.uart.serve(cx.local.received, cx.local.to_send);
    }

    /// Answers requests until the peer ends the session.
    #[task(priority = 1, local = [requests, answers])]
    async fn protocol(cx: protocol::Context) {
        let protocol::LocalResources { requests, answers, .. } = cx.local;
        let mut registers = Registers::default();
        let mut input = [0; 8];
        while !registers.is_ended {
            let Ok(count @ 1..) = requests.read_async(&mut input).await else { exit(false) };
            // There is room for more input.
            rtic::pend(Interrupt::UART0);
            for byte in &input[..count] {
                if let Some(answer) = registers.push(*byte) {
                    send(answers, answer).await;
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
            rtic::pend(Interrupt::UART0);
        }
    }

    /// Sends the log; sleeps while there is none.
    #[idle(local = [log])]
    fn idle(cx: idle::Context) -> ! {
        // SAFETY: nobody else uses UART1.
        let mut uart = unsafe { Uart::start(1) };
        let mut bytes = [0; 32];
        while let Ok(count @ 1..) = cx.local.log.read(&mut bytes) {
            uart.send(&bytes[..count]);
        }
        // The log ended, and all of it is out.
        exit(true)
    }
}
