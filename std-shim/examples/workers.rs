//! Workers that take jobs from one queue. One is killed at its job, and another does that job.
//!
//! ```text
//! cargo run -p ringway --example workers
//! ```

use ringway::fd;
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::shm::{Layout, Queue, Region, Value};
use ringway::signal::{self, Signal};

type Jobs = Queue<u64, 64>;

const WORKER: Entry = Entry::new("worker", worker);

/// Adds up the jobs until the queue is closed. Job 500 kills the first worker that tries it.
fn worker(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let (jobs, total) = (region.part::<Jobs>("jobs")?, region.part::<Value<u64>>("total")?);
    while let Ok(job) = jobs.claim() {
        if *job == 500 && job.attempts() == 1 {
            signal::send(process::id(), Signal::KILL)?;
        }
        *total.lock().unwrap() += *job;
        job.complete();
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[WORKER]); // in a worker this call runs `worker`
    let layout = Layout::new(8).part::<Jobs>("jobs")?.part::<Value<u64>>("total")?;
    let region = Region::anonymous(&layout)?;
    let start = || process::spawn(&WORKER, b"", vec![fd::duplicate(&region)?]);
    let workers = [start()?, start()?];
    let jobs = region.part::<Jobs>("jobs")?;
    (1..=1000).try_for_each(|job| jobs.push(job))?;
    jobs.join_deadline(None)?; // until every job is done, also the one whose worker was killed
    jobs.close(); // the workers end
    for worker in workers {
        println!("worker {} {}", worker.pid(), worker.join()?);
    }
    let total = *region.part::<Value<u64>>("total")?.lock().unwrap();
    println!("the sum of all jobs is {total}");
    assert_eq!(total, 500_500, "no job is lost, and none is done twice");
    Ok(())
}
