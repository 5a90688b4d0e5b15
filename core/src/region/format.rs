//! What a region begins with, and where things lie in it: the numbers that all sides know.

/// The first bytes of every region.
pub const MAGIC: [u8; 8] = *b"RINGWAY\0";

/// The version of the layout, and of the structures in it.
pub const VERSION: u32 = 3;

/// Every part begins on such a boundary, in bytes, and so does the region.
pub const ALIGN: u32 = 128;

/// The longest name of a part, in bytes.
pub const MAX_NAME: usize = 31;

/// The most parts that a region has.
pub const MAX_PARTS: usize = 256;
