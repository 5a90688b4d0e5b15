//! Memory for a region, and where the zones before its parts end.

use ringway_core::region::ALIGN;
use std::ptr::NonNull;

/// The bytes of a header, of a directory entry and of a place.
pub(super) const HEADER: usize = 64;
pub(super) const ENTRY: usize = 64;
const PLACE: usize = 16;

/// Where the header, the directory and the attach table of a region end, in bytes.
pub(super) fn zones(parts: usize, places: usize) -> [usize; 3] {
    let directory = HEADER + parts * ENTRY;
    [HEADER, directory, directory + places * PLACE]
}

/// Memory on the heap that begins on the boundary that a region needs, in a block of exactly its
/// size: a sanitizer sees an access beyond it.
#[derive(Debug)]
pub(super) struct Lines(Vec<Line>);

#[derive(Debug, Clone)]
#[repr(align(128))]
struct Line([u8; ALIGN as usize]);

impl Lines {
    /// Zeroed memory of `size` bytes, or as much more as makes whole lines.
    pub(super) fn zeroed(size: usize) -> Lines {
        Lines(vec![Line([0; ALIGN as usize]); size.div_ceil(ALIGN as usize)])
    }

    /// Where it begins.
    pub(super) fn at(&mut self) -> NonNull<u8> {
        NonNull::from(&mut *self.0).cast()
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        let size = self.0.iter().map(|line| line.0.len()).sum();
        // SAFETY: the lines are bytes without padding, lent exclusively for as long as `self`.
        unsafe { std::slice::from_raw_parts_mut(self.at().as_ptr(), size) }
    }
}
