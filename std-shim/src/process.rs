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
//! A spawned child executes `/proc/self/exe`: the very file that this program runs from, even if
//! that was deleted or replaced. It has this program's environment, working directory, user and
//! limits. Its standard input is empty, and its output and errors go where this program's go,
//! unless [`Options`] say otherwise. No signal is blocked in the child, and it ignores the signals
//! that this program ignores. Every other descriptor is closed, even if other code in this process
//! opened it without close-on-exec. What is handed over arrives through a socket, whose number the
//! child gets as an argument. Nothing is added to the environment. This process is not copied on
//! the way: starting a child takes a process with gigabytes of memory no longer than a small one.
//!
//! # Its end
//!
//! A [`Child`] holds a pidfd, which never stands for another process: there is no race between a
//! signal and the reuse of a pid. [`Child::join`] waits for the child alone. The pidfd is readable
//! once the process has ended, so that [`fd::wait_any`](crate::fd::wait_any) and
//! [`fd::WaitSet`](crate::fd::WaitSet) can wait for it with other things.
//!
//! - **Dropping a `Child` kills it**, with `SIGKILL`, and waits for its end: neither a stray
//!   process nor a zombie is left. To let it finish, call [`Child::join`] first, or
//!   [`Child::detach`]. A detached child that has ended is a zombie until this process next starts
//!   or detaches a child.
//! - **A child ends with its parent**, however the parent ends, unless it was started to [outlive
//!   it](Options::end_with_parent). The parent keeps the writer of a pipe for as long as it lives,
//!   and the child holds a reader. Before the child executes anything, it asks the kernel for a
//!   `SIGKILL` when the writer closes (`F_SETSIG`, `O_ASYNC`). This ends a child even if it is
//!   stopped, or has blocked all signals. The usual `PR_SET_PDEATHSIG` fires when the *thread* that
//!   started the child ends, which is not what a pool of threads wants. A watching thread would do
//!   nothing in a child that is stopped. A process that other code makes in the parent by `fork(2)`
//!   gets no copy of the writer. Only a process that was made around the C library (a bare
//!   `clone(2)`), and that executed nothing, can delay a child's end. A parent that executes
//!   another program has ended in this sense: the kernel closes the writer, and kills its children.
//! - **A child can watch its parent** itself: [`parent`].
//!
//! # Users
//!
//! An argument and a socket tell a child what to run. The child checks who made that socket: only a
//! process of its own user can start it. A program that runs with more rights than its user has
//! (set-user-ID, set-group-ID, file capabilities: `AT_SECURE` in
//! [getauxval(3)](https://man7.org/linux/man-pages/man3/getauxval.3.html)) runs no entry at all. It
//! can spawn children once it has made its real, effective and saved user the same, if a copy of it
//! then does not regain those rights.
//!
//! # What it takes
//!
//! Linux 5.11 (`close_range(2)` with `CLOSE_RANGE_CLOEXEC`, pidfds), `/proc`, and a program that
//! the kernel started: under an explicit `ld.so` or `valgrind`, `/proc/self/exe` is that program
//! instead. A test in the standard harness does not have the `main` of its program, and so cannot
//! spawn: give it `harness = false`.
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

/// The number (pid) of this process, for [`signal::send`](crate::signal::send) and for comparison.
///
/// ```
/// assert_eq!(ringway::process::id().as_raw_pid() as u32, std::process::id());
/// ```
#[doc(alias = "getpid")]
pub fn id() -> Pid {
    rustix::process::getpid()
}
