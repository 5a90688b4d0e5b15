//! One writer, or several readers.

mod guard;
mod words;

use super::died::{LockError, LockResult, TryLockResult, told};
use super::handle::{By, Forms, Handle, User, has_forms};
use super::slots::Slots;
#[cfg(not(loom))]
use super::slots::write_slots;
use super::word::{self, Before, Held, Shared, Unwinding};
use crate::participant::Participant;
use crate::plain::Plain;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::sync::{AtomicU32, Cell, Ordering, array_of, const_unless_loom, fence, worth_a_try};
use crate::wait::{Register, Spin, TimedOut, Wait, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::fmt;
use core::future::poll_fn;
use core::panic::{RefUnwindSafe, UnwindSafe};
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::{Context, Poll};
pub use guard::{ReadGuard, WriteGuard};
use words::{EMPTY, Words, are_gone};

/// A value that one writer can change, or up to `R` readers look at, at a time. See
/// [`RwLockInner`].
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

/// An [`RwLock`] for as many readers as are known when the program runs. It is made on the heap or
/// in memory at hand, see [`InMemory`](crate::storage::InMemory), and `&RwLock<T, R, W>` coerces to
/// it.
///
/// ```
/// use ringway_core::lock::{RwLock, RwLockView};
/// fn sum(pair: &RwLockView<[u32; 2]>) -> u32 {
///     pair.read().unwrap().iter().sum()
/// }
/// assert_eq!(sum(&RwLock::<_, 3>::new([1, 2])), 3);
/// ```
pub type RwLockView<T, W = Spin> = RwLockInner<T, [AtomicU32], W>;

/// What an [`RwLock`] and an [`RwLockView`] are: a value that one writer can change, or several
/// readers look at, at a time.
///
/// A reader takes one of the slots, under its name; a writer takes the word, under its own, and
/// waits until all slots are empty. If a writer dies, the next ones, reader or writer, are told,
/// until a writer repairs; if a reader dies, its slot is free again.
///
/// *Fairness*: a writer that has the word keeps new readers out, so that readers never starve
/// writers. Writers among themselves are as fair as a [`Mutex`](super::Mutex)'s users; where there
/// is always another writer, readers starve. One that reads and wants to read once more can wait
/// for a writer that waits for it: do not.
///
/// Memory: 8 bytes, the value, and 4 bytes a slot; on hosts, to a multiple of 8.
#[repr(C)]
pub struct RwLockInner<T, S: Slots + ?Sized, W: Wake> {
    words: Before<Words<W>>,
    value: Cell<T>,
    /// Each: 0, or its reader's name.
    slots: S,
}

// SAFETY: the value is reached by one writer or several readers, of any thread, so that it takes
// `T: Send + Sync`. `W` is shared as it is.
unsafe impl<T: Send + Sync, S: Slots + ?Sized, W: Wake + Sync> Sync for RwLockInner<T, S, W> {}

// SAFETY: the lock owns its value, and nothing borrows it when it moves.
unsafe impl<T: Send, S: Slots + ?Sized, W: Wake + Send> Send for RwLockInner<T, S, W> {}

has_forms! { RwLockInner<T, S, W> where T, S: Slots + ?Sized, W: Wake }

// A panic in the middle of a change is told to the next ones.
impl<T, S: Slots + ?Sized, W: Wake> UnwindSafe for RwLockInner<T, S, W> {}
impl<T, S: Slots + ?Sized, W: Wake> RefUnwindSafe for RwLockInner<T, S, W> {}

impl<T, const R: usize, W: Wake> RwLock<T, R, W> {
    /// Refuses what cannot work when the program is compiled.
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

    /// The value, of a lock that is no longer needed.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a writer died with it.
    ///
    /// ```
    /// let mut lock = ringway_core::lock::RwLock::<_, 2>::new(5);
    /// *lock.get_mut().unwrap() += 1;
    /// assert_eq!(lock.into_inner(), Ok(6));
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        let died = self.words.0.writer.has_died();
        told(self.value.into_inner(), died)
    }
}

