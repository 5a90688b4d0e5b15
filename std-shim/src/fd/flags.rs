//! The mode of a descriptor, who inherits it, and which file it is of.

use crate::Result;
use crate::error::Tried;
use rustix::fs::OFlags;
use rustix::io::{self, FdFlags};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::process::Command;

/// Whether the open file description is in the non-blocking mode (`O_NONBLOCK`).
///
/// # Errors
/// What the system says.
#[doc(alias = "F_GETFL")]
pub fn nonblocking(fd: impl AsFd) -> Result<bool> {
    rustix::fs::fcntl_getfl(fd)
        .map(|flags| flags.contains(OFlags::NONBLOCK))
        .tried("get the mode of the descriptor")
}

/// Sets the mode of the open file description: for every descriptor that shares it, also in other
/// processes.
///
/// Leave a descriptor alone that was inherited, as a standard input is: the `try_` and `_deadline`
/// forms do not need the mode.
///
/// # Errors
/// What the system says.
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

/// Whether a program that this process becomes, or starts, will not have the descriptor
/// (`FD_CLOEXEC`).
///
/// # Errors
/// What the system says.
#[doc(alias = "F_GETFD")]
#[doc(alias = "FD_CLOEXEC")]
pub fn close_on_exec(fd: impl AsFd) -> Result<bool> {
    io::fcntl_getfd(fd)
        .map(|flags| flags.contains(FdFlags::CLOEXEC))
        .tried("get the flags of the descriptor")
}

/// Sets or clears `FD_CLOEXEC`. To hand a descriptor to one child use [`inherit`]: a descriptor
/// without the flag leaks into every child that any thread starts meanwhile.
///
/// # Errors
/// What the system says.
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

/// A second descriptor of the same open file description, close-on-exec from the first moment.
///
/// # Errors
/// [`Exhausted`](crate::CoreError::Exhausted) if this process may not open more.
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
    // From 3: a number below is a standard stream's, even when this process closed its own.
    io::fcntl_dupfd_cloexec(fd, 3).tried("duplicate the descriptor")
}

/// Hands a descriptor to the children that `command` starts, and to no others. Returns the number
/// under which they have it.
///
/// The child has it under the number that a duplicate has here, which `command` keeps: tell it the
/// number by an argument or in the environment. Nothing has to be moved in the child, hence nothing
/// there can be overwritten. For the three standard streams use [`Stdio`](std::process::Stdio),
/// which every end converts into.
///
/// The duplicate is open in this process as long as `command` lives. Drop it to let a reader see
/// the end of file, or a writer the broken pipe. A child that inherits a non-blocking description
/// shares its mode.
///
/// # Errors
/// [`Exhausted`](crate::CoreError::Exhausted) if this process may not open more.
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
    // SAFETY: between fork and exec the closure makes one system call, and neither allocates nor
    // locks.
    unsafe { command.pre_exec(keep) };
    Ok(number)
}

/// What no two files have at the same time: the numbers of a file's device and of its inode.
pub(crate) type Identity = (u64, u64);

/// Which file it is.
// The widths of the two differ between targets.
#[allow(clippy::unnecessary_cast)]
pub(crate) fn identity(stat: &rustix::fs::Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}
