//! A lock for one writer or several readers.

mod access;
mod guard;
#[cfg(not(loom))]
mod raw;
mod words;

use super::died::{LockResult, TryLockResult, lock_result};
use super::handle::{Caller, Forms, Handle, User, has_forms};
use super::slots::Slots;
#[cfg(not(loom))]
use super::slots::write_slots;
use super::word::Before;
use crate::participant::Participant;
use crate::plain::Plain;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::sync::{AtomicU32, Cell, Ordering, array_of, const_unless_loom};
use crate::wait::{Register, Spin, Wait, Wake};
use access::Access;
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::{Context, Poll};
pub use guard::{ReadGuard, WriteGuard};
#[cfg(not(loom))]
pub use raw::RawRwLock;
use words::{EMPTY, Words};

/// A value that one writer can change, or up to `R` readers can read, at a time.
///
/// See [`RwLockInner`].
///
/// ```
/// use ringway_core::lock::RwLock;
/// static LIMITS: RwLock<[u32; 2], 8> = RwLock::new([0, 9]);
/// LIMITS.write().unwrap()[1] = 10;
/// let one = LIMITS.read().unwrap();
/// let two = LIMITS.read().unwrap();
/// assert_eq!((one[1], two[1]), (10, 10));
/// assert!(LIMITS.try_write().is_err());
/// # drop((one, two));
/// ```
#[doc(alias = "pthread_rwlock_t")]
pub type RwLock<T, const R: usize, W = Spin> = RwLockInner<T, [AtomicU32; R], W>;

/// An [`RwLock`] whose number of readers is known when the program runs.
///
/// `&RwLock<T, R, W>` coerces to a reference to it. To create one on the heap or in memory of the
/// caller, see [`InMemory`](crate::storage::InMemory).
///
/// ```
/// use ringway_core::lock::{RwLock, RwLockView};
/// fn sum(pair: &RwLockView<[u32; 2]>) -> u32 {
///     pair.read().unwrap().iter().sum()
/// }
/// assert_eq!(sum(&RwLock::<_, 3>::new([1, 2])), 3);
/// ```
pub type RwLockView<T, W = Spin> = RwLockInner<T, [AtomicU32], W>;

/// The type behind [`RwLock`] and [`RwLockView`].
///
/// A reader takes one of the slots and is on record there. A writer takes the word, is on record
/// there, and waits until all slots are empty. After a writer's death, readers and writers get
/// [`OwnerDied`](super::OwnerDied) until a writer repairs. A dead reader's slot is free again after
/// recovery.
///
/// *Fairness*: a writer that has the word keeps new readers out, so that readers never starve
/// writers. Among writers it is as fair as a [`Mutex`](super::Mutex). If there is always another
/// writer, readers starve. Do not read again while you hold a read guard: you may wait for a writer
/// that waits for you.
///
/// Memory: 8 bytes, the value, and 4 bytes for each slot; on hosts, rounded up to a multiple of 8.
#[repr(C)]
pub struct RwLockInner<T, S: Slots + ?Sized, W: Wake> {
    words: Before<Words<W>>,
    value: Cell<T>,
    /// Each is 0, or its reader, encoded by [`word::name`](super::word::name).
    slots: S,
}

// SAFETY: one writer or several readers, in any threads, use the value at a time, for which `T:
// Send + Sync` suffices. `W` is shared by reference, for which `W: Sync` is required.
unsafe impl<T: Send + Sync, S: Slots + ?Sized, W: Wake + Sync> Sync for RwLockInner<T, S, W> {}

// SAFETY: the lock owns its value and its `W`, both of which are `Send`, and nothing borrows a lock
// that is moved.
unsafe impl<T: Send, S: Slots + ?Sized, W: Wake + Send> Send for RwLockInner<T, S, W> {}

has_forms! { RwLockInner<T, S, W> where T, S: Slots + ?Sized, W: Wake }