impl<T: Default, const R: usize, W: Wake> Default for RwLock<T, R, W> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T, S: Slots + ?Sized, W: Wake> RwLockInner<T, S, W> {
    /// The value, without taking the lock: nobody else has it.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the value: a writer died with it.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let died = self.words.0.writer.has_died();
        told(self.value.get_mut(), died)
    }

    /// The lock as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, RwLockView<T, W>> {
        Handle::new(By { lock: self, me: participant }.view())
    }

    /// If `dead` writes, the lock is free again, and the next ones are told; the slots in which it
    /// reads are empty. Wakes those that wait. Whether it held anything. One that died while it
    /// waited for readers to go counts as one that wrote.
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
    /// A value that owns something could have been dropped or copied out by the dead one already,
    /// so that there is no recovery of it:
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
        // SAFETY: `dead` takes no further step, and what it wrote is visible here; the value is
        // plain.
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

/// What comes before the slots: the words, and a value that is laid out like `value`.
#[cfg(not(loom))]
fn before_slots<W: Wake>(value: Layout) -> Option<Layout> {
    Layout::new::<Before<Words<W>>>().extend(value).ok().map(|(before, _)| before)
}

#[cfg(not(loom))]
impl<T, W: Wake> RwLockView<T, W> {
    pub(crate) fn layout(readers: usize) -> Option<Layout> {
        let before = before_slots::<W>(Layout::new::<Cell<T>>())?;
        storage::layout::<AtomicU32>(before, readers)
    }

    pub(crate) fn from_raw(at: NonNull<u8>, readers: usize) -> Option<NonNull<Self>> {
        Self::layout(readers)?;
        NonNull::new(storage::slice(at, readers) as *mut Self)
    }
}

// SAFETY: `repr(C)`: the words, the value and the slots, all of which are written.
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
        // SAFETY: within the caller's memory, here and below, as it has the layout above.
        let words_at = unsafe { &raw mut (*to).words };
        // SAFETY: as above.
        unsafe { words_at.write(Before(Words::new())) };
        // SAFETY: as above.
        let value_at = unsafe { &raw mut (*to).value };
        // SAFETY: as above.
        unsafe { value_at.write(Cell::new(value)) };
        // SAFETY: as above.
        let slots_at = unsafe { &raw mut (*to).slots };
        // SAFETY: as above.
        unsafe { write_slots(slots_at) };
        Some(lock)
    }
}

impl<W: Wake> RwLockView<(), W> {
    /// Where the slots begin behind a value that is laid out like `value`.
    #[cfg(not(loom))]
    pub(crate) fn offset_of_slots(value: Layout) -> Option<usize> {
        let slot = Layout::new::<AtomicU32>();
        before_slots::<W>(value)?.extend(slot).ok().map(|(_, offset)| offset)
    }

    /// [`recover`](Self::recover) of a lock for `readers` readers, whose value is laid out like
    /// `value`, for one who does not know the value's type.
    ///
    /// # Safety
    /// As there; and there is such an `RwLock<T, R, W>` at `at`, whose value is [`Plain`].
    #[cfg(not(loom))]
    pub(crate) unsafe fn recover_at(
        at: NonNull<u8>,
        value: Layout,
        readers: usize,
        dead: Participant,
    ) -> bool {
        let Some(offset) = Self::offset_of_slots(value) else { return false };
        // SAFETY: every lock begins with its words, whatever comes behind.
        let words = unsafe { at.cast::<Before<Words<W>>>().as_ref() };
        // SAFETY: the slots come behind the value, as many as the caller says.
        let slots = NonNull::slice_from_raw_parts(unsafe { at.add(offset) }.cast(), readers);
        // SAFETY: as above; they are atomics.
        let slots = unsafe { slots.as_ref() };
        // SAFETY: `dead` takes no further step, and what it wrote is visible here; the value is
        // plain.
        unsafe { words.0.recover(slots, dead) }
    }
}

