//! Regions between real processes: found by name and by descriptor, used, and left by the living and the dead.

mod support;

use ringway::channel::Error;
use ringway::shm::{self, BOUND, Broadcast, ByteRing, Latest, Layout, Queue, Region, Ring};
use ringway::{Cause, shm::Part};
use ringway_core::region;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::ring::latest::Version;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use support::{Killed, child, done, role};

type Numbers = Ring<u64, 64>;
type Jobs = Queue<u64, 16>;
type Log = ByteRing<4096>;

/// Far longer than anything takes, so that a hang is a failure.
fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

/// A name of this test's own; the file is removed when the test is over, however it ends.
struct Name(String);

impl Name {
    fn new() -> Name {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Name(format!("ringway-test-{}-{count}", std::process::id()))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/dev/shm").join(&self.0)
    }

    fn exists(&self) -> bool {
        self.path().exists()
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path());
    }
}

const NAME: &str = "RINGWAY_TEST_REGION";

/// A child of the test `test` that plays `part` with the region.
fn player(test: &str, part: &str, name: &Name) -> Killed {
    let mut command = child(test, part);
    Killed(command.env(NAME, &name.0).stdin(Stdio::null()).spawn().unwrap())
}

fn the_region() -> Region {
    Region::open(&std::env::var(NAME).unwrap()).unwrap()
}

fn layout() -> Layout {
    let layout = Layout::new(8).part::<Numbers>("numbers").unwrap();
    layout.part::<Jobs>("jobs").unwrap().part::<Log>("log").unwrap()
}

fn jobs(region: &Region) -> Part<Jobs> {
    region.part("jobs").unwrap()
}

fn succeeded(mut player: Killed) {
    assert_eq!(player.0.wait().unwrap().code(), Some(42));
}

#[test]
fn processes_that_know_a_name_pass_numbers_bytes_and_jobs() {
    if role().is_some() {
        let region = the_region();
        let (numbers, log) =
            (region.part::<Numbers>("numbers").unwrap(), region.part::<Log>("log"));
        let mut producer = numbers.producer().unwrap();
        (0..10_000).for_each(|number| producer.push(number).unwrap());
        let log = log.unwrap();
        let mut writer = log.producer().unwrap();
        let mut left = 6400;
        while left > 0 {
            left -= writer.write(&vec![7; left.min(64)]).unwrap();
        }
        let jobs = jobs(&region);
        (0..1000).for_each(|job| jobs.seat().push_deadline(job, None).unwrap());
        done();
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let player = player("processes_that_know_a_name_pass_numbers_bytes_and_jobs", "writer", &name);
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut consumer = numbers.consumer().unwrap();
    (0..10_000).for_each(|number| assert_eq!(consumer.pop_deadline(soon()), Ok(number)));
    let log = region.part::<Log>("log").unwrap();
    let mut reader = log.consumer().unwrap();
    let mut bytes = 0;
    while bytes < 6400 {
        let mut out = [0; 100];
        let count = reader.read_deadline(&mut out, soon()).unwrap();
        assert!(out[..count].iter().all(|&byte| byte == 7));
        bytes += count;
    }
    let jobs = jobs(&region);
    (0..1000).for_each(|job| assert_eq!(jobs.seat().pop_deadline(soon()), Ok(job)));
    succeeded(player);
    assert_eq!(consumer.pop_deadline(soon()), Err(Error::EndOfFile), "it went, and said so");
    drop((consumer, reader));
    assert_eq!(region.participants().len(), 1);
    assert!(name.exists());
    drop((numbers, log, jobs, region));
    assert!(!name.exists(), "the last one takes the name along");
}

#[test]
fn the_death_of_a_producer_is_an_end_of_file_within_the_bound() {
    if role().is_some() {
        let numbers = the_region().part::<Numbers>("numbers").unwrap();
        let mut producer = numbers.producer().unwrap();
        producer.push(1).unwrap();
        let mut unfinished = producer.try_reserve(1).unwrap();
        unfinished.push(2).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let mut player =
        player("the_death_of_a_producer_is_an_end_of_file_within_the_bound", "dies", &name);
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut consumer = numbers.consumer().unwrap();
    assert_eq!(consumer.pop_deadline(soon()), Ok(1));
    let began = Instant::now();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(BOUND / 2);
        player.kill_now();
    });
    assert_eq!(consumer.pop_deadline(soon()), Err(Error::EndOfFile));
    killer.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(30), "a hang that the deadline ended");
    assert!(numbers.producer().is_ok(), "another can go on");
}

