//! A row's processes, as one group: ended together, and gone when we say that they are gone.

use super::peer::this_program;
use super::row::{Outcome, Says, hear};
use super::shared::region_name;
use crate::cleanup;
use crate::failure::{Doing, Failure, Result, one_line};
use crate::task;
use ringway::channel;
use ringway::shm::survey;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpgid};
use std::fs::File;
use std::io::BufReader;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Where a row's processes write what nobody asked them for: a panic's message.
const COMPLAINTS: &str = "stderr";

/// Runs one row in a process of its own, and whatever it starts in the same group; returns when all of them have
/// ended, by themselves or by force when the deadline has passed.
pub fn run_row(
    name: &str,
    (input, firmware): (&Path, Option<&Path>),
    directory: &Path,
    limit: Option<u64>,
    deadline: Duration,
    mut doing: impl FnMut(&str),
) -> Result<Outcome> {
    let complaints = directory.join(COMPLAINTS);
    let stderr = File::create(&complaints).doing("make a file in the tour's directory")?;
    let mut command = this_program();
    command.args(["tour-row", "--parent", &std::process::id().to_string()]);
    // The row's names are relative to its directory: a socket's path must be short, wherever that lies.
    command.arg("--input").arg(input).current_dir(directory);
    if let Some(limit) = limit {
        command.arg("--limit").arg(limit.to_string());
    }
    if let Some(image) = firmware {
        command.arg("--firmware").arg(image);
    }
    command.arg(name).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);

    // From here on an interrupt finds the group in the list of what is to be ended.
    let (mut child, group) = cleanup::guard_group(|| {
        let child = command.spawn().doing("start a process of the tour")?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok((child, group.ok_or_else(|| Failure::new("the process has no number"))?))
    })?;
    let says = child.stdout.take().ok_or_else(|| Failure::new("the process has no output"))?;

    let (send, receive) = mpsc::channel();
    let listen = move || {
        let mut says = BufReader::new(says);
        while let Some(word) = hear(&mut says) {
            if send.send(word).is_err() {
                return;
            }
        }
    };
    let listener = match task::start(listen) {
        Ok(listener) => listener,
        Err(failure) => {
            let _ = end_group(group);
            cleanup::forget_group(group);
            return Err(failure);
        }
    };
    let end = Instant::now() + deadline;
    let mut last = String::from("starting");
    // `None`: its output ended before it reported.
    let outcome = loop {
        match receive.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Says::Doing(what)) => {
                doing(&what);
                last = what;
            }
            Ok(Says::Done(outcome)) => break Some(Ok(outcome)),
            Ok(Says::Failed(reason)) => break Some(Err(Failure::new(reason))),
            Ok(other) => {
                break Some(Err(Failure::new(format!("its process said {other:?} out of turn"))));
            }
            Err(RecvTimeoutError::Timeout) => {
                break Some(Err(Failure::new(format!(
                    "no end within {deadline:.3?}, so it was stopped while {last}; \
                     allow more with --deadline SECONDS"
                ))));
            }
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    let status = end_group(group);
    cleanup::forget_group(group);
    // The group is gone, hence the pipe has ended, hence the listener.
    let _ = listener.join();
    // What is left behind is a failure also where the row went well.
    let status = status?;
    outcome.unwrap_or_else(|| {
        let why = last_words(&complaints).or(status).unwrap_or_default();
        Err(Failure::new(format!("its process ended without a report while {last}: {why}")))
    })
}

/// Kills what is left of the group and waits until nothing is. Returns how its first process ended, in words.
///
/// # Errors
/// A region that its processes left behind cannot be removed.
pub fn end_group(group: Pid) -> Result<Option<String>> {
    // Killed before the first process is waited for: until then its number cannot be another group's. Children of
    // the group that outlive their parent become ours, because the tour is their subreaper.
    let _ = kill_process_group(group, Signal::KILL);
    let mut leader = None;
    while let Ok(Some((pid, status))) = waitpgid(group, WaitOptions::empty()) {
        if pid == group {
            leader = status
                .exit_status()
                .map(|code| format!("exit status {code}"))
                .or(status.terminating_signal().map(|signal| format!("signal {signal}")));
        }
    }
    // And the region that a row by this number may have left behind.
    match survey::remove(&region_name(group.as_raw_pid().unsigned_abs())) {
        Ok(()) => Ok(leader),
        // There is none, or somebody is attached: the group is not, so that it is another
        // program's.
        Err(error) if error.is(channel::Error::NotFound) => Ok(leader),
        Err(error) if error.is(channel::Error::Taken) => Ok(leader),
        Err(error) => Err(error.into()),
    }
}

/// The last line that the row's processes complained with.
fn last_words(complaints: &Path) -> Option<String> {
    let text = std::fs::read_to_string(complaints).ok()?;
    let panic = text.lines().skip_while(|line| !line.contains("panicked at")).nth(1);
    let line = panic.or_else(|| text.lines().rfind(|line| !line.trim().is_empty()))?;
    Some(one_line(line))
}
