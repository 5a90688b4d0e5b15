//! The registered producers, by participant. A participant is on record before it gets its
//! registration, so that recovery can take the dead ones off.

use crate::participant::Participant;
use crate::sync::{Ordering, RmwU32, array_of, const_unless_loom};

/// How many participants can be registered at a time. The words fill a cache line together with
/// what lies beside them.
const MAX: usize = if cfg!(loom) { 2 } else { 28 };

/// The registered participants, and a count of all arrivals.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Registry {
    /// How many registrations there ever were.
    arrivals: RmwU32,
    /// One word for each participant: its number plus 1 in the lower bits, and its count of handles
    /// above. Or [`LEFT`]: the participant left. Or 0: never used.
    words: [RmwU32; MAX],
}

/// The bits that name the participant.
const WHO: u32 = (1 << 14) - 1;
/// One handle.
const ONE: u32 = 1 << 14;
/// The largest count of handles. One more is refused.
const ALL: u32 = !WHO;
/// The word of a participant whose handles are gone.
const LEFT: u32 = ONE;

const fn name(who: Participant) -> u32 {
    who.number() as u32 + 1
}

/// Whether `word` names a participant.
const fn is_held(word: u32) -> bool {
    word & WHO != 0 && word & WHO <= Participant::MAX as u32 + 1
}

impl Registry {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Registry { arrivals: RmwU32::new(0), words: array_of!(RmwU32::new(0); MAX) }
        }
    }

    /// Registers one more handle of `me`; returns its word, or `None` when there is no room.
    pub(super) fn register(&self, me: Participant) -> Option<&RmwU32> {
        loop {
            let mut was_faster = false;
            let mut take = |word: &&RmwU32, is_mine: fn(u32, u32) -> bool| {
                // Relaxed: the exchange succeeds only if the word still says this.
                let seen = word.load(Ordering::Relaxed);
                if !is_mine(seen, name(me)) || is_held(seen) && seen & ALL == ALL {
                    return false;
                }
                let taken = if is_held(seen) { seen + ONE } else { ONE | name(me) };
                // Relaxed, both: the arrival below publishes the word.
                let exchange =
                    word.compare_exchange(seen, taken, Ordering::Relaxed, Ordering::Relaxed);
                was_faster |= exchange.is_err();
                exchange.is_ok()
            };
            let words = || self.words.iter();
            let found = words()
                .find(|word| take(word, |seen, name| seen & WHO == name))
                .or_else(|| words().find(|word| take(word, |seen, _| seen & WHO == 0)));
            if found.is_some() {
                // SYNC POINT with the first load in `are_gone`: release. A side that
                // counts this arrival sees the word.
                self.arrivals.fetch_add(1, Ordering::Release);
            }
            // Tries again only if another took or left a word meanwhile.
            if found.is_some() || !was_faster {
                return found;
            }
        }
    }

    /// Takes one handle of `me` off; returns whether it was the last one.
    pub(super) fn leave(word: &RmwU32, me: Participant) -> bool {
        // Relaxed: the exchange succeeds only if the word still says this.
        let mut seen = word.load(Ordering::Relaxed);
        while seen & WHO == name(me) {
            let is_last = seen & ALL <= ONE;
            let left = if is_last { LEFT } else { seen - ONE };
            // SYNC POINT with the loads of the words in `are_gone`: release. A side that sees
            // that `me` left sees what it pushed before, and who had arrived by then.
            match word.compare_exchange(seen, left, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return is_last,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes the dead participant off; returns whether it was registered.
    pub(super) fn recover(&self, dead: Participant) -> bool {
        let mut was_registered = false;
        for word in &self.words {
            // Relaxed: the caller guarantees that what the dead participant wrote is visible.
            let seen = word.load(Ordering::Relaxed);
            // SYNC POINT with the loads of the words in `are_gone`: release. A failure means that
            // another survivor took it off.
            was_registered |= seen & WHO == name(dead)
                && word.compare_exchange(seen, LEFT, Ordering::Release, Ordering::Relaxed).is_ok();
        }
        was_registered
    }

    /// Whether some producers were registered, and all of them are gone.
    ///
    /// This reads the words one after the other. A participant may arrive in a word that was
    /// already read, before the participant of a later word leaves. So the answer counts only if
    /// nobody arrived meanwhile.
    pub(super) fn are_gone(&self) -> bool {
        // SYNC POINT with the arrival in `register`: acquire.
        let before = self.arrivals.load(Ordering::Acquire);
        // SYNC POINT with the exchanges in `leave` and `recover`: acquire.
        let is_held = |word: &RmwU32| is_held(word.load(Ordering::Acquire));
        // Relaxed, the last load: if a participant left after another arrived, the load that saw it
        // leave made the arrival visible.
        before != 0
            && !self.words.iter().any(is_held)
            && self.arrivals.load(Ordering::Relaxed) == before
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_the_largest_count_takes_no_handle() {
        let registry = Registry::new();
        let me = Participant::LOCAL;
        let first = registry.register(me).unwrap();
        let (one, all) = (ONE | name(me), ALL | name(me));
        first.compare_exchange(one, all, Ordering::Relaxed, Ordering::Relaxed).unwrap();
        let second = registry.register(me).unwrap();
        let words = [first, second].map(|word| word.load(Ordering::Relaxed));
        assert_eq!(words, [all, one]);
        assert!(Registry::leave(second, me), "it was the last one of this word");
        assert!(!Registry::leave(first, me) && !registry.are_gone());
        assert!(registry.recover(me) && registry.are_gone());
    }
}
