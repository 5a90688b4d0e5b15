//! A lock for readers and writers whose value is bytes of a stated size and alignment.

use super::access::Access;
use super::guard::{ReadGuard, WriteGuard};
use super::words::Words;
use crate::lock::died::TryLockResult;
use crate::lock::word::Before;
use crate::participant::Participant;
use crate::storage;
use crate::sync::{AtomicU32, Cell};
use crate::wait::{Spin, Wait, Wake};
use core::alloc::Layout;
use core::ptr::NonNull;

/// An [`RwLock`](super::RwLock) whose value is bytes, of a size and alignment known at run time.
///
/// A program in another language uses it. The typed and the raw lock mean the same memory.
///
/// Its guards lend nothing: the holder of a guard uses the bytes at [`value`](Self::value). The
/// lock acts for [`Participant::LOCAL`], or for the participant of [`handle`](Self::handle).
///
/// ```
/// use ringway_core::lock::{RawRwLock, RwLock};
/// use std::{alloc::Layout, ptr::NonNull};
/// let total: RwLock<u64, 4> = RwLock::new(5);
/// let item = Layout::from_size_align(8, 8)?; // of a configuration
/// // SAFETY: there is a lock for four readers with such a value.
/// let raw = unsafe { RawRwLock::at(NonNull::from(&total).cast(), 4, item) }.unwrap();
/// # let _: &RawRwLock<'_, ringway_core::wait::Spin> = &raw;
/// let writing = raw.try_write().map_err(ringway_core::Error::from)?;
/// assert!(total.try_read().is_err());
/// // SAFETY: the value is a `u64`, and this has the lock to write.
/// unsafe { *raw.value().cast::<u64>().as_ptr() += 1 };
/// drop(writing);
/// assert_eq!(*total.read().unwrap(), 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawRwLock<'a, W: Wake = Spin> {
    lock: Access<'a, (), W>,
    value: NonNull<u8>,
}

impl<W: Wake> Clone for RawRwLock<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Wake> Copy for RawRwLock<'_, W> {}

// SAFETY: this does not access the value, and only tells where it lies. `W: Sync` lets all threads
// use the words.
unsafe impl<W: Wake + Sync> Send for RawRwLock<'_, W> {}

// SAFETY: this does not access the value, and only tells where it lies. `W: Sync` lets all threads
// use the words.
unsafe impl<W: Wake + Sync> Sync for RawRwLock<'_, W> {}

/// The layout of the words and a value of the layout `value`, and the value's offset.
fn with_value<W: Wake>(value: Layout) -> Option<(Layout, usize)> {
    Layout::new::<Before<Words<W>>>().extend(value).ok()
}

/// The layout of what precedes the slots: the words, and a value of the layout `value`.
pub(super) fn before_slots<W: Wake>(value: Layout) -> Option<Layout> {
    with_value::<W>(value).map(|(before, _)| before)
}

impl<'a, W: Wake> RawRwLock<'a, W> {
    /// The memory that a lock for `readers` readers takes whose value has the layout `value`.
    ///
    /// `None` when there is no such lock. Zeroed memory of this layout, in which zeroed bytes are a
    /// value, is a free lock.
    pub fn layout(readers: usize, value: Layout) -> Option<Layout> {
        storage::layout::<AtomicU32>(before_slots::<W>(value.pad_to_align())?, readers)
    }

    /// The lock for `readers` readers at `at`, whose value has the layout `value`.
    ///
    /// `None` when there is no such lock.
    ///
    /// # Safety
    /// For `'a`, there is such a lock at `at`. Its value is [`Plain`](crate::plain::Plain), and may
    /// be used by any thread.
    pub unsafe fn at(at: NonNull<u8>, readers: usize, value: Layout) -> Option<Self> {
        Self::layout(readers, value)?;
        // SAFETY: the caller guarantees such a lock for `'a`. The size of a type is a multiple of
        // its alignment.
        unsafe { Self::exactly_at(at, readers, value.pad_to_align()) }
    }

