//! How much processor time many sleeping processes in one region take, and how soon one of them
//! gets the job of a worker that was killed.
//!
//! ```text
//! cargo run --release -p ringway --example crowd              # 24 processes, for a second
//! cargo run --release -p ringway --example crowd -- 400 10    # 400, for ten
//! ```

use ringway::fd;
use ringway::process::{self, Child, Entry, EntryArgs, EntryResult};
use ringway::shm::{Layout, Queue, Region};
use std::time::{Duration, Instant};

type Numbers = Queue<u64, 64>;
const SLEEPER: Entry = Entry::new("sleeper", sleeper);

/// Claims jobs and reports each claim. The first that claims a job keeps it until it is killed.
fn sleeper(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let (jobs, claimed) = (region.part::<Numbers>("jobs")?, region.part::<Numbers>("claimed")?);
    loop {
        let job = jobs.claim()?;
        claimed.push(std::process::id().into())?;
        while job.attempts() == 1 {
            std::thread::park(); // until it is killed
        }
        job.complete();
    }
}

/// The processor time that the processes have used together, in seconds.
fn spent(processes: &[Child]) -> Result<f64, Box<dyn std::error::Error>> {
    let mut nanoseconds = 0;
    for process in processes {
        // The first number is the time that the process ran.
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", process.pid()))?;
        nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e9)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[SLEEPER]);
    let mut arguments = std::env::args().skip(1);
    let count: u16 = arguments.next().map_or(Ok(24), |count| count.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(1), |seconds| seconds.parse())?;
    let layout = Layout::new(count + 1).part::<Numbers>("jobs")?.part::<Numbers>("claimed")?;
    let region = Region::anonymous(&layout)?;
    let began = Instant::now();
    let start = || process::spawn(&SLEEPER, b"", vec![fd::duplicate(&region)?]);
    let sleepers = (0..count).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    while region.participants().len() <= usize::from(count) {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{count} processes started and attached: {:?}", began.elapsed());

    std::thread::sleep(Duration::from_secs(seconds.min(3))); // until all are in a long sleep
    let before = spent(&sleepers)?;
    std::thread::sleep(Duration::from_secs(seconds));
    let share = (spent(&sleepers)? - before) / seconds as f64;
    println!("asleep, they take {:.2} % of a processor", 100.0 * share);

    let (jobs, claimed) = (region.part::<Numbers>("jobs")?, region.part::<Numbers>("claimed")?);
    jobs.push(0)?;
    let end = Some(Instant::now() + Duration::from_secs(30));
    let victim = claimed.pop_deadline(end)?;
    let is_victim = |child: &&Child| child.pid().as_raw_pid() as u64 == victim;
    let killed = sleepers.iter().find(is_victim).ok_or("whose is it?")?;
    let began = Instant::now();
    killed.kill()?;
    let heir = claimed.pop_deadline(end)?;
    println!("process {victim} was killed at its job; {heir} had it after {:?}", began.elapsed());
    assert_ne!(victim, heir);
    Ok(())
}
