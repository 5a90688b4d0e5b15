//! The shim's regions: attaching and opening, detaching, looking for the dead, surveys, observers
//! and watches, with futexes, locks of files and deadlines by the clock. The scribbler writes
//! through mappings of its own.

use super::Tally;
use super::driver::Driver;
use super::memory::{Image, Memory, Source, Twice};
use ringway::CoreError;
use ringway::shm::survey::{self, Survey};
use ringway::shm::{
    Barrier, BoundedSemaphore, Broadcast, ByteRing, Event, Latest, Layout, MessageRing, Mutex,
    Observer, Queue, RawQueue, ReentrantMutex, Region, Ring, RwLock, Semaphore,
};
use ringway_core::region;
use ringway_core::ring::latest::Version;
use std::mem::forget;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

type Jobs = Queue<u32, 4>;
type Numbers = Ring<u32, 4>;
type Log = ByteRing<32>;
type Events = MessageRing<64>;
type News = Broadcast<u32, 4>;
type Level = Latest<u32>;

const NAMES: [&str; 14] = [
    "jobs", "numbers", "log", "events", "news", "level", "total", "again", "table", "permits",
    "places", "go", "start", "count",
];

static LAYOUT: LazyLock<Layout> = LazyLock::new(|| laid_out().expect("the parts fit"));

fn laid_out() -> Result<Layout, region::Error> {
    let layout = Layout::new(6).part::<Jobs>("jobs")?.part::<Numbers>("numbers")?;
    let layout = layout.part::<Log>("log")?.part::<Events>("events")?.part::<News>("news")?;
    let layout = layout.part::<Level>("level")?.part::<Mutex<u32>>("total")?;
    let layout = layout.part::<ReentrantMutex<u32>>("again")?.part::<RwLock<u32, 3>>("table")?;
    let layout = layout.part::<Semaphore<2>>("permits")?;
    let layout = layout.part::<BoundedSemaphore<3>>("places")?.part::<Event>("go")?;
    layout.part::<Barrier<1>>("start")?.part::<AtomicU32>("count")
}

/// The most participants of this process at a time: fewer than there are places.
const MOST: usize = 4;

/// A sequence over a fresh region without a name.
pub(super) fn unnamed(bytes: &[u8], source: &Source) -> Tally {
    let region = Region::anonymous(&LAYOUT).expect("there is memory");
    sequence(bytes, source, region, None)
}

/// A sequence over a fresh region in `/dev/shm`.
pub(super) fn named(bytes: &[u8], source: &Source) -> Tally {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Relaxed: no partner. Only the numbers have to differ.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("ringway-scribble-{}-{number}", std::process::id());
    let region = Region::create(&name, 0o600, &LAYOUT).expect("there is memory");
    let tally = sequence(bytes, source, region, Some(&name));
    let path = Path::new("/dev/shm").join(name);
    assert!(!path.exists(), "the last participant removes the name");
    tally
}

fn sequence(bytes: &[u8], source: &Source, region: Region, name: Option<&str>) -> Tally {
    let twice = Twice::of(&region, region.size());
    let image = Image::of_file(&region, region.size());
    let memory = Memory::new(Source::Twice(twice.clone()), &image);
    let seed = bytes.iter().fold(0, |seed: u64, byte| seed.rotate_left(8) ^ u64::from(*byte));
    let race = source.is_raced().then(|| twice.race(seed));
    let d = Driver::new(bytes.to_vec(), 0, image, memory);
    let mut members = Members { name, all: vec![region] };
    while step(&d, &mut members).is_some() {}
    drop(race);
    d.tally()
}

/// The participants of this process.
struct Members<'n> {
    /// The region's name, if it has one.
    name: Option<&'n str>,
    all: Vec<Region>,
}

impl Members<'_> {
    fn attach(&self, d: &Driver) -> Option<ringway::Result<Region>> {
        Some(match (self.name, d.below(3)?) {
            (Some(name), 0) => Region::open(name),
            (Some(name), 1) => Region::open_or_create(name, 0o600, &LAYOUT),
            _ => Region::from_fd(&self.all[0]),
        })
    }

    fn survey(&self, d: &Driver) -> Option<ringway::Result<Survey>> {
        Some(match (self.name, d.below(2)?) {
            (Some(name), 0) => survey::named(name),
            _ => survey::of_fd(&self.all[0]),
        })
    }

    fn observe(&self, d: &Driver) -> Option<ringway::Result<Observer>> {
        Some(match (self.name, d.below(2)?) {
            (Some(name), 0) => Region::observe(name),
            _ => Observer::from_fd(&self.all[0]),
        })
    }
}

