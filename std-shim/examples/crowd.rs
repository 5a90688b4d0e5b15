//! What it costs that many processes sleep in one region, and how soon one of them has the job of a
//! worker that was killed.
//!
//! ```text
//! cargo run --release -p ringway --example crowd              # 24 processes, for a second
//! cargo run --release -p ringway --example crowd -- 400 10    # 400, for ten
//! ```

use ringway::process::{self, Child, Entry, EntryArgs, EntryResult};
use ringway::shm::{Layout, Queue, Region};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

type Jobs = Queue<u64, 64>;
type Done = Queue<u64, 64>;

const SLEEPER: Entry = Entry::new("sleeper", sleeper);

/// Takes jobs for ever. One that is asked for by number 0 is never done.
fn sleeper(mut given: EntryArgs) -> EntryResult {
    let region = Region::from_fd(given.descriptors.pop().ok_or("no region")?)?;
    let (jobs, done) = (region.part::<Jobs>("jobs")?, region.part::<Done>("done")?);
    loop {
        let claim = jobs.claim()?;
        let first = *claim == 0 && done.is_empty();
        done.push(std::process::id().into())?;
        if first {
            loop {
                std::thread::park(); // with the job in its hands
            }
        }
        claim.complete();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[SLEEPER]);
    let mut arguments = std::env::args().skip(1);
    let count: u16 = arguments.next().map_or(Ok(24), |count| count.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(1), |seconds| seconds.parse())?;
    let layout = Layout::new(count + 1).part::<Jobs>("jobs")?.part::<Done>("done")?;
    let region = Region::anonymous(&layout)?;

    let began = Instant::now();
    let all = (0..count).map(|_| Region::from_fd(&region)).collect::<Result<Vec<_>, _>>()?;
    println!("{count} attachments, one after the other: {:?}", began.elapsed());
    drop(all);

    let began = Instant::now();
    let start = || {
        process::spawn(&SLEEPER, b"", vec![region.as_fd().try_clone_to_owned()?])
            .map_err(Into::into)
    };
    let sleepers: Vec<Child> =
        (0..count).map(|_| start()).collect::<Result<_, Box<dyn std::error::Error>>>()?;
    while region.participants().len() <= usize::from(count) {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{count} processes started and attached: {:?}", began.elapsed());

    // Until all of them know that they will sleep for long.
    std::thread::sleep(Duration::from_secs(seconds.min(3)));
    let before = spent(&sleepers)?;
    std::thread::sleep(Duration::from_secs(seconds));
    let spent = spent(&sleepers)? - before;
    println!("asleep, they take {:.2} % of a processor", 100.0 * spent / seconds as f64);

    let (jobs, done) = (region.part::<Jobs>("jobs")?, region.part::<Done>("done")?);
    jobs.push(0)?;
    let end = Instant::now() + Duration::from_secs(30);
    let victim = done.pop_deadline(Some(end))?;
    let killed =
        sleepers.iter().find(|one| one.pid().as_raw_pid() as u64 == victim).ok_or("whose?")?;
    let began = Instant::now();
    killed.kill()?;
    let heir = done.pop_deadline(Some(end))?;
    println!(
        "process {victim} was killed at its job, and {heir} had it after {:?}",
        began.elapsed()
    );
    assert_ne!(victim, heir);
    Ok(())
}

/// The processor time of all of them, in seconds.
fn spent(processes: &[Child]) -> Result<f64, Box<dyn std::error::Error>> {
    let mut nanoseconds = 0;
    for process in processes {
        // The first number is the time that it ran.
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", process.pid()))?;
        nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e9)
}
