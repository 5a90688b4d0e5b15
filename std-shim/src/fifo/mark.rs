//! A file beside a FIFO that shows whether the process that made the FIFO still lives.
//!
//! The system does not tell. A FIFO that nobody has open may belong to a program that opens it in
//! the next moment. Or it belongs to nobody, because somebody made it with `mkfifo(1)` to stay. And
//! opening it to find out would let a peer in.
//!
//! So the process that makes a FIFO leaves a mark beside it, the file `.NAME.ringway`, which names
//! the FIFO by device and inode. The process holds a lock (`flock`) on the mark as long as it has
//! the name, and removes the mark afterwards. A mark that nobody has locked belongs to a dead
//! process.
//!
//! A mark counts only if it belongs to this user. If the mark cannot be made, the FIFO goes
//! without. Then nobody can know later that its process is dead.

use crate::fd::Identity;
use crate::named::{self, LockFile};
use rustix::io::{self, Errno};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

/// The identity of the FIFO that this process made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) identity: Identity,
    /// Shows others that this process lives. It is dropped, and so removed, after the FIFO.
    pub(super) mark: Option<Mark>,
    /// As long as this is open, no other file can get the same inode number.
    pub(super) _node: OwnedFd,
    /// The process that removes the name. A forked child has this value too, but must not remove
    /// it.
    pub(super) process: u32,
}

/// A mark that this process has locked. Dropping it removes the file.
#[derive(Debug)]
pub(super) struct Mark(LockFile<OwnedFd>);

impl Mark {
    /// Takes the mark for the FIFO of that name in `dir`.
    ///
    /// Also returns what a dead process wrote into it. `None` if somebody else has the mark, or if
    /// it cannot be made.
    pub(super) fn take(dir: BorrowedFd<'_>, fifo: &Path) -> Option<(Mark, Option<Identity>)> {
        let name = named::beside(fifo, "ringway").ok()?;
        // Somebody may remove the mark between any two steps. A few attempts are enough, unless
        // somebody does so all the time.
        let take = || LockFile::take(io::fcntl_dupfd_cloexec(dir, 0)?, &name, true);
        let mark = Mark((0..8).find_map(|_| take().transpose())?.ok()?);
        let written = mark.read();
        Some((mark, written))
    }

    pub(super) fn name(&self) -> &Path {
        self.0.name()
    }

    /// Writes which FIFO the mark is for.
    pub(super) fn write(&self, fifo: Identity) -> io::Result<()> {
        let text = format!("{} {}\n", fifo.0, fifo.1);
        rustix::fs::ftruncate(&self.0, 0)?;
        match io::pwrite(&self.0, text.as_bytes(), 0)? {
            written if written == text.len() => Ok(()),
            _ => Err(Errno::NOSPC),
        }
    }

    fn read(&self) -> Option<Identity> {
        let mut text = [0; 64];
        let read = io::pread(&self.0, &mut text, 0).ok()?;
        let text = std::str::from_utf8(text.get(..read)?).ok()?;
        // The newline at the end shows that the mark was written whole.
        let (device, inode) = text.strip_suffix('\n')?.split_once(' ')?;
        Some((device.parse().ok()?, inode.parse().ok()?))
    }
}
