//! The forms in which a program may give an Internet address.

use crate::{Cause, CoreError, Error, Result};
use rustix::io::Errno;
use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};

/// Converts into addresses and ports.
///
/// All types with [`ToSocketAddrs`] do. In addition, a string may have an address of version 6 with
/// the name of an interface, `"[fe80::1%eth0]:80"`. A link-local address means nothing without an
/// interface.
///
/// ```
/// use ringway::socket::{ToAddresses, UdpSocket};
/// let socket = UdpSocket::bind("[::1%lo]:0")?;
/// let addresses = "[fe80::1%lo]:80".to_addresses().unwrap();
/// assert!(matches!(addresses[..], [std::net::SocketAddr::V6(one)] if one.scope_id() != 0));
/// # Ok::<(), ringway::Error>(())
/// ```
pub trait ToAddresses {
    /// Returns the addresses in the order in which they are to be tried.
    ///
    /// # Errors
    /// The error of the system's resolver, as from [`ToSocketAddrs`];
    /// [`NotFound`](ErrorKind::NotFound) if there is no such interface.
    fn to_addresses(&self) -> io::Result<Vec<SocketAddr>>;
}

impl ToAddresses for str {
    fn to_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match scoped(self) {
            Some(address) => address.map(|address| vec![SocketAddr::V6(address)]),
            None => self.to_socket_addrs().map(Iterator::collect),
        }
    }
}

impl ToAddresses for String {
    fn to_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.as_str().to_addresses()
    }
}

impl<T: ToAddresses + ?Sized> ToAddresses for &T {
    fn to_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        (**self).to_addresses()
    }
}

macro_rules! as_the_standard_library {
    ($($kind:ty),*) => {
        $(impl ToAddresses for $kind {
            fn to_addresses(&self) -> io::Result<Vec<SocketAddr>> {
                self.to_socket_addrs().map(Iterator::collect)
            }
        })*
    };
}

as_the_standard_library!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16),
    (&str, u16),
    (String, u16),
    [SocketAddr]
);

/// Parses `[ADDRESS%INTERFACE]:PORT`.
///
/// `None` if the text has another form, or if the interface is a number: the standard library
/// parses that.
fn scoped(text: &str) -> Option<io::Result<SocketAddrV6>> {
    let (inside, port) = text.strip_prefix('[')?.rsplit_once("]:")?;
    let (address, interface) = inside.split_once('%')?;
    let (address, port) = (address.parse().ok()?, port.parse().ok()?);
    // A sign in front makes it a name: the standard library would ask a name server.
    if interface.bytes().all(|byte| byte.is_ascii_digit()) && interface.parse::<u32>().is_ok() {
        return None;
    }
    let index = CString::new(interface).map_or(0, |name| {
        // SAFETY: `name` is a string that ends with a zero byte and lives through the call.
        unsafe { libc::if_nametoindex(name.as_ptr()) }
    });
    Some(match index {
        0 => Err(io::Error::new(ErrorKind::NotFound, format!("no interface {interface}"))),
        index => Ok(SocketAddrV6::new(address, port, 0, index)),
    })
}

const RESOLVE: &str = "find an address";

/// Returns the addresses, and converts an error to this crate's.
pub(super) fn resolve(to: impl ToAddresses) -> Result<Vec<SocketAddr>> {
    to.to_addresses().map_err(|error| {
        let reason = match (Errno::from_io_error(&error), error.kind()) {
            (Some(errno), _) => Cause::from(errno),
            (None, ErrorKind::InvalidInput) => Cause::Core(CoreError::BadName),
            (None, _) => Cause::Core(CoreError::NotFound),
        };
        Error::new(RESOLVE, reason).on(format_args!("({error})"))
    })
}

/// Tries the addresses one by one until one works. `attempt` gets the number of those left.
pub(super) fn try_each<A, R>(
    addresses: Vec<A>,
    mut attempt: impl FnMut(&A, usize) -> Result<R>,
) -> Result<R> {
    let mut failure = Error::new(RESOLVE, CoreError::NotFound);
    let mut others = addresses.len();
    for address in addresses {
        others = others.saturating_sub(1);
        match attempt(&address, others) {
            Ok(done) => return Ok(done),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
