//! Memory that a child process shares with its parent.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

/// An anonymous file of `size` bytes.
pub fn file(size: usize) -> File {
    // SAFETY: a constant name, and no descriptor that anybody else has.
    let fd = unsafe { libc::memfd_create(c"ringway-bench".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "cannot make a memfd: {}", io::Error::last_os_error());
    // SAFETY: the descriptor is new, and ours.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(size as u64).expect("give the memfd its size");
    file
}

/// `size` zero bytes on a page boundary, shared with child processes, until the process ends.
pub fn map(size: usize) -> *mut u8 {
    let file = file(size);
    // SAFETY: a new mapping at an address of the kernel's choice.
    let at = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            file.as_raw_fd(),
            0,
        )
    };
    assert!(at != libc::MAP_FAILED, "cannot map: {}", io::Error::last_os_error());
    at.cast()
}

/// A zeroed `T`, shared with child processes. Zero bytes must be a valid `T`.
pub fn shared<T>() -> &'static T {
    assert!(align_of::<T>() <= 4096);
    // SAFETY: the mapping is large and aligned enough, and lives as long as the process; the
    // callers name types for which zero bytes are a value.
    unsafe { &*map(size_of::<T>()).cast::<T>() }
}

/// `value` in memory shared with child processes.
pub fn shared_with<T>(value: T) -> &'static mut T {
    assert!(align_of::<T>() <= 4096);
    let at = map(size_of::<T>()).cast::<T>();
    // SAFETY: the mapping is new, large and aligned enough, and ours alone.
    unsafe { at.write(value) };
    // SAFETY: the mapping is new, large and aligned enough, and initialized.
    unsafe { &mut *at }
}

/// A zeroed `T` in this process's own memory, for as long as the process runs.
pub fn private<T>() -> &'static mut T {
    let layout = std::alloc::Layout::new::<T>();
    // SAFETY: the callers name types that are not of size zero.
    let at = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<T>();
    assert!(!at.is_null());
    // SAFETY: new, aligned, and never freed; the callers name types for which zero bytes are a
    // value.
    unsafe { &mut *at }
}
