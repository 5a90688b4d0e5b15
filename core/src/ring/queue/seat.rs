//! The steps of the queue, as one participant takes them: every atomic access of it, and every access to a slot.

use super::word::{self, Entry, Owned, Phase};
use super::{Full, Queue};
use crate::participant::Participant;
use crate::sync::{AtomicU64, Ordering};
use crate::wait::Bell;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::{Deref, DerefMut};

/// A queue as one participant uses it. Any number of its threads may, at the same time.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::queue::Queue;
/// let queue = Queue::<_, 4>::new();
/// let me = queue.seat(Participant::new(1).unwrap());
/// me.try_push("hello").unwrap();
/// assert_eq!(queue.try_pop(), Some("hello"));
/// ```
#[derive(Debug)]
pub struct Seat<'q, T, const N: usize, B: Bell> {
    queue: &'q Queue<T, N, B>,
    me: Participant,
}

impl<T, const N: usize, B: Bell> Clone for Seat<'_, T, N, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T, const N: usize, B: Bell> Copy for Seat<'_, T, N, B> {}

impl<'q, T, const N: usize, B: Bell> Seat<'q, T, N, B> {
    pub(super) fn new(queue: &'q Queue<T, N, B>, me: Participant) -> Self {
        Seat { queue, me }
    }

