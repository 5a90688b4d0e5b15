//! The file's bytes in this process's memory.

use super::file::OPEN;
use crate::error::{Tried, limit};
use crate::{Result, unshared};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::os::fd::AsFd;
use std::ptr::NonNull;

/// A mapping; unmapped when it is dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    at: NonNull<u8>,
    length: usize,
}

// SAFETY: memory that is shared with other processes anyway; whoever gives references into it sees
// to the rest.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes of the file, which must not be none. A copy of this process
    /// that a plain `fork(2)` makes has the addresses without the memory.
    pub(super) fn new(file: impl AsFd, length: usize, access: ProtFlags) -> Result<Mapping> {
        let (file, flags) = (file.as_fd(), MapFlags::SHARED);
        // SAFETY: a new mapping, at an address that the kernel chooses: it covers nothing that is
        // in use.
        let map = || unsafe { mmap(std::ptr::null_mut(), length, access, flags, file, 0) };
        Self::made(unshared::map(length, map), length)
    }

    /// Memory of this process's own, zeroed, of which only what is written takes any place.
    pub(super) fn private(length: usize) -> Result<Mapping> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        let flags = flags | MapFlags::NORESERVE;
        // SAFETY: as in `new`.
        let at = unsafe { mmap_anonymous(std::ptr::null_mut(), length, access, flags) };
        Self::made(at, length)
    }

    fn made(at: std::result::Result<*mut c_void, Errno>, length: usize) -> Result<Mapping> {
        let at = at.and_then(|at| NonNull::new(at.cast()).ok_or(Errno::NOMEM));
        Ok(Mapping { at: at.map_err(limit).tried(OPEN)?, length })
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
        let Mapping { at, length } = *self;
        unshared::unmap(at.addr().get(), || {
            // SAFETY: the mapping made in `new`; nothing borrows from it, as its users hold it.
            // There is no error to come.
            let _ = unsafe { munmap(at.as_ptr().cast(), length) };
        });
    }
}
