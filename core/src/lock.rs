//! Locks between threads, between an interrupt and the main loop, and between processes that may die while they hold
//! them: what Python's `multiprocessing` has, as words and rules.
//!
//! | lock | holds | at its holder's death, or [panic](#panics) |
//! |---|---|---|
//! | [`Mutex`] | one | the next one gets [`OwnerDied`] |
//! | [`ReentrantMutex`] (`RLock`) | one thread, many times over | the same |
//! | [`RwLock`] | one writer, or up to `R` readers | a writer's: the same; a reader's slot is free again |
//! | [`BoundedSemaphore`] | up to `N` permits, with their holders on record | its permits come back |
//! | [`Semaphore`] | a count, nobody is on record | nothing: as with [`sem_post(3)`], what was taken stays taken |
//! | [`Condition`] | nothing | others look again |
//! | [`Event`] | nothing | nothing |
//! | [`Barrier`] | the slots of those who wait | the barrier is broken |
//!
//! # Panics
//!
//! A guard that is dropped because its holder panicked gives its lock back, but what the lock protects may be half
//! changed. So the next one is told, as after a death: it gets [`OwnerDied`]. It is what the standard library
//! calls poisoning, and [`Robust::make_consistent`] ends it. A guard that was taken while the thread was unwinding
//! already, by a destructor, is given back as usual.
//!
//! A guard that reads changed nothing, and a permit protects nothing that anybody could have half changed: they just
//! come back. Whoever guards something with permits looks after it by a mutex.
//!
//! This crate cannot tell whether a thread is unwinding; the way of sleeping can, see [`Wake::is_unwinding`]. Those of
//! `ringway` do. With [`Spin`](crate::wait::Spin) and [`SpinClock`](crate::wait::SpinClock), which are meant for bare
//! metal, where a panic ends everything, a guard is given back as if nothing had happened.
//!
//! # In shared memory
//!
//! All-zero bytes are a fresh lock of every kind, if `W` takes no place and all-zero bytes are a value of `T`. There are
//! no pointers, and the layout is the same on 32-bit and on 64-bit hosts (but for a `T` that is aligned to more than 8
//! bytes, whose alignment the two may see differently).
//!
//! Whoever takes a lock is on record in its word in the same atomic step, by [`Participant`]. A
//! program that shares its locks with nobody does without: each lock's own methods are those of
//! [`Participant::LOCAL`], whom no region has, and whose death nobody puts right. Nor does `LOCAL`
//! tell two processes apart whose threads have the same numbers, as they do in two PID namespaces:
//! both would hold one [`ReentrantMutex`]. So in a region each takes a [`Handle`], by
//! `mutex.handle(me)`, and uses the lock by that. A part of a region of the shim is such a handle.
//!
//! A lock never asks who is alive. Whoever learns of a death calls `recover` of each lock that the
//! dead one may have held. That puts right what is on record, and wakes who waits. What the lock
//! protects owns nothing then, and any bytes are a value of it ([`Plain`](crate::plain::Plain)): of
//! a value that owns something, one that died while it replaced it may have left two, or a dropped
//! one. It may be called by several at once, and again after a death in the middle of it.
//! A number is free for another participant once all of these calls have returned: one that is still under way would
//! take from the next one what it holds under that number.
//!
//! A wake-up may be lost with the process that was to make it, or to use it. So nothing here relies on one: whoever waits
//! looks again whenever [`Wait::wait`] returns, which it may do for no reason, and in a region does within the bound in
//! which deaths are detected.
//!
//! A lock is a promise among those who trust each other: it protects from death, not from malice. One who can write into
//! the memory can take every lock in it.
//!
//! # How many slots
//!
//! An [`RwLock`], a [`BoundedSemaphore`] and a [`Barrier`] have as many slots as a constant says, or,
//! seen as their views ([`RwLockView`], …), as are known when the program runs. The two are the same
//! bytes.
//!
//! # In an interrupt
//!
//! The `try_` forms never wait, so that an interrupt can use them. To give back is as short, and wakes whoever sleeps.
//!
//! # Sources
//!
//! The word of the mutex is the third of Drepper, ["Futexes Are Tricky"], with the holder in it, as the kernel's robust
//! futexes have it; what its death means is [`pthread_mutexattr_setrobust(3)`]. The names and the answers of the others are
//! those of Python's [`multiprocessing`] and [`threading`].
//!
//! ["Futexes Are Tricky"]: https://www.akkadia.org/drepper/futex.pdf
//! [`pthread_mutexattr_setrobust(3)`]: https://man7.org/linux/man-pages/man3/pthread_mutexattr_setrobust.3.html
//! [`sem_post(3)`]: https://man7.org/linux/man-pages/man3/sem_post.3.html
//! [`multiprocessing`]: https://docs.python.org/3/library/multiprocessing.html#synchronization-primitives
//! [`threading`]: https://docs.python.org/3/library/threading.html#lock-objects
//! [`Wait::wait`]: crate::wait::Wait::wait
//! [`Wake::is_unwinding`]: crate::wait::Wake::is_unwinding

