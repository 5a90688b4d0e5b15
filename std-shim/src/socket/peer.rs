//! Who is at the other end: credentials and a descriptor of the process.

use super::end::Socket;
use super::kind::{Connected, Unix};
use super::settings;
use crate::{CoreError, Error, Result};
use rustix::io::Errno;
use rustix::process::Pid;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

/// Who the peer was when the connection was made: the kernel's word, not the peer's.
///
/// For the one who accepts it is the process that connected; for the one who connects, the process
/// that called `listen`; for a pair, the one that made it. The process may have ended since, or
/// handed its end to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "ucred")]
pub struct Credentials {
    /// The process, in this process's numbering; `None` if it has no number here (another PID
    /// namespace). A number is given to another process once this one has ended: use
    /// [`peer_pidfd`](Socket::peer_pidfd) to act on it.
    pub pid: Option<Pid>,
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
}

impl<T: Connected> Socket<Unix, T> {
    /// Who the peer is (`SO_PEERCRED`).
    ///
    /// # Errors
    /// [`NotConnected`](CoreError::NotConnected).
    ///
    /// ```
    /// let (ours, _theirs) = ringway::socket::UnixStream::pair()?;
    /// let peer = ours.peer_credentials()?;
    /// assert_eq!(peer.pid, Some(ringway::process::id()));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_PEERCRED")]
    pub fn peer_credentials(&self) -> Result<Credentials> {
        const WHAT: &str = "get the credentials of the peer";
        // SAFETY: the kernel fills a `ucred`, of which any bits are valid.
        let peer: libc::ucred = unsafe { settings::get(self.fd.as_fd(), libc::SO_PEERCRED) }
            .map_err(|errno| Error::new(WHAT, errno))?;
        if peer.pid == 0 && peer.uid == u32::MAX {
            return Err(Error::new(WHAT, CoreError::NotConnected));
        }
        Ok(Credentials { pid: Pid::from_raw(peer.pid.max(0)), uid: peer.uid, gid: peer.gid })
    }

    /// A descriptor of the peer's process (`SO_PEERPIDFD`): it stands for that process and never
    /// for another, becomes readable when the process ends, and can carry signals to it.
    /// Close-on-exec.
    ///
    /// # Errors
    /// [`NotConnected`](CoreError::NotConnected) if there is no peer; `ENOPROTOOPT` before Linux
    /// 6.5; `ESRCH` if the process has ended and its parent has taken note (before Linux 6.16).
    ///
    /// ```
    /// use ringway::fd::{self, Interest};
    /// let (ours, _theirs) = ringway::socket::UnixStream::pair()?;
    /// match ours.peer_pidfd() {
    ///     // It is this process, and has not ended.
    ///     Ok(process) => assert!(fd::try_wait(&process, Interest::Read).is_err()),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # Ok::<(), ringway::Error>(())
    /// ```
    #[doc(alias = "SO_PEERPIDFD")]
    pub fn peer_pidfd(&self) -> Result<OwnedFd> {
        // SAFETY: the kernel fills an int, of which any bits are valid.
        let fd = unsafe { settings::get::<libc::c_int>(self.fd.as_fd(), libc::SO_PEERPIDFD) };
        let fd = fd.map_err(|errno| match errno {
            Errno::NODATA => Error::new(PIDFD, CoreError::NotConnected),
            Errno::NOPROTOOPT => {
                Error::new("get a pidfd of the peer (it takes Linux 6.5 or later)", errno)
            }
            errno => Error::new(PIDFD, errno),
        })?;
        // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

const PIDFD: &str = "get a pidfd of the peer";
