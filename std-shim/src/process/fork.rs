//! A copy of this process.

use super::{Child, child, parent};
use crate::error::{ProcessError, Tried, limit};
use crate::sys::{errno, last_errno};
use crate::{Error, Result, shm, unshared};
use rustix::process::Pid;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Which of the two processes this is, after [`fork`](fn@fork).
#[derive(Debug)]
pub enum Fork {
    /// The one that called, with a handle of the new one.
    Parent(Child),
    /// The new one. [`parent`](super::parent) is the one that called.
    Child,
}

/// Makes a copy of this process, which goes on from here as this one does. Prefer
/// [`spawn`](fn@super::spawn).
///
/// It refuses when this process has more than one thread: the copy would have this one alone, and
/// whatever lock another one held at that moment would be held for ever, the allocator's among
/// them. The copy ends with this process, as a spawned one does, unless it calls
/// [`outlive_parent`](super::outlive_parent).
///
/// The copy shares every open file description with this process, position and mode included. It
/// has copies of every handle: what removes a file when it is dropped does so twice. Handles of
/// children know whose they are and do nothing there. In each [region](crate::shm::Region) that
/// this process is attached to, the copy is another participant.
///
/// # Safety
/// The copy must not use what stands for an exclusive right to something that the two processes
/// share: an end of a ring, a guard of a lock, a grant in memory that is mapped shared, which were
/// taken before the fork. There would be two of what there may be only one of. It may drop none of
/// them either; take new ones instead, of the same parts.
///
/// # Errors
/// [`ProcessError::Threads`] with the number of threads if there is more than one;
/// [`Exhausted`](crate::CoreError::Exhausted), also when a region has no place left; or what the
/// system says ([fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html)). There is no copy
/// then.
///
/// ```
/// use ringway::process::{Fork, fork};
/// let (ours, theirs) = ringway::connection::pair()?;
/// // SAFETY: this process has nothing in shared memory.
/// match unsafe { fork() }? {
///     Fork::Child => {
///         theirs.send(b"from the copy")?;
///         std::process::exit(0);
///     }
///     Fork::Parent(child) => {
///         let mut message = Vec::new();
///         ours.recv(&mut message)?;
///         assert_eq!(message, b"from the copy");
///         assert!(child.join()?.success());
///     }
/// }
/// # Ok::<(), ringway::Error>(())
/// ```
pub unsafe fn fork() -> Result<Fork> {
    let alone = threads()?;
    if alone != 1 {
        return Err(Error::new(FORK, ProcessError::Threads(alone)));
    }
    child::reap_detached();
    // Nothing may fail in the copy, which could not tell it from a failure here: so all is opened
    // before.
    let this_process = parent::this_process()?;
    let held = parent::line()?;
    // In every region the copy is a participant of its own, and has its place before it is.
    let places = shm::before_fork()?;
    // SAFETY: there is one thread, so that the copy has every lock as that one left it; the caller
    // answers for what the processes share.
    match unshared::hand_over(|| unsafe { libc::fork() }) {
        -1 => Err(Error::new(FORK, limit(last_errno()))),
        0 => {
            parent::set(this_process);
            child::forget_detached();
            // It says whom a signal is for, and that process is there.
            if parent::own(held.as_fd()).is_err() {
                std::process::abort();
            }
            // The copy of the writer goes first, so that it is seen whether the parent's has.
            parent::forget_line();
            parent::hold(held);
            for place in places {
                // It must not act under its parent's name.
                if place.in_child().is_err() {
                    std::process::abort();
                }
            }
            Ok(Fork::Child)
        }
        pid => {
            places.into_iter().for_each(|place| place.in_parent());
            let pid = Pid::from_raw(pid).ok_or(rustix::io::Errno::SRCH).tried(FORK)?;
            Child::adopt(pid).map(Fork::Parent).tried(FORK)
        }
    }
}

const FORK: &str = "fork";

/// How many threads this process has.
fn threads() -> Result<usize> {
    // A thread that was joined may still be on its way out of the kernel's list.
    let patience = Instant::now() + Duration::from_millis(100);
    loop {
        let count = std::fs::read_dir("/proc/self/task")
            .map_err(|error| errno(&error))
            .tried("count the threads of this process")?
            .count();
        if count <= 1 || Instant::now() >= patience {
            return Ok(count);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
