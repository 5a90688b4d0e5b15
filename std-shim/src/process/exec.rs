//! Executing this program in a new process: `clone(2)` and `execve(2)`, without copying memory.
//!
//! `fork(2)` copies the page tables, which takes a tenth of a second for each gibibyte that this
//! process has. A child that executes a program next needs no memory of its own. It uses this
//! process's memory, on a stack of its own, and the thread that made it sleeps until it has
//! executed the program or ended (the flags `CLONE_VM` and `CLONE_VFORK`). Until then, whatever the
//! child does to memory it does to this process. So it makes system calls and nothing else, and all
//! signals are blocked, since a handler would run in this memory too.

use super::parent;
use crate::error::is_refusal;
use crate::fd;
use crate::sys::{answer, last_errno, pidfd};
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::{Errno, FdFlags};
use rustix::process::Pid;
use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::ptr;

/// The arguments and descriptors with which a new process executes this program.
pub(super) struct Exec<'a> {
    pub(super) arguments: &'a [CString],
    /// The child's standard streams; it inherits this process's for `None`. None of these
    /// descriptors has a number below 3.
    pub(super) streams: [Option<BorrowedFd<'a>>; 3],
    /// The socket, which stays open under its number.
    pub(super) socket: BorrowedFd<'a>,
    /// The reader by which the child ends with this process, if it does; it stays open too.
    pub(super) reader: Option<BorrowedFd<'a>>,
}

impl Exec<'_> {
    /// Starts the process, and returns when it has executed the program. All signals are blocked in
    /// it.
    pub(super) fn start(&self) -> rustix::io::Result<(Pid, OwnedFd)> {
        let environment = environment();
        let lists = [pointers(self.arguments), pointers(&environment)];
        let mut step = Shared { exec: self, lists, failure: None };
        let mut stack = Box::new([MaybeUninit::<Aligned>::uninit(); STACK]);
        let mut pidfd: c_int = -1;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        let blocked = BlockedSignals::all();
        // SAFETY: the stack grows down from its end, which is aligned to 16 bytes, and only the
        // child uses it. The child writes to `step` and to its stack, and to nothing else of this
        // process: see `child`. Both outlive the child's use of them: `CLONE_VFORK` stops this
        // thread until the child has executed the program or ended.
        let pid = unsafe {
            libc::clone(
                child,
                stack.as_mut_ptr_range().end.cast(),
                flags,
                (&raw mut step).cast(),
                &raw mut pidfd,
            )
        };
        let failure = last_errno();
        drop(blocked);
        let Some(pid) = Pid::from_raw(pid.max(0)) else { return Err(failure) };
        // SAFETY: `clone` has just opened this descriptor for the caller, and nothing else owns it.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        match step.failure {
            None => Ok((pid, pidfd)),
            Some(errno) => {
                let _ = fd::retry(|| pidfd::wait(pidfd.as_fd()));
                Err(errno)
            }
        }
    }

    /// In the child: sets up its descriptors and executes the program. Returns only on an error.
    fn execute(&self, lists: &[Vec<*const c_char>; 2]) -> rustix::io::Result<()> {
        for (number, stream) in (0..).zip(self.streams) {
            let Some(stream) = stream else { continue };
            // SAFETY: this replaces a standard stream in the child's own descriptor table. No
            // handle of this process refers to that table.
            answer(unsafe { libc::dup2(stream.as_raw_fd(), number) })?;
        }
        close_all_on_exec()?;
        rustix::io::fcntl_setfd(self.socket, FdFlags::empty())?;
        if let Some(reader) = self.reader {
            // Done before `execve`, so that the child is tied even if something keeps it from
            // running `main`.
            parent::set_signalled(reader)?;
            rustix::io::fcntl_setfd(reader, FdFlags::empty())?;
        }
        let [arguments, environment] = lists.each_ref().map(|list| list.as_ptr());
        let program = c"/proc/self/exe".as_ptr();
        // SAFETY: the path ends with a zero byte. Both lists end with a null pointer, and `start`
        // keeps them and their strings until the call returns or the process has gone on.
        answer(unsafe { libc::execve(program, arguments, environment) }).map(drop)
    }
}

/// The memory that parent and child share: what the child shall do, and its error.
struct Shared<'a> {
    exec: &'a Exec<'a>,
    /// The arguments, and the environment.
    lists: [Vec<*const c_char>; 2],
    failure: Option<Errno>,
}

/// The child's only function. It must not allocate, lock, or unwind, since another process uses
/// this memory.
extern "C" fn child(step: *mut c_void) -> c_int {
    // SAFETY: `start` passed a pointer to a `Shared`. It keeps that alive, and does not access it
    // before this process has executed the program or ended.
    let step = unsafe { &mut *step.cast::<Shared<'_>>() };
    if let Err(errno) = step.exec.execute(&step.lists) {
        step.failure = Some(errno);
    }
    // SAFETY: `_exit` ends the child, and runs none of the handlers that the parent has registered.
    unsafe { libc::_exit(127) }
}

/// The unit of a stack: every system wants the stack's end aligned to 16 bytes.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Aligned {
    _bytes: [u8; 16],
}

/// The length of the stack in units: 64 KiB, enough for a few frames of an unoptimised build.
const STACK: usize = (64 << 10) / size_of::<Aligned>();

/// The pointers to `strings`, with a null pointer at the end.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// A copy of the environment, as `NAME=value`. Other threads may change the original meanwhile.
fn environment() -> Vec<CString> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let mut entry = name.into_vec();
            entry.push(b'=');
            entry.extend(value.into_vec());
            // The system's list has no zero bytes in its entries, so that this drops none.
            CString::new(entry).ok()
        })
        .collect()
}

/// Has every descriptor but the standard streams close when the program is executed.
fn close_all_on_exec() -> rustix::io::Result<()> {
    /// `CLOSE_RANGE_CLOEXEC`, which the `libc` crate lacks for Android.
    const CLOEXEC: libc::c_uint = 1 << 2;
    let (first, last): (libc::c_uint, _) = (3, libc::c_uint::MAX);
    // SAFETY: this call closes nothing. With this flag, the kernel only marks the descriptors, and
    // closes them at the next `execve`.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, CLOEXEC) };
    match answer(done) {
        Err(errno) if is_refusal(errno) => close_each_on_exec(),
        done => done.map(drop),
    }
}

/// The same, one descriptor after the other, where the system refuses the call or lacks it.
///
/// The child has one thread, and nobody else shares its descriptors: the list is complete.
fn close_each_on_exec() -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(c"/proc/self/fd", flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(&folder, &mut buffer);
    while let Some(entry) = entries.next() {
        let number = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok());
        let Some(number @ 3..=RawFd::MAX) = number else { continue };
        // SAFETY: the descriptor is open in the child, by the list, and the child closes none
        // before the borrow ends.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC)?;
    }
    Ok(())
}

/// Blocks all signals in this thread while it lives.
///
/// That includes the signals that the C library reserves: their handlers would take the child for a
/// thread of this process.
struct BlockedSignals {
    before: u64,
}

impl BlockedSignals {
    fn all() -> Self {
        let mut before = 0;
        Self::change(u64::MAX, &mut before);
        BlockedSignals { before }
    }

    fn change(mask: u64, before: &mut u64) {
        // SAFETY: the kernel reads `mask` and fills `before`. Both are signal sets of the size that
        // is passed, and live longer than the call. It cannot fail.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                &raw const mask,
                &raw mut *before,
                size_of::<u64>(),
            )
        };
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        Self::change(self.before, &mut 0);
    }
}
