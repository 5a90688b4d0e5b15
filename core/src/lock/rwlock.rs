//! One writer, or several readers.

use super::word::{self, Before, HOLDER, Held, Unwinding, Word};
use super::{Handle, LockError, LockResult, Robust, TryLockResult, sealed, told};
use crate::finally::Finally;
use crate::participant::Participant;
use crate::plain::Plain;
use crate::sync::{AtomicU32, Cell, Ordering, array_of, const_unless_loom, fence, worth_a_try};
use crate::wait::{Doorbell, Spin, TimedOut, Wait, Wake};
use core::fmt;
use core::ops::{Deref, DerefMut};
#[cfg(not(loom))]
use core::ptr::NonNull;

/// A value that one writer can change, or up to `R` readers look at, at a time.
///
/// A reader takes one of `R` slots, under its name; a writer takes the word, under its own, and waits until all slots are
/// empty. If a writer dies, the next ones, reader or writer, are told, until a writer repairs; if a reader dies, its slot
/// is free again.
///
/// *Fairness*: a writer that has the word keeps new readers out, so that readers never starve writers. Writers among
/// themselves are as fair as a [`Mutex`](super::Mutex)'s users; where there is always another writer, readers starve. One
/// that reads and wants to read once more can wait for a writer that waits for it: do not.
///
/// Memory: the value behind 4 bytes a slot and 12 bytes; on hosts, to a multiple of 8.
///
/// ```
/// use ringway_core::lock::RwLock;
/// use ringway_core::wait::Spin;
/// static LIMITS: RwLock<[u32; 2], 8> = RwLock::new([0, 9], Spin);
/// LIMITS.write().unwrap()[1] = 10;
/// let one = LIMITS.read().unwrap();
/// let two = LIMITS.read().unwrap();
/// assert_eq!((one[1], two[1]), (10, 10));
/// assert!(LIMITS.try_write().is_err());
/// # drop((one, two));
/// ```
#[doc(alias = "pthread_rwlock_t")]
#[repr(C)]
pub struct RwLock<T, const R: usize, W: Wake = Spin> {
    writer: Before<Word<W>>,
    readers: Before<Readers<R, W>>,
    value: Cell<T>,
}

#[derive(Debug)]
#[repr(C)]
struct Readers<const R: usize, W: Wake> {
    bell: Doorbell<W>,
    /// Each: 0, or its reader's name.
    slots: [AtomicU32; R],
}

const EMPTY: u32 = 0;

// SAFETY: the value is reached by one writer or several readers, of any thread, so that it takes `T: Send + Sync`. `W` is
// shared as it is.
unsafe impl<T: Send + Sync, const R: usize, W: Wake + Sync> Sync for RwLock<T, R, W> {}

// SAFETY: the lock owns its value, and nothing borrows it when it moves.
unsafe impl<T: Send, const R: usize, W: Wake + Send> Send for RwLock<T, R, W> {}

impl<const R: usize, W: Wait> Readers<R, W> {
    /// Whether there are none. For a writer that has the word.
    fn are_gone(&self) -> bool {
        // SYNC POINT B, acquire: with the release of the one that leaves. It is done with the value.
        self.slots.iter().all(|slot| slot.load(Ordering::Acquire) == EMPTY)
    }

    fn take_slot(&self, me: Participant) -> Option<&AtomicU32> {
        self.slots.iter().find(|slot| {
            // Relaxed, both: the writer's word orders what the reader sees.
            worth_a_try(|| slot.load(Ordering::Relaxed) == EMPTY)
                && slot
                    .compare_exchange(EMPTY, word::name(me), Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
        })
    }

    fn leave(&self, slot: &AtomicU32) {
        // SYNC POINT B, release: with the acquire in `are_gone`.
        slot.store(EMPTY, Ordering::Release);
        self.bell.ring();
    }
}

impl<T, const R: usize, W: Wake> RwLock<T, R, W> {
    /// Refuses what cannot work when the program is compiled.
    pub(crate) const VALID: () = {
        assert!(R > 0, "a lock for readers needs a slot for one");
    };

    const_unless_loom! {
        /// A free lock, on which one sleeps as `how` says.
        ///
        /// ```compile_fail
        /// use ringway_core::{lock::RwLock, wait::Spin};
        /// static NO_READERS: RwLock<u32, 0> = RwLock::new(0, Spin);
        /// ```
        pub fn new(value: T, how: W) -> Self
        where
            W: Copy,
        {
            RwLock::with_ways(value, how, how)
        }
    }

