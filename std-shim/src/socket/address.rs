//! Addresses of sockets.
//!
//! A Unix socket has a path, an abstract name, or no name. An Internet socket has an IP address and
//! a port.

use super::kind::{Family, Inet, Unix, sealed};
use crate::CoreError;
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};
use std::ffi::OsStr;
use std::fmt;
use std::mem::offset_of;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The name of a Unix socket ([unix(7)]). Every type that is a path converts into one.
///
/// A path and an abstract name may have at most [`UnixAddress::MAX`] bytes. A longer or empty one
/// is [`BadName`](CoreError::BadName) when it is used.
///
/// ```
/// use ringway::socket::{UnixAddress, UnixListener, UnixStream};
/// assert_eq!(UnixAddress::from("/run/app.sock"), UnixAddress::Path("/run/app.sock".into()));
/// assert_eq!(UnixAddress::abstract_name("app").to_string(), "@app");
/// assert_eq!(UnixAddress::MAX, 107);
///
/// let name = UnixAddress::abstract_name(format!("ringway-doc-{}", std::process::id()));
/// let listener = UnixListener::bind(name.clone())?;
/// let client = UnixStream::connect(name)?;
/// # Ok::<(), ringway::Error>(())
/// ```
///
/// [unix(7)]: https://man7.org/linux/man-pages/man7/unix.7.html
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[doc(alias = "sockaddr_un")]
pub enum UnixAddress {
    /// A file of type socket.
    ///
    /// The permissions of its directory decide who may connect. The file remains when its process
    /// is killed.
    Path(PathBuf),
    /// A name of any bytes in the kernel's space of abstract names, one for each network namespace.
    ///
    /// It has no permissions. The kernel removes it when the last process that has the socket
    /// closes it.
    Abstract(Vec<u8>),
    /// No name: an end of a pair, or an end that connected without binding.
    ///
    /// Binding to it makes the kernel choose an abstract name.
    Unnamed,
}

impl UnixAddress {
    /// The longest path or abstract name, in bytes.
    pub const MAX: usize = size_of::<libc::sockaddr_un>() - PATH_OFFSET - 1;

    /// Makes an abstract name of these bytes.
    pub fn abstract_name(name: impl AsRef<[u8]>) -> Self {
        UnixAddress::Abstract(name.as_ref().to_vec())
    }

    /// Converts the address for `bind`.
    pub(super) fn encode(&self) -> Result<SocketAddrUnix, CoreError> {
        let bad_name = |_| CoreError::BadName;
        match self {
            UnixAddress::Path(path) => {
                let bytes = path.as_os_str().as_bytes();
                // The system would read an empty path as an abstract name.
                if bytes.is_empty() || bytes.len() > Self::MAX {
                    return Err(CoreError::BadName);
                }
                SocketAddrUnix::new(path.as_path()).map_err(bad_name)
            }
            UnixAddress::Abstract(name) => {
                if name.is_empty() {
                    return Err(CoreError::BadName);
                }
                SocketAddrUnix::new_abstract_name(name).map_err(bad_name)
            }
            UnixAddress::Unnamed => Ok(SocketAddrUnix::new_unnamed()),
        }
    }

    /// Converts the address of a peer. An unnamed socket cannot be reached.
    pub(super) fn encode_peer(&self) -> Result<SocketAddrUnix, CoreError> {
        match self {
            UnixAddress::Unnamed => Err(CoreError::BadName),
            _ => self.encode(),
        }
    }
}

impl<P: AsRef<Path>> From<P> for UnixAddress {
    /// Makes the path of a socket file.
    fn from(path: P) -> Self {
        UnixAddress::Path(path.as_ref().to_path_buf())
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnixAddress::Path(path) => path.display().fmt(f),
            UnixAddress::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
            UnixAddress::Unnamed => f.write_str("(unnamed)"),
        }
    }
}

/// Any address, also one that is too long, empty, or a path with a zero byte.
///
/// ```
/// use arbitrary::Unstructured;
/// use ringway::socket::UnixAddress;
/// let address: UnixAddress = Unstructured::new(&[0, 1, 7, 7, 2]).arbitrary()?;
/// assert!(matches!(address, UnixAddress::Path(_)));
/// # Ok::<(), arbitrary::Error>(())
/// ```
#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for UnixAddress {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(match u.int_in_range(0..=2)? {
            0 => UnixAddress::Path(PathBuf::from(OsStr::from_bytes(u.arbitrary()?))),
            1 => UnixAddress::Abstract(u.arbitrary()?),
            _ => UnixAddress::Unnamed,
        })
    }
}

const PATH_OFFSET: usize = offset_of!(libc::sockaddr_un, sun_path);

impl Family for Unix {
    type Address = UnixAddress;
}

impl sealed::Family for Unix {
    const FAMILY: AddressFamily = AddressFamily::UNIX;

    type Addr = UnixAddress;

    fn decode(address: &SocketAddrAny) -> Option<UnixAddress> {
        if address.address_family() != AddressFamily::UNIX {
            return None;
        }
        // This reads the bytes itself, because a peer may be bound to a path of 108 bytes. Such a
        // path has no room for the final NUL, and the kernel reports a length beyond the structure.
        // Here it is only a long name.
        let length = (address.addr_len() as usize).min(size_of::<libc::sockaddr_storage>());
        // SAFETY: `length` is at most `addr_len`, and the first `addr_len` bytes of a
        // `SocketAddrAny` are initialised (its documented invariant). It is also at most the size
        // of the storage inside. The bytes live as long as `address`.
        let bytes = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), length) };
        Some(match bytes.get(PATH_OFFSET..) {
            None | Some([]) => UnixAddress::Unnamed,
            Some([0, name @ ..]) => UnixAddress::Abstract(name.to_vec()),
            Some(path) => {
                let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
                UnixAddress::Path(PathBuf::from(OsStr::from_bytes(path)))
            }
        })
    }

    fn unknown() -> UnixAddress {
        UnixAddress::Unnamed
    }
}

impl Family for Inet {
    type Address = SocketAddr;
}

impl sealed::Family for Inet {
    // It stands for INET6 too: see `is`.
    const FAMILY: AddressFamily = AddressFamily::INET;

    type Addr = SocketAddr;

    fn is(family: AddressFamily) -> bool {
        family == AddressFamily::INET || family == AddressFamily::INET6
    }

    fn decode(address: &SocketAddrAny) -> Option<SocketAddr> {
        SocketAddr::try_from(address.clone()).ok()
    }

    fn unknown() -> SocketAddr {
        SocketAddr::from(([0, 0, 0, 0], 0))
    }
}