mod barrier;
mod bounded;
mod condition;
mod event;
mod mutex;
mod reentrant;
mod rwlock;
mod semaphore;
mod word;

pub use barrier::{Barrier, BarrierInner, BarrierView};
pub use bounded::{BoundedSemaphore, BoundedSemaphoreInner, BoundedSemaphoreView, Permit};
pub use condition::{Condition, Waited};
pub use event::Event;
pub use mutex::{Mutex, MutexGuard};
pub use reentrant::{ReentrantGuard, ReentrantMutex, ThreadId};
pub use rwlock::{ReadGuard, RwLock, RwLockInner, RwLockView, WriteGuard};
pub use semaphore::Semaphore;

use crate::Error;
use crate::participant::Participant;
use crate::storage::{Storage, sealed as storage};
use crate::sync::AtomicU32;
use crate::wait::TimedOut;
use core::fmt;

/// A lock as one participant uses it, whose name then stands in what it holds. Any number of the
/// participant's threads may use it at the same time. A part of a region of the shim is used by one.
///
/// What it lends ends with it, so that it cannot be copied.
///
/// ```
/// use ringway_core::lock::Mutex;
/// use ringway_core::participant::Participant;
/// let total = <Mutex<_>>::new(0);
/// let me = Participant::new(3).unwrap();
/// let mine = total.handle(me);
/// let guard = mine.lock().unwrap();
/// assert_eq!(total.holder(), Some(me));
/// # drop(guard);
/// ```
#[derive(Debug)]
pub struct Handle<'a, L: ?Sized> {
    lock: &'a L,
    me: Participant,
}

impl<'a, L: ?Sized> Handle<'a, L> {
    const fn new(lock: &'a L, me: Participant) -> Self {
        Handle { lock, me }
    }
}

/// What a [`Handle`] does, and for [`Participant::LOCAL`] the lock itself: it may be copied, since nobody else has it.
#[derive(Debug)]
struct By<'a, L: ?Sized> {
    lock: &'a L,
    me: Participant,
}

impl<L: ?Sized> Clone for By<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<L: ?Sized> Copy for By<'_, L> {}

impl<L: ?Sized> Handle<'_, L> {
    const fn by(&self) -> By<'_, L> {
        By { lock: self.lock, me: self.me }
    }
}

/// A holder died with the lock, or [unwound](self#panics) from a panic, and nobody has called
/// [`Robust::make_consistent`] since: what the lock protects may be half changed. The caller holds
/// the lock nevertheless. Given back as it is, the next one is told again.
///
/// It is to a lock here what `PoisonError` is to one of the standard library.
///
/// ```
/// use ringway_core::lock::{Mutex, OwnerDied};
/// let balance = <Mutex<_>>::new(100);
/// // Whatever it may be, make it a good value before it is used.
/// let mut guard = balance.lock().unwrap_or_else(|died| died.repair(|balance| **balance = 0));
/// *guard -= 30;
/// drop(guard);
/// // One number is whole, whatever happened to the one who changed it.
/// assert_eq!(*balance.lock().unwrap_or_else(OwnerDied::into_inner), 70);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OwnerDied<G>(
    /// The guard: the lock is held.
    pub G,
);

impl<G> OwnerDied<G> {
    /// The guard, for what a death or a panic cannot leave half changed: one word, or nothing.
    pub fn into_inner(self) -> G {
        self.0
    }
}

impl<G: Robust> OwnerDied<G> {
    /// The guard, after `repair` made what it protects good again, and
    /// [`Robust::make_consistent`].
    pub fn repair(mut self, repair: impl FnOnce(&mut G)) -> G {
        repair(&mut self.0);
        self.0.make_consistent();
        self.0
    }
}

impl<G> fmt::Debug for OwnerDied<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerDied(..)")
    }
}

impl<G> fmt::Display for OwnerDied<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Error::OwnerDied.fmt(f)
    }
}

impl<G> core::error::Error for OwnerDied<G> {}