    const_unless_loom! {
        /// [`new`](Self::new) for a way of sleeping that is more than a name: those that wait for a writer to go sleep on
        /// `for_writer`, if it is to write, and the others on `for_all`.
        ///
        /// ```
        /// use ringway_core::{lock::RwLock, wait::Spin};
        /// let lock = RwLock::<_, 2, _>::with_ways(5, Spin, Spin);
        /// assert_eq!(*lock.read().unwrap(), 5);
        /// ```
        pub fn with_ways(value: T, for_writer: W, for_all: W) -> Self {
            const { Self::VALID };
            RwLock {
                writer: Before(Word::new(for_writer)),
                readers: Before(Readers {
                    bell: Doorbell::with(for_all),
                    slots: array_of!(AtomicU32::new(EMPTY); R),
                }),
                value: Cell::new(value),
            }
        }
    }

    /// Who writes, or waits for readers to go in order to write, if somebody does: at this moment, which is past when
    /// this returns.
    pub fn writer(&self) -> Option<Participant> {
        self.writer.0.holder()
    }

    /// How many read, more or less.
    pub fn readers(&self) -> usize {
        // Relaxed: a guess by nature.
        self.readers.0.slots.iter().filter(|slot| slot.load(Ordering::Relaxed) != EMPTY).count()
    }
}

impl<T, const R: usize, W: Wake> fmt::Debug for RwLock<T, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock")
            .field("writer", &self.writer())
            .field("readers", &self.readers())
            .finish_non_exhaustive()
    }
}

impl<T: Default, const R: usize, W: Wake + Default + Copy> Default for RwLock<T, R, W> {
    fn default() -> Self {
        RwLock::new(T::default(), W::default())
    }
}

impl<T, const R: usize, W: Wait> RwLock<T, R, W> {
    /// The lock as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, RwLock<T, R, W>> {
        Handle::new(self, participant)
    }

    /// Takes it to read, if nobody writes or waits to, and a slot is free. Never waits.
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it cannot be taken now.
    pub fn try_read(&self) -> TryLockResult<ReadGuard<'_, T, R, W>> {
        self.handle(Participant::LOCAL).try_read()
    }

    /// Takes it to read; waits until nobody writes or waits to, and a slot is free.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with it.
    pub fn read(&self) -> LockResult<ReadGuard<'_, T, R, W>> {
        self.handle(Participant::LOCAL).read()
    }

    /// Takes it to read; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it could not be taken in time.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::lock::{LockError, RwLock};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let lock = RwLock::<_, 2, _>::new(5, SpinClock::<Hundred>::new());
    /// let writer = lock.write();
    /// let late = lock.read_deadline(Some(50));
    /// assert!(matches!(late, Err(LockError::NotTaken(Error::TimedOut))));
    /// # drop(writer);
    /// ```
    pub fn read_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<ReadGuard<'_, T, R, W>> {
        self.handle(Participant::LOCAL).read_deadline(deadline)
    }

    /// Takes it to write, if nobody reads or writes. Never waits. One that tries to read at the same moment may be
    /// refused because of it.
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it cannot be taken now.
    pub fn try_write(&self) -> TryLockResult<WriteGuard<'_, T, R, W>> {
        self.handle(Participant::LOCAL).try_write()
    }

    /// Takes it to write; waits until nobody writes, then keeps readers out and waits until those that are there have
    /// gone.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with it.
    pub fn write(&self) -> LockResult<WriteGuard<'_, T, R, W>> {
        self.handle(Participant::LOCAL).write()
    }

    /// Takes it to write; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it could not be taken in time.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::lock::{LockError, RwLock};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let lock = RwLock::<_, 2, _>::new(5, SpinClock::<Hundred>::new());
    /// let reader = lock.read();
    /// let late = lock.write_deadline(Some(50));
    /// assert!(matches!(late, Err(LockError::NotTaken(Error::TimedOut))));
    /// assert!(lock.try_read().is_ok(), "the writer that gave up keeps nobody out");
    /// # drop(reader);
    /// ```
    pub fn write_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<WriteGuard<'_, T, R, W>> {
        self.handle(Participant::LOCAL).write_deadline(deadline)
    }

    /// If `dead` writes, the lock is free again, and the next ones are told; the slots in which it reads are empty. Wakes
    /// those that wait. Whether it held anything. One that died while it waited for readers to go counts as one that wrote.
    ///
    /// # Safety
    /// `dead` takes no further step with this lock: its process has ended (or its context was reset), and what it wrote
    /// is visible here, as it is once the operating system has reported its end.
    ///
    /// ```
    /// use ringway_core::{lock::RwLock, participant::Participant, wait::Spin};
    /// let lock = RwLock::<_, 2>::new(0, Spin);
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
    /// use ringway_core::{participant::Participant, lock::RwLock, wait::Spin};
    /// let lock = RwLock::<_, 2>::new(String::new(), Spin);
    /// // SAFETY: participant 1 does nothing any more.
    /// unsafe { lock.recover(Participant::new(1).unwrap()) };
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> bool
    where
        T: Plain,
    {
        let Readers { bell, slots } = &self.readers.0;
        // SAFETY: the caller's word.
        unsafe { recover(&self.writer.0, bell, slots, dead) }
    }
}

