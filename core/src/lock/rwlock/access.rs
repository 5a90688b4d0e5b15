//! The operations of a lock for readers and writers, whatever tells where its fields lie.

use super::guard::{ReadGuard, WriteGuard};
use super::words::{EMPTY, Words, no_readers};
use crate::lock::died::{LockError, LockResult, TryLockResult, lock_result};
use crate::lock::turn::Turn;
use crate::lock::word::{self, Held, Unwinding, ValueRef};
use crate::participant::Participant;
use crate::sync::{AtomicU32, Cell, Ordering, fence, worth_a_try};
use crate::wait::{Register, TimedOut, Wait, Wake};
use core::future::poll_fn;
use core::task::{Context, Poll};

/// A lock, by its fields, and the participant that uses it.
#[derive(Debug)]
pub(super) struct Access<'a, T, W: Wake> {
    pub(super) words: &'a Words<W>,
    pub(super) value: &'a Cell<T>,
    pub(super) slots: &'a [AtomicU32],
    pub(super) me: Participant,
}

impl<T, W: Wake> Clone for Access<'_, T, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, W: Wake> Copy for Access<'_, T, W> {}

// SAFETY: it stands for a shared reference to the lock, which is `Sync` under the same conditions.
unsafe impl<T: Send + Sync, W: Wake + Sync> Send for Access<'_, T, W> {}

// SAFETY: it stands for a shared reference to the lock, which is `Sync` under the same conditions.
unsafe impl<T: Send + Sync, W: Wake + Sync> Sync for Access<'_, T, W> {}

impl<'a, T, W: Wake> Access<'a, T, W> {
    pub(super) fn try_read(self) -> TryLockResult<ReadGuard<'a, T, W>> {
        Ok(self.attempt_read().ok_or_else(LockError::would_block)??)
    }

    /// Tries once to read; the guard, if nobody writes and a slot is free.
    fn attempt_read(self) -> Option<LockResult<ReadGuard<'a, T, W>>> {
        let words = self.words;
        words.writer.died_if_free()?;
        let slot = self.take_slot()?;
        // SYNC POINT with the fence in `keep_readers_out`. If this fence is first, the writer sees
        // the slot taken. If the writer's fence is first, the check below sees the writer.
        fence(Ordering::SeqCst);
        match words.writer.died_if_free() {
            Some(died) => {
                let value = ValueRef::new(self.value);
                Some(lock_result(ReadGuard { words, slot, value }, died))
            }
            None => {
                words.give_back(slot);
                None
            }
        }
    }

    fn take_slot(self) -> Option<&'a AtomicU32> {
        let name = word::name(self.me);
        self.slots.iter().find(|slot| {
            // Relaxed, both: the acquire load of the writer's word orders what the reader sees.
            worth_a_try(|| slot.load(Ordering::Relaxed) == EMPTY)
                && slot.compare_exchange(EMPTY, name, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        })
    }

    pub(super) fn try_write(self) -> TryLockResult<WriteGuard<'a, T, W>> {
        let before = self.words.writer.unwinding();
        let died = self.words.writer.try_acquire(self.me).ok_or_else(LockError::would_block)?;
        let guard = self.keep_readers_out(died);
        no_readers(self.slots).ok_or_else(LockError::would_block)?;
        Ok(guard.ready(died, before)?)
    }

    /// Keeps new readers out, with the word taken: returns a guard that has changed nothing and
    /// releases the word when it is dropped.
    fn keep_readers_out(self, died: bool) -> WriteGuard<'a, T, W> {
        // This writer changes nothing before the readers have left.
        let held = Held::new(died, Unwinding::HARMLESS);
        let guard = WriteGuard { words: self.words, value: self.value, held };
        // SYNC POINT with the fence in `attempt_read`: either the reader sees the word taken, or
        // this writer sees the reader's slot taken.
        fence(Ordering::SeqCst);
        guard
    }
}

impl<'a, T, W: Wait> Access<'a, T, W> {
    pub(super) fn read(self) -> LockResult<ReadGuard<'a, T, W>> {
        loop {
            if let Ok(taken) = self.words.bell.wait_until(None, || self.attempt_read()) {
                return taken;
            }
        }
    }

    pub(super) fn read_deadline(
        self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<ReadGuard<'a, T, W>> {
        Ok(self.words.bell.wait_until(deadline, || self.attempt_read())??)
    }

    pub(super) fn write(self) -> LockResult<WriteGuard<'a, T, W>> {
        loop {
            if let Ok(taken) = self.write_until(None) {
                return taken;
            }
        }
    }

    pub(super) fn write_deadline(
        self,
        deadline: Option<W::Deadline>,
    ) -> TryLockResult<WriteGuard<'a, T, W>> {
        Ok(self.write_until(deadline)??)
    }

    fn write_until(
        self,
        deadline: Option<W::Deadline>,
    ) -> Result<LockResult<WriteGuard<'a, T, W>>, TimedOut> {
        let before = self.words.writer.unwinding();
        let died = self.words.writer.acquire(self.me, deadline)?;
        let guard = self.keep_readers_out(died);
        self.words.bell.wait_until(deadline, || no_readers(self.slots))?;
        Ok(guard.ready(died, before))
    }
}

impl<'a, T, W: Register> Access<'a, T, W> {
    pub(super) fn poll_read(self, cx: &mut Context<'_>) -> Poll<LockResult<ReadGuard<'a, T, W>>> {
        self.words.bell.poll_until(cx, || self.attempt_read())
    }

    pub(super) fn read_async(self) -> impl Future<Output = LockResult<ReadGuard<'a, T, W>>> {
        poll_fn(move |cx| self.poll_read(cx))
    }

    pub(super) fn write_async(self) -> impl Future<Output = LockResult<WriteGuard<'a, T, W>>> {
        // Set once this writer has the word.
        let mut waits = None;
        let mut turn = Turn::new(move || self.words.writer.pass_on());
        poll_fn(move |cx| {
            let (guard, died, before) = match waits.take() {
                Some(waits) => waits,
                None => {
                    let before = self.words.writer.unwinding();
                    let taken = self.words.writer.poll_acquire(self.me, turn.waits(), cx);
                    let Poll::Ready(died) = turn.kept(taken) else { return Poll::Pending };
                    (self.keep_readers_out(died), died, before)
                }
            };
            match self.words.bell.poll_until(cx, || no_readers(self.slots)) {
                Poll::Ready(()) => Poll::Ready(guard.ready(died, before)),
                Poll::Pending => {
                    waits = Some((guard, died, before));
                    Poll::Pending
                }
            }
        })
    }
}
