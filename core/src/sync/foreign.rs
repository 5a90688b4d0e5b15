//! Bytes that another program may change at any moment: copied, never borrowed.

#[cfg(not(loom))]
mod memory {
    use core::marker::PhantomData;
    use core::ptr::NonNull;
    use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

    /// The bytes. Every access to them is atomic.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Foreign<'m> {
        at: NonNull<u8>,
        memory: PhantomData<&'m [AtomicU8]>,
    }

    // SAFETY: this is a shared borrow of bytes that every side accesses only atomically.
    unsafe impl Send for Foreign<'_> {}
    // SAFETY: this is a shared borrow of bytes that every side accesses only atomically.
    unsafe impl Sync for Foreign<'_> {}

    const WORD: usize = size_of::<usize>();

    impl<'m> Foreign<'m> {
        /// # Safety
        /// For `'m`, bytes lie at `at`, which is aligned to a word. In this program they are
        /// accessed through such a `Foreign` alone.
        pub(crate) const unsafe fn new(at: NonNull<u8>) -> Self {
            Foreign { at, memory: PhantomData }
        }

        /// The byte at this offset, which lies in the memory.
        fn byte(&self, offset: usize) -> &AtomicU8 {
            // SAFETY: the callers give offsets within the memory. The caller of `new` guarantees
            // its bytes for `'m`, and an `AtomicU8` has no alignment of its own.
            unsafe { AtomicU8::from_ptr(self.at.as_ptr().wrapping_add(offset)) }
        }

        /// The word at this offset, which lies in the memory and is aligned to a word.
        fn word(&self, offset: usize) -> &AtomicUsize {
            // SAFETY: the callers give the offset of a whole word within the memory, aligned to its
            // size: the memory begins so. The caller of `new` guarantees its bytes for
            // `'m`.
            unsafe { AtomicUsize::from_ptr(self.at.as_ptr().wrapping_add(offset).cast()) }
        }

        /// Copies `from` to this offset. The range lies in the memory.
        pub(crate) fn copy_in(self, offset: usize, from: &[u8]) {
            // Relaxed, all: the position is stored with release behind them.
            let (head, rest) = from.split_at_checked(head(offset)).unwrap_or((from, &[]));
            for (at, byte) in head.iter().enumerate() {
                self.byte(offset + at).store(*byte, Ordering::Relaxed);
            }
            let offset = offset + head.len();
            let mut words = rest.chunks_exact(WORD);
            let tail = offset + rest.len() / WORD * WORD;
            for (at, bytes) in words.by_ref().enumerate() {
                let word = usize::from_ne_bytes(bytes.try_into().unwrap_or_default());
                self.word(offset + at * WORD).store(word, Ordering::Relaxed);
            }
            for (at, byte) in words.remainder().iter().enumerate() {
                self.byte(tail + at).store(*byte, Ordering::Relaxed);
            }
        }

        /// Copies the bytes from this offset to `to`. The range lies in the memory.
        pub(crate) fn copy_out(self, offset: usize, to: &mut [u8]) {
            // Relaxed, all: the position was loaded with acquire before them.
            let (head, rest) = match head(offset) {
                head if head < to.len() => to.split_at_mut(head),
                _ => (to, &mut [][..]),
            };
            for (at, byte) in head.iter_mut().enumerate() {
                *byte = self.byte(offset + at).load(Ordering::Relaxed);
            }
            let offset = offset + head.len();
            let tail = offset + rest.len() / WORD * WORD;
            let mut words = rest.chunks_exact_mut(WORD);
            for (at, bytes) in words.by_ref().enumerate() {
                let word = self.word(offset + at * WORD).load(Ordering::Relaxed).to_ne_bytes();
                bytes.iter_mut().zip(word).for_each(|(to, from)| *to = from);
            }
            for (at, byte) in words.into_remainder().iter_mut().enumerate() {
                *byte = self.byte(tail + at).load(Ordering::Relaxed);
            }
        }
    }

    /// How many bytes there are before the next whole word.
    fn head(offset: usize) -> usize {
        offset.wrapping_neg() % WORD
    }

    /// A processor may refuse a word that is not aligned; this one may not tell.
    #[test]
    fn words_begin_at_their_alignment() {
        for offset in 0..3 * WORD {
            assert!(head(offset) < WORD && (offset + head(offset)).is_multiple_of(WORD));
        }
    }
}

#[cfg(loom)]
mod memory {
    use super::super::native::{AtomicU8, Ordering};

    /// The bytes, as loom watches them.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Foreign<'m>(pub(crate) &'m [AtomicU8]);

    impl Foreign<'_> {
        pub(crate) fn copy_in(self, offset: usize, from: &[u8]) {
            // Relaxed: the position is stored with release behind them.
            let bytes = self.0[offset..].iter().zip(from);
            bytes.for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
        }

        pub(crate) fn copy_out(self, offset: usize, to: &mut [u8]) {
            // Relaxed: the position was loaded with acquire before them.
            let bytes = self.0[offset..].iter().zip(to);
            bytes.for_each(|(from, to)| *to = from.load(Ordering::Relaxed));
        }
    }
}

pub(crate) use memory::Foreign;
