//! Making a copy of this process.

use super::{Child, child, parent};
use crate::error::{ProcessError, Tried, limit, through_proc};
use crate::sys::{errno, last_errno};
use crate::{Error, Result, shm, unshared};
use rustix::process::Pid;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Which of the two processes returns from [`fork`](fn@fork).
#[derive(Debug)]
pub enum Fork {
    /// The process that called, with a handle of the copy.
    Parent(Child),
    /// The copy. [`parent`](super::parent) is the process that called.
    Child,
}

/// Makes a copy of this process that goes on from here. Prefer [`spawn`](fn@super::spawn).
///
/// It refuses when this process has more than one thread. The copy would have the calling thread
/// alone, and any lock that another thread held at that moment, such as the allocator's, would stay
/// locked for ever. The copy ends with this process, as a spawned child does, unless it calls
/// [`outlive_parent`](super::outlive_parent).
///
/// The copy shares every open file description with this process, position and mode included. It
/// has a copy of every handle: a handle that removes a file when it is dropped removes it in both
/// processes. Handles of children do nothing in the copy. In each [region](crate::shm::Region) that
/// this process is attached to, the copy is another participant.
///
/// # Safety
/// The copy must neither use nor drop a value that was made before the fork and stands for an
/// exclusive right to something that both processes share: a half of a ring, a guard of a lock, or
/// a grant, in memory that is mapped shared. Otherwise two processes would use one exclusive right.
/// The copy may take new ones from the same parts.
///
/// # Errors
/// [`ProcessError::Threads`] with the number of threads if there is more than one;
/// [`Exhausted`](crate::CoreError::Exhausted) when a limit of the system is reached, or a region
/// has no place left; otherwise the system's error
/// ([fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html)). After an error there is no copy.
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
    // Opens everything before the fork: the copy could not report a failure.
    let this_process = parent::this_process()?;
    let reader = parent::open_reader()?;
    // The copy is another participant in every region; this takes its places before it exists.
    let places = shm::before_fork()?;
    // SAFETY: this process has one thread, so that no other thread holds a lock in the copy. The
    // caller guarantees that the copy neither uses nor drops an exclusive right that both processes
    // share.
    match unshared::hand_over(|| unsafe { libc::fork() }) {
        -1 => Err(Error::new(FORK, limit(last_errno()))),
        0 => {
            parent::set(this_process);
            child::forget_detached();
            // `own` names this process, which exists, so that it does not fail.
            if parent::set_signalled(reader.as_fd()).is_err() {
                std::process::abort();
            }
            // Closes the copy's writer first: only then does `hold` see whether the parent's has
            // closed.
            parent::forget_pipes();
            parent::keep_reader(reader);
            for place in places {
                // The copy must not act in its parent's name.
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

/// The number of threads of this process.
fn threads() -> Result<usize> {
    // The kernel may still list a thread that was joined, for a moment.
    let patience = Instant::now() + Duration::from_millis(100);
    loop {
        let count = std::fs::read_dir("/proc/self/task")
            .map_err(|error| through_proc("count the threads of this process", errno(&error)))?
            .count();
        if count <= 1 || Instant::now() >= patience {
            return Ok(count);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
