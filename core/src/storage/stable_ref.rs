//! The reference through which a half reaches its structure.

use crate::participant::Participant;

/// A reference that keeps its structure alive and in place.
///
/// It is `&S`, an `Arc<S>` (with the feature `alloc`), or a part of a region. Each half of a
/// structure has one. With `&S` the half borrows the structure. With a reference that owns, the
/// half can be kept wherever a value can: in a struct, a thread, a task.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use ringway_core::ring::{Producer, RingView, Ring};
/// use std::sync::Arc;
/// struct Sensor {
///     samples: Producer<Arc<RingView<u16>>>,
/// }
/// let ring: Arc<RingView<u16>> = Arc::new(Ring::<u16, 16>::new());
/// let mut consumer = ring.consumer().unwrap();
/// let mut sensor = Sensor { samples: Producer::new(ring.clone()).unwrap() };
/// sensor.samples.try_push(7).unwrap();
/// assert_eq!(consumer.try_pop(), Some(7));
/// # }
/// ```
///
/// # Safety
/// [`get`](Self::get) always lends the same structure. The structure lives and stays in place as
/// long as this reference lives, even if the reference is moved. Nobody has exclusive access to the
/// structure meanwhile. (A `Box` does not qualify: moving a `Box` asserts that nobody else uses
/// what it owns.)
pub unsafe trait StableRef {
    /// The type of the structure.
    type Target: ?Sized;

    /// Lends the structure, for as long as this reference is borrowed.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// use ringway_core::storage::StableRef;
    /// let ring: Ring<u8, 4> = Ring::new();
    /// assert_eq!((&ring).get().capacity(), 4);
    /// ```
    fn get(&self) -> &Self::Target;

    /// The participant for which a half is taken.
    ///
    /// It is [`LOCAL`](Participant::LOCAL) where no other process shares the structure.
    fn participant(&self) -> Participant {
        Participant::LOCAL
    }
}

// SAFETY: a borrowed structure lives and stays in place as long as the borrow, and nobody has
// exclusive access to it meanwhile.
unsafe impl<T: ?Sized> StableRef for &T {
    type Target = T;

    #[inline(always)]
    fn get(&self) -> &T {
        self
    }
}

// SAFETY: an `Arc` owns a share of a value that does not move. Nobody gets exclusive access:
// `Arc::get_mut` succeeds only when there is a single `Arc`, and borrows that, while a half keeps
// an `Arc` of its own.
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
unsafe impl<T: ?Sized> StableRef for alloc::sync::Arc<T> {
    type Target = T;

    #[inline(always)]
    fn get(&self) -> &T {
        self
    }
}
