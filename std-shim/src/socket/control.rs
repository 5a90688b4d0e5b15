//! Receiving with control data: the one place that parses it.
//!
//! What the system adds to a message is not ours alone to say. The options that ask for it
//! (`SO_PASSCRED`, `SO_PASSPIDFD`, `SO_PASSSEC`, `SO_TIMESTAMP` and others) belong to the socket,
//! so that every process that has the socket can set them, at any time, and an accepted connection
//! may inherit them from its listener. So there is always room for all of them. What is a
//! descriptor becomes an [`OwnedFd`] whatever brought it, and the rest is passed over.

use crate::sys::last_errno;
use rustix::io;
use rustix::net::RecvFlags;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The most descriptors that can travel together (the kernel's `SCM_MAX_FD`).
///
/// ```
/// assert_eq!(ringway::socket::MAX_DESCRIPTORS, 253);
/// ```
#[doc(alias = "SCM_MAX_FD")]
pub const MAX_DESCRIPTORS: usize = 253;

/// What one `recvmsg` gave.
pub(super) struct Message {
    /// The size of the message, or how many bytes the stream had.
    pub(super) size: usize,
    /// The descriptors that came with it, close-on-exec.
    pub(super) descriptors: Vec<OwnedFd>,
    /// The system dropped control data for which there was no room, or descriptors that this
    /// process may not open.
    pub(super) truncated: bool,
    /// There was control data of any kind.
    pub(super) marked: bool,
}

/// `recvmsg` with room for `room` descriptors and for whatever else the system adds.
///
/// A peer that sends more than `room` may get some of them opened in the room for the rest. They
/// are in [`Message::descriptors`] then, and never more than [`MAX_DESCRIPTORS`](MAX_DESCRIPTORS).
pub(super) fn recv(
    fd: BorrowedFd<'_>,
    buf: &mut [u8],
    room: usize,
    flags: RecvFlags,
) -> io::Result<Message> {
    let mut control = Control([MaybeUninit::uninit(); CONTROL]);
    let room = OTHERS + space(room.min(MAX_DESCRIPTORS) * size_of::<RawFd>());
    let mut slice = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: all zeroes are a header without name, slices and control data.
    let mut header = unsafe { MaybeUninit::<libc::msghdr>::zeroed().assume_init() };
    header.msg_iov = &raw mut slice;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    // The width of the field differs between C libraries; the value is a few thousand.
    header.msg_controllen = room.min(CONTROL) as _;
    let flags = (flags | RecvFlags::CMSG_CLOEXEC).bits() as libc::c_int;
    // SAFETY: the header points to a slice and a control buffer that are ours, writable, of the
    // sizes that it says, and live through the call.
    let size = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags) };
    let Ok(size) = usize::try_from(size) else { return Err(last_errno()) };
    #[allow(clippy::unnecessary_cast)] // it has another width elsewhere
    let filled = (header.msg_controllen as usize).min(CONTROL);
    let mut descriptors = Vec::new();
    // SAFETY: the kernel filled so much of the buffer, just now, and nobody else has looked at it.
    unsafe { take_descriptors(&control, filled, &mut descriptors) };
    let truncated = header.msg_flags & libc::MSG_CTRUNC != 0;
    Ok(Message { size, descriptors, truncated, marked: truncated || filled != 0 })
}

/// A descriptor of the sender's process (`SO_PASSPIDFD`), which the `libc` crate does not name on
/// every target.
const SCM_PIDFD: libc::c_int = 0x04;

const HEADER: usize = size_of::<libc::cmsghdr>();

/// What a header takes, and so much data behind it, each aligned as the system aligns it.
const fn space(data: usize) -> usize {
    // SAFETY: it computes; the callers stay far below the bounds of the type.
    unsafe { libc::CMSG_SPACE(data as libc::c_uint) as usize }
}

/// Room for everything but descriptors: the longest security label that Linux's modules make (a
/// page), and the time stamps, credentials and pidfd, which take less than 256 bytes together.
const OTHERS: usize = space(4096) + 256;

const CONTROL: usize = OTHERS + space(MAX_DESCRIPTORS * size_of::<RawFd>());

#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; CONTROL]);

/// Walks through the headers and takes each descriptor that there is. The walk is written out
/// because the C library's macro overlooks a last header that the end of the buffer cuts short.
///
/// # Safety
/// The kernel has filled the first `filled` bytes as control data, and the descriptors in them have
/// no other owner.
unsafe fn take_descriptors(control: &Control, filled: usize, descriptors: &mut Vec<OwnedFd>) {
    let start = control.0.as_ptr().cast::<u8>();
    // SAFETY: it computes.
    let data_offset = unsafe { libc::CMSG_LEN(0) as usize };
    let mut at = 0;
    while filled.saturating_sub(at) >= HEADER {
        let header = start.wrapping_add(at).cast::<libc::cmsghdr>();
        // SAFETY: the header lies within what the kernel filled; the read asks for no alignment.
        let header = unsafe { header.read_unaligned() };
        #[allow(clippy::unnecessary_cast)] // it has another width elsewhere
        let length = (header.cmsg_len as usize).min(filled - at);
        if length < HEADER {
            return;
        }
        let carries = header.cmsg_level == libc::SOL_SOCKET
            && matches!(header.cmsg_type, libc::SCM_RIGHTS | SCM_PIDFD);
        let count =
            if carries { length.saturating_sub(data_offset) / size_of::<RawFd>() } else { 0 };
        for place in 0..count {
            let offset = at + data_offset + place * size_of::<RawFd>();
            let number = start.wrapping_add(offset).cast::<RawFd>();
            // SAFETY: the number lies within this header's data, which the kernel filled.
            let number = unsafe { number.read_unaligned() };
            // In place of a pidfd that it could not make, the kernel puts an error.
            if number >= 0 {
                // SAFETY: the kernel opened this descriptor for us, and nobody else knows it: the
                // caller's promise.
                let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
                if header.cmsg_type == libc::SCM_RIGHTS {
                    descriptors.push(descriptor);
                }
                // A pidfd is closed here: nobody asked for it.
            }
        }
        at += space(length - data_offset.min(length));
    }
}
