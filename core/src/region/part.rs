//! The types that can be parts of a region.

use super::Description;
use crate::participant::Participant;
use crate::wait::{Clock, Nobody, Spin, SpinClock, Wake};
use core::ops::Deref;
use core::ptr::NonNull;

/// A structure that can be a part of a region.
///
/// A structure that cannot work does not compile, as with its constructor:
///
/// ```compile_fail,E0080
/// use ringway_core::region::Part;
/// use ringway_core::ring::queue::Queue;
/// let none = Queue::<u64, 0>::description();
/// ```
///
/// A type fixes how many items it holds (`Ring<T, N>`), or its capacity is known when the program
/// runs (`RingView<T>`). The two are the same in memory: a program can lay out a part as one and
/// open it as the other.
///
/// # Safety
/// The type is `repr(C)`, aligned to at most [`ALIGN`](super::ALIGN), and has the same layout on
/// every target that shares regions. Zeroed memory is a fresh value of it. It holds no pointer and
/// needs no drop. Its description identifies it: two types with the same description are the same
/// structure in memory, of the size in the description. [`found_at`](Self::found_at) returns a
/// pointer to the given address with the given capacity as metadata. Its [`Handle`](Self::Handle)
/// cannot be copied and lends nothing for longer than it is borrowed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a part of a region",
    label = "not a `Part`",
    note = "choose a structure of `ringway::shm`: `Queue<T, N>`, `Mutex<T>`, … or, sized at run time, `QueueView<T>`, …",
    note = "what it holds has to be an `Item`, and its `W` a `SharedWait`; a value alone goes into a `RawValue<T>`"
)]
pub unsafe trait Part: Sync + 'static {
    /// The part as one participant uses it.
    ///
    /// What is taken through it is on record under that participant. A part of a region of the shim
    /// derefs to this type.
    type Handle: Send + Sync + 'static;

    /// Returns the handle of `me`.
    ///
    /// # Safety
    /// `part` points to a valid part, which stays in its place until the handle is dropped.
    unsafe fn handle(part: NonNull<Self>, me: Participant) -> Self::Handle;

    /// The capacity of a part with the description `said`, in items.
    ///
    /// A type that fixes its capacity returns that capacity.
    fn capacity(said: &Description) -> usize;

    /// The description of a part with room for `capacity` items; `None` when there is no such part.
    ///
    /// A type that fixes its capacity ignores `capacity`.
    fn description_for(capacity: usize) -> Option<Description>;

    /// A pointer to the part with room for `capacity` items at `at`; `None` when there is no such
    /// part.
    ///
    /// Reads no memory. A type that fixes its capacity ignores `capacity`.
    fn found_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>>;

    /// The description of a part of this type.
    fn description() -> Description
    where
        Self: Sized,
    {
        Self::description_for(0).unwrap_or(Description::NONE)
    }
}

/// A part itself, lent for no longer than this value is borrowed.
///
/// It is the [`Handle`](Part::Handle) of a structure that records no participant: an integer, a
/// semaphore, an event.
#[derive(Debug)]
pub struct Structure<P: ?Sized + 'static>(&'static P);

impl<P: ?Sized> Structure<P> {
    pub(super) const fn new(part: &'static P) -> Self {
        Structure(part)
    }
}

// No `Copy`, and `deref` lends with the borrow's lifetime: the region may be unmapped once this is
// dropped.
impl<P: ?Sized> Deref for Structure<P> {
    type Target = P;

    fn deref(&self) -> &P {
        self.0
    }
}

/// A way of sleeping and waking that works between processes.
///
/// It is [`Nobody`], or waiters check again by themselves ([`Spin`]), or one process wakes another
/// that sleeps.
///
/// # Safety
/// The type has no bytes, and its [`wake`](Wake::wake) also wakes those that sleep in other
/// processes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not work between processes",
    note = "take `Nobody`, `Spin`, or `ringway::shm::RobustFutex`, in a structure that lies in a region"
)]
pub unsafe trait SharedWait: Wake + Sync + 'static {}

// SAFETY: it has no bytes, and nobody sleeps on it.
unsafe impl SharedWait for Nobody {}

// SAFETY: it has no bytes, and its waiters check again by themselves.
unsafe impl SharedWait for Spin {}

// SAFETY: it has no bytes, and its waiters check again by themselves.
unsafe impl<C: Clock + 'static> SharedWait for SpinClock<C> {}
