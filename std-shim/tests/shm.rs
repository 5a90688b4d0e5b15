//! Regions between real processes, found by name and by descriptor: attaching, use, detaching, and
//! death.

mod support;

use ringway::CoreError;
use ringway::lock::{LockError, TryLockResult};
use ringway::shm::{
    self, Access, Broadcast, ByteRing, DETECTION_BOUND, Latest, Layout, Queue, RawBroadcast,
    RawLatest, RawQueue, RawRing, Region, Ring,
};
use ringway::{Cause, shm::Part};
use ringway_core::region;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::ring::latest::{SLOTS, Version};
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::fault::{Fault, inject};
use support::region::{NAME, Name, player};
use support::{Killed, child, done, role};

type Numbers = Ring<u64, 64>;
type Jobs = Queue<u64, 16>;
type Log = ByteRing<4096>;

/// Returns the lock as its dead holder left it.
fn told<G>(answer: TryLockResult<G>) -> G {
    match answer {
        Err(LockError::OwnerDied(died)) => died.into_inner(),
        Err(LockError::NotTaken(error)) => panic!("not handed over: {error}"),
        Ok(_) => panic!("nobody was told"),
    }
}

/// A deadline that only a hang reaches, so that a hang is a failure.
fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
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
fn processes_pass_values_bytes_and_jobs_by_name() {
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
        (0..1000).for_each(|job| jobs.push_deadline(job, None).unwrap());
        producer.close();
        done();
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let player = player("processes_pass_values_bytes_and_jobs_by_name", "writer", &name);
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
    (0..1000).for_each(|job| assert_eq!(jobs.pop_deadline(soon()), Ok(job)));
    succeeded(player);
    assert_eq!(consumer.pop_deadline(soon()), Err(CoreError::EndOfFile), "it closed");
    drop((consumer, reader));
    assert_eq!(region.participants().len(), 1);
    assert!(name.exists());
    drop((numbers, log, jobs, region));
    assert!(!name.exists(), "the last one takes the name along");
}

#[test]
fn a_producers_death_ends_the_stream_in_time() {
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
    let mut player = player("a_producers_death_ends_the_stream_in_time", "dies", &name);
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut consumer = numbers.consumer().unwrap();
    assert_eq!(consumer.pop_deadline(soon()), Ok(1));
    let began = Instant::now();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(DETECTION_BOUND / 2);
        player.kill_now();
    });
    assert_eq!(consumer.pop_deadline(soon()), Err(CoreError::EndOfFile));
    killer.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(30), "a hang that the deadline ended");
    assert!(numbers.producer().is_ok(), "another can go on");
}

