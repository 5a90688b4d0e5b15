//! Files that are made under a name: FIFOs, sockets, and lock files beside them.
//!
//! One rule holds for their permissions: **the file gets exactly the mode that was asked for**,
//! whatever the process's umask is. The process that made a file removes it, as long as the name
//! leads to it. A [`LockFile`] may lie beside the file.

use crate::fd::{Identity, identity, retry};
use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::{self, Errno};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The permission bits of a mode.
const BITS: u32 = 0o7777;

/// Converts a mode to the system's type.
///
/// # Errors
/// `EINVAL` for a mode with other bits than permissions.
// `RawMode` has different widths on different targets.
#[allow(clippy::unnecessary_cast)]
pub(crate) fn bits(mode: u32) -> io::Result<Mode> {
    match mode & !BITS {
        0 => Ok(Mode::from_raw_mode(mode as fs::RawMode)),
        _ => Err(Errno::INVAL),
    }
}

/// Opens a file that was just made, and gives it the permissions that the umask took away.
///
/// The umask belongs to all threads of a process, so this function does not change it. In between
/// the mode is narrower than asked for, never wider. As long as the descriptor is open, no other
/// file gets the same inode number.
///
/// # Errors
/// `EEXIST` if somebody has exchanged the file for one of another kind, or the error of the system
/// call. After an error of a system call the file is removed.
pub(crate) fn claim(
    dir: impl AsFd,
    name: &Path,
    kind: FileType,
    mode: Option<u32>,
) -> io::Result<(Identity, OwnedFd)> {
    let unmake = |_: &Errno| _ = fs::unlinkat(&dir, name, AtFlags::empty());
    // Opening a FIFO for reading or writing would let a peer in, and the file of a socket cannot be
    // opened so.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let node = fs::openat(&dir, name, flags, Mode::empty());
    let (stat, node) = node.and_then(|node| Ok((fs::fstat(&node)?, node))).inspect_err(unmake)?;
    if FileType::from_raw_mode(stat.st_mode) != kind {
        return Err(Errno::EXIST);
    }
    if let Some(mode) = mode {
        complete(&dir, name, &node, &stat, mode).inspect_err(unmake)?;
    }
    Ok((identity(&stat), node))
}

fn complete(dir: impl AsFd, name: &Path, node: &OwnedFd, now: &Stat, mode: u32) -> io::Result<()> {
    #[allow(clippy::unnecessary_cast)] // the width differs between targets
    if now.st_mode as u32 & BITS == mode {
        return Ok(());
    }
    // The path through `/proc` changes the mode of this file, even if another file has the name by
    // now.
    match fs::chmod(crate::sys::alias(node.as_fd()), bits(mode)?) {
        Err(Errno::NOENT) => fs::chmodat(dir, name, bits(mode)?, AtFlags::empty()),
        other => other,
    }
}

/// Whether the name leads to this file.
fn leads_to(dir: impl AsFd, name: &Path, file: Identity) -> io::Result<bool> {
    match fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) => Ok(identity(&there) == file),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Removes the name if it leads to this file.
///
/// Between the check and the removal, somebody who may write to the directory could exchange the
/// file. No system has a call that does both.
pub(crate) fn remove(dir: impl AsFd, name: &Path, file: Identity) -> io::Result<()> {
    if !leads_to(&dir, name, file)? {
        return Ok(());
    }
    match fs::unlinkat(&dir, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// The path `.NAME.SUFFIX` in the same directory.
pub(crate) fn beside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(Errno::INVAL)?);
    name.push(".");
    name.push(suffix);
    Ok(path.with_file_name(name))
}

/// A file that this process has locked (`flock`), and a name that leads to it.
///
/// Dropping it removes the file before it gives the lock back. So nothing is left behind, and the
/// name cannot lead to somebody else's file. A process that opened the file before then waits for
/// the lock of a file without a name. So a process that gets the lock checks the name.
#[derive(Debug)]
pub(crate) struct LockFile<D: AsFd> {
    dir: D,
    name: PathBuf,
    // The lock ends when the last descriptor of this description is closed: by the drop, or by
    // death.
    file: OwnedFd,
    /// The process that removes the file. A forked child has this value too, but must not remove
    /// it.
    process: u32,
}

