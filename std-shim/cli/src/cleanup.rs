//! What must not be left behind, whatever ends the program: processes, and names in the file system.

use crate::failure::{Doing, Result};
use crate::tour::end_group;
use rustix::process::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// Makes a name in the file system that is removed when this is dropped, and when a signal ends the program.
#[derive(Debug)]
pub struct Name(PathBuf);

impl Name {
    /// Makes a directory with a name of its own among the system's temporary files.
    pub fn temporary_directory(prefix: &str) -> Result<Self> {
        let mut pending = pending();
        let made = tempfile::Builder::new().prefix(prefix).tempdir();
        let path = made.doing("make a directory for temporary files (TMPDIR says where)")?.keep();
        pending.paths.push(path.clone());
        Ok(Name(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Takes charge of what lies, or is about to lie, at `path`: a file, or a directory with all that is in it.
    pub fn new(path: &Path) -> Self {
        pending().paths.push(path.to_path_buf());
        Name(path.to_path_buf())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        remove(&self.0);
        pending().paths.retain(|other| *other != self.0);
    }
}

fn remove(path: &Path) {
    // Whether it is still there, and what it is, is found out by trying: there is nobody to tell of a failure.
    if fs::remove_file(path).is_err() {
        let _ = fs::remove_dir_all(path);
    }
}