/// Whether it was done. What an error says can be shown. After some, the region is put right.
fn saw<R>(d: &Driver, result: ringway::Result<R>) -> Option<R> {
    let error = match result {
        Ok(done) => return Some(done),
        Err(error) => error,
    };
    assert!(!error.to_string().is_empty());
    if d.below(2) == Some(0) {
        d.put_front_right();
    }
    None
}

/// One operation; `None` when the bytes are used up.
fn step(d: &Driver, members: &mut Members<'_>) -> Option<()> {
    let which = d.next(30)?;
    let done = match which {
        0..=4 => attend(d, members, which)?,
        5 | 6 => look(d, members)?,
        7 | 8 => observe(d, members)?,
        _ => {
            let region = members.all[d.below(members.all.len())?].clone();
            use_a_part(d, &region, which - 9)?
        }
    };
    d.saw(done);
    Some(())
}

/// Comes, goes, or looks for the dead.
fn attend(d: &Driver, members: &mut Members<'_>, which: usize) -> Option<bool> {
    Some(match which {
        0 | 1 if members.all.len() < MOST => {
            let attached = saw(d, members.attach(d)?);
            let done = attached.is_some();
            members.all.extend(attached);
            done
        }
        2 if members.all.len() > 1 => {
            // The first one stays: the name would go with the last.
            let which = 1 + d.below(members.all.len() - 1)?;
            drop(members.all.swap_remove(which));
            true
        }
        _ => {
            let region = &members.all[d.below(members.all.len())?];
            let places = 6;
            assert!(region.participants().len() <= places && region.reap() <= places);
            let _ = (region.participant(), region.generation(), region.name());
            true
        }
    })
}

/// Surveys the region.
fn look(d: &Driver, members: &Members<'_>) -> Option<bool> {
    let Some(survey) = saw(d, members.survey(d)?) else { return Some(false) };
    assert_eq!(survey.size, members.all[0].size());
    assert!(survey.alive() <= members.all.len() && survey.participants.len() <= survey.places);
    let mut free = 0;
    for part in &survey.parts {
        assert!(part.offset as usize >= free, "{part:?} overlaps another part");
        free = part.offset as usize + part.description.size as usize;
        assert!(free <= survey.size && part.holders().count() <= 2);
    }
    Some(true)
}

/// Maps the region read-only, and looks at what can be looked at. The scribbler goes on.
fn observe(d: &Driver, members: &Members<'_>) -> Option<bool> {
    let Some(observer) = saw(d, members.observe(d)?) else { return Some(false) };
    d.turn();
    let level = saw(d, observer.latest::<u32>(name(d, "level")?));
    let news = saw(d, observer.broadcast::<u32>(name(d, "news")?));
    let mut reader = news.as_ref().map(|news| news.reader());
    let mut done = false;
    for _ in 0..d.below(4)? {
        d.turn();
        done |= level.as_ref().is_some_and(|level| level.load().is_some());
        done |= reader.as_mut().is_some_and(|reader| matches!(reader.try_recv(), Ok(Some(_))));
    }
    Some(done)
}