    pub(super) fn queue(self) -> &'q Queue<T, N, B> {
        self.queue
    }

    /// [`Queue::try_push`] by this participant.
    ///
    /// # Errors
    /// [`Full`] with the value, when every slot is held.
    pub fn try_push(self, value: T) -> Result<(), Full<T>> {
        match self.try_reserve() {
            Some(loan) => {
                loan.write(value);
                Ok(())
            }
            None => Err(Full(value)),
        }
    }

    /// [`Queue::try_pop`] by this participant.
    pub fn try_pop(self) -> Option<T> {
        self.try_claim().map(Claim::take)
    }

    /// [`Queue::try_reserve`] by this participant.
    pub fn try_reserve(self) -> Option<Loan<'q, T, N, B>> {
        // Slots come free in the order in which they were filled, so that the one of the next position is a good guess.
        // Relaxed: it is a guess.
        let guess = word::index::<N>(self.queue.tail.0.position.load(Ordering::Relaxed));
        let (before, after) = self.queue.owners.split_at_checked(guess)?;
        let mine = Owned { phase: Phase::Writing, by: self.me, position: 0 }.pack();
        let numbered = (guess..).zip(after).chain((0..).zip(before));
        for (slot, owner) in numbered {
            // Relaxed: only a look before the exchange.
            if owner.load(Ordering::Relaxed) == Owned::FREE
                // 1. Acquire: partner is the release of whoever freed it (7, a dropped loan, a recovery), who is done
                // with the slot. Failure, relaxed: another took it.
                && owner
                    .compare_exchange(Owned::FREE, mine, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return Some(Loan { seat: self, slot });
            }
        }
        None
    }

    /// [`Queue::try_claim`] by this participant.
    pub fn try_claim(self) -> Option<Claim<'q, T, N, B>> {
        let head = &self.queue.head.0.position;
        loop {
            // Relaxed: what counts is found out by the exchange.
            let position = head.load(Ordering::Relaxed);
            let entry = self.queue.entries.get(word::index::<N>(position))?;
            // Acquire: partner is the release of 3. The value and the slot's word are seen with the entry.
            let entry = Entry(entry.load(Ordering::Acquire));
            if entry.position() != position {
                // The entry was not filled when we looked. If the head is where it was, the queue was empty then.
                // Relaxed: ordered behind the look at the entry by its acquire.
                if head.load(Ordering::Relaxed) == position {
                    return None;
                }
                continue;
            }
            let owner = self.queue.owners.get(entry.slot())?;
            // Relaxed: at least as new as the word before 3, by the acquire above.
            let seen = owner.load(Ordering::Relaxed);
            // 5. Relaxed: the value was acquired with the entry, and what the exchange says concerns the word alone.
            let mine = Owned { phase: Phase::Reading, by: self.me, position }.pack();
            let claimed = Owned::unpack(seen).waits_at(position)
                && owner.compare_exchange(seen, mine, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            // 6, for us or for whoever was faster.
            self.push_on(&self.queue.head.0.position, position);
            if claimed {
                return Some(Claim { seat: self, slot: entry.slot(), position });
            }
        }
    }

    /// How many values wait, more or less.
    pub(super) fn len(self) -> usize {
        // Relaxed: a guess by nature.
        let head = self.queue.head.0.position.load(Ordering::Relaxed);
        let tail = self.queue.tail.0.position.load(Ordering::Relaxed);
        (word::ahead::<N>(head, tail) as usize).min(N)
    }

    /// 4 and 6: moves a position on by one, unless somebody did.
    fn push_on(self, at: &AtomicU64, position: u64) {
        let next = word::next::<N>(position);
        // Relaxed: the positions say where to look, and what is found there is judged by itself.
        let _ = at.compare_exchange(position, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// 2 to 4: gives the value in `slot`, which is ours, its place in the order. `phase` says what it is if we die
    /// before: [`Phase::Committing`], or [`Phase::Requeuing`].
    fn commit(self, slot: usize, phase: Phase) {
        let queue = self.queue;
        loop {
            // Relaxed: what counts is found out by the exchange.
            let position = queue.tail.0.position.load(Ordering::Relaxed);
            let Some(place) = queue.entries.get(word::index::<N>(position)) else { return };
            // Relaxed: what is read there is compared, and is exchanged only if it is still there.
            let seen = Entry(place.load(Ordering::Relaxed));
            if seen.position() == position {
                // Filled already; its maker did not come to 4.
                self.push_on(&queue.tail.0.position, position);
                continue;
            }
            if !seen.precedes::<N>(position) {
                // The tail moved on since we looked, or we looked at something old.
                refresh(&queue.tail.0.position, position);
                refresh(place, seen.0);
                continue;
            }
            // Relaxed: the head never goes back, so that what it has passed stays passed.
            let head = queue.head.0.position.load(Ordering::Relaxed);
            if word::ahead::<N>(head, position) >= N as u64 {
                self.catch_up(position, head, seen);
                continue;
            }
            // 2. Relaxed: published by 3.
            let trying = Owned { phase, by: self.me, position }.pack();
            if let Some(owner) = queue.owners.get(slot) {
                owner.store(trying, Ordering::Relaxed);
            }
            // 3. Release: partner is the acquire of the look at the entry in `try_claim`. Failure, relaxed: another
            // was faster, and we try the next position.
            let entry = Entry::new(position, slot);
            let committed =
                place.compare_exchange(seen.0, entry.0, Ordering::Release, Ordering::Relaxed);
            if committed.is_ok() {
                self.push_on(&queue.tail.0.position, position);
                queue.tail.0.bell.ring();
                return;
            }
        }
    }

    /// The place for `position` is taken by `entry`, so it seems. We hold a slot, so that not all can wait in the order:
    /// that message was claimed, and its claimer did not come to 6; or we looked at something old.
    #[cold]
    fn catch_up(self, position: u64, head: u64, entry: Entry) {
        refresh(&self.queue.tail.0.position, position);
        if entry.position() == head {
            let Some(owner) = self.queue.owners.get(entry.slot()) else { return };
            // Relaxed: a claim changes this word, and no other message ever has this position.
            let seen = owner.load(Ordering::Relaxed);
            if Owned::unpack(seen).waits_at(head) {
                refresh(owner, seen);
            } else {
                self.push_on(&self.queue.head.0.position, head);
            }
        }
        refresh(&self.queue.head.0.position, head);
    }

    /// 7: the slot is nobody's.
    fn free(self, slot: usize) {
        if let Some(owner) = self.queue.owners.get(slot) {
            // Release: partner is the acquire of 1. We are done with the slot.
            owner.store(Owned::FREE, Ordering::Release);
        }
        self.queue.head.0.bell.ring();
    }

    fn place(self, slot: usize) -> *mut T {
        // In bounds: `slot` is a number that an owner's word was found under, or that one was found by.
        self.queue.slots.as_slots_ref().first().wrapping_add(slot)
    }

    /// Puts right what `dead` left behind: a slot that it was filling is free again, a message that it had claimed and
    /// not released goes to another consumer, at the end of the queue. Messages that it had committed are not touched.
    /// Returns how many slots it had held. May be called by several at once, and again after a death in the middle of it.
    ///
    /// # Safety
    /// `dead` will not take another step in this queue: its process has ended (or its context was reset), and what it
    /// wrote is visible here, as it is once the operating system has reported its end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::queue::Queue;
    /// let queue = Queue::<_, 1>::new();
    /// let other = queue.seat(Participant::new(1).unwrap());
    /// other.try_push("important").unwrap();
    /// std::mem::forget(other.try_claim()); // it dies with the message in its hands
    ///
    /// assert_eq!(queue.try_pop(), None);
    /// // SAFETY: participant 1 does nothing any more.
    /// assert_eq!(unsafe { queue.seat(Participant::LOCAL).recover(Participant::new(1).unwrap()) }, 1);
    /// assert_eq!(queue.try_pop(), Some("important"));
    /// ```
    pub unsafe fn recover(self, dead: Participant) -> usize {
        let mut held = 0;
        for (slot, owner) in self.queue.owners.iter().enumerate() {
            // Relaxed, here and below: what the dead one wrote, and what it had acquired, is visible by the caller's word.
            let seen = owner.load(Ordering::Relaxed);
            let owned = Owned::unpack(seen);
            if owned.by != dead
                || owned.phase == Phase::Free
                || is_committed(&self.queue.entries, slot, owned)
            {
                continue;
            }
            let keep = matches!(owned.phase, Phase::Requeuing | Phase::Reading);
            let phase = if keep { Phase::Requeuing } else { Phase::Writing };
            let mine = Owned { phase, by: self.me, position: word::UNPLACED }.pack();
            // When it fails, a consumer claimed it, or another recovers it.
            if owner.compare_exchange(seen, mine, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                continue;
            }
            held += 1;
            if keep {
                self.commit(slot, Phase::Requeuing);
            } else {
                self.free(slot);
            }
        }
        held
    }
}

/// Whether the message in `slot` has its place in the order: it waits, whoever put it there.
fn is_committed<const N: usize>(entries: &[AtomicU64; N], slot: usize, owned: Owned) -> bool {
    let Some(entry) = entries.get(word::index::<N>(owned.position)) else { return false };
    // Relaxed: its maker is dead or joined, by the word of the two who ask, so that it is there, and visible, or
    // never will be.
    let entry = Entry(entry.load(Ordering::Relaxed));
    owned.waits_at(owned.position) && entry == Entry::new(owned.position, slot)
}

/// Makes the next look at a word a fresh one. A load may show the same old value any number of times, as far as the memory
/// model goes; an exchange, here of a value for itself, finds the newest. Whoever saw that one is not shown an older one
/// again, so that the loops above end.
fn refresh(word: &AtomicU64, seen: u64) {
    // Relaxed: it is about the word alone.
    let _ = word.compare_exchange(seen, seen, Ordering::Relaxed, Ordering::Relaxed);
}

/// A slot to be filled in place. Dropped without a commit, the slot is free again, and nothing was sent.
#[derive(Debug)]
#[must_use = "a loan that is dropped sends nothing"]
pub struct Loan<'q, T, const N: usize, B: Bell> {
    seat: Seat<'q, T, N, B>,
    slot: usize,
}