impl<W: Wait> RwLock<(), 1, W> {
    /// [`recover`](Self::recover) of a lock for so many `readers`, for one who knows how many they are, and what it protects,
    /// only now.
    ///
    /// # Safety
    /// As there; and there is a `RwLock<T, R, W>` at `at`, with `R == readers` and a [`Plain`]
    /// value.
    #[cfg(not(loom))]
    pub unsafe fn recover_at(at: NonNull<Self>, readers: usize, dead: Participant) -> bool {
        // SAFETY: by the caller's word: every one begins as one for 1 reader, whatever comes behind.
        let RwLock { writer, readers: Before(Readers { bell, .. }), .. } = unsafe { at.as_ref() };
        let offset =
            core::mem::offset_of!(Self, readers) + core::mem::offset_of!(Readers<1, W>, slots);
        // SAFETY: the slots come behind, as many as the caller says.
        let first = unsafe { at.byte_add(offset) };
        let slots = NonNull::slice_from_raw_parts(first.cast(), readers);
        // SAFETY: as above; they are atomics.
        let slots = unsafe { slots.as_ref() };
        // SAFETY: the caller's word.
        unsafe { recover(&writer.0, bell, slots, dead) }
    }
}

/// # Safety
/// As [`RwLock::recover`], the value's type being [`Plain`] among it.
unsafe fn recover<W: Wait>(
    writer: &Word<W>,
    bell: &Doorbell<W>,
    slots: &[AtomicU32],
    dead: Participant,
) -> bool {
    // SAFETY: the caller's word.
    let mut held = unsafe { writer.recover_unheard(dead) };
    for slot in slots {
        // Relaxed: the dead one's slot is as new as it left it, by the caller's word. SYNC POINT B, release: with the
        // acquire in `are_gone`. When it fails, another recovered it, or it is somebody else's.
        let name = word::name(dead);
        held |= slot.load(Ordering::Relaxed) & HOLDER == name
            && slot.compare_exchange(name, EMPTY, Ordering::Release, Ordering::Relaxed).is_ok();
    }
    let readers = Finally(|| bell.wake_all());
    writer.wake_all();
    drop(readers);
    held
}