#[test]
fn a_job_of_a_dead_worker_goes_to_another_and_its_slots_come_back() {
    if role().is_some() {
        let region = the_region();
        let jobs = jobs(&region);
        let seat = jobs.seat();
        std::mem::forget(seat.claim_deadline(None).unwrap());
        std::mem::forget(seat.try_reserve().unwrap());
        seat.try_push(3).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let jobs = jobs(&region);
    jobs.seat().try_push(1).unwrap();
    let mut player =
        player("a_job_of_a_dead_worker_goes_to_another_and_its_slots_come_back", "dies", &name);
    let end = soon().unwrap();
    // It has the first, and has sent the third.
    while (jobs.seat().unfinished(), jobs.seat().len()) != (2, 1) {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(jobs.seat().pop_deadline(soon()), Ok(3));
    player.kill_now();
    assert_eq!(jobs.seat().pop_deadline(soon()), Ok(1));
    (0..16).for_each(|job| jobs.seat().try_push(job).unwrap());
    assert_eq!(region.participants().len(), 1);
}

#[test]
fn a_region_whose_participants_were_killed_is_made_anew() {
    if role().is_some() {
        let region = Region::create(&std::env::var(NAME).unwrap(), 0o600, &layout()).unwrap();
        jobs(&region).seat().try_push(1).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let test = "a_region_whose_participants_were_killed_is_made_anew";
    let mut player = player(test, "dies", &name);
    let end = soon().unwrap();
    let region = loop {
        match Region::open(&name.0) {
            Ok(region) => break region,
            Err(error) => assert!(error.is(Error::NotFound) && Instant::now() < end, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let other = Region::create(&name.0, 0o600, &layout()).unwrap_err();
    assert!(other.is(Error::AddressInUse), "{other}");
    while jobs(&region).seat().is_empty() {}
    player.kill_now();
    drop(region);
    assert!(!name.exists(), "we were the last, and alive");

    let mut player = self::player(test, "dies", &name);
    while !name.exists() {
        assert!(Instant::now() < end);
    }
    player.kill_now();
    assert!(name.exists(), "there was nobody left to remove it");
    assert!(Region::open(&name.0).unwrap_err().is(Error::NotFound));
    // Two starters race for it, many times, with a stale one there or none.
    let starters = [(); 4].map(|()| {
        let name = name.0.clone();
        std::thread::spawn(move || {
            let region = Region::open_or_create(&name, 0o600, &layout()).unwrap();
            jobs(&region).seat().try_push(7).unwrap();
            region
        })
    });
    let regions = starters.map(|starter| starter.join().unwrap());
    assert_eq!(jobs(&regions[0]).seat().len(), 4, "all four are in the same one, and it was fresh");
    drop(regions);
    assert!(!name.exists());
}

#[test]
fn starters_and_leavers_that_race_always_meet_in_one_region() {
    let name = Name::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let region = Region::open_or_create(&name.0, 0o600, &layout()).unwrap();
                    let jobs = jobs(&region);
                    jobs.seat().try_push(1).unwrap();
                    assert_eq!(jobs.seat().try_pop(), Some(1));
                }
            });
        }
    });
    assert!(!name.exists());
}

