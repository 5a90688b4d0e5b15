//! The roles in Rust. `tests/peer.c` says what each is.

use ringway::lock::{LockError, Robust as _};
use ringway::shm::{
    Barrier, BoundedSemaphore, Broadcast, ByteRing, Event, Item, Latest, Layout, MessageRing,
    Mutex, Queue, ReentrantMutex, Region, Ring, RwLock, Semaphore, TypeName,
};
use ringway::zerocopy::{FromBytes, Immutable, IntoBytes};
use ringway::{CoreError, Result};
use ringway_core::ring::broadcast::{Reader, RecvError};
use ringway_core::ring::latest::Version;
use std::fmt::Debug;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ITEMS: u64 = 1000;
pub const ROUNDS: u64 = 2000;

#[derive(Debug, Clone, Copy, PartialEq, FromBytes, IntoBytes, Immutable)]
#[zerocopy(crate = "ringway::zerocopy")]
#[repr(C)]
pub struct Job {
    pub number: u64,
    pub copy: u64,
}

impl Item for Job {
    const NAME: TypeName = TypeName::new("com.example.Job/1");
}

impl Job {
    pub fn of(number: u64) -> Self {
        Job { number, copy: number }
    }
}

type Counts = [AtomicU64; 2];

fn layout() -> std::result::Result<Layout, ringway_core::region::Error> {
    Layout::new(8)
        .part::<Ring<Job, 8>>("ring")?
        .part::<ByteRing<100>>("bytes")?
        .part::<MessageRing<256>>("messages")?
        .part::<Queue<Job, 8>>("queue")?
        .part::<Broadcast<Job, 2048>>("news")?
        .part::<Latest<Job>>("latest")?
        .part::<Mutex<Job>>("mutex")?
        .part::<RwLock<Job, 4>>("rwlock")?
        .part::<Semaphore<1>>("semaphore")?
        .part::<BoundedSemaphore<2>>("bounded")?
        .part::<Event>("event")?
        .part::<Barrier<2>>("barrier")?
        .part::<ReentrantMutex<u64>>("reentrant")?
        .part::<Counts>("counts")
}

pub fn late() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

fn say() {
    println!("ready");
    std::io::stdout().flush().expect("somebody reads");
}

fn wait_to_be_killed() -> ! {
    say();
    loop {
        std::thread::park();
    }
}

fn open(name: &str) -> Region {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match Region::open(name) {
            Err(error) if error.is(CoreError::NotFound) && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(1));
            }
            opened => return opened.expect("the region can be opened"),
        }
    }
}

/// The first count.
pub fn counted(name: &str) -> u64 {
    let counts = open(name).part::<Counts>("counts").expect("it has counts");
    counts[0].load(Ordering::Relaxed)
}

/// The lock whose holder died with it.
fn of_the_dead<G: Debug>(taken: std::result::Result<G, LockError<G>>) -> G {
    match taken {
        Err(LockError::OwnerDied(died)) => died.0,
        other => panic!("its holder died, and the answer is {other:?}"),
    }
}

pub fn play(role: &str, kind: &str, name: &str) {
    if role == "make" {
        let layout = layout().expect("there is such a layout");
        let region = Region::create(name, 0o600, &layout).expect("it can be created");
        say();
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(region);
        return;
    }
    let region = open(name);
    let done = match kind {
        "ring" => ring(role, &region),
        "bytes" => bytes(role, &region),
        "messages" => messages(role, &region),
        "queue" => queue(role, &region),
        "news" => news(role, &region),
        "latest" => latest(role, &region),
        "mutex" => mutex(role, &region),
        "rwlock" => rwlock(role, &region),
        "reentrant" => reentrant(role, &region),
        "semaphore" => semaphore(role, &region),
        "bounded" => bounded(role, &region),
        "event" => event(role, &region),
        "barrier" => barrier(role, &region),
        _ => panic!("{kind} is no kind"),
    };
    done.expect("nothing fails");
}

fn ring(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<Ring<Job, 8>>("ring")?;
    if let "send" | "hold" = role {
        let mut producer = part.producer()?;
        for number in 0..if role == "send" { ITEMS } else { 3 } {
            producer.push_deadline(Job::of(number), late())?;
        }
        if role == "hold" {
            wait_to_be_killed();
        }
        producer.close();
    } else {
        let mut consumer = part.consumer()?;
        for number in 0..if role == "recv" { ITEMS } else { 3 } {
            assert_eq!(consumer.pop_deadline(late())?, Job::of(number));
        }
        assert_eq!(consumer.pop_deadline(late()), Err(CoreError::EndOfFile));
        part.producer()?;
    }
    Ok(())
}

