//! Models of the newest value: a reader gets a whole value, which belongs to its version and is no
//! older than one that the reader can know of.
//!
//! In these models there are two slots, so that the third value overwrites the first. The lower
//! word of a version has two bits, so that it recurs after four values.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::ring::latest::{Latest, Version, Writer};
use ringway_core::wait::Wake;
use support::thread;
use support::{ModelFutex, Place, model};

/// A value that loom can tear: its version, twice.
type Value = [u32; 2];

/// Stores the next `count` values in a thread, and closes. The half is taken before the
/// thread begins: looks by the writer itself would hide from loom that its stores come between the
/// looks of others.
fn store_in_thread<W: Wake + Sync>(
    latest: &'static Latest<Value, W>,
    count: u32,
) -> thread::JoinHandle<()> {
    let writer = latest.writer().expect("nobody else has the half");
    thread::spawn(move || store(writer, count).close())
}

/// Stores the next `count` values.
fn store<W: Wake>(mut writer: Writer<&Latest<Value, W>>, count: u32) -> Writer<&Latest<Value, W>> {
    for _ in 0..count {
        writer.store([writer.version().number() as u32 + 1; 2]);
    }
    writer
}

/// Loads a value newer than `seen`, if there is one, and advances `seen` to it.
fn load(latest: &Latest<Value>, seen: &mut Version) -> bool {
    let Some((value, version)) = latest.load_newer(*seen) else { return false };
    assert_eq!(value, [version.number() as u32; 2], "torn, or of another version");
    assert!(version > *seen);
    *seen = version;
    true
}

#[test]
fn a_reader_gets_whole_values_that_grow_newer() {
    model(Some(2), || {
        let latest = Place::new(<Latest<Value>>::new());
        let writer = store_in_thread(latest.get(), 4);
        let mut seen = Version::NONE;
        load(latest.get(), &mut seen);
        load(latest.get(), &mut seen);
        writer.join().unwrap();
        load(latest.get(), &mut seen);
        assert_eq!(seen.number(), 4, "the newest, once the writer is done");
        assert!(!load(latest.get(), &mut seen));
    });
}

#[test]
fn a_stored_value_is_never_missing() {
    model(Some(3), || {
        let latest = Place::new(<Latest<Value>>::new());
        store(latest.get().writer().unwrap(), 1);
        let writer = store_in_thread(latest.get(), 4);
        assert!(load(latest.get(), &mut Version::NONE.clone()));
        writer.join().unwrap();
    });
}

#[test]
fn two_readers_get_whole_values() {
    model(Some(2), || {
        let latest = Place::new(<Latest<Value>>::new());
        let writer = store_in_thread(latest.get(), 3);
        let reader = {
            let latest = latest.get();
            thread::spawn(move || load(latest, &mut Version::NONE.clone()))
        };
        load(latest.get(), &mut Version::NONE.clone());
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn a_change_and_close_wake_a_sleeping_reader() {
    model(Some(3), || {
        let latest = Place::new(Latest::<Value, ModelFutex>::new());
        let writer = store_in_thread(latest.get(), 2);
        let mut seen = Version::NONE;
        while seen.number() < 2 {
            let (value, version) = latest.get().wait_newer(seen).unwrap();
            assert_eq!(value, [version.number() as u32; 2]);
            seen = version;
        }
        assert_eq!(latest.get().wait_newer(seen), Err(Error::EndOfFile));
        writer.join().unwrap();
    });
}
