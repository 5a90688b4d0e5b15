//! A ring of messages in 64 bytes, 16 bytes a message.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::ring::messages::{MessageRing, Receiver, Sender};
use ringway_firmware::report;

type Messages = MessageRing<64>;

ringway_firmware::image!(run, tick);

fn tick() {}

static RING: Messages = MessageRing::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_send(sender: &mut Sender<&'static Messages>, message: &[u8; 16]) -> bool {
    sender.try_send(message).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_recv(
    receiver: &mut Receiver<&'static Messages>,
    out: &mut [u8; 16],
) -> bool {
    receiver.try_recv(out) == Ok(16)
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Messages>() as u32);
    report(
        "RAM of the handles",
        (size_of::<Sender<&'static Messages>>() + size_of::<Receiver<&'static Messages>>()) as u32,
    );
    let (Some(mut sender), Some(mut receiver)) = (RING.sender(), RING.receiver()) else {
        return false;
    };
    let mut good = true;
    for n in 0..64 {
        let message = [n as u8; 16];
        let mut out = [0; 16];
        good &= operation_send(black_box(&mut sender), black_box(&message));
        good &= operation_recv(black_box(&mut receiver), black_box(&mut out));
        good &= out == message;
    }
    good
}
