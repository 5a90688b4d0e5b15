//! A lock that one thread at a time holds, and can take again.

use super::died::{LockError, LockResult, Robust, TryLockResult, lock_result, sealed};
use super::handle::{Caller, Forms, Handle, User, has_forms};
use super::turn::Turn;
use super::word::{self, Before, Unwinding, ValueRef, Word};
use crate::Error;
use crate::participant::Participant;
use crate::sync::{AtomicU32, AtomicU64, Cell, Ordering, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake};
use core::fmt;
use core::future::poll_fn;
use core::marker::PhantomData;
use core::num::NonZeroU32;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::task::{Context, Poll};

/// Tells the threads of a participant apart.
///
/// # Safety
/// `thread_id` always returns the same number in the same thread. It returns different numbers in
/// two threads (or in an interrupt and the code that it interrupts) that use a [`ReentrantMutex`]
/// at the same time for the same participant.
///
/// ```
/// use ringway_core::lock::{ReentrantMutex, ThreadId};
/// use std::num::NonZeroU32;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// struct Numbered;
/// // SAFETY: each thread takes a number of its own once.
/// unsafe impl ThreadId for Numbered {
///     fn thread_id() -> NonZeroU32 {
///         static NEXT: AtomicU32 = AtomicU32::new(1);
///         thread_local! {
///             static MINE: NonZeroU32 =
///                 NonZeroU32::new(NEXT.fetch_add(1, Ordering::Relaxed)).expect("fewer threads");
///         }
///         MINE.with(|mine| *mine)
///     }
/// }
/// static LOG: ReentrantMutex<&str, Numbered> = ReentrantMutex::new("once");
/// let outer = LOG.lock().unwrap();
/// let inner = LOG.lock().unwrap();
/// # drop((outer, inner));
/// ```
pub unsafe trait ThreadId {
    /// The number of the calling thread.
    fn thread_id() -> NonZeroU32;
}

/// A lock that its holding thread can take again, as Python's `RLock`, with a value.
///
/// All guards of the thread share the value, so that what is to be changed goes into a cell. The
/// lock is free again when every guard is dropped.
///
/// *Fairness*: as [`Mutex`](super::Mutex), since it has the same word.
///
/// Memory: 24 bytes (16 on bare metal), then the value. On a target without 64-bit
/// compare-and-swap, reading the owner is a critical section.
///
/// See [`ThreadId`] for an example.
#[doc(alias = "RLock")]
#[doc(alias = "PTHREAD_MUTEX_RECURSIVE")]
#[repr(C)]
pub struct ReentrantMutex<T, I, W: Wake = Spin> {
    words: Words<W>,
    id: PhantomData<fn() -> I>,
    value: Cell<T>,
}

#[repr(C)]
struct Words<W: Wake> {
    word: Before<Word<W>>,
    /// The holding thread's number, with its encoded participant in the upper half; 0: none. The
    /// holder and its recovery write it.
    owner: AtomicU64,
    /// The number of the holder's guards. Only the holder writes it.
    depth: Before<AtomicU32>,
}

// SAFETY: one thread at a time uses the value, so that `T: Send` suffices. `W` is shared by
// reference, for which `W: Sync` is required.
unsafe impl<T: Send, I, W: Wake + Sync> Sync for ReentrantMutex<T, I, W> {}

// SAFETY: the mutex owns its value and its `W`, both of which are `Send`, and nothing borrows a
// mutex that is moved.
unsafe impl<T: Send, I, W: Wake + Send> Send for ReentrantMutex<T, I, W> {}

impl<T, I, W: Wake> ReentrantMutex<T, I, W> {
    /// The most guards that one thread can have.
    pub const MAX_DEPTH: u32 = u16::MAX as u32;

    const_unless_loom! {
        /// A free mutex.
        pub fn new(value: T) -> Self {
            let words = Words {
                word: Before(Word::new()),
                owner: AtomicU64::new(0),
                depth: Before(AtomicU32::new(0)),
            };
            ReentrantMutex {
                words,
                id: PhantomData,
                value: Cell::new(value),
            }
        }
    }

