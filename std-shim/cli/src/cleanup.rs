//! What must not be left behind, whatever ends the program: processes, and names in the file
//! system.

use crate::descendants;
use crate::failure::{Doing, Failure, Result, complain};
use crate::{system, task};
use ringway::CoreError;
use ringway::shm::survey;
use ringway::signal::{self, Delivery, Signal, SignalSet};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What is ended and removed should a signal end the program.
struct Pending {
    /// Processes that this program started; each ends with all that it started itself.
    commands: Vec<Pid>,
    names: Vec<Arc<Made>>,
    /// Names in shared memory.
    regions: Vec<String>,
}

static PENDING: Mutex<Pending> =
    Mutex::new(Pending { commands: Vec::new(), names: Vec::new(), regions: Vec::new() });

/// The list; one whose holder panicked is as good as before, since every change to it is a single
/// step.
fn pending() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a signal that would end the program (INT, TERM, HUP) first ends and removes what is
/// on the list; then the program dies of it. One that the program was started to ignore, as `nohup`
/// does, stays ignored.
pub fn on_signals() -> Result<()> {
    let ending = endings();
    // Caught rather than blocked: a child inherits what is blocked.
    signal::catch(ending, Delivery::Coalesced)?;
    let mut dispatcher = signal::dispatcher()?;
    let watch = move || {
        // Until `settle` ends the dispatcher, which delivers first what came before.
        while let Ok(received) = dispatcher.wait(ending | Signal::CHLD) {
            if received.signal == Signal::CHLD {
                descendants::reap(&pending().commands);
                continue;
            }
            // Held until the end: nothing is added to the list any more.
            let (_pending, left) = clean_up();
            let left = match &left[..] {
                [] => "nothing is left behind".to_string(),
                left => left.join("; "),
            };
            complain(&format!("stopped by {}; {left}", received.signal));
            system::die_by(received.signal);
        }
    };
    let watcher = task::start(watch)?;
    *WATCHER.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
    Ok(())
}

static WATCHER: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);

/// Waits for ever when a signal that came before is ending the program, which has the last word
/// then. Otherwise no signal ends it in this way any more.
pub fn settle() {
    let watcher = WATCHER.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(watcher) = watcher {
        signal::end_dispatcher();
        let _ = watcher.join();
    }
}

/// The signals that are to end the program: INT, TERM and HUP, but for those that it was started to
/// ignore.
pub fn endings() -> SignalSet {
    (Signal::INT | Signal::TERM | Signal::HUP) & !ignored()
}

/// The signals that this process ignores, by the kernel's account; the bits of its mask are those
/// of a set.
fn ignored() -> SignalSet {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        })
        .map_or(SignalSet::empty(), SignalSet::from_bits_retain)
}

/// Starts a process of this program and has it ended should the program be, with all that it
/// started.
pub fn guard_process<T>(start: impl FnOnce() -> Result<(T, Pid)>) -> Result<T> {
    let mut pending = pending();
    descendants::adopt()?;
    let (started, pid) = start()?;
    pending.commands.push(pid);
    Ok(started)
}

/// The same for a command, which may leave processes behind that go on: their ends are waited for
/// here.
pub fn guard_command<T>(start: impl FnOnce() -> Result<(T, Pid)>) -> Result<T> {
    guard_process(|| {
        signal::catch(Signal::CHLD, Delivery::Coalesced)?;
        start()
    })
}

/// Ends the commands, with all that they started.
pub fn end_commands() -> Result<()> {
    // Not while a signal ends them too.
    let pending = pending();
    if pending.commands.is_empty() { Ok(()) } else { descendants::end() }
}

/// Says that a process was waited for, and takes note of those that it left behind and that have
/// ended.
pub fn forget_process(process: Pid) {
    let mut pending = pending();
    pending.commands.retain(|&other| other != process);
    descendants::reap(&pending.commands);
}

/// Has a region of this name removed should a signal end the program.
pub fn guard_region(name: &str) {
    pending().regions.push(name.to_string());
}

/// Removes the region of this name, if there is one.
pub fn remove_region(name: &str) -> Result<()> {
    match survey::remove(name) {
        // Somebody else is attached, so that it is another program's.
        Err(error) if error.is(CoreError::NotFound) || error.is(CoreError::Taken) => Ok(()),
        other => Ok(other?),
    }
}