fn bytes(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<ByteRing<100>>("bytes")?;
    let count = if let "send" | "recv" = role { ITEMS } else { 60 };
    if let "send" | "hold" = role {
        let mut producer = part.producer()?;
        for number in 0..count {
            producer.write_all_deadline(&mut &[number as u8][..], late())?;
        }
        if role == "hold" {
            let mut grant = producer.try_reserve(10)?;
            grant.fill(255);
            wait_to_be_killed();
        }
        producer.close();
    } else {
        let mut consumer = part.consumer()?;
        let (mut at, mut some) = (0, [0; 70]);
        while at < count {
            let length = consumer.read_deadline(&mut some, late())?;
            for byte in &some[..length] {
                assert_eq!(*byte, at as u8);
                at += 1;
            }
        }
        assert_eq!(consumer.read_deadline(&mut some, late())?, 0);
        part.producer()?;
    }
    Ok(())
}

fn messages(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<MessageRing<256>>("messages")?;
    let text = |number: u64| format!("{number:0width$}", width = number as usize % 50 + 1);
    let count = if let "send" | "recv" = role { ITEMS } else { 3 };
    if let "send" | "hold" = role {
        let mut sender = part.sender()?;
        for number in 0..count {
            sender.send_deadline(text(number).as_bytes(), late())?;
        }
        if role == "hold" {
            let mut grant = sender.try_reserve(10)?;
            grant.fill(255);
            wait_to_be_killed();
        }
        sender.close();
    } else {
        let mut receiver = part.receiver()?;
        let mut some = [0; 100];
        for number in 0..count {
            let length = receiver.recv_deadline(&mut some, late())?;
            assert_eq!(&some[..length], text(number).as_bytes());
        }
        assert_eq!(receiver.recv_deadline(&mut some, late()), Err(CoreError::EndOfFile));
        part.sender()?;
    }
    Ok(())
}

fn queue(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<Queue<Job, 8>>("queue")?;
    match role {
        "send" => {
            for number in 0..ITEMS {
                part.push_deadline(Job::of(number), late())?;
            }
        }
        "recv" => {
            for number in 0..ITEMS {
                assert_eq!(part.pop_deadline(late())?, Job::of(number));
            }
        }
        "hold" => {
            part.push_deadline(Job::of(42), late())?;
            let _claim = part.claim_deadline(late())?;
            let _loan = part.reserve_deadline(late())?;
            wait_to_be_killed();
        }
        _ => {
            let claim = part.claim_deadline(late())?;
            assert_eq!((*claim, claim.attempts()), (Job::of(42), 2));
            claim.complete();
            for _ in 0..8 {
                part.push_deadline(Job::of(42), late())?;
            }
        }
    }
    Ok(())
}

fn news(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<Broadcast<Job, 2048>>("news")?;
    if let "send" | "hold" = role {
        let mut writer = part.writer()?;
        (0..ITEMS).for_each(|number| writer.send(Job::of(number)));
        if role == "hold" {
            wait_to_be_killed();
        }
        writer.close();
    } else {
        let mut reader = Reader::from_oldest(part.clone());
        for number in 0..ITEMS {
            assert_eq!(reader.recv_deadline(late())?, Job::of(number));
        }
        assert_eq!(reader.recv_deadline(late()), Err(RecvError::EndOfFile));
        part.writer()?;
    }
    Ok(())
}

fn latest(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<Latest<Job>>("latest")?;
    if let "send" | "hold" = role {
        let mut writer = part.writer()?;
        (0..ITEMS).for_each(|number| writer.store(Job::of(number)));
        if role == "hold" {
            wait_to_be_killed();
        }
        writer.close();
    } else {
        let mut newest = None;
        let mut seen = Version::NONE;
        loop {
            match part.wait_newer_deadline(seen, late()) {
                Ok((job, version)) => {
                    assert_eq!(job.number, job.copy);
                    assert!(newest.is_none_or(|before| before < job.number));
                    (newest, seen) = (Some(job.number), version);
                }
                Err(CoreError::EndOfFile) => break,
                Err(error) => return Err(error.into()),
            }
        }
        assert_eq!(newest, Some(ITEMS - 1));
        part.writer()?;
    }
    Ok(())
}

