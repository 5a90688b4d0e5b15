//! Who said that it produces, by participant, and on record before its handle is there, so that the
//! dead are taken off.

use crate::participant::Participant;
use crate::sync::{Ordering, RmwU32, array_of, const_unless_loom};

/// How many participants can be registered at a time. With what stands beside them they fill a
/// cache line.
const MAX: usize = if cfg!(loom) { 2 } else { 28 };

/// The participants that are registered.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Registry {
    /// How many registrations there ever were.
    arrivals: RmwU32,
    /// Each: how many handles a participant has, above its number plus 1; [`LEFT`]; or 0: never
    /// used.
    words: [RmwU32; MAX],
}

/// Which bits say who.
const WHO: u32 = (1 << 14) - 1;
/// One handle.
const ONE: u32 = 1 << 14;
/// All handles: one that would be more is refused.
const ALL: u32 = !WHO;
/// What is left of a word whose handles are gone.
const LEFT: u32 = ONE;

const fn name(who: Participant) -> u32 {
    who.number() as u32 + 1
}

/// Whether a participant stands in this word.
const fn is_held(word: u32) -> bool {
    word & WHO != 0 && word & WHO <= Participant::MAX as u32 + 1
}

impl Registry {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Registry { arrivals: RmwU32::new(0), words: array_of!(RmwU32::new(0); MAX) }
        }
    }

    /// Registers one more handle of `me`; returns its word, or `None` when there is none.
    pub(super) fn register(&self, me: Participant) -> Option<&RmwU32> {
        loop {
            let mut was_faster = false;
            let mut take = |word: &&RmwU32, is_mine: fn(u32, u32) -> bool| {
                // Relaxed: what is seen is exchanged only if it is still so.
                let seen = word.load(Ordering::Relaxed);
                if !is_mine(seen, name(me)) || is_held(seen) && seen & ALL == ALL {
                    return false;
                }
                let taken = if is_held(seen) { seen + ONE } else { ONE | name(me) };
                // Relaxed, both: the arrival below publishes it.
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
                // SYNC POINT P, release: with the acquire in `are_gone`. Who counts it sees the
                // word.
                self.arrivals.fetch_add(1, Ordering::Release);
            }
            // Once more only if another took or left a word meanwhile.
            if found.is_some() || !was_faster {
                return found;
            }
        }
    }

    /// Takes one handle of `me` off. Whether it was the last one.
    pub(super) fn leave(word: &RmwU32, me: Participant) -> bool {
        // Relaxed: what is seen is exchanged only if it is still so.
        let mut seen = word.load(Ordering::Relaxed);
        while seen & WHO == name(me) {
            let is_last = seen & ALL <= ONE;
            let left = if is_last { LEFT } else { seen - ONE };
            // SYNC POINT Q, release: with the acquire in `are_gone`. What was pushed before is
            // seen, and who arrived.
            match word.compare_exchange(seen, left, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return is_last,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes the dead one off. Whether it was registered.
    pub(super) fn recover(&self, dead: Participant) -> bool {
        let mut was_registered = false;
        for word in &self.words {
            // Relaxed: the word is as new as the dead one left it, which is visible here.
            let seen = word.load(Ordering::Relaxed);
            // SYNC POINT Q, release: with the acquire in `are_gone`. When it fails, another
            // recovered it.
            was_registered |= seen & WHO == name(dead)
                && word.compare_exchange(seen, LEFT, Ordering::Release, Ordering::Relaxed).is_ok();
        }
        was_registered
    }

    /// Whether some were registered, and all of them are gone.
    ///
    /// The words are looked at one after the other, and one may come into a word that was seen
    /// free, before the one that is in a later word leaves. So what was seen counts only if nobody
    /// arrived meanwhile.
    pub(super) fn are_gone(&self) -> bool {
        // SYNC POINT P, acquire: with the release in `register`.
        let before = self.arrivals.load(Ordering::Acquire);
        // SYNC POINT Q, acquire: with the releases in `leave` and `recover`.
        let is_held = |word: &RmwU32| is_held(word.load(Ordering::Acquire));
        // Relaxed, the last: seen with the leaving of who was there when another arrived.
        before != 0
            && !self.words.iter().any(is_held)
            && self.arrivals.load(Ordering::Relaxed) == before
    }
}
