//! A link over the board's UART. The other end is `tests/tests/tools_firmware_link.rs`, or the
//! tour.
//!
//! On port 0 each side sends [`MESSAGES`] messages that both can compute, and then shuts its
//! sending down. This side's last message says what it received. On port 1 this side sends back
//! what comes. When the peer closes the link, the image ends.
//!
//! The UART's interrupt feeds a ring that main drains; the timer is the clock. The generation is a
//! count in memory that a reset leaves unchanged.
#![no_std]
#![no_main]

#[cfg_attr(target_arch = "arm", path = "nrf51.rs")]
#[cfg_attr(target_arch = "riscv32", path = "ns16550.rs")]
mod uart;

use core::mem::MaybeUninit;
use ringway_core::Error;
use ringway_core::channel::State;
use ringway_core::channel::link::{Config, Down, Event, PortEvent, SerialLink};
use ringway_core::ring::Ring;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::{report, sleep, start_timer};

/// Bytes of a message.
const MESSAGE: usize = 256;
/// The number of messages each way: 1 MiB together.
const MESSAGES: u32 = 4096;
/// The seeds from which each side's messages are computed.
const OURS: u32 = 0x0f1e_2d3c;
const THEIRS: u32 = 0x5a69_7887;

const EXCHANGE: u8 = 0;
const ECHO: u8 = 1;

type Link = SerialLink<MESSAGE, 4, 2, 4>;

/// What the UART received: the peer has no more under way than its window, a kilobyte.
static RECEIVED: Ring<u8, 2048> = Ring::new();
static TICKS: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

fn tick() {
    // Relaxed: the interrupt alone writes it, and main reads only the number.
    let ticks = TICKS.load(Ordering::Relaxed);
    TICKS.store(ticks.wrapping_add(1), Ordering::Relaxed);
}

/// Stores a byte that the UART received; its interrupt calls this. If there is no room, the byte is
/// lost, as on any line.
fn received(byte: u8) {
    if let Some(mut producer) = RECEIVED.producer() {
        let _ = producer.try_push(byte);
    }
}

fn now() -> u64 {
    // Relaxed: see `tick`.
    TICKS.load(Ordering::Relaxed).into()
}

/// Counts the starts of this board since it has power.
fn generation() -> u32 {
    #[unsafe(link_section = ".uninit.generation")]
    static mut GENERATION: MaybeUninit<u32> = MaybeUninit::uninit();
    let place = (&raw mut GENERATION).cast::<u32>();
    // SAFETY: main alone touches the memory, and any bytes are a valid number: it holds what was
    // there before the reset.
    let next = unsafe { place.read_volatile() }.wrapping_add(1);
    // SAFETY: main alone touches the memory.
    unsafe { place.write_volatile(next) };
    next
}

/// The `n`-th message of a side.
fn content(side: u32, n: u32) -> [u8; MESSAGE] {
    let mut state = side ^ n.wrapping_mul(0x9e37_79b9) | 1;
    let mut message = [0; MESSAGE];
    for byte in &mut message {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *byte = (state >> 8) as u8;
    }
    message
}

/// The progress of the exchange on port 0.
#[derive(Default)]
struct Exchange {
    sent: u32,
    received: u32,
    wrong: u32,
    /// The peer sends no more.
    ended: bool,
    reported: bool,
}

impl Exchange {
    /// Continues as far as the link allows.
    fn go_on(&mut self, link: &mut Link) {
        while self.sent < MESSAGES && link.try_send(EXCHANGE, &content(OURS, self.sent)).is_ok() {
            self.sent = self.sent.wrapping_add(1);
        }
        loop {
            match link.peek(EXCHANGE) {
                Ok(message) => {
                    let right = message == content(THEIRS, self.received);
                    self.wrong = self.wrong.wrapping_add(u32::from(!right));
                    self.received = self.received.wrapping_add(1);
                    link.release(EXCHANGE);
                }
                Err(error) => {
                    self.ended |= error == Error::EndOfFile;
                    break;
                }
            }
        }
        if self.ended && self.sent == MESSAGES && !self.reported {
            let [a, b, c, d] = self.received.to_le_bytes();
            let [e, f, g, h] = self.wrong.to_le_bytes();
            if link.try_send(EXCHANGE, &[a, b, c, d, e, f, g, h]).is_ok() {
                self.reported = true;
                let _ = link.shut_send(EXCHANGE);
            }
        }
    }
}

/// Sends back what came on port 1, as far as the link allows.
fn echo(link: &mut Link) {
    let mut message = [0; MESSAGE];
    loop {
        match link.peek(ECHO) {
            Ok(bytes) => {
                let len = bytes.len();
                message.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                let Some(copy) = message.get(..len) else { return };
                if link.try_send(ECHO, copy).is_err() {
                    return;
                }
                link.release(ECHO);
            }
            Err(Error::EndOfFile) => {
                let _ = link.shut_send(ECHO);
                return;
            }
            Err(_) => return,
        }
    }
}

fn next_byte(link: &mut Link) -> Option<u8> {
    let mut byte = [0];
    let [byte] = (link.poll_transmit(now(), &mut byte) == 1).then_some(byte)?;
    Some(byte)
}

fn run() -> bool {
    let generation = generation();
    let mut link = Link::new(Config { gone: 10_000, ..Config::new(generation) });
    let mut exchange = Exchange::default();
    let Some(mut arrived) = RECEIVED.consumer() else { return false };
    start_timer();
    uart::start();
    if link.open(now()).is_err() {
        return false;
    }
    let mut input = [0; 64];
    // A byte for which the UART had no room yet.
    let mut held = None;
    loop {
        let count = arrived.try_pop_slice(&mut input);
        link.handle_bytes(now(), input.get(..count).unwrap_or_default());
        let due = now();
        if link.poll_timeout().is_some_and(|at| at <= due) {
            link.handle_timeout(due);
        }
        while let Some(event) = link.poll_event() {
            match event {
                Event::Down(Down::PeerClosed) => {
                    report("received", exchange.received);
                    report("wrong", exchange.wrong);
                    return exchange.wrong == 0;
                }
                Event::Port(EXCHANGE, PortEvent::Opened) => exchange = Exchange::default(),
                _ => {}
            }
        }
        for port in [EXCHANGE, ECHO] {
            if let State::New | State::Reset | State::Closed = link.port_state(port) {
                // Not yet: the peer is not done with the port's last life.
                let _ = link.open_port(port);
            }
        }
        exchange.go_on(&mut link);
        echo(&mut link);
        let mut moved = count > 0;
        while let Some(byte) = held.take().or_else(|| next_byte(&mut link)) {
            if !uart::try_put(byte) {
                held = Some(byte);
                break;
            }
            moved = true;
        }
        if !moved {
            sleep();
        }
    }
}
