//! The step into another program: `clone(2)` and `execve(2)`, with the memory lent instead of
//! copied.
//!
//! `fork(2)` copies the page tables, which takes a tenth of a second for each gibibyte that this
//! process has. A child that is going to execute something needs no memory of its own: it borrows
//! ours, on a stack of its own, and the thread that made it sleeps until it has gone (`CLONE_VM |
//! CLONE_VFORK`). What the child does meanwhile is done to this process. So it makes system calls
//! and nothing else, with every signal blocked, for a handler would run in our memory too.

use super::parent;
use crate::fd;
use crate::sys::{answer, last_errno};
use rustix::io::{Errno, FdFlags};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::ptr;

/// What this program is executed with, in another process.
pub(super) struct Exec<'a> {
    pub(super) arguments: &'a [CString],
    /// What becomes of the standard streams; where there is nothing it has ours. None is itself one
    /// of the three.
    pub(super) streams: [Option<BorrowedFd<'a>>; 3],
    /// The one descriptor besides that stays open, under its number.
    pub(super) socket: BorrowedFd<'a>,
    /// And the one by which it ends with this process, if it does.
    pub(super) held: Option<BorrowedFd<'a>>,
}

impl Exec<'_> {
    /// Starts the process, and returns when it executes the program. The signals are all blocked
    /// there.
    pub(super) fn start(&self) -> rustix::io::Result<(Pid, OwnedFd)> {
        let environment = environment();
        let lists = [pointers(self.arguments), pointers(&environment)];
        let mut step = Step { exec: self, lists, failure: None };
        let mut stack = Box::new([MaybeUninit::<Aligned>::uninit(); STACK]);
        let mut pidfd: c_int = -1;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        let blocked = Blocked::all();
        // SAFETY: the stack grows down from its end, which is aligned, and is the child's alone.
        // The child writes to `step` and to its stack, and to nothing else of this process: see
        // `child`. Both outlive it here, because this thread goes on when it has executed the
        // program or ended.
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
        // SAFETY: the kernel has made this descriptor for us, and nobody else knows it.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        match step.failure {
            None => Ok((pid, pidfd)),
            Some(errno) => {
                let ended = WaitIdOptions::EXITED;
                let _ = fd::retry(|| waitid(WaitId::PidFd(pidfd.as_fd()), ended));
                Err(errno)
            }
        }
    }

    /// In the child: what is left of this process goes, but for what was given. Returns if that
    /// fails.
    fn execute(&self, lists: &[Vec<*const c_char>; 2]) -> rustix::io::Result<()> {
        for (number, stream) in (0..).zip(self.streams) {
            let Some(stream) = stream else { continue };
            // SAFETY: a standard stream of the child's own table is replaced, and no handle of ours
            // is for that table.
            answer(unsafe { libc::dup2(stream.as_raw_fd(), number) })?;
        }
        close_all_on_exec()?;
        rustix::io::fcntl_setfd(self.socket, FdFlags::empty())?;
        if let Some(held) = self.held {
            // Here, so that the child is tied whatever may keep it from running `main`.
            parent::own(held)?;
            rustix::io::fcntl_setfd(held, FdFlags::empty())?;
        }
        let [arguments, environment] = lists.each_ref().map(|list| list.as_ptr());
        let program = c"/proc/self/exe".as_ptr();
        // SAFETY: a path, and two lists of strings that end with null, which `start` keeps.
        answer(unsafe { libc::execve(program, arguments, environment) }).map(drop)
    }
}

/// What the child is told, and tells.
struct Step<'a> {
    exec: &'a Exec<'a>,
    /// The arguments, and the environment.
    lists: [Vec<*const c_char>; 2],
    failure: Option<Errno>,
}

/// The child's only function. It must not allocate, lock, or unwind: this memory is another
/// process's.
extern "C" fn child(step: *mut c_void) -> c_int {
    // SAFETY: `start` passed it, keeps it, and does nothing with it before this process has gone.
    let step = unsafe { &mut *step.cast::<Step<'_>>() };
    if let Err(errno) = step.exec.execute(&step.lists) {
        step.failure = Some(errno);
    }
    // SAFETY: it ends the process, and runs nothing of what the other one has registered.
    unsafe { libc::_exit(127) }
}

/// The unit of a stack: what every system wants its end to be aligned to.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Aligned {
    _bytes: [u8; 16],
}

/// 64 KiB: a few frames of a build without optimisation.
const STACK: usize = (64 << 10) / size_of::<Aligned>();

/// A list as C has it.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// A copy of the environment, which other threads may change meanwhile.
fn environment() -> Vec<CString> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let mut entry = name.into_vec();
            entry.push(b'=');
            entry.extend(value.into_vec());
            // The system's own list has no zeros in it.
            CString::new(entry).ok()
        })
        .collect()
}

/// Every descriptor but the standard streams closes when the program is executed.
fn close_all_on_exec() -> rustix::io::Result<()> {
    let (first, last): (libc::c_uint, _) = (3, libc::c_uint::MAX);
    // SAFETY: nothing is closed: the flag only has the kernel close them when another program takes
    // the process.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    answer(done).map(drop)
}

/// All signals are blocked in this thread while this lives, those too that the C library keeps for
/// itself: their handlers would take the child for a thread of this process.
struct Blocked {
    before: u64,
}

impl Blocked {
    fn all() -> Self {
        let mut before = 0;
        Self::change(u64::MAX, &mut before);
        Blocked { before }
    }

    fn change(mask: u64, before: &mut u64) {
        // SAFETY: two sets of the size that is named, of which the kernel reads one and fills the
        // other. It cannot fail.
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

impl Drop for Blocked {
    fn drop(&mut self) {
        Self::change(self.before, &mut 0);
    }
}
