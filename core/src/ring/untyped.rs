//! A ring as one sees it who looks on, and knows neither what it holds nor, when compiled, how much of it.

use super::cursor::Header;
use super::index;
#[cfg(not(loom))]
use super::index::MAX_CAPACITY;
use crate::participant::Participant;
use crate::wait::{Nobody, Wake};
#[cfg(not(loom))]
use core::ptr::NonNull;

/// A ring of values or of bytes in shared memory, as one sees it who knows its capacity, but not of what.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::ring::{Ring, Untyped};
/// let ring: Ring<u64, 8> = Ring::new();
/// let me = Participant::new(3).unwrap();
/// let mut producer = ring.producer_as(me).unwrap();
/// producer.try_push(1).unwrap();
/// // SAFETY: that is where the ring is, and how much it holds.
/// let untyped = unsafe { Untyped::at(std::ptr::NonNull::from(&ring).cast(), 8) }.unwrap();
/// assert_eq!(untyped.used(), Some(1));
/// assert_eq!((untyped.producer(), untyped.consumer()), (Some(me), None));
/// # let _: &Untyped<'_, ringway_core::wait::Nobody> = &untyped;
/// ```
#[derive(Debug)]
pub struct Untyped<'r, W: Wake = Nobody> {
    header: &'r Header<W>,
    capacity: u32,
}

impl<'r, W: Wake> Untyped<'r, W> {
    /// How many bytes the words of a ring take, which the rest follows.
    pub const SIZE: usize = size_of::<Header<W>>();

    /// The ring at `at`, which holds `capacity` values; `None` when no ring holds so many.
    ///
    /// # Safety
    /// There are the first [`SIZE`](Self::SIZE) bytes of a `Ring<T, N, B>` for some `T`, or of a `ByteRing<N, B>`, for `'r`.
    /// They may say what no ring says.
    #[cfg(not(loom))]
    pub unsafe fn at(at: NonNull<u8>, capacity: usize) -> Option<Self> {
        if capacity == 0 || capacity > MAX_CAPACITY {
            return None;
        }
        // SAFETY: by the caller's word: both kinds of rings are `repr(C)` and begin with their header, which is words,
        // of which any bits are a value.
        let header = unsafe { at.cast::<Header<W>>().as_ref() };
        Some(Untyped { header, capacity: capacity as u32 })
    }

    /// How many values are in it. `None` when the two positions do not fit together: the sides are under way, so look again;
    /// if it stays so, somebody scribbled over them.
    pub fn used(&self) -> Option<usize> {
        let (head, tail, _) = self.header.glance();
        index::used_of(self.capacity, head, tail).map(|used| used as usize)
    }

    /// Whether both sides stand where the sides of such a ring can, see [`Ring::is_sound`](super::Ring::is_sound).
    pub fn is_sound(&self) -> bool {
        let (head, tail, _) = self.header.glance();
        index::is_position_of(self.capacity, head) && index::is_position_of(self.capacity, tail)
    }

    /// Who has the half that pushes or writes.
    pub fn producer(&self) -> Option<Participant> {
        self.header.consumer.0.peer.holder()
    }

    /// Who has the half that pops or reads.
    pub fn consumer(&self) -> Option<Participant> {
        self.header.producer.0.peer.holder()
    }

    /// Whether the last producer closed its half or died, and nobody took it since.
    pub fn producer_is_gone(&self) -> bool {
        self.header.consumer.0.peer.is_gone()
    }

    /// The same of the consumer.
    pub fn consumer_is_gone(&self) -> bool {
        self.header.producer.0.peer.is_gone()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::ring::Ring;
    use crate::ring::bytes::ByteRing;
    use crate::sync::CachePadded;

    #[test]
    fn it_sees_what_the_halves_do_in_rings_of_values_and_of_bytes() {
        let (ring, bytes) = (<Ring<u16, 3>>::new(), <ByteRing<300>>::new());
        // SAFETY: that is where they are, and how much they hold.
        let seen = unsafe { Untyped::<Nobody>::at(NonNull::from(&ring).cast(), 3) }.unwrap();
        // SAFETY: as above.
        let written = unsafe { Untyped::<Nobody>::at(NonNull::from(&bytes).cast(), 300) }.unwrap();
        assert_eq!((seen.used(), written.used()), (Some(0), Some(0)));
        assert!(!seen.producer_is_gone(), "it has not come yet");
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for round in 0..10 {
            assert_eq!(producer.try_push_slice(&[round; 4]), 3);
            assert_eq!(seen.used(), Some(3));
            assert_eq!(consumer.try_pop(), Some(round));
            assert_eq!(seen.used(), Some(2));
            consumer.clear();
        }
        assert_eq!((seen.producer(), seen.consumer()), (Some(Participant::LOCAL), seen.producer()));
        producer.close();
        assert!(seen.producer_is_gone() && seen.producer().is_none() && !seen.consumer_is_gone());
        bytes.producer().unwrap().try_write(&[0; 299]);
        assert_eq!(written.used(), Some(299));
        assert!(seen.is_sound() && written.is_sound());
    }

    #[test]
    fn nonsense_is_seen_as_such() {
        let [words] = &[CachePadded([u32::MAX; 64])];
        let at = NonNull::from(words).cast();
        // SAFETY: there are so many bytes, of words, which nobody writes.
        let seen = unsafe { Untyped::<Nobody>::at(at, 8) }.unwrap();
        assert!(!seen.is_sound());
        assert_eq!(seen.used(), None);
        for capacity in [0, MAX_CAPACITY + 1] {
            // SAFETY: as above.
            assert!(unsafe { Untyped::<Nobody>::at(at, capacity) }.is_none());
        }
    }
}
