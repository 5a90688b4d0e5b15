//! Processes and names in the file system that must not stay behind, whatever ends the program.

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

/// What to end and remove if a signal ends the program.
struct Pending {
    /// Processes that this program started; each ends together with everything it started.
    commands: Vec<Pid>,
    names: Vec<Arc<Made>>,
    /// Names in shared memory.
    regions: Vec<String>,
}

static PENDING: Mutex<Pending> =
    Mutex::new(Pending { commands: Vec::new(), names: Vec::new(), regions: Vec::new() });

/// Locks the list.
///
/// A panicked holder leaves the list valid, because every change to it is a single step.
fn pending() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cleans up from now on before a signal ends the program (INT, TERM, HUP).
///
/// The signal first ends and removes everything on the list; then the program dies of it. A signal
/// that the program was started to ignore, as under `nohup`, stays ignored.
pub fn on_signals() -> Result<()> {
    let ending = endings();
    // Catch them and do not block them: a child inherits blocked signals.
    signal::catch(ending, Delivery::Coalesced)?;
    let mut dispatcher = signal::dispatcher()?;
    let watch = move || {
        // Runs until `settle` ends the dispatcher, which first delivers what came before.
        while let Ok(received) = dispatcher.wait(ending | Signal::CHLD) {
            if received.signal == Signal::CHLD {
                descendants::reap(&pending().commands);
                continue;
            }
            // Hold the lock until the end, so that nothing more gets on the list.
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

/// Ends the watching for signals.
///
/// If a signal that came before is ending the program, this waits for ever, and the watcher has the
/// last word. Otherwise no signal ends the program in this way any more.
pub fn settle() {
    let watcher = WATCHER.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(watcher) = watcher {
        signal::end_dispatcher();
        let _ = watcher.join();
    }
}

/// The signals that end the program: INT, TERM and HUP, without those it was started to ignore.
pub fn endings() -> SignalSet {
    (Signal::INT | Signal::TERM | Signal::HUP) & !ignored()
}

/// The signals that this process ignores, as the kernel reports them.
///
/// The bits of the kernel's mask are those of a [`SignalSet`].
fn ignored() -> SignalSet {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        })
        .map_or(SignalSet::empty(), SignalSet::from_bits_retain)
}

/// Starts a process of this program that ends together with this one.
///
/// If a signal ends the program, it also ends this process and everything that process started.
pub fn guard_process<T>(start: impl FnOnce() -> Result<(T, Pid)>) -> Result<T> {
    let mut pending = pending();
    descendants::adopt()?;
    let (started, pid) = start()?;
    pending.commands.push(pid);
    Ok(started)
}

/// [`guard_process`] for a command.
///
/// A command may leave processes behind that go on; this program waits for their ends.
pub fn guard_command<T>(start: impl FnOnce() -> Result<(T, Pid)>) -> Result<T> {
    guard_process(|| {
        signal::catch(Signal::CHLD, Delivery::Coalesced)?;
        start()
    })
}

/// Ends the commands and everything they started.
pub fn end_commands() -> Result<()> {
    // Wait while a signal ends them, too.
    let pending = pending();
    if pending.commands.is_empty() { Ok(()) } else { descendants::end() }
}

/// Removes a process from the list after it was waited for.
///
/// Also waits for the processes that it left behind and that have ended.
pub fn forget_process(process: Pid) {
    let mut pending = pending();
    pending.commands.retain(|&other| other != process);
    descendants::reap(&pending.commands);
}

/// Puts a region's name on the list: a signal that ends the program removes the region.
pub fn guard_region(name: &str) {
    pending().regions.push(name.to_string());
}

/// Removes the region of this name, if there is one.
pub fn remove_region(name: &str) -> Result<()> {
    match survey::remove(name) {
        // Somebody else is attached, so the region belongs to another program.
        Err(error) if error.is(CoreError::NotFound) || error.is(CoreError::Taken) => Ok(()),
        other => Ok(other?),
    }
}

/// An object that this program made in the file system.
///
/// It stays the same object, whatever has its name by now.
#[derive(Debug)]
struct Made {
    /// The open folder: it stays the same when the working directory changes.
    folder: OwnedFd,
    file: OsString,
    path: PathBuf,
    /// The object itself, opened without access (`O_PATH`). While it is open, no other object gets
    /// its number.
    _node: OwnedFd,
    device: u64,
    inode: u64,
    is_folder: bool,
}

impl Made {
    /// Opens what was made a moment ago.
    fn open(path: &Path) -> io::Result<Self> {
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

    /// Removes the object if its name is still its own. Another object that took the name stays.
    fn remove(&self) -> Result<()> {
        let is_this = |stat: &Stat| (stat.st_dev, stat.st_ino) == (self.device, self.inode);
        let removed = match rustix::fs::statat(&self.folder, &self.file, AtFlags::SYMLINK_NOFOLLOW)
        {
            Ok(stat) if !is_this(&stat) => Ok(()),
            // `remove_dir_all` follows no links.
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

/// A name in the file system that is removed with its owner.
///
/// [`remove`](Self::remove) removes it, and so does dropping this, and a signal that ends the
/// program.
#[derive(Debug)]
pub struct Name {
    made: Arc<Made>,
    is_removed: bool,
}

impl Name {
    /// Calls `make`, which makes something and returns its paths, and guards these paths.
    ///
    /// From the first moment until the names are dropped, a signal removes what `make` made.
    pub fn guard<T>(make: impl FnOnce() -> Result<(T, Vec<PathBuf>)>) -> Result<(T, Vec<Self>)> {
        // Hold the list's lock: a signal either comes before the object exists, or finds it on the
        // list.
        let mut pending = pending();
        let (made, paths) = make()?;
        let open = |path: &PathBuf| {
            let name = Made::open(path).doing(format_args!("look at {}", path.display()))?;
            Ok(name)
        };
        let found = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
        Ok((made, found.into_iter().map(|name| Self::listed(name, &mut pending)).collect()))
    }

    /// Makes a directory for temporary files, for this user alone, where the system keeps them.
    ///
    /// It is removed with everything in it.
    pub fn directory(prefix: &str) -> Result<Self> {
        let make = "make a directory for temporary files (TMPDIR says where)";
        // Hold the list's lock: a signal either comes before the directory exists, or finds it on
        // the list.
        let mut pending = pending();
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir();
        let made = Made::open(&made.doing(make)?.keep()).doing(make)?;
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

    /// Removes the object, unless it is gone or its name belongs to another one by now.
    pub fn remove(mut self) -> Result<()> {
        self.is_removed = true;
        self.made.remove()
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if !self.is_removed {
            // Another failure came before, and is reported in its own words.
            let _ = self.made.remove().map_err(|failure| complain(&failure.to_string()));
        }
        pending().names.retain(|other| !Arc::ptr_eq(other, &self.made));
    }
}

/// Ends and removes everything on the list; returns what could not be ended or removed.
///
/// The list stays locked, because an addition would now be forgotten.
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
