//! A value that is read and written word by word, possibly by several sides at the same time.

#[cfg_attr(loom, path = "words/place_loom.rs")]
mod place;

use crate::plain::Plain;
use crate::sync::const_unless_loom;
use core::fmt;
use core::mem::MaybeUninit;
use place::Place;
#[cfg(not(loom))]
pub(crate) use place::{copy_in, copy_out};

/// A value that others may write at any moment, copied word by word.
///
/// The copies use relaxed loads and stores. A copy that meets another side's write is *torn*: some
/// of it is old and some new. A torn copy is never undefined behaviour, and it is always a value,
/// because the type is [`Plain`]. The user finds out whether somebody wrote that value: by a stamp
/// as in [`broadcast`](crate::ring::broadcast), or by a rule that only one side writes. A `T` of
/// one byte or of four is never torn.
///
/// A copy is quickest when `T` is aligned to 8 bytes. Then a 64-bit machine copies 8 bytes at a
/// time.
///
/// These accesses order nothing. The user orders what must be visible together with the value.
/// Zeroed memory is a `Words` of a zeroed `T`. The alignment is at least 4 bytes, and the size is a
/// multiple of 4.
///
/// ```
/// use ringway_core::plain::Words;
/// static PLACE: Words<[u16; 3]> = Words::zeroed();
/// assert_eq!(PLACE.load(), [0, 0, 0]);
/// PLACE.store([1, 2, 3]);
/// assert_eq!(PLACE.load(), [1, 2, 3]);
/// ```
#[repr(C, align(4))]
pub struct Words<T>(Place<T>);

// SAFETY: after the value was made, every access is an atomic one and copies the value. `T: Plain`
// means the same wherever it is copied to, so several threads may do so at once.
unsafe impl<T: Plain> Sync for Words<T> {}

impl<T: Plain> Words<T> {
    const_unless_loom! {
        /// A value whose bytes are all zero.
        pub fn zeroed() -> Self {
            // SAFETY: `T: Plain`, so any bytes are a value, and zeros are too.
            Words(Place::new(unsafe { core::mem::zeroed() }))
        }
    }

    const_unless_loom! {
        /// A place that holds `value`.
        pub fn new(value: T) -> Self {
            Words(Place::new(value))
        }
    }

    /// Copies `value` in.
    #[inline]
    #[track_caller]
    pub fn store(&self, value: T) {
        self.0.copy_in(&value);
    }

    /// Copies the value out. The copy is torn if somebody writes meanwhile.
    #[inline]
    #[track_caller]
    pub fn load(&self) -> T {
        let mut value = MaybeUninit::uninit();
        self.load_to(&mut value);
        // SAFETY: `load_to` has written every byte, and any bytes are a value of a `Plain` type.
        unsafe { value.assume_init() }
    }

    /// Copies the value out: writes every byte of `value`.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn load_to(&self, value: &mut MaybeUninit<T>) {
        self.0.copy_out(value);
    }

    /// Copies `*value` in, without an intermediate copy.
    ///
    /// ```
    /// use ringway_core::plain::Words;
    /// let place = Words::new([0_u8; 64]);
    /// place.store_from(&[7; 64]);
    /// let mut copy = [0; 64];
    /// place.load_into(&mut copy);
    /// assert_eq!(copy, [7; 64]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn store_from(&self, value: &T) {
        self.0.copy_in(value);
    }

    /// Copies the value out into `*value`, without an intermediate copy.
    ///
    /// The copy is torn if somebody writes meanwhile.
    #[inline]
    #[track_caller]
    pub fn load_into(&self, value: &mut T) {
        // SAFETY: `T` and `MaybeUninit<T>` have the same layout, and `copy_out` writes no
        // uninitialized byte.
        self.0.copy_out(unsafe { &mut *core::ptr::from_mut(value).cast::<MaybeUninit<T>>() });
    }
}

impl<T> fmt::Debug for Words<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(..)")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::scaled::scaled;

    const LONG: usize = scaled(4099);

    /// Asserts that every byte of a copy is where it belongs, and that no byte beside it changes.
    fn assert_copies<T: Plain + PartialEq + fmt::Debug, const BYTES: usize>(
        make: fn([u8; BYTES]) -> T,
    ) {
        let pattern = |seed: u8| make(core::array::from_fn(|n| seed.wrapping_add((n * 7) as u8)));
        let places = [(); 3].map(|()| Words::new(pattern(1)));
        places[1].store(pattern(200));
        assert_eq!(places.each_ref().map(Words::load), [pattern(1), pattern(200), pattern(1)]);
        let mut copy = pattern(0);
        places[1].load_into(&mut copy);
        assert_eq!(copy, pattern(200));
        assert!(align_of::<Words<T>>() >= 4 && size_of::<Words<T>>().is_multiple_of(4));
        assert!(size_of::<Words<T>>() - BYTES < align_of::<Words<T>>());
    }

    #[test]
    fn copies_are_whole_and_touch_nothing_else() {
        assert_copies::<[u8; 0], 0>(|bytes| bytes);
        assert_copies::<u8, 1>(|[byte]| byte);
        assert_copies::<u16, 2>(u16::from_ne_bytes);
        assert_copies::<[u8; 3], 3>(|bytes| bytes);
        assert_copies::<u32, 4>(u32::from_ne_bytes);
        assert_copies::<[u8; 7], 7>(|bytes| bytes);
        assert_copies::<u64, 8>(u64::from_ne_bytes);
        assert_copies::<u128, 16>(u128::from_ne_bytes);
        assert_copies::<[u8; 255], 255>(|bytes| bytes);
        assert_copies::<[u8; 256], 256>(|bytes| bytes);
        assert_copies::<[u8; 257], 257>(|bytes| bytes);
        assert_copies::<[u8; LONG], LONG>(|bytes| bytes);
        assert_copies::<[u64; 1], 8>(|bytes| [u64::from_ne_bytes(bytes)]);
    }
}
