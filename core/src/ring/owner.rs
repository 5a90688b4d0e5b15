//! The owner of a half, in one word.
//!
//! The word names the participant from before it holds the half until after it gave the half back.

use crate::participant::Participant;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// The owner of a half: a participant, or nobody. Zero means nobody.
///
/// Giving the half back tells the other side nothing, since another context may take the half next.
/// The other side learns that nothing more will come only if the holder closes the half or dies.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct HalfOwner(AtomicU32);

/// Nobody holds the half: it was never taken, or it was given back. Somebody may still come.
const FREE: u32 = 0;
/// Nobody holds the half: its last holder closed it or died. The other side does not wait for
/// another holder. A new holder opens the half again.
const CLOSED: u32 = 1;
/// Somebody holds the half: this bit, and above it the number of the participant.
const HELD: u32 = 2;

/// The word while `participant` holds the half.
const fn held_by(participant: Participant) -> u32 {
    HELD | (participant.number() as u32) << 2
}

impl HalfOwner {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            HalfOwner(AtomicU32::new(FREE))
        }
    }

    /// Takes the half for `me`; returns false when somebody holds it.
    pub(super) fn take(&self, me: Participant) -> bool {
        if cfg!(no_look) {
            return self.take_from(FREE, me) || self.take_from(CLOSED, me);
        }
        // Relaxed: the exchange verifies this guess. An attempt that fails here writes nothing.
        let guess = self.0.load(Ordering::Relaxed);
        guess & HELD == 0 && self.take_from(guess, me)
    }

    /// Takes the half for `me` if the word is `seen`, which says that nobody holds it.
    #[inline(always)]
    fn take_from(&self, seen: u32, me: Participant) -> bool {
        // SYNC POINT with the store in `give_back` or `close` of the previous holder, or with the
        // exchange in `recover`, acquire: we continue from what the previous holder did. Failure,
        // relaxed: somebody else took the half, and this call reads nothing as a result.
        self.0.compare_exchange(seen, held_by(me), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes the half for the owner of the whole structure, who knows that it is free. This needs
    /// no read-modify-write.
    pub(super) fn take_from_owner(&mut self) {
        // Relaxed: `&mut self` excludes all other accesses.
        self.0.store(held_by(Participant::LOCAL), Ordering::Relaxed);
    }

    /// Gives the half back, so that another may continue.
    pub(super) fn give_back(&self) {
        // SYNC POINT with the exchange in `take_from`, release: the next holder sees what this one
        // did.
        self.0.store(FREE, Ordering::Release);
    }

    /// Closes the half for good. The caller wakes the other side afterwards.
    pub(super) fn close(&self) {
        // SYNC POINT with the exchange in `take_from` and the load in `is_gone`, release: the next
        // holder and the other side see what this holder did.
        self.0.store(CLOSED, Ordering::Release);
    }

    /// Closes the half if `dead` holds it, and says whether it did. The caller wakes the other side
    /// afterwards in any case: `dead` may have closed the half itself and died before it woke the
    /// other side.
    pub(super) fn recover(&self, dead: Participant) -> bool {
        // SYNC POINT with the exchange in `take_from` and the load in `is_gone`, release: what
        // `dead` wrote is visible here, as the caller of `recover` guarantees, and so it is visible
        // there. Failure, relaxed: `dead` does not hold the half.
        self.0.compare_exchange(held_by(dead), CLOSED, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// The participant that holds the half.
    pub(super) fn holder(&self) -> Option<Participant> {
        // Relaxed: the answer may be outdated at once in any case.
        let word = self.0.load(Ordering::Relaxed);
        let holder = Participant::from_bits(word >> 2);
        // This compares the whole word: a word that no half writes names nobody.
        (word == held_by(holder)).then_some(holder)
    }

    /// Whether the last holder closed the half or died with it.
    #[inline(always)]
    pub(super) fn is_gone(&self) -> bool {
        // SYNC POINT with the store in `close` and the exchange in `recover`, acquire: a look after
        // this sees what the holder published before.
        self.0.load(Ordering::Acquire) == CLOSED
    }
}
