//! The steps as a participant's handle takes them: each once where it most likely succeeds, and the
//! rest in functions of their own.

use super::super::handle::{Claim, Handle, Loan};
use super::super::outcome::{NoMore, NoSlot, Refused};
use super::super::view::QueueView;
use super::shared::Contended;
use super::steps::ClaimResult;
use super::word::Position;
use super::{Claimed, Taken};
use crate::participant::Participant;
use crate::ring::PushError;
use crate::sync::Cached;
use crate::wait::Wake;
use core::mem::ManuallyDrop;

/// For values without a type here: the words are those of a queue without bytes.
#[cfg(not(loom))]
impl<'q, W: Wake> Handle<'q, (), W> {
    /// As `push_now`, of what `fill` puts into the slot of this number. `None` if the first step
    /// does not succeed at once: then it has done nothing.
    #[inline(always)]
    pub(in crate::ring::queue) fn try_push_by(
        self,
        fill: impl FnOnce(usize),
    ) -> Option<Result<(), PushError<()>>> {
        let shared = self.shared();
        if !Cached::ENABLED || shared.is_closed_for_producers() {
            return None;
        }
        let (Handle { queue, me }, from) = (self, shared.tail_hint());
        let place = shared.place(from).filter(|place| shared.try_take(me, *place))?;
        fill(place.index);
        let committed = shared.try_commit(place.slot(), me, place);
        Some(committed.or_else(|lost| Self::push_behind(queue, me, lost, place.index, from)))
    }

    /// As `pop_now`, of what `read` reads from the slot of this number. False if the first step
    /// does not succeed at once, or there is nothing: then it has done nothing.
    #[inline(always)]
    pub(in crate::ring::queue) fn try_pop_by(self, read: impl FnOnce(usize)) -> bool {
        let shared = self.shared();
        if !Cached::ENABLED {
            return false;
        }
        let Ok(ClaimResult::Claimed(slot, position)) =
            shared.try_claim(self.me, shared.head_hint())
        else {
            return false;
        };
        read(slot);
        shared.complete(Claimed { slot, position });
        true
    }
}

impl<'q, T, W: Wake> Handle<'q, T, W> {
    // The public methods are inlined into those of a `Queue`, where the capacity is a constant.

    #[inline(always)]
    pub(in crate::ring::queue) fn push_now(self, value: T) -> Result<(), PushError<T>> {
        if !Cached::ENABLED {
            return self.push_again(value);
        }
        let shared = self.shared();
        if shared.is_closed_for_producers() {
            return Err(PushError::Closed(value));
        }
        let (Handle { queue, me }, from) = (self, shared.tail_hint());
        let place = match shared.place(from) {
            Some(place) if shared.try_take(me, place) => place,
            _ => return Self::push_from(queue, me, value, from),
        };
        queue.touch_write(place.index);
        // SAFETY: `try_take` put `me` and `Writing` into the owner word of this slot. So nobody
        // else touches the slot until its message is in line or the slot is freed.
        unsafe { queue.value(place.index).write(value) };
        let committed = shared.try_commit(place.slot(), me, place);
        committed.or_else(|lost| Self::push_behind(queue, me, lost, place.index, from))
    }

    #[inline(always)]
    pub(in crate::ring::queue) fn pop_now(self) -> Option<T> {
        if !Cached::ENABLED {
            return self.claim_now().ok()?.map(Claim::take);
        }
        let (shared, Handle { queue, me }) = (self.shared(), self);
        let from = shared.head_hint();
        match shared.try_claim(me, from) {
            Ok(ClaimResult::Claimed(slot, position)) => {
                let claimed = Claimed { slot, position };
                Some(Claim { handle: Handle { queue, me }, claimed }.take())
            }
            Ok(_) => None,
            Err(lost) => Self::pop_behind(queue, me, lost, from),
        }
    }

    #[inline(always)]
    fn push_again(self, value: T) -> Result<(), PushError<T>> {
        match self.reserve_now() {
            Ok(loan) => loan.write(value),
            Err(error) => Err(error.with(value)),
        }
    }

    // The rest of a push or a pop of which a step failed. These take the handle in parts: so the
    // parts stay in registers as long as no step fails.

    #[cold]
    #[inline(never)]
    fn push_from(
        queue: &'q QueueView<T, W>,
        me: Participant,
        value: T,
        from: Position,
    ) -> Result<(), PushError<T>> {
        match queue.shared().take(me, from) {
            Ok(taken) => Loan { handle: Handle { queue, me }, taken }.write(value),
            Err(error) => Err(error.with(value)),
        }
    }

