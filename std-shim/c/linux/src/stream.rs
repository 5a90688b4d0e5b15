//! Reading and writing descriptors, with deadlines.

use crate::failure::{Done, Failure, call};
use ringway::CoreError;
use ringway::fd;
use ringway_core_c::error::rw_error;
use ringway_core_c::object::{bytes, bytes_mut, tell};
use ringway_core_c::wait::{RW_FOREVER, linux};
use std::ffi::c_void;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::time::Instant;

/// A descriptor that C gives. It stays open for the time of the call.
pub fn borrowed<'a>(number: i32) -> Done<BorrowedFd<'a>> {
    if number < 0 {
        return Err(rw_error::RW_INVALID.into());
    }
    // SAFETY: it is not -1. The caller of C keeps it open; a closed one makes the calls that take
    // it fail.
    Ok(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Takes a descriptor that C gives away. If it is no `T`, it stays the caller's.
pub fn adopted<T: TryFrom<OwnedFd>>(number: i32) -> Done<T>
where
    Failure: From<T::Error>,
{
    // It looks at a duplicate: what is refused would be closed.
    let duplicate = fd::duplicate(borrowed(number)?)?;
    let found = T::try_from(duplicate)?;
    // SAFETY: the caller of C gives the descriptor away, which is open: it was just duplicated.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    Ok(found)
}

/// Whether C gave a place for what a call makes.
pub fn room_for<T>(object: *mut T) -> Done {
    if object.is_null() || !object.is_aligned() { Err(rw_error::RW_INVALID.into()) } else { Ok(()) }
}

/// A deadline of C, for the shim.
pub fn until(deadline: u64) -> Option<Instant> {
    if deadline == RW_FOREVER { None } else { linux::instant(deadline) }
}

/// Reads at least a byte from a descriptor of any kind, and waits for it until `deadline`. Tells
/// how many bytes it read.
///
/// `RW_END_OF_FILE` if nobody writes there any more: also after the death of the last writer.
/// The descriptor's mode does not matter, and stays as it is.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_fd_read(
    descriptor: i32,
    data: *mut c_void,
    size: usize,
    deadline: u64,
    read: *mut usize,
) -> rw_error {
    call(|| {
        let data = bytes_mut(data, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        let count = fd::read_deadline(borrowed(descriptor)?, data, until(deadline))?;
        tell(read, count);
        if count == 0 && size > 0 { Err(rw_error::RW_END_OF_FILE.into()) } else { Ok(()) }
    })
}

/// Writes at least a byte to a descriptor of any kind, and waits for room until `deadline`. Tells
/// how many bytes it wrote.
///
/// `RW_BROKEN_PIPE` if nobody reads there any more. There is no `SIGPIPE`.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_fd_write(
    descriptor: i32,
    data: *const c_void,
    size: usize,
    deadline: u64,
    written: *mut usize,
) -> rw_error {
    call(|| {
        let data = bytes(data, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        tell(written, fd::write_deadline(borrowed(descriptor)?, data, until(deadline))?);
        Ok(())
    })
}

/// Writes all bytes, and waits for room until `deadline`. Tells how many it wrote, also if it
/// fails.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_fd_write_all(
    descriptor: i32,
    data: *const c_void,
    size: usize,
    deadline: u64,
    written: *mut usize,
) -> rw_error {
    call(|| {
        let mut left = bytes(data, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        let done = fd::write_all(borrowed(descriptor)?, &mut left, until(deadline));
        tell(written, size - left.len());
        Ok(done?)
    })
}

/// Reads as many bytes as there is room for, and waits for them until `deadline`. Tells how many it
/// read, also if it fails: `RW_END_OF_FILE` may come after some.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_fd_read_all(
    descriptor: i32,
    data: *mut c_void,
    size: usize,
    deadline: u64,
    read: *mut usize,
) -> rw_error {
    call(|| {
        let mut left = bytes_mut(data, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        let done = fd::read_exact(borrowed(descriptor)?, &mut left, until(deadline));
        tell(read, size - left.len());
        match done {
            Err(error) if error.is(CoreError::EndOfFile) => Err(rw_error::RW_END_OF_FILE.into()),
            done => Ok(done?),
        }
    })
}
