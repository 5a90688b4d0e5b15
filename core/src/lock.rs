//! Locks that survive the death of their holder.
//!
//! They work between threads, between an interrupt and the main loop, and between processes that
//! may die while they hold a lock. They are the locks of Python's `multiprocessing`, as words in
//! memory and the rules for changing them.
//!
//! | lock | holds | at its holder's death, or [panic](#panics) |
//! |---|---|---|
//! | [`Mutex`] | one holder | the next holder gets [`OwnerDied`] |
//! | [`ReentrantMutex`] (`RLock`) | one thread, which may lock it many times | the same |
//! | [`RwLock`] | one writer, or up to `R` readers | a writer's: the same; a reader's slot is free again |
//! | [`BoundedSemaphore`] | up to `N` permits, with their holders on record | its permits come back |
//! | [`Semaphore`] | a count, without holders on record | nothing: as with [`sem_post(3)`], what was taken stays taken |
//! | [`Condition`] | nothing | the others check their condition again |
//! | [`Event`] | nothing | nothing |
//! | [`Barrier`] | the slots of the parties that wait | the barrier is broken |
//!
//! # Panics
//!
//! When a panic drops a guard, the guard releases its lock, but the protected value may be half
//! changed. So the next holder gets [`OwnerDied`], as after a death. The standard library calls
//! this poisoning; [`Robust::make_consistent`] ends it. If a destructor takes a guard while its
//! thread already unwinds, the guard releases the lock as usual.
//!
//! A read guard has changed nothing, and a permit protects no value: a panic just gives them back.
//! If permits guard something that can be half changed, protect that by a mutex as well.
//!
//! This crate cannot tell whether a thread is unwinding. The type that says how to sleep can tell,
//! see [`Wake::is_unwinding`]; the types of `ringway` do. [`Spin`](crate::wait::Spin) and
//! [`SpinClock`](crate::wait::SpinClock) do not: they are meant for bare metal, where a panic ends
//! everything. With them, a guard that a panic drops releases its lock as usual.
//!
//! # In shared memory
//!
//! All-zero bytes are a fresh lock of every kind, if `W` has no bytes and all-zero bytes are a
//! value of `T`. A lock holds no pointers. Its layout is the same on 32-bit and on 64-bit hosts,
//! unless `T` is aligned to more than 8 bytes: the two hosts may align such a type differently.
//!
//! The atomic step that takes a lock also records its holder, as a [`Participant`], in the lock's
//! word. A program that shares its locks with no other process needs no participant: the methods of
//! the lock itself act for [`Participant::LOCAL`]. No region has that participant, and nothing
//! recovers what it held. Nor does `LOCAL` tell two processes apart whose threads have the same
//! numbers, as happens in two PID namespaces: both would hold one [`ReentrantMutex`]. So in a
//! region, each process uses the lock through a [`Handle`], which `mutex.handle(me)` returns. A
//! handle has the same methods as the lock, its [`Forms`]. A part of a region of the shim is such a
//! handle.
//!
//! A lock never asks who is alive. The process that learns of a death calls `recover` on each lock
//! that the dead process may have held. `recover` releases what is on record and wakes those that
//! wait. It requires that the protected value owns nothing and that any bytes are a value of it
//! ([`Plain`](crate::plain::Plain)): a process that dies while it replaces an owning value may
//! leave two copies of it, or a dropped one. Several processes may call `recover` at once, and
//! again after one of them died in the middle of it. A participant's number may be given to another
//! process once all of these calls have returned: a call that still runs would release what the new
//! process holds under that number.
//!
//! A wake-up can be lost with the process that was to send it or to use it. So no lock relies on a
//! single wake-up: a waiter checks the lock again whenever [`Wait::wait`] returns. That may return
//! for no reason; in a region it does return within the bound in which deaths are detected.
//!
//! A lock protects against death, not against malice: its users trust each other. A process that
//! can write to the memory can take every lock in it.
//!
//! # Permits
//!
//! `acquire` takes a permit, `try_acquire` takes one if there is one, and `release` gives one back.
//! A [`Semaphore`] only counts: its permits have no holders, and anybody may add some by `release`.
//! Each permit of a [`BoundedSemaphore`] has a holder. It is a guard, which gives the permit back
//! when it is dropped; `release` gives back a permit that was [kept](Permit::keep). Use the first
//! to signal and the second to limit how many use a resource, as in Python.
//!
//! # How many slots
//!
//! A constant says how many slots an [`RwLock`], a [`BoundedSemaphore`] or a [`Barrier`] has. Their
//! views ([`RwLockView`], …) have a number of slots that is known when the program runs. A lock and
//! its view are the same bytes. In the same way, a `Mutex<[T; N]>` can be used as a `Mutex<[T]>`,
//! whose length is known when the program runs.
//!
//! # In an interrupt
//!
//! The `try_` forms never wait, so that an interrupt can use them. Releasing never waits either; it
//! wakes those that sleep.
//!
//! # Sources
//!
//! The word of the mutex is the third mutex of Drepper, ["Futexes Are Tricky"], with the holder in
//! it, as in the kernel's robust futexes. What the holder's death means is taken from
//! [`pthread_mutexattr_setrobust(3)`]. The names and return values of the other locks are those of
//! Python's [`multiprocessing`] and [`threading`].
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
mod turn;
mod word;

pub use barrier::{Barrier, BarrierInner, BarrierView};
pub use bounded::{BoundedSemaphore, BoundedSemaphoreInner, BoundedSemaphoreView, Permit};
pub use condition::{Condition, Waited};
pub use died::{LockError, LockResult, OwnerDied, Robust, TryLockResult};
pub use event::Event;
pub use handle::{Forms, Handle, User};
pub use mutex::{Mutex, MutexGuard, Recoverable};
pub use reentrant::{ReentrantGuard, ReentrantMutex, ThreadId};
#[cfg(not(loom))]
pub use rwlock::RawRwLock;
pub use rwlock::{ReadGuard, RwLock, RwLockInner, RwLockView, WriteGuard};
pub use semaphore::{Semaphore, SemaphoreInner, SemaphoreView};
pub use slots::Slots;