#[test]
fn every_way_in_which_a_file_is_no_region_is_told_apart() {
    let name = Name::new();
    let cause = || Region::open(&name.0).unwrap_err().cause();
    assert_eq!(cause(), Cause::Channel(Error::NotFound));
    for bad in ["", ".", "..", "a/b", "a\0b"] {
        assert!(Region::open(bad).unwrap_err().is(Error::BadName), "{bad:?}");
        assert!(Region::create(bad, 0o600, &layout()).unwrap_err().is(Error::BadName), "{bad:?}");
    }

    fs::write(name.path(), b"").unwrap();
    assert_eq!(cause(), Cause::Region(region::Error::NotReady));
    fs::write(name.path(), vec![0; 8192]).unwrap();
    assert_eq!(cause(), Cause::Region(region::Error::NotReady));
    fs::write(
        name.path(),
        b"something else that is long enough to be a region's header, or so it seems",
    )
    .unwrap();
    assert_eq!(cause(), Cause::Region(region::Error::Foreign));
    let in_use = Region::create(&name.0, 0o600, &layout()).unwrap_err();
    assert!(in_use.is(Error::AddressInUse), "another program's file is not replaced");
    fs::remove_file(name.path()).unwrap();
    fs::create_dir(name.path()).unwrap();
    assert!(matches!(cause(), Cause::WrongFile { .. } | Cause::Os(_)));
    fs::remove_dir(name.path()).unwrap();

    let keep = Region::create(&name.0, 0o600, &layout()).unwrap();
    let file = fs::File::options().read(true).write(true).open(name.path()).unwrap();
    let good = fs::read(name.path()).unwrap();
    let scribble = |at: u64, bytes: &[u8]| file.write_all_at(bytes, at).unwrap();
    for (at, wrong, what) in [
        (8, 99_u32, region::Error::Version { found: 99 }),
        (12, 0, region::Error::NotReady),
        (16, 77, region::Error::Size { says: 77, is: good.len() }),
        (20, 1 << 30, region::Error::Corrupt),
        (24, 0, region::Error::Corrupt),
        (24, u32::MAX, region::Error::Corrupt),
        // The first part's name has no end, its place is outside, it is larger than the region.
        (64 + 28, u32::MAX, region::Error::Corrupt),
        (64 + 32, 1 << 31, region::Error::Corrupt),
        (64 + 40, u32::MAX, region::Error::Corrupt),
    ] {
        let whole = if at == 64 + 28 { vec![b'x'; 32] } else { wrong.to_ne_bytes().to_vec() };
        scribble(if at == 64 + 28 { 64 } else { at }, &whole);
        assert_eq!(cause(), Cause::Region(what), "at {at}");
        scribble(0, &good[..512]);
    }
    // Positions that no ring has: the first part begins behind 3 entries and 8 places.
    let first = (64 + 3 * 64 + 8 * 16_u64).next_multiple_of(128);
    scribble(first, &u32::MAX.to_ne_bytes());
    let other = Region::open(&name.0).unwrap();
    let numbers = other.part::<Numbers>("numbers").unwrap();
    assert_eq!(numbers.producer().unwrap_err().cause(), Cause::Region(region::Error::Corrupt));
    drop((numbers, other));

    file.set_len(4096).unwrap();
    assert!(matches!(cause(), Cause::Region(region::Error::Size { is: 4096, .. })));
    file.set_len(good.len() as u64).unwrap();
    drop(keep);
}

#[test]
fn a_part_is_found_by_its_name_and_nothing_but_itself() {
    let region = Region::anonymous(&layout()).unwrap();
    let told = |error: ringway::Error| error.cause();
    use region::PartError as E;
    let cause = region.part::<Numbers>("absent").map_err(told).unwrap_err();
    assert_eq!(cause, Cause::Part(E::NotFound));
    let cause = region.part::<Ring<f64, 64>>("numbers").map_err(told).unwrap_err();
    assert!(matches!(cause, Cause::Part(E::OtherType { .. })));
    let cause = region.part::<Ring<u32, 64>>("numbers").map_err(told).unwrap_err();
    assert_eq!(cause, Cause::Part(E::OtherItem { found: 8, wanted: 4 }));
    let cause = region.part::<Ring<u64, 63>>("numbers").map_err(told).unwrap_err();
    assert_eq!(cause, Cause::Part(E::OtherCapacity { found: 64, wanted: 63 }));
    let cause = region.part::<Jobs>("numbers").map_err(told).unwrap_err();
    assert!(matches!(cause, Cause::Part(E::OtherKind { .. })));
    type Polled = ringway_core::ring::Ring<u64, 64>;
    let cause = region.part::<Polled>("numbers").map_err(told).unwrap_err();
    assert!(matches!(cause, Cause::Part(E::OtherKind { .. })), "one that nobody rings for");
}

