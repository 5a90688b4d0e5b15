//! A child, as its parent holds it.

use super::Exit;
use crate::error::{On, ProcessError, Tried};
use crate::fd::{self, Interest, Timeout};
use crate::signal::{self, Signal};
use crate::sys::lock;
use crate::{Cause, CoreError, Error, Result};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, pidfd_open, waitid,
    waitpid,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

const JOIN: &str = "join process";

/// A process that this one started.
///
/// Dropping it kills it and waits for it. All operations take `&self`: one thread may join it while
/// another ends it.
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
    /// The process that may wait for it: a fork of this one has a copy of the handle, and no
    /// business with the child.
    owner: Pid,
    /// Shared with the list of those that were detached.
    pidfd: Arc<OwnedFd>,
    detached: bool,
    exit: Mutex<Option<Result<Exit>>>,
}

impl Child {
    /// A child that was just started, and its pidfd.
    pub(super) fn new(pid: Pid, pidfd: OwnedFd) -> Self {
        let (owner, pidfd) = (getpid(), Arc::new(pidfd));
        Child { pid, owner, pidfd, detached: false, exit: Mutex::new(None) }
    }

    /// Takes a child that was just started. It is ended if that fails.
    pub(super) fn adopt(pid: Pid) -> std::result::Result<Self, Cause> {
        // It cannot have been replaced by another: the number is taken until somebody waits for it.
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Child::new(pid, pidfd)),
            // Somebody did, and it has ended.
            Err(Errno::SRCH) => Err(ProcessError::Reaped.into()),
            Err(errno) => {
                let _ = kill_process(pid, rustix::process::Signal::KILL);
                let _ = fd::retry(|| waitpid(Some(pid), WaitOptions::empty()));
                Err(errno.into())
            }
        }
    }

    /// Its number. Once it was joined another process may get the same: signals go through the
    /// handle.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    crate::fd::forms! {
        /// Waits until it has ended, and says how. It may be asked again.
        ///
        /// # Errors
        /// [`ProcessError::Reaped`] if somebody else waited for it: it has ended, and how is not
        /// known.
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
        // Not behind the lock: others may look meanwhile.
        let ended = match timeout {
            Timeout::Until(deadline) => fd::poll_one(self.as_fd(), Interest::Read, deadline),
            Timeout::Now | Timeout::Mode => {
                fd::look(self.as_fd(), Interest::Read).and_then(|ended| ended.ok_or(Errno::AGAIN))
            }
        };
        ended.tried(JOIN).on(self.pid)?;
        lock(&self.exit).get_or_insert_with(|| reap(self.as_fd(), self.pid)).clone()
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&self) -> bool {
        matches!(fd::look(self.as_fd(), Interest::Read), Ok(None))
    }

    /// Asks it to end (`SIGTERM`): see [`send_signal`](Self::send_signal).
    ///
    /// # Errors
    /// As [`send_signal`](Self::send_signal).
    #[doc(alias = "SIGTERM")]
    pub fn terminate(&self) -> Result<()> {
        self.send_signal(Signal::TERM)
    }

    /// Ends it (`SIGKILL`): see [`send_signal`](Self::send_signal).
    ///
    /// # Errors
    /// As [`send_signal`](Self::send_signal).
    #[doc(alias = "SIGKILL")]
    pub fn kill(&self) -> Result<()> {
        self.send_signal(Signal::KILL)
    }

    /// Sends it a signal. One that has ended already is left alone. The [type](Self) has an
    /// example.
    ///
    /// # Errors
    /// What the system says: `EPERM` if it changed its user.
    #[doc(alias = "pidfd_send_signal")]
    pub fn send_signal(&self, signal: Signal) -> Result<()> {
        match signal::send_fd(self, signal) {
            Err(error) if error.cause() == Cause::Os(Errno::SRCH) => Ok(()),
            other => other,
        }
    }

    /// Lets it run without anybody to answer for it. When it has ended it is waited for by the next
    /// call here that starts or detaches a process. It still ends with this process, unless it was
    /// [started to outlive it](super::Options::end_with_parent).
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

/// The children that nobody holds, and that nobody waited for yet.
static DETACHED: Mutex<Vec<Arc<OwnedFd>>> = Mutex::new(Vec::new());

/// Waits for those of the detached children that have ended.
pub(super) fn reap_detached() {
    lock(&DETACHED).retain(|pidfd| {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        // An error is that somebody else waited for it.
        matches!(fd::retry(|| waitid(WaitId::PidFd(pidfd.as_fd()), ended)), Ok(None))
    });
}

/// Forgets the children of the process that this one is a fork of.
pub(super) fn forget_detached() {
    lock(&DETACHED).clear();
}

/// Waits for a process that has ended, so that its zombie goes.
fn reap(pidfd: BorrowedFd<'_>, pid: Pid) -> Result<Exit> {
    let status = fd::retry(|| waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED));
    let status = status.map_err(|errno| match errno {
        Errno::CHILD => Cause::from(ProcessError::Reaped),
        errno => errno.into(),
    });
    let status = status.tried(JOIN).on(pid)?;
    let ended = status.and_then(|status| match status.terminating_signal() {
        None => status.exit_status().map(Exit::Code),
        // One of those that the C library keeps for itself has no name here. The shell's way of
        // telling then.
        Some(number) => Some(Signal::new(number).map_or(Exit::Code(128 + number), Exit::Signal)),
    });
    // Neither can be: it was asked for one that has ended, and waits.
    ended.ok_or_else(|| Error::new(JOIN, CoreError::WouldBlock).on(pid))
}

impl Drop for Child {
    /// Ends it, and waits for that, unless it has been waited for.
    fn drop(&mut self) {
        let joined = self.exit.get_mut().is_ok_and(|exit| exit.is_some());
        if self.detached || joined || self.owner != getpid() {
            return;
        }
        // An error means that it may not be killed, because it changed its user: then it is not
        // waited for either.
        if self.kill().is_ok() {
            // Not `join`, which asks `poll(2)` first, for others to look meanwhile: one call less
            // that can fail.
            let _ = reap(self.as_fd(), self.pid);
        }
    }
}

crate::sys::descriptor!(
    /// The pidfd: readable once it has ended.
    Child, |it| it.pidfd
);
