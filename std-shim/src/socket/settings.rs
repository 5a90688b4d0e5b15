//! What is set on a socket and asked of it.

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

/// Declares what is asked of a socket and set on it: a line for each `get`, `set` and their value,
/// as what an error calls it, and how it is done, for which `fd` stands for the descriptor.
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
    /// The size of the send buffer in bytes, with the kernel's own bookkeeping. For Unix sockets it
    /// also bounds a message.
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
    /// Asks for a send buffer of so many bytes. Linux doubles it to have room for its bookkeeping,
    /// and grants at most `net.core.wmem_max`
    /// ([socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html)).
    #[doc(alias = "SO_SNDBUF")]
    pub fn set_send_buffer(bytes) = sockopt::set_socket_send_buffer_size(fd, bytes), "the size of the send buffer";

    /// The size of the receive buffer in bytes. A Unix socket receives from its peer's send buffer,
    /// and does not use it.
    #[doc(alias = "SO_RCVBUF")]
    pub fn recv_buffer -> usize = |fd| sockopt::socket_recv_buffer_size(fd);
    /// Asks for a receive buffer of so many bytes; see [`set_send_buffer`](Self::set_send_buffer),
    /// here with `net.core.rmem_max`.
    #[doc(alias = "SO_RCVBUF")]
    pub fn set_recv_buffer(bytes) = sockopt::set_socket_recv_buffer_size(fd, bytes), "the size of the receive buffer";
}

settings! { Socket<Inet, Stream>:
    /// Whether what is written goes out at once.
    #[doc(alias = "TCP_NODELAY")]
    pub fn nodelay -> bool = |fd| sockopt::tcp_nodelay(fd);
    /// To send what is written at once, also when it is little and earlier bytes are not
    /// acknowledged yet: less delay for small requests, more packets
    /// ([tcp(7)](https://man7.org/linux/man-pages/man7/tcp.7.html)).
    #[doc(alias = "TCP_NODELAY")]
    pub fn set_nodelay(on) = sockopt::set_tcp_nodelay(fd, on), "TCP_NODELAY";

    /// How long the connection is idle before the peer is asked whether it is still there; `None`
    /// if it never is.
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
    /// Has the peer asked whether it is still there when the connection was idle for so long, in
    /// whole seconds, of which there are at least 1 and at most 32767 (else `EINVAL`); `None` is
    /// the default, and never asks. A peer that does not answer is asked again, as often and in
    /// such steps as the system is set to (`net.ipv4.tcp_keepalive_probes`, `…_intvl`), and then
    /// the connection is torn down: [`TimedOut`](crate::CoreError::TimedOut)
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
    /// Allows datagrams to broadcast addresses, which every host of a network receives. Without it
    /// they are refused (`EACCES`), since one is easily meant for a single host.
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

/// Whether every message comes with the time at which it was received.
pub(super) fn set_timestamp(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let value = c_int::from(on);
    // SAFETY: the option's value is an int, whose address and size are passed.
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

/// The value of an option at the level of the socket.
///
/// # Safety
/// The kernel fills all of a `T` for this option, or fails; and whatever it fills in is a valid
/// `T`.
pub(super) unsafe fn get<T>(fd: BorrowedFd<'_>, name: c_int) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::uninit();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the value and its size are ours; the kernel writes no more than the size.
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
    // SAFETY: the kernel filled as many bytes as a `T` has, and they are a `T`: the caller's
    // promise.
    Ok(unsafe { value.assume_init() })
}
