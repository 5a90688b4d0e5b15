//! Settings of a socket: reading and changing them.

use super::end::Socket;
use super::kind::{Datagram, Family, Inet, Stream, Type};
use crate::sys::answer;
use crate::{Error, Result};
use rustix::io::{self, Errno};
use rustix::net::sockopt;
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

/// Declares settings, each with a `get` line and a `set` line.
///
/// A line has the value, its name in errors, and the expression for the operation, in which `fd` is
/// the descriptor.
macro_rules! settings {
    ($({$($of:tt)*})? $Socket:ty: $(
        $(#[$get_doc:meta])* $get_vis:vis fn $get:ident -> $Value:ty = |$fd:ident| $ask:expr;
        $(#[$set_doc:meta])* $set_vis:vis fn $set:ident($value:ident) = $do:expr, $name:literal;
    )+) => {
        impl $(<$($of)*>)? $Socket {$(
            $(#[$get_doc])*
            ///
            /// # Errors
            /// The error of the system call.
            $get_vis fn $get(&self) -> Result<$Value> {
                let ask = |$fd: BorrowedFd<'_>| -> io::Result<$Value> { $ask };
                ask(self.fd.as_fd()).map_err(|errno| Error::new(concat!("get ", $name), errno))
            }

            $(#[$set_doc])*
            ///
            /// # Errors
            /// The error of the system call.
            $set_vis fn $set(&self, $value: $Value) -> Result<()> {
                let set = |$fd: BorrowedFd<'_>| -> io::Result<()> { $do };
                set(self.fd.as_fd()).map_err(|errno| Error::new(concat!("set ", $name), errno))
            }
        )+}
    };
}

settings! { {F: Family, T: Type} Socket<F, T>:
    /// The size of the send buffer in bytes, including the kernel's own bookkeeping.
    ///
    /// For a Unix socket it also bounds the size of a message.
    ///
    /// ```
    /// let (ours, _theirs) = ringway::socket::UnixSeqpacket::pair()?;
    /// ours.set_send_buffer(100_000)?;
    /// ours.set_recv_buffer(100_000)?;
    /// assert!(ours.send_buffer()? >= 100_000 && ours.recv_buffer()? >= 100_000);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_SNDBUF")]
    pub fn send_buffer -> usize = |fd| sockopt::socket_send_buffer_size(fd);
    /// Asks for a send buffer of this many bytes.
    ///
    /// Linux doubles the size to have room for its bookkeeping, and grants at most
    /// `net.core.wmem_max` ([socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html)).
    #[doc(alias = "SO_SNDBUF")]
    pub fn set_send_buffer(bytes) = sockopt::set_socket_send_buffer_size(fd, bytes), "the size of the send buffer";

    /// The size of the receive buffer in bytes.
    ///
    /// A Unix socket does not use it, because it receives from its peer's send buffer.
    #[doc(alias = "SO_RCVBUF")]
    pub fn recv_buffer -> usize = |fd| sockopt::socket_recv_buffer_size(fd);
    /// Asks for a receive buffer of this many bytes.
    ///
    /// Linux treats it as it treats [`set_send_buffer`](Self::set_send_buffer), with the limit
    /// `net.core.rmem_max`.
    #[doc(alias = "SO_RCVBUF")]
    pub fn set_recv_buffer(bytes) = sockopt::set_socket_recv_buffer_size(fd, bytes), "the size of the receive buffer";
}

settings! { Socket<Inet, Stream>:
    /// Whether written bytes go out at once.
    #[doc(alias = "TCP_NODELAY")]
    pub fn nodelay -> bool = |fd| sockopt::tcp_nodelay(fd);
    /// Sets whether written bytes go out at once.
    ///
    /// Then even a few bytes go out before earlier bytes are acknowledged. Small requests have less
    /// delay, and there are more packets
    /// ([tcp(7)](https://man7.org/linux/man-pages/man7/tcp.7.html)).
    #[doc(alias = "TCP_NODELAY")]
    pub fn set_nodelay(on) = sockopt::set_tcp_nodelay(fd, on), "TCP_NODELAY";

    /// How long the connection must be idle before the system asks the peer whether it is still
    /// there.
    ///
    /// `None` if the system never asks.
    ///
    /// ```
    /// use ringway::socket::{TcpListener, TcpStream};
    /// use std::time::Duration;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_address()?)?;
    /// client.set_nodelay(true)?;
    /// assert!(client.nodelay()?);
    /// assert_eq!(client.keepalive()?, None);
    /// client.set_keepalive(Some(Duration::from_secs(30)))?;
    /// assert_eq!(client.keepalive()?, Some(Duration::from_secs(30)));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_KEEPALIVE")]
    #[doc(alias = "TCP_KEEPIDLE")]
    pub fn keepalive -> Option<Duration> = |fd| match sockopt::socket_keepalive(fd)? {
        true => sockopt::tcp_keepidle(fd).map(Some),
        false => Ok(None),
    };
    /// Makes the system ask the peer whether it is still there, after the connection was idle for
    /// `idle`.
    ///
    /// The time is in whole seconds, from 1 to 32767 (else `EINVAL`). `None`, the default, never
    /// asks. If the peer does not answer, the system asks again, as often and in such intervals as
    /// it is configured (`net.ipv4.tcp_keepalive_probes`, `…_intvl`). Then it tears the connection
    /// down: [`TimedOut`](crate::CoreError::TimedOut)
    /// ([tcp(7)](https://man7.org/linux/man-pages/man7/tcp.7.html)).
    #[doc(alias = "SO_KEEPALIVE")]
    #[doc(alias = "TCP_KEEPIDLE")]
    pub fn set_keepalive(idle) = {
        if let Some(idle) = idle {
            sockopt::set_tcp_keepidle(fd, Duration::from_secs(idle.as_secs().max(1)))?;
        }
        sockopt::set_socket_keepalive(fd, idle.is_some())
    }, "the keep-alive time";
}

settings! { Socket<Inet, Datagram>:
    /// Whether datagrams may be sent to broadcast addresses.
    #[doc(alias = "SO_BROADCAST")]
    pub fn broadcast -> bool = |fd| sockopt::socket_broadcast(fd);
    /// Allows datagrams to broadcast addresses, which every host of a network receives.
    ///
    /// Without it the system refuses them (`EACCES`), because a broadcast address is easily used by
    /// mistake.
    ///
    /// ```
    /// let socket = ringway::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"to all", "127.255.255.255:9").unwrap_err();
    /// socket.set_broadcast(true)?;
    /// assert!(socket.broadcast()?);
    /// socket.send_to(b"to all", "127.255.255.255:9")?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_BROADCAST")]
    pub fn set_broadcast(on) = sockopt::set_socket_broadcast(fd, on), "SO_BROADCAST";
}

/// Sets whether every message comes with the time at which it was received.
pub(super) fn set_timestamp(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let value = c_int::from(on);
    // SAFETY: the option's value is an `int` in a local variable, and the call gets its address and
    // its size.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMP,
            (&raw const value).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    answer(result).map(drop)
}

/// Reads an option of the socket level.
///
/// For this option the kernel must fill a whole `T` or fail, and what it fills in must be a valid
/// `T`.
pub(super) unsafe fn get<T>(fd: BorrowedFd<'_>, name: c_int) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::uninit();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` and `length` are local variables, and the kernel writes at most `length`
    // bytes to `value`.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    answer(result)?;
    if length as usize != size_of::<T>() {
        return Err(Errno::INVAL);
    }
    // SAFETY: the kernel filled as many bytes as a `T` has, and the caller guarantees that they are
    // a valid `T`.
    Ok(unsafe { value.assume_init() })
}
