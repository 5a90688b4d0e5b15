//! The file of a Unix socket: made, found dead and replaced, and removed when it is ours.
//!
//! # The protocol
//!
//! 1. `bind`. If the name is free that is all: no lock, no look.
//! 2. The name is taken. What is no socket stays, and so does a socket that somebody has: the
//!    address is in use. [`probe`] tells; it connects a datagram socket, which reaches nobody: the
//!    kernel refuses it if no process has the socket, and calls it the wrong type, or connects a
//!    datagram socket silently, if one has. A socket that is bound and does not listen yet is had.
//! 3. It is dead. Take the lock, and look once more: another starter may have been here first.
//! 4. Open the file itself (`O_PATH`), so that its inode number is not given to another one while
//!    we look. Probe. Move the file away under a name of its own, and compare what was moved with
//!    what was opened. If it is another, a program that takes no lock was here in between: move it
//!    back. Else unlink it.
//! 5. `bind` again. If the name is taken now, somebody else was faster.
//! 6. Remove the lock file, and with it the lock.
//!
//! Two starters cannot take each other's file: only who has the lock moves anything, and what he
//! moves he has found dead under the lock. A starter that is killed leaves its lock to the next
//! one, and at worst a dead file under the name of step 4.

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

/// How long a starter waits for its turn. Those before it need microseconds each; one that was
/// stopped in the middle must not stop the others for ever.
const TURN: Duration = Duration::from_secs(2);

/// A socket file that this process made. Dropping it removes the file, if it is still the same.
///
/// The caller drops it before the socket: as long as that lives no starter takes the file for a
/// dead one's.
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
        if !self.path.as_os_str().is_empty() && getpid() == self.maker {
            let _ = named::remove(CWD, &self.path, self.identity);
        }
    }
}

/// Binds the socket to the address. For a path, what is to be removed later.
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
        // The file gets the permissions that the socket has when it is bound, less the umask.
        Some(mode) => named::bits(mode).and_then(|mode| fchmod(socket, mode)),
        None => Ok(()),
    };
    let bound = bound.and_then(|()| match rustix::net::bind(socket, &encoded) {
        Err(Errno::ADDRINUSE) => replace_dead(socket, path, &encoded),
        other => other,
    });
    // Nobody can connect yet: a stream listens later, and a datagram's sender needs the permission.
    let claimed = bound
        .and_then(|()| named::claim(CWD, path, FileType::Socket, options.get_mode()))
        .tried(BIND)
        .on(address)?;
    // The working directory may change before it is removed.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    Ok(Some(Box::new(SocketFile { path, identity: claimed.0, maker: getpid() })))
}

const BIND: &str = "bind to";

/// Steps 2 to 6. `ADDRINUSE` if somebody lives there.
fn replace_dead(socket: BorrowedFd<'_>, path: &Path, address: &SocketAddrUnix) -> io::Result<()> {
    // Without the lock, so that the common case, a live listener, leaves no trace.
    if let Owner::Alive = owner(path, address)? {
        return Err(Errno::ADDRINUSE);
    }
    let _turn = take_turn(path)?;
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
    let aside = named::beside(path, &format!("ringway-{}-{number}", getpid().as_raw_nonzero()))?;
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
fn take_turn(socket: &Path) -> io::Result<LockFile<BorrowedFd<'static>>> {
    let name = named::beside(socket, "ringway")?;
    let late = Instant::now() + TURN;
    loop {
        match LockFile::take(CWD, &name, false) {
            Ok(Some(turn)) => return Ok(turn),
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
}
