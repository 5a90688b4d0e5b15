//! Locks between threads, between an interrupt and the main loop, and between processes that may die while they hold
//! them: what Python's `multiprocessing` has, as words and rules.
//!
//! | lock | holds | at its holder's death, or [panic](#panics) |
//! |---|---|---|
//! | [`Mutex`] | one | the next one gets [`Acquired::OwnerDied`] |
//! | [`ReentrantMutex`] (`RLock`) | one thread, many times over | the same |
//! | [`RwLock`] | one writer, or up to `R` readers | a writer's: the same; a reader's seat is free again |
//! | [`BoundedSemaphore`] | up to `N` permits, with their holders on record | its permits come back |
//! | [`Semaphore`] | a count, nobody is on record | nothing: as with [`sem_post(3)`], what was taken stays taken |
//! | [`Condition`] | nothing | others look again |
//! | [`Event`] | nothing | nothing |
//! | [`Barrier`] | the seats of those who wait | the barrier is broken |
//!
//! # Panics
//!
//! A guard that is dropped because its holder panicked gives its lock back, but what the lock protects may be half
//! changed. So the next one is told, as after a death: it gets [`Acquired::OwnerDied`]. It is what the standard library
//! calls poisoning, and [`Robust::make_consistent`] ends it. A guard that was taken while the thread was unwinding
//! already, by a destructor, is given back as usual.
//!
//! A guard that reads changed nothing, and a permit protects nothing that anybody could have half changed: they just
//! come back. Whoever guards something with permits looks after it by a mutex.
//!
//! This crate cannot tell whether a thread is unwinding; the way of sleeping can, see [`Wait::is_unwinding`]. Those of
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
//! both would hold one [`ReentrantMutex`]. So in a region, take a [`Seat`]:
//! `mutex.seat(me).lock()`.
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
//! [`Wait::is_unwinding`]: crate::wait::Wait::is_unwinding

mod barrier;
mod bounded;
mod condition;
mod event;
mod look;
mod mutex;
mod reentrant;
mod rwlock;
mod semaphore;
mod word;

pub use barrier::{Barrier, BarrierError};
pub use bounded::{BoundedSemaphore, NotHeld, Permit};
pub use condition::{Condition, Waited};
pub use event::Event;
pub use mutex::{Mutex, MutexGuard};
pub use reentrant::{ReentrantError, ReentrantGuard, ReentrantMutex, ThreadId};
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
pub use semaphore::{Overflow, Semaphore};

use crate::participant::Participant;

/// A lock as one participant uses it, whose name then stands in what it holds. Any number of its threads may, at the same
/// time.
///
/// ```
/// use ringway_core::lock::{Acquired, Mutex};
/// use ringway_core::participant::Participant;
/// use ringway_core::wait::Spin;
/// let total = Mutex::new(0, Spin);
/// let me = Participant::new(3).unwrap();
/// let guard = total.seat(me).lock();
/// assert_eq!(total.holder(), Some(me));
/// # drop(guard);
/// ```
#[derive(Debug)]
pub struct Seat<'a, L> {
    lock: &'a L,
    me: Participant,
}

impl<L> Clone for Seat<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<L> Copy for Seat<'_, L> {}

impl<'a, L> Seat<'a, L> {
    const fn new(lock: &'a L, me: Participant) -> Self {
        Seat { lock, me }
    }
}

/// A lock that was taken, and whether its last holder left it as one should.
///
/// ```
/// use ringway_core::lock::{Acquired, Mutex};
/// use ringway_core::wait::Spin;
/// let balance = Mutex::new(100, Spin);
/// match balance.lock() {
///     Acquired::Clean(mut balance) => *balance -= 30,
///     Acquired::OwnerDied(balance) => panic!("it may be anything: {}", *balance),
/// }
/// // The same in short: whatever it may be, make it a good value before it is used.
/// let balance = balance.lock().repair(|balance| **balance = 0);
/// assert_eq!(*balance, 70);
/// ```
#[derive(Debug)]
#[must_use = "the lock is given back at once if this is dropped"]
pub enum Acquired<G> {
    /// Its last holder gave it back, or there was none.
    Clean(G),
    /// A holder died with it, or [unwound](self#panics) from a panic, and nobody has called [`Robust::make_consistent`]
    /// since: what the lock protects may be half changed. Given back as it is, the next one is told again.
    OwnerDied(G),
}

