//! How long an operation may wait.

use super::poll::{Interest, retry_ready};
use super::retry::retry;
use rustix::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// How long an operation may wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Timeout {
    /// Not at all.
    Now,
    /// As the descriptor's mode has it.
    Mode,
    /// At most until then, or as long as it takes, whatever the descriptor's mode is.
    Until(Option<Instant>),
}

impl Timeout {
    pub(crate) const NEVER: Self = Timeout::Until(None);
}

/// One attempt, or as many as there is time for. `call` makes the system call, without waiting in
/// it if its argument says so.
#[inline(always)]
pub(crate) fn attempt<T>(
    fd: BorrowedFd<'_>,
    interest: Interest,
    timeout: Timeout,
    mut call: impl FnMut(bool) -> io::Result<T>,
) -> io::Result<T> {
    match timeout {
        Timeout::Now => retry(|| call(true)),
        Timeout::Mode => retry(|| call(false)),
        Timeout::Until(deadline) => {
            retry_ready(fd, interest, deadline, || call(deadline.is_some()))
        }
    }
}