/// As in two processes of two PID namespaces, where two threads may have one number.
#[test]
fn threads_of_two_participants_that_have_the_same_number_do_not_share_a_reentrant_mutex() {
    use ringway::lock::ReentrantError;
    let layout = Layout::new(2).part::<shm::ReentrantMutex>("again").unwrap();
    let first = Region::anonymous(&layout).unwrap();
    let second = Region::from_fd(&first).unwrap();
    let [ours, theirs] = [&first, &second].map(|region| {
        assert_ne!(region.participant(), ringway_core::participant::Participant::LOCAL);
        region.part::<shm::ReentrantMutex>("again").unwrap()
    });
    let guard = ours.seat().lock().unwrap().into_inner();
    assert_eq!(theirs.seat().holder(), Some(first.participant()));
    assert_eq!(theirs.seat().try_lock().unwrap_err(), ReentrantError::Held);
    assert!(ours.seat().try_lock().is_ok(), "its own thread takes it again");
    drop(guard);
    assert!(theirs.seat().try_lock().is_ok());
}

#[test]
fn a_region_with_other_parts_than_asked_for_is_refused_at_once() {
    use region::PartError as E;
    let name = Name::new();
    let first = Region::create(&name.0, 0o600, &layout()).unwrap();
    let refused = |layout: Result<Layout, _>| {
        let error = Region::open_or_create(&name.0, 0o600, &layout.unwrap()).unwrap_err();
        (error.to_string(), error.cause())
    };
    let numbers = || Layout::new(8).part::<Numbers>("numbers").unwrap();
    let (text, cause) = refused(numbers().part::<Queue<u64, 17>>("jobs"));
    assert_eq!(cause, Cause::Part(E::OtherCapacity { found: 16, wanted: 17 }));
    let expected = format!("cannot use the part jobs of {}: it holds 16 items, not 17", name.0);
    assert_eq!(text, expected);
    let (_, cause) = refused(numbers().part::<Jobs>("more jobs"));
    assert_eq!(cause, Cause::Part(E::NotFound));
    let (_, cause) = refused(numbers().part::<Log>("jobs"));
    assert!(matches!(cause, Cause::Part(E::OtherKind { .. })));
    let (_, cause) = refused(numbers().part::<Queue<i64, 16>>("jobs"));
    assert!(matches!(cause, Cause::Part(E::OtherType { .. })));
    assert_eq!(first.participants().len(), 1, "those took no place");

    // Some of its parts are enough, and so is another number of places.
    let some = Layout::new(3).part::<Jobs>("jobs").unwrap();
    let second = Region::open_or_create(&name.0, 0o600, &some).unwrap();
    assert_eq!(first.participants().len(), 2);
    drop((first, second));
    assert!(!name.exists());
    // With nobody in it, there is nothing to agree with.
    let other = Layout::new(2).part::<Queue<u64, 17>>("jobs").unwrap();
    let region = Region::open_or_create(&name.0, 0o600, &other).unwrap();
    assert!(region.part::<Queue<u64, 17>>("jobs").is_ok());
}

