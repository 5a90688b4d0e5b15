//! The FIFO in memory keeps what `fifo(7)` promises about names, opening and reopening.

#[path = "../src/scaled.rs"]
mod scaled;
#[path = "support/woken.rs"]
mod woken;
#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::Error;
use ringway_core::channel::NAME_MAX;
use ringway_core::channel::fifo::Registry;
use ringway_core::wait::{Async, Nobody, Spin, SpinClock};
use scaled::scaled;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use woken::Woken;
use yielding::Yielding;

/// A clock that always says 100.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

fn names<const NAMES: usize, const N: usize>() -> Registry<NAMES, N, Yielding> {
    Registry::new()
}

#[test]
fn names_are_created_once_and_removed_once() {
    let names: Registry<3, 8> = Registry::new();
    assert_eq!(names.create(b"a"), Ok(()));
    assert_eq!(names.create(b"a"), Err(Error::AddressInUse));
    assert_eq!(names.try_create(b"ab"), Ok(()), "a prefix is another name");
    assert_eq!(names.remove(b"a"), Ok(()));
    assert_eq!(names.remove(b"a"), Err(Error::NotFound));
    assert_eq!(names.try_remove(b"ab"), Ok(()));
    assert_eq!(names.try_remove(b"ab"), Err(Error::NotFound));
    assert_eq!(names.create(b"a"), Ok(()));
}

#[test]
fn empty_and_long_names_are_refused() {
    let names: Registry<3, 8> = Registry::new();
    assert_eq!(names.create(b""), Err(Error::BadName));
    assert_eq!(names.create(&[b'x'; NAME_MAX + 1]), Err(Error::BadName));
    assert_eq!(names.create(&[b'x'; NAME_MAX]), Ok(()));
    assert_eq!(names.create(&[0, 255]), Ok(()));
    assert_eq!(names.create(&[0]), Ok(()), "a zero is a byte as any other");
    assert_eq!(names.remove(&[0, 255, 0]), Err(Error::NotFound));
    assert_eq!(names.try_open_reader(b"").err(), Some(Error::BadName));
}

#[test]
fn removed_names_free_their_places() {
    let names: Registry<2, 8> = Registry::new();
    names.create(b"a").unwrap();
    names.create(b"b").unwrap();
    assert_eq!(names.create(b"c"), Err(Error::Exhausted));
    names.remove(b"a").unwrap();
    assert_eq!(names.create(b"c"), Ok(()));
}

#[test]
fn create_fails_in_a_registry_without_places() {
    let names: Registry<0, 8> = Registry::new();
    assert_eq!(names.create(b"a"), Err(Error::Exhausted));
}

#[test]
fn opening_an_unknown_name_fails() {
    let names: Registry<1, 8> = Registry::new();
    assert_eq!(names.open_reader(b"a").err(), Some(Error::NotFound));
    assert_eq!(names.open_writer(b"a").err(), Some(Error::NotFound));
    assert_eq!(names.try_open_reader(b"a").err(), Some(Error::NotFound));
    assert_eq!(names.try_open_writer(b"a").err(), Some(Error::NotFound));
}

#[test]
fn try_open_gives_a_reader_but_no_lone_writer() {
    let names: Registry<1, 8> = Registry::new();
    names.create(b"a").unwrap();
    assert_eq!(names.try_open_writer(b"a").err(), Some(Error::NoReader));
    let mut reader = names.try_open_reader(b"a").unwrap();
    let mut out = [0; 8];
    assert_eq!(reader.try_read(&mut out), Ok(0), "no writer yet: the end of file");
    let mut writer = names.try_open_writer(b"a").unwrap();
    assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
    assert_eq!(writer.try_write(b"hi"), Ok(2));
    assert_eq!(reader.try_read(&mut out), Ok(2));
}

#[test]
fn second_reader_is_refused() {
    let names: Registry<1, 8> = Registry::new();
    names.create(b"a").unwrap();
    let reader = names.try_open_reader(b"a").unwrap();
    assert_eq!(names.try_open_reader(b"a").err(), Some(Error::Taken));
    assert_eq!(names.open_reader(b"a").err(), Some(Error::Taken));
    drop(reader);
    assert!(names.try_open_reader(b"a").is_ok());
}

