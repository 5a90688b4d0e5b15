//! The queue as one participant uses it: slots lent out, and messages claimed, in place.

use super::outcome::{NoMore, NoSlot, Refused};
use super::protocol::{Claimed, Shared, Taken};
use super::view::{QueueView, QueueWords};
use crate::error::Error;
use crate::finally::Finally;
use crate::participant::Participant;
use crate::plain::Plain;
use crate::ring::PushError;
use crate::wait::Wake;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::{Deref, DerefMut};

/// A queue as one participant uses it.
///
/// All threads of the participant may use it at the same time.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::queue::Queue;
/// let queue: Queue<_, 4> = Queue::new();
/// let me = queue.handle(Participant::new(1).unwrap());
/// me.try_push("hello").unwrap();
/// assert_eq!(queue.try_pop(), Some("hello"));
/// ```
#[derive(Debug)]
pub struct Handle<'q, T, W: Wake> {
    pub(super) queue: &'q QueueView<T, W>,
    pub(super) me: Participant,
}

/// Lends what a participant sees of a queue, and its close, so that a handle is all that a
/// participant needs.
impl<T, W: Wake> Deref for Handle<'_, T, W> {
    type Target = QueueWords<T, W>;

    fn deref(&self) -> &QueueWords<T, W> {
        self.queue
    }
}

impl<'q, T, W: Wake> Handle<'q, T, W> {
    #[inline(always)]
    pub(super) fn new(queue: &'q QueueView<T, W>, me: Participant) -> Self {
        Handle { queue, me }
    }

    /// A copy of the handle. Private, because what a public handle lends must end with that handle.
    #[inline(always)]
    pub(super) fn same(&self) -> Self {
        Handle { ..*self }
    }

    #[inline(always)]
    pub(super) fn shared(&self) -> Shared<'q, W> {
        self.queue.shared()
    }

    /// Pushes one value as this participant: [`super::QueueView::try_push`].
    ///
    /// # Errors
    /// [`PushError::Full`] when every slot is held, [`PushError::Closed`] when the queue is closed,
    /// [`PushError::Corrupt`] when something else wrote into its memory. Each returns the value.
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        self.same().push_now(value)
    }

    /// Pops the oldest value as this participant, if there is one: [`super::QueueView::try_pop`].
    pub fn try_pop(&self) -> Option<T> {
        self.same().pop_now()
    }

    /// Pops the values that are in the queue now: [`super::QueueView::drain`].
    pub fn drain(&self) -> impl Iterator<Item = T> {
        (0..self.len()).map_while(|_| self.try_pop())
    }

    /// Takes a slot to be filled in place, as this participant: [`super::QueueView::try_reserve`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when every slot is held, [`Error::BrokenPipe`] when the queue is
    /// closed, [`Error::Corrupt`] when something else wrote into its memory.
    #[inline]
    pub fn try_reserve(&self) -> Result<Loan<'_, T, W>, Error> {
        Ok(self.same().reserve_now()?)
    }

    /// Takes a slot to be filled in place.
    #[inline(always)]
    pub(super) fn reserve_now(self) -> Result<Loan<'q, T, W>, NoSlot> {
        let taken = self.same().take()?;
        Ok(Loan { handle: self, taken })
    }

    /// Claims the oldest value as this participant, if there is one:
    /// [`super::QueueView::try_claim`].
    #[inline]
    pub fn try_claim(&self) -> Option<Claim<'_, T, W>> {
        self.same().claim_now().ok()?
    }

    /// Claims the oldest value; `None` when there is none now.
    ///
    /// # Errors
    /// [`NoMore`] when none will come.
    #[inline(always)]
    pub(super) fn claim_now(self) -> Result<Option<Claim<'q, T, W>>, NoMore> {
        let claimed = self.same().claim_one()?;
        Ok(claimed.map(|claimed| Claim { handle: self, claimed }))
    }

    fn value(&self, slot: usize) -> *mut T {
        // In bounds: every caller has a slot's number from a step that found the slot's word
        // under that number.
        self.queue.value(slot)
    }

    /// Puts right what `dead` held, and wakes everybody who sleeps.
    ///
    /// - A slot that it was filling is free again.
    /// - A message that it had claimed and not completed goes to the end of the queue, for another
    ///   consumer. If the message was claimed [often enough](super::QueueWords::set_max_attempts),
    ///   it is given up instead.
    /// - The participant is no [producer](Self::producer) any more.
    /// - Messages that it had committed stay in line.
    ///
    /// Returns how many slots it held, and one more if it was registered as a producer. Several
    /// processes may call this at once, and again after one of them died in the middle. The number
    /// is free for another [`Participant`] once all of these calls have returned.
    ///
    /// # Safety
    /// `dead` takes no more steps in this queue: its process has ended, or its context was reset.
    /// What it wrote is visible here. It is once the operating system has reported its end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::queue::Queue;
    /// let queue: Queue<_, 1> = Queue::new();
    /// let other = queue.handle(Participant::new(1).unwrap());
    /// other.try_push(7).unwrap();
    /// std::mem::forget(other.try_claim()); // it dies with the message in its hands
    ///
    /// assert_eq!(queue.try_pop(), None);
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { queue.handle(Participant::LOCAL).recover(Participant::new(1).unwrap()) }, 1);
    /// assert_eq!(queue.try_pop(), Some(7));
    /// ```
    ///
    /// There is no recovery of a value that owns something. The dead participant could have dropped
    /// it or copied it out already:
    /// ```compile_fail,E0277
    /// use ringway_core::{participant::Participant, ring::queue::Queue};
    /// let queue: Queue<String, 1> = Queue::new();
    /// // SAFETY: participant 1 does nothing any more.
    /// unsafe { queue.handle(Participant::LOCAL).recover(Participant::new(1).unwrap()) };
    /// ```
    pub unsafe fn recover(&self, dead: Participant) -> usize
    where
        T: Plain,
    {
        self.shared().recover(self.me, dead)
    }
}

