//! Locks between threads and between processes that may be killed while they hold them: the core's,
//! as they are. What is added is how to sleep, which is a parameter, and who a thread is.
//!
//! | between | `W` | where |
//! |---|---|---|
//! | threads of this process | [`PrivateFutex`](crate::wait::PrivateFutex) | a `static`, an `Arc` |
//! | processes that share a region | [`RobustFutex`](crate::shm::RobustFutex), which finds the dead and puts right what they held | a part of a [region](crate::shm) |
//! | processes, otherwise | [`Futex`](crate::wait::Futex), if somebody calls `recover` when one of them has died | mapped memory |
//!
//! To take a lock that is free, or to give one back for which nobody sleeps, makes no system call.
//!
//! Between processes each uses the lock by a handle of its own: `mutex.handle(me).lock()`. The same
//! word is never slept on by both kinds of futex, so that all processes use one type for it.
//!
//! | here | C | Python's `multiprocessing` |
//! |---|---|---|
//! | [`Mutex`] | [`pthread_mutex_t`][mutex], process-shared and [robust] | `Lock` |
//! | [`ReentrantMutex`] | the same, recursive | `RLock` |
//! | [`RwLock`] | `pthread_rwlock_t`, which is not robust | – |
//! | [`Semaphore`] | [`sem_t`][sem] | `Semaphore` |
//! | [`BoundedSemaphore`] | – | `BoundedSemaphore` |
//! | [`Condition`] | `pthread_cond_t` | `Condition` |
//! | [`Event`] | – | `Event` |
//! | [`Barrier`] | `pthread_barrier_t`, which cannot be broken | `Barrier` |
//!
//! [mutex]: https://man7.org/linux/man-pages/man3/pthread_mutexattr_setpshared.3.html
//! [robust]: https://man7.org/linux/man-pages/man3/pthread_mutexattr_setrobust.3.html
//! [sem]: https://man7.org/linux/man-pages/man7/sem_overview.7.html
//!
//! ```
//! use ringway::lock::{Barrier, Mutex};
//! use ringway::wait::PrivateFutex;
//! static TOTAL: Mutex<u64, PrivateFutex> = Mutex::new(0);
//! static DONE: Barrier<3, PrivateFutex> = Barrier::new();
//! std::thread::scope(|s| {
//!     for _ in 0..2 {
//!         s.spawn(|| {
//!             (0..1000).for_each(|_| *TOTAL.lock().unwrap() += 1);
//!             DONE.wait().unwrap();
//!         });
//!     }
//!     DONE.wait().unwrap();
//!     assert_eq!(*TOTAL.lock().unwrap(), 2000);
//! });
//! ```
//!
//! # Panics
//!
//! When a thread panics with a [`Mutex`], a [`ReentrantMutex`] or the writer's guard of a
//! [`RwLock`], its guard is dropped by the unwinding and gives the lock back. The next one gets
//! [`OwnerDied`], as after the death of a process: what the lock protects may be half changed. In a
//! region it is so across processes. With `W` of [`Spin`](crate::wait::Spin), which cannot tell,
//! nobody is told.
//!
//! ```
//! use ringway::lock::Mutex;
//! use ringway::wait::PrivateFutex;
//! static BALANCE: Mutex<[i32; 2], PrivateFutex> = Mutex::new([100, 0]);
//! let transfer = std::thread::spawn(|| {
//!     let mut balance = BALANCE.lock().unwrap();
//!     balance[0] -= 30;
//!     panic!("in the middle");
//! });
//! assert!(transfer.join().is_err());
//! let half = BALANCE.lock().expect_err("somebody panicked with it");
//! let balance = half.repair(|balance| balance[1] = 100 - balance[0]);
//! assert_eq!(*balance, [70, 30]);
//! drop(balance);
//! assert!(BALANCE.lock().is_ok());
//! ```

#[doc(inline)]
pub use ringway_core::lock::*;
use rustix::thread::gettid;
use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// The core's [`ReentrantMutex`](ringway_core::lock::ReentrantMutex), among [threads](Thread) of
/// this system.
///
/// ```
/// use ringway::lock::ReentrantMutex;
/// use ringway::wait::PrivateFutex;
/// static LOG: ReentrantMutex<&str, PrivateFutex> = ReentrantMutex::new("once");
/// let outer = LOG.lock().unwrap();
/// let inner = LOG.lock().unwrap();
/// # drop((outer, inner));
/// ```
pub type ReentrantMutex<T, W> = ringway_core::lock::ReentrantMutex<T, Thread, W>;

/// A thread by the kernel's number for it.
///
/// See [`gettid(2)`](https://man7.org/linux/man-pages/man2/gettid.2.html). The number is asked for
/// once in each thread, and again after a `fork` in the child.
///
/// ```
/// use ringway::lock::{Thread, ThreadId};
/// let mine = Thread::thread_id();
/// assert_eq!(mine, Thread::thread_id());
/// assert_ne!(mine, std::thread::spawn(Thread::thread_id).join().unwrap());
/// ```
#[doc(alias = "gettid")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thread {}

thread_local! {
    /// The number of this thread, once it was asked for.
    static NUMBER: Cell<Option<NonZeroU32>> = const { Cell::new(None) };
}

// SAFETY: no two living threads of a process have one number, and a thread has its number until it
// ends. The one thread of a forked child, which has another number than the thread that it is a
// copy of, forgets that one in the fork.
unsafe impl ThreadId for Thread {
    fn thread_id() -> NonZeroU32 {
        NUMBER.get().unwrap_or_else(ask)
    }
}

#[cold]
fn ask() -> NonZeroU32 {
    // A number of the kernel's is positive.
    let number = NonZeroU32::new(gettid().as_raw_nonzero().get().unsigned_abs());
    let number = number.unwrap_or(NonZeroU32::MAX);
    if forgets_in_fork() {
        NUMBER.set(Some(number));
    }
    number
}

/// Whether a forked child forgets the number.
fn forgets_in_fork() -> bool {
    extern "C" fn forget() {
        NUMBER.set(None);
    }
    static ASKED: Once = Once::new();
    static FORGETS: AtomicBool = AtomicBool::new(false);
    ASKED.call_once(|| {
        // SAFETY: `forget` touches a thread-local without a destructor and nothing else, which is
        // allowed in a child.
        let error = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
        // Relaxed: `call_once` orders it.
        FORGETS.store(error == 0, Ordering::Relaxed);
    });
    FORGETS.load(Ordering::Relaxed)
}
