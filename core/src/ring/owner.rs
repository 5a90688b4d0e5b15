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

    /// The word while `participant` holds a half: not zero, and nobody else's.
    pub(super) const fn word_of(participant: Participant) -> u32 {
        held_by(participant)
    }

    /// Whether somebody holds the half.
    pub(super) fn is_held(&self) -> bool {
        // Relaxed: the caller's fence orders it, and what the holder stored behind `take`.
        self.0.load(Ordering::Relaxed) & HELD != 0
    }

    /// Takes the half for `me`; returns false when somebody holds it.
    #[inline(always)]
    pub(super) fn take(&self, me: Participant) -> bool {
        self.try_take(me) & HELD == 0
    }

    /// Takes the half for `me` if nobody holds it. Returns the word as it was before.
    // On bare metal it is one function for all halves of an image: most halves are taken once.
    #[cfg_attr(target_os = "none", inline(never))]
    fn try_take(&self, me: Participant) -> u32 {
        // SYNC POINT, both, with the store in `give_back` or `close` of the previous holder, or
        // with the exchange in `recover`, acquire: we continue from what the previous holder did.
        // Nobody acquires anything from a half that is held.
        if cfg!(no_look) {
            let from = |seen| {
                // Failure, relaxed: somebody else took the half, and this call reads nothing as a
                // result.
                self.0.compare_exchange(seen, held_by(me), Ordering::Acquire, Ordering::Relaxed)
            };
            return from(FREE).or_else(|_| from(CLOSED)).unwrap_or(HELD);
        }
        let next = |seen: u32| (seen & HELD == 0).then_some(held_by(me));
        match self.0.update_if(Ordering::Acquire, next) {
            Ok(seen) => seen,
            // It may have changed since `next` saw it free.
            Err(seen) => seen | HELD,
        }
    }

    /// Takes the half for the owner of the whole structure, who knows that it is free. This needs
    /// no read-modify-write.
    pub(super) fn take_from_owner(&mut self) {
        // Relaxed: `&mut self` excludes all other accesses.
        self.0.store(held_by(Participant::LOCAL), Ordering::Relaxed);
    }

    /// Gives the half back, so that another may continue.
    pub(super) fn give_back(&self) {
        // SYNC POINT with the exchange in `take`, release: the next holder sees what this one
        // did.
        self.0.store(FREE, Ordering::Release);
    }

    /// Closes the half for good. The caller wakes the other side afterwards.
    pub(super) fn close(&self) {
        // SYNC POINT with the exchange in `take` and the load in `is_gone`, release: the next
        // holder and the other side see what this holder did.
        self.0.store(CLOSED, Ordering::Release);
    }

    /// Closes the half if `dead` holds it, and says whether it did. The caller wakes the other side
    /// afterwards in any case: `dead` may have closed the half itself and died before it woke the
    /// other side.
    pub(super) fn recover(&self, dead: Participant) -> bool {
        // SYNC POINT with the exchange in `take` and the load in `is_gone`, release: what
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

    /// The word, for code that looks whether it is [`CLOSED`].
    #[cfg(not(loom))]
    pub(super) fn word_ptr(&self) -> *const AtomicU32 {
        &raw const self.0
    }

    /// Whether the last holder closed the half or died with it.
    #[inline(always)]
    pub(super) fn is_gone(&self) -> bool {
        // SYNC POINT with the store in `close` and the exchange in `recover`, acquire: a look after
        // this sees what the holder published before.
        self.0.load(Ordering::Acquire) == CLOSED
    }
}
