//! Makes, finds and removes the name of a FIFO.
//!
//! Only the process that made a FIFO removes it.

use super::Fifo;
use super::mark::{Made, Mark};
use crate::error::{refused, wrong_file};
use crate::fd::{Identity, identity};
use crate::{CoreError, Error, Result, named};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const MAKE: &str = "make the FIFO";
const USE: &str = "use the FIFO";

/// A file system and a filter answer alike.
const NO_FIFOS: &str =
    concat!("its file system has no FIFOs, which takes another folder; or ", refused!("mknod(2)"));

impl Fifo {
    pub(super) fn make(dir: BorrowedFd<'_>, path: &Path, mode: u32) -> Result<Self> {
        let failed = |errno| Error::new(MAKE, errno).on(path.display());
        let bits = named::bits(mode).map_err(failed)?;
        let mut fifo = Self::resolve(dir, path, MAKE, CoreError::AddressInUse)?;
        // Takes the mark before it makes the FIFO. If a FIFO is there already, a dead process may
        // have left it. Then this process takes it over as it is, and the peers that wait at it now
        // wait for this process.
        let (mark, dead) = Mark::take(fifo.dir.as_fd(), &fifo.file).unzip();
        match fs::mkfifoat(&fifo.dir, &fifo.file, bits) {
            Err(Errno::EXIST) if fifo.is_the_dead_one(dead.flatten()) => {}
            Err(errno @ (Errno::PERM | Errno::NOSYS)) => {
                return Err(failed(errno).because(NO_FIFOS));
            }
            other => other.map_err(failed)?,
        }
        let claimed = named::claim(&fifo.dir, &fifo.file, FileType::Fifo, Some(mode));
        let (identity, node) = claimed.map_err(failed)?;
        // A mark that cannot be written is useless, and is dropped.
        let mark = mark.filter(|mark| mark.write(identity).is_ok());
        fifo.made = Some(Made { identity, mark, _node: node, process: std::process::id() });
        Ok(fifo)
    }

    /// Whether the name leads to this FIFO, which a dead process of the same user left.
    fn is_the_dead_one(&self, dead: Option<Identity>) -> bool {
        let there = fs::statat(&self.dir, &self.file, AtFlags::SYMLINK_NOFOLLOW);
        let (Some(dead), Ok(there)) = (dead, there) else { return false };
        let kind = FileType::from_raw_mode(there.st_mode);
        let is_ours = there.st_uid == rustix::process::geteuid().as_raw();
        kind == FileType::Fifo && is_ours && identity(&there) == dead
    }

    pub(super) fn find(dir: BorrowedFd<'_>, path: &Path) -> Result<Self> {
        // A path without a last component (`/`, `..`) is a directory.
        let fifo = Self::resolve(dir, path, USE, wrong_file(FileType::Directory, "a FIFO"))?;
        fifo.check(USE)?;
        Ok(fifo)
    }

    /// Fails unless the name leads to a FIFO.
    pub(super) fn check(&self, operation: &'static str) -> Result<()> {
        let stat = match fs::statat(&self.dir, &self.file, AtFlags::empty()) {
            // A symbolic link to nothing still has the name: no FIFO can be made there.
            Err(Errno::NOENT) => fs::statat(&self.dir, &self.file, AtFlags::SYMLINK_NOFOLLOW),
            other => other,
        };
        self.must_be_fifo(operation, stat)
    }

    pub(super) fn must_be_fifo(
        &self,
        operation: &'static str,
        stat: rustix::io::Result<Stat>,
    ) -> Result<()> {
        let stat = stat.map_err(|errno| self.failed(operation, errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Fifo => Ok(()),
            kind => Err(Error::new(operation, wrong_file(kind, "a FIFO")).on(self.path.display())),
        }
    }

    pub(super) fn open_node(&self, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
        crate::fd::retry(|| fs::openat(&self.dir, &self.file, flags, Mode::empty()))
    }

    pub(super) fn failed(&self, operation: &'static str, cause: impl Into<crate::Cause>) -> Error {
        Error::new(operation, cause).on(self.path.display())
    }

    /// Removes the name if it leads to the FIFO that this process made.
    pub(super) fn remove_name(&mut self) -> Result<()> {
        match self.made.take() {
            Some(made) if made.process == std::process::id() => {
                let removed = named::remove(&self.dir, &self.file, made.identity);
                removed.map_err(|errno| self.failed("remove the FIFO", errno))
            }
            _ => Ok(()),
        }
    }

    /// Opens the directory of a path. `nameless` is the error for a path without a last component.
    fn resolve(
        dir: BorrowedFd<'_>,
        path: &Path,
        operation: &'static str,
        nameless: impl Into<crate::Cause>,
    ) -> Result<Self> {
        let failed = |cause: crate::Cause| Error::new(operation, cause).on(path.display());
        let bytes = path.as_os_str().as_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            return Err(failed(CoreError::BadName.into()));
        }
        let Some(file) = path.file_name() else { return Err(failed(nameless.into())) };
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir =
            fs::openat(dir, parent, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        Ok(Fifo { path: path.to_owned(), dir, file: file.into(), made: None })
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = self.remove_name();
    }
}
