//! Regions that a process only looks at.

mod support;

use ringway::shm::{Broadcast, Latest, Layout, Observer, Queue, Region};
use ringway::{Cause, CoreError};
use ringway_core::region;
use ringway_core::ring::broadcast::RecvError;
use std::time::Instant;
use support::fault::{Fault, inject};
use support::region::{NAME, Name, player};
use support::{Killed, done, long, role};

type Level = Latest<[u64; 9]>;
type News = Broadcast<u32, 8>;

/// There is one place: for the one process that writes.
fn layout() -> Layout {
    let layout = Layout::new(1).part::<Level>("level").unwrap();
    layout.part::<News>("news").unwrap().part::<Queue<u8, 4>>("jobs").unwrap()
}

/// Waits until the region is there, and somebody is attached to it.
fn observe(name: &Name) -> Observer {
    let end = long();
    loop {
        match Region::observe(&name.0) {
            Ok(observer) => return observer,
            Err(error) => assert!(error.is(CoreError::NotFound) && Instant::now() < end, "{error}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Writes for ever.
fn write_on() -> ! {
    let region = Region::create(&std::env::var(NAME).unwrap(), 0o600, &layout()).unwrap();
    let mut level = region.part::<Level>("level").unwrap().writer().unwrap();
    let mut news = region.part::<News>("news").unwrap().writer().unwrap();
    for number in 1.. {
        level.store([number; 9]);
        news.send(number as u32);
        if number % 64 == 0 {
            std::thread::yield_now();
        }
    }
    unreachable!("it is killed before");
}

#[test]
fn an_observer_sees_whole_values_without_a_place() {
    let test = "an_observer_sees_whole_values_without_a_place";
    if role().is_some() {
        write_on();
    }
    let name = Name::new();
    let mut writer = player(test, "writes", &name);
    let observer = observe(&name);
    let level = observer.latest::<[u64; 9]>("level").unwrap();
    let news = observer.broadcast::<u32>("news").unwrap();
    let (mut reader, mut seen, mut received) = (news.reader(), 0, 0);
    let end = long();
    while received < 1000 || seen < 10_000 {
        assert!(Instant::now() < end, "{seen} {received}");
        if let Some((value, version)) = level.load() {
            assert_eq!(value, [version.number(); 9], "it is whole");
            assert!(version.number() >= seen);
            seen = version.number();
        }
        match reader.try_recv() {
            Ok(message) => received += u32::from(message.is_some()),
            Err(RecvError::Lagged(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    // Its memory cannot be written, whatever this process does.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let ours: Vec<_> = maps.lines().filter(|line| line.contains(&name.0)).collect();
    assert!(!ours.is_empty() && ours.iter().all(|line| line.contains("r--s")), "{ours:?}");

    assert!(!level.writer_is_gone());
    writer.kill_now();
    let (last, version) = level.load().unwrap();
    assert_eq!(last, [version.number(); 9], "what was written last stays");
    assert!(Region::observe(&name.0).unwrap_err().is(CoreError::NotFound), "nobody is attached");
}

#[test]
fn an_observer_refuses_what_is_not_there() {
    let region = Region::anonymous(&layout()).unwrap();
    let observer = Observer::from_fd(&region).unwrap();
    let error = observer.latest::<[u64; 9]>("none").unwrap_err();
    assert_eq!(error.cause(), Cause::Region(region::Error::NotFound));
    for error in [
        observer.latest::<[u64; 8]>("level").map(drop).unwrap_err(),
        observer.broadcast::<u32>("level").map(drop).unwrap_err(),
        observer.broadcast::<f32>("news").map(drop).unwrap_err(),
        observer.broadcast::<u8>("jobs").map(drop).unwrap_err(),
    ] {
        assert!(matches!(error.cause(), Cause::Region(_)), "{error}");
    }
    let file = tempfile::tempfile().unwrap();
    assert!(matches!(Observer::from_fd(&file).unwrap_err().cause(), Cause::WrongFile { .. }));
    assert!(Region::observe("ringway-test-nothing").unwrap_err().is(CoreError::NotFound));
    assert!(Region::observe("a/b").unwrap_err().is(CoreError::BadName));
}

/// A stale region is laid out anew in its file only if nobody looks at it: the file becomes
/// shorter meanwhile.
#[test]
fn a_file_that_is_observed_is_not_laid_out_anew() {
    let test = "a_file_that_is_observed_is_not_laid_out_anew";
    if let Some(role) = role() {
        let name = std::env::var(NAME).unwrap();
        if role == "leaves it stale" {
            write_on();
        }
        // As in a folder where only the owner may remove a file, and the owner is somebody else.
        inject(&[Fault::new(libc::SYS_unlinkat, libc::EPERM)]);
        let made = Region::create(&name, 0o600, &layout());
        match &*role {
            "is refused" => assert!(matches!(made.unwrap_err().cause(), Cause::Stale { .. })),
            _ => assert!(made.is_ok()),
        }
        done();
    }
    let name = Name::new();
    let mut writer = player(test, "leaves it stale", &name);
    let observer = observe(&name);
    let level = observer.latest::<[u64; 9]>("level").unwrap();
    while level.load().is_none() {}
    writer.kill_now();
    let succeeded = |mut player: Killed| assert_eq!(player.0.wait().unwrap().code(), Some(42));
    succeeded(player(test, "is refused", &name));
    assert!(level.load().is_some());
    drop(observer);
    succeeded(player(test, "lays it out anew", &name));
}