    /// Returns the value without taking the lock, since nobody else can use the mutex.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with the mutex.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let died = self.words.word.0.has_died();
        lock_result(self.value.get_mut(), died)
    }

    /// Consumes the mutex and returns the value.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with the mutex.
    pub fn into_inner(self) -> LockResult<T> {
        let died = self.words.word.0.has_died();
        lock_result(self.value.into_inner(), died)
    }
}

has_forms! { ReentrantMutex<T, I, W> where T, I, W: Wake }

// After a panic with a guard, the next holder gets `OwnerDied`.
impl<T: UnwindSafe, I, W: Wake> UnwindSafe for ReentrantMutex<T, I, W> {}
impl<T: RefUnwindSafe, I, W: Wake> RefUnwindSafe for ReentrantMutex<T, I, W> {}

impl<T, I, W: Wake> fmt::Debug for ReentrantMutex<T, I, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutex")
            .field("holder", &self.words.word.0.holder())
            .finish_non_exhaustive()
    }
}

impl<T: Default, I, W: Wake> Default for ReentrantMutex<T, I, W> {
    fn default() -> Self {
        ReentrantMutex::new(T::default())
    }
}

impl<T, I: ThreadId, W: Wake> ReentrantMutex<T, I, W> {
    /// Returns a handle by which `participant` uses the mutex.
    pub fn handle(&self, participant: Participant) -> Handle<'_, ReentrantMutex<T, I, W>> {
        Handle::new(Caller { lock: self, me: participant })
    }

    /// Unlocks the mutex if `dead` holds it; returns whether it did.
    ///
    /// The next holder then gets [`OwnerDied`](super::OwnerDied). Wakes all that wait.
    ///
    /// # Safety
    /// `dead` takes no further step with this mutex: its process has ended (or its context was
    /// reset), and what it wrote is visible here, as it is once the operating system has reported
    /// its end.
    ///
    /// The protected value owns nothing, and any bytes that `dead` may have left are a value of it:
    /// a [`Plain`](crate::plain::Plain) value, an atomic integer, a [`Cell`](core::cell::Cell) of a
    /// plain value. (`T: Plain` is no bound here: a plain value alone would be of little use, since
    /// the guard lends it shared.) A process that dies while it replaces an owning value may leave
    /// two copies of it, or a dropped one.
    ///
    /// ```
    /// use core::cell::Cell;
    /// # use core::num::NonZeroU32;
    /// use ringway_core::lock::{ReentrantMutex, ThreadId};
    /// use ringway_core::participant::Participant;
    /// # enum One {}
    /// # // SAFETY: this example has one thread.
    /// # unsafe impl ThreadId for One {
    /// #     fn thread_id() -> NonZeroU32 {
    /// #         NonZeroU32::MIN
    /// #     }
    /// # }
    /// let mutex = <ReentrantMutex<_, One>>::new(Cell::new(5));
    /// let other = Participant::new(1).unwrap();
    /// let handle = mutex.handle(other);
    /// let guard = handle.lock().unwrap();
    /// guard.set(6);
    /// std::mem::forget(guard); // it dies with the lock
    /// // SAFETY: participant 1 does nothing any more, and a cell of a number owns nothing.
    /// assert!(unsafe { mutex.recover(other) });
    /// assert!(mutex.lock().is_err());
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> bool {
        // The owner first: once the word is free, the dead thread's number may be given to another
        // thread. Relaxed: a thread compares the owner only with its own number, and the caller
        // sees what `dead` wrote. If the exchange fails, another caller recovered the mutex.
        let owner = self.words.owner.load(Ordering::Relaxed);
        if owner >> 32 == u64::from(word::name(dead)) {
            let _ =
                self.words.owner.compare_exchange(owner, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        // SAFETY: the caller guarantees that `dead` takes no further step with this mutex and that
        // what it wrote is visible here.
        unsafe { self.words.word.0.recover(dead) }
    }
}

impl<T, I: ThreadId, W: Wake, U: User<ReentrantMutex<T, I, W>> + ?Sized>
    Forms<ReentrantMutex<T, I, W>, U>
{
    /// The holder, if there is one, at some moment of the call.
    pub fn holder(&self) -> Option<Participant> {
        self.caller().lock.words.word.0.holder()
    }

    /// Locks the mutex if it is free or this thread holds it. Never waits.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with the mutex, another thread holds it, or this thread has
    /// [`MAX_DEPTH`](ReentrantMutex::MAX_DEPTH) guards.
    pub fn try_lock(&self) -> TryLockResult<ReentrantGuard<'_, T, W>> {
        self.caller().try_lock()
    }
}