/// The name of a part: seldom that of another one.
fn name(d: &Driver, of: &'static str) -> Option<&'static str> {
    Some(if d.below(16)? == 0 { NAMES[d.below(NAMES.len())?] } else { of })
}

/// A deadline. Seldom so late that a sleeper takes part in the watch for the dead.
fn deadline(d: &Driver) -> Option<Option<Instant>> {
    let pause = match d.below(64)? {
        0 if d.below(256)? == 0 => Duration::from_millis(250),
        other @ ..16 => Duration::from_micros(other as u64),
        _ => Duration::ZERO,
    };
    Some(Some(Instant::now() + pause))
}

/// Uses a part as its own type, and between two steps the scribbler has a turn.
fn use_a_part(d: &Driver, region: &Region, which: usize) -> Option<bool> {
    let soon = deadline(d)?;
    macro_rules! part {
        ($P:ty, $name:literal) => {
            match saw(d, region.part::<$P>(name(d, $name)?)) {
                Some(part) => part,
                None => return Some(false),
            }
        };
    }
    /// Takes a half, if it can be had.
    macro_rules! half {
        ($half:expr) => {
            match saw(d, $half) {
                Some(half) => half,
                None => return Some(false),
            }
        };
    }
    Some(match which {
        0 | 1 => {
            let jobs = part!(Jobs, "jobs");
            let pushed = jobs.push_deadline(1, soon).is_ok();
            d.turn();
            match jobs.claim_deadline(soon) {
                Ok(claim) if d.below(3)? == 0 => forget(claim),
                Ok(claim) if d.below(2)? == 0 => claim.complete(),
                _ => {}
            }
            pushed | jobs.pop_deadline(soon).is_ok()
        }
        2 => {
            let jobs = match d.below(2)? {
                0 => saw(d, region.raw_part::<RawQueue>(name(d, "jobs")?))
                    .map(|it| it.try_push(&[1; 4]).is_ok() | it.try_pop(&mut [0; 4]).is_ok()),
                _ => saw(d, region.queue::<u32>(name(d, "jobs")?))
                    .map(|it| it.try_push(1).is_ok() | (it.drain().count() > 0)),
            };
            jobs?
        }
        3 | 4 => {
            let numbers = part!(Numbers, "numbers");
            if which == 3 {
                let mut tx = half!(numbers.producer());
                d.turn();
                (0..3).any(|value| tx.push_deadline(value, soon).is_ok())
            } else {
                let mut rx = half!(numbers.consumer());
                d.turn();
                rx.pop_deadline(soon).is_ok()
            }
        }
        5 | 6 => {
            let log = part!(Log, "log");
            if which == 5 {
                let mut tx = half!(log.producer());
                let _ = tx.write_deadline(&[7; 20], soon);
                d.turn();
                let written = tx.try_write(&[8; 80]);
                assert!(tx.room() <= 32 && written <= 32);
                written > 0
            } else {
                let mut rx = half!(log.consumer());
                d.turn();
                rx.read_deadline(&mut [0; 80], soon).is_ok_and(|read| read <= 32)
            }
        }
        7 | 8 => {
            let events = part!(Events, "events");
            if which == 7 {
                let mut tx = half!(events.sender());
                d.turn();
                tx.send_deadline(b"seven", soon).is_ok() | tx.try_send(b"").is_ok()
            } else {
                let mut rx = half!(events.receiver());
                d.turn();
                rx.recv_deadline(&mut [0; 64], soon).is_ok()
            }
        }
        9 => {
            let news = part!(News, "news");
            let mut reader = news.reader();
            half!(news.writer()).send(1);
            d.turn();
            reader.recv_deadline(soon).is_ok()
        }
        10 => {
            let level = part!(Level, "level");
            half!(level.writer()).store(1);
            d.turn();
            level.wait_newer_deadline(Version::NONE, soon).is_ok()
        }
        11 => {
            let total = part!(Mutex<u32>, "total");
            let Ok(mut guard) = total.lock_deadline(soon) else { return Some(false) };
            d.turn();
            *guard ^= 1;
            if d.below(4)? == 0 {
                forget(guard);
            }
            true
        }
        12 => {
            let again = part!(ReentrantMutex<u32>, "again");
            let Ok(first) = again.lock_deadline(soon) else { return Some(false) };
            d.turn();
            let second = again.try_lock().map(|guard| std::hint::black_box(*guard));
            std::hint::black_box(*first);
            second.is_ok()
        }
        13 => {
            let table = part!(RwLock<u32, 3>, "table");
            let read = table.read_deadline(soon).map(|guard| std::hint::black_box(*guard));
            d.turn();
            match table.write_deadline(soon) {
                Ok(guard) if d.below(4)? == 0 => forget(guard),
                Ok(mut guard) => *guard ^= 1,
                Err(_) => {}
            }
            read.is_ok()
        }
        14 => {
            let permits = part!(Semaphore<2>, "permits");
            let taken = permits.acquire_deadline(soon).is_ok();
            taken & permits.release(1).is_ok()
        }
        15 => {
            let places = part!(BoundedSemaphore<3>, "places");
            let Ok(permit) = places.acquire_deadline(soon) else { return Some(false) };
            d.turn();
            if d.below(4)? == 0 {
                forget(permit);
            }
            true
        }
        16 => {
            let go = part!(Event, "go");
            go.set();
            d.turn();
            let done = go.wait_deadline(soon);
            assert!(matches!(done, Ok(()) | Err(CoreError::TimedOut)));
            go.clear();
            done.is_ok()
        }
        17 => {
            let start = part!(Barrier<1>, "start");
            let met = start.wait_deadline(soon).is_ok();
            start.reset();
            met
        }
        18 => part!(AtomicU32, "count").fetch_add(1, Ordering::Relaxed) > 0,
        _ => {
            // A thread of its own sleeps there until it is told of something, or shall end.
            if d.below(16)? > 0 {
                return Some(false);
            }
            let jobs = part!(Jobs, "jobs");
            let Some(ready) = saw(d, jobs.ready_fd()) else { return Some(false) };
            d.turn();
            ready.rearm();
            jobs.try_push(1).is_ok()
        }
    })
}