impl<'a, T, const R: usize, W: Wait> Handle<'a, RwLock<T, R, W>> {
    /// [`RwLock::try_read`] by this participant.
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it cannot be taken now.
    pub fn try_read(self) -> TryLockResult<ReadGuard<'a, T, R, W>> {
        Ok(self.read_once().ok_or_else(LockError::would_block)??)
    }

    /// One attempt: the guard, if nobody writes and a slot is free.
    fn read_once(self) -> Option<LockResult<ReadGuard<'a, T, R, W>>> {
        let RwLock { writer, readers, .. } = self.lock;
        writer.0.look()?;
        let slot = readers.0.take_slot(self.me)?;
        // Partner: the fence in `write`. Either this one is first, and the writer sees the slot taken; or that one is, and
        // the look below sees the writer.
        fence(Ordering::SeqCst);
        match writer.0.look() {
            Some(died) => Some(told(ReadGuard { lock: self.lock, slot }, died)),
            None => {
                readers.0.leave(slot);
                None
            }
        }
    }

    /// [`RwLock::read`] by this participant.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with it.
    pub fn read(self) -> LockResult<ReadGuard<'a, T, R, W>> {
        loop {
            if let Ok(taken) = self.lock.readers.0.bell.wait_until(None, || self.read_once()) {
                return taken;
            }
        }
    }

    /// [`RwLock::read_deadline`] by this participant.
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it could not be taken in time.
    pub fn read_deadline(
        self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<ReadGuard<'a, T, R, W>> {
        Ok(self.lock.readers.0.bell.wait_until(deadline, || self.read_once())??)
    }

    /// [`RwLock::try_write`] by this participant.
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it cannot be taken now.
    pub fn try_write(self) -> TryLockResult<WriteGuard<'a, T, R, W>> {
        let before = self.lock.writer.0.unwinding();
        let died = self.lock.writer.0.try_acquire(self.me).ok_or_else(LockError::would_block)?;
        let gone = |readers: &Readers<R, W>| readers.are_gone().then_some(());
        Ok(self.keep_readers_out(died, before, gone).ok_or_else(LockError::would_block)??)
    }

    /// [`RwLock::write`] by this participant.
    ///
    /// # Errors
    /// [`OwnerDied`](super::OwnerDied), with the guard: a writer died with it.
    pub fn write(self) -> LockResult<WriteGuard<'a, T, R, W>> {
        loop {
            if let Ok(taken) = self.write_until(None) {
                return taken;
            }
        }
    }

    /// [`RwLock::write_deadline`] by this participant.
    ///
    /// # Errors
    /// [`LockError`]: a writer died with it, or it could not be taken in time.
    pub fn write_deadline(
        self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<WriteGuard<'a, T, R, W>> {
        Ok(self.write_until(deadline)??)
    }

    fn write_until(
        self,
        deadline: Option<W::Deadline>,
    ) -> Result<LockResult<WriteGuard<'a, T, R, W>>, TimedOut> {
        let before = self.lock.writer.0.unwinding();
        let died = self.lock.writer.0.acquire(self.me, deadline)?;
        let gone = |readers: &Readers<R, W>| {
            readers.bell.wait_until(deadline, || readers.are_gone().then_some(())).ok()
        };
        self.keep_readers_out(died, before, gone).ok_or(TimedOut)
    }

    /// With the word taken: the guard, when the readers are gone; if they do not go, the word is given back.
    fn keep_readers_out(
        self,
        died: bool,
        before: Unwinding,
        gone: impl FnOnce(&Readers<R, W>) -> Option<()>,
    ) -> Option<LockResult<WriteGuard<'a, T, R, W>>> {
        // Nothing is changed before the readers are gone.
        let held = Held::new(died, Unwinding::HARMLESS);
        let mut guard = WriteGuard { lock: self.lock, held };
        // Partner: the fence in `try_read`.
        fence(Ordering::SeqCst);
        gone(&self.lock.readers.0)?;
        guard.held = Held::new(died, before);
        Some(told(guard, died))
    }
}

/// The lock, held to read, and its value. Dropped, the slot is given back, also by a panic: a reader changed nothing.
#[must_use = "the lock is given back at once if this is dropped"]
pub struct ReadGuard<'a, T, const R: usize, W: Wait> {
    lock: &'a RwLock<T, R, W>,
    slot: &'a AtomicU32,
}

impl<T: fmt::Debug, const R: usize, W: Wait> fmt::Debug for ReadGuard<'_, T, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, const R: usize, W: Wait> Deref for ReadGuard<'_, T, R, W> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: with the slot taken no writer reaches the value, and this guard is borrowed for as long.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T, const R: usize, W: Wait> Drop for ReadGuard<'_, T, R, W> {
    fn drop(&mut self) {
        self.lock.readers.0.leave(self.slot);
    }
}

/// The lock, held to write, and its value. Dropped, it is given back; dropped by a panic, the next ones are
/// [told](super#panics).
#[must_use = "the lock is given back at once if this is dropped"]
pub struct WriteGuard<'a, T, const R: usize, W: Wait> {
    lock: &'a RwLock<T, R, W>,
    held: Held,
}

impl<T, const R: usize, W: Wait> sealed::Sealed for WriteGuard<'_, T, R, W> {}

impl<T, const R: usize, W: Wait> Robust for WriteGuard<'_, T, R, W> {
    fn make_consistent(&mut self) {
        self.held = Held::new(false, self.lock.writer.0.unwinding());
        self.lock.writer.0.make_consistent();
    }
}

impl<T: fmt::Debug, const R: usize, W: Wait> fmt::Debug for WriteGuard<'_, T, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T, const R: usize, W: Wait> Deref for WriteGuard<'_, T, R, W> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard has the word, and the slots were empty and stay so, so that nobody else reaches the value; it
        // is borrowed for as long.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T, const R: usize, W: Wait> DerefMut for WriteGuard<'_, T, R, W> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and it is borrowed mutably.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T, const R: usize, W: Wait> Drop for WriteGuard<'_, T, R, W> {
    fn drop(&mut self) {
        // Also when the next writer's waker panics.
        let _readers = Finally(|| self.lock.readers.0.bell.ring());
        self.lock.writer.0.release_held(self.held);
    }
}
