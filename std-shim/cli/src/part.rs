//! Processes of this program that work for another one and report to it over a connection.

use crate::failure::{Failure, Result};
use ringway::CoreError;
use ringway::connection::{self, Connection};
use ringway::process::{self, Child, Entry, EntryArgs, Exit, Options, Pid};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// A process that works for this one. Dropping it ends the process.
#[derive(Debug)]
pub struct Part {
    /// What errors call it.
    label: &'static str,
    child: Child,
    says: Connection,
}

impl Part {
    /// Starts a process with a task and the descriptors for it.
    pub fn start(
        options: Options,
        entry: &Entry,
        label: &'static str,
        task: &impl Serialize,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Self> {
        let (says, theirs) = connection::pair()?;
        let task = serde_json::to_vec(task).map_err(|error| Failure::new(error.to_string()))?;
        let all = [OwnedFd::from(theirs)].into_iter().chain(descriptors).collect();
        let child = options.spawn(entry, &task, all)?;
        Ok(Part { label, child, says })
    }

    pub fn pid(&self) -> Pid {
        self.child.pid()
    }

    /// The next report, waited for until `deadline` at most.
    pub fn hear_until<T: DeserializeOwned>(&self, deadline: Option<Instant>) -> Result<Heard<T>> {
        let mut message = Vec::new();
        match self.says.recv_deadline(&mut message, deadline) {
            Ok(_) => {}
            Err(error) if error.is(CoreError::TimedOut) => return Ok(Heard::Nothing),
            Err(_) => return Ok(Heard::Ended(self.child.join()?)),
        }
        let said: std::result::Result<T, String> = serde_json::from_slice(&message)
            .map_err(|error| self.failure(&format!("said what nobody understands: {error}")))?;
        said.map(Heard::Said).map_err(|reason| self.failure(&reason))
    }

    /// The next report.
    pub fn hear<T: DeserializeOwned>(&self) -> Result<T> {
        match self.hear_until(None)? {
            Heard::Said(said) => Ok(said),
            Heard::Nothing => Err(self.failure("nothing was said")),
            Heard::Ended(exit) => {
                Err(Failure::new(format!("{} gave no report: {exit}", self.label)))
            }
        }
    }

    /// The connection over which the process reports: readable when it said something or ended.
    pub fn says(&self) -> &Connection {
        &self.says
    }

    /// The process itself.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Waits for the end of the process, which must be a success.
    pub fn finish(self) -> Result<()> {
        match self.child.join()? {
            exit if exit.success() => Ok(()),
            exit => Err(self.failure(&format!("it {exit}"))),
        }
    }

    /// Returns `result`, or the process's own reason if that is why `result` is a failure.
    pub fn blame<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|here| {
            // A process that failed is about to end. A process that did not fail is killed, so that
            // it cannot keep us waiting.
            if self.child.join_deadline(Some(Instant::now() + Duration::from_millis(50))).is_err() {
                let _ = self.child.kill();
            }
            match self.hear::<IgnoredAny>() {
                Ok(_) => here,
                Err(there) => Failure::new(format!("{there} (on this side: {here})")),
            }
        })
    }

    fn failure(&self, what: &str) -> Failure {
        let label = self.label;
        Failure::new(if label.is_empty() { what.to_string() } else { format!("{label}: {what}") })
    }
}

/// What was heard of the process.
#[derive(Debug)]
pub enum Heard<T> {
    Said(T),
    Nothing,
    /// The process ended, after it had reported everything.
    Ended(Exit),
}

/// The connection over which the process reports.
#[derive(Debug)]
pub struct Report(Connection);

impl Report {
    /// Sends a report. If the receiver is gone, nobody is left to tell.
    pub fn say(&self, what: &impl Serialize) {
        self.send(Ok(what));
    }

    fn send<T: Serialize>(&self, what: std::result::Result<T, String>) {
        let _ = serde_json::to_vec(&what).map(|message| self.0.send(&message));
    }
}

/// Does the work that this process was started for, and reports a failure.
pub fn run<T: DeserializeOwned>(
    given: EntryArgs,
    work: impl FnOnce(&Report, T, Vec<OwnedFd>) -> Result<()>,
) -> process::EntryResult {
    let mut descriptors = given.descriptors.into_iter();
    let report = descriptors.next().ok_or("the connection is missing")?;
    let report = Report(Connection::try_from(report)?);
    let task = serde_json::from_slice(&given.argument)?;
    if let Err(failure) = work(&report, task, descriptors.collect()) {
        report.send::<()>(Err(failure.to_string()));
        std::process::exit(1);
    }
    Ok(())
}
