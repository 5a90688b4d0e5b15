//! Waiting until descriptors are ready: one, or many at once.

use super::retry::retry;
use super::timeout::Timeout;
use crate::{CoreError, Error, Result};
use ringway_core::channel::Event;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{self, Errno};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

const WAIT: &str = "wait for the descriptor";

/// What to wait for. A hang-up and an error are always reported, whatever is asked for.
///
/// ```
/// use ringway::fd::{self, Interest};
/// let (reader, _writer) = std::io::pipe().unwrap();
/// // Nothing to read yet, and nobody hung up.
/// assert!(fd::try_wait(&reader, Interest::Read).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Bytes, a message, a connection or the end of file can be taken (`POLLIN`).
    Read,
    /// There is room for at least one byte or message (`POLLOUT`).
    Write,
    /// Either of the two.
    ReadWrite,
    /// Neither: only that the peer left, or that the descriptor failed.
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

/// What a descriptor is ready for: the answer of [`wait`] and of a [`WaitSet`].
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
    /// A read would not wait: there are bytes, a message or a connection (`POLLIN`). At the end of
    /// a stream's input this is set too; a pipe whose last writer left sets
    /// [`hung_up`](Self::hung_up) instead.
    pub fn readable(self) -> bool {
        self.0.contains(PollFlags::IN)
    }

    /// A write of at least one byte or message would not wait (`POLLOUT`).
    pub fn writable(self) -> bool {
        self.0.contains(PollFlags::OUT)
    }

    /// The peer closed (`POLLHUP`). What it sent before can still be read.
    pub fn hung_up(self) -> bool {
        self.0.contains(PollFlags::HUP)
    }

    /// The next operation fails and says why (`POLLERR`): a pipe without readers, a connection torn
    /// down.
    pub fn failed(self) -> bool {
        self.0.contains(PollFlags::ERR)
    }

    /// What this says about the life of the end, where it says anything: that the peer closed and
    /// nothing of what it sent is left, or, for the writer of a pipe or a FIFO, that nobody reads.
    ///
    /// A socket's [`failed`](Self::failed) may mean more; it is `SO_ERROR` that tells.
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
    /// Waits until `fd` is ready for what is asked, or the peer left. A signal does not end the
    /// wait.
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

/// Waits until at least one of several things can be read, accepted, received or joined, or has
/// come to its end, and returns the places of those that can; at most until `deadline`. Processes,
/// connections, sockets, signals: whatever is a descriptor.
///
/// To wait for the same ones again and again, or to write, use a [`WaitSet`].
///
/// # Errors
/// [`TimedOut`](CoreError::TimedOut) when `deadline` passed first; [`Closed`](CoreError::Closed) if
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

/// Many descriptors, waited for at once.
///
/// A descriptor is known by its place: the number that [`add`](Self::add) returned. The set borrows
/// the descriptors, so that none can be closed while it is waited for. One wait costs time in
/// proportion to the number of descriptors.
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
    /// The same descriptors, for as long as they are borrowed: a `PollFd` lends its own for less.
    borrowed: Vec<BorrowedFd<'fd>>,
}

impl<'fd> WaitSet<'fd> {
    /// An empty set.
    pub const fn new() -> Self {
        WaitSet { fds: Vec::new(), borrowed: Vec::new() }
    }

    /// Adds a descriptor, and returns its place: 0 for the first, 1 for the next, and so on.
    pub fn add<F: AsFd>(&mut self, fd: &'fd F, interest: Interest) -> usize {
        self.fds.push(PollFd::from_borrowed_fd(fd.as_fd(), interest.flags()));
        self.borrowed.push(fd.as_fd());
        self.fds.len() - 1
    }

    /// Changes what is waited for at one place. A place that was never given out is ignored.
    pub fn set_interest(&mut self, place: usize, interest: Interest) {
        if let (Some(entry), Some(fd)) = (self.fds.get_mut(place), self.borrowed.get(place)) {
            *entry = PollFd::from_borrowed_fd(*fd, interest.flags());
        }
    }

    /// How many descriptors are in the set.
    pub fn len(&self) -> usize {
        self.fds.len()
    }

    /// Whether there is none. To wait for an empty set is to sleep until the deadline.
    pub fn is_empty(&self) -> bool {
        self.fds.is_empty()
    }

    /// Waits until at least one is ready, and returns how many are.
    ///
    /// # Errors
    /// [`Closed`](CoreError::Closed) if one of the descriptors is not open;
    /// [`Exhausted`](CoreError::Exhausted) if there are more than the process may have open
    /// (`RLIMIT_NOFILE`), which can be when one is in the set several times, or the limit was
    /// lowered.
    pub fn wait(&mut self) -> Result<usize> {
        self.wait_deadline(None)
    }

    /// [`wait`](Self::wait), at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](CoreError::TimedOut) when it passed first, never before it;
    /// else as [`wait`](Self::wait).
    pub fn wait_deadline(&mut self, deadline: Option<Instant>) -> Result<usize> {
        poll(&mut self.fds, deadline).and_then(|n| self.check(n)).map_err(failed)
    }

    /// How many are ready now; 0 if none is.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> Result<usize> {
        retry(|| rustix::event::poll(&mut self.fds, Some(&ZERO)))
            .and_then(|n| self.check(n))
            .map_err(failed)
    }

    /// The places that the last wait found ready, and what for.
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

/// Waits for one descriptor. `TIMEDOUT` when the deadline passed.
pub(crate) fn poll_one(
    fd: BorrowedFd<'_>,
    interest: Interest,
    deadline: Option<Instant>,
) -> io::Result<Ready> {
    let mut fds = [PollFd::from_borrowed_fd(fd, interest.flags())];
    poll(&mut fds, deadline)?;
    answer(&fds)
}

/// Looks at one descriptor, and does not wait.
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

/// `poll(2)` that starts again after a signal with what is left of the time. A deadline of the past
/// is a plain look.
fn poll(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // A time that the system cannot count is as good as for ever.
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match rustix::event::poll(fds, timeout.as_ref()) {
            // The kernel's clock and ours may round apart: look at ours before it is called late.
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return Err(Errno::TIMEDOUT),
            Ok(0) | Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

fn failed(errno: Errno) -> Error {
    match errno {
        Errno::BADF => Error::new(WAIT, CoreError::Closed),
        // The time is always valid: it is the number of entries.
        Errno::INVAL => Error::new(
            "wait for more descriptors than a process may have open (RLIMIT_NOFILE)",
            CoreError::Exhausted,
        ),
        errno => Error::new(WAIT, errno),
    }
}

/// Makes a call until it need not wait: again after a signal, and after `EAGAIN` once `fd` is
/// ready. `TIMEDOUT` when the deadline passed; the call is made at least once. With a deadline,
/// `call` must not wait by itself.
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
            // Ready, and yet it would wait: somebody else was faster.
            Err(Errno::AGAIN) if late => return Err(Errno::TIMEDOUT),
            Err(Errno::AGAIN) => {
                poll_one(fd, interest, deadline)?;
                late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            }
            other => return other,
        }
    }
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
