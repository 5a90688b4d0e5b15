//! A bip buffer of 64 bytes, used in place, 16 at a time. It uses compare-and-swap where the target
//! has it.
#![no_std]
#![no_main]

#[cfg(target_has_atomic = "ptr")]
use bbqueue::nicknames::Churrasco as Bip;
#[cfg(not(target_has_atomic = "ptr"))]
use bbqueue::nicknames::Jerk as Bip;
use bbqueue::prod_cons::stream::{StreamConsumer, StreamProducer};
use core::hint::black_box;
use ringway_firmware::report;

type Bytes = Bip<64>;

ringway_firmware::image!(run, tick);

fn tick() {}

static QUEUE: Bytes = Bytes::new();

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_grant_and_commit(
    producer: &mut StreamProducer<&'static Bytes>,
    count: usize,
) -> bool {
    match producer.grant_exact(count) {
        Ok(grant) => {
            grant.commit(count);
            true
        }
        Err(_) => false,
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn operation_peek_and_release(
    consumer: &mut StreamConsumer<&'static Bytes>,
    count: usize,
) -> bool {
    match consumer.read() {
        Ok(grant) => {
            grant.release(count);
            true
        }
        Err(_) => false,
    }
}

fn run() -> bool {
    report("RAM of the structure", size_of::<Bytes>() as u32);
    report(
        "RAM of the handles",
        (size_of::<StreamProducer<&'static Bytes>>() + size_of::<StreamConsumer<&'static Bytes>>())
            as u32,
    );
    let (mut producer, mut consumer) = (QUEUE.stream_producer(), QUEUE.stream_consumer());
    let mut good = true;
    for _ in 0..64 {
        good &= operation_grant_and_commit(black_box(&mut producer), black_box(16));
        good &= operation_peek_and_release(black_box(&mut consumer), black_box(16));
    }
    good
}
