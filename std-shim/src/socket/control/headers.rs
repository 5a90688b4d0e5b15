//! Walks through control data.
//!
//! This file knows nothing of the rest of the crate. `tests/src/oracle/parsers` reads any bytes
//! with it.

use std::os::fd::RawFd;

/// A pidfd of the sender (`SO_PASSPIDFD`). The `libc` crate does not name it on every target.
const SCM_PIDFD: libc::c_int = 0x04;

const HEADER: usize = size_of::<libc::cmsghdr>();

/// Bytes of a header and of `data` bytes behind it, each aligned as the system aligns it.
pub(super) const fn space(data: usize) -> usize {
    // SAFETY: `CMSG_SPACE` only computes, and the callers stay far below the bounds of the type.
    unsafe { libc::CMSG_SPACE(data as libc::c_uint) as usize }
}

/// A descriptor that the kernel put into control data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) number: RawFd,
    /// Whether the peer sent it (`SCM_RIGHTS`). Otherwise the kernel added it, for an option of the
    /// socket.
    pub(super) was_sent: bool,
}

/// Calls `found` with every descriptor in this control data, in order.
///
/// The C library's macro overlooks a last header that the end of the buffer cuts short, so this
/// walk is written out. It ends after each byte was passed once, whatever the bytes are.
pub(super) fn descriptors(control: &[u8], mut found: impl FnMut(Found)) {
    // SAFETY: `CMSG_LEN` only computes.
    let data_offset = unsafe { libc::CMSG_LEN(0) as usize };
    let mut rest = control;
    while rest.len() >= HEADER {
        // SAFETY: the loop's condition leaves a whole header in `rest`. It is integers, of which
        // any bytes are a value, and the read needs no alignment.
        let header = unsafe { rest.as_ptr().cast::<libc::cmsghdr>().read_unaligned() };
        #[allow(clippy::unnecessary_cast)] // the width differs between targets
        let length = (header.cmsg_len as usize).min(rest.len());
        if length < HEADER {
            return;
        }
        let carries = header.cmsg_level == libc::SOL_SOCKET
            && matches!(header.cmsg_type, libc::SCM_RIGHTS | SCM_PIDFD);
        let data = rest.get(data_offset..length).unwrap_or_default();
        for number in data.chunks_exact(size_of::<RawFd>()).filter(|_| carries) {
            let number = RawFd::from_ne_bytes(number.try_into().unwrap_or_default());
            // If the kernel could not make a pidfd, it puts a negative error number in its place.
            if number >= 0 {
                found(Found { number, was_sent: header.cmsg_type == libc::SCM_RIGHTS });
            }
        }
        rest = rest.get(space(data.len())..).unwrap_or_default();
    }
}
