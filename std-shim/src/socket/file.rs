//! The file of a Unix socket: making it, replacing it after a death, removing it.
//!
//! # The protocol
//!
//! A *starter* is a process that binds a socket to a path. A socket file is *dead* if no process
//! has its socket.
//!
//! 1. The starter calls `bind`. If the name is free, that is all: it takes no lock and checks
//!    nothing.
//! 2. The name is taken. A file that is no socket stays, and so does a socket that some process
//!    has: the address is in use. [`probe`] finds out. It connects a datagram socket to the file,
//!    which disturbs nobody. If no process has the socket, the kernel refuses the connection. If
//!    one has, the kernel reports the wrong type, or connects the datagram socket silently. A
//!    process may have bound the socket and not listen yet; then too the file is not dead.
//! 3. The file is dead. The starter takes the lock and probes again, because another starter may
//!    have been faster.
//! 4. It opens the file itself (`O_PATH`), so that no other file gets the inode number meanwhile,
//!    and probes. It moves the file away under a name that only it uses, and compares the moved
//!    file with the opened one. If they differ, a program without the lock has replaced the file in
//!    between: the starter moves it back. Otherwise it unlinks it.
//! 5. It calls `bind` again. If the name is taken now, somebody else was faster.
//! 6. It removes the lock file, and with it the lock.
//!
//! Two starters cannot take each other's file. Only the starter with the lock moves anything, and
//! it has found the moved file dead under the lock. If a starter is killed, the lock goes to the
//! next one. At worst a dead file stays under the name of step 4.

use super::address::UnixAddress;
use super::options::Options;
use crate::Result;
use crate::error::{On, Tried};
use crate::fd::{self, identity};
use crate::named::{self, LockFile};
use rustix::fs::{
    CWD, FileType, Mode, OFlags, RenameFlags, fchmod, fstat, link, lstat, open, rename,
    renameat_with, unlink,
};
use rustix::io::{self, Errno};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{Pid, getpid};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a starter waits for the lock.
///
/// Each starter before it holds the lock for microseconds. But one that was stopped while it holds
/// the lock must not stop the others for ever.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// A socket file that this process made. Dropping it removes the file, if it is still the same.
///
/// The owner drops it before the socket. As long as the socket is open, no starter considers the
/// file dead.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: fd::Identity,
    maker: Pid,
}

impl SocketFile {
    /// Leaves the file in place.
    pub(super) fn keep(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A forked child has a copy of this value and of the descriptor. Only the process that made
        // the file removes it.
        if !self.path.as_os_str().is_empty() && getpid() == self.maker {
            let _ = named::remove(CWD, &self.path, self.identity);
        }
    }
}

/// Binds the socket to the address. For a path, returns the file to remove later.
pub(super) fn bind(
    socket: BorrowedFd<'_>,
    address: &UnixAddress,
    options: &Options,
) -> Result<Option<Box<SocketFile>>> {
    let encoded = address.encode().tried(BIND).on(address)?;
    let UnixAddress::Path(path) = address else {
        rustix::net::bind(socket, &encoded).tried(BIND).on(address)?;
        return Ok(None);
    };
    let bound = match options.get_mode() {
        // The file gets the socket's permissions at the time of the bind, less those in the umask.
        Some(mode) => named::bits(mode).and_then(|mode| fchmod(socket, mode)),
        None => Ok(()),
    };
    let bound = bound.and_then(|()| match rustix::net::bind(socket, &encoded) {
        Err(Errno::ADDRINUSE) => replace_dead(socket, path, &encoded),
        other => other,
    });
    // Nobody can connect yet: a stream does not listen, and the sender of a datagram needs the
    // permission.
    let claimed = bound
        .and_then(|()| named::claim(CWD, path, FileType::Socket, options.get_mode()))
        .tried(BIND)
        .on(address)?;
    // The absolute path stays valid if the process changes its working directory.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    Ok(Some(Box::new(SocketFile { path, identity: claimed.0, maker: getpid() })))
}