#[test]
fn a_dead_workers_job_goes_to_another() {
    if role().is_some() {
        let region = the_region();
        let jobs = jobs(&region);
        std::mem::forget(jobs.claim_deadline(None).unwrap());
        std::mem::forget(jobs.try_reserve().unwrap());
        jobs.try_push(3).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let jobs = jobs(&region);
    jobs.try_push(1).unwrap();
    let mut player = player("a_dead_workers_job_goes_to_another", "dies", &name);
    let end = soon().unwrap();
    // The child has claimed the first job, and has pushed the third.
    while (jobs.unfinished(), jobs.len()) != (2, 1) {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(jobs.pop_deadline(soon()), Ok(3));
    player.kill_now();
    assert_eq!(jobs.pop_deadline(soon()), Ok(1));
    (0..16).for_each(|job| jobs.try_push(job).unwrap());
    assert_eq!(region.participants().len(), 1);
}

#[test]
fn the_death_of_all_producers_ends_a_queue() {
    let test = "the_death_of_all_producers_ends_a_queue";
    if role().is_some() {
        let jobs = jobs(&the_region());
        let producer = jobs.producer().unwrap();
        producer.push(7).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let jobs = jobs(&region);
    let mut players = [(); 2].map(|()| player(test, "produces", &name));
    assert_eq!([(); 2].map(|()| jobs.pop_deadline(soon())), [Ok(7); 2]);
    let end = std::thread::spawn({
        let jobs = jobs.clone();
        move || jobs.pop_deadline(soon())
    });
    players[0].kill_now();
    assert_eq!(
        jobs.pop_deadline(Some(Instant::now() + 2 * DETECTION_BOUND)),
        Err(CoreError::TimedOut)
    );
    assert!(!jobs.producers_are_gone(), "one is there");
    players[1].kill_now();
    assert_eq!(end.join().unwrap(), Err(CoreError::EndOfFile));
    assert!(jobs.producers_are_gone());
    jobs.try_push(8).unwrap();
    assert_eq!(jobs.pop_deadline(soon()), Ok(8), "the queue is open");
}

#[test]
fn a_job_that_kills_its_workers_is_given_up() {
    let test = "a_job_that_kills_its_workers_is_given_up";
    if role().is_some() {
        let region = the_region();
        let (jobs, numbers) = (jobs(&region), region.part::<Numbers>("numbers").unwrap());
        let claim = jobs.claim_deadline(None).unwrap();
        numbers.producer().unwrap().push(claim.attempts().into()).unwrap();
        std::mem::forget(claim);
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let jobs = jobs(&region);
    jobs.set_max_attempts(3);
    jobs.try_push(666).unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    for attempt in 1..=3 {
        let mut player = player(test, "dies", &name);
        let mut told = numbers.consumer().unwrap();
        let end = soon();
        // The death of the worker before ended the stream: wait for this worker.
        let number = std::iter::from_fn(|| match told.pop_deadline(end) {
            Err(CoreError::EndOfFile) => {
                std::thread::sleep(Duration::from_millis(1));
                Some(None)
            }
            found => Some(found.ok()),
        });
        assert_eq!(number.take(50_000).flatten().next(), Some(attempt));
        assert_eq!((jobs.unfinished(), jobs.refused()), (1, 0), "attempt {attempt}");
        player.kill_now();
    }
    // `join_deadline` finds the last worker's death while it waits for the end of all jobs.
    jobs.join_deadline(soon()).unwrap();
    assert_eq!((jobs.refused(), jobs.try_pop()), (1, None));
    (0..16).for_each(|job| jobs.try_push(job).unwrap());
}

#[test]
fn a_region_of_killed_participants_is_made_anew() {
    if role().is_some() {
        let region = Region::create(&std::env::var(NAME).unwrap(), 0o600, &layout()).unwrap();
        jobs(&region).try_push(1).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let test = "a_region_of_killed_participants_is_made_anew";
    let mut player = player(test, "dies", &name);
    let end = soon().unwrap();
    let region = loop {
        match Region::open(&name.0) {
            Ok(region) => break region,
            Err(error) => assert!(error.is(CoreError::NotFound) && Instant::now() < end, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let other = Region::create(&name.0, 0o600, &layout()).unwrap_err();
    assert!(other.is(CoreError::AddressInUse), "{other}");
    while jobs(&region).is_empty() {}
    player.kill_now();
    drop(region);
    assert!(!name.exists(), "we were the last, and alive");

    let mut player = self::player(test, "dies", &name);
    while !name.exists() {
        assert!(Instant::now() < end);
    }
    player.kill_now();
    assert!(name.exists(), "there was nobody left to remove it");
    assert!(Region::open(&name.0).unwrap_err().is(CoreError::NotFound));
    // Four starters race for the name of the stale region.
    let starters = [(); 4].map(|()| {
        let name = name.0.clone();
        std::thread::spawn(move || {
            let region = Region::open_or_create(&name, 0o600, &layout()).unwrap();
            jobs(&region).try_push(7).unwrap();
            region
        })
    });
    let regions = starters.map(|starter| starter.join().unwrap());
    assert_eq!(jobs(&regions[0]).len(), 4, "all four are in the same one, and it was fresh");
    drop(regions);
    assert!(!name.exists());
}

#[test]
fn racing_starters_and_leavers_share_one_region() {
    let name = Name::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let region = Region::open_or_create(&name.0, 0o600, &layout()).unwrap();
                    let jobs = jobs(&region);
                    jobs.try_push(1).unwrap();
                    assert_eq!(jobs.try_pop(), Some(1));
                }
            });
        }
    });
    assert!(!name.exists());
}

#[test]
fn each_kind_of_wrong_file_has_its_own_error() {
    let name = Name::new();
    let cause = || Region::open(&name.0).unwrap_err().cause();
    assert_eq!(cause(), Cause::Core(CoreError::NotFound));
    let long = "x".repeat(256);
    for (bad, why) in [
        ("", "empty"),
        ("/", "empty"),
        (".", "folders"),
        ("..", "folders"),
        ("a/b", "no slash but one in front"),
        ("//a", "no slash but one in front"),
        ("a\0b", "zero byte"),
        (&long, "255"),
    ] {
        for error in [
            Region::open(bad).unwrap_err(),
            Region::create(bad, 0o600, &layout()).unwrap_err(),
            Region::open_or_create(bad, 0o600, &layout()).unwrap_err(),
            shm::unlink(bad).unwrap_err(),
            shm::survey::named(bad).unwrap_err(),
            shm::survey::remove(bad).unwrap_err(),
        ] {
            assert!(error.is(CoreError::BadName) && error.to_string().contains(why), "{error}");
        }
    }

    // Nobody is laying the file out: a region gets its name only once it is ready.
    let wanted = "shared memory";
    fs::write(name.path(), b"").unwrap();
    assert_eq!(cause(), Cause::WrongFile { found: "an empty file", wanted });
    fs::write(name.path(), vec![0; 8192]).unwrap();
    assert_eq!(cause(), Cause::WrongFile { found: "a file of zeroes", wanted });
    fs::write(
        name.path(),
        b"something else that is long enough to be a region's header, or so it seems",
    )
    .unwrap();
    assert_eq!(cause(), Cause::Region(region::Error::Foreign));
    let in_use = Region::create(&name.0, 0o600, &layout()).unwrap_err();
    assert!(in_use.is(CoreError::AddressInUse), "another program's file is not replaced");
    fs::remove_file(name.path()).unwrap();
    fs::create_dir(name.path()).unwrap();
    assert_eq!(cause(), Cause::WrongFile { found: "a directory", wanted });
    let in_use = Region::open_or_create(&name.0, 0o600, &layout()).unwrap_err();
    assert_eq!(in_use.cause(), Cause::WrongFile { found: "a directory", wanted });
    fs::remove_dir(name.path()).unwrap();
    std::os::unix::fs::symlink("/dev/shm/nothing", name.path()).unwrap();
    assert_eq!(cause(), Cause::WrongFile { found: "a symbolic link", wanted });
    let in_use = Region::create(&name.0, 0o600, &layout()).unwrap_err();
    assert!(in_use.is(CoreError::AddressInUse), "{in_use}");
    fs::remove_file(name.path()).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(name.path()).unwrap();
    assert_eq!(cause(), Cause::WrongFile { found: "a socket", wanted });
    drop(socket);
    fs::remove_file(name.path()).unwrap();

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
        // The first part's name has no end; its offset is outside; it is larger than the region.
        (64 + 28, u32::MAX, region::Error::Corrupt),
        (64 + 32, 1 << 31, region::Error::Corrupt),
        (64 + 40, u32::MAX, region::Error::Corrupt),
    ] {
        let whole = if at == 64 + 28 { vec![b'x'; 32] } else { wrong.to_ne_bytes().to_vec() };
        scribble(if at == 64 + 28 { 64 } else { at }, &whole);
        assert_eq!(cause(), Cause::Region(what), "at {at}");
        scribble(0, &good[..512]);
    }
    // Positions that no ring has. The first part begins after 3 entries and 8 places.
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
fn a_part_opens_by_its_own_name_and_type_only() {
    let region = Region::anonymous(&layout()).unwrap();
    let told = |error: ringway::Error| error.cause();
    use region::Error as E;
    let cause = region.part::<Numbers>("absent").map_err(told).unwrap_err();
    assert_eq!(cause, Cause::Region(E::NotFound));
    let cause = region.part::<Ring<f64, 64>>("numbers").map_err(told).unwrap_err();
    assert!(matches!(cause, Cause::Region(E::OtherType { .. })));
    let cause = region.part::<Ring<u32, 64>>("numbers").map_err(told).unwrap_err();
    assert_eq!(cause, Cause::Region(E::OtherItem { found: 8, wanted: 4 }));
    let cause = region.part::<Ring<u64, 63>>("numbers").map_err(told).unwrap_err();
    assert_eq!(cause, Cause::Region(E::OtherCapacity { found: 64, wanted: 63 }));
    let cause = region.part::<Jobs>("numbers").map_err(told).unwrap_err();
    assert!(matches!(cause, Cause::Region(E::OtherKind { .. })));
    type Nobody = ringway_core::ring::Ring<u64, 64>;
    let cause = region.part::<Nobody>("numbers").map_err(told).unwrap_err();
    assert!(matches!(cause, Cause::Region(E::OtherKind { .. })), "one that nobody rings for");
}

/// As in two processes of two PID namespaces, whose threads may have equal numbers.
#[test]
fn equal_thread_numbers_do_not_share_a_mutex() {
    let layout = Layout::new(2).part::<shm::ReentrantMutex>("again").unwrap();
    let first = Region::anonymous(&layout).unwrap();
    let second = Region::from_fd(&first).unwrap();
    let [ours, theirs] = [&first, &second].map(|region| {
        assert_ne!(region.participant(), ringway_core::participant::Participant::LOCAL);
        region.part::<shm::ReentrantMutex>("again").unwrap()
    });
    let guard = ours.lock().unwrap();
    assert_eq!(theirs.holder(), Some(first.participant()));
    let refused = theirs.try_lock();
    assert!(matches!(refused, Err(LockError::NotTaken(CoreError::WouldBlock))));
    assert!(ours.try_lock().is_ok(), "its own thread takes it again");
    drop(guard);
    assert!(theirs.try_lock().is_ok());
}

#[test]
fn a_region_with_other_parts_is_refused_at_once() {
    use region::Error as E;
    let name = Name::new();
    let first = Region::create(&name.0, 0o600, &layout()).unwrap();
    let refused = |layout: Result<Layout, _>| {
        let error = Region::open_or_create(&name.0, 0o600, &layout.unwrap()).unwrap_err();
        (error.to_string(), error.cause())
    };
    let numbers = || Layout::new(8).part::<Numbers>("numbers").unwrap();
    let (text, cause) = refused(numbers().part::<Queue<u64, 17>>("jobs"));
    assert_eq!(cause, Cause::Region(E::OtherCapacity { found: 16, wanted: 17 }));
    let expected = format!("cannot use the part jobs of {}: it holds 16 items, not 17", name.0);
    assert_eq!(text, expected);
    let (_, cause) = refused(numbers().part::<Jobs>("more jobs"));
    assert_eq!(cause, Cause::Region(E::NotFound));
    let (_, cause) = refused(numbers().part::<Log>("jobs"));
    assert!(matches!(cause, Cause::Region(E::OtherKind { .. })));
    let (_, cause) = refused(numbers().part::<Queue<i64, 16>>("jobs"));
    assert!(matches!(cause, Cause::Region(E::OtherType { .. })));
    assert_eq!(first.participants().len(), 1, "those took no place");

    // The layout may name some of the parts, and another number of places.
    let some = Layout::new(3).part::<Jobs>("jobs").unwrap();
    let second = Region::open_or_create(&name.0, 0o600, &some).unwrap();
    assert_eq!(first.participants().len(), 2);
    drop((first, second));
    assert!(!name.exists());
    // Nobody is attached now, so that the layout may differ.
    let other = Layout::new(2).part::<Queue<u64, 17>>("jobs").unwrap();
    let region = Region::open_or_create(&name.0, 0o600, &other).unwrap();
    assert!(region.part::<Queue<u64, 17>>("jobs").is_ok());
}

#[test]
fn a_constant_capacity_opens_a_part_sized_at_run_time() {
    let test = "a_constant_capacity_opens_a_part_sized_at_run_time";
    if role().is_some() {
        // The child has the capacity from its type.
        let region = the_region();
        let jobs = region.part::<Queue<u64, 300>>("jobs").unwrap();
        let held = jobs.claim_deadline(soon()).unwrap();
        jobs.push_deadline(*held + 1, soon()).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let capacity = std::hint::black_box("300").parse().unwrap();
    let layout = Layout::new(4).queue::<u64>("jobs", capacity).unwrap();
    let same = Layout::new(4).part::<Queue<u64, 300>>("jobs").unwrap();
    assert_eq!(layout.size(), same.size());
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout).unwrap();
    let jobs = region.queue::<u64>("jobs").unwrap();
    assert_eq!(jobs.capacity(), 300);
    jobs.push(1).unwrap();
    let mut player = player(test, "by type", &name);
    let end = soon().unwrap();
    while jobs.unfinished() < 2 {
        assert!(Instant::now() < end, "it never pushed");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(jobs.pop_deadline(soon()), Ok(2));
    player.kill_now();
    assert_eq!(jobs.pop_deadline(soon()), Ok(1), "what it held goes to another");
    assert_eq!((1..).take_while(|&n| jobs.try_push(n).is_ok()).count(), 300);

    // A constant laid it out and a number opens it; then parts that do not match.
    let laid_out_by_type = Region::anonymous(&same).unwrap();
    assert_eq!(laid_out_by_type.queue::<u64>("jobs").unwrap().capacity(), 300);
    assert!(Region::open_or_create(&name.0, 0o600, &same).is_ok());
    let cause = |error: ringway::Error| error.cause();
    let other_item = region.queue::<i64>("jobs").map_err(cause).unwrap_err();
    assert!(matches!(other_item, Cause::Region(region::Error::OtherType { .. })));
    for none in [0, 1 << 16, usize::MAX] {
        let refused = Layout::new(4).queue::<u64>("jobs", none).unwrap_err();
        assert_eq!(refused, region::Error::Capacity);
    }
}

/// A child whose types say the capacities is killed. The parent, which has them from numbers, takes
/// over.
#[test]
fn slots_of_run_time_sized_locks_are_recovered() {
    use ringway::shm::{Barrier, BoundedSemaphore, RwLock};
    let test = "slots_of_run_time_sized_locks_are_recovered";
    if role().is_some() {
        let region = the_region();
        let table = region.part::<RwLock<[u16; 3], 5>>("table").unwrap();
        let places = region.part::<BoundedSemaphore<3>>("places").unwrap();
        let meeting = region.part::<Barrier<2>>("meeting").unwrap();
        table.write().unwrap()[2] = 7;
        let _held = (table.read(), table.read(), places.acquire(), places.acquire());
        let _ = meeting.wait();
        unreachable!("nobody meets it");
    }
    let [readers, permits, parties] = ["5", "3", "2"].map(|count| count.parse().unwrap());
    let layout = Layout::new(4).rw_lock::<[u16; 3]>("table", readers).unwrap();
    let layout = layout.bounded_semaphore("places", permits).unwrap();
    let layout = layout.barrier("meeting", parties).unwrap();
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout).unwrap();
    let table = region.rw_lock::<[u16; 3]>("table").unwrap();
    let places = region.bounded_semaphore("places").unwrap();
    let meeting = region.barrier("meeting").unwrap();
    let mut player = player(test, "by type", &name);
    let end = soon().unwrap();
    while meeting.waiting() == 0 {
        assert!(Instant::now() < end, "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!((table.readers(), table.read().unwrap()[2], places.permits()), (2, 7, 1));
    player.kill_now();
    drop(table.write_deadline(soon()).expect("a reader changes nothing"));
    drop([(); 3].map(|()| places.acquire_deadline(soon()).unwrap()));
    assert!(places.try_acquire().is_ok());
    assert_eq!(meeting.wait_deadline(soon()), Err(CoreError::Broken));
    assert_eq!(meeting.parties(), 2);
    assert!(Layout::new(4).barrier("meeting", 0).is_err());
}

#[test]
fn rings_of_all_kinds_are_sized_at_run_time() {
    let (values, bytes, messages) = std::hint::black_box((7, 300, 4000));
    let layout = Layout::new(2)
        .ring::<u32>("values", values)
        .and_then(|layout| layout.byte_ring("bytes", bytes))
        .and_then(|layout| layout.message_ring("messages", messages))
        .and_then(|layout| layout.broadcast::<[u32; 3]>("news", values))
        .unwrap();
    let ours = Region::anonymous(&layout).unwrap();
    let theirs = Region::from_fd(&ours).unwrap();
    let ring = ours.ring::<u32>("values").unwrap();
    let mut producer = ring.producer().unwrap();
    assert_eq!((0..).take_while(|&n| producer.try_push(n).is_ok()).count(), 7);
    let same = theirs.part::<shm::Ring<u32, 7>>("values").unwrap();
    let mut consumer = same.consumer().unwrap();
    assert!((0..7).all(|n| consumer.pop() == Ok(n)));

    let (ring, same) =
        (theirs.part::<ByteRing<300>>("bytes").unwrap(), ours.byte_ring("bytes").unwrap());
    assert_eq!(ring.producer().unwrap().try_write(&[7; 400]), 300);
    assert_eq!((same.len(), same.consumer().unwrap().try_read(&mut [0; 400])), (300, 300));

    let ring = ours.message_ring("messages").unwrap();
    ring.sender().unwrap().send(b"of any length").unwrap();
    let same = theirs.part::<shm::MessageRing<4000>>("messages").unwrap();
    let mut out = [0; 32];
    assert_eq!(same.receiver().unwrap().recv(&mut out), Ok(13));
    assert_eq!(&out[..13], b"of any length");

    let news = ours.broadcast::<[u32; 3]>("news").unwrap();
    let mut reader = news.reader();
    let same = theirs.part::<Broadcast<[u32; 3], 7>>("news").unwrap();
    let mut writer = same.writer().unwrap();
    (1..=9).for_each(|n| writer.send([n; 3]));
    assert_eq!((news.capacity(), reader.recv()), (7, Err(RecvError::Lagged(2))));
    assert!((3..=9).all(|n| reader.recv() == Ok([n; 3])));
}

#[test]
fn a_type_opens_a_queue_of_raw_items_of_its_size() {
    let (capacity, size) = std::hint::black_box((9, 12));
    let item = std::alloc::Layout::from_size_align(size, 4).unwrap();
    let layout = Layout::new(2).raw_part::<RawQueue>("jobs", capacity, item).unwrap();
    let typed = Layout::new(2).part::<Queue<[u32; 3], 9>>("jobs").unwrap();
    assert_eq!(layout.size(), typed.size());
    for layout in [layout, typed] {
        let ours = Region::anonymous(&layout).unwrap();
        let theirs = Region::from_fd(&ours).unwrap();
        let (raw, jobs) = (
            ours.raw_part::<RawQueue>("jobs").unwrap(),
            theirs.part::<Queue<[u32; 3], 9>>("jobs").unwrap(),
        );
        raw.try_push(&[1; 12]).unwrap();
        assert_eq!(jobs.pop(), Ok([0x0101_0101; 3]));
        jobs.push([7, 8, 9]).unwrap();
        let claim = raw.try_claim().unwrap();
        assert_eq!(claim[8..], 9_u32.to_ne_bytes());
        // A raw claim is recovered like a typed one.
        std::mem::forget(claim);
        drop((raw, ours));
        assert_eq!(jobs.pop_deadline(soon()), Ok([7, 8, 9]));
        assert!(theirs.raw_part::<RawQueue>("none").is_err());
    }
    let ours = Region::anonymous(&Layout::new(2).ring::<u32>("ring", 4).unwrap()).unwrap();
    assert!(matches!(
        ours.raw_part::<RawQueue>("ring").unwrap_err().cause(),
        Cause::Region(region::Error::OtherKind { .. })
    ));
    // For values of any size, the raw and the typed layout are the same.
    for (item, typed) in [
        (std::alloc::Layout::new::<u8>(), Layout::new(2).queue::<u8>("jobs", 5)),
        (std::alloc::Layout::new::<[u8; 3]>(), Layout::new(2).queue::<[u8; 3]>("jobs", 5)),
        (std::alloc::Layout::new::<[u8; 8]>(), Layout::new(2).queue::<[u8; 8]>("jobs", 5)),
        (std::alloc::Layout::new::<[u16; 5]>(), Layout::new(2).queue::<[u16; 5]>("jobs", 5)),
    ] {
        let typed = Region::anonymous(&typed.unwrap()).unwrap();
        typed.raw_part::<RawQueue>("jobs").unwrap().try_push(&vec![1; item.size()]).unwrap();
    }
}

#[test]
fn a_type_opens_what_raw_items_laid_out() {
    type Item = [u16; 5];
    let item = std::alloc::Layout::new::<Item>();
    let layout = Layout::new(2).raw_part::<RawRing>("ring", 7, item).unwrap();
    let layout = layout.raw_part::<RawBroadcast>("news", 7, item).unwrap();
    let raw = layout.raw_part::<RawLatest>("level", SLOTS, item).unwrap();
    let layout = Layout::new(2).ring::<Item>("ring", 7).unwrap();
    let layout = layout.broadcast::<Item>("news", 7).unwrap();
    let typed = layout.part::<shm::Latest<Item>>("level").unwrap();
    assert_eq!(raw.size(), typed.size());
    let bytes = |n: u16| [n, n + 1, n + 2, n + 3, n + 4].map(u16::to_ne_bytes).concat();
    for layout in [raw, typed] {
        let ours = Region::anonymous(&layout).unwrap();
        let theirs = Region::from_fd(&ours).unwrap();

        let ring = ours.raw_part::<RawRing>("ring").unwrap();
        let typed = theirs.ring::<Item>("ring").unwrap();
        let mut producer = ring.producer().unwrap();
        assert!(typed.producer().unwrap_err().is(CoreError::Taken));
        producer.try_push(&bytes(1)).unwrap();
        assert_eq!((ring.len(), typed.consumer().unwrap().pop()), (1, Ok([1, 2, 3, 4, 5])));
        // A raw half is recovered like a typed one.
        std::mem::forget(producer);

        let news = ours.raw_part::<RawBroadcast>("news").unwrap();
        let typed = theirs.broadcast::<Item>("news").unwrap();
        let mut reader = typed.reader();
        news.writer().unwrap().send(&bytes(7)).unwrap();
        assert_eq!(reader.recv(), Ok([7, 8, 9, 10, 11]));

        let level = theirs.raw_part::<RawLatest>("level").unwrap();
        let typed = theirs.part::<shm::Latest<Item>>("level").unwrap();
        typed.writer().unwrap().store([3, 4, 5, 6, 7]);
        let (mut reader, mut out) = (level.reader_from_oldest(), [0; 10]);
        reader.skip_to_newest();
        assert_eq!((reader.try_recv(&mut out), out.to_vec()), (Ok(true), bytes(3)));

        drop((ring, news, ours));
        let mut producer = theirs.ring::<Item>("ring").unwrap().producer().unwrap();
        producer.push([0; 5]).unwrap();
    }
    assert_eq!(
        Layout::new(2).raw_part::<RawLatest>("level", SLOTS + 1, item).unwrap_err(),
        region::Error::Capacity
    );
}

#[test]
fn a_corrupted_capacity_is_an_error() {
    let layout = Layout::new(4).queue::<u64>("jobs", 16).unwrap();
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout).unwrap();
    let file = std::fs::File::options().write(true).open(format!("/dev/shm/{}", name.0)).unwrap();
    for (capacity, expected) in [
        (0_u32, region::Error::Corrupt),
        (u32::MAX, region::Error::Corrupt),
        (1000, region::Error::OtherSize { found: 896, wanted: 32384 }),
    ] {
        // Corrupts the first part's capacity in the directory.
        file.write_all_at(&capacity.to_ne_bytes(), 64 + 52).unwrap();
        let error = region.queue::<u64>("jobs").unwrap_err();
        assert_eq!(error.cause(), Cause::Region(expected), "{capacity}");
    }
    // A part that was opened before keeps its capacity.
    file.write_all_at(&16_u32.to_ne_bytes(), 64 + 52).unwrap();
    let jobs = region.queue::<u64>("jobs").unwrap();
    file.write_all_at(&1000_u32.to_ne_bytes(), 64 + 52).unwrap();
    assert_eq!((1..).take_while(|&n| jobs.try_push(n).is_ok()).count(), 16);
}

#[test]
fn surplus_participants_and_holders_are_refused() {
    let layout = Layout::new(2).part::<Numbers>("numbers").unwrap();
    let first = Region::anonymous(&layout).unwrap();
    let second = Region::from_fd(&first).unwrap();
    let full = Region::from_fd(&first).unwrap_err();
    assert!(full.is(CoreError::Exhausted) && full.to_string().contains("Layout::new"), "{full}");
    let (ours, theirs) =
        [&first, &second].map(|region| region.part::<Numbers>("numbers").unwrap()).into();
    let half = ours.producer().unwrap();
    assert!(theirs.producer().unwrap_err().is(CoreError::Taken));
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
fn a_forgotten_loan_is_freed_when_its_owner_detaches() {
    let first = Region::anonymous(&layout()).unwrap();
    let second = Region::from_fd(&first).unwrap();
    std::mem::forget(jobs(&second).try_reserve().unwrap());
    drop(second);
    assert_eq!(first.participants().len(), 1);
    (0..16).for_each(|job| jobs(&first).try_push(job).unwrap());
}

#[test]
fn a_forgotten_half_keeps_its_owner_attached() {
    let first = Region::anonymous(&layout()).unwrap();
    let second = Region::from_fd(&first).unwrap();
    let numbers = second.part::<Numbers>("numbers").unwrap();
    std::mem::forget(numbers.producer().unwrap());
    drop((numbers, second));
    assert_eq!(first.participants().len(), 2, "the half owns its part");
    let numbers = first.part::<Numbers>("numbers").unwrap();
    assert!(numbers.producer().unwrap_err().is(CoreError::Taken));
}

#[test]
fn an_anonymous_region_is_sealed_and_bounded() {
    let region = Region::anonymous(&layout()).unwrap();
    let shrunk = rustix::fs::ftruncate(&region, 4096);
    assert_eq!(shrunk, Err(rustix::io::Errno::PERM));
    let free = rustix::fs::statvfs("/dev/shm").unwrap();
    if free.f_bavail * free.f_bsize < 3 << 30 {
        type Large = ByteRing<{ 1 << 30 }>;
        let layout = Layout::new(1).part::<Large>("1").unwrap().part::<Large>("2").unwrap();
        let layout = layout.part::<Large>("3").unwrap();
        let error = Region::create(&Name::new().0, 0o600, &layout).unwrap_err();
        assert!(error.is(CoreError::Exhausted), "{error}");
    }
    let attached = shm::Region::from_fd(&region).unwrap();
    assert!(attached.name().is_none());
}

#[test]
fn a_watched_part_is_readable_when_ready_or_ended() {
    use ringway::fd::{self, Interest};
    let region = Region::anonymous(&layout()).unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let ready = numbers.ready_fd().unwrap();
    let is_readable = |end| fd::wait_deadline(&ready, Interest::Read, end).is_ok();
    let mut producer = numbers.producer().unwrap();
    let mut consumer = numbers.consumer().unwrap();
    for round in 0..100 {
        assert!(!is_readable(Some(Instant::now())));
        producer.push(round).unwrap();
        assert!(is_readable(Some(soon().unwrap())));
        // A second value comes before `rearm`: the descriptor still becomes readable again.
        producer.push(round).unwrap();
        ready.rearm();
        assert!(is_readable(Some(Instant::now())), "at once");
        assert_eq!((consumer.try_pop(), consumer.try_pop()), (Some(round), Some(round)));
        ready.rearm();
    }
    drop(producer);
    ready.rearm();
    assert!(!is_readable(Some(Instant::now())), "given back, which ends nothing");
    numbers.producer().unwrap().close();
    assert!(is_readable(Some(soon().unwrap())), "the end");
    drop((ready, consumer));
    let ready = region.queue::<u64>("jobs").unwrap().ready_fd().unwrap();
    jobs(&region).close();
    assert!(fd::wait_deadline(&ready, Interest::Read, Some(soon().unwrap())).is_ok());
    drop(ready);
    let threads = || {
        let all = fs::read_dir("/proc/self/task").unwrap();
        all.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .filter(|comm| comm.starts_with("ringway-ready"))
            .count()
    };
    // A thread that was joined is listed a little longer.
    let end = Instant::now() + Duration::from_secs(30);
    while threads() > 0 {
        assert!(Instant::now() < end, "its thread ends with it");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn locks_of_the_dead_are_passed_on_in_time() {
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
        let mut held = total.lock().unwrap();
        let again = (again.lock().unwrap(), again.lock().unwrap());
        let table = table.write();
        let read = read.read();
        let places = (places.acquire(), places.acquire(), places.acquire());
        let array = array.lock();
        *held = 77;
        let _ = meeting.wait();
        drop((held, again, table, read, places, array));
        unreachable!("nobody meets it");
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &locks()).unwrap();
    let mut player = player("locks_of_the_dead_are_passed_on_in_time", "dies", &name);
    let meeting = region.part::<Meeting>("meeting").unwrap();
    let end = soon().unwrap();
    while meeting.waiting() == 0 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(1));
    }
    let killer = std::thread::spawn(move || {
        std::thread::sleep(DETECTION_BOUND / 2);
        player.kill_now();
    });
    let total = region.part::<Total>("total").unwrap();
    assert_eq!(*told(total.lock_deadline(soon())), 77);
    let again = region.part::<Again>("again").unwrap();
    drop(told(again.lock()));
    let table = region.part::<Table>("table").unwrap();
    drop(told(table.write_deadline(soon())));
    let read = region.part::<Table>("read").unwrap();
    assert!(read.write_deadline(soon()).is_ok(), "a reader changes nothing");
    let places = region.part::<Places>("places").unwrap();
    let all = [(); 3].map(|()| places.acquire_deadline(soon()).unwrap());
    drop(all);
    assert_eq!(meeting.wait_deadline(soon()), Err(CoreError::Broken));
    let array = region.part::<Array<u8, 7>>("array").unwrap();
    drop(told(array.lock_deadline(soon())));
    killer.join().unwrap();
}

type Events = Broadcast<[u64; 7], 32>;
type Level = Latest<[u64; 5]>;

/// The words of message `number`: no word is in another message, and no two are equal.
fn event(number: u64) -> [u64; 7] {
    std::array::from_fn(|word| number * 7 + word as u64)
}

#[test]
fn killed_writers_leave_whole_messages_in_sequence() {
    let test = "killed_writers_leave_whole_messages_in_sequence";
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
                Err(RecvError::Lagged(missed)) => expected += missed,
                Err(RecvError::EndOfFile) if !is_alive => break,
                // The end of the writer before: this one has not started yet.
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
    assert_eq!(level.wait_newer_deadline(last, soon()), Err(CoreError::EndOfFile));
    assert_eq!(events.writer().unwrap().sent() + 1, expected);
}

#[test]
fn a_panic_with_a_lock_is_seen_by_other_processes() {
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
            let mut total = total.lock().unwrap();
            let _held = (again.lock(), table.write(), read.read());
            total[0] = 77;
            panic!("in the middle");
        }));
        assert!(panicked.is_err());
        let meeting = region.part::<Meeting>("meeting").unwrap();
        // The child lives until the parent has checked.
        (0..2).for_each(|_| _ = meeting.wait_deadline(soon()).unwrap());
        done();
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &locks()).unwrap();
    let player = player("a_panic_with_a_lock_is_seen_by_other_processes", "panics", &name);
    let meeting = region.part::<Meeting>("meeting").unwrap();
    meeting.wait_deadline(soon()).unwrap();
    let (total, again, table, read) = with_parts(&region);
    assert_eq!(*told(total.lock_deadline(soon())), [77, 0]);
    drop(total.lock().unwrap_err().repair(|total| total[1] = 77));
    assert!(total.lock().is_ok());
    drop(told(again.lock_deadline(soon())));
    drop(told(table.read_deadline(soon())));
    assert!(read.write_deadline(soon()).is_ok(), "a reader changes nothing");
    assert_eq!(region.participants().len(), 2, "nobody died");
    meeting.wait_deadline(soon()).unwrap();
    succeeded(player);
}

