//! Whether the maker of a FIFO still lives.
//!
//! The system does not tell. A FIFO that nobody has open may belong to a program that opens it the next moment, or to nobody,
//! since it was made with `mkfifo(1)` to stay; and to open it for a look would let a peer in. So a maker leaves a mark beside
//! it, the file `.NAME.ringway`, which says which FIFO it is for. The maker has the mark locked (`flock`) as long as it has
//! the name, and removes it afterwards. A mark that nobody has locked is a dead maker's.
//!
//! A mark counts only if it is this user's. One that cannot be made is done without: then a FIFO is not known for dead later.

use crate::fd::{Identity, identity};
use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::{self, Errno};
use std::ffi::{OsStr, OsString};
use std::os::fd::{BorrowedFd, OwnedFd};

/// The FIFO that we made, to know it again.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) identity: Identity,
    /// Tells others that the maker lives. Dropped, and so removed, after the FIFO.
    pub(super) mark: Option<Mark>,
    /// As long as it is held, no other file can get the same inode number.
    pub(super) _node: OwnedFd,
    /// A forked child has this value too, and is not the one to remove the name.
    pub(super) process: u32,
}

const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A mark that this process has locked. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Mark {
    dir: OwnedFd,
    name: OsString,
    file: OwnedFd,
    /// A forked child has this value too, and is not the one to remove the file.
    process: u32,
}

impl Mark {
    /// Takes the mark for the FIFO of that name in `dir`, and tells what a dead maker wrote into it. `None` if somebody else
    /// has it, or there can be none.
    pub(super) fn take(dir: BorrowedFd<'_>, fifo: &OsStr) -> Option<(Mark, Option<Identity>)> {
        let mut name = OsString::from(".");
        name.push(fifo);
        name.push(".ringway");
        // Somebody may remove it between any two steps; a few times are chance.
        (0..8).find_map(|_| Self::try_take(dir, &name).transpose())?.ok()
    }

    /// `None` if it was removed meanwhile.
    fn try_take(dir: BorrowedFd<'_>, name: &OsStr) -> io::Result<Option<(Mark, Option<Identity>)>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let new = flags | OFlags::CREATE | OFlags::EXCL;
        // Before there is a file, which would have to be removed if this failed.
        let dir = io::fcntl_dupfd_cloexec(dir, 0)?;
        let (file, is_new) = match fs::openat(&dir, name, new, MODE) {
            Err(Errno::EXIST) => match fs::openat(&dir, name, flags, Mode::empty()) {
                Err(Errno::NOENT) => return Ok(None),
                other => (other?, false),
            },
            other => (other?, true),
        };
        let mut mark = Mark { dir, name: name.to_owned(), file, process: std::process::id() };
        match mark.lock(is_new) {
            Ok(true) => {
                let written = mark.read();
                Ok(Some((mark, written)))
            }
            Ok(false) => {
                mark.keep();
                Ok(None)
            }
            Err(errno) => {
                mark.keep();
                // Another's stays; so does one that we made and that another has locked already.
                if is_new && errno != Errno::AGAIN {
                    let _ = fs::unlinkat(&mark.dir, name, AtFlags::empty());
                }
                Err(errno)
            }
        }
    }

    /// Locks it; false if it was removed meanwhile.
    fn lock(&self, is_new: bool) -> io::Result<bool> {
        if is_new {
            // Whatever the umask is: the next one must be able to open it.
            fs::fchmod(&self.file, MODE)?;
        }
        let stat = fs::fstat(&self.file)?;
        let is_ours = stat.st_uid == rustix::process::geteuid().as_raw();
        if !is_ours || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::EXIST);
        }
        crate::fd::retry(|| fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive))?;
        match fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok(identity(&named) == identity(&stat)),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Leaves the file where it is.
    fn keep(&mut self) {
        self.process = 0;
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Says which FIFO it is for.
    pub(super) fn write(&self, fifo: Identity) -> io::Result<()> {
        let text = format!("{} {}\n", fifo.0, fifo.1);
        fs::ftruncate(&self.file, 0)?;
        match io::pwrite(&self.file, text.as_bytes(), 0)? {
            written if written == text.len() => Ok(()),
            _ => Err(Errno::NOSPC),
        }
    }

    fn read(&self) -> Option<Identity> {
        let mut text = [0; 64];
        let read = io::pread(&self.file, &mut text, 0).ok()?;
        let text = std::str::from_utf8(text.get(..read)?).ok()?;
        // Written whole.
        let (device, inode) = text.strip_suffix('\n')?.split_once(' ')?;
        Some((device.parse().ok()?, inode.parse().ok()?))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let named = fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        let same = match (named, fs::fstat(&self.file)) {
            (Ok(named), Ok(held)) => identity(&named) == identity(&held),
            _ => false,
        };
        // While the lock is held still: nobody else's mark has the name.
        if same && self.process == std::process::id() {
            let _ = fs::unlinkat(&self.dir, &self.name, AtFlags::empty());
        }
    }
}
