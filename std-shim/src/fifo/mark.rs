//! Whether the maker of a FIFO still lives.
//!
//! The system does not tell. A FIFO that nobody has open may belong to a program that opens it the
//! next moment, or to nobody, since it was made with `mkfifo(1)` to stay; and to open it for a look
//! would let a peer in. So a maker leaves a mark beside it, the file `.NAME.ringway`, which says
//! which FIFO it is for. The maker has the mark locked (`flock`) as long as it has the name, and
//! removes it afterwards. A mark that nobody has locked is a dead maker's.
//!
//! A mark counts only if it is this user's. One that cannot be made is done without: then a FIFO is
//! not known for dead later.

use crate::fd::Identity;
use crate::named::{self, LockFile};
use rustix::io::{self, Errno};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

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

/// A mark that this process has locked. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Mark(LockFile<OwnedFd>);

impl Mark {
    /// Takes the mark for the FIFO of that name in `dir`, and tells what a dead maker wrote into
    /// it. `None` if somebody else has it, or there can be none.
    pub(super) fn take(dir: BorrowedFd<'_>, fifo: &Path) -> Option<(Mark, Option<Identity>)> {
        let name = named::beside(fifo, "ringway").ok()?;
        // Somebody may remove it between any two steps; a few times are chance.
        let take = || LockFile::take(io::fcntl_dupfd_cloexec(dir, 0)?, &name, true);
        let mark = Mark((0..8).find_map(|_| take().transpose())?.ok()?);
        let written = mark.read();
        Some((mark, written))
    }

    pub(super) fn name(&self) -> &Path {
        self.0.name()
    }

    /// Says which FIFO it is for.
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
        // Written whole.
        let (device, inode) = text.strip_suffix('\n')?.split_once(' ')?;
        Some((device.parse().ok()?, inode.parse().ok()?))
    }
}
