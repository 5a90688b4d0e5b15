//! The file's bytes in this process's memory.

use super::file::OPEN;
use crate::{Error, Result};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::os::fd::AsFd;
use std::ptr::NonNull;

/// A shared mapping; unmapped when it is dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    at: NonNull<u8>,
    length: usize,
}

// SAFETY: memory that is shared with other processes anyway; whoever gives references into it sees to the rest.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes, which must not be none.
    pub(super) fn new(file: impl AsFd, length: usize, access: ProtFlags) -> Result<Mapping> {
        // SAFETY: a new mapping, at an address that the kernel chooses: it covers nothing that is in use.
        let at = unsafe {
            mmap(std::ptr::null_mut(), length, access, MapFlags::SHARED, file.as_fd(), 0)
        }
        .map_err(|errno| Error::new(OPEN, errno))?;
        let at = NonNull::new(at.cast()).ok_or(Error::new(OPEN, rustix::io::Errno::NOMEM))?;
        Ok(Mapping { at, length })
    }

    pub(super) fn at(&self) -> NonNull<u8> {
        self.at
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Whether `address` lies within.
    pub(super) fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.at.addr().get()) < self.length
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`; nothing borrows from it, as its users hold it.
        let _ = unsafe { munmap(self.at.as_ptr().cast(), self.length) };
    }
}
