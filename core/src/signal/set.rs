//! Sets of lines: [`SignalSet`] as a value, [`AtomicSet`] as two words that contexts share.

use crate::sync::{Ordering, RmwU32, const_unless_loom};
use core::fmt;

bitflags::bitflags! {
    /// A set of signal lines, 0 to 63. Bit `n` is line `n`, as in a `sigset_t`.
    ///
    /// The operators are those of bitflags: `|`, `&`, `-`, `!`, `contains`, `intersects`, `insert`,
    /// `remove`. To iterate over the lines, use [`lines`](Self::lines).
    ///
    /// ```
    /// use ringway_core::signal::SignalSet;
    /// const URGENT: SignalSet = SignalSet::of(&[1, 5]);
    /// let set = URGENT | SignalSet::line(9);
    /// assert!(set.contains(SignalSet::line(5)));
    /// assert!((set - URGENT).lines().eq([9]));
    /// assert_eq!(format!("{set:?}"), "{1, 5, 9}");
    /// ```
    #[doc(alias = "sigset_t")]
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct SignalSet: u64 {
        // Every bit has a meaning, though none has a name.
        const _ = !0;
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for SignalSet {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "SignalSet({=u64:#x})", self.bits());
    }
}

impl SignalSet {
    /// The set of this line alone; empty for a number beyond 63.
    ///
    /// ```
    /// use ringway_core::signal::SignalSet;
    /// assert_eq!(SignalSet::line(3).bits(), 8);
    /// assert!(SignalSet::line(64).is_empty());
    /// ```
    #[inline]
    pub const fn line(line: u32) -> Self {
        match 1u64.checked_shl(line) {
            Some(bit) => SignalSet::from_bits_retain(bit),
            None => SignalSet::empty(),
        }
    }

    /// The set of these lines; usable in constants.
    ///
    /// ```
    /// use ringway_core::signal::SignalSet;
    /// assert_eq!(SignalSet::of(&[0, 2]), SignalSet::line(0) | SignalSet::line(2));
    /// ```
    pub const fn of(mut lines: &[u32]) -> Self {
        let mut set = SignalSet::empty();
        while let [first, rest @ ..] = lines {
            set = set.union(SignalSet::line(*first));
            lines = rest;
        }
        set
    }

    /// The lines of the set, lowest first.
    ///
    /// ```
    /// use ringway_core::signal::SignalSet;
    /// let set = SignalSet::of(&[40, 2]);
    /// assert!(set.lines().eq([2, 40]));
    /// assert_eq!(set.lines().len(), 2);
    /// ```
    #[inline]
    pub const fn lines(self) -> Lines {
        Lines(self.bits())
    }

    fn halves(self) -> [u32; 2] {
        // The casts truncate on purpose: the low half, then the high half.
        [self.bits() as u32, (self.bits() >> 32) as u32]
    }

    fn from_halves([low, high]: [u32; 2]) -> Self {
        SignalSet::from_bits_retain(u64::from(low) | (u64::from(high) << 32))
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lines()).finish()
    }
}

impl FromIterator<u32> for SignalSet {
    fn from_iter<I: IntoIterator<Item = u32>>(lines: I) -> Self {
        lines.into_iter().fold(SignalSet::empty(), |set, line| set | SignalSet::line(line))
    }
}

/// The lines of a [`SignalSet`], lowest first.
///
/// ```
/// use ringway_core::signal::SignalSet;
/// let mut lines = SignalSet::of(&[7, 1]).lines();
/// assert_eq!((lines.next(), lines.next(), lines.next()), (Some(1), Some(7), None));
/// ```
#[derive(Debug, Clone)]
pub struct Lines(u64);

impl Iterator for Lines {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let line = self.0.trailing_zeros();
        // Clears the lowest set bit; 0 stays 0.
        self.0 &= self.0.wrapping_sub(1);
        (line < u64::BITS).then_some(line)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.0.count_ones() as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Lines {}
impl core::iter::FusedIterator for Lines {}

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

    #[inline]
    pub(super) fn load(&self, order: Ordering) -> SignalSet {
        let [low, high] = &self.0;
        SignalSet::from_halves([low.load(order), high.load(order)])
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
