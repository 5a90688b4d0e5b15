//! A value that lies as words: whoever writes and whoever reads do so word by word, at the same time if it happens so.

use crate::plain::Plain;
use crate::sync::{Ordering, const_unless_loom};
use core::fmt;
use core::mem::MaybeUninit;

/// How many bytes a word has.
const WORD: usize = size_of::<u32>();

/// A value in memory that others may write at any moment: copied in and out word by word, by relaxed loads and stores.
///
/// A copy that meets another side's write is *torn*, some of it old and some new. It is never undefined behaviour, and as
/// the type is [`Plain`] it is always a value; whether it is one that somebody wrote is for the user to find out, by a
/// stamp as in [`broadcast`](crate::ring::broadcast), or by a rule that only one side writes. A `T` of up to four bytes is
/// one word and never torn, as long as it is not of three.
///
/// Nothing is ordered by these accesses: what has to be seen together with the value is to be ordered by the user. Zeroed
/// memory is a `Words` of a zeroed `T`. Aligned to 4 bytes at least, and the size is a multiple of that.
///
/// ```
/// use ringway_core::plain::Words;
/// static PLACE: Words<[u16; 3]> = Words::zeroed();
/// assert_eq!(PLACE.load(), [0, 0, 0]);
/// PLACE.store([1, 2, 3]);
/// assert_eq!(PLACE.load(), [1, 2, 3]);
/// ```
#[repr(C, align(4))]
pub struct Words<T> {
    #[cfg(not(loom))]
    value: core::cell::UnsafeCell<T>,
    /// Loom's words lie where they like: only their number is the value's.
    #[cfg(loom)]
    words: std::boxed::Box<[loom::sync::atomic::AtomicU32]>,
    #[cfg(loom)]
    value: core::marker::PhantomData<T>,
}

// SAFETY: every access after the value was made is an atomic one, and by copy, so that `T: Plain` is all it takes: such a
// type means the same wherever it is copied to.
unsafe impl<T: Plain> Sync for Words<T> {}

impl<T: Plain> Words<T> {
    const_unless_loom! {
        /// A place with a value whose bytes are all zero.
        pub fn zeroed() -> Self {
            #[cfg(not(loom))]
            {
                // SAFETY: `Plain`: any bytes are a value.
                Words { value: core::cell::UnsafeCell::new(unsafe { core::mem::zeroed() }) }
            }
            #[cfg(loom)]
            Words {
                words: (0..size_of::<T>().div_ceil(WORD))
                    .map(|_| loom::sync::atomic::AtomicU32::new(0))
                    .collect(),
                value: core::marker::PhantomData,
            }
        }
    }

    const_unless_loom! {
        /// A place with `value`.
        pub fn new(value: T) -> Self {
            #[cfg(not(loom))]
            {
                Words { value: core::cell::UnsafeCell::new(value) }
            }
            #[cfg(loom)]
            {
                let words = Words::zeroed();
                words.store(value);
                words
            }
        }
    }

    /// Copies `value` in.
    #[inline]
    #[track_caller]
    pub fn store(&self, value: T) {
        self.store_from(&value);
    }

    /// Copies the value out; torn if somebody writes meanwhile.
    #[inline]
    #[track_caller]
    pub fn load(&self) -> T {
        let mut value = MaybeUninit::uninit();
        self.copy_out(&mut value);
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
        let bytes = core::ptr::from_ref(value).cast::<u8>();
        for word in 0..size_of::<T>() / WORD {
            let from = bytes.wrapping_add(word * WORD).cast::<u32>();
            // SAFETY: these four bytes lie in `value`, and `Plain`: none of them is padding.
            self.store_word(word, unsafe { from.read_unaligned() });
        }
        for byte in size_of::<T>() / WORD * WORD..size_of::<T>() {
            // SAFETY: as above, of one byte.
            self.store_byte(byte, unsafe { bytes.wrapping_add(byte).read() });
        }
    }

    /// Copies the value out into `*value`, without another copy on the way; torn if somebody writes meanwhile.
    #[inline]
    #[track_caller]
    pub fn load_into(&self, value: &mut T) {
        // SAFETY: `T` and `MaybeUninit<T>` are the same in memory, and `copy_out` writes no uninitialized byte.
        self.copy_out(unsafe { &mut *core::ptr::from_mut(value).cast::<MaybeUninit<T>>() });
    }

    /// Writes every byte of `out`.
    #[inline(always)]
    #[track_caller]
    fn copy_out(&self, out: &mut MaybeUninit<T>) {
        let bytes = out.as_mut_ptr().cast::<u8>();
        for word in 0..size_of::<T>() / WORD {
            let to = bytes.wrapping_add(word * WORD).cast::<u32>();
            // SAFETY: these four bytes lie in `out`.
            unsafe { to.write_unaligned(self.load_word(word)) };
        }
        for byte in size_of::<T>() / WORD * WORD..size_of::<T>() {
            // SAFETY: as above, of one byte.
            unsafe { bytes.wrapping_add(byte).write(self.load_byte(byte)) };
        }
    }
}

// All of it is relaxed: the user's accesses around it order what has to be ordered, see the type.
#[cfg(not(loom))]
impl<T: Plain> Words<T> {
    #[inline(always)]
    fn word(&self, word: usize) -> &core::sync::atomic::AtomicU32 {
        let place = self.value.get().cast::<u32>().wrapping_add(word);
        // SAFETY: callers count whole words of `T`, so that it lies in the value; the type is aligned to a word; and every
        // access to these bytes is an atomic one of a word.
        unsafe { core::sync::atomic::AtomicU32::from_ptr(place) }
    }

    #[inline(always)]
    fn byte(&self, byte: usize) -> &core::sync::atomic::AtomicU8 {
        let place = self.value.get().cast::<u8>().wrapping_add(byte);
        // SAFETY: callers count the bytes of `T` behind its last whole word; every access to these is an atomic one of a
        // byte.
        unsafe { core::sync::atomic::AtomicU8::from_ptr(place) }
    }

    #[inline(always)]
    fn store_word(&self, word: usize, value: u32) {
        self.word(word).store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    fn load_word(&self, word: usize) -> u32 {
        self.word(word).load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn store_byte(&self, byte: usize, value: u8) {
        self.byte(byte).store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    fn load_byte(&self, byte: usize) -> u8 {
        self.byte(byte).load(Ordering::Relaxed)
    }
}

/// Bytes behind the last whole word share one of loom's.
#[cfg(loom)]
impl<T: Plain> Words<T> {
    fn store_word(&self, word: usize, value: u32) {
        self.words[word].store(value, Ordering::Relaxed);
    }

    fn load_word(&self, word: usize) -> u32 {
        self.words[word].load(Ordering::Relaxed)
    }

    fn store_byte(&self, byte: usize, value: u8) {
        let mut bytes = self.load_word(byte / WORD).to_ne_bytes();
        bytes[byte % WORD] = value;
        self.store_word(byte / WORD, u32::from_ne_bytes(bytes));
    }

    fn load_byte(&self, byte: usize) -> u8 {
        self.load_word(byte / WORD).to_ne_bytes()[byte % WORD]
    }
}

impl<T> fmt::Debug for Words<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(..)")
    }
}
