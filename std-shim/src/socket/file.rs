//! The file of a Unix socket: made, found dead and replaced, and removed when it is ours.
//!
//! # The protocol
//!
//! 1. `bind`. If the name is free that is all: no lock, no look.
//! 2. The name is taken. What is no socket stays, and so does a socket that somebody has: the address is in use.
//!    [`probe`] tells; it connects a datagram socket, which reaches nobody: the kernel refuses it if no
//!    process has the socket, and calls it the wrong type, or connects a datagram socket silently, if one has. A
//!    socket that is bound and does not listen yet is had.
//! 3. It is dead. Take the lock, and look once more: another starter may have been here first.
//! 4. Open the file itself (`O_PATH`), so that its inode number is not given to another one while we look. Probe.
//!    Move the file away under a name of its own, and compare what was moved with what was opened. If
//!    it is another, a program that takes no lock was here in between: move it back. Else unlink it.
//! 5. `bind` again. If the name is taken now, somebody else was faster.
//! 6. Remove the lock file, and with it the lock.
//!
//! Two starters cannot take each other's file: only who has the lock moves anything, and what he moves he has found dead under
//! the lock. A starter that is killed leaves its lock to the next one, and at worst a dead file under the name of step 4.
//!
//! The lock file is removed by its holder, so that nothing is left behind. Who opened it before waits for a lock on a
//! file that has no name any more: so whoever gets the lock checks that the file still has its name, and
//! otherwise starts again.

use super::address::UnixAddress;
use super::options::Options;
use crate::fd::{self, identity};
use crate::mode;
use crate::{Error, Result};
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, fchmod, flock, fstat, link,
    lstat, open, rename, renameat_with, statat, unlink,
};
use rustix::io::{self, Errno};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{Pid, getpid};
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a starter waits for its turn. Those before it need microseconds each; one that was stopped in the
/// middle must not stop the others for ever.
const TURN: Duration = Duration::from_secs(2);

/// A socket file that this process made. Dropping it removes the file, if it is still the same.
///
/// The caller drops it before the socket: as long as that lives no starter takes the file for a dead one's.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: fd::Identity,
    maker: Pid,
}

impl SocketFile {
    /// Leaves the file where it is.
    pub(super) fn keep(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A fork has a copy of this, and of the descriptor; the one who made the file removes it.
        if self.path.as_os_str().is_empty() || getpid() != self.maker {
            return;
        }
        match lstat(&self.path) {
            Ok(stat) if identity(&stat) == self.identity => {
                let _ = unlink(&self.path);
            }
            _ => {}
        }
    }
}

/// Binds the socket to the address. For a path, what is to be removed later.
pub(super) fn bind(
    socket: BorrowedFd<'_>,
    address: &UnixAddress,
    options: &Options,
) -> Result<Option<Box<SocketFile>>> {
    let encoded = address.encode().map_err(|reason| Error::new(BIND, reason).on(address))?;
    let UnixAddress::Path(path) = address else {
        rustix::net::bind(socket, &encoded).map_err(|errno| Error::new(BIND, errno).on(address))?;
        return Ok(None);
    };
    let bound = match options.get_mode() {
        // The file gets the permissions that the socket has when it is bound, less the umask.
        Some(mode) => mode::bits(mode).and_then(|mode| fchmod(socket, mode)),
        None => Ok(()),
    };
    let bound = bound.and_then(|()| match rustix::net::bind(socket, &encoded) {
        Err(Errno::ADDRINUSE) => replace_dead(socket, path, &encoded),
        other => other,
    });
    let file = bound.and_then(|()| SocketFile::of(path, options.get_mode()));
    file.map(|file| Some(Box::new(file))).map_err(|errno| Error::new(BIND, errno).on(address))
}

const BIND: &str = "bind to";

impl SocketFile {
    /// The file that was just made there, which gets the rest of its mode. If that fails it does not stay.
    fn of(path: &Path, mode: Option<u32>) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let node = open(path, flags, Mode::empty());
        let looked_at = node.and_then(|node| Ok((fstat(&node)?, node)));
        // Made a moment ago, and not known well enough to be removed later.
        let (stat, node) = looked_at.inspect_err(|_| _ = unlink(path))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
            // Somebody exchanged it already.
            return Err(Errno::ADDRINUSE);
        }
        // The working directory may change before it is removed.
        let name = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let file = SocketFile { path: name, identity: identity(&stat), maker: getpid() };
        if let Some(mode) = mode {
            // Nobody can connect yet: a stream listens later, and a datagram's sender needs the permission.
            mode::complete(node.as_fd(), mode, |mode| {
                rustix::fs::chmodat(CWD, path, mode, AtFlags::empty())
            })?;
        }
        Ok(file)
    }
}

/// Steps 2 to 6. `ADDRINUSE` if somebody lives there.
fn replace_dead(socket: BorrowedFd<'_>, path: &Path, address: &SocketAddrUnix) -> io::Result<()> {
    // Without the lock, so that the common case, a live listener, leaves no trace.
    if let Owner::Alive = owner(path, address)? {
        return Err(Errno::ADDRINUSE);
    }
    let _turn = Lock::take(path)?;
    match owner(path, address)? {
        Owner::Alive => return Err(Errno::ADDRINUSE),
        Owner::Dead(pinned) => remove_dead(path, &pinned)?,
        Owner::Gone => {}
    }
    rustix::net::bind(socket, address)
}

/// Who has the socket behind a file.
enum Owner {
    /// Somebody, or it is no socket.
    Alive,
    /// Nobody. The file is held open, so that no other one can have its inode number.
    Dead(OwnedFd),
    /// There is no file any more.
    Gone,
}

