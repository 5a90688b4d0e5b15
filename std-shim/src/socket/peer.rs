//! The process at the other end: its credentials, and a descriptor of it.

use super::end::Socket;
use super::kind::{Connected, Unix};
use super::settings;
use crate::{CoreError, Error, Result};
use rustix::io::Errno;
use rustix::process::Pid;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

/// The peer at the time when the connection was made, as the kernel recorded it.
///
/// For an end that `accept` returned, the peer is the process that connected. For an end that
/// connected, it is the process that called `listen`. For a pair, it is the process that made it.
/// The process may have ended since, or handed its end to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "ucred")]
pub struct Credentials {
    /// The process's number in this process's namespace; `None` if it has none here (another PID
    /// namespace).
    ///
    /// After a process has ended, another may get its number: use
    /// [`peer_pidfd`](Socket::peer_pidfd) to act on the process.
    pub pid: Option<Pid>,
    /// The effective user ID.
    pub uid: u32,
    /// The effective group ID.
    pub gid: u32,
}

impl<T: Connected> Socket<Unix, T> {
    /// Returns the peer's credentials (`SO_PEERCRED`).
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
        // SAFETY: for `SO_PEERCRED` the kernel fills a whole `ucred` or fails, and all bits are a
        // valid one.
        let peer: libc::ucred = unsafe { settings::get(self.fd.as_fd(), libc::SO_PEERCRED) }
            .map_err(|errno| Error::new(WHAT, errno))?;
        if peer.pid == 0 && peer.uid == u32::MAX {
            return Err(Error::new(WHAT, CoreError::NotConnected));
        }
        Ok(Credentials { pid: Pid::from_raw(peer.pid.max(0)), uid: peer.uid, gid: peer.gid })
    }

    /// Makes a descriptor of the peer's process (`SO_PEERPIDFD`), close-on-exec.
    ///
    /// It refers to that process and never to another. It becomes readable when the process ends,
    /// and signals can be sent through it.
    ///
    /// # Errors
    /// [`NotConnected`](CoreError::NotConnected) if there is no peer; `ENOPROTOOPT` before Linux
    /// 6.5; `ESRCH` if the process has ended and its parent has waited for it (before Linux 6.16).
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
        // SAFETY: for `SO_PEERPIDFD` the kernel fills a whole `int` or fails, and all bits are a
        // valid one.
        let fd = unsafe { settings::get::<libc::c_int>(self.fd.as_fd(), SO_PEERPIDFD) };
        let fd = fd.map_err(|errno| match errno {
            Errno::NODATA => Error::new(PIDFD, CoreError::NotConnected),
            Errno::NOPROTOOPT => {
                Error::new("get a pidfd of the peer (it takes Linux 6.5 or later)", errno)
            }
            errno => Error::new(PIDFD, errno),
        })?;
        // SAFETY: the kernel has just made this descriptor for this call, so it is open and has no
        // other owner.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

const PIDFD: &str = "get a pidfd of the peer";

#[cfg(not(target_os = "android"))]
use libc::SO_PEERPIDFD;
/// The kernel's number on every processor of Android; the `libc` crate lacks it there.
#[cfg(target_os = "android")]
const SO_PEERPIDFD: libc::c_int = 77;
