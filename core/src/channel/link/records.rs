//! Where a link keeps records: an array, or memory of the program.

use core::fmt;

/// Room for records of one size each: an array, or memory whose size is known at run time.
pub trait Records {
    /// Returns how many records there is room for.
    fn count(&self) -> usize;

    /// Returns a record; `None` from [`count`](Self::count) on.
    fn get(&self, at: usize) -> Option<Record<'_>>;

    /// Returns a record to be written.
    fn get_mut(&mut self, at: usize) -> Option<RecordMut<'_>>;
}

/// Room for the frame that arrives: head, body and checksum, with nothing between them.
pub trait Bytes {
    /// Returns all bytes of the room.
    fn bytes(&self) -> &[u8];

    /// Returns all bytes of the room, to be written.
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// A record, and all the room that it has.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    pub(super) len: u32,
    pub(super) bytes: &'r [u8],
}

/// A record to be written.
#[derive(Debug)]
pub struct RecordMut<'r> {
    pub(super) len: &'r mut u32,
    pub(super) bytes: &'r mut [u8],
}

impl<'r> Record<'r> {
    /// Returns the bytes of a message.
    pub(super) fn message(self) -> Option<&'r [u8]> {
        self.bytes.get(..self.len as usize)
    }
}

/// Room for `CREDITS` messages of at most `MAX` bytes.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct Messages<const CREDITS: usize, const MAX: usize> {
    lens: [u32; CREDITS],
    messages: [[u8; MAX]; CREDITS],
}

impl<const CREDITS: usize, const MAX: usize> Messages<CREDITS, MAX> {
    pub(super) const EMPTY: Self = {
        const { assert!(CREDITS >= 1 && CREDITS <= 255, "a port holds 1 to 255 messages") }
        Messages { lens: [0; CREDITS], messages: [[0; MAX]; CREDITS] }
    };
}

impl<const CREDITS: usize, const MAX: usize> Records for Messages<CREDITS, MAX> {
    #[inline(always)]
    fn count(&self) -> usize {
        CREDITS
    }

    #[inline(always)]
    fn get(&self, at: usize) -> Option<Record<'_>> {
        let bytes = self.messages.get(at)?;
        Some(Record { bytes, len: *self.lens.get(at)? })
    }

    #[inline(always)]
    fn get_mut(&mut self, at: usize) -> Option<RecordMut<'_>> {
        Some(RecordMut { len: self.lens.get_mut(at)?, bytes: self.messages.get_mut(at)? })
    }
}

/// Room for records in memory of the program.
pub struct RecordsIn<'m> {
    pub(super) lens: &'m mut [u32],
    /// As many pieces of `size` bytes as there are `lens`.
    pub(super) bytes: &'m mut [u8],
    pub(super) size: usize,
}

impl fmt::Debug for RecordsIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordsIn").field("count", &self.lens.len()).finish_non_exhaustive()
    }
}

impl Records for RecordsIn<'_> {
    fn count(&self) -> usize {
        self.lens.len()
    }

    fn get(&self, at: usize) -> Option<Record<'_>> {
        let len = *self.lens.get(at)?;
        let begin = at.wrapping_mul(self.size);
        Some(Record { len, bytes: self.bytes.get(begin..begin.wrapping_add(self.size))? })
    }

    fn get_mut(&mut self, at: usize) -> Option<RecordMut<'_>> {
        let len = self.lens.get_mut(at)?;
        let begin = at.wrapping_mul(self.size);
        let bytes = self.bytes.get_mut(begin..begin.wrapping_add(self.size))?;
        Some(RecordMut { len, bytes })
    }
}

impl<const MAX: usize> Bytes for [u8; MAX] {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline(always)]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Bytes for &mut [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}
