//! Consistent overhead byte stuffing (Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2),
//! 1999): frames without a zero byte, so that a zero ends one, at the cost of a byte in 254 and one
//! more.
//!
//! Whatever was lost or changed on the line, the next zero is the end of a frame: that is the
//! resynchronisation.

/// Encodes one frame, byte after byte, out of memory that need not be contiguous, and without a
/// buffer.
///
/// ```
/// use ringway_core::channel::frame::Encoder;
/// let frame = [1, 0, 2];
/// let mut encoder = Encoder::new();
/// let mut line = Vec::new();
/// while let Some(byte) = encoder.next(frame.len(), |at| frame[at]) {
///     line.push(byte);
/// }
/// assert_eq!(line, [2, 1, 2, 2]);
/// ```
#[derive(Debug, Clone, Copy, Default, Hash)]
pub struct Encoder {
    /// The position in the frame.
    at: usize,
    /// Bytes of the present block that are still to come.
    left: u8,
    /// Whether the present block is as long as a block can be, and hence does not stand for a zero
    /// behind it.
    full: bool,
    started: bool,
}

/// The most bytes without a zero that one block has.
const BLOCK: u8 = 254;

impl Encoder {
    /// At the beginning of a frame.
    pub const fn new() -> Self {
        Encoder { at: 0, left: 0, full: false, started: false }
    }

    /// The next byte for the line, `None` at the end; the zero that ends the frame on the line is
    /// not among them.
    ///
    /// The frame has `len` bytes, `byte(0)` to `byte(len - 1)`; both must stay the same from call
    /// to call, or the result is the encoding of nothing. Each byte of the frame is asked for at
    /// most twice.
    pub fn next(&mut self, len: usize, byte: impl Fn(usize) -> u8) -> Option<u8> {
        if self.left > 0 {
            self.left -= 1;
            let next = byte(self.at);
            self.at = self.at.wrapping_add(1);
            return Some(next);
        }
        if self.started {
            if self.at >= len {
                return None;
            }
            if !self.full {
                // The zero that the block before stands for.
                self.at = self.at.wrapping_add(1);
            }
        }
        self.started = true;
        let mut run = 0;
        let mut end = self.at;
        while run < BLOCK && end < len && byte(end) != 0 {
            run += 1;
            end = end.wrapping_add(1);
        }
        self.left = run;
        self.full = run == BLOCK;
        Some(run + 1)
    }
}

/// What one byte of the line meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decoded {
    /// Nothing of the frame yet.
    Nothing,
    /// The next byte of the frame.
    Byte(u8),
    /// The frame ended; `whole` unless its last block was cut short.
    End {
        /// Whether every block had the length that it claimed.
        whole: bool,
    },
}

/// Decodes a line, byte after byte, without a buffer.
///
/// ```
/// use ringway_core::channel::frame::{Decoded, Decoder};
/// let mut decoder = Decoder::new();
/// let meaning = [2, 1, 1, 0].map(|byte| decoder.push(byte));
/// let end = Decoded::End { whole: true };
/// assert_eq!(meaning, [Decoded::Nothing, Decoded::Byte(1), Decoded::Byte(0), end]);
/// ```
#[derive(Debug, Clone, Copy, Default, Hash)]
pub struct Decoder {
    /// Bytes of the present block that are still to come.
    left: u8,
    /// Whether a zero of the frame stands behind the present block.
    zero: bool,
}

impl Decoder {
    /// At the beginning of a frame.
    pub const fn new() -> Self {
        Decoder { left: 0, zero: false }
    }

    /// Takes one byte from the line. After [`Decoded::End`] the next frame begins.
    pub fn push(&mut self, byte: u8) -> Decoded {
        if byte == 0 {
            let whole = self.left == 0;
            *self = Decoder::new();
            return Decoded::End { whole };
        }
        if self.left > 0 {
            self.left -= 1;
            return Decoded::Byte(byte);
        }
        let zero = self.zero;
        self.left = byte - 1;
        self.zero = self.left != BLOCK;
        if zero { Decoded::Byte(0) } else { Decoded::Nothing }
    }
}

/// The most bytes that a frame of `len` bytes has when it is encoded, without the zero that ends
/// it.
///
/// ```
/// use ringway_core::channel::frame::max_encoded_len;
/// assert_eq!(max_encoded_len(0), 1);
/// assert_eq!(max_encoded_len(254), 256);
/// ```
pub const fn max_encoded_len(len: usize) -> usize {
    len.saturating_add(len / BLOCK as usize).saturating_add(1)
}

/// Encodes a whole frame, without the zero that ends it on the line. `None` when `out` is too
/// small; [`max_encoded_len`] bytes are always enough.
///
/// ```
/// let mut line = [0; 5];
/// assert_eq!(ringway_core::channel::frame::encode(&[0, 7], &mut line), Some(3));
/// assert_eq!(line[..3], [1, 2, 7]);
/// ```
pub fn encode(frame: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut encoder = Encoder::new();
    let mut len = 0;
    while let Some(byte) = encoder.next(frame.len(), |at| frame.get(at).copied().unwrap_or(0)) {
        *out.get_mut(len)? = byte;
        len = len.wrapping_add(1);
    }
    Some(len)
}

/// Decodes a whole frame, given without the zero that ends it. `None` when it is no frame (it holds
/// a zero, or its last block is cut short) or `out` is too small for it.
///
/// ```
/// let mut frame = [0; 5];
/// assert_eq!(ringway_core::channel::frame::decode(&[1, 2, 7], &mut frame), Some(2));
/// assert_eq!(frame[..2], [0, 7]);
/// ```
pub fn decode(line: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut decoder = Decoder::new();
    let mut len = 0;
    for byte in line {
        match decoder.push(*byte) {
            Decoded::Nothing => {}
            Decoded::Byte(byte) => {
                *out.get_mut(len)? = byte;
                len = len.wrapping_add(1);
            }
            Decoded::End { .. } => return None,
        }
    }
    if line.is_empty() || decoder.push(0) != (Decoded::End { whole: true }) {
        return None;
    }
    Some(len)
}
