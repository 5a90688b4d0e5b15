//! The parts of a region.

use ringway_core::region::{self, MAX_PARTS, Part};
use std::ops::Deref;

/// The parts of a region, and how many participants may attach.
///
/// A part's capacity comes from its type, or from a number that is known when the program runs. In
/// the region the two are the same: a part that was laid out with a number can be opened by a type
/// with an equal constant, and the reverse.
///
/// ```
/// use ringway::shm::{Layout, Queue, Region};
/// let capacity = "1000".parse()?; // from the command line
/// let layout = Layout::new(16).queue::<u64>("jobs", capacity)?.part::<Queue<u64, 8>>("few")?;
/// let region = Region::anonymous(&layout)?;
/// assert_eq!(region.queue::<u64>("jobs")?.capacity(), 1000);
/// assert_eq!(region.queue::<u64>("few")?.capacity(), 8);
/// region.part::<Queue<u64, 1000>>("jobs")?.push(7)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Layout(pub(super) region::Layout<MAX_PARTS>);

impl Layout {
    /// A layout without parts, for at most `places` participants at the same time.
    pub const fn new(places: u16) -> Self {
        Layout(region::Layout::new(places))
    }

    /// Adds a part whose type says its capacity.
    ///
    /// # Errors
    /// [`region::Error`], which says what is wrong with the part.
    pub fn part<P: Part>(self, name: &str) -> Result<Self, region::Error> {
        self.0.part::<P>(name).map(Layout)
    }

    /// Adds a part with room for `capacity` items.
    ///
    /// # Errors
    /// [`region::Error`], which says what is wrong with the part.
    pub fn part_for<P: Part + ?Sized>(
        self,
        name: &str,
        capacity: usize,
    ) -> Result<Self, region::Error> {
        self.0.part_for::<P>(name, capacity).map(Layout)
    }
}

impl Deref for Layout {
    type Target = region::Layout<MAX_PARTS>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
