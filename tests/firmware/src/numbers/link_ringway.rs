//! Both ends of a serial link, and messages of 64 bytes from one to the other.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::channel::link::{Config, SerialLink};
use ringway_firmware::report;

type End = SerialLink<64, 1, 2, 2>;

ringway_firmware::image!(run, tick);

fn tick() {}

/// The line has room for any frame.
const LINE: usize = 160;

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_encode(link: &mut End, message: &[u8; 64], line: &mut [u8; LINE]) -> usize {
    match link.try_send(0, message) {
        Ok(()) => link.poll_transmit(0, line),
        Err(_) => 0,
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_decode(
    link: &mut End,
    line: &[u8; LINE],
    len: usize,
    message: &mut [u8; 64],
) -> bool {
    link.handle_bytes(0, line.get(..len).unwrap_or_default());
    link.try_recv(0, message) == Ok(64)
}

fn carry(from: &mut End, to: &mut End) {
    let mut line = [0; LINE];
    let len = from.poll_transmit(0, &mut line);
    to.handle_bytes(0, line.get(..len).unwrap_or_default());
}

fn run() -> bool {
    report("RAM of the structure", size_of::<End>() as u32);
    report("RAM of the handles", 0);
    let (mut a, mut b) = (End::new(Config::new(1)), End::new(Config::new(2)));
    let mut good = a.open(0).is_ok() && b.open(0).is_ok();
    for _ in 0..4 {
        carry(&mut a, &mut b);
        carry(&mut b, &mut a);
    }
    good &= a.open_port(0).is_ok() && b.open_port(0).is_ok();
    for n in 0..16_u8 {
        for _ in 0..2 {
            carry(&mut a, &mut b);
            carry(&mut b, &mut a);
            while a.poll_event().is_some() || b.poll_event().is_some() {}
        }
        let sent = core::array::from_fn(|at| (at as u8).wrapping_mul(n));
        let mut received = [0; 64];
        let mut line = [0; LINE];
        let len = operation_encode(black_box(&mut a), black_box(&sent), &mut line);
        good &= operation_decode(black_box(&mut b), &line, black_box(len), &mut received);
        good &= sent == received;
    }
    good
}
