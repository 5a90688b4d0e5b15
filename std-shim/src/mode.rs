//! The permissions of files that are made under a name: FIFOs, sockets, regions. One rule holds for all of them: **the mode
//! that was asked for is the mode that the file gets**, whatever the process's umask is.
//!
//! The umask belongs to all threads of a process, so it is not touched. The system takes its bits away when it makes the file,
//! and here they are given back. In between the mode is narrower than asked for, never wider.

use rustix::fs::{self, Mode};
use rustix::io::{self, Errno};
use std::os::fd::BorrowedFd;

/// The permissions, as a number.
const BITS: u32 = 0o7777;

/// The mode as the system has it.
///
/// # Errors
/// `EINVAL` for a mode that has more than permissions.
// The type is not as wide everywhere.
#[allow(clippy::unnecessary_cast)]
pub(crate) fn bits(mode: u32) -> io::Result<Mode> {
    match mode & !BITS {
        0 => Ok(Mode::from_raw_mode(mode as fs::RawMode)),
        _ => Err(Errno::INVAL),
    }
}

/// Gives a file that was just made what the umask took away. `node` may be an `O_PATH` descriptor: opening a FIFO would let a
/// peer in, and a socket's file cannot be opened.
///
/// `by_name` does it in another way, where there is no `/proc`.
pub(crate) fn complete(
    node: BorrowedFd<'_>,
    mode: u32,
    by_name: impl FnOnce(Mode) -> io::Result<()>,
) -> io::Result<()> {
    #[allow(clippy::unnecessary_cast)] // as above
    let now = fs::fstat(node)?.st_mode as u32;
    if now & BITS == mode {
        return Ok(());
    }
    let mode = bits(mode)?;
    // Through `/proc` it is this file that gets the mode, and no other that took the name meanwhile.
    match fs::chmod(crate::sys::alias(node), mode) {
        Err(Errno::NOENT) => by_name(mode),
        other => other,
    }
}
