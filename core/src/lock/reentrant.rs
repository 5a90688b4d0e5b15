//! One thread at a time, as often as it likes.

use super::died::{LockError, LockResult, Robust, TryLockResult, sealed, told};
use super::handle::{By, Forms, Handle, User, has_forms};
use super::word::{self, Before, Shared, Unwinding, Word};
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

/// Who runs: tells the threads of a participant apart.
///
/// # Safety
/// Two threads (or interrupts and what they interrupt) that use a [`ReentrantMutex`] at the same
/// time under the name of one participant never have the same number, and one thread always has the
/// same.
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

/// A lock that the thread that has it can take again, as Python's `RLock`, with a value that it
/// then shares with itself: what is to be changed goes into a cell. The lock is free again when
/// every guard is dropped.
///
/// *Fairness*: as [`Mutex`](super::Mutex), whose word it has.
///
/// Memory: the value behind 24 bytes, or 16 on bare metal. On a target without 64-bit
/// compare-and-swap the look at the owner is a critical section.
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
    /// The thread that holds it, below the name of its participant; 0: none. Written by the holder.
    owner: AtomicU64,
    /// How many guards the holder has. Written by the holder.
    depth: Before<AtomicU32>,
}

// SAFETY: the value is reached by one thread at a time, so that `T: Send` is all it takes. `W` is
// shared as it is.
unsafe impl<T: Send, I, W: Wake + Sync> Sync for ReentrantMutex<T, I, W> {}

// SAFETY: the mutex owns its value, and nothing borrows it when it moves.
unsafe impl<T: Send, I, W: Wake + Send> Send for ReentrantMutex<T, I, W> {}

impl<T, I, W: Wake> ReentrantMutex<T, I, W> {
    /// How many guards one thread can have.
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

    /// The value, without taking the lock: nobody else has the mutex.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with it.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let died = self.words.word.0.has_died();
        told(self.value.get_mut(), died)
    }

    /// The value, of a mutex that is no longer needed.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with it.
    pub fn into_inner(self) -> LockResult<T> {
        let died = self.words.word.0.has_died();
        told(self.value.into_inner(), died)
    }
}

has_forms! { ReentrantMutex<T, I, W> where T, I, W: Wake }

// A panic with a guard is told to the next holder.
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
    /// The mutex as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, ReentrantMutex<T, I, W>> {
        Handle::new(By { lock: self, me: participant })
    }

    /// If `dead` holds it, it is free again, and the next one is told. Wakes those that wait.
    /// Whether it was held.
    ///
    /// # Safety
    /// `dead` takes no further step with this mutex: its process has ended (or its context was
    /// reset), and what it wrote is visible here, as it is once the operating system has reported
    /// its end.
    ///
    /// What the mutex protects owns nothing, and any bytes that the dead one may have left make a
    /// value of it: a [`Plain`](crate::plain::Plain) value, an atomic integer, a
    /// [`Cell`](core::cell::Cell) of a plain value. (A plain one alone would be of little use here,
    /// since the guard lends it shared.) Of a value that owns something, one that died while it
    /// replaced it may have left two, or a dropped one.
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
        // The owner first: once the word is free, the dead one's thread number may be given to
        // another.
        // Relaxed: the holder alone looks for its own number, and the dead one's is as new as it
        // left it: the caller sees that. When the exchange fails, another recovered it.
        let owner = self.words.owner.load(Ordering::Relaxed);
        if owner >> 32 == u64::from(word::name(dead)) {
            let _ =
                self.words.owner.compare_exchange(owner, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        // SAFETY: `dead` takes no further step, and what it wrote is visible here.
        unsafe { self.words.word.0.recover(dead) }
    }
}

impl<T, I: ThreadId, W: Wake, U: User<ReentrantMutex<T, I, W>> + ?Sized>
    Forms<ReentrantMutex<T, I, W>, U>
{
    /// Who holds it, if somebody does: at this moment, which is past when this returns.
    pub fn holder(&self) -> Option<Participant> {
        self.by().lock.words.word.0.holder()
    }

    /// Takes it, if it is free or this thread's. Never waits.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, another thread holds it, or this one took it too
    /// often.
    pub fn try_lock(&self) -> TryLockResult<ReentrantGuard<'_, T, W>> {
        self.by().try_lock()
    }
}