impl<G> From<OwnerDied<G>> for Error {
    /// The error alone; the lock is given back, and the next one is told again.
    fn from(_: OwnerDied<G>) -> Self {
        Error::OwnerDied
    }
}

/// The slots that a lock ends with, in which participants are on record: `[AtomicU32; N]`, or
/// `[AtomicU32]` in its view. See [`storage`](crate::storage).
pub trait Slots: Storage + storage::Storage<Element = AtomicU32> {}

impl<S: Storage + storage::Storage<Element = AtomicU32> + ?Sized> Slots for S {}

/// Makes the slots of a lock that comes to be, all of them free.
///
/// # Safety
/// They are the caller's to write.
#[cfg(not(loom))]
unsafe fn write_slots(slots: *mut [AtomicU32]) {
    for index in 0..slots.len() {
        // SAFETY: within the slots.
        let slot = unsafe { slots.cast::<AtomicU32>().add(index) };
        // SAFETY: it is the caller's to write.
        unsafe { slot.write(AtomicU32::new(0)) };
    }
}

/// What taking a lock answers.
pub type LockResult<G> = Result<G, OwnerDied<G>>;

/// What the forms of taking a lock answer that may end without the lock.
pub type TryLockResult<G> = Result<G, LockError<G>>;

/// The guard, or that a holder died, with the guard.
fn told<G>(guard: G, died: bool) -> LockResult<G> {
    if died { Err(OwnerDied(guard)) } else { Ok(guard) }
}

/// Why a lock was not taken as one would like it: what the forms that may end without the lock
/// answer.
///
/// ```
/// use ringway_core::lock::{LockError, Mutex};
/// use ringway_core::Error;
/// let mutex = <Mutex<_>>::new(5);
/// let guard = mutex.try_lock().unwrap();
/// assert!(matches!(mutex.try_lock(), Err(LockError::NotTaken(Error::WouldBlock))));
/// # drop(guard);
/// ```
pub enum LockError<G> {
    /// It is held, by the caller, but a holder before died with it.
    OwnerDied(OwnerDied<G>),
    /// It is not held by the caller: [`WouldBlock`](Error::WouldBlock) or
    /// [`TimedOut`](Error::TimedOut); of a [`ReentrantMutex`] also [`Overflow`](Error::Overflow).
    NotTaken(Error),
}

impl<G> LockError<G> {
    fn would_block() -> Self {
        LockError::NotTaken(Error::WouldBlock)
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::OwnerDied(died) => died.fmt(f),
            LockError::NotTaken(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::OwnerDied(died) => died.fmt(f),
            LockError::NotTaken(error) => error.fmt(f),
        }
    }
}

impl<G> core::error::Error for LockError<G> {}

impl<G> From<OwnerDied<G>> for LockError<G> {
    fn from(died: OwnerDied<G>) -> Self {
        LockError::OwnerDied(died)
    }
}

impl<G> From<TimedOut> for LockError<G> {
    fn from(_: TimedOut) -> Self {
        LockError::NotTaken(Error::TimedOut)
    }
}

impl<G> From<LockError<G>> for Error {
    /// The error alone; if the lock was taken, it is given back, and the next one is told again.
    fn from(error: LockError<G>) -> Self {
        match error {
            LockError::OwnerDied(died) => died.into(),
            LockError::NotTaken(error) => error,
        }
    }
}

/// The guard of a lock that remembers that a holder died with it, or panicked.
pub trait Robust: sealed::Sealed {
    /// Says that what the lock protects is good again, so that the next one is not told. As
    /// [`pthread_mutex_consistent(3)`](https://man7.org/linux/man-pages/man3/pthread_mutex_consistent.3.html).
    ///
    /// ```
    /// use ringway_core::lock::{Mutex, OwnerDied, Robust};
    /// use ringway_core::participant::Participant;
    /// let pair = <Mutex<_>>::new([0, 0]); // the two are the same
    /// let other = Participant::new(1).unwrap();
    /// let handle = pair.handle(other);
    /// let mut guard = handle.lock().unwrap();
    /// guard[0] = 1;
    /// std::mem::forget(guard); // it dies in the middle
    /// // SAFETY: participant 1 does nothing any more.
    /// assert!(unsafe { pair.recover(other) });
    ///
    /// let Err(OwnerDied(mut guard)) = pair.lock() else { panic!("it died") };
    /// guard[1] = guard[0];
    /// guard.make_consistent();
    /// drop(guard);
    /// assert!(pair.lock().is_ok());
    /// ```
    #[doc(alias = "pthread_mutex_consistent")]
    fn make_consistent(&mut self);
}

mod sealed {
    pub trait Sealed {}
}
