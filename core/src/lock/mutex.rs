//! One holder at a time, with what it protects.

use super::died::{LockError, LockResult, Robust, TryLockResult, sealed, told};
use super::handle::{By, Forms, Handle, User, has_forms};
use super::word::{Before, Held, Unwinding, Word};
use crate::participant::Participant;
use crate::plain::Plain;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::sync::{Cell, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::{Context, Poll};

/// A value that one at a time can reach; `Mutex<(), W>` is the lock alone.
///
/// To take it when it is free is one exchange, to give it back another; only if somebody sleeps, a
/// wake-up besides. Who finds it held looks a few times more, then sleeps as `W` says.
///
/// *Fairness*: none in order. Whoever comes when it is free takes it, ahead of those that sleep;
/// that is what makes it fast, and one that is suspended in the queue delays nobody. A sleeper is
/// woken each time it is given back.
///
/// Memory: the value behind 8 bytes, or 4 on bare metal.
///
/// What is done with it are its [`Forms`], which a [`Handle`] of it has too. `&Mutex<[T; N], W>`
/// coerces to `&Mutex<[T], W>`, of as many values as are known when the program runs; such a one is
/// made on the heap or in memory at hand, see [`InMemory`](crate::storage::InMemory).
///
/// ```
/// use ringway_core::lock::Mutex;
/// static TOTAL: Mutex<u32> = Mutex::new(0);
///
/// std::thread::scope(|s| {
///     for _ in 0..2 {
///         s.spawn(|| (0..1000).for_each(|_| *TOTAL.lock().unwrap() += 1));
///     }
/// });
/// assert_eq!(*TOTAL.lock().unwrap(), 2000);
/// ```
///
/// ```
/// use ringway_core::lock::Mutex;
/// fn sum(row: &Mutex<[u64]>) -> u64 {
///     row.lock().unwrap().iter().sum()
/// }
/// assert_eq!(sum(&Mutex::new([1, 2, 3])), 6);
/// ```
#[doc(alias = "Lock")]
#[doc(alias = "pthread_mutex_t")]
#[repr(C)]
pub struct Mutex<T: ?Sized, W: Wake = Spin> {
    word: Before<Word<W>>,
    value: Cell<T>,
}

// SAFETY: the value is reached by one holder at a time, so that `T: Send` is all it takes. `W` is
// shared as it is.
unsafe impl<T: Send + ?Sized, W: Wake + Sync> Sync for Mutex<T, W> {}

// SAFETY: the mutex owns its value, and nothing borrows it when it moves.
unsafe impl<T: Send + ?Sized, W: Wake + Send> Send for Mutex<T, W> {}

// A panic in the middle of a change is told to the next holder.
impl<T: ?Sized, W: Wake> UnwindSafe for Mutex<T, W> {}
impl<T: ?Sized, W: Wake> RefUnwindSafe for Mutex<T, W> {}

has_forms! { Mutex<T, W> where T: ?Sized, W: Wake }

impl<T, W: Wake> Mutex<T, W> {
    const_unless_loom! {
        /// A free mutex.
        pub fn new(value: T) -> Self {
            Mutex { word: Before(Word::new()), value: Cell::new(value) }
        }
    }

    /// The value, of a mutex that is no longer needed.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with it.
    pub fn into_inner(self) -> LockResult<T> {
        let died = self.word.0.has_died();
        told(self.value.into_inner(), died)
    }
}

impl<T: ?Sized, W: Wake> Mutex<T, W> {
    /// The value, without taking the lock: nobody else has the mutex.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a holder died with it.
    ///
    /// ```
    /// let mut mutex = <ringway_core::lock::Mutex<_>>::new(5);
    /// *mutex.get_mut().unwrap() += 1;
    /// assert_eq!(mutex.into_inner(), Ok(6));
    /// ```
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let died = self.word.0.has_died();
        told(self.value.get_mut(), died)
    }

    /// The mutex as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, Mutex<T, W>> {
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
    /// ```
    /// use ringway_core::{lock::Mutex, participant::Participant};
    /// let mutex = <Mutex<_>>::new(0);
    /// let other = Participant::new(1).unwrap();
    /// std::mem::forget(mutex.handle(other).lock()); // it dies with the lock
    /// // SAFETY: participant 1 does nothing any more.
    /// assert!(unsafe { mutex.recover(other) });
    /// assert!(mutex.lock().is_err());
    /// ```
    ///
    /// A value that owns something could have been dropped or copied out by the dead one already,
    /// so that there is no recovery of it:
    /// ```compile_fail,E0277
    /// use ringway_core::{participant::Participant, lock::Mutex};
    /// let mutex = <Mutex<_>>::new(String::new());
    /// // SAFETY: participant 1 does nothing any more.
    /// unsafe { mutex.recover(Participant::new(1).unwrap()) };
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> bool
    where
        T: Recoverable,
    {
        // SAFETY: `dead` takes no further step, and what it wrote is visible here.
        unsafe { self.word.0.recover(dead) }
    }
}

