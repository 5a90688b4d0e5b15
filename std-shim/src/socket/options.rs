//! Options for making a socket.

use crate::{Error, Result};
use rustix::io::{self, Errno};
use rustix::net::sockopt;
use std::fmt;
use std::os::fd::AsFd;

/// Options to set before an end is bound. The defaults suit most programs.
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

/// Declares one option a line: how it is set, and the new value of the field of the same name.
macro_rules! options {
    ($($(#[$doc:meta])* $vis:vis const fn $name:ident($($value:ident: $Value:ty)?) = $made:expr;)+) => {
        impl Options {
            /// Makes the default options.
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
    /// Sets how many connections may wait for `accept`.
    ///
    /// Linux keeps one more than this, and no more than `net.core.somaxconn`, which is the default
    /// ([listen(2)](https://man7.org/linux/man-pages/man2/listen.2.html)).
    #[doc(alias = "listen")]
    pub const fn backlog(connections: u32) = Some(connections);

    /// Sets the permissions of the socket file to exactly these, whatever the process's umask is.
    ///
    /// In its first moment the file has fewer permissions, never more. Who may write to the file
    /// may connect. Without this option the system decides: `0o777` less those in the umask. Only a
    /// Unix socket with a path has a file. Binding fails with `EINVAL` for a mode above `0o7777`.
    pub const fn mode(mode: u32) = Some(mode);

    /// Refuses to bind while old connections of the same TCP port linger.
    ///
    /// By default a listener binds even then (`SO_REUSEADDR`), so that it can be started again at
    /// once.
    #[doc(alias = "SO_REUSEADDR")]
    pub const fn exclusive() = true;

    /// Lets several sockets bind to one address and port.
    ///
    /// Each of them must ask for it, and one user must have them all. The system spreads
    /// connections and datagrams over them.
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

    /// Sets whether an IPv6 end leaves IPv4 to others.
    ///
    /// The default is the system's (`net.ipv6.bindv6only`).
    #[doc(alias = "IPV6_V6ONLY")]
    pub const fn only_v6(only: bool) = Some(only);

    /// Does what [`Socket::set_send_buffer`](super::Socket::set_send_buffer) does.
    ///
    /// The TCP connections of a listener inherit the size.
    #[doc(alias = "SO_SNDBUF")]
    pub const fn send_buffer(bytes: usize) = Some(bytes);

    /// Does what [`Socket::set_recv_buffer`](super::Socket::set_recv_buffer) does.
    ///
    /// The TCP connections of a listener inherit the size.
    #[doc(alias = "SO_RCVBUF")]
    pub const fn recv_buffer(bytes: usize) = Some(bytes);
}

impl Options {
    pub(super) fn get_backlog(&self) -> i32 {
        // The kernel reduces it to its own limit.
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

    /// Sets the options that decide whether an Internet address is free.
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
