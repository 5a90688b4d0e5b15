//! Which file a descriptor or a path leads to, where bytes that are written could be read again.

use rustix::fs::{FileType, Stat, fstat, stat};
use std::os::fd::AsFd;
use std::path::Path;

/// A regular file, a pipe or a FIFO: what is written into it is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The identity of what is open, if it is of this kind.
    pub fn of(fd: impl AsFd) -> Option<Self> {
        Self::in_stat(&fstat(fd).ok()?)
    }

    /// The identity of what has a name, if it is of this kind.
    pub fn at(path: &Path) -> Option<Self> {
        Self::in_stat(&stat(path).ok()?)
    }

    fn in_stat(stat: &Stat) -> Option<Self> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        matches!(kind, FileType::RegularFile | FileType::Fifo)
            .then_some(Identity { device: stat.st_dev, inode: stat.st_ino })
    }
}
