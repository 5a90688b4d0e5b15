//! One row of the tour: a mechanism, its two sides, and what they report.

use crate::digest::{Intake, Receipt};
use crate::failure::{Doing, Failure, Result};
use crate::part::{Part, Report};
use ringway::process::{Entry, Options};
use ringway::shm::Region;
use ringway_ways::{Offer, Way};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Take};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// One row of the tour. This side sends the input; the far end, a process or a thread, takes it in.
#[derive(Debug, Serialize)]
pub struct Mechanism {
    /// The name for `--only`.
    pub name: &'static str,
    /// What it is, in the field's words.
    pub title: &'static str,
    /// Who sends to whom.
    pub between: &'static str,
    /// What there is to say of it when all went well, where nothing is counted.
    #[serde(skip)]
    pub how: &'static str,
    /// How much of the input is sent at most, where the whole would take too long.
    #[serde(skip)]
    pub limit: Option<u64>,
    #[serde(skip)]
    pub sides: Sides,
}

/// The two sides of a row.
#[derive(Debug)]
pub enum Sides {
    /// The input goes over a way between two processes, and back what the far end made of it.
    Processes(&'static dyn Way),
    /// The same between two threads.
    Threads(&'static dyn Way),
    /// What the row's own functions do.
    Own {
        /// Sends the input and returns what the far end made of it. Runs in a process of its own.
        run: fn(&Row<'_>) -> Result<Outcome>,
        /// The far end, where it is a process.
        far: fn(&Report, Offer) -> Result<()>,
    },
}

/// What a row came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    pub what: String,
    /// What arrived, by the far end's own account.
    #[serde(flatten)]
    pub receipt: Receipt,
}

/// What a process of the tour tells the one that started it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// What it is about to do, so that a hang has a name.
    Doing(String),
    /// The others may begin.
    Ready,
    /// It sent or did so much, and has nothing to receive.
    Sent(u64),
    Done(Outcome),
}

/// What a row's process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowTask {
    pub name: String,
    /// The working directory is the row's own: what it makes there is removed with it.
    pub directory: PathBuf,
    pub input: PathBuf,
    pub limit: Option<u64>,
    pub firmware: Option<PathBuf>,
}

impl RowTask {
    /// The name of the region that the row may make.
    pub fn region(&self) -> String {
        let tour = self.directory.parent().and_then(Path::file_name).unwrap_or_default();
        tour.to_string_lossy().into_owned()
    }
}

/// What a row has at hand on its own side.
pub struct Row<'a> {
    pub mechanism: &'static Mechanism,
    pub task: RowTask,
    pub report: &'a Report,
    pub entry: &'a Entry,
}

/// What a far end is to do.
#[derive(Debug, Serialize, Deserialize)]
pub struct FarTask {
    pub row: String,
    /// A name: of what it is to open, or of its role.
    pub name: String,
}

impl Row<'_> {
    /// The input, opened; ends at the row's limit.
    pub fn input(&self) -> Result<Take<File>> {
        open(&self.task.input, self.task.limit)
    }

    /// Says what is about to happen, so that a hang has a name.
    pub fn doing(&self, what: &str) {
        self.report.say(&Says::Doing(what.to_string()));
    }

    /// Starts the far end as a process of its own. `label` is what errors call it.
    pub fn start(&self, label: &'static str, name: &str, fds: Vec<OwnedFd>) -> Result<Part> {
        let task = FarTask { row: self.task.name.clone(), name: name.to_string() };
        Part::start(Options::new(), self.entry, label, &task, fds)
    }
}

impl Row<'_> {
    /// The same, with a region.
    pub fn start_in(&self, region: &Region, label: &'static str, name: &str) -> Result<Part> {
        let fd = region.as_fd().try_clone_to_owned().doing("hand the region over")?;
        self.start(label, name, vec![fd])
    }
}

impl Part {
    /// Waits until the others may begin.
    pub fn ready(&self) -> Result<()> {
        self.expect(|says| matches!(says, Says::Ready).then_some(()))
    }

    /// Waits for its report of what arrived.
    pub fn outcome(&self) -> Result<Outcome> {
        self.expect(|says| if let Says::Done(outcome) = says { Some(outcome) } else { None })
    }

    /// Waits until it has sent everything, and returns how much it was.
    pub fn sent(&self) -> Result<u64> {
        self.expect(|says| if let Says::Sent(bytes) = says { Some(bytes) } else { None })
    }

    fn expect<T>(&self, wanted: impl FnOnce(Says) -> Option<T>) -> Result<T> {
        let says: Says = self.hear()?;
        let told = format!("a process said {says:?}, which was not its turn");
        wanted(says).ok_or_else(|| Failure::new(told))
    }
}

impl Report {
    /// Says that the others may begin.
    pub fn ready(&self) {
        self.say(&Says::Ready);
    }

    /// Reports what arrived.
    pub fn done(&self, what: impl Into<String>, intake: Intake) {
        self.say(&Says::Done(Outcome { what: what.into(), receipt: intake.finish() }));
    }

    /// Reports that everything was sent.
    pub fn sent(&self, bytes: u64) {
        self.say(&Says::Sent(bytes));
    }
}

/// A file of which at most `limit` bytes are read.
pub fn open(path: &Path, limit: Option<u64>) -> Result<Take<File>> {
    let file = File::open(path).doing(format_args!("open the input {}", path.display()))?;
    Ok(file.take(limit.unwrap_or(u64::MAX)))
}

/// Sends everything that `input` has, a piece at a time, and returns how much it was.
pub fn pour(
    mut input: impl Read,
    piece: usize,
    mut send: impl FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let mut buffer = vec![0; piece];
    let mut sent = 0;
    loop {
        let n = match input.read(&mut buffer) {
            Ok(0) => return Ok(sent),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).doing("read the input"),
        };
        send(&buffer[..n])?;
        sent += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_poured_up_to_the_limit() {
        let mut seen = Vec::new();
        let input = (&b"0123456789"[..]).take(7);
        let sent = pour(input, 3, |piece| {
            seen.extend_from_slice(piece);
            Ok(())
        });
        assert_eq!(sent.unwrap(), 7);
        assert_eq!(seen, b"0123456");
    }
}
