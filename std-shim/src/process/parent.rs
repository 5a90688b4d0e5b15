//! The process that started this one, and the pipe by which a child ends with its parent.

use crate::Result;
use crate::error::{Asked, Tried, refused, through_proc};
use crate::fd::{self, Interest};
use crate::sys::{alias, answer, lock, pidfd};
use crate::unshared::Unshared;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, getpid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The process that started this one, as a pidfd.
///
/// A pidfd never stands for another process. It is readable once the parent has ended, in
/// [`fd::wait_any`](crate::fd::wait_any) and the like.
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
    /// Whether the parent has not ended yet.
    pub fn is_alive(&self) -> bool {
        matches!(fd::look(self.as_fd(), Interest::Read), Ok(None))
    }

    /// Waits until the parent has ended, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`TimedOut`](crate::CoreError::TimedOut) when the deadline passes first.
    pub fn wait_deadline(&self, deadline: Option<Instant>) -> Result<()> {
        fd::wait_deadline(self, Interest::Read, deadline).map(drop)
    }
}

crate::sys::descriptor!(Parent, |it| it.0);

/// The process that started this one, by [`spawn`](super::spawn) or [`fork`](fn@super::fork).
///
/// `None` if none did.
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

/// Lets this process live on when its parent ends, from now on.
///
/// It cannot be undone. [`Options`](super::Options) can do so from the start. It does nothing in a
/// process that no other one started, or that is free already. [`parent`] has an example.
pub fn outlive_parent() {
    drop(lock(&READER).take());
}

static PARENT: Mutex<Option<Parent>> = Mutex::new(None);

pub(super) fn set(pidfd: OwnedFd) {
    *lock(&PARENT) = Some(Parent(Arc::new(pidfd)));
}

/// A pidfd of this process, for its children.
pub(super) fn this_process() -> Result<OwnedFd> {
    pidfd::open(getpid()).asked("get a pidfd of this process", refused!("pidfd_open(2)"))
}

/// The pipe that ties children to this process: its writer closes when this process ends.
///
/// Each child holds a reader with its own open file description, because one description signals
/// one process. No other process has the writer.
struct DeathPipe {
    reader: OwnedFd,
    /// Nothing is written to it. A copy of this process does not get it, whatever code forks.
    _writer: Unshared,
    /// The process that made the pipe. A fork by other code has a copy of the other fields, which
    /// ties no child to it.
    owner: Pid,
}

/// The pipes of this process. It makes the first with its first child, and keeps each until it
/// ends.
///
/// After a change of its user, a process may not open the pipe any more, and makes another. The
/// earlier pipe still ties the children that hold its readers.
static DEATH_PIPES: Mutex<Vec<DeathPipe>> = Mutex::new(Vec::new());

/// The reader by which this process ends with its parent.
static READER: Mutex<Option<OwnedFd>> = Mutex::new(None);

impl DeathPipe {
    /// Opens another reader, with a description of its own: a duplicate would share the existing
    /// one.
    fn open(&self) -> rustix::io::Result<OwnedFd> {
        rustix::fs::open(alias(&self.reader), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }
}

const TIE: &str = "tie the process to its parent";

/// Opens a reader for a child. When this process ends, the reader signals the process that called
/// [`set_signalled`] on it.
pub(super) fn open_reader() -> Result<OwnedFd> {
    let mut pipes = lock(&DEATH_PIPES);
    pipes.retain(|pipe| pipe.owner == getpid());
    let reader = match pipes.last().map(DeathPipe::open) {
        Some(Err(Errno::ACCESS)) | None => {
            let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map(|(r, w)| (w, r));
            let (writer, reader) = Unshared::open(pipe).tried(TIE)?;
            pipes.push(DeathPipe { reader, _writer: writer, owner: getpid() });
            pipes.last().map_or(Err(Errno::BADF), DeathPipe::open)
        }
        Some(reader) => reader,
    };
    let reader = reader.map_err(|errno| through_proc(TIE, errno))?;
    control(reader.as_fd(), F_SETSIG, libc::SIGKILL)
        .asked(TIE, refused!("fcntl(2) with F_SETSIG"))?;
    control(reader.as_fd(), libc::F_SETFL, libc::O_ASYNC).tried(TIE)?;
    Ok(reader)
}

/// Makes this process the one that `reader` signals.
///
/// It makes two system calls and nothing else, for a child that has not executed a program yet.
pub(super) fn set_signalled(reader: BorrowedFd<'_>) -> rustix::io::Result<()> {
    control(reader, libc::F_SETOWN, getpid().as_raw_pid())
}

/// Keeps the reader on which this process has called [`set_signalled`].
///
/// If the parent ended before that call, the kernel had no process to signal: then this process
/// exits here.
pub(super) fn keep_reader(reader: OwnedFd) {
    if matches!(fd::look(reader.as_fd(), Interest::HangUp), Ok(Some(_))) {
        std::process::exit(ORPHAN);
    }
    *lock(&READER) = Some(reader);
}

/// In a fork: closes the copies of the parent's pipes. For its own children this process will make
/// a new one.
pub(super) fn forget_pipes() {
    lock(&DEATH_PIPES).clear();
}

/// The exit code of a child that finds its parent gone. Only a subreaper sees it.
const ORPHAN: i32 = 124;

/// `F_SETSIG`, which the libc crate lacks.
const F_SETSIG: libc::c_int = 10;

fn control(
    fd: BorrowedFd<'_>,
    command: libc::c_int,
    argument: libc::c_int,
) -> rustix::io::Result<()> {
    // SAFETY: the borrow keeps the descriptor open, and the commands used in this file take an
    // integer.
    answer(unsafe { libc::fcntl(fd.as_raw_fd(), command, argument) }).map(drop)
}
