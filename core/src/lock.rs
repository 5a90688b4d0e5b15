//! Locks between threads, between an interrupt and the main loop, and between processes that may
//! die while they hold them: what Python's `multiprocessing` has, as words and rules.
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
//! A guard that is dropped because its holder panicked gives its lock back, but what the lock
//! protects may be half changed. So the next one is told, as after a death: it gets [`OwnerDied`].
//! It is what the standard library calls poisoning, and [`Robust::make_consistent`] ends it. A
//! guard that was taken while the thread was unwinding already, by a destructor, is given back as
//! usual.
//!
//! A guard that reads changed nothing, and a permit protects nothing that anybody could have half
//! changed: they just come back. Whoever guards something with permits looks after it by a mutex.
//!
//! This crate cannot tell whether a thread is unwinding; the way of sleeping can, see
//! [`Wake::is_unwinding`]. Those of `ringway` do. With [`Spin`](crate::wait::Spin) and
//! [`SpinClock`](crate::wait::SpinClock), which are meant for bare metal, where a panic ends
//! everything, a guard is given back as if nothing had happened.
//!
//! # In shared memory
//!
//! All-zero bytes are a fresh lock of every kind, if `W` takes no place and all-zero bytes are a
//! value of `T`. There are no pointers, and the layout is the same on 32-bit and on 64-bit hosts
//! (but for a `T` that is aligned to more than 8 bytes, whose alignment the two may see
//! differently).
//!
//! Whoever takes a lock is on record in its word in the same atomic step, by [`Participant`]. A
//! program that shares its locks with nobody does without: a lock used as it is, is used in the
//! name of [`Participant::LOCAL`], whom no region has, and whose death nobody puts right. Nor does
//! `LOCAL` tell two processes apart whose threads have the same numbers, as they do in two PID
//! namespaces: both would hold one [`ReentrantMutex`]. So in a region each takes a [`Handle`], by
//! `mutex.handle(me)`, and uses the lock by that: it has the same methods, [`Forms`]. A part of a
//! region of the shim is such a handle.
//!
//! A lock never asks who is alive. Whoever learns of a death calls `recover` of each lock that the
//! dead one may have held. That puts right what is on record, and wakes who waits. What the lock
//! protects owns nothing then, and any bytes are a value of it ([`Plain`](crate::plain::Plain)): of
//! a value that owns something, one that died while it replaced it may have left two, or a dropped
//! one. It may be called by several at once, and again after a death in the middle of it.
//! A number is free for another participant once all of these calls have returned: one that is
//! still under way would take from the next one what it holds under that number.
//!
//! A wake-up may be lost with the process that was to make it, or to use it. So nothing here relies
//! on one: whoever waits looks again whenever [`Wait::wait`] returns, which it may do for no
//! reason, and in a region does within the bound in which deaths are detected.
//!
//! A lock is a promise among those who trust each other: it protects from death, not from malice.
//! One who can write into the memory can take every lock in it.
//!
//! # Permits
//!
//! `acquire` takes one, `try_acquire` if there is one, and `release` gives it back. A [`Semaphore`]
//! counts: its permits are numbers, which anybody may add, and nobody has; `release` adds them.
//! Those of a [`BoundedSemaphore`] each have a holder, and are guards, which give themselves back;
//! `release` gives back one that was [kept](Permit::keep). So one that signals takes the first, and
//! one that guards places the second, as in Python.
//!
//! # How many slots
//!
//! An [`RwLock`], a [`BoundedSemaphore`] and a [`Barrier`] have as many slots as a constant says,
//! or, seen as their views ([`RwLockView`], …), as are known when the program runs. The two are the
//! same bytes. In the same way a `Mutex<[T; N]>` is a `Mutex<[T]>` of as many values as are known
//! when the program runs.
//!
//! # In an interrupt
//!
//! The `try_` forms never wait, so that an interrupt can use them. To give back is as short, and
//! wakes whoever sleeps.
//!
//! # Sources
//!
//! The word of the mutex is the third of Drepper, ["Futexes Are Tricky"], with the holder in it, as
//! the kernel's robust futexes have it; what its death means is [`pthread_mutexattr_setrobust(3)`].
//! The names and the answers of the others are those of Python's [`multiprocessing`] and
//! [`threading`].
//!
//! ["Futexes Are Tricky"]: https://www.akkadia.org/drepper/futex.pdf
//! [`pthread_mutexattr_setrobust(3)`]: https://man7.org/linux/man-pages/man3/pthread_mutexattr_setrobust.3.html
//! [`sem_post(3)`]: https://man7.org/linux/man-pages/man3/sem_post.3.html
//! [`multiprocessing`]: https://docs.python.org/3/library/multiprocessing.html#synchronization-primitives
//! [`threading`]: https://docs.python.org/3/library/threading.html#lock-objects
//! [`Participant`]: crate::participant::Participant
//! [`Participant::LOCAL`]: crate::participant::Participant::LOCAL
//! [`Wait::wait`]: crate::wait::Wait::wait
//! [`Wake::is_unwinding`]: crate::wait::Wake::is_unwinding

mod barrier;
mod bounded;
mod condition;
mod died;
mod event;
mod handle;
mod mutex;
mod reentrant;
mod rwlock;
mod semaphore;
mod slots;
mod word;

pub use barrier::{Barrier, BarrierInner, BarrierView};
pub use bounded::{BoundedSemaphore, BoundedSemaphoreInner, BoundedSemaphoreView, Permit};
pub use condition::{Condition, Waited};
pub use died::{LockError, LockResult, OwnerDied, Robust, TryLockResult};
pub use event::Event;
pub use handle::{Forms, Handle, User};
pub use mutex::{Mutex, MutexGuard, Recoverable};
pub use reentrant::{ReentrantGuard, ReentrantMutex, ThreadId};
pub use rwlock::{ReadGuard, RwLock, RwLockInner, RwLockView, WriteGuard};
pub use semaphore::Semaphore;
pub use slots::Slots;
