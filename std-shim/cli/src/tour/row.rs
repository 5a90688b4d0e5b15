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

/// A row of the tour: this side sends the input, and a process or a thread receives it.
#[derive(Debug, Serialize)]
pub struct Mechanism {
    /// The name for `--only`.
    pub name: &'static str,
    /// The title, in the field's words.
    pub title: &'static str,
    /// Who sends to whom.
    pub between: &'static str,
    /// The text for a success, for a row that counts nothing.
    #[serde(skip)]
    pub how: &'static str,
    /// The most bytes of the input to send, where the whole would take too long.
    #[serde(skip)]
    pub limit: Option<u64>,
    #[serde(skip)]
    pub sides: Sides,
}

/// The two sides of a row.
#[derive(Debug)]
pub enum Sides {
    /// The input goes over a way to another process, and the outcome comes back.
    Processes(&'static dyn Way),
    /// The input goes over a way to another thread, and the outcome comes back.
    Threads(&'static dyn Way),
    /// The row has its own functions.
    Own {
        /// Sends the input; returns the far end's outcome. Runs in its own process.
        run: fn(&Row<'_>) -> Result<Outcome>,
        /// The far end, where it is a process.
        far: fn(&Report, Offer) -> Result<()>,
    },
}

/// The outcome of a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    pub what: String,
    /// What arrived, as the far end saw it.
    #[serde(flatten)]
    pub receipt: Receipt,
}

/// A report of a tour's process to the process that started it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// What it is about to do, so that a hang has a name.
    Doing(String),
    /// The others may begin.
    Ready,
    /// The amount that it sent or did; it receives nothing.
    Sent(u64),
    Done(Outcome),
}

/// The task of a row's process.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowTask {
    pub name: String,
    /// The row's own working directory: removed with everything in it.
    pub directory: PathBuf,
    pub input: PathBuf,
    pub limit: Option<u64>,
    pub firmware: Option<PathBuf>,
}

impl RowTask {
    /// The name of the region that the row may create.
    pub fn region(&self) -> String {
        let tour = self.directory.parent().and_then(Path::file_name).unwrap_or_default();
        tour.to_string_lossy().into_owned()
    }
}

/// What a row's own side works with.
pub struct Row<'a> {
    pub mechanism: &'static Mechanism,
    pub task: RowTask,
    pub report: &'a Report,
    pub entry: &'a Entry,
}

/// The task of a far end.
#[derive(Debug, Serialize, Deserialize)]
pub struct FarTask {
    pub row: String,
    /// The name of what it opens, or of its role.
    pub name: String,
}

impl Row<'_> {
    /// Opens the input, up to the row's limit.
    pub fn input(&self) -> Result<Take<File>> {
        open(&self.task.input, self.task.limit)
    }

    /// Reports what is about to happen, so that a hang has a name.
    pub fn doing(&self, what: &str) {
        self.report.say(&Says::Doing(what.to_string()));
    }

    /// Starts the far end as a process. Errors call it `label`.
    pub fn start(&self, label: &'static str, name: &str, fds: Vec<OwnedFd>) -> Result<Part> {
        let task = FarTask { row: self.task.name.clone(), name: name.to_string() };
        Part::start(Options::new(), self.entry, label, &task, fds)
    }
}

impl Row<'_> {
    /// Starts the far end as a process, and hands it a region. Errors call it `label`.
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

    /// Waits until it has sent everything; returns the amount.
    pub fn sent(&self) -> Result<u64> {
        self.expect(|says| if let Says::Sent(bytes) = says { Some(bytes) } else { None })
    }

    fn expect<T>(&self, wanted: impl FnOnce(Says) -> Option<T>) -> Result<T> {
        let says: Says = self.hear()?;
        let error = format!("a process said {says:?}, which was not its turn");
        wanted(says).ok_or_else(|| Failure::new(error))
    }
}

impl Report {
    /// Reports that the others may begin.
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

/// Opens a file, limited to its first `limit` bytes.
pub fn open(path: &Path, limit: Option<u64>) -> Result<Take<File>> {
    let file = File::open(path).doing(format_args!("open the input {}", path.display()))?;
    Ok(file.take(limit.unwrap_or(u64::MAX)))
}

/// Sends everything from `input` in pieces; returns the number of bytes.
pub fn pour(
    mut input: impl Read,
    piece: usize,
    mut send: impl FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let mut buffer = vec![0; piece];
    let mut sent = 0;
    loop {
        let piece = next(&mut input, &mut buffer)?;
        if piece.is_empty() {
            return Ok(sent);
        }
        send(piece)?;
        sent += piece.len() as u64;
    }
}

/// Reads the next piece of the input into `buffer`; it is empty at the end.
pub fn next<'a>(input: &mut impl Read, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    loop {
        match input.read(buffer) {
            Ok(n) => return Ok(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).doing("read the input"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pour_sends_everything_up_to_the_limit() {
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