impl<D: AsFd> LockFile<D> {
    /// Takes the lock. `None` if the holder before removed the file meanwhile; then try again.
    ///
    /// With `only_ours`, it refuses a file of another user and one that is not a regular file.
    ///
    /// # Errors
    /// `EAGAIN` while another process has the lock; `EEXIST` if it refuses the file; or the error
    /// of the system call.
    pub(crate) fn take(dir: D, name: &Path, only_ours: bool) -> io::Result<Option<Self>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let new = flags | OFlags::CREATE | OFlags::EXCL;
        let (file, is_new) = match retry(|| fs::openat(&dir, name, new, LOCK_MODE)) {
            Err(Errno::EXIST) => match retry(|| fs::openat(&dir, name, flags, Mode::empty())) {
                Err(Errno::NOENT) => return Ok(None),
                file => (file?, false),
            },
            file => (file?, true),
        };
        let mut it = LockFile { dir, name: name.to_owned(), file, process: 0 };
        let locked = it.lock(is_new, only_ours);
        match locked {
            Ok(true) => it.process = std::process::id(),
            // Leaves a file that another process made. Also leaves a file that this process made if
            // another one has locked it already.
            Err(errno) if is_new && errno != Errno::AGAIN => {
                let _ = fs::unlinkat(&it.dir, name, AtFlags::empty());
            }
            _ => {}
        }
        Ok(locked?.then_some(it))
    }

    /// Locks the file. False if its holder removed it meanwhile, so that the lock protects nothing.
    fn lock(&self, is_new: bool, only_ours: bool) -> io::Result<bool> {
        if is_new {
            // Sets the mode whatever the umask is, because the next process must be able to open
            // the file.
            fs::fchmod(&self.file, LOCK_MODE)?;
        }
        let stat = fs::fstat(&self.file)?;
        let is_ours = stat.st_uid == rustix::process::geteuid().as_raw()
            && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if only_ours && !is_ours {
            return Err(Errno::EXIST);
        }
        retry(|| fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive))?;
        leads_to(&self.dir, &self.name, identity(&stat))
    }

    pub(crate) fn name(&self) -> &Path {
        &self.name
    }
}

const LOCK_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

crate::sys::descriptor!({D: AsFd} LockFile<D>, |it| it.file);

impl<D: AsFd> Drop for LockFile<D> {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            let _ = fs::fstat(&self.file)
                .and_then(|held| remove(&self.dir, &self.name, identity(&held)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn take(name: &Path) -> io::Result<Option<LockFile<std::os::fd::BorrowedFd<'static>>>> {
        LockFile::take(CWD, name, false)
    }

    #[test]
    fn a_removed_lock_file_locks_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let name = beside(&dir.path().join("socket"), "ringway").unwrap();
        let holder = take(&name).unwrap();
        let file = fs::open(&name, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let late = LockFile { dir: CWD, name: name.clone(), file, process: 0 };
        assert_eq!(late.lock(false, false), Err(Errno::AGAIN));
        assert_eq!(take(&name).err(), Some(Errno::AGAIN));
        drop(holder);
        assert_eq!(late.lock(false, false), Ok(false));
        // It locks nothing either when the next holder has made a file of the same name.
        let next = take(&name).unwrap();
        assert_eq!(late.lock(false, false), Ok(false));
        drop((next, late));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn one_holder_at_a_time_though_each_removes_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join(".socket.ringway");
        let taken = AtomicBool::new(false);
        let take_turns = || {
            for _ in 0..2000 {
                let turn = loop {
                    match take(&name) {
                        Ok(Some(turn)) => break turn,
                        Ok(None) | Err(Errno::AGAIN) => std::thread::yield_now(),
                        Err(errno) => panic!("{errno}"),
                    }
                };
                // SeqCst: simple, in a test. Partner: the same two lines in the other threads.
                assert!(!taken.swap(true, Ordering::SeqCst), "two have the lock");
                taken.store(false, Ordering::SeqCst);
                drop(turn);
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(take_turns)));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }
}