// SAFETY: the slot is this loan's alone until it is committed, and `T: Send`.
unsafe impl<T: Send, const N: usize, B: Bell + Sync> Send for Loan<'_, T, N, B> {}

impl<T, const N: usize, B: Bell> Loan<'_, T, N, B> {
    /// Puts the value into the slot and sends it.
    ///
    /// ```
    /// let queue = ringway_core::ring::queue::Queue::<_, 2>::new();
    /// queue.try_reserve().unwrap().write(5);
    /// assert_eq!(queue.try_pop(), Some(5));
    /// ```
    pub fn write(mut self, value: T) {
        self.as_uninit().write(value);
        // SAFETY: just written.
        unsafe { self.commit() };
    }

    /// The slot, to be filled in place: by a large value's parts, a DMA transfer, a `read(2)`.
    pub fn as_uninit(&mut self) -> &mut MaybeUninit<T> {
        self.seat.queue.slots.as_slots_ref().touch_write(self.slot, 1);
        // SAFETY: the slot's word says `Writing` and is ours, so that nobody else touches the slot.
        unsafe { &mut *self.seat.place(self.slot).cast() }
    }

    /// Sends what was put into the slot.
    ///
    /// # Safety
    /// The slot was filled through [`as_uninit`](Self::as_uninit).
    pub unsafe fn commit(self) {
        let this = ManuallyDrop::new(self);
        this.seat.queue.slots.as_slots_ref().touch_write(this.slot, 1);
        this.seat.commit(this.slot, Phase::Committing);
    }
}