/// What a [`Mutex`] protects so that it can be [put right](Mutex::recover) after a death: a
/// [`Plain`] value, or a slice of such values, of which any bytes are a value.
pub trait Recoverable: sealed::Sealed {}

impl<T: Plain> sealed::Sealed for T {}
impl<T: Plain> Recoverable for T {}
impl<T: Plain> sealed::Sealed for [T] {}
impl<T: Plain> Recoverable for [T] {}

#[cfg(not(loom))]
impl<T, W: Wake> Mutex<[T], W> {
    pub(crate) fn layout(length: usize) -> Option<Layout> {
        let values = Layout::array::<T>(length).ok()?;
        let (layout, _) = Layout::new::<Before<Word<W>>>().extend(values).ok()?;
        Some(layout.pad_to_align())
    }

    pub(crate) fn from_raw(at: NonNull<u8>, length: usize) -> Option<NonNull<Self>> {
        Self::layout(length)?;
        NonNull::new(storage::slice(at, length) as *mut Self)
    }
}

// SAFETY: `repr(C)`: the word and the values, all of which are written.
#[cfg(not(loom))]
unsafe impl<T: Default, W: Wake> InMemory for Mutex<[T], W> {
    fn layout(length: usize) -> Option<Layout> {
        Self::layout(length)
    }

    fn from_raw(at: NonNull<u8>, length: usize) -> Option<NonNull<Self>> {
        Self::from_raw(at, length)
    }

    unsafe fn init_at(at: NonNull<u8>, length: usize) -> Option<NonNull<Self>> {
        let mutex = Self::from_raw(at, length)?;
        let to = mutex.as_ptr();
        // SAFETY: within the caller's memory, here and below, as it has the layout above.
        let word_at = unsafe { &raw mut (*to).word };
        // SAFETY: as above.
        unsafe { word_at.write(Before(Word::new())) };
        // SAFETY: as above.
        let first = unsafe { &raw mut (*to).value }.cast::<T>();
        for index in 0..length {
            // SAFETY: as above: a cell of values is these values, one beside the other.
            let value_at = unsafe { first.add(index) };
            // SAFETY: as above.
            unsafe { value_at.write(T::default()) };
        }
        Some(mutex)
    }
}

impl<T: ?Sized, W: Wake> fmt::Debug for Mutex<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("holder", &self.holder()).finish_non_exhaustive()
    }
}

impl<T: Default, W: Wake> Default for Mutex<T, W> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized, W: Wake, U: User<Mutex<T, W>> + ?Sized> Forms<Mutex<T, W>, U> {
    /// Who holds it, if somebody does: at this moment, which is past when this returns.
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, participant::Participant};
    /// let mutex = <Mutex<_>>::new(());
    /// assert_eq!(mutex.holder(), None);
    /// let guard = mutex.lock();
    /// assert_eq!(mutex.holder(), Some(Participant::LOCAL));
    /// # drop(guard);
    /// ```
    pub fn holder(&self) -> Option<Participant> {
        self.by().lock.word.0.holder()
    }

    /// Takes it, if it is free. Never waits.
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it is held.
    ///
    /// ```
    /// let mutex = <ringway_core::lock::Mutex<_>>::new(5);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.by().try_lock()
    }
}

impl<T: ?Sized, W: Wait, U: User<Mutex<T, W>> + ?Sized> Forms<Mutex<T, W>, U> {
    /// Takes it; waits until it is free. One that holds it already waits for ever.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with it.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T, W>> {
        self.by().lock()
    }

    /// Takes it; waits until it is free, at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a holder died with it, or it was held all the time.
    ///
    /// ```
    /// use ringway_core::lock::{LockError, Mutex};
    /// use ringway_core::{Error, wait::SpinClock};
    /// # struct Hundred;
    /// # impl ringway_core::wait::Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let mutex = Mutex::<_, SpinClock<Hundred>>::new(());
    /// let guard = mutex.lock();
    /// let late = mutex.lock_deadline(Some(50));
    /// assert!(matches!(late, Err(LockError::NotTaken(Error::TimedOut))));
    /// drop(guard);
    /// assert!(mutex.lock_deadline(Some(50)).is_ok());
    /// ```
    #[inline]
    pub fn lock_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<MutexGuard<'_, T, W>> {
        self.by().lock_deadline(deadline)
    }
}

