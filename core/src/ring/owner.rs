//! Who holds a half: a word that names the participant, from before it is held until after it was
//! given back.

use crate::participant::Participant;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// One half of a structure, of which there is one: held by a participant, or by nobody. Zero is
/// nobody.
///
/// Giving it back says nothing to the other side, since another context may take it next. The other
/// side waits in vain only when its holder said that nothing more will come, or died.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct HalfOwner(AtomicU32);

/// Nobody has it: it was never taken, or it was given back. Somebody may still come.
const FREE: u32 = 0;
/// Nobody has it: its last holder closed it, or died with it. The other side does not wait for
/// another one; who comes all the same opens it again.
const CLOSED: u32 = 1;
/// It is held: this bit, and the participant who holds it above it.
const HELD: u32 = 2;

/// What the word says while `participant` holds the half.
const fn held_by(participant: Participant) -> u32 {
    HELD | (participant.number() as u32) << 2
}

impl HalfOwner {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            HalfOwner(AtomicU32::new(FREE))
        }
    }

    /// Takes it for `me`; false when somebody has it.
    pub(super) fn take(&self, me: Participant) -> bool {
        if cfg!(no_look) {
            return self.take_from(FREE, me) || self.take_from(CLOSED, me);
        }
        // Relaxed: only a guess for the exchange. A try that fails writes nothing.
        let guess = self.0.load(Ordering::Relaxed);
        guess & HELD == 0 && self.take_from(guess, me)
    }

    /// Takes it for `me` if the word is `seen`, which says that nobody has it.
    #[inline(always)]
    fn take_from(&self, seen: u32, me: Participant) -> bool {
        // SYNC POINT H, acquire: with the store in `give_back` or `close` of the holder before us,
        // or the exchange in `recover`, whose work we go on from. Failure, relaxed: somebody else
        // took it, and nothing is read on the strength of that.
        self.0.compare_exchange(seen, held_by(me), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes it for the owner of the whole structure, who knows that nobody has it. No
    /// read-modify-write.
    pub(super) fn take_from_owner(&mut self) {
        // Relaxed: `&mut self` is alone here.
        self.0.store(held_by(Participant::LOCAL), Ordering::Relaxed);
    }

    /// Gives it back: another may go on.
    pub(super) fn give_back(&self) {
        // SYNC POINT H, release: with the exchange in `take`.
        self.0.store(FREE, Ordering::Release);
    }

    /// Gives it back for good. The other side has to be woken after that.
    pub(super) fn close(&self) {
        // SYNC POINT H, release: with the exchange in `take` and the load in `is_gone`.
        self.0.store(CLOSED, Ordering::Release);
    }

    /// Closes it if `dead` holds it, and says whether. The other side has to be woken after that in
    /// any case: the dead one may have got further than we.
    pub(super) fn recover(&self, dead: Participant) -> bool {
        // SYNC POINT H, release: with the exchange in `take` and the load in `is_gone`. What the
        // dead one wrote is visible here as the caller states, and with this there. Failure,
        // relaxed: it does not hold it.
        self.0.compare_exchange(held_by(dead), CLOSED, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Who has it.
    pub(super) fn holder(&self) -> Option<Participant> {
        // Relaxed: a guess by nature.
        let word = self.0.load(Ordering::Relaxed);
        let holder = Participant::from_bits(word >> 2);
        // The whole word: one that no half writes names nobody.
        (word == held_by(holder)).then_some(holder)
    }

    /// Whether its last holder closed it or died with it.
    #[inline(always)]
    pub(super) fn is_gone(&self) -> bool {
        // SYNC POINT H, acquire: with the store in `close` and the exchange in `recover`. What its
        // holder published before is seen by a look after this.
        self.0.load(Ordering::Acquire) == CLOSED
    }
}