fn mutex(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<Mutex<Job>>("mutex")?;
    match role {
        "work" => {
            for _ in 0..ROUNDS {
                part.lock_deadline(late())?.number += 1;
            }
            let guard = part.lock_deadline(late())?;
            region.part::<Counts>("counts")?[0].store(guard.number, Ordering::Relaxed);
        }
        "hold" => {
            part.lock_deadline(late())?.number = 1;
            let _guard = part.lock_deadline(late())?;
            wait_to_be_killed();
        }
        _ => {
            let mut guard = of_the_dead(part.lock_deadline(late()));
            assert_eq!(*guard, Job { number: 1, copy: 0 });
            guard.make_consistent();
            drop(guard);
            drop(part.lock_deadline(late())?);
        }
    }
    Ok(())
}

/// Adds one in two steps, as whoever has a lock alone may.
fn add(counts: &Counts) {
    let before = counts[0].load(Ordering::Relaxed);
    counts[0].store(before + 1, Ordering::Relaxed);
}

fn rwlock(role: &str, region: &Region) -> Result<()> {
    let (part, counts) =
        (region.part::<RwLock<Job, 4>>("rwlock")?, region.part::<Counts>("counts")?);
    match role {
        "work" => {
            for _ in 0..ROUNDS {
                let mut guard = part.write_deadline(late())?;
                guard.number += 1;
                guard.copy += 1;
                drop(guard);
                let guard = part.read_deadline(late())?;
                assert_eq!(guard.number, guard.copy);
            }
            let guard = part.write_deadline(late())?;
            counts[0].store(guard.number, Ordering::Relaxed);
        }
        "hold" => {
            let mut guard = part.write_deadline(late())?;
            guard.number = 1;
            wait_to_be_killed();
        }
        _ => {
            let mut guard = of_the_dead(part.write_deadline(late()));
            assert_eq!(*guard, Job { number: 1, copy: 0 });
            guard.make_consistent();
            drop(guard);
            drop(part.read_deadline(late())?);
        }
    }
    Ok(())
}

fn reentrant(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<ReentrantMutex<u64>>("reentrant")?;
    let counts = region.part::<Counts>("counts")?;
    match role {
        "work" => {
            for _ in 0..ROUNDS {
                let _once = part.lock_deadline(late())?;
                let _twice = part.lock_deadline(late())?;
                add(&counts);
            }
        }
        "hold" => {
            let _once = part.lock_deadline(late())?;
            let _twice = part.lock_deadline(late())?;
            wait_to_be_killed();
        }
        _ => {
            let mut guard = of_the_dead(part.lock_deadline(late()));
            // A holder in C writes both.
            assert_eq!(*guard, counts[1].load(Ordering::Relaxed));
            guard.make_consistent();
            drop(guard);
            drop(part.lock_deadline(late())?);
        }
    }
    Ok(())
}

fn semaphore(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<Semaphore<1>>("semaphore")?;
    let counts = region.part::<Counts>("counts")?;
    assert_eq!(role, "work");
    for _ in 0..ROUNDS {
        part.acquire_deadline(late())?;
        add(&counts);
        part.release(1)?;
    }
    Ok(())
}

fn bounded(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<BoundedSemaphore<2>>("bounded")?;
    let counts = region.part::<Counts>("counts")?;
    if role == "work" {
        for _ in 0..ROUNDS {
            let _permit = part.acquire_deadline(late())?;
            counts[0].fetch_add(1, Ordering::Relaxed);
        }
        return Ok(());
    }
    let _one = part.acquire_deadline(late())?;
    let _two = part.acquire_deadline(late())?;
    if role == "hold" {
        wait_to_be_killed();
    }
    Ok(())
}

fn event(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<Event>("event")?;
    match role {
        "send" => part.set(),
        _ => part.wait_deadline(late())?,
    }
    Ok(())
}

fn barrier(role: &str, region: &Region) -> Result<()> {
    let part = region.part::<Barrier<2>>("barrier")?;
    let counts = region.part::<Counts>("counts")?;
    match role {
        "work" => {
            for _ in 0..ROUNDS {
                assert!(part.wait_deadline(late())? < 2);
                counts[0].fetch_add(1, Ordering::Relaxed);
            }
        }
        "hold" => {
            say();
            part.wait_deadline(late())?;
        }
        _ => {
            // The dead one had arrived, which counts until somebody sees that it is dead.
            region.reap();
            assert_eq!(part.wait_deadline(late()), Err(CoreError::Broken));
        }
    }
    Ok(())
}
