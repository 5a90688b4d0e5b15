//! A pool of processes: each job is answered once, even if it kills a worker.
//!
//! ```text
//! cargo run -p ringway --example pool
//! ```

use ringway::connection::{self, Connection};
use ringway::fd;
use ringway::process::{self, Child, Entry, EntryArgs, EntryResult};
use ringway::signal::{self, Signal};
use std::os::fd::AsFd;

/// What a worker runs.
pub const WORKER: Entry = Entry::new("worker", worker);

/// Answers each number with the count of primes below it. The first attempt at 7000 kills it.
fn worker(mut args: EntryArgs) -> EntryResult {
    let pool = Connection::try_from(args.descriptors.pop().ok_or("no connection to the pool")?)?;
    let mut job = [0; 16];
    while pool.recv(&mut job).is_ok() {
        let [number, attempt] =
            [0, 8].map(|at| u64::from_le_bytes(job[at..at + 8].try_into().unwrap()));
        if (number, attempt) == (7_000, 1) {
            signal::send(process::id(), Signal::KILL)?; // an accident
        }
        let is_prime = |n: &u64| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        pool.send(&((2..number).filter(is_prime).count() as u64).to_le_bytes())?;
    }
    Ok(())
}

struct Worker {
    connection: Connection,
    process: Child,
    job: Option<usize>,
}

impl Worker {
    fn start() -> ringway::Result<Self> {
        let (connection, theirs) = connection::pair()?;
        let process = process::spawn(&WORKER, b"", vec![theirs.into()])?;
        Ok(Worker { connection, process, job: None })
    }
}

/// Has the workers answer all jobs. Returns the answers, and the number of workers replaced.
pub fn map(workers: usize, jobs: &[u64]) -> ringway::Result<(Vec<u64>, usize)> {
    let mut workers = (0..workers).map(|_| Worker::start()).collect::<Result<Vec<_>, _>>()?;
    let (mut answers, mut attempts) = (vec![None; jobs.len()], vec![0; jobs.len()]);
    let (mut waiting, mut replaced) = ((0..jobs.len()).collect::<Vec<_>>(), 0);
    while answers.contains(&None) {
        for worker in workers.iter_mut().filter(|worker| worker.job.is_none()) {
            let Some(job) = waiting.pop() else { break };
            (worker.job, attempts[job]) = (Some(job), attempts[job] + 1);
            let job = [jobs[job], attempts[job]].map(u64::to_le_bytes).concat();
            let _ = worker.connection.send(&job); // if the worker has ended, that is seen below
        }
        let all: Vec<&dyn AsFd> = workers.iter().map(|worker| &worker.connection as _).collect();
        for ready in fd::wait_any(&all, None)? {
            let (worker, mut answer) = (&mut workers[ready], [0; 8]);
            match (worker.connection.recv(&mut answer), worker.job.take()) {
                (Ok(_), job) => answers[job.expect("asked")] = Some(u64::from_le_bytes(answer)),
                (Err(error), job) => {
                    println!("worker {} {}: {error}", worker.process.pid(), worker.process.join()?);
                    waiting.extend(job); // another worker does it
                    *worker = Worker::start()?;
                    replaced += 1;
                }
            }
        }
    }
    Ok((answers.into_iter().flatten().collect(), replaced))
}

fn main() -> ringway::Result<()> {
    process::main(&[WORKER]);
    let (answers, replaced) = map(4, &[1_000, 4_000, 7_000, 10_000])?;
    println!("primes below 1000, 4000, 7000, 10000: {answers:?}; {replaced} replaced");
    Ok(())
}
