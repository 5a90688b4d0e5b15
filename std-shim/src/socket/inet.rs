//! Sockets of the Internet family.

use super::end::{Socket, open, send_flags};
use super::file::SocketFile;
use super::kind::{Connected, Datagram, Inet, Stream, Type};
use super::message::{SEND, largest_datagram};
use super::options::Options;
use super::reach::Reach;
use crate::fd::{self, Interest, Timeout};
use crate::{CoreError, Error, Result};
use ringway_core::channel::State;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, sockopt};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

const CONNECT: &str = "connect to";

impl Reach for Inet {
    fn bind<T: Type>(
        address: &SocketAddr,
        flags: SocketFlags,
        options: &Options,
    ) -> Result<(OwnedFd, Option<Box<SocketFile>>)> {
        let fd = open(family(address), T::TYPE, flags)?;
        options.set_buffers(&fd, address)?;
        options
            .set_sharing(&fd, T::CONNECTED, address.is_ipv6())
            .and_then(|()| rustix::net::bind(&fd, address))
            .map_err(|errno| Error::new("bind to", errno).on(address))?;
        Ok((fd, None))
    }

    fn connect<T: Connected>(to: &SocketAddr, timeout: Timeout) -> Result<Socket<Inet, T>> {
        let failed = |errno: Errno| Error::new(CONNECT, errno).on(to);
        let fd = open(family(to), T::TYPE, SocketFlags::NONBLOCK)?;
        match rustix::net::connect(&fd, to) {
            Ok(()) => {}
            // The connection attempt goes on by itself, also after a signal, and must not be
            // repeated. `SO_ERROR` has its result.
            Err(Errno::INPROGRESS | Errno::INTR) => {
                let Timeout::Until(deadline) = timeout else { return Err(failed(Errno::AGAIN)) };
                fd::poll_one(fd.as_fd(), Interest::Write, deadline).map_err(failed)?;
                sockopt::socket_error(&fd).map_err(failed)?.map_err(failed)?;
            }
            Err(errno) => return Err(failed(errno)),
        }
        fd::set_nonblocking(&fd, false)?;
        let socket = Socket::new(fd, State::STREAM)?;
        // The system may have chosen the port to connect to as this end's own port. TCP then
        // connects the socket to itself, but nobody listens there.
        if socket.local_address()? == *to {
            return Err(Error::new(CONNECT, CoreError::Refused).on(to));
        }
        Ok(socket)
    }

    fn prompt(stream: &Socket<Inet, Stream>) -> Result<()> {
        stream.set_nodelay(true)
    }

    fn set_peer(socket: &OwnedFd, to: &SocketAddr) -> Result<()> {
        fd::retry(|| rustix::net::connect(socket, to))
            .map_err(|errno| Error::new(CONNECT, errno).on(to))
    }

    fn send_to(
        socket: &Socket<Inet, Datagram>,
        message: &[u8],
        to: Vec<SocketAddr>,
        timeout: Timeout,
    ) -> Result<()> {
        let mut failure = None;
        for address in to {
            let sent = socket.attempt(Interest::Write, timeout, |at_once| {
                rustix::net::sendto(&socket.fd, message, send_flags(at_once), &address)
            });
            match sent {
                Ok(_) => return Ok(()),
                // The address is of the other version of IP. The next address may be of this
                // socket's version.
                Err(errno @ (Errno::AFNOSUPPORT | Errno::INVAL | Errno::NETUNREACH)) => {
                    failure = Some(socket.not_sent(errno).on(address));
                }
                Err(Errno::MSGSIZE) => {
                    let max = largest_datagram(address.ip());
                    let reason = CoreError::MessageTooLarge { max };
                    return Err(Error::new(SEND, reason).on(address));
                }
                Err(errno) => return Err(socket.not_sent(errno).on(address)),
            }
        }
        Err(failure.unwrap_or_else(|| Error::new(SEND, CoreError::NotFound)))
    }
}

fn family(address: &SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    }
}
