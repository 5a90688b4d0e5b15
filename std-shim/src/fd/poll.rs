//! Waits until descriptors are ready: one, or several at once.

use super::retry::retry;
use super::timeout::Timeout;
use crate::{CoreError, Error, Result};
use ringway_core::channel::Event;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{self, Errno};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

const WAIT: &str = "wait for the descriptor";

/// What to wait for. The system always reports a hang-up and an error too.
///
/// ```
/// use ringway::fd::{self, Interest};
/// let (reader, _writer) = std::io::pipe().unwrap();
/// // Nothing to read yet, and nobody hung up.
/// assert!(fd::try_wait(&reader, Interest::Read).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interest {
    /// A byte, a message, a connection or the end of file can be taken (`POLLIN`).
    Read,
    /// There is room for at least one byte or message (`POLLOUT`).
    Write,
    /// Either of the two.
    ReadWrite,
    /// Neither of the two: only that the peer left, or that the descriptor failed.
    HangUp,
}

impl Interest {
    fn flags(self) -> PollFlags {
        match self {
            Interest::Read => PollFlags::IN,
            Interest::Write => PollFlags::OUT,
            Interest::ReadWrite => PollFlags::IN | PollFlags::OUT,
            Interest::HangUp => PollFlags::empty(),
        }
    }
}

/// What a descriptor is ready for: the result of [`wait`] and of a [`WaitSet`].
///
/// ```
/// use ringway::fd::{self, Interest};
/// use ringway::channel::Event;
/// let (reader, writer) = std::io::pipe().unwrap();
/// drop(writer);
/// let ready = fd::wait(&reader, Interest::Read).unwrap();
/// assert!(ready.hung_up() && !ready.readable());
/// assert_eq!(ready.event(), Some(Event::PeerClose));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready(PollFlags);

impl Ready {
    /// Whether a read would not wait: bytes, a message or a connection are there (`POLLIN`).
    ///
    /// A stream at the end of its input is readable too. A pipe whose last writer left is
    /// [`hung_up`](Self::hung_up) instead.
    pub fn readable(self) -> bool {
        self.0.contains(PollFlags::IN)
    }

    /// Whether a write of at least one byte or message would not wait (`POLLOUT`).
    pub fn writable(self) -> bool {
        self.0.contains(PollFlags::OUT)
    }

    /// Whether the peer closed (`POLLHUP`). What it sent before can still be read.
    pub fn hung_up(self) -> bool {
        self.0.contains(PollFlags::HUP)
    }

    /// Whether the next operation fails and returns the reason (`POLLERR`).
    ///
    /// This happens to a pipe without readers, and to a connection that was torn down.
    pub fn failed(self) -> bool {
        self.0.contains(PollFlags::ERR)
    }

    /// The event in the life of the end that this shows, if it shows one.
    ///
    /// The peer closed, and nothing that it sent is left. Or, for the writer of a pipe or a FIFO,
    /// nobody reads any more.
    ///
    /// For a socket, [`failed`](Self::failed) may mean more: read `SO_ERROR` for the reason.
    pub fn event(self) -> Option<Event> {
        if self.hung_up() && !self.readable() {
            Some(Event::PeerClose)
        } else if self.failed() && !self.hung_up() {
            Some(Event::PeerShutRecv)
        } else {
            None
        }
    }
}

super::forms! {
    /// Waits until `fd` is ready for what is asked, or the peer left.
    ///
    /// A signal does not end the wait.
    ///
    /// See [`poll(2)`](https://man7.org/linux/man-pages/man2/poll.2.html).
    ///
    /// # Errors
    /// [`Closed`](CoreError::Closed) if the descriptor is not open.
    ///
    /// ```
    /// use ringway::{CoreError, fd::{self, Interest}};
    /// use std::time::{Duration, Instant};
    /// let (reader, writer) = std::io::pipe().unwrap();
    /// assert!(fd::wait(&writer, Interest::Write).unwrap().writable());
    /// assert!(fd::try_wait(&reader, Interest::Read).is_err());
    /// let soon = Instant::now() + Duration::from_millis(5);
    /// let late = fd::wait_deadline(&reader, Interest::Read, Some(soon)).unwrap_err();
    /// assert!(late.is(CoreError::TimedOut) && Instant::now() >= soon);
    /// fd::write(&writer, b"x").unwrap();
    /// assert!(fd::try_wait(&reader, Interest::Read).unwrap().readable());
    /// ```
    #[doc(alias = "poll")]
    #[doc(alias = "ppoll")]
    pub fn wait,
    pub fn try_wait,
    pub fn wait_deadline:
    (fd: impl AsFd, interest: Interest) -> Ready = wait_by;
}