/// As in POSIX's `shm_open`.
#[test]
fn one_leading_slash_of_a_name_is_ignored() {
    let name = Name::new();
    let slashed = format!("/{}", name.0);
    let region = Region::create(&slashed, 0o600, &layout()).unwrap();
    assert_eq!(region.name(), Some(&*name.0));
    let same = Region::open(&name.0).unwrap();
    assert_ne!(same.participant(), region.participant());
    shm::unlink(&slashed).unwrap();
    assert!(!name.exists());
}

/// Waits until there are `count` participants.
fn await_participants(region: &Region, count: usize) {
    let end = soon().unwrap();
    while region.participants().len() != count {
        assert!(Instant::now() < end, "{:?}", region.participants());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Makes a copy of this process, as a library might by `fork(2)`. It reads until the other end of
/// `input` closes.
fn fork_plainly(input: impl AsRawFd) {
    let input = input.as_raw_fd();
    // SAFETY: the copy only makes system calls until it ends.
    if unsafe { libc::fork() } == 0 {
        let mut byte = 0_u8;
        // SAFETY: `byte` is a local variable, with room for the one byte that is read.
        while unsafe { libc::read(input, (&raw mut byte).cast(), 1) } == 1 {}
        // SAFETY: `_exit` ends the copy, and runs no handlers.
        unsafe { libc::_exit(0) };
    }
}

#[test]
fn copies_do_not_keep_a_dead_participant_alive() {
    use std::io::Write;
    let test = "copies_do_not_keep_a_dead_participant_alive";
    if role().is_some() {
        let region = the_region();
        let numbers = region.part::<Numbers>("numbers").unwrap();
        let mut producer = numbers.producer().unwrap();
        // The processes below have a copy of everything, a duplicate of the descriptor, or a
        // descriptor that came by a socket. They share this process's standard input, and end when
        // the test closes its other end.
        fork_plainly(std::io::stdin());
        let (ours, theirs) = ringway::socket::UnixSeqpacket::pair().unwrap();
        ours.send_descriptors(b"here", &[region.as_fd()], None).unwrap();
        fork_plainly(std::io::stdin());
        let mut text = [0; 4];
        let sent = theirs
            .recv_descriptors(&mut text, 1, Some(Instant::now()))
            .unwrap()
            .descriptors
            .remove(0);
        fork_plainly(std::io::stdin());
        for copy in [region.as_fd().try_clone_to_owned().unwrap(), sent] {
            let mut keeps = std::process::Command::new("cat");
            drop(keeps.stdout(copy).spawn().unwrap());
        }
        producer.push(1).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let mut command = child(test, "dies");
    let command = command.env(NAME, &name.0).stdin(Stdio::piped());
    let mut player = Killed(command.spawn().unwrap());
    let mut input = player.0.stdin.take().unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut consumer = numbers.consumer().unwrap();
    assert_eq!(consumer.pop_deadline(soon()), Ok(1));
    player.kill_now();
    assert_eq!(consumer.pop_deadline(soon()), Err(CoreError::EndOfFile));
    await_participants(&region, 1);
    input.write_all(b"x").expect("they are still there");
}

#[test]
fn a_plainly_forked_copy_is_not_attached() {
    let test = "a_plainly_forked_copy_is_not_attached";
    if let Some(role) = role() {
        let region = the_region();
        let numbers = region.part::<Numbers>("numbers").unwrap();
        // SAFETY: only one thread of this process does anything now, and the copy executes no
        // program.
        if unsafe { libc::fork() } == 0 {
            if role == "touches" {
                let pushed = numbers.producer().map(|mut producer| producer.try_push(1));
                unreachable!("it has no such memory: {pushed:?}");
            }
            assert!(region.part::<Numbers>("numbers").unwrap_err().is(CoreError::Closed));
            assert_eq!((region.reap(), region.participants().len()), (0, 0));
            let anew = Region::from_fd(&region).unwrap();
            assert_eq!(anew.participants().len(), 3);
            drop((region, numbers));
            assert_eq!(anew.participants().len(), 3, "it gave back what is its parent's");
            anew.part::<Numbers>("numbers").unwrap().producer().unwrap().push(7).unwrap();
            drop(anew);
            done();
        }
        let mut status = 0;
        // SAFETY: `wait` writes to `status` alone; the child was made just above.
        unsafe { libc::wait(&mut status) };
        if role == "touches" {
            assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSEGV);
        } else {
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 42, "{status}");
        }
        assert_eq!(region.participants().len(), 2, "this one is still attached");
        done();
    }
    let name = Name::new();
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    succeeded(player(test, "touches", &name));
    succeeded(player(test, "attaches anew", &name));
    let numbers = region.part::<Numbers>("numbers").unwrap();
    assert_eq!(numbers.consumer().unwrap().pop_deadline(soon()), Ok(7));
}

#[test]
fn a_mere_reader_does_not_count_as_attached() {
    let test = "a_mere_reader_does_not_count_as_attached";
    if role().is_some() {
        let _region = the_region();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    for mode in [0o644, 0o640, 0o622, 0o604, 0o700] {
        let uneven = Cause::UnevenMode { mode };
        assert_eq!(Region::create(&name.0, mode, &layout()).unwrap_err().cause(), uneven);
        assert_eq!(Region::open_or_create(&name.0, mode, &layout()).unwrap_err().cause(), uneven);
    }
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    let mut player = player(test, "dies", &name);
    await_participants(&region, 2);
    // A process with a read-only descriptor takes every lock that it can.
    let reader = fs::File::open(name.path()).unwrap();
    let lock = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 3,
        l_len: 0,
        l_pid: 0,
    };
    // SAFETY: `reader` keeps the descriptor open, and `lock` outlives the call.
    assert_eq!(unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_OFD_SETLK, &lock) }, 0);
    assert_eq!(region.participants().len(), 2);
    player.kill_now();
    assert_eq!(region.participants().len(), 1);
    drop(region);
    assert!(!name.exists(), "a reader is nobody who is attached");

    // Attaching refuses a region whose mode was opened afterwards.
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    fs::set_permissions(name.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let uneven = Cause::UnevenMode { mode: 0o644 };
    assert_eq!(Region::open_with(&name.0, 0o666).unwrap_err().cause(), uneven);
    drop(region);
}