// After a panic in the middle of a change, the next holders get `OwnerDied`.
impl<T, S: Slots + ?Sized, W: Wake> UnwindSafe for RwLockInner<T, S, W> {}
impl<T, S: Slots + ?Sized, W: Wake> RefUnwindSafe for RwLockInner<T, S, W> {}

impl<T, const R: usize, W: Wake> RwLock<T, R, W> {
    /// Fails to compile for a lock that cannot work.
    pub(crate) const VALID: () = {
        assert!(R > 0, "a lock for readers needs a slot for one");
    };

    const_unless_loom! {
        /// A free lock.
        ///
        /// ```compile_fail
        /// use ringway_core::lock::RwLock;
        /// static NO_READERS: RwLock<u32, 0> = RwLock::new(0);
        /// ```
        pub fn new(value: T) -> Self {
            const { Self::VALID };
            RwLockInner {
                words: Before(Words::new()),
                value: Cell::new(value),
                slots: array_of!(AtomicU32::new(EMPTY); R),
            }
        }
    }

    /// Consumes the lock and returns the value.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a writer died with the lock.
    ///
    /// ```
    /// let mut lock = ringway_core::lock::RwLock::<_, 2>::new(5);
    /// *lock.get_mut().unwrap() += 1;
    /// assert_eq!(lock.into_inner(), Ok(6));
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        let died = self.words.0.writer.has_died();
        lock_result(self.value.into_inner(), died)
    }
}

impl<T: Default, const R: usize, W: Wake> Default for RwLock<T, R, W> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T, S: Slots + ?Sized, W: Wake> RwLockInner<T, S, W> {
    /// Returns the value without taking the lock, since nobody else can use the lock.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a writer died with the lock.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let died = self.words.0.writer.has_died();
        lock_result(self.value.get_mut(), died)
    }

    /// Returns a handle by which `participant` uses the lock.
    pub fn handle(&self, participant: Participant) -> Handle<'_, RwLockView<T, W>> {
        let slots = self.slots.as_slice().len();
        let view = core::ptr::slice_from_raw_parts(core::ptr::from_ref(self).cast::<()>(), slots);
        // SAFETY: the pointer is to the same lock, with the number of slots of its last field, and
        // a view has the same layout; the lock is borrowed for as long as the handle.
        let lock = unsafe { &*(view as *const RwLockView<T, W>) };
        Handle::new(Caller { lock, me: participant })
    }

    /// Releases what `dead` holds of the lock; returns whether it held anything.
    ///
    /// If `dead` was the writer, the next holders get [`OwnerDied`](super::OwnerDied). A writer
    /// that died while it waited for readers to leave counts as a writer. Wakes all that wait.
    ///
    /// # Safety
    /// `dead` takes no further step with this lock: its process has ended (or its context was
    /// reset), and what it wrote is visible here, as it is once the operating system has reported
    /// its end.
    ///
    /// ```
    /// use ringway_core::{lock::RwLock, participant::Participant};
    /// let lock = RwLock::<_, 2>::new(0);
    /// let other = Participant::new(1).unwrap();
    /// std::mem::forget(lock.handle(other).read()); // it dies while it reads
    /// // SAFETY: participant 1 does nothing any more.
    /// assert!(unsafe { lock.recover(other) });
    /// assert!(lock.write().is_ok());
    /// ```
    ///
    /// A value that owns something cannot be recovered, since `dead` may already have dropped it or
    /// copied it out:
    /// ```compile_fail,E0277
    /// use ringway_core::{participant::Participant, lock::RwLock};
    /// let lock = RwLock::<_, 2>::new(String::new());
    /// // SAFETY: participant 1 does nothing any more.
    /// unsafe { lock.recover(Participant::new(1).unwrap()) };
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> bool
    where
        T: Plain,
    {
        // SAFETY: the caller guarantees that `dead` takes no further step with this lock and that
        // what it wrote is visible here; the value is `Plain`.
        unsafe { self.words.0.recover(self.slots.as_slice(), dead) }
    }
}

