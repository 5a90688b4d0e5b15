//! Two links with both ends in one image: over a serial line that flips and loses bytes, and over a
//! reliable stream. Main drives the lines; the clock is the timer's interrupt.
#![no_std]
#![no_main]

use ringway_core::channel::State;
use ringway_core::channel::link::{
    Config, Down, Event, Line, Link, Phase, PortEvent, ReliableLink, SerialLink,
};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::{report, start_timer};

const MAX: usize = 64;
/// How many messages go each way.
const MESSAGES: u32 = 200;

type Serial = SerialLink<MAX, 2, 2, 2>;
type Reliable = ReliableLink<MAX, 2, 2, 2>;

static TICKS: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

fn tick() {
    // Relaxed: the interrupt alone writes it, and main reads only the number.
    let ticks = TICKS.load(Ordering::Relaxed);
    TICKS.store(ticks.wrapping_add(1), Ordering::Relaxed);
}

fn now() -> u64 {
    // Relaxed: see `tick`.
    TICKS.load(Ordering::Relaxed).into()
}

/// What one end's program saw.
#[derive(Default)]
struct Seen {
    sent: u32,
    received: u32,
    wrong: u32,
    ups: u32,
    down: Option<Down>,
}

fn message(n: u32) -> [u8; 48] {
    let mut message = [0; 48];
    message
        .iter_mut()
        .zip(0_u32..)
        .for_each(|(place, at)| *place = (n.wrapping_mul(0x9e37_79b9) >> (at & 24)) as u8);
    message
}

/// Sends, receives and handles events. Every port operation occurs here.
fn program<L: Line>(link: &mut Link<L, 2, 2, MAX>, seen: &mut Seen) {
    while seen.sent < MESSAGES && link.try_send(0, &message(seen.sent)).is_ok() {
        seen.sent = seen.sent.wrapping_add(1);
        if seen.sent == MESSAGES {
            let _ = link.shut_send(0);
        }
    }
    while let Ok(bytes) = link.peek(0) {
        seen.wrong = seen.wrong.wrapping_add(u32::from(bytes != message(seen.received)));
        seen.received = seen.received.wrapping_add(1);
        link.release(0);
    }
    let mut out = [0; MAX];
    while link.try_recv(1, &mut out).is_ok() {
        let _ = link.shut_recv(1);
    }
    while let Some(event) = link.poll_event() {
        match event {
            Event::Up => seen.ups = seen.ups.wrapping_add(1),
            Event::Down(why) => seen.down = Some(why),
            Event::Port(port, PortEvent::Waiting) => {
                let _ = link.open_port(port);
            }
            Event::Port(1, PortEvent::Opened) => {
                let _ = link.try_send(1, b"stop");
            }
            Event::Port(1, PortEvent::PeerShutRecv) => link.reset_port(1, 3),
            Event::Port(..) => {}
        }
    }
    let at = now();
    if link.poll_timeout().is_some_and(|due| due <= at) {
        link.handle_timeout(at);
    }
}

/// Runs both ends until they are down. The line changes every `flip`-th byte and loses every
/// `lose`-th.
fn talk<L: Line>(ends: &mut [Link<L, 2, 2, MAX>; 2], flip: u32, lose: u32) -> bool {
    let [a, b] = ends;
    let (mut seen_a, mut seen_b) = (Seen::default(), Seen::default());
    let mut count = 0_u32;
    let mut carry = |from: &mut Link<L, 2, 2, MAX>, to: &mut Link<L, 2, 2, MAX>| {
        let mut bytes = [0; 16];
        let len = from.poll_transmit(now(), &mut bytes);
        for byte in bytes.iter_mut().take(len) {
            count = count.wrapping_add(1);
            if count.checked_rem(flip) == Some(0) {
                *byte ^= 0x10;
            }
            if count.checked_rem(lose) != Some(0) {
                to.handle_bytes(now(), core::slice::from_ref(byte));
            }
        }
    };
    if a.open(now()).is_err() || b.open(now()).is_err() {
        return false;
    }
    // The other end opens its ports when it hears of these.
    let _ = a.open_port(0);
    let _ = a.open_port(1);
    while a.phase() != Phase::Down || b.phase() != Phase::Down {
        carry(a, b);
        carry(b, a);
        program(a, &mut seen_a);
        program(b, &mut seen_b);
        let all = seen_a.received == MESSAGES && seen_b.received == MESSAGES;
        if all && a.phase() == Phase::Up && b.peer().is_some() {
            a.close_port(0);
            a.close(now());
        }
    }
    report("there", seen_a.sent);
    report("received", seen_b.received);
    report("back", seen_b.sent);
    report("received", seen_a.received);
    report("wrong", seen_a.wrong.wrapping_add(seen_b.wrong));
    report("came up", seen_a.ups.wrapping_add(seen_b.ups));
    let closed = seen_a.down == Some(Down::Closed) && seen_b.down == Some(Down::PeerClosed);
    a.handle_end(now());
    closed && a.port_state(0) == State::Closed && seen_a.wrong == 0 && seen_b.wrong == 0
}

fn run() -> bool {
    start_timer();
    let config = |generation| Config { retransmit: 20, ..Config::new(generation) };
    let good = talk(&mut [Serial::new(config(1)), Serial::new(config(2))], 997, 1499);
    good & talk(&mut [Reliable::new(config(1)), Reliable::new(config(2))], u32::MAX, u32::MAX)
}
