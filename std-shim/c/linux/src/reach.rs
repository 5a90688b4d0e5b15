//! Ways to a stream's other end: listeners, sockets by path and by port, and FIFOs. Each waits
//! until a deadline at most, and gives the descriptor to the caller.

use crate::connection::{address, rw_connection};
use crate::failure::{Done, Failure, call, done, text};
use crate::packets::{put_packets, rw_packets};
use crate::stream::{room_for, until};
use ringway::connection::Connection;
use ringway::fifo::Fifo;
use ringway::socket::{SeqpacketListener, TcpListener, TcpStream, UnixListener, UnixStream};
use ringway_core_c::error::rw_error;
use ringway_core_c::object::{RW_HANDLE_WORDS, put, release, shared, tell};
use ringway_core_c::objects;
use std::ffi::c_char;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

/// Where connections are made. Any thread may use it.
#[repr(C)]
pub struct rw_listener {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// What a listener accepts.
pub enum Listener {
    /// Streams and connections by path.
    Unix(UnixListener),
    /// Connections of packets by path.
    Packets(SeqpacketListener),
    /// Streams by port.
    Tcp(TcpListener),
}

objects! {
    rw_listener = Box<Listener>, 0x7277_0212;
}

fn listens<'a>(listener: *const rw_listener) -> Done<&'a Listener> {
    Ok(shared(listener).ok_or(Failure::from(rw_error::RW_INVALID))?)
}

fn bound(to: *mut rw_listener, bind: impl FnOnce() -> Done<Listener>) -> rw_error {
    call(|| {
        room_for(to)?;
        done(put(to, Box::new(bind()?)))
    })
}

/// An address and a port.
fn inet(at: *const c_char) -> Done<SocketAddr> {
    text(at)?.parse().map_err(|_| rw_error::RW_BAD_NAME.into())
}

/// Gives a descriptor to the caller.
fn given(to: *mut i32, make: impl FnOnce() -> Done<OwnedFd>) -> rw_error {
    call(|| {
        room_for(to)?;
        tell(to, make()?.into_raw_fd());
        Ok(())
    })
}

/// Listens at the path of a socket file that there is not yet, or at an abstract name: "@name".
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_bind(
    listener: *mut rw_listener,
    path: *const c_char,
) -> rw_error {
    bound(listener, || Ok(Listener::Unix(UnixListener::bind(address(path)?)?)))
}

/// Listens for connections of packets, at a path or an abstract name: `rw_listener_accept_packets`.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_bind_packets(
    listener: *mut rw_listener,
    path: *const c_char,
) -> rw_error {
    bound(listener, || Ok(Listener::Packets(SeqpacketListener::bind(address(path)?)?)))
}

/// Listens at an address and a port: "127.0.0.1:5000", "[::1]:5000". With the port 0 the system
/// chooses one, which `rw_listener_address` tells.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_bind_tcp(
    listener: *mut rw_listener,
    at: *const c_char,
) -> rw_error {
    bound(listener, || Ok(Listener::Tcp(TcpListener::bind(inet(at)?)?)))
}

/// Accepts the next connection of whole messages of any size, for which it waits until `deadline`.
/// The other side called `rw_connection_open`. `RW_WRONG_FILE` for a listener of another kind than
/// `rw_listener_bind` makes.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_accept(
    listener: *const rw_listener,
    deadline: u64,
    connection: *mut rw_connection,
) -> rw_error {
    call(|| {
        room_for(connection)?;
        let Listener::Unix(listener) = listens(listener)? else {
            return Err(rw_error::RW_WRONG_FILE.into());
        };
        let stream = listener.accept_deadline(until(deadline))?;
        done(put(connection, Box::new(Connection::from(stream))))
    })
}

/// Accepts the next stream, for which it waits until `deadline`: a descriptor for `rw_fd_read` and
/// `rw_fd_write`. It is the caller's, and closes on exec. `RW_WRONG_FILE` for a listener of
/// packets.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_accept_stream(
    listener: *const rw_listener,
    deadline: u64,
    descriptor: *mut i32,
) -> rw_error {
    given(descriptor, || match listens(listener)? {
        Listener::Unix(listener) => Ok(listener.accept_deadline(until(deadline))?.into()),
        Listener::Tcp(listener) => Ok(listener.accept_deadline(until(deadline))?.into()),
        Listener::Packets(_) => Err(rw_error::RW_WRONG_FILE.into()),
    })
}