/// A slot to be filled in place.
///
/// If the loan is dropped without a commit, the slot is free again and nothing was sent.
#[derive(Debug)]
#[must_use = "a loan that is dropped sends nothing"]
pub struct Loan<'q, T, W: Wake> {
    pub(super) handle: Handle<'q, T, W>,
    pub(super) taken: Taken,
}

// SAFETY: only this loan touches the slot until the commit, because the slot's word names its
// participant in `Writing`. `T: Send` lets another thread fill it.
unsafe impl<T: Send, W: Wake + Sync> Send for Loan<'_, T, W> {}

impl<T, W: Wake> Loan<'_, T, W> {
    /// Puts the value into the slot and sends it.
    ///
    /// # Errors
    /// [`PushError::Closed`] when the queue was closed meanwhile, [`PushError::Corrupt`] when
    /// something else wrote into its memory. Each returns the value.
    ///
    /// ```
    /// let queue: ringway_core::ring::queue::Queue<_, 2> = ringway_core::ring::queue::Queue::new();
    /// queue.try_reserve().unwrap().write(5).unwrap();
    /// assert_eq!(queue.try_pop(), Some(5));
    /// ```
    #[inline(always)]
    pub fn write(mut self, value: T) -> Result<(), PushError<T>> {
        self.as_uninit().write(value);
        // SAFETY: the line above filled the slot.
        unsafe { self.commit_or_back() }.map_err(|(back, refused)| back.refused(refused))
    }

    /// Takes the value back that was written and not sent.
    pub(super) fn refused(self, refused: Refused) -> PushError<T> {
        self.touch();
        // SAFETY: the slot's word says `Writing` or `Committing` and names this participant, and
        // the message is not in line. So nobody else touches the slot. The value was written before
        // the commit was tried. Nobody reads it again: the drop below frees the slot without a look
        // at it.
        let value = unsafe { self.handle.value(self.slot()).read() };
        drop(self);
        match refused {
            Refused::Closed => PushError::Closed(value),
            Refused::Corrupt => PushError::Corrupt(value),
        }
    }

    #[inline(always)]
    pub(super) fn slot(&self) -> usize {
        self.taken.slot()
    }

    fn touch(&self) {
        self.handle.queue.touch_write(self.slot());
    }

    /// Lends the slot, to be filled in place: part by part, by a DMA transfer, by a `read(2)`.
    pub fn as_uninit(&mut self) -> &mut MaybeUninit<T> {
        self.touch();
        // SAFETY: the slot's word says `Writing` (or `Committing`, not in line, after a commit
        // failed) and names this participant. So nobody else touches the slot. The loan is borrowed
        // exclusively.
        unsafe { &mut *self.handle.value(self.slot()).cast() }
    }

    /// Sends the value in the slot.
    ///
    /// # Errors
    /// Returns the loan when the queue was closed meanwhile, or its words are
    /// [corrupt](Error::Corrupt). Dropping the loan does not drop the value.
    ///
    /// # Safety
    /// The caller has initialized the slot through [`as_uninit`](Self::as_uninit).
    pub unsafe fn commit(self) -> Result<(), Self> {
        // SAFETY: the caller has initialized the slot.
        unsafe { self.commit_or_back() }.map_err(|(back, _)| back)
    }

    /// Sends the value in the slot; on failure returns the loan and the reason.
    ///
    /// # Safety
    /// The caller has initialized the slot through [`as_uninit`](Self::as_uninit).
    #[inline(always)]
    unsafe fn commit_or_back(self) -> Result<(), (Self, Refused)> {
        let this = ManuallyDrop::new(self);
        this.touch();
        this.handle
            .same()
            .commit(this.taken)
            .map_err(|refused| (ManuallyDrop::into_inner(this), refused))
    }
}

impl<T, W: Wake> Drop for Loan<'_, T, W> {
    fn drop(&mut self) {
        self.handle.shared().give_up(self.taken);
    }
}

