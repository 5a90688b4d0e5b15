//! Laying out a region: its parts, its places, and their offsets.

use super::geometry::{RawEntry, name_of, offsets};
use super::header::Header;
use super::{ALIGN, Description, Error, MAX_NAME, MAX_PARTS, Part};
use crate::participant::Participant;

/// The plan of a region: up to `M` parts, and how many processes can attach.
///
/// ```
/// use ringway_core::region::Layout;
/// use ringway_core::ring::Ring;
/// let layout = Layout::<1>::new(8).part::<Ring<u64, 256>>("samples")?;
/// assert!(layout.size() > 8 * 256);
/// # Ok::<(), ringway_core::region::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Layout<const M: usize> {
    places: u16,
    parts: usize,
    entries: [RawEntry; M],
    /// The offset at which the next part may begin, counted from the first part.
    end: u32,
}

const NO_ENTRY: RawEntry =
    RawEntry { name: [0; MAX_NAME + 1], offset: 0, description: Description::NONE };

impl<const M: usize> Layout<M> {
    /// A region without parts, to which at most `places` processes can attach at the same time.
    pub const fn new(places: u16) -> Self {
        Layout { places, parts: 0, entries: [NO_ENTRY; M], end: 0 }
    }

    /// Adds a part.
    ///
    /// # Errors
    /// [`Error`], which says what is wrong with the part.
    pub fn part<P: Part>(self, name: &str) -> Result<Self, Error> {
        const {
            assert!(align_of::<P>() <= ALIGN as usize, "a part is aligned to at most 128 bytes");
        }
        self.described(name, P::description())
    }

    /// Adds a part with room for `capacity` items, for a type whose capacity is known at run time.
    ///
    /// # Errors
    /// [`Error`], which says what is wrong with the part.
    pub fn part_for<P: Part + ?Sized>(self, name: &str, capacity: usize) -> Result<Self, Error> {
        self.described(name, P::description_for(capacity).ok_or(Error::Capacity)?)
    }

    pub(super) fn described(mut self, name: &str, description: Description) -> Result<Self, Error> {
        if name.is_empty() || name.len() > MAX_NAME || name.bytes().any(|byte| byte == 0) {
            return Err(Error::BadName);
        }
        if self.entries().iter().any(|entry| name_of(&entry.name) == Some(name)) {
            return Err(Error::NameTaken);
        }
        let max = M.min(MAX_PARTS);
        let many = Error::TooManyParts { max };
        let entry = self.entries.get_mut(self.parts).ok_or(many)?;
        if self.parts >= max {
            return Err(many);
        }
        entry.name.iter_mut().zip(name.bytes()).for_each(|(to, byte)| *to = byte);
        entry.offset = self.end;
        entry.description = description;
        self.end = self
            .end
            .checked_add(description.size)
            .and_then(|end| end.checked_next_multiple_of(ALIGN))
            .ok_or(Error::TooLarge)?;
        self.parts += 1;
        Ok(self)
    }

    pub(super) fn entries(&self) -> &[RawEntry] {
        self.entries.get(..self.parts).unwrap_or_default()
    }

    /// The size of the region, in bytes.
    pub fn size(&self) -> usize {
        let start = offsets(self.parts as u32, self.places.into()).map_or(0, |(_, _, first)| first);
        (start as usize).saturating_add(self.end as usize)
    }

    /// Lays the region out in `memory`, which is zeroed, and marks it ready.
    ///
    /// # Errors
    /// [`Error`], which says what is wrong with the layout or the memory.
    pub fn write(&self, memory: &mut [u8]) -> Result<(), Error> {
        let max = Participant::MAX;
        if self.places == 0 || self.places > max {
            return Err(Error::Places { max });
        }
        let places = u32::from(self.places);
        let (directory, _, first) =
            offsets(self.parts as u32, places).ok_or(Error::Places { max })?;
        let length = u32::try_from(self.size()).map_err(|_| Error::TooLarge)?;
        let memory = memory.get_mut(..length as usize).ok_or(Error::TooLarge)?;
        let start = memory.get(..first as usize).ok_or(Error::TooLarge)?;
        let is_zeroed = start.iter().all(|&byte| byte == 0);
        let base = memory.as_mut_ptr();
        if !is_zeroed || !base.addr().is_multiple_of(ALIGN as usize) {
            return Err(Error::Memory);
        }
        let mut at = base.wrapping_add(directory as usize).cast::<RawEntry>();
        for entry in self.entries() {
            let entry = RawEntry { offset: first + entry.offset, ..*entry };
            // SAFETY: the directory lies between `base` and `first`, within `memory`, which is
            // borrowed mutably, and `at` is aligned to 4 bytes.
            unsafe { at.write(entry) };
            at = at.wrapping_add(1);
        }
        // SAFETY: the header lies between `base` and `first`, within `memory`, and `base` is
        // aligned; it is atomics, of which any bytes are a value.
        let header = unsafe { &*base.cast::<Header>() };
        header.write(length, self.parts as u32, places);
        Ok(())
    }
}
