//! The shim's regions: attaching, detaching, looking for the dead, surveys and observers, with
//! futexes and deadlines by the clock. The scribbler writes through a mapping of its own.

use super::memory::Foreign;
use super::{Tally, watch};
use ringway::CoreError;
use ringway::shm::{
    Barrier, BoundedSemaphore, Broadcast, ByteRing, Event, Latest, Layout, MessageRing, Mutex,
    Observer, Queue, RawQueue, Region, Ring, RwLock, Semaphore, survey,
};
use ringway_core::region;
use std::time::{Duration, Instant};

/// The name of these sequences.
pub(super) const NAME: &str = "region of the shim, ordinary";

type Jobs = Queue<u32, 4>;
type Numbers = Ring<u32, 4>;
type Log = ByteRing<32>;
type Events = MessageRing<64>;
type News = Broadcast<u32, 4>;

fn layout() -> Result<Layout, region::Error> {
    Layout::new(8)
        .part::<Jobs>("jobs")?
        .part::<Numbers>("numbers")?
        .part::<Log>("log")?
        .part::<Events>("events")?
        .part::<News>("news")?
        .part::<Latest<u32>>("level")?
        .part::<Mutex<u32>>("total")?
        .part::<RwLock<u32, 3>>("table")?
        .part::<Semaphore<2>>("permits")?
        .part::<BoundedSemaphore<3>>("places")?
        .part::<Event>("go")?
        .part::<Barrier<1>>("start")
}

/// Runs the sequence that `draw` decides: `count` operations on a fresh region.
pub(super) fn sequence(draw: &mut dyn FnMut(usize) -> usize, count: u64, is_raced: bool) -> Tally {
    let first = Region::anonymous(&layout().unwrap()).unwrap();
    let foreign = Foreign::new(&first, first.size(), 12, 8);
    let race = is_raced.then(|| foreign.race(draw(1 << 16) as u64));
    let mut regions = vec![first.clone()];
    let mut tally = Tally::default();
    for _ in 0..count {
        watch::step();
        tally.steps += 1;
        for _ in 0..if is_raced { 0 } else { draw(4) } {
            foreign.scribble(&mut |count| Some(draw(count)));
        }
        if draw(16) == 0 {
            foreign.put_right();
        }
        let done = step(draw, &first, &mut regions);
        tally.done += u64::from(done);
    }
    drop(race);
    tally
}

/// Whether it was done. What an error says can be shown.
fn saw<R>(result: Result<R, ringway::Error>) -> Option<R> {
    result.map_err(|error| assert!(!error.to_string().is_empty())).ok()
}

fn step(draw: &mut dyn FnMut(usize) -> usize, first: &Region, regions: &mut Vec<Region>) -> bool {
    let region = regions[draw(regions.len())].clone();
    let soon = Instant::now() + Duration::from_micros(50 * draw(3) as u64);
    let soon = Some(soon);
    match draw(20) {
        0 if regions.len() < 4 => {
            let attached = saw(Region::from_fd(first));
            let done = attached.is_some();
            regions.extend(attached);
            return done;
        }
        1 if regions.len() > 1 => drop(regions.pop()),
        2 => {
            let found = region.participants().len();
            std::hint::black_box((region.reap(), found));
        }
        3 => {
            if let Some(survey) = saw(survey::of_fd(first)) {
                std::hint::black_box(survey.alive());
                return survey.parts.iter().all(|part| part.holders().count() <= 2);
            }
            return false;
        }
        4 => {
            let Some(observer) = saw(Observer::from_fd(first)) else { return false };
            let level = saw(observer.latest::<u32>("level")).map(|level| level.load());
            let news = saw(observer.broadcast::<u32>("news"));
            let read = news.map(|news| news.reader().try_recv().is_ok());
            return level.is_some() & read.is_some();
        }
        5 | 6 => {
            let Some(jobs) = saw(region.part::<Jobs>("jobs")) else { return false };
            let pushed = jobs.push_deadline(1, soon).is_ok();
            if let Ok(claim) = jobs.claim_deadline(soon) {
                if draw(2) == 0 {
                    claim.complete();
                }
            }
            return pushed | jobs.pop_deadline(soon).is_ok();
        }
        7 => {
            let Some(jobs) = saw(region.raw_part::<RawQueue>("jobs")) else { return false };
            return jobs.try_push(&[1; 4]).is_ok() | jobs.try_pop(&mut [0; 4]).is_ok();
        }
        8 => {
            let Some(numbers) = saw(region.part::<Numbers>("numbers")) else { return false };
            let pushed = saw(numbers.producer())
                .is_some_and(|mut tx| (0..3).any(|value| tx.push_deadline(value, soon).is_ok()));
            return pushed | saw(numbers.consumer()).is_some_and(|mut rx| rx.try_pop().is_some());
        }
        9 | 10 => {
            let Some(log) = saw(region.part::<Log>("log")) else { return false };
            let (tx, rx) = (saw(log.producer()), saw(log.consumer()));
            let written = tx.is_some_and(|mut tx| {
                let _ = tx.write_deadline(&[7; 20], soon);
                let room = tx.room();
                assert!(room <= 32 && tx.try_write(&[8; 80]) <= 32);
                true
            });
            let read = rx.is_some_and(|mut rx| rx.read_deadline(&mut [0; 80], soon).is_ok());
            return written | read;
        }
        11 => {
            let Some(events) = saw(region.part::<Events>("events")) else { return false };
            let sent = saw(events.sender()).is_some_and(|mut tx| {
                tx.send_deadline(b"seven", soon).is_ok() | tx.try_send(b"").is_ok()
            });
            let got = saw(events.receiver())
                .is_some_and(|mut rx| rx.recv_deadline(&mut [0; 64], soon).is_ok());
            return sent | got;
        }
        12 => {
            let Some(news) = saw(region.part::<News>("news")) else { return false };
            let mut reader = news.reader();
            saw(news.writer()).into_iter().for_each(|mut writer| writer.send(1));
            return reader.recv_deadline(soon).is_ok();
        }
        13 => {
            let Some(level) = saw(region.part::<Latest<u32>>("level")) else { return false };
            saw(level.writer()).into_iter().for_each(|mut writer| writer.store(1));
            return level.wait_newer_deadline(level.version(), soon).is_ok();
        }
        14 => {
            let Some(total) = saw(region.part::<Mutex<u32>>("total")) else { return false };
            return total.lock_deadline(soon).map(|mut guard| *guard ^= 1).is_ok();
        }
        15 => {
            let Some(table) = saw(region.part::<RwLock<u32, 3>>("table")) else { return false };
            let read = table.read_deadline(soon).map(|guard| std::hint::black_box(*guard)).is_ok();
            return read | table.write_deadline(soon).map(|mut guard| *guard ^= 1).is_ok();
        }
        16 => {
            let Some(permits) = saw(region.part::<Semaphore<2>>("permits")) else { return false };
            let taken = permits.acquire_deadline(soon).is_ok();
            return taken & permits.release(1).is_ok();
        }
        17 => {
            let places = saw(region.part::<BoundedSemaphore<3>>("places"));
            return places.is_some_and(|places| places.acquire_deadline(soon).is_ok());
        }
        18 => {
            let Some(go) = saw(region.part::<Event>("go")) else { return false };
            go.set();
            let done = go.wait_deadline(soon);
            assert!(matches!(done, Ok(()) | Err(CoreError::TimedOut)));
            go.clear();
        }
        _ => {
            let Some(start) = saw(region.part::<Barrier<1>>("start")) else { return false };
            let met = start.wait_deadline(soon).is_ok();
            start.reset();
            return met;
        }
    }
    true
}