fn wait_by(fd: impl AsFd, interest: Interest, timeout: Timeout) -> Result<Ready> {
    let fd = fd.as_fd();
    match timeout {
        Timeout::Until(deadline) => poll_one(fd, interest, deadline).map_err(failed),
        Timeout::Now | Timeout::Mode => {
            let ready = look(fd, interest).map_err(failed)?;
            ready.ok_or_else(|| Error::new(WAIT, CoreError::WouldBlock))
        }
    }
}

/// Waits until at least one descriptor can be read, and returns the indices of those that can.
///
/// A descriptor counts if it has bytes, a message, a connection to accept or a process to join, or
/// if it has come to its end. It waits at most until `deadline`.
///
/// To wait repeatedly for the same descriptors, or to wait for room, use a [`WaitSet`].
///
/// # Errors
/// [`TimedOut`](CoreError::TimedOut) if `deadline` passed first; [`Closed`](CoreError::Closed) if
/// one of the descriptors is not open.
///
/// ```
/// use ringway::{CoreError, connection, fd};
/// use std::time::{Duration, Instant};
/// let (ours, theirs) = connection::pair()?;
/// let (reader, _writer) = ringway::pipe::pipe()?;
/// let soon = Instant::now() + Duration::from_millis(5);
/// let late = fd::wait_any(&[&reader, &ours], Some(soon)).unwrap_err();
/// assert!(late.is(CoreError::TimedOut));
/// theirs.send(b"a message")?;
/// assert_eq!(fd::wait_any(&[&reader, &ours], None)?, [1]);
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "poll")]
#[doc(alias = "select")]
pub fn wait_any(fds: &[&dyn AsFd], deadline: Option<Instant>) -> Result<Vec<usize>> {
    let mut set = WaitSet::new();
    for fd in fds {
        set.add(fd, Interest::Read);
    }
    set.wait_deadline(deadline)?;
    Ok(set.ready().map(|(place, _)| place).collect())
}

/// A set of descriptors to wait for at once.
///
/// The set knows a descriptor by its place, the number that [`add`](Self::add) returned. It borrows
/// the descriptors, so that nobody can close one while the set waits for it. The time of one wait
/// grows in proportion to the number of descriptors.
///
/// ```
/// use ringway::fd::{Interest, WaitSet};
/// use std::io::Write;
/// let (first, _quiet) = std::io::pipe().unwrap();
/// let (second, mut writer) = std::io::pipe().unwrap();
///
/// let mut set = WaitSet::new();
/// set.add(&first, Interest::Read);
/// let at = set.add(&second, Interest::Read);
/// writer.write_all(b"here").unwrap();
///
/// assert_eq!(set.wait().unwrap(), 1);
/// let (who, ready) = set.ready().next().unwrap();
/// assert!(who == at && ready.readable());
/// ```
#[doc(alias = "poll")]
#[doc(alias = "select")]
#[derive(Debug, Default)]
pub struct WaitSet<'fd> {
    fds: Vec<PollFd<'fd>>,
    /// The same descriptors with the lifetime of their borrow: a `PollFd` lends its own for less.
    borrowed: Vec<BorrowedFd<'fd>>,
}

impl<'fd> WaitSet<'fd> {
    /// Makes an empty set.
    pub const fn new() -> Self {
        WaitSet { fds: Vec::new(), borrowed: Vec::new() }
    }

    /// Adds a descriptor, and returns its place: 0 for the first, 1 for the next, and so on.
    pub fn add<F: AsFd>(&mut self, fd: &'fd F, interest: Interest) -> usize {
        self.fds.push(PollFd::from_borrowed_fd(fd.as_fd(), interest.flags()));
        self.borrowed.push(fd.as_fd());
        self.fds.len() - 1
    }

    /// Changes what to wait for at one place. A place that `add` never returned is ignored.
    pub fn set_interest(&mut self, place: usize, interest: Interest) {
        if let (Some(entry), Some(fd)) = (self.fds.get_mut(place), self.borrowed.get(place)) {
            *entry = PollFd::from_borrowed_fd(*fd, interest.flags());
        }
    }

    /// Number of descriptors in the set.
    pub fn len(&self) -> usize {
        self.fds.len()
    }

    /// Whether the set has no descriptor. Waiting for an empty set sleeps until the deadline.
    pub fn is_empty(&self) -> bool {
        self.fds.is_empty()
    }

