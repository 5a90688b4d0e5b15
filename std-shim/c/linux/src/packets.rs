//! Packets: whole messages through a socket of the kernel, each read in one piece.

use crate::connection::{address, told};
use crate::failure::{Done, Failure, call, done};
use crate::stream::{adopted, room_for, until};
use ringway::socket::UnixSeqpacket;
use ringway_core_c::error::rw_error;
use ringway_core_c::object::{RW_HANDLE_WORDS, bytes, bytes_mut, put, release, shared};
use ringway_core_c::objects;
use std::ffi::{c_char, c_void};
use std::os::fd::AsRawFd;

/// One end of a connection of packets (`SOCK_SEQPACKET`). Any thread may use it: messages of
/// several do not mix. It is one process's at a time.
#[repr(C)]
pub struct rw_packets {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

objects! {
    rw_packets = Box<UnixSeqpacket>, 0x7277_0213;
}

fn end<'a>(packets: *const rw_packets) -> Done<&'a UnixSeqpacket> {
    Ok(shared(packets).ok_or(Failure::from(rw_error::RW_INVALID))?)
}

/// Makes the object of an end.
pub fn put_packets(to: *mut rw_packets, end: UnixSeqpacket) -> Done {
    done(put(to, Box::new(end)))
}

/// Makes the two ends of a connection of packets.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_packets_pair(one: *mut rw_packets, other: *mut rw_packets) -> rw_error {
    call(|| {
        room_for(one)?;
        room_for(other)?;
        let (here, there) = UnixSeqpacket::pair()?;
        put_packets(one, here)?;
        put_packets(other, there)
    })
}

/// Connects to a listener of packets, at most until `deadline`. `RW_NOT_FOUND` or `RW_REFUSED` if
/// nobody listens there.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_packets_connect(
    packets: *mut rw_packets,
    path: *const c_char,
    deadline: u64,
) -> rw_error {
    call(|| {
        room_for(packets)?;
        put_packets(packets, UnixSeqpacket::connect_deadline(address(path)?, until(deadline))?)
    })
}

/// Takes a descriptor of a connected socket of packets, such as a child inherited. It is the
/// object's from now on. If it is none, it stays the caller's.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_packets_from_fd(packets: *mut rw_packets, descriptor: i32) -> rw_error {
    call(|| {
        room_for(packets)?;
        put_packets(packets, adopted(descriptor)?)
    })
}

/// The descriptor of the end, for `poll`, `shutdown` and to be inherited. -1 for what is no end.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_packets_fd(packets: *const rw_packets) -> i32 {
    shared(packets).map_or(-1, |packets| packets.as_raw_fd())
}

/// Closes the end. The other is told: `RW_END_OF_FILE` after the last message.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_packets_close(packets: *mut rw_packets) -> rw_error {
    call(|| done(release(packets)))
}

/// Sends a message as a whole, which may be empty. Waits for room until `deadline`.
///
/// `RW_BROKEN_PIPE` or `RW_RESET` if the other side is gone: also if it was killed.
/// `RW_MESSAGE_TOO_LARGE` if the socket's buffer could never take it.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_packets_send(
    packets: *const rw_packets,
    message: *const c_void,
    size: usize,
    deadline: u64,
) -> rw_error {
    call(|| {
        let end = end(packets)?;
        let message = bytes(message, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        Ok(end.send_deadline(message, until(deadline))?)
    })
}

/// Receives a message, for which it waits until `deadline`, and tells its length.
///
/// `RW_END_OF_FILE` if the other side is gone and everything was received: also if it was killed.
/// `RW_BUFFER_TOO_SMALL` if `size` is less than the length that it tells: then the buffer has the
/// beginning of the message, and the rest is lost.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_packets_recv(
    packets: *const rw_packets,
    message: *mut c_void,
    size: usize,
    deadline: u64,
    length: *mut usize,
) -> rw_error {
    call(|| {
        let end = end(packets)?;
        let message = bytes_mut(message, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        told(end.recv_deadline(message, until(deadline)), length)
    })
}