impl<T, const N: usize, B: Bell> Drop for Loan<'_, T, N, B> {
    fn drop(&mut self) {
        self.seat.free(self.slot);
    }
}

/// The oldest value, claimed, in place. Dropped without a release, it goes back into the queue, behind those that are there.
///
/// ```
/// let queue = ringway_core::ring::queue::Queue::<_, 2>::new();
/// queue.try_push("job").unwrap();
/// drop(queue.try_claim()); // could not do it
/// assert_eq!(queue.try_pop(), Some("job"));
/// ```
#[derive(Debug)]
#[must_use = "a claim that is dropped goes back into the queue"]
pub struct Claim<'q, T, const N: usize, B: Bell> {
    seat: Seat<'q, T, N, B>,
    slot: usize,
    position: u64,
}

// SAFETY: the value is this claim's alone until it is released, and `T: Send`.
unsafe impl<T: Send, const N: usize, B: Bell + Sync> Send for Claim<'_, T, N, B> {}

// SAFETY: a shared claim gives shared access to the value alone.
unsafe impl<T: Send + Sync, const N: usize, B: Bell + Sync> Sync for Claim<'_, T, N, B> {}

impl<T, const N: usize, B: Bell> Claim<'_, T, N, B> {
    /// Drops the value in place: it was delivered, and its slot is free.
    pub fn release(self) {
        // The slot is freed also when the value panics as it is dropped.
        struct Free<'q, T, const N: usize, B: Bell>(Seat<'q, T, N, B>, usize);
        impl<T, const N: usize, B: Bell> Drop for Free<'_, T, N, B> {
            fn drop(&mut self) {
                self.0.free(self.1);
            }
        }
        let this = ManuallyDrop::new(self);
        let free = Free(this.seat, this.slot);
        this.touch();
        // SAFETY: the slot's word says `Reading` and is ours; the value is not touched again before the slot is free.
        unsafe { free.0.place(free.1).drop_in_place() };
    }

    /// Moves the value out: it was delivered, and its slot is free.
    pub fn take(self) -> T {
        let this = ManuallyDrop::new(self);
        this.touch();
        // SAFETY: as in `release`.
        let value = unsafe { this.seat.place(this.slot).read() };
        this.seat.free(this.slot);
        value
    }

    /// The value's place in the order of the queue: the positions of two claims tell which was sent first, until they
    /// come around after 2^48 messages.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Tells loom that the value is being read.
    fn touch(&self) {
        self.seat.queue.slots.as_slots_ref().touch_read(self.slot, 1);
    }
}

impl<T, const N: usize, B: Bell> Deref for Claim<'_, T, N, B> {
    type Target = T;

    fn deref(&self) -> &T {
        self.touch();
        // SAFETY: the slot's word says `Reading` and is ours; the value was acquired with its entry.
        unsafe { &*self.seat.place(self.slot) }
    }
}

impl<T, const N: usize, B: Bell> DerefMut for Claim<'_, T, N, B> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the claim is borrowed exclusively.
        unsafe { &mut *self.seat.place(self.slot) }
    }
}

impl<T, const N: usize, B: Bell> Drop for Claim<'_, T, N, B> {
    fn drop(&mut self) {
        self.touch();
        self.seat.commit(self.slot, Phase::Requeuing);
    }
}