impl<T, S: Slots + ?Sized, W: Wake> fmt::Debug for RwLockInner<T, S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock")
            .field("writer", &self.writer())
            .field("readers", &self.readers())
            .finish_non_exhaustive()
    }
}

#[cfg(not(loom))]
impl<T, W: Wake> RwLockView<T, W> {
    pub(crate) fn layout(readers: usize) -> Option<Layout> {
        let before = raw::before_slots::<W>(Layout::new::<Cell<T>>())?;
        storage::layout::<AtomicU32>(before, readers)
    }

    pub(crate) fn from_raw(at: NonNull<u8>, readers: usize) -> Option<NonNull<Self>> {
        Self::layout(readers)?;
        NonNull::new(storage::slice(at, readers) as *mut Self)
    }
}

// SAFETY: `from_raw` points to `at`, and the layout is that of this `repr(C)` type: the words, the
// value, then the slots. `init_at` writes all of them.
#[cfg(not(loom))]
unsafe impl<T: Default, W: Wake> InMemory for RwLockView<T, W> {
    fn layout(readers: usize) -> Option<Layout> {
        Self::layout(readers)
    }

    fn from_raw(at: NonNull<u8>, readers: usize) -> Option<NonNull<Self>> {
        Self::from_raw(at, readers)
    }

    unsafe fn init_at(at: NonNull<u8>, readers: usize) -> Option<NonNull<Self>> {
        let lock = Self::from_raw(at, readers)?;
        let value = T::default();
        let to = lock.as_ptr();
        // SAFETY: the caller guarantees memory of `layout(readers)` at `at`, in which the words
        // lie.
        let words_at = unsafe { &raw mut (*to).words };
        // SAFETY: the words lie in memory that the caller guarantees and nobody else uses, and are
        // aligned.
        unsafe { words_at.write(Before(Words::new())) };
        // SAFETY: the caller guarantees memory of `layout(readers)` at `at`, in which the value
        // lies.
        let value_at = unsafe { &raw mut (*to).value };
        // SAFETY: the value lies in memory that the caller guarantees and nobody else uses, and is
        // aligned.
        unsafe { value_at.write(Cell::new(value)) };
        // SAFETY: the caller guarantees memory of `layout(readers)` at `at`, in which the slots
        // lie.
        let slots_at = unsafe { &raw mut (*to).slots };
        // SAFETY: the slots lie in memory that the caller guarantees and nobody else uses, and are
        // aligned.
        unsafe { write_slots(slots_at) };
        Some(lock)
    }
}

impl<T, S: Slots + ?Sized, W: Wake, U: User<RwLockInner<T, S, W>> + ?Sized>
    Forms<RwLockInner<T, S, W>, U>
{
    /// The writer, if there is one, at some moment of the call.
    ///
    /// A writer that waits for readers to leave counts.
    pub fn writer(&self) -> Option<Participant> {
        self.caller().lock.words.0.writer.holder()
    }

    /// The number of readers. It may change meanwhile.
    pub fn readers(&self) -> usize {
        // Relaxed: an estimate; nothing is read on the strength of it.
        self.caller()
            .lock
            .slots
            .as_slice()
            .iter()
            .filter(|slot| slot.load(Ordering::Relaxed) != EMPTY)
            .count()
    }

    /// Takes the lock to read, if nobody writes or waits to write, and a slot is free. Never waits.
    ///
    /// # Errors
    /// [`LockError`](crate::lock::LockError): a writer died with the lock, or it cannot be taken
    /// now.
    pub fn try_read(&self) -> TryLockResult<ReadGuard<'_, T, W>> {
        self.caller().access().try_read()
    }

    /// Takes the lock to write, if nobody reads or writes. Never waits.
    ///
    /// A `try_read` at the same moment may fail because of it.
    ///
    /// # Errors
    /// [`LockError`](crate::lock::LockError): a writer died with the lock, or it cannot be taken
    /// now.
    pub fn try_write(&self) -> TryLockResult<WriteGuard<'_, T, W>> {
        self.caller().access().try_write()
    }
}

