//! Frames in a bip buffer of 64 bytes, 16 bytes a frame. It uses compare-and-swap where the target
//! has it.
#![no_std]
#![no_main]

#[cfg(target_has_atomic = "ptr")]
use bbqueue::nicknames::Churrasco as Bip;
#[cfg(not(target_has_atomic = "ptr"))]
use bbqueue::nicknames::Jerk as Bip;
use bbqueue::prod_cons::framed::{FramedConsumer, FramedProducer};
use core::hint::black_box;
use ringway_firmware::report;

type Bytes = Bip<64>;

ringway_firmware::image!(run, tick);

fn tick() {}

static QUEUE: Bytes = Bytes::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_send(
    producer: &mut FramedProducer<&'static Bytes>,
    message: &[u8; 16],
) -> bool {
    let Ok(mut grant) = producer.grant(16) else { return false };
    grant.copy_from_slice(message);
    grant.commit(16);
    true
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_recv(
    consumer: &mut FramedConsumer<&'static Bytes>,
    out: &mut [u8; 16],
) -> bool {
    let Ok(grant) = consumer.read() else { return false };
    let fits = grant.len() == 16;
    if let Some(out) = out.get_mut(..grant.len()) {
        out.copy_from_slice(&grant);
    }
    grant.release();
    fits
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Bytes>() as u32);
    report(
        "RAM of the handles",
        (size_of::<FramedProducer<&'static Bytes>>() + size_of::<FramedConsumer<&'static Bytes>>())
            as u32,
    );
    let (mut producer, mut consumer) = (QUEUE.framed_producer(), QUEUE.framed_consumer());
    let mut good = true;
    for n in 0..64 {
        let message = [n as u8; 16];
        let mut out = [0; 16];
        good &= operation_send(black_box(&mut producer), black_box(&message));
        good &= operation_recv(black_box(&mut consumer), black_box(&mut out));
        good &= out == message;
    }
    good
}