#[test]
fn a_region_gets_its_mode_and_open_checks_it() {
    let name = Name::new();
    let region = Region::create(&name.0, 0o660, &layout()).unwrap();
    assert_eq!(fs::metadata(name.path()).unwrap().mode() & 0o7777, 0o660, "whatever the umask");
    let open = Cause::TooOpen { mode: 0o660, allowed: 0o600 };
    assert_eq!(Region::open(&name.0).unwrap_err().cause(), open);
    assert_eq!(Region::open_or_create(&name.0, 0o600, &layout()).unwrap_err().cause(), open);
    assert!(Region::open_with(&name.0, 0o660).is_ok());
    assert!(Region::open_or_create(&name.0, 0o666, &layout()).is_ok());
    assert_eq!(region.participants().len(), 1);
}

/// Starts a child in the role `part`, as a user that is neither root nor this one; `None` unless
/// this process is root's.
fn stranger(test: &str, part: &str, name: &Name) -> Option<Killed> {
    // SAFETY: `geteuid` only returns a number, and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("not root, so that there is no other user: the check is tested in shm::access");
        return None;
    }
    let mut command = child(test, part);
    let command = command.env(NAME, &name.0).stdin(Stdio::null()).uid(65534).gid(65534);
    Some(Killed(command.spawn().unwrap()))
}