impl<T, I: ThreadId, W: Wait, U: User<ReentrantMutex<T, I, W>> + ?Sized>
    Forms<ReentrantMutex<T, I, W>, U>
{
    /// Takes it; waits until it is free, unless it is this thread's.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or this thread took it too often.
    pub fn lock(&self) -> TryLockResult<ReentrantGuard<'_, T, W>> {
        let by = self.by();
        by.enter(|| Ok(by.word().acquire_at_last(by.me)))
    }

    /// Takes it; waits until it is free, unless it is this thread's, at most until `deadline`
    /// (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, another thread held it all the time, or this one took
    /// it too often.
    pub fn lock_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<ReentrantGuard<'_, T, W>> {
        let by = self.by();
        by.enter(|| Ok(by.word().acquire(by.me, deadline)?))
    }
}

impl<T, I: ThreadId, W: Register, U: User<ReentrantMutex<T, I, W>> + ?Sized>
    Forms<ReentrantMutex<T, I, W>, U>
{
    /// The task's form of [`lock`](Self::lock). Cancel-safe: a task that stops polling takes
    /// nothing with it. It is the thread that takes it: tasks that one thread polls share the
    /// mutex, and a task that holds it stays with its thread.
    pub fn poll_lock(&self, cx: &mut Context<'_>) -> Poll<TryLockResult<ReentrantGuard<'_, T, W>>> {
        self.by().poll_lock(cx)
    }

    /// [`lock`](Self::lock) for a task, as [`poll_lock`](Self::poll_lock). Cancel-safe.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or this thread took it too often.
    pub fn lock_async(&self) -> impl Future<Output = TryLockResult<ReentrantGuard<'_, T, W>>> {
        let by = self.by();
        poll_fn(move |cx| by.poll_lock(cx))
    }
}

impl<'a, T, I: ThreadId, W: Wake> By<'a, ReentrantMutex<T, I, W>> {
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
        // Relaxed, all of it: only this thread writes its own number, and takes it back before it
        // gives the lock away, so that if it is there, this thread holds the lock. The depth is the
        // holder's own, and the word orders the holders.
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
        let value = Shared::new(&self.lock.value);
        let guard = ReentrantGuard { words: &self.lock.words, value, before, thread: PhantomData };
        Ok(told(guard, died)?)
    }
}

impl<'a, T, I: ThreadId, W: Register> By<'a, ReentrantMutex<T, I, W>> {
    fn poll_lock(self, cx: &mut Context<'_>) -> Poll<TryLockResult<ReentrantGuard<'a, T, W>>> {
        let taken = self.enter(|| match self.word().poll_acquire(self.me, cx) {
            Poll::Ready(died) => Ok(died),
            Poll::Pending => Err(Error::WouldBlock),
        });
        match taken {
            Err(LockError::NotTaken(Error::WouldBlock)) => Poll::Pending,
            taken => Poll::Ready(taken),
        }
    }
}

/// The mutex, held by this thread, and its value. Given back when the last of the thread's guards
/// is dropped; it stays with the thread. Once a panic drops one of them, the next holder is
/// [told](crate::lock#panics), this thread too.
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
    value: Shared<'a, T>,
    before: Unwinding,
    /// It must not leave its thread.
    thread: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared access to the value alone, so that `T: Sync` is what it
// takes.
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
        // SAFETY: this thread holds the mutex, so that no other reaches the value, and nobody gets
        // it mutably.
        unsafe { self.value.get() }
    }
}

impl<T, W: Wake> Drop for ReentrantGuard<'_, T, W> {
    fn drop(&mut self) {
        let Words { word, owner, depth } = self.words;
        // At once: an outer guard may survive the panic.
        if word.0.has_unwound(self.before) {
            word.0.mark_died();
        }
        // Relaxed: see `enter`.
        let left = depth.0.load(Ordering::Relaxed).saturating_sub(1);
        depth.0.store(left, Ordering::Relaxed);
        if left == 0 {
            owner.store(0, Ordering::Relaxed);
            word.0.release(word.0.has_died());
        }
    }
}
