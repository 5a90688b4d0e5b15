//! A `static` network: main listens, the timer's interrupt connects and sends messages.
#![no_std]
#![no_main]

use core::cell::RefCell;
use critical_section::Mutex;
use ringway_core::channel::Error;
use ringway_core::channel::pipe::Pipe;
use ringway_core::channel::socket::{Backlog, Connection, Network, Packets, Shutdown};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Doorbell;
use ringway_firmware::{Sleep, report, start_timer};

const fn bell() -> Doorbell<Sleep> {
    Doorbell::new(Sleep)
}

const fn place() -> Connection<32, Sleep> {
    Connection::with_pipes(Pipe::with_bells(bell(), bell()), Pipe::with_bells(bell(), bell()))
}

static NET: Network<1, 2, 32, Sleep> =
    Network::with_places([const { Backlog::with_bell(bell()) }; 1], [const { place() }; 2], bell());

/// The interrupt's side of the connection.
static SENSOR: Mutex<RefCell<Option<Packets<'static, 32, Sleep>>>> = Mutex::new(RefCell::new(None));

/// How many messages the interrupt sent; touched by it alone.
static SENT: AtomicU32 = AtomicU32::new(0);

/// How many it sends before it closes.
const MESSAGES: u32 = 200;

ringway_firmware::image!(run, tick);

fn tick() {
    critical_section::with(|section| {
        let Ok(mut sensor) = SENSOR.borrow(section).try_borrow_mut() else { return };
        // Relaxed: touched here alone.
        let sent = SENT.load(Ordering::Relaxed);
        if sent == MESSAGES {
            *sensor = None;
            return;
        }
        if sensor.is_none() {
            // Nobody listens yet, or main looks at the network just now: the next tick tries again.
            *sensor = NET.packets().try_connect("sensor").ok();
        }
        let Some(end) = sensor.as_mut() else { return };
        let message = [sent as u8; 8];
        let (message, _) = message.split_at_checked(sent as usize % 9).unwrap_or((&message, &[]));
        if end.try_send(message).is_ok() {
            SENT.store(sent.wrapping_add(1), Ordering::Relaxed);
        }
    });
}

fn run() -> bool {
    let refused = NET.streams().try_connect("sensor").err() == Some(Error::Refused);
    report("refused", u32::from(refused));
    let Ok(listener) = NET.packets().listen("sensor", 2) else { return false };
    start_timer();

    // Sleeps until the interrupt connects.
    let Ok(mut accepted) = listener.accept() else { return false };
    let (mut count, mut wrong) = (0_u32, 0_u32);
    let mut out = [0; 8];
    let end = loop {
        match accepted.recv(&mut out) {
            Ok(length) => {
                let whole = length == count as usize % 9
                    && out.iter().take(length).all(|byte| *byte == count as u8);
                wrong = wrong.wrapping_add(u32::from(!whole));
                count = count.wrapping_add(1);
            }
            Err(error) => break error,
        }
    };
    report("messages", count);
    report("wrong", wrong);
    report("end of file", u32::from(end == Error::EndOfFile));
    drop((accepted, listener));

    // Streams, among main alone: half-closed, and torn down with the listener.
    let Ok(listener) = NET.streams().listen(7, 1) else { return false };
    let Ok(mut caller) = NET.streams().connect(7) else { return false };
    let Ok(mut served) = listener.try_accept() else { return false };
    let written = caller.write(b"question") == Ok(8);
    caller.shutdown(Shutdown::Write);
    let mut out = [0; 16];
    let half_closed = written && served.read(&mut out) == Ok(8) && served.read(&mut out) == Ok(0);
    let answered = served.try_write(b"answer") == Ok(6) && caller.try_read(&mut out) == Ok(6);
    report("half-closed", u32::from(half_closed && answered));
    let Ok(mut waiting) = NET.streams().try_connect(7) else { return false };
    drop(listener);
    let reset = waiting.try_read(&mut out) == Err(Error::Reset);
    report("reset", u32::from(reset));

    refused && count == MESSAGES && wrong == 0 && end == Error::EndOfFile && half_closed && reset
}
