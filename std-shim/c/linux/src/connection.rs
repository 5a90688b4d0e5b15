//! Connections: whole messages of any size between two processes, and descriptors with them.

use crate::failure::{Done, Failure, call, done, text};
use crate::stream::{adopted, borrowed, room_for, until};
use ringway::connection::{self, Connection};
use ringway::socket::{UnixAddress, UnixStream};
use ringway_core_c::error::rw_error;
use ringway_core_c::object::{RW_HANDLE_WORDS, bytes, bytes_mut, put, release, shared, tell};
use ringway_core_c::objects;
use std::ffi::{c_char, c_void};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd};

/// One end of a connection. Any thread may use it: messages of several do not mix. It is one
/// process's at a time.
#[repr(C)]
pub struct rw_connection {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

objects! {
    rw_connection = Box<Connection>, 0x7277_0211;
}

/// The most descriptors that go with one message.
pub const RW_MAX_DESCRIPTORS: usize = 253;
const _: () = assert!(RW_MAX_DESCRIPTORS == ringway::socket::MAX_DESCRIPTORS);

fn end<'a>(connection: *const rw_connection) -> Done<&'a Connection> {
    Ok(shared(connection).ok_or(Failure::from(rw_error::RW_INVALID))?)
}

/// The address of a socket file, or of an abstract name behind an `@`.
pub fn address(path: *const c_char) -> Done<UnixAddress> {
    let path = text(path)?;
    Ok(match path.strip_prefix('@') {
        Some(name) => UnixAddress::Abstract(name.as_bytes().to_vec()),
        None => path.into(),
    })
}

/// Makes the two ends of a connection.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_pair(
    one: *mut rw_connection,
    other: *mut rw_connection,
) -> rw_error {
    call(|| {
        room_for(one)?;
        room_for(other)?;
        let (here, there) = connection::pair()?;
        done(put(one, Box::new(here)))?;
        done(put(other, Box::new(there)))
    })
}

/// Connects to a listener, at most until `deadline`. `RW_NOT_FOUND` or `RW_REFUSED` if nobody
/// listens there.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_open(
    connection: *mut rw_connection,
    path: *const c_char,
    deadline: u64,
) -> rw_error {
    call(|| {
        room_for(connection)?;
        let stream = UnixStream::connect_deadline(address(path)?, until(deadline))?;
        done(put(connection, Box::new(Connection::from(stream))))
    })
}

/// Takes a descriptor of a connected Unix stream socket, such as a child inherited. It is the
/// connection's from now on. If it is none, it stays the caller's.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_from_fd(
    connection: *mut rw_connection,
    descriptor: i32,
) -> rw_error {
    call(|| {
        room_for(connection)?;
        let found: Connection = adopted(descriptor)?;
        done(put(connection, Box::new(found)))
    })
}

/// The connection's descriptor, for `poll` and to be inherited. -1 for what is no connection.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_fd(connection: *const rw_connection) -> i32 {
    shared(connection).map_or(-1, |connection| connection.as_raw_fd())
}

/// Closes the end. The other is told: `RW_END_OF_FILE` after the last message.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_close(connection: *mut rw_connection) -> rw_error {
    call(|| done(release(connection)))
}

/// Tells which process made the connection or connected to it, and its user.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_peer(
    connection: *const rw_connection,
    process: *mut i32,
    user: *mut u32,
) -> rw_error {
    call(|| {
        let peer = end(connection)?.peer_credentials()?;
        tell(process, peer.pid.map_or(0, |pid| pid.as_raw_pid()));
        tell(user, peer.uid);
        Ok(())
    })
}

/// Sends a message, and the descriptors of the list with it, which stay the caller's. Waits for
/// room until `deadline`.
///
/// `RW_BROKEN_PIPE` or `RW_RESET` if the other side is gone: also if it was killed. After
/// `RW_TIMED_OUT` send the same message again: a part of it may be under way.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_send(
    connection: *const rw_connection,
    message: *const c_void,
    size: usize,
    descriptors: *const i32,
    count: usize,
    deadline: u64,
) -> rw_error {
    call(|| {
        let end = end(connection)?;
        let message = bytes(message, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        if count == 0 {
            return Ok(end.send_deadline(message, until(deadline))?);
        }
        let wrong = descriptors.is_null() || !descriptors.is_aligned();
        if wrong || count > RW_MAX_DESCRIPTORS {
            return Err(rw_error::RW_INVALID.into());
        }
        // SAFETY: the caller of C guarantees as many numbers, for the time of the call.
        let numbers = unsafe { std::slice::from_raw_parts(descriptors, count) };
        let all: Done<Vec<BorrowedFd<'_>>> = numbers.iter().map(|it| borrowed(*it)).collect();
        Ok(end.send_descriptors(message, &all?, until(deadline))?)
    })
}

/// Receives a message, for which it waits until `deadline`, and tells its length.
///
/// `RW_END_OF_FILE` if the other side is gone and everything was received: also if it was killed;
/// `RW_RESET` if that was in the middle of a message. `RW_BUFFER_TOO_SMALL` if `size` is less than
/// the length that it tells, and then the message stays. Descriptors that come with it are closed.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_recv(
    connection: *const rw_connection,
    message: *mut c_void,
    size: usize,
    deadline: u64,
    length: *mut usize,
) -> rw_error {
    call(|| {
        let end = end(connection)?;
        let message = bytes_mut(message, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        told(end.recv_deadline(message, until(deadline)), length)
    })
}

/// Tells the length of a message that was received, or is too large for the buffer.
pub fn told(received: ringway::Result<usize>, length: *mut usize) -> Done {
    let size = match &received {
        Ok(size) => Some(*size),
        Err(error) => match error.cause() {
            ringway::Cause::Core(ringway::CoreError::BufferTooSmall { needed }) => Some(needed),
            _ => None,
        },
    };
    if let Some(size) = size {
        tell(length, size);
    }
    Ok(received.map(drop)?)
}

/// Receives a message, and at most `room` descriptors with it, which are the caller's then, and
/// close on exec. Tells its length and their number.
///
/// As `rw_connection_recv`, but for a message that is larger than `size`: it is lost, with its
/// descriptors (`RW_MESSAGE_TOO_LARGE`). `RW_EXHAUSTED` if more descriptors came than `room`, and
/// then the message stays.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_connection_recv_descriptors(
    connection: *const rw_connection,
    message: *mut c_void,
    size: usize,
    descriptors: *mut i32,
    room: usize,
    deadline: u64,
    length: *mut usize,
    count: *mut usize,
) -> rw_error {
    call(|| {
        let end = end(connection)?;
        let place = bytes_mut(message, size).ok_or(Failure::from(rw_error::RW_INVALID))?;
        if (descriptors.is_null() || !descriptors.is_aligned()) && room > 0 {
            return Err(rw_error::RW_INVALID.into());
        }
        // A buffer of a fixed size does not say how much of it the message is.
        let mut whole = Vec::new();
        let came = end.recv_descriptors(&mut whole, room, until(deadline))?;
        tell(length, whole.len());
        let Some(to) = place.get_mut(..whole.len()) else {
            return Err(rw_error::RW_MESSAGE_TOO_LARGE.into());
        };
        to.copy_from_slice(&whole);
        tell(count, came.len());
        for (index, descriptor) in came.into_iter().enumerate() {
            tell(descriptors.wrapping_add(index), descriptor.into_raw_fd());
        }
        Ok(())
    })
}
