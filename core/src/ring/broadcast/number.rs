//! The numbers of messages, and how one lies in two words: pure, no atomics.
//!
//! Numbers count from 1, and 0 is "nothing yet". They are of 64 bits, so that none comes back: at a
//! message a nanosecond they last for 584 years. In memory a number is two words of 32 bits,
//! because a small target has no atomic that is wider, and where a small one and a large one share
//! memory, a critical section of the one would not keep the other away.

/// How many bits of a number are in its lower word. For loom so few that its models see the word
/// come back to where it was, which on a real machine takes a minute's suspension of a reader,
/// between two particular instructions.
const LOW_BITS: u32 = if cfg!(loom) { 2 } else { 32 };

/// The lower word of a number.
pub(super) const fn low(number: u64) -> u32 {
    (number & ((1 << LOW_BITS) - 1)) as u32
}

/// The upper word of a number.
pub(super) const fn high(number: u64) -> u32 {
    (number >> LOW_BITS) as u32
}

/// The number that two words make.
pub(super) const fn join(high: u32, low: u32) -> u64 {
    (high as u64) << LOW_BITS | low as u64
}

/// Whether a lower word is in the upper half of its range.
pub(super) const fn is_upper_half(low: u32) -> bool {
    low >> (LOW_BITS - 1) != 0
}

/// Which of so many slots a number has. Where the capacity is a constant, so is which of the two
/// ways it goes.
#[inline(always)]
pub(super) const fn index(number: u64, capacity: u32) -> usize {
    let capacity = capacity as u64;
    let mask = capacity.wrapping_sub(1);
    let index = if capacity & mask == 0 {
        number & mask
    } else {
        // Not zero, which the compiler does not see.
        match number.checked_rem(capacity) {
            Some(index) => index,
            None => 0,
        }
    };
    index as usize
}

/// The number of the oldest message that can still be there when `newest` is the newest.
pub(super) const fn oldest(newest: u64, capacity: u32) -> u64 {
    if newest < capacity as u64 { 1 } else { newest.wrapping_sub(capacity as u64).wrapping_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_make_the_number_that_they_were_made_of() {
        for number in [0, 1, 2, u32::MAX as u64, 1 << 32, (1 << 32) + 1, 1 << 63, u64::MAX] {
            assert_eq!(join(high(number), low(number)), number);
        }
    }

    #[test]
    fn the_half_changes_whenever_the_upper_word_does() {
        for high_word in 1..4_u64 {
            let first = high_word << LOW_BITS;
            assert!(is_upper_half(low(first - 1)) && !is_upper_half(low(first)));
            assert_eq!(u64::from(high(first - 1)) + 1, high_word);
        }
    }
}
