//! By what a half reaches its structure, and keeps it.

use crate::participant::Participant;

/// A reference that keeps its structure alive and in its place: `&S`, an `Arc<S>` (with the feature
/// `alloc`), a part of a region.
///
/// A half of a structure has one. By `&S` it borrows the structure; by one that owns, it can be
/// kept wherever a value can: in a struct, a thread, a task.
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
/// [`get`](Self::get) always lends the same structure. It is there and stays in its place for as
/// long as this reference lives, whether that is moved or not, and nobody has it exclusively
/// meanwhile. (A `Box` is none: whoever moves it says that nobody else uses what it owns.)
pub unsafe trait StableRef {
    /// The structure.
    type Target: ?Sized;

    /// The structure, for as long as this reference is borrowed.
    ///
    /// ```
    /// use ringway_core::ring::Ring;
    /// use ringway_core::storage::StableRef;
    /// let ring: Ring<u8, 4> = Ring::new();
    /// assert_eq!((&ring).get().capacity(), 4);
    /// ```
    fn get(&self) -> &Self::Target;

    /// Under whose name a half is taken: [`LOCAL`](Participant::LOCAL), where no other process
    /// shares the structure.
    fn participant(&self) -> Participant {
        Participant::LOCAL
    }
}

// SAFETY: what is borrowed stays where it is for as long, and nobody has it exclusively.
unsafe impl<T: ?Sized> StableRef for &T {
    type Target = T;

    #[inline(always)]
    fn get(&self) -> &T {
        self
    }
}

// SAFETY: it owns a part of a value that does not move. Nobody has that exclusively: `Arc::get_mut`
// borrows the only `Arc` there is, and a half has one.
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
unsafe impl<T: ?Sized> StableRef for alloc::sync::Arc<T> {
    type Target = T;

    #[inline(always)]
    fn get(&self) -> &T {
        self
    }
}
