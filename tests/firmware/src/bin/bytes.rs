//! A byte ring in a `static`: the timer's interrupt is a serial port that receives, main parses in
//! place.
#![no_std]
#![no_main]

use ringway_core::ring::bytes::ByteRing;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_firmware::{report, sleep, start_timer};

/// How many bytes the port receives in all.
const BYTES: u32 = 5_000;

static PORT: ByteRing<23> = ByteRing::new();
/// How many bytes the interrupt has written; only the interrupt touches it.
static SENT: AtomicU32 = AtomicU32::new(0);
/// Counts the interrupts.
static TICKS: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

/// The `n`-th byte on the line.
fn byte(n: u32) -> u8 {
    (n.wrapping_mul(0x9e37_79b9) >> 24) as u8
}

/// Writes 1 to 7 bytes: as a grant that a DMA transfer could fill, as a copy, or as a copy of all
/// or nothing.
fn tick() {
    let ticks = TICKS.load(Ordering::Relaxed);
    TICKS.store(ticks.wrapping_add(1), Ordering::Relaxed);
    let sent = SENT.load(Ordering::Relaxed);
    let want = (1 + ticks % 7).min(BYTES.wrapping_sub(sent));
    let Some(mut producer) = PORT.producer() else { return };
    let mut bytes = [0; 7];
    bytes.iter_mut().zip(0..want).for_each(|(place, n)| *place = byte(sent.wrapping_add(n)));
    let (bytes, _) = bytes.split_at_checked(want as usize).unwrap_or_default();
    let taken = match ticks % 3 {
        0 => match producer.try_reserve(bytes.len()) {
            Ok(mut grant) => {
                grant.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
                grant.commit(bytes.len());
                want
            }
            Err(_) => 0,
        },
        1 => producer.try_write(bytes) as u32,
        _ => producer.try_write_all(bytes).map_or(0, |()| want),
    };
    SENT.store(sent.wrapping_add(taken), Ordering::Relaxed);
}

fn run() -> bool {
    let Some(mut consumer) = PORT.consumer() else { return false };
    start_timer();
    let mut received = 0_u32;
    let mut wrong = 0_u32;
    let mut take = |bytes: &[u8]| {
        for found in bytes {
            wrong = wrong.wrapping_add(u32::from(*found != byte(received)));
            received = received.wrapping_add(1);
        }
        received
    };
    let mut rounds = 0_u32;
    loop {
        rounds = rounds.wrapping_add(1);
        let done = if rounds % 2 == 0 {
            let mut out = [0; 9];
            let count = consumer.try_read(&mut out);
            take(out.get(..count).unwrap_or_default())
        } else if let Ok(grant) = consumer.try_peek(1) {
            // Parses one byte less than there is, where it can: the rest stays.
            let count = grant.len().saturating_sub(1).max(1);
            let done = take(grant.get(..count).unwrap_or_default());
            grant.release(count);
            done
        } else {
            take(&[])
        };
        if done == BYTES {
            break;
        }
        if consumer.is_empty() {
            sleep();
        }
    }
    report("bytes received", received);
    report("wrong", wrong);
    report("left over", consumer.len() as u32);
    report("largest grant", ByteRing::<23>::MAX_GRANT as u32);
    wrong == 0
}