#[test]
fn open_reader_and_open_writer_wait_for_each_other() {
    let names = names::<1, 8>();
    names.create(b"a").unwrap();
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut writer = names.open_writer(b"a").unwrap();
            assert_eq!(writer.write_all(b"more than fits at once"), Ok(()));
        });
        let mut reader = names.open_reader(b"a").unwrap();
        let mut all = Vec::new();
        let mut out = [0; 5];
        while let Ok(count @ 1..) = reader.read(&mut out) {
            all.extend_from_slice(&out[..count]);
        }
        assert_eq!(all, b"more than fits at once");
    });
}

#[test]
fn waiting_reader_meets_a_writer_that_closes_at_once() {
    for _ in 0..scaled(200) {
        let names = names::<1, 8>();
        names.create(b"a").unwrap();
        std::thread::scope(|s| {
            s.spawn(|| {
                names.open_writer(b"a").unwrap().write(b"x").unwrap();
            });
            let mut reader = names.open_reader(b"a").unwrap();
            assert_eq!(reader.read(&mut [0; 2]), Ok(1));
            assert_eq!(reader.read(&mut [0; 2]), Ok(0));
        });
    }
}

#[test]
fn open_that_times_out_closes_its_end() {
    let names = Registry::<1, 8, SpinClock<Hundred>>::new();
    names.create(b"a").unwrap();
    assert_eq!(names.open_reader_deadline(b"a", Some(1)).err(), Some(Error::TimedOut));
    assert_eq!(names.try_open_writer(b"a").err(), Some(Error::NoReader), "it is gone");
    assert_eq!(names.open_writer_deadline(b"a", Some(1)).err(), Some(Error::TimedOut));
    let mut reader = names.open_reader_deadline(b"a", Some(1)).err();
    assert_eq!(reader.take(), Some(Error::TimedOut), "and so is that");
    let _reader = names.try_open_reader(b"a").unwrap();
    assert!(names.open_writer_deadline(b"a", Some(1)).is_ok(), "the reader is open already");
}

#[test]
fn later_writer_ends_the_end_of_file() {
    let names: Registry<1, 8> = Registry::new();
    names.create(b"a").unwrap();
    let mut reader = names.try_open_reader(b"a").unwrap();
    let mut out = [0; 8];
    for _ in 0..3 {
        let mut writer = names.try_open_writer(b"a").unwrap();
        writer.try_write(b"once").unwrap();
        drop(writer);
        assert_eq!(reader.try_read(&mut out), Ok(4));
        assert_eq!(reader.try_read(&mut out), Ok(0));
    }
}

#[test]
fn later_reader_finds_bytes_and_mends_the_pipe() {
    let names: Registry<1, 8> = Registry::new();
    names.create(b"a").unwrap();
    let mut reader = names.try_open_reader(b"a").unwrap();
    let mut writer = names.try_open_writer(b"a").unwrap();
    writer.try_write(b"12345").unwrap();
    let mut out = [0; 2];
    assert_eq!(reader.try_read(&mut out), Ok(2));
    drop(reader);
    assert_eq!(writer.try_write(b"6"), Err(Error::BrokenPipe));
    let mut reader = names.try_open_reader(b"a").unwrap();
    assert_eq!(writer.try_write(b"6"), Ok(1));
    let mut out = [0; 8];
    assert_eq!(reader.try_read(&mut out), Ok(4));
    assert_eq!(&out[..4], b"3456");
}

#[test]
fn unread_bytes_are_discarded_when_all_ends_close() {
    let names: Registry<1, 8> = Registry::new();
    names.create(b"a").unwrap();
    let reader = names.try_open_reader(b"a").unwrap();
    let mut writer = names.try_open_writer(b"a").unwrap();
    writer.try_write(b"unread").unwrap();
    drop(writer);
    drop(reader);
    let mut reader = names.try_open_reader(b"a").unwrap();
    assert_eq!(reader.try_read(&mut [0; 8]), Ok(0));
    let mut writer = names.try_open_writer(b"a").unwrap();
    assert_eq!(writer.try_write(b"12345678"), Ok(8), "the whole capacity is free again");
}

