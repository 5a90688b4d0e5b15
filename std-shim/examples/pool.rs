//! A pool of processes from `spawn`, connections and `wait_any`: each job is done once, also when a worker is killed at it.
//!
//! ```text
//! cargo run -p ringway --example pool
//! ```

use ringway::connection::{self, Connection};
use ringway::process::{self, Child, Entry, EntryArgs, EntryResult};
use ringway::signal::{self, Signal};
use std::collections::VecDeque;
use std::os::fd::AsFd;

/// What a worker begins in.
pub const WORKER: Entry = Entry::new("worker", worker);

/// Answers job after job, until the pool hangs up. A job is a number, and which attempt at it this is; the answer is the
/// count of primes below the number.
fn worker(mut given: EntryArgs) -> EntryResult {
    let pool = Connection::try_from(given.descriptors.pop().ok_or("no connection to the pool")?)?;
    let mut job = [0; 16];
    while pool.recv(&mut job).is_ok() {
        let (number, attempt) = job.split_at(8);
        let number = u64::from_le_bytes(number.try_into()?);
        if number == 7_000 && attempt == 1u64.to_le_bytes() {
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
    /// Which of the jobs it is at, if at any.
    job: Option<usize>,
}

impl Worker {
    fn start() -> ringway::Result<Self> {
        let (connection, theirs) = connection::pair()?;
        let process = process::spawn(&WORKER, b"", vec![theirs.into()])?;
        Ok(Worker { connection, process, job: None })
    }
}

/// Has so many workers do all the jobs. The answers, and how many workers had to be replaced.
pub fn map(workers: usize, jobs: &[u64]) -> ringway::Result<(Vec<u64>, usize)> {
    let mut workers = (0..workers).map(|_| Worker::start()).collect::<Result<Vec<_>, _>>()?;
    let mut waiting: VecDeque<usize> = (0..jobs.len()).collect();
    let (mut answers, mut attempts) = (vec![None; jobs.len()], vec![0u64; jobs.len()]);
    let mut replaced = 0;
    while answers.contains(&None) {
        for worker in workers.iter_mut().filter(|worker| worker.job.is_none()) {
            let Some(job) = waiting.pop_front() else { break };
            attempts[job] += 1;
            worker.job = Some(job);
            // One that cannot be sent to has ended, which is seen below.
            let _ =
                worker.connection.send(&[jobs[job], attempts[job]].map(u64::to_le_bytes).concat());
        }
        let all: Vec<&dyn AsFd> = workers.iter().map(|worker| &worker.connection as _).collect();
        for place in ringway::fd::wait_any(&all, None)? {
            let worker = &mut workers[place];
            let mut answer = [0; 8];
            match worker.connection.recv(&mut answer) {
                Ok(_) => {
                    let job = worker.job.take().expect("it answers what it was asked");
                    answers[job] = Some(u64::from_le_bytes(answer));
                }
                Err(error) => {
                    println!("worker {} {}: {error}", worker.process.pid(), worker.process.join()?);
                    // Its job goes to another one, first of all; and another one takes its place.
                    if let Some(job) = worker.job.take() {
                        assert!(attempts[job] < 3, "three workers died of job {job}");
                        waiting.push_front(job);
                    }
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
    let jobs: Vec<u64> = (1..=20).map(|thousands| thousands * 1_000).collect();
    let (answers, replaced) = map(4, &jobs)?;
    for (job, answer) in jobs.iter().zip(answers) {
        println!("{answer} primes below {job}");
    }
    println!("{replaced} of the workers replaced");
    Ok(())
}
