//! Consistent overhead byte stuffing: frames without a zero byte, so that a zero byte ends a frame.
//!
//! The source is Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999. Encoding adds
//! one byte per frame and one more per 254 bytes.
//!
//! Whatever bytes the line loses or changes, the next zero ends a frame. That is how the receiver
//! resynchronises.

/// Encodes one frame byte by byte, without a buffer; the frame need not be contiguous.
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
    /// How many bytes of the current block are still to come.
    left: u8,
    /// Whether the current block has the greatest length, so that no zero follows it implicitly.
    full: bool,
    started: bool,
}

/// The most nonzero bytes in one block.
const BLOCK: u8 = 254;

impl Encoder {
    /// Creates an encoder at the beginning of a frame.
    pub const fn new() -> Self {
        Encoder { at: 0, left: 0, full: false, started: false }
    }

    /// Returns the next encoded byte, or `None` at the end of the frame.
    ///
    /// The zero that ends the frame on the line is not among these bytes.
    ///
    /// The frame has `len` bytes, `byte(0)` to `byte(len - 1)`. Pass the same `len` and the same
    /// bytes in every call, or the result encodes no frame. `next` asks for each byte at most
    /// twice.
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
                // Skip the zero that the block before implies.
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

/// What one byte of the line decodes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decoded {
    /// No byte of the frame.
    Nothing,
    /// The next byte of the frame.
    Byte(u8),
    /// The frame ended.
    End {
        /// Whether the last block was complete, not cut short.
        whole: bool,
    },
}

/// Decodes the bytes of a line one by one, without a buffer.
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
    /// How many bytes of the current block are still to come.
    left: u8,
    /// Whether a zero byte of the frame follows the current block.
    zero: bool,
}

impl Decoder {
    /// Creates a decoder at the beginning of a frame.
    pub const fn new() -> Self {
        Decoder { left: 0, zero: false }
    }

    /// Takes one byte from the line; after [`Decoded::End`] the next frame begins.
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

/// Returns the greatest encoded length of a frame of `len` bytes, without the zero that ends it.
///
/// ```
/// use ringway_core::channel::frame::max_encoded_len;
/// assert_eq!(max_encoded_len(0), 1);
/// assert_eq!(max_encoded_len(254), 256);
/// ```
pub const fn max_encoded_len(len: usize) -> usize {
    len.saturating_add(len / BLOCK as usize).saturating_add(1)
}

/// Encodes a whole frame into `out`, without the zero that ends it; returns the encoded length.
///
/// `None` when `out` is too small. [`max_encoded_len`] bytes are always enough.
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

/// Decodes a whole frame, given without the zero that ends it; returns the decoded length.
///
/// `None` when `line` is not a frame (it is empty, holds a zero, or its last block is cut short),
/// or when `out` is too small.
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
