//! Locks between threads, and between processes that may be killed while they hold one.
//!
//! The locks are the core's. This module adds the two things that they need from the system: how to
//! sleep, which is the parameter `W`, and the number of a thread.
//!
//! | between | `W` | where |
//! |---|---|---|
//! | threads of this process | [`PrivateFutex`](crate::wait::PrivateFutex) | a `static`, an `Arc` |
//! | processes that share a region | [`RobustFutex`](crate::shm::RobustFutex), which finds dead processes and recovers what they held | a part of a [region](crate::shm) |
//! | other processes | [`Futex`](crate::wait::Futex), if somebody calls `recover` after one of them died | mapped memory |
//!
//! Taking a free lock makes no system call, nor does releasing a lock for which nobody sleeps.
//!
//! Each process uses a shared lock through its own handle: `mutex.handle(me).lock()`. All processes
//! use the same type of futex for it, because the two types never sleep on the same word.
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
//! When a thread panics while it holds a [`Mutex`], a [`ReentrantMutex`] or a [`RwLock`] for
//! writing, the unwinding drops its guard, which releases the lock. The next holder gets
//! [`OwnerDied`], as after the death of a process, because the protected value may be half changed.
//! In a region this holds across processes. [`Spin`](crate::wait::Spin) as `W` cannot detect a
//! panic, so then nobody gets the error.
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

/// The core's [`ReentrantMutex`](ringway_core::lock::ReentrantMutex), among [threads](Thread).
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

/// A thread, identified by the kernel's number for it.
///
/// See [`gettid(2)`](https://man7.org/linux/man-pages/man2/gettid.2.html). Each thread asks the
/// kernel for its number once. After a `fork` the child asks again.
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
    /// The number of this thread, once it asked for it.
    static NUMBER: Cell<Option<NonZeroU32>> = const { Cell::new(None) };
}

// SAFETY: the kernel gives no two living threads of a process the same number, and a thread keeps
// its number until it ends. The single thread of a forked child has another number than the thread
// that it is a copy of. `forget` clears the copied number in the fork, and without `forget` no
// number is stored.
unsafe impl ThreadId for Thread {
    fn thread_id() -> NonZeroU32 {
        NUMBER.get().unwrap_or_else(ask)
    }
}

#[cold]
fn ask() -> NonZeroU32 {
    // The kernel's thread numbers are positive.
    let number = NonZeroU32::new(gettid().as_raw_nonzero().get().unsigned_abs());
    let number = number.unwrap_or(NonZeroU32::MAX);
    if forgets_in_fork() {
        NUMBER.set(Some(number));
    }
    number
}

/// Whether a forked child forgets the stored number. The first call arranges that.
fn forgets_in_fork() -> bool {
    extern "C" fn forget() {
        NUMBER.set(None);
    }
    static ASKED: Once = Once::new();
    static FORGETS: AtomicBool = AtomicBool::new(false);
    ASKED.call_once(|| {
        // SAFETY: `forget` only writes to a thread-local without a destructor, which is allowed in
        // a forked child.
        let error = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
        // Relaxed: `call_once` orders it. Partner: the load below.
        FORGETS.store(error == 0, Ordering::Relaxed);
    });
    // Relaxed: `call_once` orders it. Partner: the store above.
    FORGETS.load(Ordering::Relaxed)
}
