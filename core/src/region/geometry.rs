//! Offsets in a region.

use super::format::{ALIGN, MAX_NAME, MAX_PARTS};
use super::header::Header;
use super::{AttachSlot, Description};
use crate::participant::Participant;

/// The most bytes that precede the first part in any region.
///
/// ```
/// use ringway_core::region::{Layout, MAX_START};
/// assert!(Layout::<1>::new(8191).size() <= MAX_START);
/// ```
pub const MAX_START: usize = match offsets(MAX_PARTS as u32, Participant::MAX as u32) {
    Some((_, _, first)) => first as usize,
    None => 0,
};

/// A directory entry: one part.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct RawEntry {
    /// Ends with a zero.
    pub(super) name: [u8; MAX_NAME + 1],
    pub(super) offset: u32,
    pub(super) description: Description,
}

const _: () = {
    assert!(size_of::<Header>() == 64 && align_of::<Header>() == 4);
    assert!(size_of::<RawEntry>() == 64 && align_of::<RawEntry>() == 4);
    assert!(size_of::<AttachSlot>() == 16 && align_of::<AttachSlot>() == 4);
};

/// The offsets of the directory, the attach table and the first part, in bytes, in a region of
/// `parts` parts and `places` places.
pub(super) const fn offsets(parts: u32, places: u32) -> Option<(u32, u32, u32)> {
    let directory = size_of::<Header>() as u32;
    if parts as usize > MAX_PARTS || places > Participant::MAX as u32 {
        return None;
    }
    // Small numbers: none of this overflows.
    let table = directory + parts * size_of::<RawEntry>() as u32;
    let end = table + places * size_of::<AttachSlot>() as u32;
    Some((directory, table, end.next_multiple_of(ALIGN)))
}

/// The name in an entry, up to its zero.
pub(super) fn name_of(bytes: &[u8; MAX_NAME + 1]) -> Option<&str> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    core::str::from_utf8(bytes.get(..end)?).ok()
}
