//! The processes of a command that this program started: all of them are ended with it.
//!
//! A command shares our process group, because a terminal lets only one group read: of the two that
//! could want to, a command that asks for a password and we, neither may be stopped. So a signal to
//! the group would be too many, and the command's processes are found by who started them. A
//! process whose parent has ended becomes our child ([`adopt`]), so that none is lost. Only one
//! that has begun a session of its own has said that it is to outlive what started it.

use crate::failure::{Doing, Failure, Result};
use ringway::fd;
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal,
    set_child_subreaper, waitpid,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a process that was killed may take to end: one that waits for a disk takes until the
/// disk answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// From now on what descends from this process stays below it, whatever ends in between.
pub fn adopt() -> Result<()> {
    set_child_subreaper(Some(getpid()))
        .map_err(io::Error::from)
        .doing("become the parent of what a command leaves behind")
}

/// Takes note of the end of adopted children, so that they do not stay as zombies. `known` are
/// waited for elsewhere.
pub fn reap(known: &[Pid]) {
    let me = getpid();
    for (pid, process) in processes() {
        if process.parent == me.as_raw_pid() && process.has_ended {
            let pid = Pid::from_raw(pid).filter(|pid| !known.contains(pid));
            let _ = pid.map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
        }
    }
}

/// Kills what descends from this process and belongs to its session, and returns when that has
/// ended.
pub fn end() -> Result<()> {
    if !Path::new("/proc/self/stat").exists() {
        return Err(Failure::new(
            "what the command started may go on: /proc, which shows it, is not mounted",
        ));
    }
    let end = Instant::now() + PATIENCE;
    let mut refused = BTreeSet::new();
    loop {
        // Each turn finds what was started while the one before was under way. A process that was
        // killed starts nothing.
        let found: Vec<_> =
            descendants().into_iter().filter(|(pid, _)| !refused.contains(pid)).collect();
        if found.is_empty() {
            break;
        }
        let mut killed = Vec::new();
        for (pid, began) in found {
            match kill(pid, began) {
                Ok(process) => killed.extend(process),
                Err(_) => _ = refused.insert(pid),
            }
        }
        for process in killed {
            if fd::wait_deadline(&process, fd::Interest::Read, Some(end)).is_err() {
                return Err(Failure::new("a process of the command was killed and does not end"));
            }
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let numbers: Vec<_> = refused.iter().map(i32::to_string).collect();
    Err(Failure::new(format!(
        "cannot end what the command started: run 'kill {}' as the user to whom it belongs",
        numbers.join(" ")
    )))
}

/// Kills one, unless it has ended and its number is another one's.
fn kill(pid: i32, began: u64) -> rustix::io::Result<Option<OwnedFd>> {
    let Some(number) = Pid::from_raw(pid) else { return Ok(None) };
    let process = match pidfd_open(number, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Ok(None),
        other => other?,
    };
    // Whatever has the number now, the descriptor is of it; and it began when the one that was
    // found did.
    if look(pid).is_none_or(|now| now.began != began) {
        return Ok(None);
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => Ok(Some(process)),
        Err(errno) => Err(errno),
    }
}

/// What descends from this process and belongs to its session, with the time when it began.
fn descendants() -> Vec<(i32, u64)> {
    below(getpid().as_raw_pid(), &processes())
}

/// What of `all` descends from `me` and belongs to its session.
fn below(me: i32, all: &BTreeMap<i32, Process>) -> Vec<(i32, u64)> {
    // Not from getsid(2), which answers 0 where the session began outside of a container: that is
    // the number of no process, and yet the same for all that belong to the session.
    let Some(session) = all.get(&me).map(|process| process.session) else { return Vec::new() };
    let mut ours = BTreeSet::from([me]);
    // A child may have the lower number: until nothing is added any more.
    loop {
        let before = ours.len();
        let is_below = |process: &Process| ours.contains(&process.parent);
        let below: Vec<_> =
            all.iter().filter(|(_, process)| is_below(process)).map(|(&pid, _)| pid).collect();
        ours.extend(below);
        if ours.len() == before {
            break;
        }
    }
    ours.remove(&me);
    let is_meant = |process: &&Process| !process.has_ended && process.session == session;
    ours.iter()
        .filter_map(|pid| all.get(pid).filter(is_meant).map(|process| (*pid, process.began)))
        .collect()
}

/// What the kernel says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    parent: i32,
    /// 0 if the session began outside of the namespace whose processes `/proc` shows.
    session: i32,
    /// It is a zombie, or on its way to be one.
    has_ended: bool,
    /// In ticks since the machine was started.
    began: u64,
}

fn processes() -> BTreeMap<i32, Process> {
    let Ok(folder) = fs::read_dir("/proc") else { return BTreeMap::new() };
    folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, look(pid)?)))
        .collect()
}

fn look(pid: i32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// See `proc_pid_stat(5)`.
fn parse(stat: &str) -> Option<Process> {
    // The second field is the name in parentheses, which may have spaces and parentheses of its
    // own.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_ascii_whitespace().collect();
    Some(Process {
        has_ended: matches!(*fields.first()?, "Z" | "X" | "x"),
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        began: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 5 6 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 10 11 12";
        let expected = Process { parent: 5, session: 4, has_ended: false, began: 4711 };
        assert_eq!(parse(stat), Some(expected));
        assert_eq!(parse("7 (a) S 5"), None);
    }

    #[test]
    fn all_of_a_session_that_began_outside_of_a_container_are_found() {
        let process = |parent, session, has_ended| Process { parent, session, has_ended, began: 7 };
        let all = BTreeMap::from([
            (1, process(0, 0, false)),
            (5, process(1, 0, false)),
            // A child, its child with a lower number, a zombie, and one with a session of its own.
            (8, process(5, 0, false)),
            (4, process(8, 0, false)),
            (9, process(5, 0, true)),
            (10, process(5, 10, false)),
            (11, process(1, 0, false)),
        ]);
        assert_eq!(below(5, &all), [(4, 7), (8, 7)]);
        assert_eq!(below(6, &all), []);
    }

    #[test]
    fn this_process_is_there_and_has_not_ended() {
        let me = getpid().as_raw_pid();
        assert!(processes().get(&me).is_some_and(|process| !process.has_ended));
    }
}
