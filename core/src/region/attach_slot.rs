//! The attach table: who is attached, under which number, and since when.

use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// One place of the attach table. Its index and 1 is the number of the
/// [`Participant`](crate::participant::Participant) who has it.
///
/// Who may take and who may free a place is decided elsewhere: by a lock that the operating system
/// drops when its holder dies, or by the wiring of a board. Here is what the others are told.
#[derive(Debug)]
#[repr(C)]
pub struct AttachSlot {
    /// [`FREE`] or [`ATTACHED`].
    state: AtomicU32,
    generation: AtomicU32,
    /// The process, as its operating system numbers it; for a person, and for nothing else.
    process: AtomicU32,
    reserved: u32,
}

const FREE: u32 = 0;
const ATTACHED: u32 = 1;

/// Who is attached at a place.
///
/// ```
/// use ringway_core::region::Occupant;
/// let before = Occupant { generation: 3, process: 77 };
/// assert_ne!(before, Occupant { generation: 4, ..before }, "it was restarted");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Occupant {
    /// Different for everybody who ever attached: one that was restarted has another.
    pub generation: u32,
    /// The process, as its operating system numbers it.
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
                reserved: 0,
            }
        }
    }

    /// Who is attached here, alive or dead; `None` when the place is free.
    pub fn occupant(&self) -> Option<Occupant> {
        // Acquire: partner is the release in `take`. The two numbers are seen with the state.
        (self.state.load(Ordering::Acquire) == ATTACHED).then(|| Occupant {
            // Relaxed, both: carried by the state.
            generation: self.generation.load(Ordering::Relaxed),
            process: self.process.load(Ordering::Relaxed),
        })
    }

    /// Says who has the place now. For whoever the place belongs to.
    pub fn take(&self, occupant: Occupant) {
        // Relaxed, both: published by the state.
        self.generation.store(occupant.generation, Ordering::Relaxed);
        self.process.store(occupant.process, Ordering::Relaxed);
        // Release: partner is the acquire in `occupant`.
        self.state.store(ATTACHED, Ordering::Release);
    }

    /// Marks the place free. The next occupant sees what was put right before. For the context that
    /// the place belongs to, once everything that the occupant held was put right and every call of
    /// a `recover` for it has returned.
    pub fn free(&self) {
        // Release: partner is the acquire in `occupant`, by whoever takes the place next.
        self.state.store(FREE, Ordering::Release);
    }
}

impl Default for AttachSlot {
    fn default() -> Self {
        Self::new()
    }
}
