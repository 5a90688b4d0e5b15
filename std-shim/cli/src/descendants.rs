//! The descendants of a command that this program started: all of them end with it.
//!
//! A command shares our process group, because a terminal lets only one group read. Both may want
//! to read: a command that asks for a password, and this program; neither may be stopped. So a
//! signal to the group would reach too many, and this module finds the command's processes by their
//! parents. A process whose parent has ended becomes our child ([`adopt`]), so none is lost. A
//! process that began its own session is meant to outlive its parent, and is left alone.

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

/// How long a killed process may take to end; one that waits for a disk needs the disk's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the descendants of this process below it, whichever of them end.
pub fn adopt() -> Result<()> {
    set_child_subreaper(Some(getpid()))
        .map_err(io::Error::from)
        .doing("become the parent of what a command leaves behind")
}

/// Waits for adopted children that have ended, so that they do not stay as zombies.
///
/// Leaves out `known`: other code waits for those.
pub fn reap(known: &[Pid]) {
    let me = getpid();
    for (pid, process) in processes() {
        if process.parent == me.as_raw_pid() && process.has_ended {
            let pid = Pid::from_raw(pid).filter(|pid| !known.contains(pid));
            let _ = pid.map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
        }
    }
}

/// Kills the descendants in this process's session, and returns when they have ended.
pub fn end() -> Result<()> {
    if !Path::new("/proc/self/stat").exists() {
        return Err(Failure::new(
            "what the command started may go on: /proc, which shows it, is not mounted",
        ));
    }
    let end = Instant::now() + PATIENCE;
    let mut refused = BTreeSet::new();
    loop {
        // Each turn finds what was started during the previous one. A killed process starts
        // nothing.
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

/// Kills a process, unless it has ended and its number belongs to another one.
fn kill(pid: i32, began: u64) -> rustix::io::Result<Option<OwnedFd>> {
    let Some(number) = Pid::from_raw(pid) else { return Ok(None) };
    let process = match pidfd_open(number, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Ok(None),
        other => other?,
    };
    // The descriptor is of the process that has the number now. Check that it is the one that was
    // found: it must have the same start time.
    if read_process(pid).is_none_or(|now| now.began != began) {
        return Ok(None);
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => Ok(Some(process)),
        Err(errno) => Err(errno),
    }
}

/// The descendants in this process's session, with their start times.
fn descendants() -> Vec<(i32, u64)> {
    below(getpid().as_raw_pid(), &processes())
}

/// The processes in `all` that descend from `me` and belong to its session.
fn below(me: i32, all: &BTreeMap<i32, Process>) -> Vec<(i32, u64)> {
    // Do not use getsid(2): it returns 0 for a session that began outside of the container. That is
    // no process's number, yet all members of the session have it.
    let Some(session) = all.get(&me).map(|process| process.session) else { return Vec::new() };
    let mut ours = BTreeSet::from([me]);
    // A child may have a lower number than its parent, so repeat until nothing is added.
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

/// What the kernel reports about a process.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    parent: i32,
    /// 0 if the session began outside of the namespace that `/proc` shows.
    session: i32,
    /// It is a zombie or about to become one.
    has_ended: bool,
    /// The start time, in clock ticks since the machine started.
    began: u64,
}

fn processes() -> BTreeMap<i32, Process> {
    let Ok(folder) = fs::read_dir("/proc") else { return BTreeMap::new() };
    folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, read_process(pid)?)))
        .collect()
}

fn read_process(pid: i32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Parses a line as `proc_pid_stat(5)` describes it.
fn parse(stat: &str) -> Option<Process> {
    // The second field is the name in parentheses, which may contain spaces and parentheses.
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
    fn parentheses_in_a_name_do_not_shift_fields() {
        let stat = "7 (a) b) S 5 6 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 10 11 12";
        let expected = Process { parent: 5, session: 4, has_ended: false, began: 4711 };
        assert_eq!(parse(stat), Some(expected));
        assert_eq!(parse("7 (a) S 5"), None);
    }

    #[test]
    fn session_begun_outside_a_container_is_found_whole() {
        let process = |parent, session, has_ended| Process { parent, session, has_ended, began: 7 };
        let all = BTreeMap::from([
            (1, process(0, 0, false)),
            (5, process(1, 0, false)),
            // A child, its child with a lower number, a zombie, and a process with its own session.
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
    fn own_process_is_found_alive() {
        let me = getpid().as_raw_pid();
        assert!(processes().get(&me).is_some_and(|process| !process.has_ended));
    }
}
