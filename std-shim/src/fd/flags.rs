//! The mode of a descriptor, which children inherit it, and which file it refers to.

use crate::Result;
use crate::error::Tried;
use rustix::fs::OFlags;
use rustix::io::{self, FdFlags};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::process::Command;

/// Whether the open file description is in the non-blocking mode (`O_NONBLOCK`).
///
/// # Errors
/// The error of the system call.
#[doc(alias = "F_GETFL")]
pub fn nonblocking(fd: impl AsFd) -> Result<bool> {
    rustix::fs::fcntl_getfl(fd)
        .map(|flags| flags.contains(OFlags::NONBLOCK))
        .tried("get the mode of the descriptor")
}

/// Sets the mode of the open file description, also for all other descriptors that share it.
///
/// Other processes may have such descriptors.
///
/// Do not use it on an inherited descriptor, such as standard input. The `try_` and `_deadline`
/// forms work without it.
///
/// # Errors
/// The error of the system call.
///
/// ```
/// use ringway::fd;
/// let (reader, _writer) = std::io::pipe().unwrap();
/// assert!(!fd::nonblocking(&reader).unwrap());
/// fd::set_nonblocking(&reader, true).unwrap();
/// assert!(fd::nonblocking(&reader).unwrap());
/// // The mode is the description's: a duplicate has it too.
/// assert!(fd::nonblocking(reader.try_clone().unwrap()).unwrap());
/// ```
#[doc(alias = "F_SETFL")]
#[doc(alias = "O_NONBLOCK")]
pub fn set_nonblocking(fd: impl AsFd, on: bool) -> Result<()> {
    let fd = fd.as_fd();
    rustix::fs::fcntl_getfl(fd)
        .and_then(|mut flags| {
            let before = flags;
            flags.set(OFlags::NONBLOCK, on);
            if flags == before { Ok(()) } else { rustix::fs::fcntl_setfl(fd, flags) }
        })
        .tried("set the mode of the descriptor")
}

/// Whether the system closes the descriptor on `exec` (`FD_CLOEXEC`).
///
/// That is when this process, or a child of it, executes another program.
///
/// # Errors
/// The error of the system call.
#[doc(alias = "F_GETFD")]
#[doc(alias = "FD_CLOEXEC")]
pub fn close_on_exec(fd: impl AsFd) -> Result<bool> {
    io::fcntl_getfd(fd)
        .map(|flags| flags.contains(FdFlags::CLOEXEC))
        .tried("get the flags of the descriptor")
}

/// Sets or clears `FD_CLOEXEC`.
///
/// To hand a descriptor to one child, use [`inherit`]. A descriptor without the flag leaks into
/// every child that any thread starts meanwhile.
///
/// # Errors
/// The error of the system call.
///
/// ```
/// use ringway::fd;
/// let (reader, _writer) = std::io::pipe().unwrap(); // the standard library sets it too
/// assert!(fd::close_on_exec(&reader).unwrap());
/// fd::set_close_on_exec(&reader, false).unwrap();
/// assert!(!fd::close_on_exec(&reader).unwrap());
/// ```
#[doc(alias = "F_SETFD")]
pub fn set_close_on_exec(fd: impl AsFd, on: bool) -> Result<()> {
    let fd = fd.as_fd();
    io::fcntl_getfd(fd)
        .and_then(|mut flags| {
            flags.set(FdFlags::CLOEXEC, on);
            io::fcntl_setfd(fd, flags)
        })
        .tried("set the flags of the descriptor")
}

/// Duplicates a descriptor, for the same open file description, with `FD_CLOEXEC` set from the
/// start.
///
/// # Errors
/// [`Exhausted`](crate::CoreError::Exhausted) if this process may not open another descriptor.
///
/// ```
/// use ringway::fd;
/// let (reader, writer) = std::io::pipe().unwrap();
/// let second = fd::duplicate(&writer).unwrap();
/// drop(writer);
/// fd::write(&second, b"still open").unwrap();
/// assert!(fd::close_on_exec(&second).unwrap());
/// # drop(reader);
/// ```
#[doc(alias = "dup")]
#[doc(alias = "F_DUPFD_CLOEXEC")]
pub fn duplicate(fd: impl AsFd) -> Result<OwnedFd> {
    // Numbers below 3 belong to the standard streams, even if this process closed them.
    io::fcntl_dupfd_cloexec(fd, 3).tried("duplicate the descriptor")
}

/// Hands a descriptor to the children that `command` starts, and to no others.
///
/// Returns the number that the descriptor has in these children.
///
/// `command` keeps a duplicate, and the child has that duplicate's number. Tell the child the
/// number by an argument or in the environment. Nothing is moved in the child, so nothing there can
/// be overwritten. For the three standard streams use [`Stdio`](std::process::Stdio), into which
/// every end converts.
///
/// The duplicate stays open in this process as long as `command` lives. Drop `command` to let a
/// reader see the end of file, or a writer the broken pipe. If the description is non-blocking, the
/// child shares that mode.
///
/// # Errors
/// [`Exhausted`](crate::CoreError::Exhausted) if this process may not open another descriptor.
///
/// ```
/// use ringway::fd;
/// use std::process::Command;
/// let (reader, writer) = std::io::pipe().unwrap();
/// let mut sh = Command::new("sh");
/// let number = fd::inherit(&writer, &mut sh).unwrap();
/// sh.args(["-c", &format!("echo from the child >/dev/fd/{number}")]);
/// assert!(sh.status().unwrap().success());
/// drop((sh, writer));
/// assert_eq!(std::io::read_to_string(reader).unwrap(), "from the child\n");
/// ```
pub fn inherit(fd: impl AsFd, command: &mut Command) -> Result<RawFd> {
    use std::os::unix::process::CommandExt;
    let ours = duplicate(fd)?;
    let number = ours.as_raw_fd();
    let keep = move || io::fcntl_setfd(&ours, FdFlags::empty()).map_err(Into::into);
    // SAFETY: between fork and exec the closure makes one system call. It neither allocates nor
    // locks.
    unsafe { command.pre_exec(keep) };
    Ok(number)
}

/// Device number and inode number of a file. No two files have the same at the same time.
pub(crate) type Identity = (u64, u64);

/// Reads the identity from a file's status.
// The widths of the two differ between targets.
#[allow(clippy::unnecessary_cast)]
pub(crate) fn identity(stat: &rustix::fs::Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}