#[test]
fn remove_keeps_open_ends_and_frees_the_name() {
    let names: Registry<2, 8> = Registry::new();
    names.create(b"a").unwrap();
    let mut old_reader = names.try_open_reader(b"a").unwrap();
    let mut old_writer = names.try_open_writer(b"a").unwrap();
    names.remove(b"a").unwrap();
    assert_eq!(names.try_open_writer(b"a").err(), Some(Error::NotFound));

    names.create(b"a").unwrap();
    let mut new_reader = names.try_open_reader(b"a").unwrap();
    let mut new_writer = names.try_open_writer(b"a").unwrap();
    old_writer.try_write(b"old").unwrap();
    new_writer.try_write(b"newer").unwrap();
    let mut out = [0; 8];
    assert_eq!(old_reader.try_read(&mut out), Ok(3));
    assert_eq!(new_reader.try_read(&mut out), Ok(5));

    names.remove(b"a").unwrap();
    assert_eq!(names.create(b"b"), Err(Error::Exhausted), "both places are still open");
    drop((old_reader, old_writer));
    assert_eq!(names.create(b"b"), Ok(()));
    let mut reader = names.try_open_reader(b"b").unwrap();
    assert_eq!(reader.try_read(&mut out), Ok(0));
}

#[test]
fn records_of_several_writers_arrive_whole() {
    let names = names::<1, 16>();
    names.create(b"a").unwrap();
    std::thread::scope(|s| {
        for number in 1..=3u8 {
            let names = &names;
            s.spawn(move || {
                let mut writer = names.open_writer(b"a").unwrap();
                for _ in 0..scaled(200) {
                    assert_eq!(writer.write_all(&[number; 5]), Ok(()));
                }
            });
        }
        let mut reader = names.open_reader(b"a").unwrap();
        let mut counts = [0; 4];
        let mut record = [0; 5];
        for _ in 0..3 * scaled(200) {
            let mut filled = 0;
            while filled < 5 {
                // A read returns 0 when some writers are done and the next one has not opened yet.
                filled += reader.read(&mut record[filled..]).unwrap();
            }
            assert_eq!(record, [record[0]; 5]);
            counts[usize::from(record[0])] += 1;
        }
        assert_eq!(counts, [0, scaled(200), scaled(200), scaled(200)]);
    });
}

#[test]
fn tasks_meet_and_a_cancelled_open_closes_its_end() {
    let names = Registry::<1, 8, Async<Spin>>::new();
    names.create(b"a").unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    {
        let mut gives_up = pin!(names.open_reader_async(b"a"));
        assert!(gives_up.as_mut().poll(&mut cx).is_pending());
        assert!(names.try_open_writer(b"a").is_ok(), "a waiting reader counts as open");
    }
    assert_eq!(names.try_open_writer(b"a").err(), Some(Error::NoReader));

    let mut writing = pin!(names.open_writer_async(b"a"));
    assert!(writing.as_mut().poll(&mut cx).is_pending());
    let before = woken.count();
    let _reader = names.try_open_reader(b"a").unwrap();
    assert_eq!(woken.count(), before + 1);
    let Poll::Ready(Ok(mut writer)) = writing.poll(&mut cx) else { panic!("not met") };
    assert_eq!(writer.try_write(b"hi"), Ok(2));
}

#[test]
fn create_and_remove_work_for_tasks_and_deadlines() {
    let names = Registry::<1, 8, Async<SpinClock<Hundred>>>::new();
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(pin!(names.create_async(b"a")).poll(&mut cx), Poll::Ready(Ok(())));
    let taken = Poll::Ready(Err(Error::AddressInUse));
    assert_eq!(pin!(names.create_async(b"a")).poll(&mut cx), taken);
    assert_eq!(names.create_deadline(b"b", Some(99)), Err(Error::Exhausted));
    assert_eq!(pin!(names.remove_async(b"a")).poll(&mut cx), Poll::Ready(Ok(())));
    assert_eq!(names.create_deadline(b"b", Some(99)), Ok(()));
    assert_eq!(names.remove_deadline(b"b", Some(99)), Ok(()));
}

#[test]
fn try_forms_work_without_a_waiter() {
    let names = Registry::<1, 8, Nobody>::new();
    assert_eq!(names.try_create(b"a"), Ok(()));
    assert_eq!(names.try_open_writer(b"a").err(), Some(Error::NoReader));
    let mut reader = names.try_open_reader(b"a").unwrap();
    assert_eq!(names.try_open_writer(b"a").unwrap().try_write(b"x"), Ok(1));
    assert_eq!(reader.try_read(&mut [0; 8]), Ok(1));
    assert_eq!(names.try_remove(b"a"), Ok(()));
}