const BIND: &str = "bind to";

/// Does steps 2 to 6. `ADDRINUSE` if some process has the socket.
fn replace_dead(socket: BorrowedFd<'_>, path: &Path, address: &SocketAddrUnix) -> io::Result<()> {
    // This check takes no lock. So the common case, a live listener, leaves no trace.
    if let Owner::Alive = owner(path, address)? {
        return Err(Errno::ADDRINUSE);
    }
    let _lock = take_lock(path)?;
    match owner(path, address)? {
        Owner::Alive => return Err(Errno::ADDRINUSE),
        Owner::Dead(pinned) => remove_dead(path, &pinned)?,
        Owner::Gone => {}
    }
    rustix::net::bind(socket, address)
}

/// Whether some process has the socket behind a file.
enum Owner {
    /// Some process has it, or the file is no socket.
    Alive,
    /// No process has it. The open descriptor keeps other files from getting the inode number.
    Dead(OwnedFd),
    /// The file does not exist any more.
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

/// Connects a datagram socket to the address. It disturbs no process that has the socket.
fn probe(address: &SocketAddrUnix) -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let prober = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    fd::retry(|| rustix::net::connect(&prober, address))
}

/// Does step 4: removes the file that was found dead, and no other.
fn remove_dead(path: &Path, dead: &OwnedFd) -> io::Result<()> {
    // Each call has its own number, because several threads may do this at once, for several paths.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Relaxed: only the difference of the numbers matters. Partner: the same line in another
    // thread.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let aside = named::beside(path, &format!("ringway-{}-{number}", getpid().as_raw_nonzero()))?;
    let moved = match renameat_with(CWD, path, CWD, &aside, RenameFlags::NOREPLACE) {
        // No other process uses the name, because it has this process's id and the number in it.
        Err(errno) if is_unknown(errno) => rename(path, &aside),
        other => other,
    };
    match moved {
        Ok(()) => {}
        // Somebody else removed the file meanwhile, so there is nothing left to do.
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    if identity(&lstat(&aside)?) == identity(&fstat(dead)?) {
        return unlink(&aside);
    }
    match renameat_with(CWD, &aside, CWD, path, RenameFlags::NOREPLACE) {
        // The two steps do the same. The first fails if the name is taken by now.
        Err(errno) if is_unknown(errno) => link(&aside, path).and_then(|()| unlink(&aside))?,
        other => other?,
    }
    Err(Errno::ADDRINUSE)
}

/// Whether the system, or this file system, does not know `RENAME_NOREPLACE`.
fn is_unknown(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// Takes the starters' lock, on a file beside the socket's. Dropping the lock removes that file.
fn take_lock(socket: &Path) -> io::Result<LockFile<BorrowedFd<'static>>> {
    let name = named::beside(socket, "ringway")?;
    let late = Instant::now() + LOCK_WAIT;
    loop {
        match LockFile::take(CWD, &name, false) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::net::UnixListener;

    fn pin(path: &Path) -> OwnedFd {
        open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    fn names(dir: &Path) -> Vec<OsString> {
        dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_that_came_before_the_move_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let dead = pin(&path);
        // A program that takes no lock replaces the file now.
        rustix::fs::unlink(&path).unwrap();
        let live = UnixListener::bind(&path).unwrap();

        assert_eq!(remove_dead(&path, &dead), Err(Errno::ADDRINUSE));
        assert_eq!(names(dir.path()), ["socket"]);
        let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        live.accept().unwrap();
    }

    #[test]
    fn only_the_dead_file_is_removed_if_it_exists() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let dead = pin(&path);
        assert_eq!(remove_dead(&path, &dead), Ok(()));
        assert_eq!(remove_dead(&path, &dead), Ok(()));
        assert!(names(dir.path()).is_empty());
    }
}
