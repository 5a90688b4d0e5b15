//! What a socket is made with.

use crate::{Error, Result};
use rustix::io::{self, Errno};
use rustix::net::sockopt;
use std::fmt;
use std::os::fd::AsFd;

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

/// A line for each option: how it is set, and what that makes of the field of its name.
macro_rules! options {
    ($($(#[$doc:meta])* $vis:vis const fn $name:ident($($value:ident: $Value:ty)?) = $made:expr;)+) => {
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

            $($(#[$doc])*
            #[must_use]
            $vis const fn $name(mut self $(, $value: $Value)?) -> Self {
                self.$name = $made;
                self
            })+
        }
    };
}

options! {
    /// How many connections may wait for `accept`
    /// ([listen(2)](https://man7.org/linux/man-pages/man2/listen.2.html)). Linux keeps one more
    /// than this, and no more than `net.core.somaxconn`, which is the default.
    #[doc(alias = "listen")]
    pub const fn backlog(connections: u32) = Some(connections);

    /// The permissions of the socket file: exactly these, whatever the process's umask is, and in
    /// its first moment fewer, never more. Who may write may connect. Without this option the
    /// system's rule holds: `0o777` less the umask. Only Unix sockets with a path have a file. To
    /// bind fails with `EINVAL` for a mode above `0o7777`.
    pub const fn mode(mode: u32) = Some(mode);

    /// Not to bind while old connections of the same TCP port linger: a listener does without
    /// (`SO_REUSEADDR`) so that it can be started again at once.
    #[doc(alias = "SO_REUSEADDR")]
    pub const fn exclusive() = true;

    /// Lets several sockets bind to one address and port, if each of them asks for it and one user
    /// has them all: the system spreads connections and datagrams over them.
    ///
    /// ```
    /// use ringway::socket::{Options, UdpSocket};
    /// let options = Options::new().share_port();
    /// let first = UdpSocket::bind_with("127.0.0.1:0", &options)?;
    /// let second = UdpSocket::bind_with(first.local_address()?, &options)?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_REUSEPORT")]
    pub const fn share_port() = true;

    /// Whether an IPv6 end leaves IPv4 to others. The default is the system's
    /// (`net.ipv6.bindv6only`).
    #[doc(alias = "IPV6_V6ONLY")]
    pub const fn only_v6(only: bool) = Some(only);

    /// Those of [`Socket::set_send_buffer`](super::Socket::set_send_buffer); the TCP connections of a
    /// listener inherit it.
    #[doc(alias = "SO_SNDBUF")]
    pub const fn send_buffer(bytes: usize) = Some(bytes);

    /// Those of [`Socket::set_recv_buffer`](super::Socket::set_recv_buffer); the TCP connections of a
    /// listener inherit it.
    #[doc(alias = "SO_RCVBUF")]
    pub const fn recv_buffer(bytes: usize) = Some(bytes);
}

impl Options {
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
