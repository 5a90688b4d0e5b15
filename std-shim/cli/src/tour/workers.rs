//! Workers at one queue in shared memory: fed, joined, and one of them killed while it holds a job.

use super::piece::{self, Piece};
use super::row::{Outcome, Row, Sides, pour};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::part::{Part as Process, Report};
use ringway::CoreError;
use ringway::shm::{Layout, Part, Queue, Region};
use ringway_ways::{Offer, soon};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

const JOBS: &str = "jobs";
const DONE: &str = "done";

const SLOTS: usize = 32;

const WORKERS: u64 = 3;

type Jobs = Queue<Piece, SLOTS>;

/// A queue that feeds several workers.
pub const FED: Sides = Sides::Own { run: fed, far: play_role };

fn fed(row: &Row<'_>) -> Result<Outcome> {
    let mut crew = Crew::start(row)?;
    crew.hire(row)?;
    let mut pieces = 0;
    pour(row.input()?, piece::ROOM, |bytes| {
        crew.feed(pieces, bytes)?;
        pieces += 1;
        Ok(())
    })?;
    let (mut outcome, shares) = crew.end(row, pieces)?;
    outcome.what = format!("{shares} jobs, all joined");
    Ok(outcome)
}

/// A queue that feeds several workers, one of which is killed.
pub const KILLED: Sides = Sides::Own { run: killed, far: play_role };

fn killed(row: &Row<'_>) -> Result<Outcome> {
    let mut crew = Crew::start(row)?;
    let mut victim = Some(crew.worker(row, "the worker that is killed", "victim")?);
    // Give the victim a job without bytes, before there are other jobs.
    crew.feed(0, &[])?;
    row.doing("waiting until the worker has a job in its hands");
    victim.as_ref().map(Process::ready).transpose()?;
    crew.hire(row)?;
    let mut pieces = 1;
    pour(row.input()?, piece::ROOM, |bytes| {
        crew.feed(pieces, bytes)?;
        pieces += 1;
        if pieces == SLOTS as u64 {
            // Kill it in the middle, and join at once: the waiting side finds the death within the
            // detection bound, and its job goes to another worker.
            drop(victim.take());
            crew.join()?;
        }
        Ok(())
    })?;
    drop(victim);
    let (mut outcome, shares) = crew.end(row, pieces)?;
    outcome.what = format!("1 killed: {shares}, 0 lost");
    Ok(outcome)
}

/// The feeder's side: the queues, the collector and the workers.
struct Crew {
    jobs: Part<Jobs>,
    done: Part<Jobs>,
    collector: Process,
    workers: Vec<Process>,
    region: Region,
}

impl Crew {
    /// Makes the queues and starts the collector.
    fn start(row: &Row<'_>) -> Result<Self> {
        let layout = Layout::new(8).part::<Jobs>(JOBS)?.part::<Jobs>(DONE)?;
        let region = Region::anonymous(&layout)?;
        let (jobs, done) = (region.part(JOBS)?, region.part(DONE)?);
        row.doing("starting the collector");
        let collector = row.start_in(&region, "the collector", "collector")?;
        Ok(Crew { jobs, done, collector, workers: Vec::new(), region })
    }

    fn worker(&self, row: &Row<'_>, label: &'static str, role: &str) -> Result<Process> {
        row.start_in(&self.region, label, role)
    }

    /// Starts the workers that stay alive.
    fn hire(&mut self, row: &Row<'_>) -> Result<()> {
        row.doing("starting the workers");
        for _ in 0..WORKERS {
            self.workers.push(self.worker(row, "a worker", "worker")?);
        }
        self.workers.iter().try_for_each(Process::ready)?;
        row.doing("feeding the workers");
        Ok(())
    }

    fn feed(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        let fed = self.jobs.push_deadline(piece::new(number, bytes), soon());
        self.collector.blame(fed.map_err(Failure::from))
    }

    /// Waits until every job is complete.
    fn join(&mut self) -> Result<()> {
        let joined = self.jobs.join_deadline(soon());
        self.collector.blame(joined.map_err(Failure::from))
    }

    /// Waits for the others after everything was fed.
    ///
    /// Returns the collector's report, and the number of jobs of each worker.
    fn end(mut self, row: &Row<'_>, pieces: u64) -> Result<(Outcome, String)> {
        row.doing("joining the queue");
        self.join()?;
        self.jobs.close();
        row.doing("waiting for the workers' reports");
        let mut shares = Vec::new();
        for worker in std::mem::take(&mut self.workers) {
            shares.push(worker.sent()?);
            worker.finish()?;
        }
        self.done.close();
        row.doing("waiting for the collector's report");
        let outcome = self.collector.outcome()?;
        self.collector.finish()?;
        if outcome.what != pieces.to_string() || shares.iter().sum::<u64>() != pieces {
            let got = outcome.what;
            return Err(Failure::new(format!("{got} pieces came of {pieces}, by {shares:?}")));
        }
        let shares: Vec<_> = shares.iter().map(u64::to_string).collect();
        Ok((outcome, shares.join(" + ")))
    }
}

/// Plays the role that this process was started for.
fn play_role(far: &Report, mut given: Offer) -> Result<()> {
    let region = given.region()?;
    let (jobs, done) = (region.part::<Jobs>(JOBS)?, region.part::<Jobs>(DONE)?);
    match &*given.name {
        "worker" => work(far, &jobs, &done),
        "victim" => {
            let claim = jobs.claim_deadline(soon())?;
            piece::read(&claim)?;
            far.ready();
            loop {
                thread::sleep(Duration::from_secs(1));
            }
        }
        _ => collect(far, &done),
    }
}

fn work(far: &Report, jobs: &Part<Jobs>, done: &Part<Jobs>) -> Result<()> {
    far.ready();
    let mut share = 0;
    loop {
        match jobs.claim_deadline(None) {
            Ok(claim) => {
                done.push_deadline(*claim, None)?;
                claim.complete();
                share += 1;
            }
            Err(CoreError::EndOfFile) => break,
            Err(error) => return Err(error.into()),
        }
    }
    far.sent(share);
    Ok(())
}

/// Puts the pieces back in order.
fn collect(far: &Report, done: &Part<Jobs>) -> Result<()> {
    let mut intake = Intake::new();
    let mut early = BTreeMap::new();
    let mut next = 0;
    loop {
        let claim = match done.claim_deadline(None) {
            Ok(claim) => claim,
            Err(CoreError::EndOfFile) => break,
            Err(error) => return Err(error.into()),
        };
        let (number, bytes) = piece::read(&claim)?;
        if number < next || early.insert(number, bytes.to_vec()).is_some() {
            return Err(Failure::new(format!("piece {number} came twice")));
        }
        claim.complete();
        while let Some(bytes) = early.remove(&next) {
            intake.take(&bytes);
            next += 1;
        }
    }
    if !early.is_empty() {
        return Err(Failure::new(format!("piece {next} was lost")));
    }
    far.done(next.to_string(), intake);
    Ok(())
}