impl<T: ?Sized, W: Register, U: User<Mutex<T, W>> + ?Sized> Forms<Mutex<T, W>, U> {
    /// The task's form of [`lock`](Self::lock). Cancel-safe: a task that stops polling takes
    /// nothing with it.
    ///
    /// ```
    /// use ringway_core::{lock::Mutex, wait::Async};
    /// use std::task::{Context, Waker};
    /// let mutex = Mutex::<_, Async>::new(5);
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.poll_lock(&mut cx).is_pending());
    /// drop(guard);
    /// assert!(mutex.poll_lock(&mut cx).is_ready());
    /// ```
    pub fn poll_lock(&self, cx: &mut Context<'_>) -> Poll<LockResult<MutexGuard<'_, T, W>>> {
        self.by().poll_lock(cx)
    }

    /// [`lock`](Self::lock) for a task. Cancel-safe.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a holder died with it.
    pub fn lock_async(&self) -> impl Future<Output = LockResult<MutexGuard<'_, T, W>>> {
        let by = self.by();
        poll_fn(move |cx| by.poll_lock(cx))
    }
}

impl<'a, T: ?Sized, W: Wake> By<'a, Mutex<T, W>> {
    #[inline(always)]
    fn word(self) -> &'a Word<W> {
        &self.lock.word.0
    }

    #[inline]
    fn try_lock(self) -> TryLockResult<MutexGuard<'a, T, W>> {
        let before = self.word().unwinding();
        let died = self.word().try_acquire(self.me).ok_or_else(LockError::would_block)?;
        Ok(self.guard(died, before)?)
    }

    #[inline(always)]
    fn guard(self, died: bool, before: Unwinding) -> LockResult<MutexGuard<'a, T, W>> {
        told(MutexGuard { lock: self.lock, me: self.me, held: Held::new(died, before) }, died)
    }
}

impl<'a, T: ?Sized, W: Wait> By<'a, Mutex<T, W>> {
    #[inline]
    pub(super) fn lock(self) -> LockResult<MutexGuard<'a, T, W>> {
        let before = self.word().unwinding();
        self.guard(self.word().acquire_at_last(self.me), before)
    }

    #[inline]
    fn lock_deadline(self, deadline: Option<W::Deadline>) -> TryLockResult<MutexGuard<'a, T, W>> {
        let before = self.word().unwinding();
        let died = self.word().acquire(self.me, deadline)?;
        Ok(self.guard(died, before)?)
    }
}

impl<'a, T: ?Sized, W: Register> By<'a, Mutex<T, W>> {
    pub(super) fn poll_lock(self, cx: &mut Context<'_>) -> Poll<LockResult<MutexGuard<'a, T, W>>> {
        let before = self.word().unwinding();
        self.word().poll_acquire(self.me, cx).map(|died| self.guard(died, before))
    }
}

/// The mutex, held, and its value. Dropped, it is given back; dropped by a panic, the next one is
/// [told](crate::lock#panics).
#[must_use = "the mutex is given back at once if this is dropped"]
pub struct MutexGuard<'a, T: ?Sized, W: Wake> {
    // Not a `By`: so `held` lies beside the participant's number.
    lock: &'a Mutex<T, W>,
    me: Participant,
    held: Held,
}

// SAFETY: a shared guard gives shared access to the value alone, so that `T: Sync` is what it
// takes.
unsafe impl<T: Sync + ?Sized, W: Wake + Sync> Sync for MutexGuard<'_, T, W> {}

impl<'a, T: ?Sized, W: Wake> MutexGuard<'a, T, W> {
    /// What it holds, and whose it is, to take it again.
    pub(super) fn origin(&self) -> By<'a, Mutex<T, W>> {
        By { lock: self.lock, me: self.me }
    }

    /// As the mutex was taken.
    pub(super) fn into_taken(self) -> LockResult<Self> {
        let died = self.held.died();
        told(self, died)
    }
}

impl<T: fmt::Debug + ?Sized, W: Wake> fmt::Debug for MutexGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, W: Wake> sealed::Sealed for MutexGuard<'_, T, W> {}

impl<T: ?Sized, W: Wake> Robust for MutexGuard<'_, T, W> {
    fn make_consistent(&mut self) {
        self.held = Held::new(false, self.lock.word.0.unwinding());
        self.lock.word.0.make_consistent();
    }
}

impl<T: ?Sized, W: Wake> Deref for MutexGuard<'_, T, W> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the mutex, so that nobody else reaches the value, and it is
        // borrowed for as long.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized, W: Wake> DerefMut for MutexGuard<'_, T, W> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the mutex, so that nobody else reaches the value, and it is
        // borrowed mutably for as long.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized, W: Wake> Drop for MutexGuard<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        self.lock.word.0.release_held(self.held);
    }
}
