//! A process in each of three languages on one region: Python, C and Rust.
//!
//! `peers languages C-WORKER PYTHON SCRIPT` makes the region, feeds jobs to three workers, and
//! kills each in turn, some at a random moment and some in the middle of a job. A worker is
//! `WORKER REGION HOLD`: this program as `peers worker`, `tests/worker.c`, or `tests/worker.py`.
//! With HOLD above 0 it stops in the middle of that job, says "held", and waits to be killed.
//!
//! A worker claims a job, locks the total, changes it in two steps, looks at the newest level and
//! writes a newer one if nobody else does, tells that the job is done, and completes it.

use crate::roles::{Job, late};
use ringway::lock::{LockError, Robust as _};
use ringway::shm::{Latest, Layout, Mutex, Queue, Region};
use ringway::{CoreError, Result};
use ringway_core::ring::latest::Version;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The job behind which a worker ends.
const END: u64 = u64::MAX;
/// How often each worker is killed at a random moment, and as often in the middle of a job.
const ROUNDS: u64 = 8;
/// What a repair adds to the total; a job adds 1.
const REPAIR: i64 = 1 << 32;
/// In what is told of a job: that its worker got `OwnerDied`, and who it is.
const TOLD: u64 = 1 << 32;
const LANGUAGE: u32 = 40;

struct Worker {
    child: Child,
    language: &'static str,
}

impl Worker {
    fn killed(mut self) {
        self.child.kill().expect("a child can be killed");
        let ended = self.child.wait().expect("a child can be waited for");
        assert_eq!(ended.code(), None, "{}: it ended by itself: {ended}", self.language);
    }
}