    /// The offset of the slots, in bytes, behind a value of the layout `value`.
    pub(crate) fn offset_of_slots(value: Layout) -> Option<usize> {
        let slot = Layout::new::<AtomicU32>();
        before_slots::<W>(value)?.extend(slot).ok().map(|(_, offset)| offset)
    }

    /// [`at`](Self::at) for a value whose size need not be a multiple of its alignment: directories
    /// of regions state an alignment of at least 8.
    ///
    /// # Safety
    /// As [`at`](Self::at), and the size is that of the value's type.
    pub(crate) unsafe fn exactly_at(
        at: NonNull<u8>,
        readers: usize,
        value: Layout,
    ) -> Option<Self> {
        let (_, begin) = with_value::<W>(value)?;
        let slots = Self::offset_of_slots(value)?;
        // SAFETY: the caller guarantees that a lock lies at `at` for `'a`; it begins with its
        // words, which are atomics.
        let words: &'a Before<Words<W>> = unsafe { at.cast().as_ref() };
        // SAFETY: the value lies at this offset, within the lock that the caller guarantees.
        let value = unsafe { at.add(begin) };
        // SAFETY: the slots lie behind the value, at this offset, within the lock that the caller
        // guarantees.
        let slots = NonNull::slice_from_raw_parts(unsafe { at.add(slots) }.cast(), readers);
        // SAFETY: the caller guarantees that the lock has `readers` slots for `'a`, which are
        // atomics.
        let slots: &'a [AtomicU32] = unsafe { slots.as_ref() };
        // SAFETY: a value without bytes lies anywhere.
        let nothing: &'a Cell<()> = unsafe { NonNull::dangling().as_ref() };
        let me = Participant::LOCAL;
        Some(RawRwLock { lock: Access { words: &words.0, value: nothing, slots, me }, value })
    }

    /// The lock as `participant` uses it.
    pub fn handle(self, participant: Participant) -> Self {
        RawRwLock { lock: Access { me: participant, ..self.lock }, ..self }
    }

    /// Where the value lies.
    ///
    /// The holder of a [`WriteGuard`] may change it; the holder of a [`ReadGuard`] may read it.
    pub fn value(&self) -> NonNull<u8> {
        self.value
    }

    /// Takes the lock to read, if nobody writes or waits to write, and a slot is free. Never waits.
    ///
    /// # Errors
    /// [`LockError`](crate::lock::LockError): a writer died with the lock, or it cannot be taken
    /// now.
    pub fn try_read(&self) -> TryLockResult<ReadGuard<'a, (), W>> {
        self.lock.try_read()
    }

    /// Takes the lock to write, if nobody reads or writes. Never waits.
    ///
    /// # Errors
    /// [`LockError`](crate::lock::LockError): a writer died with the lock, or it cannot be taken
    /// now.
    pub fn try_write(&self) -> TryLockResult<WriteGuard<'a, (), W>> {
        self.lock.try_write()
    }

    /// Releases what `dead` holds of the lock; returns whether it held anything. See
    /// [`RwLockInner::recover`](super::RwLockInner::recover).
    ///
    /// # Safety
    /// `dead` takes no further step with this lock: its process has ended (or its context was
    /// reset), and what it wrote is visible here.
    pub unsafe fn recover(&self, dead: Participant) -> bool {
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here. The value is plain, as the maker of this guaranteed.
        unsafe { self.lock.words.recover(self.lock.slots, dead) }
    }
}

impl<'a, W: Wait> RawRwLock<'a, W> {
    /// Takes the lock to read; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`](crate::lock::LockError): a writer died with the lock, or it could not be taken
    /// in time.
    pub fn read_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<ReadGuard<'a, (), W>> {
        self.lock.read_deadline(deadline)
    }

    /// Takes the lock to write; waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`LockError`](crate::lock::LockError): a writer died with the lock, or it could not be taken
    /// in time.
    pub fn write_deadline(
        &self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<WriteGuard<'a, (), W>> {
        self.lock.write_deadline(deadline)
    }
}
