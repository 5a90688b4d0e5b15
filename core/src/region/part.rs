//! Which types can be parts.

use super::Description;
use crate::wait::{Clock, Nobody, Spin, SpinClock, Wake};
use core::ptr::NonNull;

/// A structure that can be a part of a region. One that cannot work does not compile, as where it
/// is made by its constructor:
///
/// ```compile_fail,E0080
/// use ringway_core::region::Part;
/// use ringway_core::ring::queue::Queue;
/// let none = Queue::<u64, 0>::description();
/// ```
///
/// A type says how many items it holds (`Ring<T, N>`), or leaves that to a number which is known when the program runs
/// (`RingView<T>`). In memory the two are the same, and what the one laid out the other opens.
///
/// # Safety
/// The type is `repr(C)`, aligned to at most [`ALIGN`](super::ALIGN), and has the same layout on every target that shares
/// regions. Zeroed memory is a fresh value of it. It holds no pointer, and nothing that has to be dropped. What it says is
/// true of it alone: two types with the same description are the same structure in memory, of the size that the description
/// says, and [`at`](Self::at) adds to an address the capacity and nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a part of a region",
    label = "not a `Part`",
    note = "choose a structure of `ringway::shm`: `Queue<T, N>`, `Mutex<T>`, … or, sized at run time, `QueueView<T>`, …",
    note = "what it holds has to be an `Item`, and its `W` a `SharedWait`; a value alone goes into a `RawValue<T>`"
)]
pub unsafe trait Part: Sync + 'static {
    /// How many items one holds; `None` when the type leaves it open.
    const CAPACITY: Option<usize>;

    /// What one with room for `capacity` items says of itself; `None` when there is none. A type that has a
    /// [`CAPACITY`](Self::CAPACITY) says the same for every number.
    fn description_for(capacity: usize) -> Option<Description>;

    /// The one that begins at `at` and has room for `capacity` items, which a type with a [`CAPACITY`](Self::CAPACITY) does
    /// not look at.
    fn at(at: NonNull<u8>, capacity: usize) -> NonNull<Self>;

    /// What one says of itself.
    fn description() -> Description
    where
        Self: Sized,
    {
        Self::description_for(Self::CAPACITY.unwrap_or(0)).unwrap_or(Description::NONE)
    }
}

/// A [`Part`] in which nobody is on record: no method of it takes anything under the name of a
/// participant, so that there is nothing to put right after a death. Everything that it offers is
/// safe from any process.
///
/// Of the others, a participant uses what takes its name: `ring.producer_as(me)`, `queue.handle(me)`,
/// `mutex.seat(me)`.
///
/// ```
/// use ringway_core::region::Unheld;
/// fn is_unheld<P: Unheld>() {}
/// is_unheld::<std::sync::atomic::AtomicU32>();
/// ```
pub trait Unheld: Part {}

/// A way of waking and sleeping that works between processes: [`Nobody`], one that looks again by itself ([`Spin`]), or one
/// on which a process sleeps that another one wakes.
///
/// # Safety
/// The type has no bytes, and its [`wake`](Wake::wake) wakes those who sleep in another process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not work between processes",
    note = "take `Nobody`, `Spin`, or `ringway::shm::RobustFutex`, in a structure that lies in a region"
)]
pub unsafe trait SharedWait: Wake + Sync + 'static {}

// SAFETY: it has no bytes, and nobody sleeps.
unsafe impl SharedWait for Nobody {}

// SAFETY: as above: who waits looks again by itself.
unsafe impl SharedWait for Spin {}

// SAFETY: as above.
unsafe impl<C: Clock + 'static> SharedWait for SpinClock<C> {}
