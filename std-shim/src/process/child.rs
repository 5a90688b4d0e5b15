//! A parent's handle of a child.

use super::Exit;
use crate::error::{Asked, On, ProcessError, Tried, refused};
use crate::fd::{self, Interest, Timeout};
use crate::signal::{self, Signal};
use crate::sys::lock;
use crate::sys::pidfd::{self, End};
use crate::{Cause, Result};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, getpid, kill_process, waitpid};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

const JOIN: &str = "join process";

/// A handle of a process that this one started.
///
/// Dropping the handle kills the process and waits for its end. All operations take `&self`: one
/// thread may join the process while another ends it.
///
/// ```
/// use ringway::process::{self, Entry, Exit};
/// use ringway::signal::Signal;
/// const SLEEP: Entry = Entry::new("sleep", |_| loop {
///     std::thread::park();
/// });
/// process::main(&[SLEEP]);
/// let child = process::spawn(&SLEEP, b"", vec![])?;
/// assert_ne!(child.pid(), process::id());
/// assert!(child.is_alive());
/// child.terminate()?;
/// assert_eq!(child.join()?, Exit::Signal(Signal::TERM));
/// assert!(!child.is_alive());
///
/// let others = [process::spawn(&SLEEP, b"", vec![])?, process::spawn(&SLEEP, b"", vec![])?];
/// others[0].kill()?;
/// others[1].send_signal(Signal::USR1)?;
/// assert_eq!(others[0].join()?.signal(), Some(Signal::KILL));
/// assert_eq!(others[1].join()?.signal(), Some(Signal::USR1));
/// drop(process::spawn(&SLEEP, b"", vec![])?); // it runs no more
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the process: join it, or detach it"]
pub struct Child {
    pid: Pid,
    /// The process that may wait for the child. A fork of that one has a copy of the handle, and
    /// leaves the child alone.
    owner: Pid,
    /// Shared with the list of detached children.
    pidfd: Arc<OwnedFd>,
    detached: bool,
    exit: Mutex<Option<Result<Exit>>>,
}

impl Child {
    /// The handle of a child that was just started, and its pidfd.
    pub(super) fn new(pid: Pid, pidfd: OwnedFd) -> Self {
        let (owner, pidfd) = (getpid(), Arc::new(pidfd));
        Child { pid, owner, pidfd, detached: false, exit: Mutex::new(None) }
    }

    /// Makes the handle of a child that was just started, and opens its pidfd. On an error it ends
    /// the child.
    pub(super) fn adopt(pid: Pid) -> std::result::Result<Self, Cause> {
        // The number cannot be another process's: it stays taken until somebody waits for the
        // child.
        match pidfd::open(pid) {
            Ok(pidfd) => Ok(Child::new(pid, pidfd)),
            // Other code has waited for the child, which has ended.
            Err(Errno::SRCH) => Err(ProcessError::Reaped.into()),
            Err(errno) => {
                let _ = kill_process(pid, rustix::process::Signal::KILL);
                let _ = fd::retry(|| waitpid(Some(pid), WaitOptions::empty()));
                Err(errno.into())
            }
        }
    }

