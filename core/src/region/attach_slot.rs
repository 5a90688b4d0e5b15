//! The attach table: which processes are attached, and as which participants.

use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// One place of the attach table.
///
/// Its index plus 1 is the number of the [`Participant`](crate::participant::Participant) that has
/// it.
///
/// A place only tells the others who is attached. Something else decides who may take or free it: a
/// lock that the operating system drops when its holder dies, or the wiring of a board.
#[derive(Debug)]
#[repr(C)]
pub struct AttachSlot {
    /// [`FREE`] or [`ATTACHED`].
    state: AtomicU32,
    generation: AtomicU32,
    /// The process's number in its operating system. Only for people to read.
    process: AtomicU32,
    /// Nobody reads it. An atomic like the others, because another side may write it meanwhile.
    _reserved: AtomicU32,
}

const FREE: u32 = 0;
const ATTACHED: u32 = 1;

/// The process that is attached at a place.
///
/// ```
/// use ringway_core::region::Occupant;
/// let before = Occupant { generation: 3, process: 77 };
/// assert_ne!(before, Occupant { generation: 4, ..before }, "it was restarted");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Occupant {
    /// A number that differs for every attachment; a restarted process has another one.
    pub generation: u32,
    /// The process's number in its operating system.
    pub process: u32,
}

impl AttachSlot {
    const_unless_loom! {
        /// A free place.
        ///
        /// ```
        /// assert_eq!(ringway_core::region::AttachSlot::new().occupant(), None);
        /// ```
        pub fn new() -> Self {
            AttachSlot {
                state: AtomicU32::new(FREE),
                generation: AtomicU32::new(0),
                process: AtomicU32::new(0),
                _reserved: AtomicU32::new(0),
            }
        }
    }

    /// The process that is attached here, alive or dead; `None` when the place is free.
    pub fn occupant(&self) -> Option<Occupant> {
        // SYNC POINT with the store in `take`, acquire: the two numbers are seen with the state.
        (self.state.load(Ordering::Acquire) == ATTACHED).then(|| Occupant {
            // Relaxed, both: the load of the state orders them.
            generation: self.generation.load(Ordering::Relaxed),
            process: self.process.load(Ordering::Relaxed),
        })
    }

    /// Records who has the place now. Only the context that the place belongs to may call it.
    pub fn take(&self, occupant: Occupant) {
        // Relaxed, both: the store of the state publishes them.
        self.generation.store(occupant.generation, Ordering::Relaxed);
        self.process.store(occupant.process, Ordering::Relaxed);
        // SYNC POINT with the load in `occupant`, release: the two numbers are seen with the state.
        self.state.store(ATTACHED, Ordering::Release);
    }

    /// Marks the place free.
    ///
    /// Only the context that the place belongs to may call it, after everything that the occupant
    /// held was recovered and every call of a `recover` for it has returned. The next occupant sees
    /// what was recovered.
    pub fn free(&self) {
        // SYNC POINT with the load in `occupant` of the context that takes the place next, release:
        // that context sees what was recovered.
        self.state.store(FREE, Ordering::Release);
    }
}

impl Default for AttachSlot {
    fn default() -> Self {
        Self::new()
    }
}
