//! What names an end: a path, an abstract name, or nothing for Unix sockets; IP and port for the
//! Internet's.

use super::kind::{Family, Inet, Unix, sealed};
use crate::CoreError;
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};
use std::ffi::OsStr;
use std::fmt;
use std::mem::offset_of;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The name of a Unix socket ([unix(7)]). Whatever is a path turns into one.
///
/// A path may have at most [`UnixAddress::MAX`] bytes, and an abstract name too: a longer or empty
/// one is [`BadName`](CoreError::BadName) when it is used.
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
    /// A file of type socket. Its directory's permissions say who may connect; it outlives a
    /// process that is killed.
    Path(PathBuf),
    /// A name of any bytes in a space of the kernel's (one per network namespace) that has no
    /// permissions, and that the kernel clears when the last process that has the socket closes it.
    Abstract(Vec<u8>),
    /// No name: one of a pair, or an end that connected without binding. Binding to it makes the
    /// kernel choose an abstract name.
    Unnamed,
}

impl UnixAddress {
    /// The longest path or abstract name, in bytes.
    pub const MAX: usize = size_of::<libc::sockaddr_un>() - PATH_OFFSET - 1;

    /// The abstract name of these bytes.
    pub fn abstract_name(name: impl AsRef<[u8]>) -> Self {
        UnixAddress::Abstract(name.as_ref().to_vec())
    }

    /// As the system wants it, for binding.
    pub(super) fn encode(&self) -> Result<SocketAddrUnix, CoreError> {
        let bad_name = |_| CoreError::BadName;
        match self {
            UnixAddress::Path(path) => {
                let bytes = path.as_os_str().as_bytes();
                // The system would take an empty path for an abstract name.
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

    /// As the system wants it, for reaching somebody: what has no name cannot be reached.
    pub(super) fn encode_peer(&self) -> Result<SocketAddrUnix, CoreError> {
        match self {
            UnixAddress::Unnamed => Err(CoreError::BadName),
            _ => self.encode(),
        }
    }
}

impl<P: AsRef<Path>> From<P> for UnixAddress {
    /// The path of a socket file.
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
        // Read by hand: a peer may be bound to a path of 108 bytes, which leaves no room for the
        // final NUL, and the kernel then reports a length beyond the structure. That must not be
        // more than a long name here.
        let length = (address.addr_len() as usize).min(size_of::<libc::sockaddr_storage>());
        // SAFETY: the first `addr_len` bytes of a `SocketAddrAny` are initialised, and its storage
        // is as large as `sockaddr_storage`; both are its documented invariants. The bytes live as
        // long as `address`.
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
    // Also INET6: see `is`.
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
