//! Options: what is set before binding, and what can be set on any end.

use super::{Datagram, Family, Inet, Socket, Stream, Type};
use crate::{Error, Result};
use rustix::io::{self, Errno};
use rustix::net::sockopt;
use std::ffi::c_int;
use std::fmt;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

/// What to set before an end is bound. The defaults are what most programs want.
///
/// ```
/// use ringway::socket::{Options, TcpListener};
/// let options = Options::new().backlog(16).recv_buffer(1 << 20);
/// let listener = TcpListener::bind_with("127.0.0.1:0", &options)?;
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    backlog: Option<u32>,
    mode: Option<u32>,
    exclusive: bool,
    share_port: bool,
    only_v6: Option<bool>,
    send_buffer: Option<usize>,
    recv_buffer: Option<usize>,
}

impl Options {
    /// The defaults.
    pub const fn new() -> Self {
        Options {
            backlog: None,
            mode: None,
            exclusive: false,
            share_port: false,
            only_v6: None,
            send_buffer: None,
            recv_buffer: None,
        }
    }

    /// How many connections may wait for `accept` ([listen(2)](https://man7.org/linux/man-pages/man2/listen.2.html)).
    /// Linux keeps one more than this, and no more than `net.core.somaxconn`, which is the default.
    #[doc(alias = "listen")]
    #[must_use]
    pub const fn backlog(mut self, connections: u32) -> Self {
        self.backlog = Some(connections);
        self
    }

    /// The permissions of the socket file: exactly these, whatever the process's umask is, and in its first moment fewer,
    /// never more. Who may write may connect. Without this option the system's rule holds: `0o777` less the umask. Only Unix
    /// sockets with a path have a file. To bind fails with `EINVAL` for a mode above `0o7777`.
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Not to bind while old connections of the same TCP port linger: a listener does without (`SO_REUSEADDR`) so that
    /// it can be started again at once.
    #[doc(alias = "SO_REUSEADDR")]
    #[must_use]
    pub const fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self
    }

    /// Lets several sockets bind to one address and port, if each of them asks for it and one user has them all: the system
    /// spreads connections and datagrams over them.
    ///
    /// ```
    /// use ringway::socket::{Options, UdpSocket};
    /// let options = Options::new().share_port();
    /// let first = UdpSocket::bind_with("127.0.0.1:0", &options)?;
    /// let second = UdpSocket::bind_with(first.local_address()?, &options)?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_REUSEPORT")]
    #[must_use]
    pub const fn share_port(mut self) -> Self {
        self.share_port = true;
        self
    }

    /// Whether an IPv6 end leaves IPv4 to others. The default is the system's (`net.ipv6.bindv6only`).
    #[doc(alias = "IPV6_V6ONLY")]
    #[must_use]
    pub const fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = Some(only);
        self
    }

    /// As [`Socket::set_send_buffer`]; the TCP connections of a listener inherit it.
    #[doc(alias = "SO_SNDBUF")]
    #[must_use]
    pub const fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// As [`Socket::set_recv_buffer`]; the TCP connections of a listener inherit it.
    #[doc(alias = "SO_RCVBUF")]
    #[must_use]
    pub const fn recv_buffer(mut self, bytes: usize) -> Self {
        self.recv_buffer = Some(bytes);
        self
    }

    pub(super) fn get_backlog(&self) -> i32 {
        // The kernel cuts it to its own limit.
        self.backlog.map_or(i32::MAX, |backlog| i32::try_from(backlog).unwrap_or(i32::MAX))
    }

    pub(super) fn get_mode(&self) -> Option<u32> {
        self.mode
    }

    pub(super) fn set_buffers(&self, fd: impl AsFd, address: &impl fmt::Display) -> Result<()> {
        let fd = fd.as_fd();
        let set = || {
            if let Some(bytes) = self.send_buffer {
                sockopt::set_socket_send_buffer_size(fd, bytes)?;
            }
            if let Some(bytes) = self.recv_buffer {
                sockopt::set_socket_recv_buffer_size(fd, bytes)?;
            }
            Ok(())
        };
        set().map_err(|errno: Errno| Error::new("set the buffer sizes of", errno).on(address))
    }

    /// For the Internet's sockets: what decides whether the address is free.
    pub(super) fn set_sharing(&self, fd: impl AsFd, listens: bool, v6: bool) -> io::Result<()> {
        let fd = fd.as_fd();
        if listens && !self.exclusive {
            sockopt::set_socket_reuseaddr(fd, true)?;
        }
        if self.share_port {
            sockopt::set_socket_reuseport(fd, true)?;
        }
        match self.only_v6 {
            Some(only) if v6 => sockopt::set_ipv6_v6only(fd, only),
            _ => Ok(()),
        }
    }
}

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
    /// [`TimedOut`](crate::channel::Error::TimedOut) ([tcp(7)](https://man7.org/linux/man-pages/man7/tcp.7.html)).
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

pub(super) fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}
