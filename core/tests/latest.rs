//! The newest value between real threads, and what it is in memory. Sequences of operations against a model:
//! `tests/tests/oracle.rs`.
#![cfg(not(loom))]

#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::latest::{Latest, SLOTS, Version};
use ringway_core::wait::{Nobody, SpinClock};
use std::mem::MaybeUninit;
use yielding::Yielding;

/// The time is always 100.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

#[test]
fn readers_of_a_writer_that_does_not_wait_get_whole_values_that_grow_newer() {
    const STORED: u64 = 200_000;
    let latest: Latest<[u64; 6]> = Latest::new();
    std::thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let mut seen = Version::NONE;
                while seen.number() < STORED {
                    match latest.load_newer(seen) {
                        Some((value, version)) => {
                            assert!(version > seen);
                            assert_eq!(value, [version.number(); 6], "torn, or of another version");
                            seen = version;
                        }
                        None => std::thread::yield_now(),
                    }
                }
                assert_eq!(latest.version(), seen);
            });
        }
        let mut writer = latest.writer().unwrap();
        for number in 1..=STORED {
            writer.store([number; 6]);
            assert_eq!(writer.version().number(), number);
        }
    });
}

#[test]
fn a_reader_that_waits_sees_the_last_value_and_then_the_end() {
    let latest = Latest::<u32, Yielding>::new();
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut writer = latest.writer().unwrap();
            (1..=1000).for_each(|value| writer.store(value));
            writer.close();
        });
        let mut seen = (0, Version::NONE);
        let end = loop {
            match latest.wait_newer(seen.1) {
                Ok(newer) => seen = newer,
                Err(error) => break error,
            }
        };
        assert_eq!((end, seen.0, seen.1.number()), (Error::EndOfFile, 1000, 1000));
    });
}

#[test]
fn a_writer_that_gives_its_half_back_does_not_say_that_no_value_will_come() {
    let latest = Latest::<u32, SpinClock<Hundred>>::new();
    latest.writer().unwrap().store(1);
    let newer = latest.wait_newer_deadline(latest.version(), Some(50));
    assert_eq!(newer, Err(Error::TimedOut));
}

#[test]
fn a_dead_writers_last_value_stays_and_its_half_is_free() {
    let [one, two] = [1, 2].map(|number| Participant::new(number).unwrap());
    let latest: Latest<u32> = Latest::new();
    let mut writer = latest.writer_as(one).unwrap();
    writer.store(5);
    std::mem::forget(writer);
    assert!(latest.writer().is_none());
    // SAFETY: neither of them does anything.
    assert_eq!([two, one].map(|dead| unsafe { latest.recover(dead) }), [0, 1]);
    assert!(latest.writer_is_gone());
    assert_eq!(latest.load().unwrap().0, 5);
    let mut writer = latest.writer_as(two).unwrap();
    writer.store(6);
    assert_eq!(latest.load().map(|(value, version)| (value, version.number())), Some((6, 2)));
}

#[test]
fn the_layout_is_what_it_is_documented_to_be() {
    assert_eq!(SLOTS, 4);
    assert_eq!(size_of::<Latest<[u32; 30]>>(), 128 + SLOTS * (8 + 30 * 4));
    assert_eq!(align_of::<Latest<u8>>(), 128);
}

#[test]
fn zeroed_memory_is_one_without_a_value() {
    // SAFETY: what the test is about: all zeroes are a fresh one.
    let mut latest: Latest<[u16; 3], Nobody> = unsafe { MaybeUninit::zeroed().assume_init() };
    assert_eq!((latest.load(), latest.version()), (None, Version::NONE));
    for number in 1..20 {
        latest.owner().store([number; 3]);
        assert_eq!(latest.load().unwrap().0, [number; 3]);
    }
}