    /// Waits until at least one descriptor is ready, and returns the number of ready ones.
    ///
    /// # Errors
    /// [`Closed`](CoreError::Closed) if one of the descriptors is not open.
    /// [`Exhausted`](CoreError::Exhausted) if the set has more descriptors than the process may
    /// have open (`RLIMIT_NOFILE`). That is possible if the set has a descriptor several times, or
    /// if the limit was lowered.
    pub fn wait(&mut self) -> Result<usize> {
        self.wait_deadline(None)
    }

    /// Does what [`wait`](Self::wait) does, and waits at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut) if the deadline passed first, never before it; else those
    /// of [`wait`](Self::wait).
    pub fn wait_deadline(&mut self, deadline: Option<Instant>) -> Result<usize> {
        poll(&mut self.fds, deadline).and_then(|n| self.check(n)).map_err(failed)
    }

    /// Number of descriptors that are ready now. It never waits.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> Result<usize> {
        retry(|| rustix::event::poll(&mut self.fds, Some(&ZERO)))
            .and_then(|n| self.check(n))
            .map_err(failed)
    }

    /// The places that the last wait found ready, with what they are ready for.
    pub fn ready(&self) -> impl Iterator<Item = (usize, Ready)> + '_ {
        self.fds
            .iter()
            .enumerate()
            .filter(|(_, fd)| !fd.revents().is_empty())
            .map(|(place, fd)| (place, Ready(fd.revents())))
    }

    fn check(&self, n: usize) -> io::Result<usize> {
        let closed = self.fds.iter().any(|fd| fd.revents().contains(PollFlags::NVAL));
        if closed { Err(Errno::BADF) } else { Ok(n) }
    }
}

const ZERO: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Waits for one descriptor. `TIMEDOUT` if the deadline passed first.
pub(crate) fn poll_one(
    fd: BorrowedFd<'_>,
    interest: Interest,
    deadline: Option<Instant>,
) -> io::Result<Ready> {
    let mut fds = [PollFd::from_borrowed_fd(fd, interest.flags())];
    poll(&mut fds, deadline)?;
    answer(&fds)
}

/// Asks what one descriptor is ready for, without waiting. `None` if it is not ready.
pub(crate) fn look(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<Option<Ready>> {
    let mut fds = [PollFd::from_borrowed_fd(fd, interest.flags())];
    match retry(|| rustix::event::poll(&mut fds, Some(&ZERO)))? {
        0 => Ok(None),
        _ => answer(&fds).map(Some),
    }
}

fn answer(fds: &[PollFd<'_>; 1]) -> io::Result<Ready> {
    let flags = fds[0].revents();
    if flags.contains(PollFlags::NVAL) { Err(Errno::BADF) } else { Ok(Ready(flags)) }
}

/// Calls `poll(2)`, and calls it again with the rest of the time after a signal.
///
/// With a deadline in the past, it only asks and does not wait.
fn poll(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // If the time is too long for the system, this waits without a limit.
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match rustix::event::poll(fds, timeout.as_ref()) {
            // The kernel's clock and ours may round differently. Only ours decides that it is late.
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return Err(Errno::TIMEDOUT),
            Ok(0) | Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

fn failed(errno: Errno) -> Error {
    match errno {
        Errno::BADF => Error::new(WAIT, CoreError::Closed),
        // The time is always valid, so the error is about the number of entries.
        Errno::INVAL => Error::new(
            "wait for more descriptors than a process may have open (RLIMIT_NOFILE)",
            CoreError::Exhausted,
        ),
        errno => Error::new(WAIT, errno),
    }
}

/// Repeats a call until it gives a result other than that it would wait.
///
/// It repeats the call at once after a signal, and after `EAGAIN` once `fd` is ready. It makes the
/// call at least once, and returns `TIMEDOUT` if the deadline passed first. With a deadline, `call`
/// must not wait by itself.
#[inline(always)]
pub(crate) fn retry_ready<T>(
    fd: BorrowedFd<'_>,
    interest: Interest,
    deadline: Option<Instant>,
    mut call: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut late = false;
    loop {
        match call() {
            Err(Errno::INTR) => {}
            // `fd` was ready, and yet the call would wait: another thread or process was faster.
            Err(Errno::AGAIN) if late => return Err(Errno::TIMEDOUT),
            Err(Errno::AGAIN) => {
                poll_one(fd, interest, deadline)?;
                late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            }
            other => return other,
        }
    }
}

/// Makes a call once, or repeatedly until the deadline.
///
/// `call` makes the system call. If its argument is true, it must not wait in it.
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