impl<T, I: ThreadId, W: Wait, U: User<ReentrantMutex<T, I, W>> + ?Sized>
    Forms<ReentrantMutex<T, I, W>, U>
{
    /// Locks the mutex; waits until it is free, unless this thread holds it.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with the mutex, or this thread has
    /// [`MAX_DEPTH`](ReentrantMutex::MAX_DEPTH) guards.
    pub fn lock(&self) -> TryLockResult<ReentrantGuard<'_, T, W>> {
        let caller = self.caller();
        caller.enter(|| Ok(caller.word().acquire_at_last(caller.me)))
    }

    /// Locks the mutex; waits at most until `deadline` (`None`: for ever).
    ///
    /// Does not wait if this thread holds it.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with the mutex, another thread held it until the deadline, or
    /// this thread has [`MAX_DEPTH`](ReentrantMutex::MAX_DEPTH) guards.
    pub fn lock_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<ReentrantGuard<'_, T, W>> {
        let caller = self.caller();
        caller.enter(|| Ok(caller.word().acquire(caller.me, deadline)?))
    }
}

impl<T, I: ThreadId, W: Register, U: User<ReentrantMutex<T, I, W>> + ?Sized>
    Forms<ReentrantMutex<T, I, W>, U>
{
    /// Polls for the lock, for a task.
    ///
    /// Cancel-safe: a task that stops polling holds nothing. The holder is the thread, not the
    /// task: tasks that one thread polls share the mutex, and a task that holds it stays on its
    /// thread.
    pub fn poll_lock(&self, cx: &mut Context<'_>) -> Poll<TryLockResult<ReentrantGuard<'_, T, W>>> {
        // Whether the task has waited before, nobody knows.
        self.caller().poll_lock(true, cx)
    }

    /// [`lock`](Self::lock) for a task, as [`poll_lock`](Self::poll_lock).
    ///
    /// Cancel-safe: dropped while it waits, it holds nothing, and another waiter is woken instead.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with the mutex, or this thread has
    /// [`MAX_DEPTH`](ReentrantMutex::MAX_DEPTH) guards.
    pub fn lock_async(&self) -> impl Future<Output = TryLockResult<ReentrantGuard<'_, T, W>>> {
        let caller = self.caller();
        let mut turn = Turn::new(move || caller.word().pass_on());
        poll_fn(move |cx| turn.kept(caller.poll_lock(turn.waits(), cx)))
    }
}

