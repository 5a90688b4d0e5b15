//! A pool of processes: each job is answered once, also when a worker is killed at it.
//!
//! ```text
//! cargo run -p ringway --example pool
//! ```

use ringway::connection::{self, Connection};
use ringway::fd;
use ringway::process::{self, Child, Entry, EntryArgs, EntryResult};
use ringway::signal::{self, Signal};
use std::os::fd::AsFd;

const WORKER: Entry = Entry::new("worker", worker);

/// Answers each number with the count of primes below it. The first attempt at 7000 kills it.
fn worker(mut args: EntryArgs) -> EntryResult {
    let pool = Connection::try_from(args.descriptors.pop().ok_or("no connection to the pool")?)?;
    let mut job = [0; 16];
    while pool.recv(&mut job).is_ok() {
        let [number, attempt] =
            [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|i| job[at + i])));
        if (number, attempt) == (7_000, 1) {
            signal::send(process::id(), Signal::KILL)?; // an accident
        }
        let is_prime = |n: &u64| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0);
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

fn main() -> ringway::Result<()> {
    process::main(&[WORKER]);
    let jobs: Vec<u64> = (1..=20).map(|thousands| thousands * 1_000).collect();
    let (mut answers, mut attempts) = (vec![None; jobs.len()], vec![0; jobs.len()]);
    let mut waiting: Vec<usize> = (0..jobs.len()).rev().collect();
    let mut workers = (0..4).map(|_| Worker::start()).collect::<ringway::Result<Vec<_>>>()?;
    while answers.contains(&None) {
        for worker in workers.iter_mut().filter(|worker| worker.job.is_none()) {
            let Some(job) = waiting.pop() else { break };
            (worker.job, attempts[job]) = (Some(job), attempts[job] + 1);
            // If the worker has ended, this is an error, which is seen below.
            let _ =
                worker.connection.send(&[jobs[job], attempts[job]].map(u64::to_le_bytes).concat());
        }
        let all: Vec<&dyn AsFd> = workers.iter().map(|worker| &worker.connection as _).collect();
        for ready in fd::wait_any(&all, None)? {
            let worker = &mut workers[ready];
            let mut answer = [0; 8];
            match (worker.connection.recv(&mut answer), worker.job.take()) {
                (Ok(_), job) => answers[job.expect("asked")] = Some(u64::from_le_bytes(answer)),
                (Err(error), job) => {
                    println!("worker {} {}: {error}", worker.process.pid(), worker.process.join()?);
                    waiting.extend(job); // another worker does it
                    *worker = Worker::start()?;
                }
            }
        }
    }
    for (job, answer) in jobs.iter().zip(answers.iter().flatten()) {
        println!("{answer} primes below {job}");
    }
    assert_eq!((answers[0], attempts[6]), (Some(168), 2));
    Ok(())
}
