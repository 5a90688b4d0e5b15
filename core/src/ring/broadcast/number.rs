//! The numbers of messages, and their form in two words: pure, no atomics.
//!
//! Numbers count from 1; 0 means "nothing yet". They have 64 bits, so that none recurs: at one
//! message a nanosecond they last for 584 years. In memory a number is two words of 32 bits,
//! because a small target has no wider atomic. Where a small target and a large one share memory, a
//! critical section on one would not exclude the other.
//!

/// The number of bits in the lower word of a number. Under loom they are few, so that its models
/// see the word return to an old value. On a real machine this takes a reader that is suspended for
/// a minute between two particular instructions.
const LOW_BITS: u32 = if cfg!(loom) { 2 } else { 32 };

/// The lower word of a number.
pub(super) const fn low(number: u64) -> u32 {
    (number & ((1 << LOW_BITS) - 1)) as u32
}

/// The upper word of a number.
pub(super) const fn high(number: u64) -> u32 {
    (number >> LOW_BITS) as u32
}

/// The number that consists of two words.
pub(super) const fn join(high: u32, low: u32) -> u64 {
    (high as u64) << LOW_BITS | low as u64
}

/// The half of its range in which a lower word is: 0, or 1 for the upper one.
pub(super) const fn half(low: u32) -> u32 {
    low >> (LOW_BITS - 1)
}

/// The index of a number's slot among `capacity` slots. If the capacity is a constant, the compiler
/// knows which branch applies.
#[inline(always)]
pub(super) const fn index(number: u64, capacity: u32) -> usize {
    let capacity = capacity as u64;
    let mask = capacity.wrapping_sub(1);
    let index = if capacity & mask == 0 {
        number & mask
    } else {
        // The capacity is not zero, but the compiler does not see that.
        match number.checked_rem(capacity) {
            Some(index) => index,
            None => 0,
        }
    };
    index as usize
}

/// The number of the oldest message that may still be there, when `newest` is the newest.
pub(super) const fn oldest(newest: u64, capacity: u32) -> u64 {
    if newest < capacity as u64 { 1 } else { newest.wrapping_sub(capacity as u64).wrapping_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_make_the_number_they_came_from() {
        for number in [0, 1, 2, u32::MAX as u64, 1 << 32, (1 << 32) + 1, 1 << 63, u64::MAX] {
            assert_eq!(join(high(number), low(number)), number);
        }
    }

    #[test]
    fn the_half_changes_whenever_the_upper_word_does() {
        for high_word in 1..4_u64 {
            let first = high_word << LOW_BITS;
            assert_eq!((half(low(first - 1)), half(low(first))), (1, 0));
            assert_eq!(u64::from(high(first - 1)) + 1, high_word);
        }
    }
}