#[test]
fn more_participants_than_places_and_halves_for_two_are_refused() {
    let layout = Layout::new(2).part::<Numbers>("numbers").unwrap();
    let first = Region::anonymous(&layout).unwrap();
    let second = Region::from_fd(&first).unwrap();
    assert!(Region::from_fd(&first).unwrap_err().is(Error::Exhausted));
    let (ours, theirs) =
        [&first, &second].map(|region| region.part::<Numbers>("numbers").unwrap()).into();
    let half = ours.producer().unwrap();
    assert!(theirs.producer().unwrap_err().is(Error::Taken));
    drop(half);
    drop(theirs.producer().unwrap());
    drop((theirs, second));
    let third = Region::from_fd(&first).unwrap();
    assert_eq!(third.participant().number(), 2, "the place came free");
    assert_eq!(third.generation(), 3, "and it is another one");
    assert!(
        Layout::new(0).part::<Numbers>("numbers").is_ok_and(|l| Region::anonymous(&l).is_err())
    );
}

#[test]
fn what_was_forgotten_comes_back_when_its_owner_detaches() {
    let first = Region::anonymous(&layout()).unwrap();
    let second = Region::from_fd(&first).unwrap();
    let numbers = second.part::<Numbers>("numbers").unwrap();
    std::mem::forget(numbers.producer().unwrap());
    std::mem::forget(jobs(&second).seat().try_reserve().unwrap());
    drop((numbers, second));
    assert!(first.part::<Numbers>("numbers").unwrap().producer().is_ok());
    (0..16).for_each(|job| jobs(&first).seat().try_push(job).unwrap());
}

#[test]
fn an_anonymous_region_is_sealed_and_there_is_no_more_memory_than_there_is() {
    let region = Region::anonymous(&layout()).unwrap();
    let shrunk = rustix::fs::ftruncate(&region, 4096);
    assert_eq!(shrunk, Err(rustix::io::Errno::PERM));
    let free = rustix::fs::statvfs("/dev/shm").unwrap();
    if free.f_bavail * free.f_bsize < 3 << 30 {
        type Large = ByteRing<{ 1 << 30 }>;
        let layout = Layout::new(1).part::<Large>("1").unwrap().part::<Large>("2").unwrap();
        let layout = layout.part::<Large>("3").unwrap();
        let error = Region::create(&Name::new().0, 0o600, &layout).unwrap_err();
        assert!(error.is(Error::Exhausted), "{error}");
    }
    let attached = shm::Region::from_fd(&region).unwrap();
    assert!(attached.name().is_none());
}

#[test]
fn a_watched_part_is_readable_when_there_is_something_to_take_or_its_end() {
    use ringway::fd::{self, Interest};
    let region = Region::anonymous(&layout()).unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let watch = numbers.watch().unwrap();
    let is_readable = |end| fd::wait_deadline(&watch, Interest::Read, end).is_ok();
    let mut producer = numbers.producer().unwrap();
    let mut consumer = numbers.consumer().unwrap();
    for round in 0..100 {
        assert!(!is_readable(Instant::now()));
        producer.push(round).unwrap();
        assert!(is_readable(soon().unwrap()));
        // Another comes before we rearm, and one after it: both are told.
        producer.push(round).unwrap();
        watch.rearm();
        assert!(is_readable(soon().unwrap()));
        assert_eq!((consumer.try_pop(), consumer.try_pop()), (Some(round), Some(round)));
        watch.rearm();
    }
    drop(producer);
    assert!(is_readable(soon().unwrap()), "the end");
    drop((watch, consumer));
    let watch = jobs(&region).watch().unwrap();
    jobs(&region).seat().close();
    assert!(fd::wait_deadline(&watch, Interest::Read, soon().unwrap()).is_ok());
    drop(watch);
    assert_eq!(
        fs::read_dir("/proc/self/task")
            .unwrap()
            .filter(|task| {
                let comm = fs::read_to_string(task.as_ref().unwrap().path().join("comm"));
                comm.unwrap_or_default().starts_with("ringway-watch")
            })
            .count(),
        0,
        "its thread ends with it"
    );
}