/// Something that this program made in the file system: the very object, whatever has its name by
/// now.
#[derive(Debug)]
struct Made {
    /// The folder, open, so that it is the same wherever the working directory leads by then.
    folder: OwnedFd,
    file: OsString,
    path: PathBuf,
    /// The object itself, open without being entered: as long as that is so, its number is not
    /// given to another one.
    _node: OwnedFd,
    device: u64,
    inode: u64,
    is_folder: bool,
}

impl Made {
    /// Looks at what was made a moment ago.
    fn look(path: &Path) -> io::Result<Self> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let file = path.file_name().ok_or_else(invalid)?.to_owned();
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, parent, folder, Mode::empty())?;
        let node = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let node = rustix::fs::openat(&folder, &file, node, Mode::empty())?;
        let stat = rustix::fs::fstat(&node)?;
        Ok(Made {
            folder,
            file,
            path: path.to_path_buf(),
            _node: node,
            device: stat.st_dev,
            inode: stat.st_ino,
            is_folder: FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
        })
    }

    /// Removes it, if its name is still its own. What has taken the name since stays.
    fn remove(&self) -> Result<()> {
        let is_this = |stat: &Stat| (stat.st_dev, stat.st_ino) == (self.device, self.inode);
        let removed = match rustix::fs::statat(&self.folder, &self.file, AtFlags::SYMLINK_NOFOLLOW)
        {
            Ok(stat) if !is_this(&stat) => Ok(()),
            // It follows no links.
            Ok(_) if self.is_folder => fs::remove_dir_all(&self.path),
            Ok(_) => rustix::fs::unlinkat(&self.folder, &self.file, AtFlags::empty())
                .map_err(io::Error::from),
            Err(errno) => Err(errno.into()),
        };
        match removed {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => Ok(()),
            other => other.doing(format_args!("remove {}", self.path.display())),
        }
    }
}

/// A name in the file system that is removed by [`remove`](Self::remove), when this is dropped, and
/// when a signal ends the program.
#[derive(Debug)]
pub struct Name {
    made: Arc<Made>,
    is_removed: bool,
}

impl Name {
    /// Has `make` make something, and say at which paths. What it made a signal removes until the
    /// names are dropped, from the first moment on.
    pub fn guard<T>(make: impl FnOnce() -> Result<(T, Vec<PathBuf>)>) -> Result<(T, Vec<Self>)> {
        // With the list locked: a signal comes before it is there, or finds it in the list.
        let mut pending = pending();
        let (made, paths) = make()?;
        let look = |path: &PathBuf| {
            let name = Made::look(path).doing(format_args!("look at {}", path.display()))?;
            Ok(name)
        };
        let found = paths.iter().map(look).collect::<Result<Vec<_>>>()?;
        Ok((made, found.into_iter().map(|name| Self::listed(name, &mut pending)).collect()))
    }

    /// Makes a directory for temporary files, for this user alone, where the system keeps such. It
    /// is removed with all that is in it.
    pub fn directory(prefix: &str) -> Result<Self> {
        let make = "make a directory for temporary files (TMPDIR says where)";
        // With the list locked, as above.
        let mut pending = pending();
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir();
        let made = Made::look(&made.doing(make)?.keep()).doing(make)?;
        Ok(Self::listed(made, &mut pending))
    }

    pub fn path(&self) -> &Path {
        &self.made.path
    }

    fn listed(made: Made, pending: &mut Pending) -> Self {
        let made = Arc::new(made);
        pending.names.push(Arc::clone(&made));
        Name { made, is_removed: false }
    }

    /// Removes what was made, unless that is done already or its name is another one's by now.
    pub fn remove(mut self) -> Result<()> {
        self.is_removed = true;
        self.made.remove()
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if !self.is_removed {
            // There is another failure, which has its own words.
            let _ = self.made.remove().map_err(|failure| complain(&failure.to_string()));
        }
        pending().names.retain(|other| !Arc::ptr_eq(other, &self.made));
    }
}

/// Ends and removes all that is on the list. The list stays locked: what would be added now would
/// be forgotten. Also tells what could not be ended or removed.
fn clean_up() -> (MutexGuard<'static, Pending>, Vec<String>) {
    let pending = pending();
    let mut left = Vec::new();
    if !pending.commands.is_empty() {
        left.extend(descendants::end().err());
    }
    left.extend(pending.names.iter().filter_map(|name| name.remove().err()));
    left.extend(pending.regions.iter().filter_map(|name| remove_region(name).err()));
    (pending, left.iter().map(Failure::to_string).collect())
}
