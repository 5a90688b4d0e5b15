//! What is set on a socket and asked of it.

use super::end::Socket;
use super::kind::{Datagram, Family, Inet, Stream, Type};
use crate::sys::last_errno;
use crate::{Error, Result};
use rustix::io::{self, Errno};
use rustix::net::sockopt;
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

impl<F: Family, T: Type> Socket<F, T> {
    /// The size of the send buffer in bytes, with the kernel's own bookkeeping. For Unix sockets it also bounds a message.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// let (ours, _theirs) = ringway::socket::UnixSeqpacket::pair()?;
    /// ours.set_send_buffer(100_000)?;
    /// assert!(ours.send_buffer()? >= 100_000);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_SNDBUF")]
    pub fn send_buffer(&self) -> Result<usize> {
        sockopt::socket_send_buffer_size(&self.fd)
            .map_err(|errno| Error::new("get the size of the send buffer", errno))
    }

    /// Asks for a send buffer of so many bytes. Linux doubles it to have room for its bookkeeping, and grants at
    /// most `net.core.wmem_max` ([socket(7)](https://man7.org/linux/man-pages/man7/socket.7.html)).
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "SO_SNDBUF")]
    pub fn set_send_buffer(&self, bytes: usize) -> Result<()> {
        sockopt::set_socket_send_buffer_size(&self.fd, bytes)
            .map_err(|errno| Error::new("set the size of the send buffer", errno))
    }

    /// The size of the receive buffer in bytes. A Unix socket receives from its peer's send buffer, and does not use it.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// let socket = ringway::socket::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_recv_buffer(100_000)?;
    /// assert!(socket.recv_buffer()? >= 100_000);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_RCVBUF")]
    pub fn recv_buffer(&self) -> Result<usize> {
        sockopt::socket_recv_buffer_size(&self.fd)
            .map_err(|errno| Error::new("get the size of the receive buffer", errno))
    }

    /// Asks for a receive buffer of so many bytes; see [`set_send_buffer`](Self::set_send_buffer), here with
    /// `net.core.rmem_max`.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "SO_RCVBUF")]
    pub fn set_recv_buffer(&self, bytes: usize) -> Result<()> {
        sockopt::set_socket_recv_buffer_size(&self.fd, bytes)
            .map_err(|errno| Error::new("set the size of the receive buffer", errno))
    }
}

impl Socket<Inet, Stream> {
    /// Whether what is written goes out at once.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "TCP_NODELAY")]
    pub fn nodelay(&self) -> Result<bool> {
        sockopt::tcp_nodelay(&self.fd).map_err(|errno| Error::new("get TCP_NODELAY", errno))
    }

    /// To send what is written at once, also when it is little and earlier bytes are not acknowledged yet: less delay for
    /// small requests, more packets ([tcp(7)](https://man7.org/linux/man-pages/man7/tcp.7.html)).
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use ringway::socket::{TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_address()?)?;
    /// client.set_nodelay(true)?;
    /// assert!(client.nodelay()?);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "TCP_NODELAY")]
    pub fn set_nodelay(&self, on: bool) -> Result<()> {
        sockopt::set_tcp_nodelay(&self.fd, on).map_err(|errno| Error::new("set TCP_NODELAY", errno))
    }
}

impl Socket<Inet, Stream> {
    /// How long the connection is idle before the peer is asked whether it is still there; `None` if it never is.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "SO_KEEPALIVE")]
    #[doc(alias = "TCP_KEEPIDLE")]
    pub fn keepalive(&self) -> Result<Option<Duration>> {
        let get = || match sockopt::socket_keepalive(&self.fd)? {
            true => sockopt::tcp_keepidle(&self.fd).map(Some),
            false => Ok(None),
        };
        get().map_err(|errno: Errno| Error::new("get the keep-alive time", errno))
    }

    /// Has the peer asked whether it is still there when the connection was idle for so long, in whole seconds and at least
    /// one; `None` is the default, and never asks. A peer that does not answer is asked again, as often and in such steps
    /// as the system is set to (`net.ipv4.tcp_keepalive_probes`, `…_intvl`), and then the connection is torn down:
    /// [`TimedOut`](crate::CoreError::TimedOut) ([tcp(7)](https://man7.org/linux/man-pages/man7/tcp.7.html)).
    ///
    /// # Errors
    /// `EINVAL` for more than 32767 seconds, or what the system says.
    ///
    /// ```
    /// use ringway::socket::{TcpListener, TcpStream};
    /// use std::time::Duration;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_address()?)?;
    /// assert_eq!(client.keepalive()?, None);
    /// client.set_keepalive(Some(Duration::from_secs(30)))?;
    /// assert_eq!(client.keepalive()?, Some(Duration::from_secs(30)));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_KEEPALIVE")]
    #[doc(alias = "TCP_KEEPIDLE")]
    pub fn set_keepalive(&self, idle: Option<Duration>) -> Result<()> {
        let set = || {
            if let Some(idle) = idle {
                let whole = Duration::from_secs(idle.as_secs().max(1));
                sockopt::set_tcp_keepidle(&self.fd, whole)?;
            }
            sockopt::set_socket_keepalive(&self.fd, idle.is_some())
        };
        set().map_err(|errno: Errno| Error::new("set the keep-alive time", errno))
    }
}

impl Socket<Inet, Datagram> {
    /// Whether datagrams may be sent to broadcast addresses.
    ///
    /// # Errors
    /// What the system says.
    #[doc(alias = "SO_BROADCAST")]
    pub fn broadcast(&self) -> Result<bool> {
        sockopt::socket_broadcast(&self.fd).map_err(|errno| Error::new("get SO_BROADCAST", errno))
    }

    /// Allows datagrams to broadcast addresses, which every host of a network receives. Without it they are refused
    /// (`EACCES`), since one is easily meant for a single host.
    ///
    /// # Errors
    /// What the system says.
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
    pub fn set_broadcast(&self, on: bool) -> Result<()> {
        sockopt::set_socket_broadcast(&self.fd, on)
            .map_err(|errno| Error::new("set SO_BROADCAST", errno))
    }
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
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// The value of an option at the level of the socket.
///
/// # Safety
/// The kernel fills all of a `T` for this option, or fails; and whatever it fills in is a valid `T`.
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
    if result != 0 {
        return Err(last_errno());
    }
    if length as usize != size_of::<T>() {
        return Err(Errno::INVAL);
    }
    // SAFETY: the kernel filled as many bytes as a `T` has, and they are a `T`: the caller's promise.
    Ok(unsafe { value.assume_init() })
}
