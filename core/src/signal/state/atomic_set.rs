//! A set of lines that contexts share: two words.

use crate::signal::set::SignalSet;
use crate::sync::{Ordering, RmwU32, const_unless_loom};

/// A set that contexts share: two words, each changed in one step.
///
/// A change that concerns lines in both halves is two steps.
#[derive(Debug)]
pub(super) struct AtomicSet([RmwU32; 2]);

impl AtomicSet {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            AtomicSet([RmwU32::new(0), RmwU32::new(0)])
        }
    }

    /// The set, for a table that has no more than `lines` lines: without those beyond 31 if it has
    /// none.
    #[inline]
    pub(super) fn load(&self, lines: usize, order: Ordering) -> SignalSet {
        let [low, high] = &self.0;
        let high = if lines > u32::BITS as usize { high.load(order) } else { 0 };
        SignalSet::from_halves([low.load(order), high])
    }

    /// Adds one line in one step.
    #[inline]
    pub(super) fn insert_line(&self, line: u32, order: Ordering) {
        let (word, bit) = self.word(line);
        word.fetch_or(bit, order);
    }

    /// Removes one line in one step.
    #[inline]
    pub(super) fn remove_line(&self, line: u32, order: Ordering) {
        let (word, bit) = self.word(line);
        word.fetch_and(!bit, order);
    }

    /// Adds the lines; returns the set before.
    pub(super) fn insert(&self, set: SignalSet, order: Ordering) -> SignalSet {
        self.change(set, |word, bits| word.fetch_or(bits, order))
    }

    /// Removes the lines; returns the set before.
    pub(super) fn remove(&self, set: SignalSet, order: Ordering) -> SignalSet {
        self.change(set, |word, bits| word.fetch_and(!bits, order))
    }

    /// Replaces the set; returns the set before.
    pub(super) fn swap(&self, set: SignalSet, order: Ordering) -> SignalSet {
        let ([low, high], [low_bits, high_bits]) = (&self.0, set.halves());
        SignalSet::from_halves([low.swap(low_bits, order), high.swap(high_bits, order)])
    }

    fn change(&self, set: SignalSet, f: impl Fn(&RmwU32, u32) -> u32) -> SignalSet {
        let ([low, high], [low_bits, high_bits]) = (&self.0, set.halves());
        // Relaxed: an unchanged half is only read, and the caller orders nothing by it.
        let change = |word: &RmwU32, bits| match bits {
            0 => word.load(Ordering::Relaxed),
            _ => f(word, bits),
        };
        SignalSet::from_halves([change(low, low_bits), change(high, high_bits)])
    }

    /// The half that contains the line, and the line's bit in it.
    #[inline]
    fn word(&self, line: u32) -> (&RmwU32, u32) {
        let [low, high] = &self.0;
        // The shift counts modulo 32, which is right for both halves.
        (if line < u32::BITS { low } else { high }, 1u32.wrapping_shl(line))
    }
}