    #[cold]
    #[inline(never)]
    fn push_behind(
        queue: &'q QueueView<T, W>,
        me: Participant,
        lost: Contended<'q>,
        slot: usize,
        from: Position,
    ) -> Result<(), PushError<T>> {
        let taken = Taken { slot, from };
        let loan = ManuallyDrop::new(Loan { handle: Handle { queue, me }, taken });
        let committed = loan.handle.same().commit_again(lost, slot, from);
        committed.map_err(|refused| ManuallyDrop::into_inner(loan).refused(refused))
    }

    #[cold]
    #[inline(never)]
    fn pop_behind(
        queue: &'q QueueView<T, W>,
        me: Participant,
        lost: Contended<'q>,
        from: Position,
    ) -> Option<T> {
        let handle = Handle { queue, me };
        match handle.same().claim_again(lost, from) {
            ClaimResult::Claimed(slot, position) => {
                Some(Claim { handle, claimed: Claimed { slot, position } }.take())
            }
            _ => None,
        }
    }

    // Each step is tried once where it is called. A function of its own does the rest when the step
    // fails, and takes the handle by value. So the handle costs no register as long as the step
    // succeeds. Without caches only an interrupt can win against this side, and the code's size
    // counts instead.

    /// Takes a slot to be filled in place.
    #[inline(always)]
    pub(in crate::ring::queue) fn take(self) -> Result<Taken, NoSlot> {
        let shared = self.shared();
        if shared.is_closed_for_producers() {
            return Err(NoSlot::Closed);
        }
        let from = shared.tail_hint();
        if !Cached::ENABLED {
            return shared.take(self.me, from);
        }
        match shared.place(from) {
            Some(place) if shared.try_take(self.me, place) => Ok(Taken { slot: place.index, from }),
            _ => self.take_again(from),
        }
    }

    #[cold]
    #[inline(never)]
    fn take_again(self, from: Position) -> Result<Taken, NoSlot> {
        self.shared().take(self.me, from)
    }

    /// Claims the oldest message, if there is one; an error when none will come.
    #[inline(always)]
    pub(in crate::ring::queue) fn claim_one(self) -> Result<Option<Claimed>, NoMore> {
        let (shared, from) = (self.shared(), self.shared().head_hint());
        let found = if Cached::ENABLED {
            shared.try_claim(self.me, from).unwrap_or_else(|lost| self.claim_again(lost, from))
        } else {
            shared.claim(self.me, from)
        };
        match found {
            ClaimResult::Claimed(slot, position) => Ok(Some(Claimed { slot, position })),
            ClaimResult::Empty => Ok(None),
            ClaimResult::Ended => Err(NoMore::Ended),
            ClaimResult::Corrupt => Err(NoMore::Corrupt),
        }
    }

    #[cold]
    #[inline(never)]
    fn claim_again(self, lost: Contended<'q>, from: Position) -> ClaimResult {
        let shared = self.shared();
        shared.claim(self.me, shared.head_after(lost, from))
    }

    /// Sends the message in a slot that this participant took.
    #[inline(always)]
    pub(in crate::ring::queue) fn commit(self, Taken { slot, from }: Taken) -> Result<(), Refused> {
        if !Cached::ENABLED {
            return self.shared().commit(slot, self.me, from);
        }
        let shared = self.shared();
        let committed = match (shared.slot(slot), shared.place(from)) {
            (Some(slot), Some(place)) => shared.try_commit(slot, self.me, place),
            _ => Err(Contended(None)),
        };
        committed.or_else(|lost| self.commit_again(lost, slot, from))
    }

    #[cold]
    #[inline(never)]
    fn commit_again(self, lost: Contended<'q>, slot: usize, from: Position) -> Result<(), Refused> {
        let shared = self.shared();
        shared.commit(slot, self.me, shared.tail_after(lost, from))
    }
}

#[cfg(loom)]
impl<T, W: Wake> QueueView<T, W> {
    /// Stores the tail's hint as a producer does that is very late after the first message.
    ///
    /// For the models only.
    #[doc(hidden)]
    pub fn store_late_tail_hint(&self) {
        let shared = self.shared();
        shared.store_hint(&shared.tail.position, Position::FIRST.next(self.capacity()));
    }
}
