//! The checksum of a frame.

/// The checksum CRC-32/ISO-HDLC, as in Ethernet, zlib and PNG.
///
/// Its polynomial is `0x04C11DB7`, bits are reflected, and the value is inverted at the beginning
/// and at the end.
///
/// | feature | table, in flash | instructions a byte on a Cortex-M0 |
/// |---|---|---|
/// | none | 64 bytes, for half a byte | 15 |
/// | `crc-table` | 1024 bytes, for a byte | 10 |
///
/// The value is the same.
///
/// ```
/// use ringway_core::channel::frame::Crc32;
/// assert_eq!(Crc32::new().update(b"123456789").finish(), 0xCBF4_3926);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crc32(u32);

/// How many bits the table takes at a time.
const BITS: u32 = if cfg!(feature = "crc-table") { 8 } else { 4 };

/// The remainder for each value of these bits.
static TABLE: [u32; 1 << BITS] = {
    let mut table = [0; 1 << BITS];
    let mut value = 0;
    while value < table.len() {
        let mut rest = value as u32;
        let mut bit = 0;
        while bit < BITS {
            rest = if rest & 1 == 1 { (rest >> 1) ^ 0xEDB8_8320 } else { rest >> 1 };
            bit += 1;
        }
        table[value] = rest;
        value += 1;
    }
    table
};

/// Takes the lowest bits out of `rest`, as many as the table takes.
const fn step(rest: u32) -> u32 {
    (rest >> BITS) ^ TABLE[rest as usize % TABLE.len()]
}

impl Crc32 {
    /// A placeholder; no checksum begins with it.
    pub(crate) const NONE: Crc32 = Crc32(0);

    /// Begins a checksum.
    pub const fn new() -> Self {
        Crc32(!0)
    }

    /// Returns the checksum with one more byte.
    pub const fn push(self, byte: u8) -> Self {
        let rest = step(self.0 ^ byte as u32);
        Crc32(if BITS == 8 { rest } else { step(rest) })
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
