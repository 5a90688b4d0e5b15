//! A broadcaster that never waits for its listeners: the timer's interrupt broadcasts measurements
//! and keeps a newest value. One listener in main keeps up; another is slow and is told what it
//! missed.
#![no_std]
#![no_main]

use ringway_core::ring::broadcast::{Broadcast, RecvError};
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::WaitForEvent;
use ringway_firmware::{report, start_timer};

/// How many measurements the interrupt takes.
const MEASUREMENTS: u32 = 500;

/// A measurement: its number and a value computed from it, so that a torn one shows.
type Measurement = [u32; 3];

static NEWS: Broadcast<Measurement, 8, WaitForEvent> = Broadcast::new();
static NEWEST: Latest<Measurement, WaitForEvent> = Latest::new();
/// The next measurement; touched by the interrupt alone.
static NEXT: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

fn measurement(n: u32) -> Measurement {
    [n, n.wrapping_mul(3), !n]
}

/// Takes two measurements, and gives the halves back; after the last, ends the broadcast.
fn tick() {
    let (Some(mut news), Some(mut newest)) = (NEWS.writer(), NEWEST.writer()) else { return };
    for _ in 0..2 {
        // Relaxed: one side writes, and the store publishes nothing else.
        let next = NEXT.load(Ordering::Relaxed);
        if next == MEASUREMENTS {
            return news.close();
        }
        news.send(measurement(next));
        newest.store(measurement(next));
        NEXT.store(next.wrapping_add(1), Ordering::Relaxed);
    }
}

fn run() -> bool {
    let mut quick = NEWS.reader();
    let mut slow = NEWS.reader();
    start_timer();
    let (mut heard, mut whole) = (0_u32, true);
    let (mut picked_up, mut missed) = (0_u64, 0_u64);
    let mut seen = Version::NONE;
    while heard < MEASUREMENTS {
        // Asleep between two ticks, when nobody has the writer's half.
        match quick.recv() {
            Ok(news) => {
                whole &= news == measurement(heard);
                heard = heard.wrapping_add(1);
            }
            Err(_) => return false,
        }
        if let Some((value, version)) = NEWEST.load_newer(seen) {
            whole &=
                value == measurement(version.number().wrapping_sub(1) as u32) && version > seen;
            seen = version;
        }
        // Every fiftieth time, one message.
        if heard % 50 == 0 {
            match slow.try_recv() {
                Ok(Some(news)) => {
                    whole &= news == measurement(picked_up.wrapping_add(missed) as u32);
                    picked_up = picked_up.wrapping_add(1);
                }
                Ok(None) => {}
                Err(RecvError::Lagged(gap)) => missed = missed.wrapping_add(gap),
                Err(_) => return false,
            }
        }
    }
    // The slow listener receives the rest, and has then received or missed all.
    loop {
        match slow.recv() {
            Ok(news) => {
                whole &= news == measurement(picked_up.wrapping_add(missed) as u32);
                picked_up = picked_up.wrapping_add(1);
            }
            Err(RecvError::Lagged(gap)) => {
                missed = missed.wrapping_add(gap);
            }
            Err(_) => break,
        }
    }
    report("heard by the quick one", heard);
    report("heard or missed by the slow one", picked_up.wrapping_add(missed) as u32);
    report("each whole and in order", u32::from(whole));
    let newest = NEWEST.load().map_or(0, |([n, ..], _)| n);
    report("the newest", newest);
    whole && missed > 0 && newest == MEASUREMENTS - 1
}
