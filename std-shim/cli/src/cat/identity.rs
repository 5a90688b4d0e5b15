//! Which file a descriptor or a path leads to, if bytes written to it can be read back.

use rustix::fs::{FileType, Stat, fstat, stat};
use std::os::fd::AsFd;
use std::path::Path;

/// The identity of a regular file, a pipe or a FIFO: bytes written to it can be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The identity of an open file, if it is of such a kind.
    pub fn of(fd: impl AsFd) -> Option<Self> {
        Self::in_stat(&fstat(fd).ok()?)
    }

    /// The identity of a file by name, if it is of such a kind.
    pub fn at(path: &Path) -> Option<Self> {
        Self::in_stat(&stat(path).ok()?)
    }

    fn in_stat(stat: &Stat) -> Option<Self> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        matches!(kind, FileType::RegularFile | FileType::Fifo)
            .then_some(Identity { device: stat.st_dev, inode: stat.st_ino })
    }
}