/// The oldest value, claimed, to be used in place.
///
/// If the claim is dropped without a completion, or its participant dies, the value goes back into
/// the queue, behind those that are there. The next consumer does again what was done with it by
/// then: a claimed value is delivered *at least* once. [`attempts`](Self::attempts) tells how often
/// it was claimed. A queue can give a value up after some number of claims: see
/// [`QueueWords::set_max_attempts`](super::QueueWords::set_max_attempts).
///
/// A value that is popped is delivered *at most* once: a participant that dies after the pop has
/// taken the value with it.
///
/// ```
/// let queue: ringway_core::ring::queue::Queue<_, 2> = ringway_core::ring::queue::Queue::new();
/// queue.try_push("job").unwrap();
/// drop(queue.try_claim()); // could not do it
/// assert_eq!(queue.try_pop(), Some("job"));
/// ```
#[derive(Debug)]
#[must_use = "a claim that is dropped goes back into the queue"]
pub struct Claim<'q, T, W: Wake> {
    pub(super) handle: Handle<'q, T, W>,
    pub(super) claimed: Claimed,
}

// SAFETY: only this claim touches the value until it ends, because the slot's word names its
// participant in `Reading`. `T: Send` lets another thread use or drop the value.
unsafe impl<T: Send, W: Wake + Sync> Send for Claim<'_, T, W> {}

// SAFETY: a shared claim gives only shared access to the value, and `T: Sync` allows that.
unsafe impl<T: Send + Sync, W: Wake + Sync> Sync for Claim<'_, T, W> {}

impl<T, W: Wake> Claim<'_, T, W> {
    /// Completes the claim: drops the value in place, and frees its slot. The value was delivered.
    pub fn complete(self) {
        let this = ManuallyDrop::new(self);
        // Frees the slot also when the value's `drop` panics.
        let shared = this.handle.shared();
        let _free = Finally(|| shared.complete(this.claimed));
        this.touch();
        // SAFETY: the slot's word says `Reading` and names this participant, so nobody else touches
        // the value. It was committed, so it is initialized. The claim is gone, so nobody touches
        // the value again before the slot is free.
        unsafe { this.handle.value(this.slot()).drop_in_place() };
    }

    /// How many claims there were of this value, with this one.
    ///
    /// It is more than 1 when earlier claims ended without a completion: they were dropped, or
    /// their participant died. Always 1 on a microcontroller without caches, where attempts are not
    /// counted (see [`Queue`](super::Queue)).
    ///
    /// ```
    /// let queue: ringway_core::ring::queue::Queue<_, 2> = ringway_core::ring::queue::Queue::new();
    /// queue.try_push("job").unwrap();
    /// drop(queue.try_claim()); // could not do it
    /// let claim = queue.try_claim().unwrap();
    /// assert_eq!(claim.attempts(), 2);
    /// claim.complete();
    /// ```
    pub fn attempts(&self) -> u32 {
        u32::from(self.handle.shared().ended_claims(self.claimed)) + 1
    }

    /// Completes the claim: moves the value out, and frees its slot. The value was delivered.
    #[inline(always)]
    pub fn take(self) -> T {
        let this = ManuallyDrop::new(self);
        this.touch();
        // SAFETY: the slot's word says `Reading` and names this participant, so nobody else touches
        // the value. It was committed, so it is initialized. The claim is gone, so nobody touches
        // the value again before the slot is free.
        let value = unsafe { this.handle.value(this.slot()).read() };
        this.handle.shared().complete(this.claimed);
        value
    }

    /// The value's position in the order of the queue.
    ///
    /// The positions of two claims tell which value was sent first, until the numbers come around
    /// after 2^47 messages or more; after 2^32 on a target without 64-bit compare-and-swap.
    pub fn position(&self) -> u64 {
        self.claimed.position(self.handle.queue.capacity())
    }

    #[inline(always)]
    pub(super) fn slot(&self) -> usize {
        self.claimed.slot()
    }

    /// Tells loom that the value is being read.
    fn touch(&self) {
        self.handle.queue.touch_read(self.slot());
    }
}

impl<T, W: Wake> Deref for Claim<'_, T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        self.touch();
        // SAFETY: the slot's word says `Reading` and names this participant, so nobody else writes
        // the value. It was committed, so it is initialized. The load of its entry made it visible
        // here.
        unsafe { &*self.handle.value(self.slot()) }
    }
}

impl<T, W: Wake> DerefMut for Claim<'_, T, W> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the slot's word says `Reading` and names this participant, so nobody else touches
        // the value. It was committed, so it is initialized. The claim is borrowed exclusively.
        unsafe { &mut *self.handle.value(self.slot()) }
    }
}

impl<T, W: Wake> Drop for Claim<'_, T, W> {
    fn drop(&mut self) {
        self.touch();
        let shared = self.handle.shared();
        if shared.give_back(self.claimed, self.handle.me) {
            return;
        }
        // The value is given up. Frees the slot also when the value's `drop` panics.
        let _free = Finally(|| shared.free_refused(self.claimed));
        // SAFETY: the slot's word still says `Reading` and names this participant, because
        // `give_back` returned false. So nobody else touches the value. It was committed, so it is
        // initialized. The claim ends here, so nobody touches the value again before the slot is
        // free.
        unsafe { self.handle.value(self.slot()).drop_in_place() };
    }
}