impl<T, S: Slots + ?Sized, W: Wake, U: User<RwLockInner<T, S, W>> + ?Sized>
    Forms<RwLockInner<T, S, W>, U>
{
    /// Who writes, or waits for readers to go in order to write, if somebody does: at this moment,
    /// which is past when this returns.
    pub fn writer(&self) -> Option<Participant> {
        self.by().lock.words.0.writer.holder()
    }

    /// How many read, more or less.
    pub fn readers(&self) -> usize {
        // Relaxed: a guess by nature.
        self.by()
            .lock
            .slots
            .as_slice()
            .iter()
            .filter(|slot| slot.load(Ordering::Relaxed) != EMPTY)
            .count()
    }

    /// Takes it to read, if nobody writes or waits to, and a slot is free. Never waits.
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it cannot be taken now.
    pub fn try_read(&self) -> TryLockResult<ReadGuard<'_, T, W>> {
        self.by().view().try_read()
    }

    /// Takes it to write, if nobody reads or writes. Never waits. One that tries to read at the
    /// same moment may be refused because of it.
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it cannot be taken now.
    pub fn try_write(&self) -> TryLockResult<WriteGuard<'_, T, W>> {
        self.by().view().try_write()
    }
}

impl<T, S: Slots + ?Sized, W: Wait, U: User<RwLockInner<T, S, W>> + ?Sized>
    Forms<RwLockInner<T, S, W>, U>
{
    /// Takes it to read; waits until nobody writes or waits to, and a slot is free.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with it.
    pub fn read(&self) -> LockResult<ReadGuard<'_, T, W>> {
        self.by().view().read()
    }

    /// Takes it to read; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it could not be taken in time.
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
        self.by().view().read_deadline(deadline)
    }

    /// Takes it to write; waits until nobody writes, then keeps readers out and waits until those
    /// that are there have gone.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with it.
    pub fn write(&self) -> LockResult<WriteGuard<'_, T, W>> {
        self.by().view().write()
    }

    /// Takes it to write; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it could not be taken in time.
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
        self.by().view().write_deadline(deadline)
    }
}

impl<T, S: Slots + ?Sized, W: Register, U: User<RwLockInner<T, S, W>> + ?Sized>
    Forms<RwLockInner<T, S, W>, U>
{
    /// The task's form of [`read`](Self::read). Cancel-safe: a task that stops polling takes
    /// nothing with it.
    pub fn poll_read(&self, cx: &mut Context<'_>) -> Poll<LockResult<ReadGuard<'_, T, W>>> {
        self.by().view().poll_read(cx)
    }

    /// [`read`](Self::read) for a task. Cancel-safe.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with it.
    pub fn read_async(&self) -> impl Future<Output = LockResult<ReadGuard<'_, T, W>>> {
        self.by().view().read_async()
    }

    /// [`write`](Self::write) for a task. Cancel-safe: dropped while it waits for readers to go, it
    /// lets others in. There is no `poll_write`: in between two polls nobody would keep readers
    /// out.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with it.
    pub fn write_async(&self) -> impl Future<Output = LockResult<WriteGuard<'_, T, W>>> {
        self.by().view().write_async()
    }
}

impl<'a, T, S: Slots + ?Sized, W: Wake> By<'a, RwLockInner<T, S, W>> {
    /// The same, whatever the number of slots.
    fn view(self) -> By<'a, RwLockView<T, W>> {
        let slots = self.lock.slots.as_slice().len();
        let view =
            core::ptr::slice_from_raw_parts(core::ptr::from_ref(self.lock).cast::<()>(), slots);
        // SAFETY: the same lock, whose last field has so many slots.
        By { lock: unsafe { &*(view as *const RwLockView<T, W>) }, me: self.me }
    }
}

