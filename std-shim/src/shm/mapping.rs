//! Memory mappings: of a region's file, and private ones.

use super::file::OPEN;
use super::reactor;
use crate::error::{Tried, limit};
use crate::{Result, unshared};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::os::fd::AsFd;
use std::ptr::NonNull;

/// A memory mapping, which is unmapped when it is dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    at: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping hands out its address and length, and no references. Those that make references
// into it are responsible for how threads and processes share the memory.
unsafe impl Send for Mapping {}
// SAFETY: through a `&Mapping` a thread gets the address and the length, and no references. Those
// that make references into the memory are responsible for how threads and processes share it.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes of the file; `length` must not be 0.
    ///
    /// In a copy of this process that a plain `fork(2)` makes, the addresses stay reserved, without
    /// the memory.
    pub(crate) fn new(file: impl AsFd, length: usize, access: ProtFlags) -> Result<Mapping> {
        let (file, flags) = (file.as_fd(), MapFlags::SHARED);
        // SAFETY: a new mapping, at an address that the kernel chooses: it covers nothing that is
        // in use.
        let map = || unsafe { mmap(std::ptr::null_mut(), length, access, flags, file, 0) };
        Self::made(unshared::map(length, map), length)
    }

    /// Maps `length` zeroed bytes for this process alone. Only pages that are written take memory.
    pub(super) fn private(length: usize) -> Result<Mapping> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        let flags = flags | MapFlags::NORESERVE;
        // SAFETY: a new mapping, at an address that the kernel chooses: it covers nothing that is
        // in use.
        let at = unsafe { mmap_anonymous(std::ptr::null_mut(), length, access, flags) };
        Self::made(at, length)
    }

    fn made(at: std::result::Result<*mut c_void, Errno>, length: usize) -> Result<Mapping> {
        let at = at.and_then(|at| NonNull::new(at.cast()).ok_or(Errno::NOMEM));
        Ok(Mapping { at: at.map_err(limit).tried(OPEN)?, length })
    }

    pub(crate) fn at(&self) -> NonNull<u8> {
        self.at
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Whether `address` lies within the mapping.
    pub(super) fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.at.addr().get()) < self.length
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let Mapping { at, length } = *self;
        let begin = at.addr().get();
        reactor::forget(begin..begin + length);
        unshared::unmap(at.addr().get(), || {
            // SAFETY: `at` and `length` are a mapping that `new` or `private` made. Its users keep
            // it as long as they borrow from it, so that nothing does now. `munmap` of a whole
            // mapping does not fail.
            let _ = unsafe { munmap(at.as_ptr().cast(), length) };
        });
    }
}