/// Accepts the next connection of packets, for which it waits until `deadline`. `RW_WRONG_FILE` for
/// a listener of streams.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_accept_packets(
    listener: *const rw_listener,
    deadline: u64,
    packets: *mut rw_packets,
) -> rw_error {
    call(|| {
        room_for(packets)?;
        let Listener::Packets(listener) = listens(listener)? else {
            return Err(rw_error::RW_WRONG_FILE.into());
        };
        put_packets(packets, listener.accept_deadline(until(deadline))?)
    })
}

/// Tells where the listener listens, as the functions that connect take it. See `rw_error_detail`
/// for the arguments.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_address(
    listener: *const rw_listener,
    address: *mut c_char,
    size: usize,
    length: *mut usize,
) -> rw_error {
    call(|| {
        let said = match listens(listener)? {
            Listener::Unix(listener) => listener.local_address()?.to_string(),
            Listener::Packets(listener) => listener.local_address()?.to_string(),
            Listener::Tcp(listener) => listener.local_address()?.to_string(),
        };
        crate::failure::tell_text(&said, address, size, length)
    })
}

/// The listener's descriptor, for `poll`. -1 for what is no listener.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_fd(listener: *const rw_listener) -> i32 {
    shared(listener).map_or(-1, |listener| match &**listener {
        Listener::Unix(listener) => listener.as_raw_fd(),
        Listener::Packets(listener) => listener.as_raw_fd(),
        Listener::Tcp(listener) => listener.as_raw_fd(),
    })
}

/// Ends listening, and removes the socket file.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_listener_close(listener: *mut rw_listener) -> rw_error {
    call(|| done(release(listener)))
}

/// Connects a stream to a listener's path or abstract name, at most until `deadline`: a descriptor
/// for `rw_fd_read` and `rw_fd_write`. It is the caller's, and closes on exec.
///
/// `RW_NOT_FOUND` or `RW_REFUSED` if nobody listens there.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_unix_connect(
    path: *const c_char,
    deadline: u64,
    descriptor: *mut i32,
) -> rw_error {
    given(descriptor, || Ok(UnixStream::connect_deadline(address(path)?, until(deadline))?.into()))
}

/// Connects a stream to an address and a port, at most until `deadline`, as `rw_unix_connect`:
/// "127.0.0.1:5000", "[::1]:5000". `RW_BAD_NAME` for what is no address, such as a host's name:
/// `getaddrinfo(3)` looks that up, and has no deadline.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_tcp_connect(
    to: *const c_char,
    deadline: u64,
    descriptor: *mut i32,
) -> rw_error {
    given(descriptor, || Ok(TcpStream::connect_deadline(inet(to)?, until(deadline))?.into()))
}

/// Opens a FIFO for reading, and waits until somebody has it open for writing, at most until
/// `deadline`: a descriptor for `rw_fd_read`. It is the caller's, and closes on exec.
///
/// `mkfifo(3)` makes FIFOs. `RW_NOT_FOUND` if there is no such file, `RW_WRONG_FILE` if it is none.
/// Afterwards `RW_END_OF_FILE` of `rw_fd_read` tells that the last writer is gone, also if it was
/// killed.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_fifo_open_reader(
    path: *const c_char,
    deadline: u64,
    descriptor: *mut i32,
) -> rw_error {
    given(descriptor, || Ok(Fifo::open(text(path)?)?.open_reader_deadline(until(deadline))?.into()))
}

/// Opens a FIFO for writing, as `rw_fifo_open_reader`, and waits for a reader. `RW_BROKEN_PIPE` of
/// `rw_fd_write` tells that the last reader is gone, also if it was killed.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_fifo_open_writer(
    path: *const c_char,
    deadline: u64,
    descriptor: *mut i32,
) -> rw_error {
    given(descriptor, || Ok(Fifo::open(text(path)?)?.open_writer_deadline(until(deadline))?.into()))
}
