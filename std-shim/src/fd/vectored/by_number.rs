//! The calls by their numbers, for Android.
//!
//! `rustix` has them for Linux, in the same form. The C library of Android has functions for them
//! since API level 33. Linux builds this file for its tests.

use crate::sys::answer;
use rustix::io::{IoSlice, IoSliceMut, Result};
use std::ffi::{c_long, c_uint};
use std::ops::BitOr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The flags of one call, the `RWF_` numbers of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fd) struct ReadWriteFlags(c_uint);

impl ReadWriteFlags {
    /// `RWF_NOWAIT`.
    pub(in crate::fd) const NOWAIT: Self = Self(8);

    pub(in crate::fd) const fn from_bits_retain(bits: c_uint) -> Self {
        Self(bits)
    }
}

impl BitOr for ReadWriteFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The two halves of an offset, as the kernel takes them on 64-bit and on 32-bit systems. A 64-bit
/// kernel ignores the second.
fn halves(offset: u64) -> [c_long; 2] {
    [offset as c_long, (offset >> 32) as c_long]
}

/// Reads at `offset`, or at the file's own position for `u64::MAX`.
pub(in crate::fd) fn preadv2(
    fd: BorrowedFd<'_>,
    bufs: &mut [IoSliceMut<'_>],
    offset: u64,
    flags: ReadWriteFlags,
) -> Result<usize> {
    let ([low, high], count) = (halves(offset), bufs.len());
    let (fd, bufs) = (fd.as_raw_fd(), bufs.as_mut_ptr());
    // SAFETY: an `IoSliceMut` has the layout of an `iovec`, and `bufs` points to `count` of them.
    // They lend memory that the kernel may write during the call.
    let done = unsafe { libc::syscall(libc::SYS_preadv2, fd, bufs, count, low, high, flags.0) };
    answer(done).map(|bytes| bytes as usize)
}

/// Writes at `offset`, or at the file's own position for `u64::MAX`.
pub(in crate::fd) fn pwritev2(
    fd: BorrowedFd<'_>,
    bufs: &[IoSlice<'_>],
    offset: u64,
    flags: ReadWriteFlags,
) -> Result<usize> {
    let ([low, high], count) = (halves(offset), bufs.len());
    let (fd, bufs) = (fd.as_raw_fd(), bufs.as_ptr());
    // SAFETY: an `IoSlice` has the layout of an `iovec`, and `bufs` points to `count` of them. They
    // lend memory that the kernel may read during the call.
    let done = unsafe { libc::syscall(libc::SYS_pwritev2, fd, bufs, count, low, high, flags.0) };
    answer(done).map(|bytes| bytes as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;
    use std::io::{Read, Seek, SeekFrom};
    use std::os::fd::AsFd;

    const NONE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0);

    #[test]
    fn calls_by_number_move_the_position() {
        let mut file = tempfile::tempfile().unwrap();
        let pieces = [IoSlice::new(b"by "), IoSlice::new(b"number")];
        assert_eq!(pwritev2(file.as_fd(), &pieces, u64::MAX, NONE), Ok(9));
        file.rewind().unwrap();
        let (mut first, mut second) = ([0; 2], [0; 16]);
        let mut pieces = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(preadv2(file.as_fd(), &mut pieces, u64::MAX, NONE), Ok(9));
        assert_eq!([&first[..], &second[..7]].concat(), b"by number");
        assert_eq!(file.stream_position().unwrap(), 9);
    }

    #[test]
    fn calls_by_number_take_a_long_offset() {
        let mut file = tempfile::tempfile().unwrap();
        let far = (7 << 32) + 5;
        assert_eq!(pwritev2(file.as_fd(), &[IoSlice::new(b"far")], far, NONE), Ok(3));
        let mut bytes = [0; 4];
        let read = preadv2(file.as_fd(), &mut [IoSliceMut::new(&mut bytes)], far, NONE);
        assert_eq!((read, &bytes[..3]), (Ok(3), &b"far"[..]));
        file.seek(SeekFrom::Start(far)).unwrap();
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"far");
    }

    #[test]
    fn flags_are_those_of_the_kernel() {
        type Peer = rustix::io::ReadWriteFlags;
        assert_eq!(ReadWriteFlags::NOWAIT.0, Peer::NOWAIT.bits());
        let both = ReadWriteFlags::NOWAIT | ReadWriteFlags::from_bits_retain(0x100);
        assert_eq!(both.0, Peer::NOWAIT.bits() | 0x100);
        let (reader, _writer) = std::io::pipe().unwrap();
        let mut bytes = [0; 1];
        let read =
            |flags| preadv2(reader.as_fd(), &mut [IoSliceMut::new(&mut bytes)], u64::MAX, flags);
        // A kernel that knows the flag for pipes finds this one empty.
        let result = { read }(ReadWriteFlags::NOWAIT);
        assert!(matches!(result, Err(Errno::AGAIN | Errno::OPNOTSUPP)), "{result:?}");
    }
}
