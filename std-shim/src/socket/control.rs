//! Receives messages with control data. Only this module parses control data.
//!
//! This process alone does not decide which control data the system adds to a message. The options
//! for it (`SO_PASSCRED`, `SO_PASSPIDFD`, `SO_PASSSEC`, `SO_TIMESTAMP` and others) belong to the
//! socket. So every process that has the socket can set them at any time, and an accepted
//! connection may inherit them from its listener. Therefore the buffer always has room for all of
//! them. Every descriptor in it becomes an [`OwnedFd`], whichever option brought it. Other control
//! data is ignored.

mod headers;

use crate::sys::last_errno;
use headers::space;
use rustix::io;
use rustix::net::RecvFlags;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The most descriptors that one message can carry (the kernel's `SCM_MAX_FD`).
///
/// ```
/// assert_eq!(ringway::socket::MAX_DESCRIPTORS, 253);
/// ```
#[doc(alias = "SCM_MAX_FD")]
pub const MAX_DESCRIPTORS: usize = 253;

/// The result of one `recvmsg`.
pub(super) struct Message {
    /// The size of the message, or the number of bytes that the stream had.
    pub(super) size: usize,
    /// The descriptors that came with the message, close-on-exec.
    pub(super) descriptors: Vec<OwnedFd>,
    /// Whether the system dropped control data or descriptors.
    ///
    /// The buffer had no room for the data, or this process may not open more descriptors.
    pub(super) truncated: bool,
    /// Whether there was control data of any kind.
    pub(super) marked: bool,
}

/// Calls `recvmsg` with room for `room` descriptors and for all other control data.
///
/// If a peer sends more than `room` descriptors, the system may open some of them in the room for
/// the other data. They are in [`Message::descriptors`] then, which never has more than
/// [`MAX_DESCRIPTORS`](MAX_DESCRIPTORS).
pub(super) fn recv(
    fd: BorrowedFd<'_>,
    buf: &mut [u8],
    room: usize,
    flags: RecvFlags,
) -> io::Result<Message> {
    let mut control = Control([MaybeUninit::uninit(); CONTROL]);
    let room = OTHERS + space(room.min(MAX_DESCRIPTORS) * size_of::<RawFd>());
    let mut slice = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: a `msghdr` has integers and pointers that may be null, so all zeroes is valid: it has
    // no name, no slices and no control data.
    let mut header = unsafe { MaybeUninit::<libc::msghdr>::zeroed().assume_init() };
    header.msg_iov = &raw mut slice;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    // The width of the field differs between C libraries, and a few thousand fits into each.
    header.msg_controllen = room.min(CONTROL) as _;
    let flags = (flags | RecvFlags::CMSG_CLOEXEC).bits() as libc::c_int;
    // SAFETY: the header points to a slice and to a control buffer. Both are local or borrowed
    // mutably, have the sizes in the header, and live through the call.
    let size = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags) };
    let Ok(size) = usize::try_from(size) else { return Err(last_errno()) };
    #[allow(clippy::unnecessary_cast)] // the width differs between targets
    let filled = (header.msg_controllen as usize).min(CONTROL);
    let mut descriptors = Vec::new();
    // SAFETY: the kernel has just filled the first `filled` bytes, and nothing else has taken a
    // descriptor out of them.
    unsafe { take_descriptors(&control, filled, &mut descriptors) };
    let truncated = header.msg_flags & libc::MSG_CTRUNC != 0;
    Ok(Message { size, descriptors, truncated, marked: truncated || filled != 0 })
}

/// Room for all control data but descriptors.
///
/// The longest security label of Linux's modules has a page. The time stamps, credentials and pidfd
/// take less than 256 bytes together.
const OTHERS: usize = space(4096) + 256;

const CONTROL: usize = OTHERS + space(MAX_DESCRIPTORS * size_of::<RawFd>());

#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; CONTROL]);

/// Takes every descriptor out of control data.
///
/// # Safety
/// The kernel must have filled the first `filled` bytes of `control` with control data, and the
/// descriptors in them must have no other owner.
unsafe fn take_descriptors(control: &Control, filled: usize, descriptors: &mut Vec<OwnedFd>) {
    let start = control.0.as_ptr().cast::<u8>();
    // SAFETY: the first `filled` bytes, which are no more than `control` has, were filled, as the
    // caller guarantees. They live as long as the borrow.
    let filled = unsafe { std::slice::from_raw_parts(start, filled.min(CONTROL)) };
    headers::descriptors(filled, |found| {
        // SAFETY: the kernel opened this descriptor for this process, and the caller guarantees
        // that it has no other owner.
        let descriptor = unsafe { OwnedFd::from_raw_fd(found.number) };
        if found.was_sent {
            descriptors.push(descriptor);
        }
        // The drop closes a pidfd, because nobody asked for it.
    });
}
