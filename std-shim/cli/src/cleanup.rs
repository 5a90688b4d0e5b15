//! What must not be left behind, whatever ends the program: processes, and names in the file system.

use crate::complain;
use crate::failure::{Doing, Result};
use crate::tour::end_group;
use ringway::signal::{self, Keep, Signal, SignalSet};
use rustix::process::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use tempfile::TempDir;

/// What is ended and removed should a signal end the program.
struct Pending {
    groups: Vec<Pid>,
    paths: Vec<PathBuf>,
}

static PENDING: Mutex<Pending> = Mutex::new(Pending { groups: Vec::new(), paths: Vec::new() });

/// The list; one whose holder panicked is as good as before, since every change to it is a single step.
fn pending() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a signal that would end the program (INT, TERM, HUP) first ends and removes what is on the list. One that
/// the program was started to ignore, as `nohup` does, stays ignored.
pub fn on_signals() -> Result<()> {
    let ending = (Signal::INT | Signal::TERM | Signal::HUP) & !ignored();
    // Caught rather than blocked: a child inherits what is blocked.
    signal::catch(ending, Keep::Count)?;
    let mut dispatcher = signal::dispatcher()?;
    thread::spawn(move || {
        let received = dispatcher.wait(ending);
        // Held until the end: nothing is added to the list any more.
        let _pending = clean_up();
        complain(&format!("stopped by {}; nothing is left behind", received.signal));
        exit(128 + received.signal.number());
    });
    Ok(())
}

/// The signals that this process ignores, by the kernel's account; the bits of its mask are those of a set.
fn ignored() -> SignalSet {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        })
        .map_or(SignalSet::empty(), SignalSet::from_bits_retain)
}

/// Starts a process group and has it ended should the program be: between the two there is no gap.
pub fn guard_group<T>(start: impl FnOnce() -> Result<(T, Pid)>) -> Result<(T, Pid)> {
    let mut pending = pending();
    let started = start()?;
    pending.groups.push(started.1);
    Ok(started)
}

/// Says that the group has ended.
pub fn forget_group(group: Pid) {
    pending().groups.retain(|&other| other != group);
}

/// A name in the file system that is removed should a signal end the program.
#[derive(Debug)]
pub struct Name(PathBuf);

impl Name {
    /// Has `make` make something at `path`, and say whether it did. What it made a signal removes until the name is
    /// dropped, from the first moment on. Dropping the name leaves it: whoever made it removes it.
    pub fn guard<T>(
        path: &Path,
        make: impl FnOnce() -> Result<(T, bool)>,
    ) -> Result<(T, Option<Self>)> {
        // With the list locked: a signal comes before it is there, or finds it in the list.
        let mut pending = pending();
        let (made, is_ours) = make()?;
        let name = is_ours.then(|| {
            pending.paths.push(path.to_path_buf());
            Name(path.to_path_buf())
        });
        Ok((made, name))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        pending().paths.retain(|other| *other != self.0);
    }
}

/// A directory for temporary files. It is removed with all that is in it when this is dropped, and when a signal ends
/// the program.
#[derive(Debug)]
pub struct Directory {
    made: TempDir,
    _name: Name,
}

impl Directory {
    /// Makes one where the system keeps such.
    pub fn make(prefix: &str) -> Result<Self> {
        // With the list locked, as above.
        let mut pending = pending();
        let made = tempfile::Builder::new().prefix(prefix).tempdir();
        let made = made.doing("make a directory for temporary files (TMPDIR says where)")?;
        pending.paths.push(made.path().to_path_buf());
        let _name = Name(made.path().to_path_buf());
        Ok(Directory { made, _name })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.made.path()
    }
}

/// Ends and removes all that is on the list. The list stays locked: what would be added now would be forgotten.
fn clean_up() -> MutexGuard<'static, Pending> {
    let pending = pending();
    for &group in &pending.groups {
        end_group(group);
    }
    for path in &pending.paths {
        // Whether it is still there, and what it is, is found out by trying; there is nobody to tell of a failure.
        if fs::remove_file(path).is_err() {
            let _ = fs::remove_dir_all(path);
        }
    }
    pending
}
