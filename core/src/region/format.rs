//! The constants of the region's format, which all sides know.

/// The first bytes of every region.
pub const MAGIC: [u8; 8] = *b"RINGWAY\0";

/// The version of the layout and of the structures in it.
pub const VERSION: u32 = 3;

/// The alignment of the region and of every part, in bytes.
pub const ALIGN: u32 = 128;

/// The length of the longest name of a part, in bytes.
pub const MAX_NAME: usize = 31;

/// The most parts that a region can have.
pub const MAX_PARTS: usize = 256;