#[test]
fn another_users_region_needs_the_callers_consent() {
    let test = "another_users_region_needs_the_callers_consent";
    if role().is_some() {
        let region = Region::create(&std::env::var(NAME).unwrap(), 0o666, &layout()).unwrap();
        jobs(&region).try_push(1).unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let name = Name::new();
    let Some(mut stranger) = stranger(test, "lays a trap", &name) else { return };
    let end = soon().unwrap();
    while !name.exists() {
        assert!(Instant::now() < end && stranger.0.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    let owner = Cause::OtherOwner { user: 65534 };
    let error = Region::open_or_create(&name.0, 0o600, &layout()).unwrap_err();
    assert_eq!(error.cause(), owner, "{error}");
    assert_eq!(Region::open_or_create(&name.0, 0o666, &layout()).unwrap_err().cause(), owner);
    assert_eq!(Region::open(&name.0).unwrap_err().cause(), owner);
    let any = Access::new(0o666).of_any_owner();
    let region = Region::open_or_create(&name.0, any, &layout()).unwrap();
    assert_eq!(region.participants().len(), 2);
    stranger.kill_now();
    drop(region);
    assert!(!name.exists(), "root may remove it");
}

/// Leaves a stale region: starts a child that creates it, and kills the child.
fn leave_stale(test: &str, name: &Name) {
    let mut player = player(test, "leaves it stale", name);
    let end = soon().unwrap();
    while !name.exists() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(1));
    }
    player.kill_now();
}

fn stale_for_ever(mode: u32) -> ! {
    let region = Region::create(&std::env::var(NAME).unwrap(), mode, &layout()).unwrap();
    jobs(&region).try_push(1).unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn an_unremovable_stale_region_is_reused_or_refused() {
    let test = "an_unremovable_stale_region_is_reused_or_refused";
    if let Some(role) = role() {
        if role == "leaves it stale" {
            stale_for_ever(0o600);
        }
        let name = std::env::var(NAME).unwrap();
        // As in a folder where only the owner may remove a file, and the owner is somebody else.
        inject(&[Fault::new(libc::SYS_unlinkat, libc::EPERM)]);
        // SAFETY: `geteuid` only returns a number, and cannot fail.
        let user = unsafe { libc::geteuid() };
        let stale = Cause::Stale { user };
        assert_eq!(shm::unlink(&name).unwrap_err().cause(), stale);
        assert_eq!(shm::survey::remove(&name).unwrap_err().cause(), stale);
        // A new region would have another mode, which this file does not have.
        let error = Region::open_or_create(&name, 0o666, &layout()).unwrap_err();
        assert_eq!(error.cause(), stale, "{error}");
        assert_eq!(Region::create(&name, 0o666, &layout()).unwrap_err().cause(), stale);
        // With the file's mode it can be reused, for a larger or a smaller region.
        let large = Layout::new(3).part::<ByteRing<{ 1 << 20 }>>("large").unwrap();
        for layout in [&large, &layout(), &large] {
            let region = Region::open_or_create(&name, 0o600, layout).unwrap();
            assert_eq!((region.participants().len(), region.size()), (1, layout.size()));
            assert_eq!(
                fs::metadata(format!("/dev/shm/{name}")).unwrap().len(),
                layout.size() as u64
            );
            if let Ok(jobs) = region.part::<Jobs>("jobs") {
                assert!(jobs.is_empty(), "what was in it is gone");
                jobs.try_push(5).unwrap();
            }
            let other = Region::open(&name).unwrap();
            assert_eq!(other.participants().len(), 2);
            assert!(Region::create(&name, 0o600, layout).unwrap_err().is(CoreError::AddressInUse));
        }
        done();
    }
    let name = Name::new();
    leave_stale(test, &name);
    succeeded(player(test, "finds it", &name));
    assert!(name.exists(), "it could not be removed, after a clean end either");
    assert!(Region::open(&name.0).unwrap_err().is(CoreError::NotFound));
    let region = Region::create(&name.0, 0o600, &layout()).unwrap();
    drop(region);
    assert!(!name.exists());
}

#[test]
fn another_users_stale_region_is_refused_at_once() {
    let test = "another_users_stale_region_is_refused_at_once";
    if let Some(role) = role() {
        if role == "leaves it stale" {
            stale_for_ever(0o666);
        }
        let name = std::env::var(NAME).unwrap();
        let stale = Cause::Stale { user: 0 };
        assert_eq!(shm::unlink(&name).unwrap_err().cause(), stale);
        assert_eq!(shm::survey::remove(&name).unwrap_err().cause(), stale);
        for mode in [0o600, 0o660] {
            let error = Region::create(&name, mode, &layout()).unwrap_err();
            assert_eq!(error.cause(), stale, "{error}");
        }
        // The file belongs to root, which is trusted, and has the mode that is asked for.
        let region = Region::open_or_create(&name, 0o666, &layout()).unwrap();
        assert!(jobs(&region).is_empty());
        assert!(Region::open_with(&name, 0o666).is_ok());
        done();
    }
    let name = Name::new();
    leave_stale(test, &name);
    let Some(stranger) = stranger(test, "finds it", &name) else { return };
    succeeded(stranger);
    assert!(name.exists(), "its last participant may not remove it");
    drop(Region::create(&name.0, 0o600, &layout()).unwrap());
    assert!(!name.exists());
}

#[test]
fn a_kill_during_reuse_leaves_a_stale_region() {
    let name = Name::new();
    // The file as `overwrite` leaves it after its first two steps.
    let mut left = region::MAGIC.to_vec();
    left.extend([0; 8]);
    fs::write(name.path(), &left).unwrap();
    fs::set_permissions(name.path(), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(Region::open(&name.0).unwrap_err().is(CoreError::NotFound));
    drop(Region::open_or_create(&name.0, 0o600, &layout()).unwrap());
    assert!(!name.exists());
}

#[test]
fn the_last_participant_removes_the_name() {
    let name = Name::new();
    let by_name = Region::create(&name.0, 0o600, &layout()).unwrap();
    let by_descriptor = Region::from_fd(&by_name).unwrap();
    assert_eq!(by_descriptor.name(), None);
    drop(by_name);
    assert!(name.exists());
    let again = Region::from_fd(&by_descriptor).unwrap();
    drop(by_descriptor);
    assert!(name.exists());
    drop(again);
    assert!(!name.exists(), "the last one came by a descriptor");

    // A region that got the name since then keeps it.
    let by_descriptor = Region::from_fd(Region::create(&name.0, 0o600, &layout()).unwrap());
    let by_descriptor = by_descriptor.unwrap();
    shm::unlink(&name.0).unwrap();
    let other = Region::create(&name.0, 0o600, &layout()).unwrap();
    drop(by_descriptor);
    assert!(name.exists());
    drop(other);
}

#[test]
fn a_limit_of_file_sizes_is_an_error_and_no_death() {
    let test = "a_limit_of_file_sizes_is_an_error_and_no_death";
    if role().is_some() {
        let limit = libc::rlimit { rlim_cur: 4096, rlim_max: 4096 };
        // SAFETY: `setrlimit` only reads `limit`, which outlives the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
        let name = std::env::var(NAME).unwrap();
        for error in [
            Region::anonymous(&layout()).unwrap_err(),
            Region::create(&name, 0o600, &layout()).unwrap_err(),
        ] {
            assert!(
                error.is(CoreError::Exhausted) && error.to_string().contains("ulimit"),
                "{error}"
            );
        }
        done();
    }
    let name = Name::new();
    succeeded(player(test, "is limited", &name));
    assert!(!name.exists());
}

#[test]
fn a_large_region_is_made_while_signals_come() {
    extern "C" fn nothing(_: i32) {}
    support::interrupts(libc::SIGUSR1, nothing);
    let _pester = support::Pester::this_thread(libc::SIGUSR1);
    type Large = ByteRing<{ 128 << 20 }>;
    let region = Region::anonymous(&Layout::new(1).part::<Large>("large").unwrap()).unwrap();
    assert!(region.size() > 128 << 20);
}

#[test]
fn the_error_names_a_missing_system_folder() {
    in_a_copy(|| {
        let region = Region::anonymous(&layout()).unwrap();
        hide(c"/proc");
        for error in
            [Region::from_fd(&region), Region::anonymous(&layout())].map(Result::unwrap_err)
        {
            assert!(error.to_string().contains("/proc is not mounted"), "{error}");
        }
    });
    in_a_copy(|| {
        hide(c"/dev");
        for error in [
            Region::create("any", 0o600, &layout()),
            Region::open("any"),
            Region::open_or_create("any", 0o600, &layout()),
        ]
        .map(Result::unwrap_err)
        {
            assert!(error.to_string().contains("there is no /dev/shm"), "{error}");
        }
    });
}

/// Runs `test` in a copy of this process, which has a single thread.
fn in_a_copy(test: impl FnOnce() + std::panic::UnwindSafe) {
    // SAFETY: the copy uses no lock that another thread may have held but the allocator's, and the
    // C library makes that one usable after a fork.
    let copy = unsafe { libc::fork() };
    if copy == 0 {
        let passed = std::panic::catch_unwind(test).is_ok();
        // SAFETY: `_exit` ends the copy, and runs no handlers.
        unsafe { libc::_exit(if passed { 42 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: `waitpid` writes to `status` alone; the copy was made just above.
    assert_eq!(unsafe { libc::waitpid(copy, &mut status, 0) }, copy);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 42, "{status:#x}");
}

/// Mounts an empty folder over `folder`, for this process alone, which must have one thread.
fn hide(folder: &std::ffi::CStr) {
    // A user other than root may mount in a user namespace of its own.
    let unshared = [libc::CLONE_NEWNS, libc::CLONE_NEWUSER | libc::CLONE_NEWNS]
        .into_iter()
        // SAFETY: `unshare` gets only flags. It moves the one thread to new namespaces, and changes
        // no memory.
        .any(|flags| unsafe { libc::unshare(flags) } == 0);
    assert!(unshared, "{}", std::io::Error::last_os_error());
    let (none, flags) = (std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE);
    // SAFETY: the path ends with a zero byte, and this kind of mount ignores the null pointers.
    let made = unsafe { libc::mount(none, c"/".as_ptr(), none, flags, none.cast()) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    let kind = c"tmpfs".as_ptr();
    // SAFETY: the paths end with a zero byte, and `tmpfs` takes a null pointer for no options.
    let made = unsafe { libc::mount(kind, folder.as_ptr(), kind, 0, none.cast()) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
}

/// Pseudorandom bytes, the same for the same seed.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        // xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}

/// Runs `test`, and aborts the program if it does not end.
fn bounded(test: impl FnOnce()) {
    let (done, waits) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if waits.recv_timeout(Duration::from_secs(100))
            == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            eprintln!("it does not end");
            std::process::abort();
        }
    });
    test();
    drop(done);
    watch.join().unwrap();
}

#[test]
fn a_corrupt_part_takes_bounded_time() {
    use ringway::shm::{Barrier, BoundedSemaphore, Mutex, RwLock};
    let name = Name::new();
    let layout = layout().part::<Events>("events").unwrap().part::<Barrier<3>>("barrier").unwrap();
    let layout = layout.part::<Mutex<u64>>("mutex").unwrap().part::<RwLock<u64, 3>>("rw").unwrap();
    let layout = layout.part::<BoundedSemaphore<3>>("semaphore").unwrap();
    let region = Region::create(&name.0, 0o600, &layout).unwrap();
    let file = fs::File::options().read(true).write(true).open(name.path()).unwrap();
    let whole = shm::survey::named(&name.0).unwrap();
    assert!(whole.parts.iter().all(|part| part.state.is_valid));
    bounded(|| {
        for part in &whole.parts {
            let (offset, size) = (u64::from(part.offset), part.description.size as usize);
            let mut good = vec![0; size];
            file.read_exact_at(&mut good, offset).unwrap();
            for seed in 0..40 {
                let bytes: Vec<u8> = match seed {
                    0 => vec![0xff; size],
                    // Some bytes of the part; the last arm replaces all of them.
                    1..20 => {
                        let mut bytes = good.clone();
                        let mut noise = noise(seed);
                        for _ in 0..8 * seed {
                            let at: usize = noise.by_ref().take(4).map(usize::from).product();
                            bytes[at % size] = noise.next().unwrap();
                        }
                        bytes
                    }
                    _ => noise(seed).take(size).collect(),
                };
                file.write_all_at(&bytes, offset).unwrap();
                let seen = shm::survey::named(&name.0).unwrap();
                let others = seen.parts.iter().filter(|other| other.name != part.name);
                assert!(
                    others.clone().count() > 6 && others.clone().all(|other| other.state.is_valid)
                );
                if seed == 0 && part.name == "jobs" {
                    assert!(
                        !seen.parts.iter().find(|seen| seen.name == "jobs").unwrap().state.is_valid
                    );
                }
                // Attaches and detaches. Detaching recovers what this participant held in every
                // part.
                drop(Region::open(&name.0).unwrap());
                file.write_all_at(&good, offset).unwrap();
            }
        }
    });
    drop(region);
    assert!(!name.exists());
}

/// If the survey mapped the file, this would end in a `SIGBUS`.
#[test]
fn a_file_cut_under_a_survey_is_an_error() {
    use std::sync::atomic::AtomicBool;
    let region = Region::anonymous(&layout()).unwrap();
    let mut good = vec![0; region.size()];
    let whole = fs::File::from(region.as_fd().try_clone_to_owned().unwrap());
    whole.read_exact_at(&mut good, 0).unwrap();
    let file = tempfile::tempfile_in("/dev/shm").unwrap();
    /// Ends the other thread, also when this one panics.
    struct Stops<'s>(&'s AtomicBool);
    impl Drop for Stops<'_> {
        fn drop(&mut self) {
            // Relaxed: the partner is the load in the thread, and nothing else is published.
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stops = Stops(&stop);
        scope.spawn(|| {
            let lengths = (0..good.len() as u64 + 200).step_by(97).cycle();
            // Relaxed: the partner is the store in `Stops`.
            for length in lengths.take_while(|_| !stop.load(Ordering::Relaxed)) {
                file.set_len(length).unwrap();
                file.write_all_at(&good, 0).unwrap();
            }
        });
        for _ in 0..5_000 {
            if let Err(error) = shm::survey::of_fd(&file) {
                let cause = error.cause();
                let is_wrong = matches!(cause, Cause::Region(_) | Cause::WrongFile { .. });
                assert!(is_wrong, "{error}");
            }
        }
    });
    file.set_len(good.len() as u64).unwrap();
    assert_eq!(shm::survey::of_fd(&file).unwrap().parts.len(), 3);
}

/// How many bytes this thread has read from files.
fn bytes_read() -> u64 {
    let counts = fs::read_to_string("/proc/thread-self/io").unwrap();
    let count = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
    count.unwrap().parse().unwrap()
}

/// A file of that many queues, whose every word is `word`: so none of them ever looks consistent.
fn torn_queues(count: usize, word: u8) -> (Region, fs::File) {
    let layout = (0..count).try_fold(Layout::new(2), |layout, number| {
        layout.queue::<u8>(&format!("jobs {number}"), 60_000)
    });
    let region = Region::anonymous(&layout.unwrap()).unwrap();
    let file = fs::File::from(region.as_fd().try_clone_to_owned().unwrap());
    for part in shm::survey::of_fd(&region).unwrap().parts {
        let words = vec![word; part.description.size as usize];
        file.write_all_at(&words, u64::from(part.offset)).unwrap();
    }
    (region, file)
}

#[test]
fn a_survey_copies_no_more_than_the_file_twice() {
    let (region, _) = torn_queues(8, 0xA5);
    let before = bytes_read();
    let survey = shm::survey::of_fd(&region).unwrap();
    let copied = bytes_read() - before;
    assert!(survey.parts.iter().all(|part| !part.state.is_valid && part.state.is_torn));
    // Besides, it reads the names of processes.
    assert!(copied <= 2 * region.size() as u64 + (1 << 16), "{copied} of {}", region.size());
}

#[test]
fn parts_that_overlap_are_refused() {
    const ENTRIES: [u64; 2] = [64, 128];
    const OFFSET: u64 = 32;
    let (region, file) = torn_queues(2, 0);
    let mut first = [0; 4];
    file.read_exact_at(&mut first, ENTRIES[0] + OFFSET).unwrap();
    file.write_all_at(&first, ENTRIES[1] + OFFSET).unwrap();
    let corrupt = Cause::Region(region::Error::Corrupt);
    assert_eq!(shm::survey::of_fd(&region).unwrap_err().cause(), corrupt);
    assert_eq!(Region::from_fd(&region).unwrap_err().cause(), corrupt);
    assert_eq!(shm::Observer::from_fd(&region).unwrap_err().cause(), corrupt);
}

#[test]
fn a_sleeping_crowd_gets_the_lock_of_a_killed_holder() {
    let test = "a_sleeping_crowd_gets_the_lock_of_a_killed_holder";
    match role().as_deref() {
        None => {}
        Some("lacks a system call") => {
            // As on Linux before 5.16, or under a filter that does not know the call.
            inject(&[Fault::new(libc::SYS_futex_waitv, libc::ENOSYS)]);
            crowd(test);
            done();
        }
        Some(_) => {
            let region = the_region();
            let total = region.part::<shm::Mutex<u64>>("total").unwrap();
            let _held = total.lock();
            region.part::<Numbers>("numbers").unwrap().producer().unwrap().push(1).unwrap();
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
    crowd(test);
    succeeded(player(test, "lacks a system call", &Name::new()));
}

/// Kills a lock's holder once most of the lock's sleepers rest, and do not wake up to check.
fn crowd(test: &str) {
    const CROWD: u16 = 40;
    let name = Name::new();
    let layout = Layout::new(CROWD + 2).part::<Numbers>("numbers").unwrap();
    let layout = layout.part::<shm::Mutex<u64>>("total").unwrap();
    let region = Region::create(&name.0, 0o600, &layout).unwrap();
    let numbers = region.part::<Numbers>("numbers").unwrap();
    let mut numbers = numbers.consumer().unwrap();
    let mut player = player(test, "holds the lock", &name);
    assert_eq!(numbers.pop_deadline(soon()), Ok(1));
    let sleepers: Vec<_> = (0..CROWD)
        .map(|_| {
            let region = Region::from_fd(&region).unwrap();
            std::thread::spawn(move || {
                let total = region.part::<shm::Mutex<u64>>("total").unwrap();
                match total.lock_deadline(soon()) {
                    Ok(_) => true,
                    Err(LockError::OwnerDied(died)) => {
                        drop(died.repair(|total| **total = 1));
                        false
                    }
                    Err(LockError::NotTaken(error)) => panic!("{error}"),
                }
            })
        })
        .collect();
    // The header's word that says when somebody last checked. After some checks, the posts are
    // taken and the others rest.
    let file = fs::File::open(name.path()).unwrap();
    let looked = || {
        let mut word = [0; 4];
        file.read_exact_at(&mut word, 32).unwrap();
        word
    };
    let end = soon().unwrap();
    for _ in 0..5 {
        let before = looked();
        while looked() == before {
            assert!(Instant::now() < end, "nobody looks");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    player.kill_now();
    let clean = sleepers.into_iter().map(|sleeper| sleeper.join().unwrap());
    assert_eq!(clean.filter(|clean| !clean).count(), 1, "one of them is told");
    assert_eq!(region.participants().len(), 1);
}

#[test]
fn a_queue_in_use_does_not_look_corrupt() {
    use std::sync::atomic::AtomicBool;
    let region = Region::anonymous(&layout()).unwrap();
    let (stop, looks) = (AtomicBool::new(false), 2000);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let jobs = jobs(&region);
                // Relaxed: the partner is the store below, which publishes nothing else.
                while !stop.load(Ordering::Relaxed) {
                    let _full = jobs.try_push(1);
                    jobs.try_pop();
                }
            });
        }
        let corrupt = (0..looks).filter(|_| {
            let seen = shm::survey::of_fd(&region).unwrap();
            !seen.parts.iter().find(|part| part.name == "jobs").unwrap().state.is_valid
        });
        let corrupt = corrupt.count();
        // Relaxed: the partner is the load in the threads.
        stop.store(true, Ordering::Relaxed);
        assert_eq!(corrupt, 0, "of {looks} looks");
    });
}
