//! Runs the newest value between real threads, and checks its layout in memory.
//!
//! `tests/tests/oracle.rs` compares sequences of operations with a model.
#![cfg(not(loom))]

#[path = "../src/scaled.rs"]
mod scaled;
#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::plain::Plain;
use ringway_core::ring::broadcast::RawBroadcast;
use ringway_core::ring::latest::{Latest, SLOTS, Version};
use ringway_core::wait::{Nobody, SpinClock};
use scaled::scaled;
use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use yielding::Yielding;

/// A clock that always says 100.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

#[test]
fn readers_get_whole_values_that_grow_newer() {
    const STORED: u64 = scaled(200_000) as u64;
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
fn a_waiting_reader_sees_the_last_value_then_the_end() {
    const LAST: u32 = scaled(1000) as u32;
    let latest = Latest::<u32, Yielding>::new();
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut writer = latest.writer().unwrap();
            (1..=LAST).for_each(|value| writer.store(value));
            writer.close();
        });
        let mut seen = (0, Version::NONE);
        let end = loop {
            match latest.wait_newer(seen.1) {
                Ok(newer) => seen = newer,
                Err(error) => break error,
            }
        };
        assert_eq!((end, seen.0, seen.1.number()), (Error::EndOfFile, LAST, u64::from(LAST)));
    });
}

#[test]
fn giving_the_half_back_does_not_end_the_stream() {
    let latest = Latest::<u32, SpinClock<Hundred>>::new();
    latest.writer().unwrap().store(1);
    let newer = latest.wait_newer_deadline(latest.version(), Some(50));
    assert_eq!(newer, Err(Error::TimedOut));
}

#[test]
fn a_dead_writer_leaves_its_value_and_a_free_half() {
    let [one, two] = [1, 2].map(|number| Participant::new(number).unwrap());
    let latest: Latest<u32> = Latest::new();
    let mut writer = latest.writer_as(one).unwrap();
    writer.store(5);
    std::mem::forget(writer);
    assert!(latest.writer().is_none());
    // SAFETY: neither participant takes another step.
    assert_eq!([two, one].map(|dead| unsafe { latest.recover(dead) }), [0, 1]);
    assert!(latest.writer_is_gone());
    assert_eq!(latest.load().unwrap().0, 5);
    let mut writer = latest.writer_as(two).unwrap();
    writer.store(6);
    assert_eq!(latest.load().map(|(value, version)| (value, version.number())), Some((6, 2)));
}

#[test]
fn the_layout_is_as_documented() {
    assert_eq!(SLOTS, 4);
    assert_eq!(size_of::<Latest<[u32; 30]>>(), 128 + SLOTS * (8 + 30 * 4));
    assert_eq!(align_of::<Latest<u8>>(), 128);
}

#[test]
fn zeroed_memory_is_a_latest_without_a_value() {
    // SAFETY: this test checks that zeroed memory is a fresh latest.
    let mut latest: Latest<[u16; 3], Nobody> = unsafe { MaybeUninit::zeroed().assume_init() };
    assert_eq!((latest.load(), latest.version()), (None, Version::NONE));
    for number in 1..20 {
        latest.owner().store([number; 3]);
        assert_eq!(latest.load().unwrap().0, [number; 3]);
    }
}

/// The typed form and the raw form, which knows only sizes, use the same bytes for every alignment.
#[test]
fn a_latest_is_a_raw_broadcast_of_as_many_slots() {
    fn both_ways<T: Plain + PartialEq + std::fmt::Debug>(values: [T; 3]) {
        let bytes = |value: &T| {
            // SAFETY: the pointer and the length are those of a value that has no padding.
            unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) }
                .to_vec()
        };
        let item = Layout::new::<T>();
        let layout = RawBroadcast::<Nobody>::layout(SLOTS, item).unwrap();
        assert_eq!(layout, Layout::new::<Latest<T>>());
        let latest = Latest::<T>::new();
        // SAFETY: the latest exists while `raw` is used, and its values have that layout.
        let raw = unsafe { RawBroadcast::<Nobody>::at(NonNull::from(&latest).cast(), SLOTS, item) };
        let raw = raw.unwrap();
        let mut reader = raw.reader_from_oldest();
        let mut out = [0; 32];
        assert_eq!((reader.skip_to_newest(), reader.try_recv(&mut out)), (0, Ok(false)));

        let mut writer = latest.writer().unwrap();
        assert!(raw.writer_as(Participant::LOCAL).is_none(), "somebody has it");
        (0..3).for_each(|_| values.iter().for_each(|value| writer.store(*value)));
        drop(writer);
        assert_eq!((reader.skip_to_newest(), reader.try_recv(&mut out)), (8, Ok(true)));
        assert_eq!(out[..item.size()], bytes(&values[2]));
        assert_eq!((reader.skip_to_newest(), reader.try_recv(&mut out)), (0, Ok(false)));

        let mut writer = raw.writer_as(Participant::LOCAL).unwrap();
        writer.send(&bytes(&values[0])).unwrap();
        assert_eq!(latest.load().unwrap().0, values[0]);
        assert_eq!(latest.version().number(), 10);
    }
    both_ways([[1_u8; 5], [2; 5], [3; 5]]);
    both_ways([1_u32, 2, 3]);
    both_ways([[1_u64, 2], [3, 4], [5, 6]]);
}