impl<'a, T, W: Wake> By<'a, RwLockView<T, W>> {
    fn words(self) -> &'a Words<W> {
        &self.lock.words.0
    }

    fn try_read(self) -> TryLockResult<ReadGuard<'a, T, W>> {
        Ok(self.look().ok_or_else(LockError::would_block)??)
    }

    /// One attempt to read: the guard, if nobody writes and a slot is free.
    fn look(self) -> Option<LockResult<ReadGuard<'a, T, W>>> {
        let words = self.words();
        words.writer.look()?;
        let slot = self.take_slot()?;
        // Partner: the fence in `keep_readers_out`. Either this one is first, and the writer sees
        // the slot taken; or that one is, and the look below sees the writer.
        fence(Ordering::SeqCst);
        match words.writer.look() {
            Some(died) => {
                let value = Shared::new(&self.lock.value);
                Some(told(ReadGuard { words, slot, value }, died))
            }
            None => {
                words.give_back(slot);
                None
            }
        }
    }

    fn take_slot(self) -> Option<&'a AtomicU32> {
        let name = word::name(self.me);
        self.lock.slots.iter().find(|slot| {
            // Relaxed, both: the writer's word orders what the reader sees.
            worth_a_try(|| slot.load(Ordering::Relaxed) == EMPTY)
                && slot.compare_exchange(EMPTY, name, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        })
    }

    fn try_write(self) -> TryLockResult<WriteGuard<'a, T, W>> {
        let before = self.words().writer.unwinding();
        let died = self.words().writer.try_acquire(self.me).ok_or_else(LockError::would_block)?;
        let guard = self.keep_readers_out(died);
        are_gone(&self.lock.slots).ok_or_else(LockError::would_block)?;
        Ok(guard.ready(died, before)?)
    }

    /// With the word taken: a guard that has changed nothing, and gives it back.
    fn keep_readers_out(self, died: bool) -> WriteGuard<'a, T, W> {
        // Nothing is changed before the readers are gone.
        let held = Held::new(died, Unwinding::HARMLESS);
        let guard = WriteGuard { words: self.words(), value: &self.lock.value, held };
        // Partner: the fence in `look`.
        fence(Ordering::SeqCst);
        guard
    }
}

impl<'a, T, W: Wait> By<'a, RwLockView<T, W>> {
    fn read(self) -> LockResult<ReadGuard<'a, T, W>> {
        loop {
            if let Ok(taken) = self.words().bell.wait_until(None, || self.look()) {
                return taken;
            }
        }
    }

    fn read_deadline(self, deadline: Option<W::Deadline>) -> TryLockResult<ReadGuard<'a, T, W>> {
        Ok(self.words().bell.wait_until(deadline, || self.look())??)
    }

    fn write(self) -> LockResult<WriteGuard<'a, T, W>> {
        loop {
            if let Ok(taken) = self.write_until(None) {
                return taken;
            }
        }
    }

    fn write_deadline(self, deadline: Option<W::Deadline>) -> TryLockResult<WriteGuard<'a, T, W>> {
        Ok(self.write_until(deadline)??)
    }

    fn write_until(
        self,
        deadline: Option<W::Deadline>,
    ) -> Result<LockResult<WriteGuard<'a, T, W>>, TimedOut> {
        let before = self.words().writer.unwinding();
        let died = self.words().writer.acquire(self.me, deadline)?;
        let guard = self.keep_readers_out(died);
        self.words().bell.wait_until(deadline, || are_gone(&self.lock.slots))?;
        Ok(guard.ready(died, before))
    }
}

impl<'a, T, W: Register> By<'a, RwLockView<T, W>> {
    fn poll_read(self, cx: &mut Context<'_>) -> Poll<LockResult<ReadGuard<'a, T, W>>> {
        self.words().bell.poll_until(cx, || self.look())
    }

    fn read_async(self) -> impl Future<Output = LockResult<ReadGuard<'a, T, W>>> {
        poll_fn(move |cx| self.poll_read(cx))
    }

    fn write_async(self) -> impl Future<Output = LockResult<WriteGuard<'a, T, W>>> {
        // Once it has the word, what it does with that.
        let mut waits = None;
        poll_fn(move |cx| {
            let (guard, died, before) = match waits.take() {
                Some(waits) => waits,
                None => {
                    let before = self.words().writer.unwinding();
                    let Poll::Ready(died) = self.words().writer.poll_acquire(self.me, cx) else {
                        return Poll::Pending;
                    };
                    (self.keep_readers_out(died), died, before)
                }
            };
            match self.words().bell.poll_until(cx, || are_gone(&self.lock.slots)) {
                Poll::Ready(()) => Poll::Ready(guard.ready(died, before)),
                Poll::Pending => {
                    waits = Some((guard, died, before));
                    Poll::Pending
                }
            }
        })
    }
}