impl<'a, T, I: ThreadId, W: Wake> Caller<'a, ReentrantMutex<T, I, W>> {
    fn word(self) -> &'a Word<W> {
        &self.lock.words.word.0
    }

    fn try_lock(self) -> TryLockResult<ReentrantGuard<'a, T, W>> {
        self.enter(|| self.word().try_acquire(self.me).ok_or(Error::WouldBlock))
    }

    fn enter(
        self,
        acquire: impl FnOnce() -> Result<bool, Error>,
    ) -> TryLockResult<ReentrantGuard<'a, T, W>> {
        let mine = u64::from(word::name(self.me)) << 32 | u64::from(I::thread_id().get());
        let Words { word, owner, depth } = &self.lock.words;
        let before = word.0.unwinding();
        // Relaxed, all of it. Only this thread writes its own number, and it clears the number
        // before it releases the lock: so if the number is there, this thread holds the lock. Only
        // the holder uses the depth, and the word orders the holders.
        let died = if owner.load(Ordering::Relaxed) == mine {
            let deep = depth.0.load(Ordering::Relaxed);
            if deep >= ReentrantMutex::<T, I, W>::MAX_DEPTH {
                return Err(LockError::NotTaken(Error::Overflow));
            }
            depth.0.store(deep + 1, Ordering::Relaxed);
            word.0.has_died()
        } else {
            let died = acquire().map_err(LockError::NotTaken)?;
            depth.0.store(1, Ordering::Relaxed);
            owner.store(mine, Ordering::Relaxed);
            died
        };
        let value = ValueRef::new(&self.lock.value);
        let guard = ReentrantGuard { words: &self.lock.words, value, before, thread: PhantomData };
        Ok(lock_result(guard, died)?)
    }
}

impl<'a, T, I: ThreadId, W: Register> Caller<'a, ReentrantMutex<T, I, W>> {
    fn poll_lock(
        self,
        waited: bool,
        cx: &mut Context<'_>,
    ) -> Poll<TryLockResult<ReentrantGuard<'a, T, W>>> {
        let taken = self.enter(|| match self.word().poll_acquire(self.me, waited, cx) {
            Poll::Ready(died) => Ok(died),
            Poll::Pending => Err(Error::WouldBlock),
        });
        match taken {
            Err(LockError::NotTaken(Error::WouldBlock)) => Poll::Pending,
            taken => Poll::Ready(taken),
        }
    }
}

/// A mutex that this thread holds, and its value.
///
/// Dropping the last of the thread's guards unlocks the mutex. A guard cannot leave its thread.
/// Once a panic has dropped one of them, the next guard [comes](crate::lock#panics) with
/// [`OwnerDied`](super::OwnerDied), in this thread too.
///
/// ```compile_fail
/// fn to_another_thread<T: Send>(_: T) {}
/// fn try_it<I: ringway_core::lock::ThreadId>(
///     mutex: &'static ringway_core::lock::ReentrantMutex<(), I>,
/// ) {
///     to_another_thread(mutex.lock());
/// }
/// ```
#[must_use = "the mutex is given back at once if this is dropped"]
pub struct ReentrantGuard<'a, T, W: Wake> {
    words: &'a Words<W>,
    value: ValueRef<'a, T>,
    before: Unwinding,
    /// Keeps the guard in its thread.
    thread: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives only shared access to the value, for which `T: Sync` suffices; it
// shares the mutex's `W`, which is `Sync`.
unsafe impl<T: Sync, W: Wake + Sync> Sync for ReentrantGuard<'_, T, W> {}

impl<T: fmt::Debug, W: Wake> fmt::Debug for ReentrantGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, W: Wake> sealed::Sealed for ReentrantGuard<'_, T, W> {}

impl<T, W: Wake> Robust for ReentrantGuard<'_, T, W> {
    fn make_consistent(&mut self) {
        self.before = self.words.word.0.unwinding();
        self.words.word.0.make_consistent();
    }
}

impl<T, W: Wake> Deref for ReentrantGuard<'_, T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this thread holds the mutex while the guard is borrowed, so that no other thread
        // uses the value, and no guard lends it mutably.
        unsafe { self.value.get() }
    }
}

impl<T, W: Wake> Drop for ReentrantGuard<'_, T, W> {
    fn drop(&mut self) {
        let Words { word, owner, depth } = self.words;
        // Now, and not with the last guard: an outer guard may survive the panic.
        if word.0.has_unwound(self.before) {
            word.0.mark_died();
        }
        // Relaxed: only the holder uses the depth and its own number, and the word orders the
        // holders.
        let left = depth.0.load(Ordering::Relaxed).saturating_sub(1);
        depth.0.store(left, Ordering::Relaxed);
        if left == 0 {
            owner.store(0, Ordering::Relaxed);
            word.0.release(word.0.has_died());
        }
    }
}
