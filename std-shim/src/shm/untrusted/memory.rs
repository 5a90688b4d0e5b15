//! The memory of one side: made here, or accepted from the peer.

use super::super::file::reserve;
use super::super::mapping::Mapping;
use crate::error::Tried;
use crate::sys::{memory_file, seal};
use crate::{Cause, CoreError, Error, Result};
use rustix::fs::{self, SealFlags};
use rustix::io::Errno;
use rustix::mm::ProtFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub(super) const MEET: &str = "meet the peer";

/// What `statfs(2)` says of the kernel's own shared memory. Huge pages, which a read may find
/// missing, are another file system.
const TMPFS: u64 = 0x0102_1994;

/// Makes memory that only this process can write, and what the peer gets of it.
pub(super) fn make(size: usize) -> Result<(Mapping, OwnedFd)> {
    let file = memory_file("ringway-untrusted", MEET)?;
    reserve(file.as_fd(), size as u64, MEET)?;
    let mapping = Mapping::new(&file, size, ProtFlags::READ | ProtFlags::WRITE)?;
    // From here on nobody can map it writable, or write it. What is mapped already stays.
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL;
    seal(&file, seals, MEET)?;
    Ok((mapping, file))
}

/// Maps the peer's memory, read-only, if it is what it has to be.
pub(super) fn accept(file: BorrowedFd<'_>, size: usize) -> Result<Mapping> {
    let wanted = "sealed shared memory";
    let refused = |found| Err(Error::new(MEET, Cause::WrongFile { found, wanted }));
    let seals = match fs::fcntl_get_seals(file) {
        Err(Errno::INVAL) => return refused("a file that cannot be sealed"),
        seals => seals.tried(MEET)?,
    };
    if !seals.contains(SealFlags::SHRINK) {
        // Without it, the peer could take the memory away: reading it would be a SIGBUS.
        return refused("memory that can become smaller");
    }
    if fs::fstatfs(file).tried(MEET)?.f_type as u64 != TMPFS {
        return refused("memory of another file system");
    }
    if fs::fstat(file).tried(MEET)?.st_size as u64 != size as u64 {
        return Err(Error::new(MEET, CoreError::Corrupt).because("its memory has another size"));
    }
    Mapping::new(file, size, ProtFlags::READ)
}
