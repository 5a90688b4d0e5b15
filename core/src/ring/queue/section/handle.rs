//! The operations as a participant's handle does them. A small value is moved inside of a section,
//! a larger one between two.

use super::super::handle::{Claim, Handle};
use super::super::outcome::{NoMore, NoSlot, Refused};
use super::{Claimed, Taken, is_moved_inside};
use crate::ring::PushError;
use crate::wait::Wake;
use core::mem::ManuallyDrop;

/// For values without a type here: they have no short cut.
#[cfg(not(loom))]
impl<W: Wake> Handle<'_, (), W> {
    pub(in crate::ring::queue) fn try_push_by(
        self,
        _fill: impl FnOnce(usize),
    ) -> Option<Result<(), PushError<()>>> {
        None
    }

    pub(in crate::ring::queue) fn try_pop_by(self, _read: impl FnOnce(usize)) -> bool {
        false
    }
}

impl<T, W: Wake> Handle<'_, T, W> {
    #[inline(always)]
    pub(in crate::ring::queue) fn push_now(self, value: T) -> Result<(), PushError<T>> {
        if !is_moved_inside::<T>() {
            return match self.reserve_now() {
                Ok(loan) => loan.write(value),
                Err(why) => Err(why.with(value)),
            };
        }
        let value = ManuallyDrop::new(value);
        let pushed = self.shared().push(|slot| {
            self.queue.touch_write(slot);
            // SAFETY: the slot was free, and the section keeps everybody else out. If the push
            // succeeds, nobody uses the value in `value` any more.
            unsafe { self.queue.value(slot).copy_from_nonoverlapping(&raw const *value, 1) };
        });
        pushed.map_err(|why| why.with(ManuallyDrop::into_inner(value)))
    }

    #[inline(always)]
    pub(in crate::ring::queue) fn pop_now(self) -> Option<T> {
        if !is_moved_inside::<T>() {
            return self.claim_now().ok()?.map(Claim::take);
        }
        self.shared().pop(|slot| {
            self.queue.touch_read(slot);
            // SAFETY: the slot was in line, so its value is initialized. Nobody reads it again: the
            // slot is free when the section ends, which keeps everybody else out.
            unsafe { self.queue.value(slot).read() }
        })
    }

    /// Takes a slot to be filled in place.
    #[inline(always)]
    pub(in crate::ring::queue) fn take(self) -> Result<Taken, NoSlot> {
        self.shared().take(self.me)
    }

    /// Claims the oldest message, if there is one; an error when none will come.
    #[inline(always)]
    pub(in crate::ring::queue) fn claim_one(self) -> Result<Option<Claimed>, NoMore> {
        self.shared().claim(self.me)
    }

    /// Sends the message in a slot that this participant took.
    #[inline(always)]
    pub(in crate::ring::queue) fn commit(self, taken: Taken) -> Result<(), Refused> {
        self.shared().commit(taken)
    }
}
