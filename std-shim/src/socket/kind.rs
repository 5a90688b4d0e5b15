//! Families and types of sockets.

use std::fmt;

/// The family of this machine's own sockets (`AF_UNIX`).
///
/// [`UnixAddress`](super::UnixAddress) is their address.
#[derive(Debug, Clone, Copy)]
#[doc(alias = "AF_UNIX")]
#[doc(alias = "AF_LOCAL")]
pub enum Unix {}

/// The family of the Internet's sockets, versions 4 and 6 (`AF_INET`, `AF_INET6`).
///
/// [`SocketAddr`](std::net::SocketAddr) is their address.
#[derive(Debug, Clone, Copy)]
#[doc(alias = "AF_INET")]
#[doc(alias = "AF_INET6")]
pub enum Inet {}

/// A connected stream of bytes (`SOCK_STREAM`).
#[derive(Debug, Clone, Copy)]
#[doc(alias = "SOCK_STREAM")]
pub enum Stream {}

/// Connected, with messages that stay whole (`SOCK_SEQPACKET`).
#[derive(Debug, Clone, Copy)]
#[doc(alias = "SOCK_SEQPACKET")]
pub enum Seqpacket {}

/// Messages without a connection (`SOCK_DGRAM`).
#[derive(Debug, Clone, Copy)]
#[doc(alias = "SOCK_DGRAM")]
pub enum Datagram {}

/// A family of addresses: [`Unix`] or [`Inet`].
pub trait Family: sealed::Family<Addr = Self::Address> {
    /// The address of an end in this family.
    type Address: Clone + Eq + std::hash::Hash + fmt::Debug + fmt::Display;
}

/// How a socket carries data: [`Stream`], [`Seqpacket`] or [`Datagram`].
pub trait Type: sealed::Type {}
impl Type for Stream {}
impl Type for Seqpacket {}
impl Type for Datagram {}

/// The types that connect, accept, and notice that the peer closed: [`Stream`] and [`Seqpacket`].
pub trait Connected: Type {}
impl Connected for Stream {}
impl Connected for Seqpacket {}

/// The types that carry messages: [`Seqpacket`] and [`Datagram`].
pub trait Message: Type + sealed::Message {}
impl Message for Seqpacket {}
impl Message for Datagram {}

/// The parts of families and types that only this crate implements.
pub(super) mod sealed {
    use crate::socket::kind::{Datagram, Stream};
    use rustix::net::{AddressFamily, RecvFlags, SocketAddrAny, SocketType};
    use std::os::fd::BorrowedFd;

    pub trait Family: Sized + 'static {
        const FAMILY: AddressFamily;
        type Addr;

        fn is(family: AddressFamily) -> bool {
            family == Self::FAMILY
        }
        /// `None` if the address is of another family.
        fn decode(address: &SocketAddrAny) -> Option<Self::Addr>;
        /// The value that stands for no address.
        fn unknown() -> Self::Addr;
    }

    pub trait Type: Sized + 'static {
        const TYPE: SocketType;
        /// Whether an end notices that its peer closed.
        const CONNECTED: bool;

        /// Sets the options that every end of this type needs.
        fn prepare(_fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
            Ok(())
        }
        /// Undoes `prepare` for a program that takes the bare descriptor.
        fn release(_fd: BorrowedFd<'_>) {}
    }

    pub trait Message {
        /// Receives one message and returns its size; `None` at the end.
        fn recv(
            fd: BorrowedFd<'_>,
            buf: &mut [u8],
            flags: RecvFlags,
        ) -> rustix::io::Result<Option<usize>>;
    }

    impl Type for Stream {
        const TYPE: SocketType = SocketType::STREAM;
        const CONNECTED: bool = true;
    }

    impl Type for Datagram {
        const TYPE: SocketType = SocketType::DGRAM;
        const CONNECTED: bool = false;
    }
}
