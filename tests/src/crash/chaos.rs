//! Eight processes on one queue in a region are killed and suspended at random, and started anew.
//! Nobody tells the region of a death; the survivors find it.
//!
//! Four processes push numbered messages. Four claim them, count them in a ledger in shared memory,
//! and complete them. Each message whose push returned must be counted exactly once. A message
//! whose producer died in the push may be counted at most once. One more count is allowed for each
//! consumer that died between the claim and its note after the completion: if it had not completed
//! the message, the queue delivers the message again, as a claim promises.

use super::place::Place;
use super::scenes::{Message, message, number};
use super::trace::Child;
use super::{Check, watch};
use ringway::CoreError;
use ringway::shm::{Layout, Part, Queue, Region, RobustFutex};
use ringway_core::ring::queue;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

const SLOTS: usize = 16;
const PRODUCERS: usize = 4;
const WORKERS: usize = 8;
/// How many messages of each producer the ledger can count. When they are used up, the run ends:
/// there are far more than a minute's worth.
const MESSAGES: usize = 64 << 20;
/// A number for each worker, for the supervisor, and for the process that recovers a dead one; and
/// as many again for processes that died a moment ago.
const PLACES: u16 = 2 * (WORKERS as u16 + 2);

/// The start of the region's name.
const PREFIX: &str = "ringway-crash";

/// How long nothing may be delivered before the test calls it a hang. It is far more than the
/// detection bound, to allow for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

type Jobs = Queue<Message, SLOTS>;

type Handle<'q, T> = queue::Handle<'q, T, RobustFutex>;

/// What the processes share besides the region.
struct Hall {
    stop: AtomicBool,
    /// For each producer, how many messages it has begun to push.
    begun: [AtomicU64; PRODUCERS],
    /// For each consumer, the message that it works on plus 1, or 0.
    hand: [AtomicU64; WORKERS],
    /// How many messages were counted in all.
    total: AtomicU64,
    /// For each message, how often it was counted, and [`RETURNED`].
    ledger: [[AtomicU8; MESSAGES]; PRODUCERS],
}

/// The push of the message returned.
const RETURNED: u8 = 0x80;

/// The result of a run.
#[derive(Debug, Default)]
pub struct Report {
    lasted: Duration,
    messages: u64,
    in_doubt: u64,
    again: u64,
    killed: u64,
    suspended: u64,
    undertakers: u64,
    longest: Duration,
    /// What is wrong.
    pub failures: Vec<String>,
}

impl Report {
    /// The figures, on one line.
    pub fn in_short(&self) -> String {
        let Report { messages, killed, suspended, undertakers, failures, .. } = self;
        let failures = failures.len();
        format!(
            "{WORKERS} processes on one queue: {} s, {killed} killed, {suspended} suspended, {undertakers} killed as they \
             recovered another, {messages} messages, {failures} failures",
            self.lasted.as_secs()
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "chaos: {WORKERS} processes on one queue for {} s: {} killed, {} suspended, {} killed as they recovered another",
            self.lasted.as_secs(),
            self.killed,
            self.suspended,
            self.undertakers
        )?;
        writeln!(
            f,
            "chaos: {} messages, {} lost or twice; {} died in the push, {} came again after their consumer's death",
            self.messages,
            self.failures.len(),
            self.in_doubt,
            self.again
        )?;
        write!(
            f,
            "chaos: after each, the others delivered something within {} ms",
            self.longest.as_millis()
        )
    }
}

/// Numbers that are random enough, and the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Runs for this long.
pub fn run(lasting: Duration, seed: u64) -> Report {
    let _watch = watch::Watch::new("chaos", lasting + 4 * PATIENCE);
    let before = remains();
    let mut report = Report::default();
    let began = Instant::now();
    if let Err(failure) = in_hall(lasting, seed, &mut report) {
        report.failures.push(failure);
    }
    report.lasted = began.elapsed();
    let after = remains();
    if before != after {
        report.failures.push(format!("left behind: before {before:?}, after {after:?}"));
    }
    report
}