/// Starts a worker, and waits until it has begun, or holds what it is to hold.
fn start(
    commands: &[(&'static str, Vec<String>); 3],
    side: usize,
    name: &str,
    hold: u64,
) -> Worker {
    let (language, command) = &commands[side];
    let mut started = Command::new(&command[0]);
    started.args(&command[1..]).arg(name).arg(hold.to_string());
    let started = started.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.expect("the program starts");
    let said = child.stdout.take().expect("its output is a pipe");
    let wanted = if hold > 0 { "held" } else { "ready" };
    let found = BufReader::new(said).lines().any(|line| line.is_ok_and(|line| line == wanted));
    assert!(found, "{language}: it never said {wanted:?}");
    Worker { child, language }
}

/// What was told of the jobs.
#[derive(Default)]
struct Done {
    /// The largest number of attempts of each job.
    attempts: BTreeMap<u64, u64>,
    /// How often each language told of a job, and that it got `OwnerDied`.
    jobs: [u64; 3],
    told: [u64; 3],
}

fn collect(done: &Region, over: &AtomicBool) -> Done {
    let part = done.part::<Queue<Job, 64>>("done").expect("it has the part");
    let mut all = Done::default();
    loop {
        let was_over = over.load(Ordering::Acquire);
        match part.pop_deadline(Some(Instant::now() + Duration::from_millis(50))) {
            Ok(Job { number, copy }) => {
                let side = (copy >> LANGUAGE) as usize;
                all.jobs[side] += 1;
                all.told[side] += (copy / TOLD) & 1;
                let attempts = all.attempts.entry(number).or_default();
                *attempts = (*attempts).max(copy % TOLD);
            }
            Err(_) if was_over => return all,
            Err(error) => assert_eq!(error, CoreError::TimedOut),
        }
    }
}

pub fn drive(worker_in_c: &str, python: &str, script: &str) {
    let own = std::env::current_exe().expect("a program knows its path");
    let own = own.to_str().expect("the path is a text").to_owned();
    let commands = [
        ("Python", vec![python.to_owned(), script.to_owned()]),
        ("C", vec![worker_in_c.to_owned()]),
        ("Rust", vec![own, "worker".to_owned()]),
    ];
    let name = format!("ringway-c-languages-{}", std::process::id());
    let region = create(&name).expect("the region can be created");
    let (stop, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (fed, done, kills) = thread::scope(|scope| {
        let feeder = scope.spawn(|| {
            let jobs = region.part::<Queue<u64, 16>>("jobs").expect("it has the part");
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..8 {
                    jobs.push_deadline(number, late()).expect("workers make room");
                    number += 1;
                }
                // Three languages share the processors with other work.
                thread::sleep(Duration::from_millis(1));
            }
            for _ in 0..3 {
                jobs.push_deadline(END, late()).expect("workers make room");
            }
            number
        });
        let collector = scope.spawn(|| collect(&region, &over));
        let mut workers = [0, 1, 2].map(|side| Some(start(&commands, side, &name, 0)));
        let (mut kills, mut chance) = (0, 0x2545_f491_4f6c_dd1d_u64);
        for _ in 0..ROUNDS {
            for (side, worker) in workers.iter_mut().enumerate() {
                chance ^= chance << 13;
                chance ^= chance >> 7;
                chance ^= chance << 17;
                thread::sleep(Duration::from_micros(chance % 20_000));
                worker.take().expect("it runs").killed();
                start(&commands, side, &name, chance % 5 + 1).killed();
                kills += 2;
                *worker = Some(start(&commands, side, &name, 0));
            }
        }
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            let mut worker = worker.expect("it runs");
            let ended = worker.child.wait().expect("a child can be waited for");
            assert!(ended.success(), "{}: {ended}", worker.language);
        }
        // SYNC POINT with the load in `collect`, release: it looks once more after this.
        over.store(true, Ordering::Release);
        let fed = feeder.join().expect("it feeds");
        (fed, collector.join().expect("it collects"), kills)
    });
    assert_eq!(done.attempts.keys().copied().collect::<Vec<_>>(), (0..fed).collect::<Vec<_>>());
    let total = region.part::<Mutex<i64>>("total").expect("it has the part");
    let total = *total.lock_deadline(late()).expect("nobody died with it");
    let held = 3 * ROUNDS;
    let (repairs, sections) = ((total / REPAIR) as u64, (total % REPAIR) as u64);
    let again: u64 = done.attempts.values().map(|attempts| attempts - 1).sum();
    assert!(repairs >= held, "{held} died in the middle, and {repairs} were repaired");
    assert!(again >= held, "{held} died in the middle, and {again} jobs came again");
    assert!(
        sections >= fed && done.jobs.iter().all(|jobs| *jobs > 0),
        "{sections}, {:?}",
        done.jobs
    );
    let level = region.part::<Latest<Job>>("level").expect("it has the part");
    let (level, _) = level.load().expect("somebody stored one");
    assert_eq!(level.number, level.copy);
    println!(
        "evidence: c: Python, C and Rust on one region: {kills} kills, {fed} jobs done by all \
         three, {again} of them again after a kill, OwnerDied told to Python, C, Rust: {:?}, \
         level {} by the writers in turn: 0 lost, 0 failures",
        done.told, level.number
    );
}

fn create(name: &str) -> Result<Region> {
    let layout = Layout::new(8)
        .part::<Queue<u64, 16>>("jobs")?
        .part::<Queue<Job, 64>>("done")?
        .part::<Latest<Job>>("level")?
        .part::<Mutex<i64>>("total")?;
    Region::create(name, 0o600, &layout)
}

/// The worker in Rust.
pub fn work(name: &str, hold: u64) -> Result<()> {
    let region = Region::open(name)?;
    let jobs = region.part::<Queue<u64, 16>>("jobs")?;
    let done = region.part::<Queue<Job, 64>>("done")?;
    let level = region.part::<Latest<Job>>("level")?;
    let total = region.part::<Mutex<i64>>("total")?;
    say("ready");
    let (mut writer, mut newest) = (None, 0);
    for count in 1.. {
        let claim = jobs.claim_deadline(late())?;
        if *claim == END {
            claim.complete();
            return Ok(());
        }
        let (mut guard, told) = match total.lock_deadline(late()) {
            Err(LockError::OwnerDied(died)) => {
                let mut guard = died.0;
                if *guard < 0 {
                    *guard = !*guard + REPAIR;
                }
                guard.make_consistent();
                (guard, TOLD)
            }
            taken => (taken?, 0),
        };
        let before = *guard;
        assert!(before >= 0, "somebody died in the middle, and nobody told");
        *guard = !before;
        if count == hold {
            say("held");
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(9);
        }
        *guard = before + 1;
        if writer.is_none() && count % 16 == 1 {
            writer = level.writer().ok();
        }
        if let Some(writer) = &mut writer {
            // Under the lock, nobody else stores one meanwhile.
            newest = look(level.load(), newest) + 1;
            writer.store(Job::of(newest));
        }
        drop(guard);
        newest = look(level.load(), newest);
        let copy = u64::from(claim.attempts()) | told | 2 << LANGUAGE;
        done.push_deadline(Job { number: *claim, copy }, late())?;
        claim.complete();
    }
    Ok(())
}

/// The newest level, which is whole, and not older than the one before.
fn look(found: Option<(Job, Version)>, newest: u64) -> u64 {
    let Some((Job { number, copy }, _)) = found else { return newest };
    assert!(number == copy && number >= newest, "{number}, {copy} after {newest}");
    number
}

fn say(what: &str) {
    println!("{what}");
    std::io::stdout().flush().expect("somebody reads");
}