/// Drops the values that wait, for the owner of the whole queue.
pub(super) fn drop_values<T, const N: usize, B>(queue: &mut Queue<T, N, B>) {
    for (slot, owner) in queue.owners.iter().enumerate() {
        // Relaxed: `&mut` is alone here; whatever made it so orders the accesses.
        let owned = Owned::unpack(owner.load(Ordering::Relaxed));
        if is_committed(&queue.entries, slot, owned) {
            let place = queue.slots.as_slots_ref().first().wrapping_add(slot);
            // SAFETY: the message waits in its slot: initialized, and nobody's. Nobody comes after.
            unsafe { place.drop_in_place() };
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::vec::Vec;

    const DEAD: Participant = Participant::new(7).unwrap();
    const N: usize = 3;

    /// A queue with one message in it, in which participant 7 died having come to a particular step with "late".
    fn died_at(step: u32) -> Queue<&'static str, N> {
        let queue = Queue::new();
        queue.try_push("early").unwrap();
        let seat = queue.seat(DEAD);
        let mut loan = ManuallyDrop::new(seat.try_reserve().unwrap());
        if step == 1 {
            return queue;
        }
        loan.as_uninit().write("late");
        let owned = Owned { phase: Phase::Committing, by: DEAD, position: 1 };
        queue.owners[loan.slot].store(owned.pack(), Ordering::Relaxed);
        if step == 2 {
            return queue;
        }
        queue.entries[1].store(Entry::new(1, loan.slot).0, Ordering::Relaxed);
        if step == 3 {
            return queue;
        }
        seat.push_on(&queue.tail.0.position, 1);
        if step == 4 {
            return queue;
        }
        queue.try_pop().unwrap();
        // 5: as `try_claim` leaves it, before 6.
        let owned = Owned { phase: Phase::Reading, by: DEAD, position: 1 };
        queue.owners[loan.slot].store(owned.pack(), Ordering::Relaxed);
        if step == 6 {
            seat.push_on(&queue.head.0.position, 1);
        }
        queue
    }

    fn drain(queue: &Queue<&'static str, N>) -> Vec<&'static str> {
        core::iter::from_fn(|| queue.try_pop()).collect()
    }

    #[test]
    fn others_go_on_wherever_a_participant_stopped() {
        for step in 1..=6 {
            let queue = died_at(step);
            let kept = match step {
                1 | 2 => &["early"][..],
                3 | 4 => &["early", "late"],
                _ => &[],
            };
            assert_eq!(drain(&queue), kept, "step {step}");
            for round in 0..20 {
                queue.try_push("on").unwrap();
                assert_eq!(drain(&queue), ["on"], "step {step}, round {round}");
            }
        }
    }

    #[test]
    fn recovery_loses_nothing_that_was_committed_and_sends_nothing_that_was_not() {
        for step in 1..=6 {
            let queue = died_at(step);
            let me = queue.seat(Participant::LOCAL);
            // SAFETY: nobody acts for participant 7.
            let held = unsafe { me.recover(DEAD) };
            assert_eq!(held, usize::from(step != 3 && step != 4), "step {step}");
            // SAFETY: as above.
            assert_eq!(unsafe { me.recover(DEAD) }, 0, "step {step}: once is enough");
            let kept = match step {
                1 | 2 => &["early"][..],
                3 | 4 => &["early", "late"],
                _ => &["late"],
            };
            assert_eq!(drain(&queue), kept, "step {step}");
            (0..N).for_each(|_| queue.try_push("room").unwrap());
            assert_eq!(queue.try_push("full"), Err(Full("full")), "every slot came back, once");
        }
    }

    #[test]
    fn a_recovery_that_dies_is_recovered() {
        // As `recover` leaves it when it dies after its exchange, and after it said which position it tries.
        for position in [word::UNPLACED, 2] {
            let queue = died_at(6);
            let owned = Owned { phase: Phase::Requeuing, by: DEAD, position };
            let slot = queue.owners.iter().position(|owner| {
                Owned::unpack(owner.load(Ordering::Relaxed)).phase != Phase::Free
            });
            queue.owners[slot.unwrap()].store(owned.pack(), Ordering::Relaxed);
            let me = queue.seat(Participant::LOCAL);
            // SAFETY: nobody acts for participant 7.
            assert_eq!(unsafe { me.recover(DEAD) }, 1);
            assert_eq!(drain(&queue), ["late"]);
        }
    }
}
