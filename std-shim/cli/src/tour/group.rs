//! A row's processes: they end together, and `run_row` returns only when they have ended.

use super::row::{Outcome, RowTask, Says};
use crate::cleanup;
use crate::failure::{Doing, Failure, Result, one_line};
use crate::part::{Heard, Part};
use ringway::process::{Entry, Options};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

/// The file for what a row's processes write to their standard error, such as a panic's message.
const COMPLAINTS: &str = "stderr";

/// Runs one row in its own process.
///
/// Returns when that process and everything it started have ended: by themselves, or by force after
/// the deadline.
pub fn run_row(
    entry: &Entry,
    task: &RowTask,
    deadline: Duration,
    mut doing: impl FnMut(&str),
) -> Result<Outcome> {
    fs::create_dir(&task.directory).doing("make a directory for the row")?;
    let complaints = task.directory.join(COMPLAINTS);
    let stderr = File::create(&complaints).doing("make a file in the tour's directory")?;
    // From here on the row is on the list of what a signal ends.
    let row = cleanup::guard_process(|| {
        let row = Part::start(Options::new().stderr(stderr), entry, "", task, Vec::new())?;
        let pid = row.pid();
        Ok((row, pid))
    })?;
    let end = Instant::now() + deadline;
    let mut last = String::from("starting");
    let outcome = loop {
        match row.hear_until(Some(end)) {
            Ok(Heard::Said(Says::Doing(what))) => {
                doing(&what);
                last = what;
            }
            Ok(Heard::Said(Says::Done(outcome))) => break Ok(outcome),
            Ok(Heard::Said(other)) => {
                break Err(Failure::new(format!("its process said {other:?} out of turn")));
            }
            Ok(Heard::Nothing) => {
                break Err(Failure::new(format!(
                    "no end within {deadline:.3?}, so it was stopped while {last}; \
                     allow more with --deadline SECONDS"
                )));
            }
            Ok(Heard::Ended(exit)) => {
                let why = last_words(&complaints).unwrap_or_else(|| exit.to_string());
                break Err(Failure::new(format!("its process gave no report while {last}: {why}")));
            }
            Err(failure) => break Err(failure),
        }
    };
    // Failing to clean up is a failure even if the row went well.
    let ended = cleanup::end_commands().and_then(|()| cleanup::remove_region(&task.region()));
    let pid = row.pid();
    drop(row);
    cleanup::forget_process(pid);
    let _ = fs::remove_dir_all(&task.directory);
    ended.and(outcome)
}

/// The message of a panic, or the last line on the row's standard error.
fn last_words(complaints: &Path) -> Option<String> {
    let text = fs::read_to_string(complaints).ok()?;
    let panic = text.lines().skip_while(|line| !line.contains("panicked at")).nth(1);
    let line = panic.or_else(|| text.lines().rfind(|line| !line.trim().is_empty()))?;
    Some(one_line(line))
}
