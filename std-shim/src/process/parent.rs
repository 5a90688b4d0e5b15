//! The process that started this one, and how a child ends with it.

use crate::Result;
use crate::error::Tried;
use crate::fd::{self, Interest};
use crate::sys::{alias, answer, lock};
use crate::unshared::Unshared;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The process that started this one, as a pidfd: it never stands for another one. Readable once
/// that has ended, in [`fd::wait_any`](crate::fd::wait_any) and the like.
///
/// ```
/// use ringway::process::{self, Entry};
/// use std::time::{Duration, Instant};
/// const WORK: Entry = Entry::new("work", |_| {
///     let parent = process::parent().ok_or("I was not started by another")?;
///     assert!(parent.is_alive());
///     let soon = Instant::now() + Duration::from_millis(5);
///     assert!(parent.wait_deadline(Some(soon)).is_err()); // it waits for us
///     Ok(())
/// });
/// process::main(&[WORK]);
/// assert!(process::parent().is_none()); // here we are the first
/// assert!(process::spawn(&WORK, b"", vec![])?.join()?.success());
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Parent(Arc<OwnedFd>);

impl Parent {
    /// Whether it has not ended yet.
    pub fn is_alive(&self) -> bool {
        matches!(fd::look(self.as_fd(), Interest::Read), Ok(None))
    }

    /// Waits until it has ended, at most until `deadline`.
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) when the deadline passed first.
    pub fn wait_deadline(&self, deadline: Option<Instant>) -> Result<()> {
        fd::wait_deadline(self, Interest::Read, deadline).map(drop)
    }
}

crate::sys::descriptor!(Parent, |it| it.0);

/// The process that started this one by [`spawn`](super::spawn) or [`fork`](fn@super::fork); `None`
/// if none did.
///
/// ```
/// use ringway::process::{self, Entry};
/// const PATIENT: Entry = Entry::new("patient", |_| {
///     process::outlive_parent();
///     let parent = process::parent().ok_or("I was not started by another")?;
///     ringway::fd::wait(&parent, ringway::fd::Interest::Read)?; // until it has ended
///     println!("now I may tidy up");
///     Ok(())
/// });
/// process::main(&[PATIENT]);
/// let child = process::spawn(&PATIENT, b"", vec![])?;
/// assert!(child.is_alive());
/// # Ok::<(), ringway::Error>(())
/// ```
pub fn parent() -> Option<Parent> {
    lock(&PARENT).clone()
}

/// Lets this process live on when its parent ends, from now on and for good.
/// [`Options`](super::Options) can do so from the start. In a process that no other one started,
/// and in one that is free already, it does nothing. [`parent`] has an example.
pub fn outlive_parent() {
    drop(lock(&HELD).take());
}

static PARENT: Mutex<Option<Parent>> = Mutex::new(None);

pub(super) fn set(pidfd: OwnedFd) {
    *lock(&PARENT) = Some(Parent(Arc::new(pidfd)));
}

/// A pidfd of this process, for its children.
pub(super) fn this_process() -> Result<OwnedFd> {
    pidfd_open(getpid(), PidfdFlags::empty()).tried("get a pidfd of this process")
}

/// What ties children to this process: a pipe that closes when this process ends.
///
/// Each child holds a reader whose open file description is its own, because whom a description
/// signals is one process. The writer is in no other process.
struct Line {
    reader: OwnedFd,
    /// Never written to. A copy of this process does not get it, whichever code forks.
    _writer: Unshared,
    /// Whose line it is: a fork that this crate did not make has a copy of the rest, which ties
    /// nobody to it.
    owner: Pid,
}

/// Made with the first child, and there until this process ends. A process that changes its user
/// may not open the pipe of the user before any more, and makes another; the one before still ties
/// the children that have it.
static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// The reader by which this process ends with its parent.
static HELD: Mutex<Option<OwnedFd>> = Mutex::new(None);

impl Line {
    /// Another reader, with a description of its own, where a duplicate would share the one there
    /// is.
    fn open(&self) -> rustix::io::Result<OwnedFd> {
        rustix::fs::open(alias(&self.reader), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }
}

const TIE: &str = "tie the process to its parent";

/// A reader that will signal the child that makes it its [`own`], when this process ends.
pub(super) fn line() -> Result<OwnedFd> {
    let mut lines = lock(&LINES);
    lines.retain(|line| line.owner == getpid());
    let held = match lines.last().map(Line::open) {
        Some(Err(Errno::ACCESS)) | None => {
            let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map(|(r, w)| (w, r));
            let (writer, reader) = Unshared::open(pipe).tried(TIE)?;
            lines.push(Line { reader, _writer: writer, owner: getpid() });
            lines.last().map_or(Err(Errno::BADF), Line::open)
        }
        Some(held) => held,
    };
    let held = held.tried(TIE)?;
    control(held.as_fd(), F_SETSIG, libc::SIGKILL).tried(TIE)?;
    control(held.as_fd(), libc::F_SETFL, libc::O_ASYNC).tried(TIE)?;
    Ok(held)
}

/// Makes this process the one that `held` signals. Two system calls, for a child that has executed
/// nothing yet.
pub(super) fn own(held: BorrowedFd<'_>) -> rustix::io::Result<()> {
    control(held, libc::F_SETOWN, getpid().as_raw_pid())
}

/// Keeps this process's [`own`] reader.
///
/// If the parent ended before it was owned there was nobody to signal: this process ends here then.
pub(super) fn hold(held: OwnedFd) {
    if matches!(fd::look(held.as_fd(), Interest::HangUp), Ok(Some(_))) {
        std::process::exit(ORPHAN);
    }
    *lock(&HELD) = Some(held);
}

/// Closes what a fork has of its parent's lines. What it will be to children of its own is a new
/// one.
pub(super) fn forget_line() {
    lock(&LINES).clear();
}

/// The exit code of a child that found its parent gone. Nobody sees it but a subreaper.
const ORPHAN: i32 = 124;

/// Not in the libc crate.
const F_SETSIG: libc::c_int = 10;

fn control(
    fd: BorrowedFd<'_>,
    command: libc::c_int,
    argument: libc::c_int,
) -> rustix::io::Result<()> {
    // SAFETY: the descriptor is open, and the commands used here take a number.
    answer(unsafe { libc::fcntl(fd.as_raw_fd(), command, argument) }).map(drop)
}
