//! What a part is: its kind, its geometry, and which types can be one.

use super::Item;
use crate::ring::Ring;
use crate::ring::broadcast::Broadcast;
use crate::ring::bytes::ByteRing;
use crate::ring::latest::{Latest, SLOTS};
use crate::ring::messages::MessageRing;
#[cfg(target_has_atomic = "64")]
use crate::ring::queue::Queue;
use crate::wait::{Nobody, Wake, needs_wake};
use core::fmt;

/// What kind of structure a part is. A number, because a region may hold what a later version knows.
///
/// ```
/// use ringway_core::region::{Kind, Part};
/// use ringway_core::ring::Ring;
/// assert_eq!(Ring::<u8, 4>::description().kind, Kind::RING);
/// assert_eq!(Kind::RING.to_string(), "ring");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Kind(u32);

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl Kind {
            $($(#[$meta])* pub const $name: Kind = Kind($number);)*

            /// Its name; `None` for one that this version does not know.
            pub const fn name(self) -> Option<&'static str> {
                match self.base() {
                    $(Kind::$name => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// [`Ring`].
    RING = 1, "ring";
    /// [`ByteRing`].
    BYTE_RING = 2, "byte ring";
    /// [`Queue`].
    QUEUE = 3, "queue";
    /// [`MessageRing`].
    MESSAGE_RING = 4, "message ring";
    /// [`Broadcast`].
    BROADCAST = 5, "broadcast";
    /// [`Latest`].
    LATEST = 6, "latest value";
    /// [`Mutex`](crate::lock::Mutex).
    MUTEX = 7, "mutex";
    /// [`ReentrantMutex`](crate::lock::ReentrantMutex).
    REENTRANT_MUTEX = 8, "reentrant mutex";
    /// [`RwLock`](crate::lock::RwLock).
    RW_LOCK = 9, "readers-writer lock";
    /// [`Semaphore`](crate::lock::Semaphore).
    SEMAPHORE = 10, "semaphore";
    /// [`BoundedSemaphore`](crate::lock::BoundedSemaphore).
    BOUNDED_SEMAPHORE = 11, "bounded semaphore";
    /// [`Condition`](crate::lock::Condition).
    CONDITION = 12, "condition";
    /// [`Event`](crate::lock::Event).
    EVENT = 13, "event";
    /// [`Barrier`](crate::lock::Barrier).
    BARRIER = 14, "barrier";
    /// `core`'s atomic integers.
    ATOMIC = 15, "atomic integer";
    /// [`Words`](crate::plain::Words).
    WORDS = 16, "unlocked value";
}

impl Kind {
    /// Set in the number of a part on which one can sleep.
    const WAITS: u32 = 1 << 16;

    /// The same structure, on which one can sleep.
    pub const fn that_waits(self) -> Kind {
        Kind(self.0 | Self::WAITS)
    }

    /// Whether one can sleep on it.
    pub const fn waits(self) -> bool {
        self.0 & Self::WAITS != 0
    }

    /// The structure alone, whether or not one can sleep on it.
    pub const fn base(self) -> Kind {
        Kind(self.0 & !Self::WAITS)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) if self.waits() => write!(f, "{name} with doorbells"),
            Some(name) => f.write_str(name),
            None => write!(f, "kind {:#x}, which this version does not know", self.0),
        }
    }
}

/// What a part is and holds; written into the directory, and compared when somebody attaches.
///
/// ```
/// use ringway_core::region::{Item, Part};
/// use ringway_core::ring::Ring;
/// let described = Ring::<u16, 4>::description();
/// assert_eq!((described.item_size, described.item_align, described.capacity), (2, 8, 4));
/// assert_eq!(described.item_type, u16::NAME.identity());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Description {
    /// What structure it is.
    pub kind: Kind,
    /// Of the whole part, in bytes.
    pub size: u32,
    /// Of one item, in bytes.
    pub item_size: u32,
    /// On which boundary an item lies, in bytes: at least 8, since the structures place items alike
    /// whose types need less. So a 32-bit program, which may align a `u64` to 4 bytes, says the
    /// same as a 64-bit one.
    pub item_align: u32,
    /// How many items it holds.
    pub capacity: u32,
    /// The [identity](super::TypeName::identity) of the items' type; 0 when it is not stated.
    pub item_type: u32,
    /// Zero in this version.
    pub reserved: u32,
}

/// The least alignment of items that makes a difference to where they lie.
const LEAST_ALIGN: usize = 8;

impl Description {
    /// A part `P` of `kind` that holds `capacity` items `T`.
    pub fn of<P, T: Item>(kind: Kind, capacity: usize) -> Description {
        // What does not fit is refused by the layout, because of its size.
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Description {
            kind,
            size: small(size_of::<P>()),
            item_size: small(size_of::<T>()),
            item_align: small(align_of::<T>().max(LEAST_ALIGN)),
            capacity: small(capacity),
            item_type: const { T::NAME.identity() },
            reserved: 0,
        }
    }
}

/// A structure that can be a part of a region. One that cannot work does not compile, as where it
/// is made by its constructor:
///
/// ```compile_fail,E0080
/// use ringway_core::region::Part;
/// use ringway_core::ring::queue::Queue;
/// let none = Queue::<u64, 0>::description();
/// ```
///
/// # Safety
/// The type is `repr(C)`, aligned to at most [`ALIGN`](super::ALIGN), and has the same layout on every target that shares
/// regions. Zeroed memory is a fresh value of it. It holds no pointer, and nothing that has to be dropped. What it says is
/// true of it alone: two types with the same description are the same structure in memory.
pub unsafe trait Part: Sync + 'static {
    /// What it is.
    fn description() -> Description;
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

/// A way of waking and sleeping that works between processes: [`Nobody`], or one on which a process
/// sleeps that another one wakes.
///
/// # Safety
/// The type has no bytes, and its [`wake`](Wake::wake) wakes those who sleep in another process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not work between processes",
    note = "take `Nobody`, or `ringway::shm::Sleep`, in a structure that lies in a region"
)]
pub unsafe trait SharedWait: Wake + Sync + 'static {}

