//! Files that are made under a name: FIFOs and sockets. One rule holds for their permissions: **the
//! mode that was asked for is the mode that the file gets**, whatever the process's umask is. A
//! file is removed by the process that made it, as long as it has its name. And beside it there may
//! be a [`LockFile`].

use crate::fd::{Identity, identity, retry};
use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::{self, Errno};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The permissions, as a number.
const BITS: u32 = 0o7777;

/// The mode as the system has it.
///
/// # Errors
/// `EINVAL` for a mode that has more than permissions.
// The type is not as wide everywhere.
#[allow(clippy::unnecessary_cast)]
pub(crate) fn bits(mode: u32) -> io::Result<Mode> {
    match mode & !BITS {
        0 => Ok(Mode::from_raw_mode(mode as fs::RawMode)),
        _ => Err(Errno::INVAL),
    }
}

/// Takes hold of a file that was made a moment ago, and gives it what the umask took away of its
/// mode. The umask belongs to all threads of a process, so it is not touched; in between the mode
/// is narrower than asked for, never wider. As long as the descriptor is held, no other file gets
/// the same inode number.
///
/// # Errors
/// `EEXIST` if somebody has exchanged it for a file of another kind, or what the system says: then
/// the file does not stay.
pub(crate) fn claim(
    dir: impl AsFd,
    name: &Path,
    kind: FileType,
    mode: Option<u32>,
) -> io::Result<(Identity, OwnedFd)> {
    let unmake = |_: &Errno| _ = fs::unlinkat(&dir, name, AtFlags::empty());
    // Opening a FIFO would let a peer in, and a socket's file cannot be opened.
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
    #[allow(clippy::unnecessary_cast)] // as above
    if now.st_mode as u32 & BITS == mode {
        return Ok(());
    }
    // Through `/proc` it is this file that gets the mode, and no other that took the name
    // meanwhile.
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

/// Removes the name if it leads to this file. Between the look and the removal somebody who may
/// write to the directory could exchange the two; no system has a call that does both.
pub(crate) fn remove(dir: impl AsFd, name: &Path, file: Identity) -> io::Result<()> {
    if !leads_to(&dir, name, file)? {
        return Ok(());
    }
    match fs::unlinkat(&dir, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// `.NAME.SUFFIX` in the same directory.
pub(crate) fn beside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(Errno::INVAL)?);
    name.push(".");
    name.push(suffix);
    Ok(path.with_file_name(name))
}

/// A file that this process has locked (`flock`), under a name that leads to it.
///
/// Dropped, it is removed while the lock is still held, so that nothing is left behind and nobody
/// else's file can have the name. Who opened it before waits for a lock on a file that has no name
/// any more: so whoever gets the lock checks the name.
#[derive(Debug)]
pub(crate) struct LockFile<D: AsFd> {
    dir: D,
    name: PathBuf,
    // The lock ends when the last descriptor of this description is closed: now, or at death.
    file: OwnedFd,
    /// The one that removes the file: a forked child has this value too.
    process: u32,
}

impl<D: AsFd> LockFile<D> {
    /// Takes the lock. `None` if the one before us removed the file meanwhile: try again. With
    /// `only_ours`, a file of another user does not count, nor one that is not regular.
    ///
    /// # Errors
    /// `EAGAIN` while another has it; `EEXIST` if what has the name does not count; or what the
    /// system says.
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
            // Another's stays; so does one that we made and that another has locked already.
            Err(errno) if is_new && errno != Errno::AGAIN => {
                let _ = fs::unlinkat(&it.dir, name, AtFlags::empty());
            }
            _ => {}
        }
        Ok(locked?.then_some(it))
    }

    /// Locks it; false if it was removed meanwhile: then the lock locks nothing.
    fn lock(&self, is_new: bool, only_ours: bool) -> io::Result<bool> {
        if is_new {
            // Whatever the umask is: the next one must be able to open it.
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
    fn a_lock_file_that_its_holder_removed_locks_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let name = beside(&dir.path().join("socket"), "ringway").unwrap();
        let holder = take(&name).unwrap();
        let file = fs::open(&name, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let late = LockFile { dir: CWD, name: name.clone(), file, process: 0 };
        assert_eq!(late.lock(false, false), Err(Errno::AGAIN));
        assert_eq!(take(&name).err(), Some(Errno::AGAIN));
        drop(holder);
        assert_eq!(late.lock(false, false), Ok(false));
        // Nor when the next one has made a file of the same name.
        let next = take(&name).unwrap();
        assert_eq!(late.lock(false, false), Ok(false));
        drop((next, late));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn one_at_a_time_has_the_lock_though_each_removes_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join(".socket.ringway");
        let taken = AtomicBool::new(false);
        let turns = || {
            for _ in 0..2000 {
                let turn = loop {
                    match take(&name) {
                        Ok(Some(turn)) => break turn,
                        Ok(None) | Err(Errno::AGAIN) => std::thread::yield_now(),
                        Err(errno) => panic!("{errno}"),
                    }
                };
                // SeqCst: simple, in a test. Partner: the same two lines in the other threads.
                assert!(!taken.swap(true, Ordering::SeqCst), "two have the turn");
                taken.store(false, Ordering::SeqCst);
                drop(turn);
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(turns)));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }
}