impl<G> Acquired<G> {
    fn new(guard: G, died: bool) -> Self {
        if died { Acquired::OwnerDied(guard) } else { Acquired::Clean(guard) }
    }

    /// Whether its last holder gave it back.
    ///
    /// ```
    /// # use ringway_core::{lock::Mutex, wait::Spin};
    /// assert!(Mutex::new((), Spin).lock().is_clean());
    /// ```
    pub fn is_clean(&self) -> bool {
        matches!(self, Acquired::Clean(_))
    }

    /// The guard, whatever happened to the last holder. For what a death or a panic cannot leave half changed: one word, or
    /// nothing.
    ///
    /// ```
    /// # use ringway_core::{lock::Mutex, wait::Spin};
    /// let count = Mutex::new(0, Spin);
    /// *count.lock().into_inner() += 1;
    /// assert_eq!(*count.lock().into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> G {
        match self {
            Acquired::Clean(guard) | Acquired::OwnerDied(guard) => guard,
        }
    }

    /// The guard, if the last holder gave it back.
    ///
    /// # Errors
    /// [`OwnerDied`] with the guard, if it died.
    ///
    /// ```
    /// # use ringway_core::{lock::{Mutex, OwnerDied}, wait::Spin};
    /// fn add(count: &Mutex<u32, Spin>) -> Result<(), OwnerDied> {
    ///     *count.lock().clean().map_err(OwnerDied::without_guard)? += 1;
    ///     Ok(())
    /// }
    /// assert_eq!(add(&Mutex::new(0, Spin)), Ok(()));
    /// ```
    pub fn clean(self) -> Result<G, OwnerDied<G>> {
        match self {
            Acquired::Clean(guard) => Ok(guard),
            Acquired::OwnerDied(guard) => Err(OwnerDied(guard)),
        }
    }
}

impl<G: Robust> Acquired<G> {
    /// The guard; if the last holder died, after `repair` made what it protects good again, and
    /// [`Robust::make_consistent`].
    pub fn repair(self, repair: impl FnOnce(&mut G)) -> G {
        match self {
            Acquired::Clean(guard) => guard,
            Acquired::OwnerDied(mut guard) => {
                repair(&mut guard);
                guard.make_consistent();
                guard
            }
        }
    }
}

/// A holder of the lock died with it, or panicked: [`Acquired::OwnerDied`] as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerDied<G = ()>(
    /// The guard: the lock is held.
    pub G,
);

impl<G> OwnerDied<G> {
    /// The error alone; the lock is given back, and the next one is told again.
    pub fn without_guard(self) -> OwnerDied {
        OwnerDied(())
    }
}

impl<G> core::fmt::Display for OwnerDied<G> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(
            "a holder died or panicked with the lock: repair what it protects, then call make_consistent",
        )
    }
}

impl<G: core::fmt::Debug> core::error::Error for OwnerDied<G> {}

/// The guard of a lock that remembers that a holder died with it, or panicked.
pub trait Robust: sealed::Sealed {
    /// Says that what the lock protects is good again, so that the next one gets [`Acquired::Clean`]. As
    /// [`pthread_mutex_consistent(3)`](https://man7.org/linux/man-pages/man3/pthread_mutex_consistent.3.html).
    ///
    /// ```
    /// use ringway_core::lock::{Acquired, Mutex, Robust};
    /// use ringway_core::participant::Participant;
    /// use ringway_core::wait::Spin;
    /// let pair = Mutex::new([0, 0], Spin); // the two are the same
    /// let other = Participant::new(1).unwrap();
    /// let mut guard = pair.seat(other).lock().into_inner();
    /// guard[0] = 1;
    /// std::mem::forget(guard); // it dies in the middle
    /// // SAFETY: participant 1 does nothing any more.
    /// assert!(unsafe { pair.recover(other) });
    ///
    /// let Acquired::OwnerDied(mut guard) = pair.lock() else { panic!("it died") };
    /// guard[1] = guard[0];
    /// guard.make_consistent();
    /// drop(guard);
    /// assert!(pair.lock().is_clean());
    /// ```
    #[doc(alias = "pthread_mutex_consistent")]
    fn make_consistent(&mut self);
}

mod sealed {
    pub trait Sealed {}
}