impl<T, S: Slots + ?Sized, W: Wait, U: User<RwLockInner<T, S, W>> + ?Sized>
    Forms<RwLockInner<T, S, W>, U>
{
    /// Takes the lock to read; waits until nobody writes or waits to write, and a slot is free.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with the lock.
    pub fn read(&self) -> LockResult<ReadGuard<'_, T, W>> {
        self.caller().access().read()
    }

    /// Takes the lock to read; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`](crate::lock::LockError): a writer died with the lock, or it could not be taken
    /// in time.
    ///
    /// ```
    /// use ringway_core::lock::{LockError, RwLock};
    /// use ringway_core::{Error, wait::SpinClock};
    /// # struct Hundred;
    /// # impl ringway_core::wait::Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let lock = RwLock::<_, 2, SpinClock<Hundred>>::new(5);
    /// let writer = lock.write();
    /// let late = lock.read_deadline(Some(50));
    /// assert!(matches!(late, Err(LockError::NotTaken(Error::TimedOut))));
    /// # drop(writer);
    /// ```
    pub fn read_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<ReadGuard<'_, T, W>> {
        self.caller().access().read_deadline(deadline)
    }

    /// Takes the lock to write; waits until nobody reads or writes.
    ///
    /// First waits until nobody writes. Then keeps new readers out and waits until the present
    /// readers have left.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with the lock.
    pub fn write(&self) -> LockResult<WriteGuard<'_, T, W>> {
        self.caller().access().write()
    }

    /// Takes the lock to write; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`](crate::lock::LockError): a writer died with the lock, or it could not be taken
    /// in time.
    ///
    /// ```
    /// use ringway_core::lock::{LockError, RwLock};
    /// use ringway_core::{Error, wait::SpinClock};
    /// # struct Hundred;
    /// # impl ringway_core::wait::Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let lock = RwLock::<_, 2, SpinClock<Hundred>>::new(5);
    /// let reader = lock.read();
    /// let late = lock.write_deadline(Some(50));
    /// assert!(matches!(late, Err(LockError::NotTaken(Error::TimedOut))));
    /// assert!(lock.try_read().is_ok(), "the writer that gave up keeps nobody out");
    /// # drop(reader);
    /// ```
    pub fn write_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<WriteGuard<'_, T, W>> {
        self.caller().access().write_deadline(deadline)
    }
}

impl<T, S: Slots + ?Sized, W: Register, U: User<RwLockInner<T, S, W>> + ?Sized>
    Forms<RwLockInner<T, S, W>, U>
{
    /// Polls for the lock to read, for a task.
    ///
    /// Cancel-safe: a task that stops polling holds nothing.
    pub fn poll_read(&self, cx: &mut Context<'_>) -> Poll<LockResult<ReadGuard<'_, T, W>>> {
        self.caller().access().poll_read(cx)
    }

    /// [`read`](Self::read) for a task. Cancel-safe.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with the lock.
    pub fn read_async(&self) -> impl Future<Output = LockResult<ReadGuard<'_, T, W>>> {
        self.caller().access().read_async()
    }

    /// [`write`](Self::write) for a task. Cancel-safe.
    ///
    /// Dropped while it waits for readers to leave, it lets others in. There is no `poll_write`,
    /// since nothing would keep readers out between two polls.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with the lock.
    pub fn write_async(&self) -> impl Future<Output = LockResult<WriteGuard<'_, T, W>>> {
        self.caller().access().write_async()
    }
}

impl<'a, T, S: Slots + ?Sized, W: Wake> Caller<'a, RwLockInner<T, S, W>> {
    /// What the operations use of the lock.
    fn access(self) -> Access<'a, T, W> {
        let RwLockInner { words, value, slots } = self.lock;
        Access { words: &words.0, value, slots: slots.as_slice(), me: self.me }
    }
}