#[test]
fn locks_of_the_dead_are_handed_over_within_the_bound() {
    use ringway::lock::{Acquired, BarrierError};
    use ringway::shm::{Array, Barrier, BoundedSemaphore, Mutex, ReentrantMutex, RwLock};

    type Total = Mutex<u64>;
    type Again = ReentrantMutex<u32>;
    type Table = RwLock<[u32; 3], 5>;
    type Places = BoundedSemaphore<3>;
    type Meeting = Barrier<2>;
    let locks = || {
        let layout = Layout::new(4).part::<Total>("total").unwrap();
        let layout = layout.part::<Again>("again").unwrap().part::<Table>("table").unwrap();
        let layout = layout.part::<Places>("places").unwrap().part::<Table>("read").unwrap();
        layout.part::<Meeting>("meeting").unwrap().part::<Array<u8, 7>>("array").unwrap()
    };
    if role().is_some() {
        let region = the_region();
        let (total, again, table, read, places, meeting, array) = (
            region.part::<Total>("total").unwrap(),
            region.part::<Again>("again").unwrap(),
            region.part::<Table>("table").unwrap(),
            region.part::<Table>("read").unwrap(),
            region.part::<Places>("places").unwrap(),
            region.part::<Meeting>("meeting").unwrap(),
            region.part::<Array<u8, 7>>("array").unwrap(),
        );
        let mut held = total.seat().lock().into_inner();
        let again = (again.seat().lock().unwrap(), again.seat().lock().unwrap());
        let table = table.seat().write();
        let read = read.seat().read();
        let places = (places.seat().acquire(), places.seat().acquire(), places.seat().acquire());
        let array = array.seat().lock();
        *held = 77;
        let _ = meeting.seat().wait();
        drop((held, again, table, read, places, array));
        unreachable!("nobody meets it");
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &locks()).unwrap();
    let mut player = player("locks_of_the_dead_are_handed_over_within_the_bound", "dies", &name);
    let meeting = region.part::<Meeting>("meeting").unwrap();
    let end = soon().unwrap();
    while meeting.seat().waiting() == 0 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(1));
    }
    let killer = std::thread::spawn(move || {
        std::thread::sleep(BOUND / 2);
        player.kill_now();
    });
    let total = region.part::<Total>("total").unwrap();
    match total.seat().lock_deadline(soon()).unwrap() {
        Acquired::OwnerDied(total) => assert_eq!(*total, 77),
        Acquired::Clean(_) => panic!("it died with it"),
    }
    let again = region.part::<Again>("again").unwrap();
    assert!(!again.seat().lock().unwrap().is_clean());
    let table = region.part::<Table>("table").unwrap();
    assert!(!table.seat().write_deadline(soon()).unwrap().is_clean());
    let read = region.part::<Table>("read").unwrap();
    assert!(read.seat().write_deadline(soon()).unwrap().is_clean(), "a reader changes nothing");
    let places = region.part::<Places>("places").unwrap();
    let all = [(); 3].map(|()| places.seat().acquire_deadline(soon()).unwrap());
    drop(all);
    assert_eq!(meeting.seat().wait_deadline(soon()), Err(BarrierError::Broken));
    let array = region.part::<Array<u8, 7>>("array").unwrap();
    assert!(!array.seat().lock_deadline(soon()).unwrap().is_clean());
    killer.join().unwrap();
}

type Events = Broadcast<[u64; 7], 32>;
type Level = Latest<[u64; 5]>;

/// Message number `number`: every word says which it is and is another.
fn event(number: u64) -> [u64; 7] {
    std::array::from_fn(|word| number * 7 + word as u64)
}

