//! A value that lies as words: whoever writes and whoever reads do so word by word, at the same
//! time if it happens so.

#[cfg_attr(loom, path = "words/place_loom.rs")]
mod place;

use crate::plain::Plain;
use crate::sync::const_unless_loom;
use core::fmt;
use core::mem::MaybeUninit;
use place::Place;
#[cfg(not(loom))]
pub(crate) use place::{copy_in, copy_out};

/// A value in memory that others may write at any moment: copied in and out word by word, by
/// relaxed loads and stores.
///
/// A copy that meets another side's write is *torn*, some of it old and some new. It is never
/// undefined behaviour, and as the type is [`Plain`] it is always a value; whether it is one that
/// somebody wrote is for the user to find out, by a stamp as in
/// [`broadcast`](crate::ring::broadcast), or by a rule that only one side writes. A `T` of one byte
/// or of four is never torn.
///
/// Quickest when `T` is aligned to 8 bytes: then a 64-bit machine copies so many at a time.
///
/// Nothing is ordered by these accesses: what has to be seen together with the value is to be
/// ordered by the user. Zeroed memory is a `Words` of a zeroed `T`. Aligned to 4 bytes at least,
/// and the size is a multiple of that.
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

// SAFETY: every access after the value was made is an atomic one, and by copy, so that `T: Plain`
// is all it takes: such a type means the same wherever it is copied to.
unsafe impl<T: Plain> Sync for Words<T> {}

impl<T: Plain> Words<T> {
    const_unless_loom! {
        /// A place with a value whose bytes are all zero.
        pub fn zeroed() -> Self {
            // SAFETY: `Plain`: any bytes are a value.
            Words(Place::new(unsafe { core::mem::zeroed() }))
        }
    }

    const_unless_loom! {
        /// A place with `value`.
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

    /// Copies the value out; torn if somebody writes meanwhile.
    #[inline]
    #[track_caller]
    pub fn load(&self) -> T {
        let mut value = MaybeUninit::uninit();
        self.0.copy_out(&mut value);
        // SAFETY: `copy_out` has written every byte, and `Plain`: any bytes are a value.
        unsafe { value.assume_init() }
    }

    /// Copies `*value` in, without another copy on the way.
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

    /// Copies the value out into `*value`, without another copy on the way; torn if somebody writes
    /// meanwhile.
    #[inline]
    #[track_caller]
    pub fn load_into(&self, value: &mut T) {
        // SAFETY: `T` and `MaybeUninit<T>` are the same in memory, and `copy_out` writes no
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

    /// Every byte of a copy is where it belongs, and none beside it is touched.
    fn passes<T: Plain + PartialEq + fmt::Debug, const BYTES: usize>(make: fn([u8; BYTES]) -> T) {
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
    fn values_of_every_size_are_copied_whole_and_alone() {
        passes::<[u8; 0], 0>(|bytes| bytes);
        passes::<u8, 1>(|[byte]| byte);
        passes::<u16, 2>(u16::from_ne_bytes);
        passes::<[u8; 3], 3>(|bytes| bytes);
        passes::<u32, 4>(u32::from_ne_bytes);
        passes::<[u8; 7], 7>(|bytes| bytes);
        passes::<u64, 8>(u64::from_ne_bytes);
        passes::<u128, 16>(u128::from_ne_bytes);
        passes::<[u8; 255], 255>(|bytes| bytes);
        passes::<[u8; 256], 256>(|bytes| bytes);
        passes::<[u8; 257], 257>(|bytes| bytes);
        passes::<[u8; 4099], 4099>(|bytes| bytes);
        passes::<[u64; 1], 8>(|bytes| [u64::from_ne_bytes(bytes)]);
    }
}
