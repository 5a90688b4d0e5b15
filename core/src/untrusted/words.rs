//! The words of one side, and how much memory a lane takes.

use crate::sync::{AtomicU32, const_unless_loom};

/// The words of one side. That side writes them, and the peer reads them.
///
/// Zeroed memory is the words of a fresh lane.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Words {
    /// How many bytes this side ever sent, or received, modulo 2^32.
    pub(super) position: AtomicU32,
    pub(super) rare: Rare,
}

/// The words that change rarely, on a cache line of their own.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Rare {
    /// [`OPEN`] or [`CLOSED`].
    pub(super) state: AtomicU32,
    /// Not zero while this side sleeps, or is about to.
    pub(super) waits: AtomicU32,
    /// Changes when this side wakes the peer.
    pub(super) bell: AtomicU32,
}

pub(super) const OPEN: u32 = 0;
pub(super) const CLOSED: u32 = 1;

impl Words {
    const_unless_loom! {
        /// The words of a fresh lane.
        pub fn new() -> Self {
            Words {
                position: AtomicU32::new(0),
                rare: Rare {
                    state: AtomicU32::new(OPEN),
                    waits: AtomicU32::new(0),
                    bell: AtomicU32::new(0),
                },
            }
        }
    }
}

impl Default for Words {
    fn default() -> Self {
        Words::new()
    }
}

/// How much memory a lane takes: in the sending side's memory, and in the receiving side's.
///
/// ```
/// use ringway_core::untrusted::Lane;
/// let lane = Lane::new(1000).unwrap();
/// assert_eq!((lane.capacity(), lane.sending_size(), lane.receiving_size()), (1024, 1152, 128));
/// assert!(Lane::new(0).is_none() && Lane::new(1 << 31).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    capacity: u32,
}

impl Lane {
    /// The alignment of both pieces of memory, in bytes.
    pub const ALIGN: usize = align_of::<Words>();

    /// A lane with room for `bytes` bytes at least: the next power of two.
    ///
    /// `None` for 0, and for more than 2^30.
    pub const fn new(bytes: usize) -> Option<Lane> {
        if bytes == 0 || bytes > 1 << 30 {
            return None;
        }
        Some(Lane { capacity: (bytes as u32).next_power_of_two() })
    }

    /// How many bytes lie in the lane at most.
    pub const fn capacity(self) -> usize {
        self.capacity as usize
    }

    /// The bytes of memory that the sending side provides.
    pub const fn sending_size(self) -> usize {
        size_of::<Words>() + self.capacity as usize
    }

    /// The bytes of memory that the receiving side provides.
    pub const fn receiving_size(self) -> usize {
        size_of::<Words>()
    }
}