fn owner(path: &Path, address: &SocketAddrUnix) -> io::Result<Owner> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let pinned = match open(path, flags, Mode::empty()) {
        Ok(pinned) => pinned,
        Err(Errno::NOENT) => return Ok(Owner::Gone),
        Err(errno) => return Err(errno),
    };
    if FileType::from_raw_mode(fstat(&pinned)?.st_mode) != FileType::Socket {
        return Ok(Owner::Alive);
    }
    match probe(address) {
        Err(Errno::CONNREFUSED) => Ok(Owner::Dead(pinned)),
        Err(Errno::NOENT) => Ok(Owner::Gone),
        Ok(()) | Err(Errno::PROTOTYPE | Errno::AGAIN | Errno::PERM) => Ok(Owner::Alive),
        Err(errno) => Err(errno),
    }
}

/// Knocks with a datagram socket. It reaches nobody, whoever lives there.
fn probe(address: &SocketAddrUnix) -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let knocker = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    fd::retry(|| rustix::net::connect(&knocker, address))
}

/// Step 4: removes the file that was found dead, and no other.
fn remove_dead(path: &Path, dead: &OwnedFd) -> io::Result<()> {
    // A number for each: several threads may do this at once, for several paths.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Relaxed: the number only has to be another one. Partner: the same line in another thread.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let aside = beside(path, &format!("ringway-{}-{number}", getpid().as_raw_nonzero()))?;
    let moved = match renameat_with(CWD, path, CWD, &aside, RenameFlags::NOREPLACE) {
        // The name has our process and a number in it, so that nobody else has it.
        Err(errno) if is_unknown(errno) => rename(path, &aside),
        other => other,
    };
    match moved {
        Ok(()) => {}
        // Somebody removed it meanwhile: all the better.
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    if identity(&lstat(&aside)?) == identity(&fstat(dead)?) {
        return unlink(&aside);
    }
    match renameat_with(CWD, &aside, CWD, path, RenameFlags::NOREPLACE) {
        // In two steps, of which the first fails if the name is taken by now.
        Err(errno) if is_unknown(errno) => link(&aside, path).and_then(|()| unlink(&aside))?,
        other => other?,
    }
    Err(Errno::ADDRINUSE)
}

/// Whether the system says that it, or this file system, knows no `RENAME_NOREPLACE`.
fn is_unknown(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// One starter's turn: a lock on a file beside the socket's, which goes when the turn ends.
struct Lock {
    path: PathBuf,
    // Held open for the lock, which ends when the last descriptor of this description is closed: now, or at death.
    _file: OwnedFd,
}

impl Lock {
    fn take(socket: &Path) -> io::Result<Self> {
        let path = beside(socket, "ringway")?;
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let late = Instant::now() + TURN;
        loop {
            let file = fd::retry(|| open(&path, flags, Mode::RUSR | Mode::WUSR))?;
            match Lock::on(file, &path) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) => {}
                Err(Errno::AGAIN) if Instant::now() < late => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(Errno::AGAIN) => return Err(Errno::ADDRINUSE),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Locks the file. `None` if the one before us removed it after we opened it: then our lock locks nothing.
    fn on(file: OwnedFd, path: &Path) -> io::Result<Option<Self>> {
        fd::retry(|| flock(&file, FlockOperation::NonBlockingLockExclusive))?;
        let named = still_named(&file, path)?;
        Ok(named.then(|| Lock { path: path.to_path_buf(), _file: file }))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While the lock is still held: nobody else's file can have the name.
        let _ = unlink(&self.path);
    }
}

fn still_named(file: &impl AsFd, path: &Path) -> io::Result<bool> {
    let here = fstat(file)?;
    match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) => Ok(identity(&here) == identity(&there)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// `.NAME.SUFFIX` in the same directory.
fn beside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(Errno::INVAL)?);
    name.push(".");
    name.push(suffix);
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::sync::atomic::AtomicBool;

    fn pin(path: &Path) -> OwnedFd {
        open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    fn names(dir: &Path) -> Vec<OsString> {
        dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_that_came_between_the_look_and_the_move_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let dead = pin(&path);
        // A program that takes no lock replaces it now.
        rustix::fs::unlink(&path).unwrap();
        let live = UnixListener::bind(&path).unwrap();

        assert_eq!(remove_dead(&path, &dead), Err(Errno::ADDRINUSE));
        assert_eq!(names(dir.path()), ["socket"]);
        let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        live.accept().unwrap();
    }

    #[test]
    fn a_file_that_is_still_the_dead_one_goes_and_one_that_is_gone_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let dead = pin(&path);
        assert_eq!(remove_dead(&path, &dead), Ok(()));
        assert_eq!(remove_dead(&path, &dead), Ok(()));
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_lock_file_that_its_holder_removed_locks_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let holder = Lock::take(&dir.path().join("socket")).unwrap();
        let path = holder.path.clone();
        let late = open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        assert_eq!(Lock::on(late.try_clone().unwrap(), &path).err(), Some(Errno::AGAIN));
        drop(holder);
        assert!(Lock::on(late.try_clone().unwrap(), &path).unwrap().is_none());
        // Nor when the next one has made a file of the same name.
        let next = Lock::take(&dir.path().join("socket")).unwrap();
        assert!(Lock::on(late, &path).unwrap().is_none());
        drop(next);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn one_starter_at_a_time_has_the_turn_though_each_removes_the_lock_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let taken = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let turn = Lock::take(&path).unwrap();
                        // SeqCst: simple, in a test. Partner: the same two lines in the other threads.
                        assert!(!taken.swap(true, Ordering::SeqCst), "two have the turn");
                        taken.store(false, Ordering::SeqCst);
                        drop(turn);
                    }
                });
            }
        });
        assert!(names(dir.path()).is_empty());
    }
}