#[test]
fn writers_killed_one_after_the_other_leave_whole_messages_that_go_on_counting() {
    let test = "writers_killed_one_after_the_other_leave_whole_messages_that_go_on_counting";
    if role().is_some() {
        let region = the_region();
        let (events, level) = (region.part::<Events>("events"), region.part::<Level>("level"));
        let (events, level) = (events.unwrap(), level.unwrap());
        let (mut writer, mut gauge) = (events.writer().unwrap(), level.writer().unwrap());
        loop {
            writer.send(event(writer.sent() + 1));
            gauge.store([gauge.version().number() + 1; 5]);
        }
    }
    let name = Name::new();
    let layout = Layout::new(8).part::<Events>("events").unwrap();
    let region = Region::create(&name.0, 0o600, &layout.part::<Level>("level").unwrap()).unwrap();
    let (events, level) = (region.part::<Events>("events"), region.part::<Level>("level"));
    let (events, level) = (events.unwrap(), level.unwrap());
    let (mut reader, mut expected, mut seen) = (events.reader(), 1, Version::NONE);
    for _ in 0..10 {
        let mut player = player(test, "writes", &name);
        let (mut left, mut is_alive) = (1000, true);
        loop {
            match reader.recv_deadline(soon()) {
                Ok(message) => {
                    assert_eq!(message, event(expected), "torn, or not the one that is next");
                    (left, expected) = (left - 1, expected + 1);
                }
                Err(RecvError::Missed(missed)) => expected += missed,
                Err(RecvError::EndOfFile) if !is_alive => break,
                // The end of the one before: this one has not come yet.
                Err(RecvError::EndOfFile) => std::thread::sleep(Duration::from_millis(1)),
                Err(RecvError::TimedOut) => panic!("a hang that the deadline ended"),
            }
            if let Some((value, version)) = level.load_newer(seen) {
                assert_eq!(value, [version.number(); 5]);
                seen = version;
            }
            if left <= 0 && is_alive {
                player.kill_now();
                is_alive = false;
            }
        }
        assert_eq!(reader.behind(), 0);
    }
    let (value, last) = level.load().unwrap();
    assert_eq!(value, [last.number(); 5]);
    assert_eq!(level.wait_newer_deadline(last, soon()), Err(Error::EndOfFile));
    assert_eq!(events.writer().unwrap().sent() + 1, expected);
}

#[test]
fn a_panic_with_a_lock_is_told_in_other_processes() {
    use ringway::shm::{Barrier, ReentrantMutex, RwLock, Value};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    type Total = Value<[u64; 2]>;
    type Again = ReentrantMutex<u32>;
    type Table = RwLock<[u32; 3], 5>;
    type Meeting = Barrier<2>;
    let locks = || {
        let layout = Layout::new(4).part::<Total>("total").unwrap();
        let layout = layout.part::<Again>("again").unwrap().part::<Table>("table").unwrap();
        layout.part::<Table>("read").unwrap().part::<Meeting>("meeting").unwrap()
    };
    fn with_parts(region: &Region) -> (Part<Total>, Part<Again>, Part<Table>, Part<Table>) {
        (
            region.part("total").unwrap(),
            region.part("again").unwrap(),
            region.part("table").unwrap(),
            region.part("read").unwrap(),
        )
    }
    if role().is_some() {
        let region = the_region();
        let (total, again, table, read) = with_parts(&region);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut total = total.seat().lock().into_inner();
            let _held = (again.seat().lock(), table.seat().write(), read.seat().read());
            total[0] = 77;
            panic!("in the middle");
        }));
        assert!(panicked.is_err());
        let meeting = region.part::<Meeting>("meeting").unwrap();
        // It lives until the other has looked.
        (0..2).for_each(|_| _ = meeting.seat().wait_deadline(soon()).unwrap());
        done();
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &locks()).unwrap();
    let player = player("a_panic_with_a_lock_is_told_in_other_processes", "panics", &name);
    let meeting = region.part::<Meeting>("meeting").unwrap();
    meeting.seat().wait_deadline(soon()).unwrap();
    let (total, again, table, read) = with_parts(&region);
    let told = total.seat().lock_deadline(soon()).unwrap().clean();
    assert_eq!(*told.expect_err("it is half changed").0, [77, 0]);
    drop(total.seat().lock().repair(|total| total[1] = 77));
    assert!(total.seat().lock().is_clean());
    assert!(!again.seat().lock_deadline(soon()).unwrap().is_clean());
    assert!(!table.seat().read_deadline(soon()).unwrap().is_clean());
    assert!(read.seat().write_deadline(soon()).unwrap().is_clean(), "a reader changes nothing");
    assert_eq!(region.participants().len(), 2, "nobody died");
    meeting.seat().wait_deadline(soon()).unwrap();
    succeeded(player);
}