// SAFETY: it has no bytes, and nobody sleeps.
unsafe impl SharedWait for Nobody {}

/// The kind of a structure `kind` on which one waits as `W` says.
fn kind_for<W: Wake>(kind: Kind) -> Kind {
    // A doorbell is a word, zero at first, or nothing.
    if needs_wake::<W>() { kind.that_waits() } else { kind }
}

// SAFETY: `repr(C)`: two lines of words, and slots that hold plain values when they hold any; zero positions and words are a
// fresh ring.
unsafe impl<T: Item, const N: usize, W: SharedWait> Part for Ring<T, N, W> {
    fn description() -> Description {
        Description::of::<Self, T>(kind_for::<W>(Kind::RING), N)
    }
}

// SAFETY: as for `Ring`.
unsafe impl<const N: usize, W: SharedWait> Part for ByteRing<N, W> {
    fn description() -> Description {
        Description::of::<Self, u8>(kind_for::<W>(Kind::BYTE_RING), N)
    }
}

// SAFETY: it is a `ByteRing`.
unsafe impl<const N: usize, W: SharedWait> Part for MessageRing<N, W> {
    fn description() -> Description {
        const { Self::MAX_MESSAGE };
        Description::of::<Self, u8>(kind_for::<W>(Kind::MESSAGE_RING), N)
    }
}

// SAFETY: `repr(C)`: two lines of words, the entries and the owners, and slots that hold plain values when they hold any; a
// zero entry was never used, and a zero owner is nobody.
#[cfg(target_has_atomic = "64")]
unsafe impl<T: Item, const N: usize, W: SharedWait> Part for Queue<T, N, W> {
    fn description() -> Description {
        const { Self::VALID };
        Description::of::<Self, T>(kind_for::<W>(Kind::QUEUE), N)
    }
}

// SAFETY: `repr(C)`: a line of words, and slots of words and a plain value; zero numbers and words are a fresh one.
unsafe impl<T: Item, const N: usize, W: SharedWait> Part for Broadcast<T, N, W> {
    fn description() -> Description {
        const { Self::VALID };
        Description::of::<Self, T>(kind_for::<W>(Kind::BROADCAST), N)
    }
}

// SAFETY: as for `Broadcast`.
unsafe impl<T: Item, W: SharedWait> Part for Latest<T, W> {
    fn description() -> Description {
        Description::of::<Self, T>(kind_for::<W>(Kind::LATEST), SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use super::super::TypeName;
    use super::*;
    use crate::plain::Plain;

    /// As large as `[u64; 4]`, on another boundary, and with a name of its own.
    #[derive(Debug, Clone, Copy)]
    #[repr(C, align(32))]
    struct Wide([u64; 4]);

    // SAFETY: numbers alone, which fill it.
    unsafe impl Plain for Wide {}

    impl Item for Wide {}

    /// The same bytes under two spellings, of which one program has this, and under another name.
    #[derive(Debug, Clone, Copy)]
    #[repr(transparent)]
    struct Sample<const NAMED: usize>(u64);

    // SAFETY: a number.
    unsafe impl<const NAMED: usize> Plain for Sample<NAMED> {}

    impl<const NAMED: usize> Item for Sample<NAMED> {
        const NAME: TypeName = match NAMED {
            0 => TypeName::UNSTATED,
            1 | 2 => TypeName::new("com.example.Sample/1"),
            _ => TypeName::new("com.example.Sample/2"),
        };
    }

    #[test]
    fn items_of_one_size_are_told_apart_by_their_alignment() {
        // Where the values of a latest lie depends on it: in one of these they are where the other
        // has its stamps.
        let (four, wide) = (Latest::<[u64; 4]>::description(), Latest::<Wide>::description());
        assert_eq!(four.item_size, wide.item_size);
        assert_eq!((four.item_align, wide.item_align), (8, 32));
        assert_ne!(Ring::<[u64; 4], 4>::description(), Ring::<Wide, 4>::description());
    }

    #[test]
    fn the_stated_name_counts_and_not_the_spelling() {
        let [one, other] =
            [Ring::<Sample<1>, 4>::description(), Ring::<Sample<2>, 4>::description()];
        assert_eq!(one, other, "two types with one name");
        assert_ne!(one, Ring::<Sample<3>, 4>::description(), "of another version");
        assert_eq!(Ring::<Sample<0>, 4>::description().item_type, 0, "not stated");
        assert_eq!(one.item_type, TypeName::new("com.example.Sample/1").identity());
    }

    #[test]
    fn a_ring_is_not_one_of_other_items_capacity_or_bells() {
        let ring = Ring::<u64, 4>::description();
        assert_ne!(ring, Ring::<f64, 4>::description());
        assert_ne!(ring, Ring::<u64, 5>::description());
        assert_ne!(ring, Queue::<u64, 4>::description());
        assert_eq!(ring.kind.that_waits().base(), ring.kind);
    }
}
