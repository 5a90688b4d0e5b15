//! Processes of this program that work for another one, and tell it how that goes, over a
//! connection.

use crate::failure::{Failure, Result};
use ringway::CoreError;
use ringway::connection::{self, Connection};
use ringway::process::{self, Child, Entry, EntryArgs, Exit, Options, Pid};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Such a process, as the one has it that started it. Dropping it ends it.
#[derive(Debug)]
pub struct Part {
    /// What errors call it.
    label: &'static str,
    child: Child,
    says: Connection,
}

impl Part {
    /// Starts one: what it is to do, and what it gets for that.
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

    /// The next thing that it tells, at most until `deadline`.
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

    /// The next thing that it tells.
    pub fn hear<T: DeserializeOwned>(&self) -> Result<T> {
        match self.hear_until(None)? {
            Heard::Said(said) => Ok(said),
            Heard::Nothing => Err(self.failure("nothing was said")),
            Heard::Ended(exit) => {
                Err(Failure::new(format!("{} gave no report: {exit}", self.label)))
            }
        }
    }

    /// Waits for its end, which must be a good one.
    pub fn finish(self) -> Result<()> {
        match self.child.join()? {
            exit if exit.success() => Ok(()),
            exit => Err(self.failure(&format!("it {exit}"))),
        }
    }

    /// What was done here, unless it failed because the part gave up: then its reason, which came
    /// first.
    pub fn blame<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|here| {
            // A part that failed is about to end; one that did not is ended, so that it cannot keep
            // us waiting.
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

/// What was heard of such a process.
#[derive(Debug)]
pub enum Heard<T> {
    Said(T),
    Nothing,
    /// It ended, and had told all that it would.
    Ended(Exit),
}

/// What such a process has to report with.
#[derive(Debug)]
pub struct Report(Connection);

impl Report {
    /// Tells it. Should the one be gone that wants to know, there is nobody left to tell.
    pub fn say(&self, what: &impl Serialize) {
        self.send(Ok(what));
    }

    fn send<T: Serialize>(&self, what: std::result::Result<T, String>) {
        let _ = serde_json::to_vec(&what).map(|message| self.0.send(&message));
    }
}

/// Does what this process was started for, and reports that it failed if it did.
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
