//! Sets of lines, as values.

use core::fmt;

/// Whether the processor finds the lowest bit of a word in an instruction or two. Those without
/// compare-and-swap do not.
pub(super) const FINDS_BITS: bool = cfg!(not(any(no_cas, not(target_has_atomic = "32"))));

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

    pub(super) fn halves(self) -> [u32; 2] {
        // The casts truncate on purpose: the low half, then the high half.
        [self.bits() as u32, (self.bits() >> 32) as u32]
    }

    pub(super) fn from_halves([low, high]: [u32; 2]) -> Self {
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

/// The lines of a set in the dispatcher's order: from the line `first` up, then from line 0 up.
///
/// `B` has a bit for each line of the table.
#[derive(Debug)]
pub(super) struct InTurn<B> {
    /// The lines to come. Without `last`, the lowest bit is line `first`.
    bits: B,
    first: u32,
    /// For going from line to line: the number of the last, or one less than a power of two.
    last: Option<u32>,
}

macro_rules! in_turn {
    ($($bits:ty),*) => {$(
        impl InTurn<$bits> {
            #[inline(always)]
            pub(super) fn new(set: SignalSet, first: u32, last: Option<u32>) -> Self {
                // The cast truncates on purpose: the lines of the table are the low bits.
                let bits = set.bits() as $bits;
                InTurn {
                    bits: if last.is_some() { bits } else { bits.rotate_right(first) },
                    first,
                    last,
                }
            }
        }

        impl Iterator for InTurn<$bits> {
            type Item = u32;

            #[inline(always)]
            fn next(&mut self) -> Option<u32> {
                if let Some(last) = self.last {
                    while self.bits != 0 {
                        let line = self.first & last;
                        self.first = line.wrapping_add(1);
                        let bit: $bits = 1 << line;
                        if self.bits & bit != 0 {
                            self.bits ^= bit;
                            return Some(line);
                        }
                    }
                    return None;
                }
                if self.bits == 0 {
                    return None;
                }
                let lowest = self.bits.trailing_zeros();
                self.bits &= self.bits.wrapping_sub(1);
                Some(lowest.wrapping_add(self.first) % <$bits>::BITS)
            }
        }
    )*};
}
in_turn!(u32, u64);

/// The same as [`InTurn`], in little code: it goes from line to line, of a number that is known at
/// run time.
#[derive(Debug)]
pub(super) struct Steps {
    /// The lines of the set: 0 to 31, and 32 to 63.
    halves: [u32; 2],
    next: u32,
    /// The number of lines, and how many of them to look at.
    lines: u32,
    left: u32,
}

impl Steps {
    #[inline(always)]
    pub(super) fn new(set: SignalSet, first: u32, lines: u32) -> Self {
        let left = if set.is_empty() { 0 } else { lines };
        Steps { halves: set.halves(), next: first, lines, left }
    }
}

impl Iterator for Steps {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        while self.left > 0 {
            self.left -= 1;
            let line = if self.next < self.lines { self.next } else { 0 };
            self.next = line.wrapping_add(1);
            let [low, high] = self.halves;
            let half = if line < u32::BITS { low } else { high };
            // The shift counts modulo 32, which is right for both halves.
            if half.wrapping_shr(line) & 1 != 0 {
                return Some(line);
            }
        }
        None
    }
}
