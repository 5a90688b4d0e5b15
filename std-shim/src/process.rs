//! Processes: a registered function in a fresh copy of this program, waited for through a pidfd.
//!
//! ```
//! use ringway::process::{self, Entry, EntryArgs, EntryResult};
//! use std::io::Write;
//! use std::os::fd::OwnedFd;
//!
//! const SHOUT: Entry = Entry::new("shout", shout);
//!
//! fn shout(given: EntryArgs) -> EntryResult {
//!     let text = String::from_utf8(given.argument)?.to_uppercase();
//!     for descriptor in given.descriptors {
//!         std::fs::File::from(descriptor).write_all(text.as_bytes())?;
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> ringway::Result<()> {
//!     process::main(&[SHOUT]); // first of all: in a child this runs the entry, and does not return
//!     let (reader, writer) = ringway::pipe::pipe()?;
//!     let child = process::spawn(&SHOUT, b"hello", vec![OwnedFd::from(writer)])?;
//!     assert_eq!(std::io::read_to_string(reader).unwrap(), "HELLO");
//!     assert!(child.join()?.success());
//!     Ok(())
//! }
//! ```
//!
//! # What a child is
//!
//! | | [`spawn`] | [`fork()`] |
//! |---|---|---|
//! | begins | in its [`Entry`], with nothing but what it was given | where the call returns, with a copy of everything |
//! | threads in this process | any number | this one only, else it refuses |
//! | memory | fresh | copied |
//! | descriptors | the three standard streams, and what was handed to it | all |
//!
//! A spawned child executes `/proc/self/exe`: the very file that this program runs from, also when
//! another one has been put in its place or it was deleted. It has this program's environment,
//! working directory, user and limits. Its standard input is empty, its output and errors are ours,
//! unless [`Options`] say otherwise. No signal is blocked there, and what is ignored here is
//! ignored there. Every other descriptor is closed, also such as other code in this process opened
//! without close-on-exec; what is handed over arrives through a socket that the child is told of by
//! an argument. Nothing is put into the environment, so that nothing has to be removed from it.
//! This process is not copied on the way: to start a child takes as long for one that has gigabytes
//! of memory as for a small one.
//!
//! # Its end
//!
//! A [`Child`] is held by a pidfd, which never stands for another process: there is no race between
//! a signal and the reuse of a pid. It [is waited for](Child::join) as itself, or with other
//! things: it is readable once the process has ended ([`fd::wait_any`](crate::fd::wait_any),
//! [`fd::WaitSet`](crate::fd::WaitSet)).
//!
//! - **Dropping a `Child` ends it**, with `SIGKILL`, and waits for that: no process is left that
//!   nobody answers for, and no zombie. [`Child::join`] it first to let it finish, or
//!   [`Child::detach`] it: a detached one that has ended is a zombie until this process next starts
//!   or detaches a child.
//! - **A child ends with its parent**, however the parent ends, unless it was started to
//!   [outlive it](Options::end_with_parent). It holds one end of a pipe whose other end the parent
//!   has for as long as it lives, and before it executes anything the kernel is asked for a
//!   `SIGKILL` when that closes (`F_SETSIG`, `O_ASYNC`): also for a child that is stopped, or has
//!   blocked all signals. The usual `PR_SET_PDEATHSIG` fires when the *thread* ends that started
//!   the child, which is not what a pool of threads wants. A watching thread would do nothing in a
//!   child that is stopped. A `fork(2)` that other code makes in the parent gets no copy of the
//!   parent's end; what could delay the end is a process that was made around the C library (a bare
//!   `clone(2)`), and that executed nothing. A parent that executes another program has ended in
//!   this sense: the kernel closes its end of the pipe, and kills its children.
//! - **A child can watch its parent** itself: [`parent`].
//!
//! # Users
//!
//! A child is told what to run by an argument and a socket, and makes sure who made that socket:
//! only a process of its own user starts it. A program that runs with more rights than its user has
//! (set-user-ID, set-group-ID, file capabilities: `AT_SECURE` in
//! [getauxval(3)](https://man7.org/linux/man-pages/man3/getauxval.3.html)) runs no entry at all. It
//! can spawn after it has made its real, effective and saved user the same, if a copy of it then
//! gets no rights back.
//!
//! # What it takes
//!
//! Linux 5.11 (`close_range(2)` with `CLOSE_RANGE_CLOEXEC`, pidfds), `/proc`, and a program that
//! the kernel started: under an explicit `ld.so` or `valgrind` the executable is that one. A test
//! of the standard harness is not the `main` of its program, so that it cannot spawn: give it
//! `harness = false`.
//!
//! # Sources
//! [pidfd_open(2)](https://man7.org/linux/man-pages/man2/pidfd_open.2.html),
//! [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html),
//! [clone(2)](https://man7.org/linux/man-pages/man2/clone.2.html),
//! [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html),
//! [close_range(2)](https://man7.org/linux/man-pages/man2/close_range.2.html),
//! [proc_pid_exe(5)](https://man7.org/linux/man-pages/man5/proc_pid_exe.5.html).

mod child;
mod entry;
mod exec;
mod exit;
mod fork;
mod hello;
mod parent;
mod spawn;

pub use crate::error::ProcessError;
pub use child::Child;
pub use entry::{Entry, EntryArgs, EntryResult, main};
pub use exit::Exit;
pub use fork::{Fork, fork};
pub use hello::MAX_DESCRIPTORS;
pub use parent::{Parent, outlive_parent, parent};
pub use spawn::{Options, spawn};

pub use rustix::process::Pid;

/// The number of this process: for [`signal::send`](crate::signal::send), and to tell who somebody
/// is.
///
/// ```
/// assert_eq!(ringway::process::id().as_raw_pid() as u32, std::process::id());
/// ```
#[doc(alias = "getpid")]
pub fn id() -> Pid {
    rustix::process::getpid()
}
