//! Which types can be parts.

use super::Description;
use crate::participant::Participant;
use crate::wait::{Clock, Nobody, Spin, SpinClock, Wake};
use core::ops::Deref;
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
/// A type says how many items it holds (`Ring<T, N>`), or leaves that to a number which is known
/// when the program runs (`RingView<T>`). In memory the two are the same, and what the one laid out
/// the other opens.
///
/// # Safety
/// The type is `repr(C)`, aligned to at most [`ALIGN`](super::ALIGN), and has the same layout on
/// every target that shares regions. Zeroed memory is a fresh value of it. It holds no pointer, and
/// nothing that has to be dropped. What it says is true of it alone: two types with the same
/// description are the same structure in memory, of the size that the description says, and
/// [`found_at`](Self::found_at) adds to an address the capacity and nothing else. Its
/// [`Handle`](Self::Handle) cannot be copied and lends nothing for longer than it is borrowed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a part of a region",
    label = "not a `Part`",
    note = "choose a structure of `ringway::shm`: `Queue<T, N>`, `Mutex<T>`, … or, sized at run time, `QueueView<T>`, …",
    note = "what it holds has to be an `Item`, and its `W` a `SharedWait`; a value alone goes into a `RawValue<T>`"
)]
pub unsafe trait Part: Sync + 'static {
    /// One as a participant uses it: what is taken there is on record under its name. A part of a
    /// region of the shim lends this, so that its methods are the part's.
    type Handle: Send + Sync + 'static;

    /// The handle of `me`.
    ///
    /// # Safety
    /// The part is there until the handle is dropped.
    unsafe fn handle(part: NonNull<Self>, me: Participant) -> Self::Handle;

    /// For how many items there is room in one that says this of itself. A type that has its own
    /// capacity answers that.
    fn capacity(said: &Description) -> usize;

    /// What one with room for `capacity` items says of itself; `None` when there is none. A type
    /// that has its own capacity says the same for every number.
    fn description_for(capacity: usize) -> Option<Description>;

    /// The one that begins at `at` and has room for `capacity` items, which a type that has its own
    /// does not look at; `None` when there is none. Nothing is read.
    fn found_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>>;

    /// What one says of itself.
    fn description() -> Description
    where
        Self: Sized,
    {
        Self::description_for(0).unwrap_or(Description::NONE)
    }
}

/// A part itself, as its user in a region has it: borrowed for as long as this is, and no longer.
///
/// It is the [`Handle`](Part::Handle) of a structure in which nobody is on record: an integer, a
/// semaphore, an event.
#[derive(Debug)]
pub struct Structure<P: ?Sized + 'static>(&'static P);

impl<P: ?Sized> Structure<P> {
    pub(super) const fn new(part: &'static P) -> Self {
        Structure(part)
    }
}

// Not copied, and with the borrow's lifetime: the region may go.
impl<P: ?Sized> Deref for Structure<P> {
    type Target = P;

    fn deref(&self) -> &P {
        self.0
    }
}

/// A way of waking and sleeping that works between processes: [`Nobody`], one that looks again by
/// itself ([`Spin`]), or one on which a process sleeps that another one wakes.
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