    /// The child's number (pid).
    ///
    /// Once the child was joined, another process may get the same number: send signals through the
    /// handle.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    crate::fd::forms! {
        /// Waits until the child has ended, and returns how it ended.
        ///
        /// It may be called again, and returns the same.
        ///
        /// # Errors
        /// [`ProcessError::Reaped`] if other code waited for the child: it has ended, and how is
        /// not known.
        ///
        /// ```
        /// use ringway::CoreError;
        /// use ringway::process::{self, Entry, Exit};
        /// use std::time::{Duration, Instant};
        /// const WORK: Entry = Entry::new("work", |_| Err("too much".into()));
        /// const SLEEP: Entry = Entry::new("sleep", |_| loop {
        ///     std::thread::park();
        /// });
        /// process::main(&[WORK, SLEEP]);
        /// let child = process::spawn(&WORK, b"", vec![])?;
        /// assert_eq!(child.join()?, Exit::Code(1));
        /// assert_eq!(child.join()?, Exit::Code(1));
        ///
        /// let child = process::spawn(&SLEEP, b"", vec![])?;
        /// assert!(child.try_join().unwrap_err().is(CoreError::WouldBlock));
        /// let soon = Instant::now() + Duration::from_millis(5);
        /// assert!(child.join_deadline(Some(soon)).unwrap_err().is(CoreError::TimedOut));
        /// # Ok::<(), ringway::Error>(())
        /// ```
        #[doc(alias = "waitid")]
        pub fn join,
        pub fn try_join,
        pub fn join_deadline: (&self) -> Exit = join_by;
    }

    fn join_by(&self, timeout: Timeout) -> Result<Exit> {
        // Does not hold the lock here, so that other threads may ask meanwhile.
        let ended = match timeout {
            Timeout::Until(deadline) => fd::poll_one(self.as_fd(), Interest::Read, deadline),
            Timeout::Now | Timeout::Mode => {
                fd::look(self.as_fd(), Interest::Read).and_then(|ended| ended.ok_or(Errno::AGAIN))
            }
        };
        ended.tried(JOIN).on(self.pid)?;
        lock(&self.exit).get_or_insert_with(|| reap(self.as_fd(), self.pid)).clone()
    }

    /// Whether the child has not ended yet.
    pub fn is_alive(&self) -> bool {
        matches!(fd::look(self.as_fd(), Interest::Read), Ok(None))
    }

    /// Asks the child to end (`SIGTERM`): see [`send_signal`](Self::send_signal).
    ///
    /// # Errors
    /// As [`send_signal`](Self::send_signal).
    #[doc(alias = "SIGTERM")]
    pub fn terminate(&self) -> Result<()> {
        self.send_signal(Signal::TERM)
    }

    /// Kills the child (`SIGKILL`): see [`send_signal`](Self::send_signal).
    ///
    /// # Errors
    /// As [`send_signal`](Self::send_signal).
    #[doc(alias = "SIGKILL")]
    pub fn kill(&self) -> Result<()> {
        self.send_signal(Signal::KILL)
    }

    /// Sends the child a signal; does nothing if it has ended.
    ///
    /// The [type](Self) has an example.
    ///
    /// # Errors
    /// The system's error: `EPERM` if the child changed its user.
    #[doc(alias = "pidfd_send_signal")]
    pub fn send_signal(&self, signal: Signal) -> Result<()> {
        match signal::send_fd(self, signal) {
            Err(error) if error.cause() == Cause::Os(Errno::SRCH) => Ok(()),
            other => other,
        }
    }

    /// Gives up the handle and lets the child run on.
    ///
    /// When the child has ended, the next call in this process that starts or detaches a child
    /// waits for it. It still ends with this process, unless it was [started to outlive
    /// it](super::Options::end_with_parent).
    ///
    /// ```
    /// use ringway::process::{self, Entry};
    /// const WORK: Entry = Entry::new("work", |_| Ok(()));
    /// process::main(&[WORK]);
    /// process::spawn(&WORK, b"", vec![])?.detach();
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn detach(mut self) {
        reap_detached();
        self.detached = true;
        if self.owner == getpid() {
            lock(&DETACHED).push(self.pidfd.clone());
        }
    }
}

/// The detached children that nobody has waited for yet.
static DETACHED: Mutex<Vec<Arc<OwnedFd>>> = Mutex::new(Vec::new());

/// Waits for the detached children that have ended.
pub(super) fn reap_detached() {
    lock(&DETACHED).retain(|pidfd| {
        // An error means that other code waited for the child.
        matches!(fd::retry(|| pidfd::try_wait(pidfd.as_fd())), Ok(None))
    });
}

/// In a fork: forgets the children of the parent.
pub(super) fn forget_detached() {
    lock(&DETACHED).clear();
}

/// Waits for a process that has ended, and so removes its zombie.
fn reap(pidfd: BorrowedFd<'_>, pid: Pid) -> Result<Exit> {
    let end = match fd::retry(|| pidfd::wait(pidfd)) {
        Err(Errno::CHILD) => Err(ProcessError::Reaped).tried(JOIN),
        end => end.asked(JOIN, refused!("waitid(2)")),
    };
    Ok(match end.on(pid)? {
        End::Exited(code) => Exit::Code(code),
        // A signal that the C library reserves has no name here: report it as a shell does.
        End::Killed(number) => Signal::new(number).map_or(Exit::Code(128 + number), Exit::Signal),
    })
}

impl Drop for Child {
    /// Kills the child and waits for its end, unless it was joined or detached.
    fn drop(&mut self) {
        let joined = self.exit.get_mut().is_ok_and(|exit| exit.is_some());
        if self.detached || joined || self.owner != getpid() {
            return;
        }
        // An error means that this process may not kill the child, because that changed its user.
        // Then it does not wait either.
        if self.kill().is_ok() {
            // Does not use `join`, which calls `poll(2)` first: this is one call less that can
            // fail.
            let _ = reap(self.as_fd(), self.pid);
        }
    }
}

crate::sys::descriptor!(
    /// The pidfd, which is readable once the child has ended.
    Child, |it| it.pidfd
);