fn in_hall(lasting: Duration, seed: u64, report: &mut Report) -> Check {
    // SAFETY: every part of it may be zeroes: it is words.
    let hall = unsafe { Place::<Hall>::zeroed() };
    let hall = &*hall;
    let name = format!("{PREFIX}-{}", std::process::id());
    let layout = Layout::new(PLACES).part::<Jobs>("jobs").map_err(|error| error.to_string())?;
    let region = Region::create(&name, 0o600, &layout).map_err(|error| error.to_string())?;
    let mut random = Random(seed | 1);
    let mut workers: Vec<Child> = (0..WORKERS).map(|worker| start(hall, &name, worker)).collect();
    let mut excused = HashMap::<u64, u8>::new();
    let end = Instant::now() + lasting;
    let has_lines = |begun: &AtomicU64| begun.load(SeqCst) < MESSAGES as u64 / 8 * 7;
    while Instant::now() < end && hall.begun.iter().all(has_lines) {
        std::thread::sleep(Duration::from_micros(random.below(8000)));
        let worker = random.below(WORKERS as u64) as usize;
        if random.below(8) == 0 {
            report.suspended += 1;
            // The others go on without it.
            workers[worker].signal(libc::SIGSTOP);
            std::thread::sleep(Duration::from_millis(random.below(100)));
            report.longest = report.longest.max(next_delivery(hall)?);
            if random.below(2) == 0 {
                workers[worker].signal(libc::SIGCONT);
                continue;
            }
        }
        report.killed += 1;
        workers.remove(worker).kill();
        // Another consumer may have its message by now.
        let hand = hall.hand[worker].swap(0, SeqCst);
        if hand != 0 {
            *excused.entry(hand - 1).or_default() += 1;
        }
        if random.below(4) == 0 {
            report.undertakers += 1;
            dies_at_a_burial(&name, &mut random);
        }
        workers.insert(worker, start(hall, &name, worker));
        report.longest = report.longest.max(next_delivery(hall)?);
    }
    hall.stop.store(true, SeqCst);
    for (worker, mut child) in workers.into_iter().enumerate() {
        let until = Instant::now() + PATIENCE;
        loop {
            match child.ended() {
                Some(Ok(())) => break,
                Some(Err(status)) => {
                    return Err(format!("worker {worker} ended with status {status}"));
                }
                None if Instant::now() > until => return Err(format!("worker {worker} hangs")),
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
    region.reap();
    if region.participants().len() != 1 {
        return Err(format!("still there: {:?}", region.participants()));
    }
    let jobs = region.part::<Jobs>("jobs").map_err(|error| error.to_string())?;
    settle(hall, &jobs, &excused, report)
}

/// A process attaches, recovers the dead, and is killed at some moment of that.
fn dies_at_a_burial(name: &str, random: &mut Random) {
    let undertaker = Child::start(|| {
        let region = attach(name);
        loop {
            region.reap();
        }
    });
    // It takes about as long to be there as to be done.
    std::thread::sleep(Duration::from_micros(random.below(1500)));
    undertaker.kill();
}

/// Attaches. Waits for a free place while dead processes still occupy theirs.
fn attach(name: &str) -> Region {
    let until = Instant::now() + PATIENCE;
    loop {
        match Region::open(name) {
            Ok(region) => return region,
            Err(error) => {
                let waits = error.is(CoreError::Exhausted) || error.is(CoreError::TimedOut);
                assert!(waits && Instant::now() < until, "{error}");
            }
        }
    }
}

/// Waits until a message is delivered: some process goes on, whichever was killed or is suspended.
/// Returns how long that took.
fn next_delivery(hall: &Hall) -> Check<Duration> {
    let (began, before) = (Instant::now(), hall.total.load(SeqCst));
    while hall.total.load(SeqCst) == before {
        if began.elapsed() > PATIENCE {
            return Err("nothing is delivered any more".into());
        }
        std::thread::sleep(Duration::from_micros(20));
    }
    Ok(began.elapsed())
}

fn start(hall: &Hall, name: &str, worker: usize) -> Child {
    Child::start(|| {
        let region = attach(name);
        let act = if worker < PRODUCERS { produce } else { consume };
        // Some processes take the capacity from the type, some from the region.
        if worker.is_multiple_of(2) {
            act(hall, &region.part::<Jobs>("jobs").expect("it was laid out"), worker);
        } else {
            act(hall, &region.queue::<Message>("jobs").expect("it was laid out"), worker);
        }
    })
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(50))
}

fn produce(hall: &Hall, jobs: &Handle<'_, Message>, worker: usize) {
    while !hall.stop.load(SeqCst) {
        // Each number is used once: a predecessor that died here may have sent its message.
        let n = hall.begun[worker].fetch_add(1, SeqCst) as usize;
        let Some(line) = hall.ledger[worker].get(n) else {
            return;
        };
        let sent = message((worker * MESSAGES + n) as u64);
        while jobs.push_deadline(sent, soon()).is_err() {
            if hall.stop.load(SeqCst) {
                return;
            }
        }
        line.fetch_or(RETURNED, SeqCst);
    }
}

fn consume(hall: &Hall, jobs: &Handle<'_, Message>, worker: usize) {
    loop {
        // The order matters: what was pushed before the stop is seen after it.
        let stopped = hall.stop.load(SeqCst);
        match jobs.claim_deadline(soon()) {
            Ok(claim) => {
                let n = number(*claim).expect("a whole message");
                hall.hand[worker].store(n + 1, SeqCst);
                hall.ledger[n as usize / MESSAGES][n as usize % MESSAGES].fetch_add(1, SeqCst);
                hall.total.fetch_add(1, SeqCst);
                if n.is_multiple_of(1024) {
                    // Some consumers take longer, so that some die with a message claimed.
                    std::thread::sleep(Duration::from_micros(300));
                }
                claim.complete();
                hall.hand[worker].store(0, SeqCst);
            }
            Err(_) if stopped => return,
            Err(_) => {}
        }
    }
}

/// After all processes have gone: what does the ledger say, and in what state is the queue?
fn settle(
    hall: &Hall,
    jobs: &Part<Jobs>,
    excused: &HashMap<u64, u8>,
    report: &mut Report,
) -> Check {
    while let Some(left) = jobs.try_pop() {
        // Pushed just before the stop.
        let n = number(left)? as usize;
        hall.ledger[n / MESSAGES][n % MESSAGES].fetch_add(1, SeqCst);
    }
    for (producer, begun) in hall.begun.iter().enumerate() {
        let begun = (begun.load(SeqCst) as usize).min(MESSAGES);
        for (n, line) in hall.ledger[producer][..begun].iter().enumerate() {
            let line = line.load(SeqCst);
            let (returned, count) = (line & RETURNED != 0, line & !RETURNED);
            let id = (producer * MESSAGES + n) as u64;
            let more = excused.get(&id).copied().unwrap_or(0);
            let least = u8::from(returned);
            report.messages += u64::from(count > 0);
            report.in_doubt += u64::from(!returned);
            report.again += u64::from(count.saturating_sub(1));
            if count < least || count > 1 + more {
                report.failures.push(format!(
                    "message {n} of producer {producer}: counted {count} times, its push {}, {more} died with it in hand",
                    if returned { "returned" } else { "did not return" }
                ));
            }
        }
    }
    if jobs.unfinished() != 0 {
        return Err(format!("{} messages are in nobody's hands", jobs.unfinished()));
    }
    let room = (0..).take_while(|n| jobs.try_push(message(*n)).is_ok()).count();
    if room != SLOTS {
        return Err(format!("{} slots are lost", SLOTS - room));
    }
    Ok(())
}

/// What must not have become more afterwards: descriptors, files in shared memory, children.
fn remains() -> (usize, Vec<std::ffi::OsString>, bool) {
    let list = |path: &str| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let mut files = list("/dev/shm");
    files.retain(|name| name.to_string_lossy().starts_with(PREFIX));
    // SAFETY: asks whether there is any child; no pointer is passed.
    let no_child = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } == -1;
    (list("/proc/self/fd").len(), files, no_child)
}
