//! The checksum of a frame.

/// The checksum CRC-32/ISO-HDLC, as in Ethernet, zlib and PNG.
///
/// Its polynomial is `0x04C11DB7`, bits are reflected, and the value is inverted at the beginning
/// and at the end.
///
/// It takes half a byte at a time, with a table of 64 bytes. A table for whole bytes would take a
/// sixth of the flash that a serial link may use.
///
/// ```
/// use ringway_core::channel::frame::Crc32;
/// assert_eq!(Crc32::new().update(b"123456789").finish(), 0xCBF4_3926);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crc32(u32);

/// The remainder for each of the sixteen half bytes.
const TABLE: [u32; 16] = {
    let mut table = [0; 16];
    let mut half = 0;
    while half < 16 {
        let mut rest = half as u32;
        let mut bit = 0;
        while bit < 4 {
            rest = if rest & 1 == 1 { (rest >> 1) ^ 0xEDB8_8320 } else { rest >> 1 };
            bit += 1;
        }
        table[half] = rest;
        half += 1;
    }
    table
};

impl Crc32 {
    /// A placeholder; no checksum begins with it.
    pub(crate) const NONE: Crc32 = Crc32(0);

    /// Begins a checksum.
    pub const fn new() -> Self {
        Crc32(!0)
    }

    /// Returns the checksum with one more byte.
    pub const fn push(self, byte: u8) -> Self {
        let mut rest = self.0 ^ byte as u32;
        rest = (rest >> 4) ^ TABLE[(rest & 15) as usize];
        rest = (rest >> 4) ^ TABLE[(rest & 15) as usize];
        Crc32(rest)
    }

    /// Returns the checksum with more bytes.
    #[inline(never)]
    pub fn update(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |crc, byte| crc.push(*byte))
    }

    /// Returns whether the bytes so far end with the checksum of those before, lowest byte first.
    ///
    /// The bytes of a checksum cancel what came before them, so that the same value remains.
    pub(crate) const fn is_valid(self) -> bool {
        self.0 == 0xDEBB_20E3
    }

    /// Returns the value of the checksum.
    pub const fn finish(self) -> u32 {
        !self.0
    }
}

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}
