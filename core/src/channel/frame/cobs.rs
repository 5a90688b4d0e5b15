//! Consistent overhead byte stuffing: frames without a zero byte, so that a zero byte ends a frame.
//!
//! The source is Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999. Encoding adds
//! one byte per frame and one more per 254 bytes.
//!
//! Whatever bytes the line loses or changes, the next zero ends a frame. That is how the receiver
//! resynchronises.

/// Encodes one frame in pieces, as the line has room, without a buffer.
///
/// ```
/// use ringway_core::channel::frame::Encoder;
/// let frame = [1, 0, 2];
/// let mut encoder = Encoder::new();
/// let mut line = [0; 3];
/// assert_eq!(encoder.fill(&frame, &mut line), 3);
/// assert_eq!(line, [2, 1, 2]);
/// assert_eq!(encoder.fill(&frame, &mut line), 1, "the frame ends");
/// assert_eq!(line[0], 2);
/// ```
#[derive(Debug, Clone, Copy, Default, Hash)]
pub struct Encoder {
    /// The position in the frame.
    at: usize,
    /// How many bytes of the current block are still to come.
    left: u8,
    /// How many bytes of the frame the end of the current block implies: its zero, or none.
    skip: u8,
}

/// The most nonzero bytes in one block.
const BLOCK: usize = 254;

impl Encoder {
    /// Creates an encoder at the beginning of a frame.
    pub const fn new() -> Self {
        Encoder { at: 0, left: 0, skip: 0 }
    }

    /// Puts the next encoded bytes into `out`; returns how many. Fewer than `out.len()`: the frame
    /// ends here.
    ///
    /// The zero that ends the frame on the line is not among these bytes. Pass the same `frame` in
    /// every call, or the result encodes no frame. `fill` reads each byte at most twice.
    pub fn fill(&mut self, frame: &[u8], out: &mut [u8]) -> usize {
        let Encoder { mut at, left, mut skip } = *self;
        let mut left = left as usize;
        let mut filled = 0_usize;
        loop {
            let n = left.min(out.len().wrapping_sub(filled));
            let run = if n > 0 { frame.get(at..at.wrapping_add(n)) } else { None };
            if let Some(run) = run {
                copy(out, filled, run);
                at = at.wrapping_add(n);
                left = left.wrapping_sub(n);
                filled = filled.wrapping_add(n);
            }
            let Some(code) = out.get_mut(filled) else { break };
            // A zero follows the frame in thought. It ends the last block.
            let begin = at.wrapping_add(skip as usize);
            let Some(rest) = frame.get(begin..) else { break };
            at = begin;
            left = run_len(rest, BLOCK);
            skip = u8::from(left < BLOCK || left == rest.len());
            *code = (left as u8).wrapping_add(1);
            filled = filled.wrapping_add(1);
        }
        *self = Encoder { at, left: left as u8, skip };
        filled
    }
}

/// Returns how many of the first `most` bytes come before the first zero.
// Not inlined, because the loop has the registers of a Cortex-M0 to itself then.
#[inline(never)]
fn run_len(bytes: &[u8], most: usize) -> usize {
    let mut n = 0_usize;
    while n < most && bytes.get(n).is_some_and(|byte| *byte != 0) {
        n = n.wrapping_add(1);
    }
    n
}

/// Copies `bytes` to position `at`; returns whether they fitted.
fn copy(to: &mut [u8], at: usize, bytes: &[u8]) -> bool {
    match to.get_mut(at..at.wrapping_add(bytes.len())) {
        Some(to) => {
            to.copy_from_slice(bytes);
            true
        }
        None => false,
    }
}

/// What the bytes of a line told a [`Decoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decoded {
    /// The frame goes on: all bytes are taken.
    More,
    /// The frame ended.
    End {
        /// Its length. A frame that is longer than the buffer is not in it completely, and counts
        /// one byte more than the buffer has.
        len: usize,
        /// Whether the last block was complete, not cut short.
        whole: bool,
    },
}

/// Decodes the bytes of a line in pieces, as they come.
///
/// ```
/// use ringway_core::channel::frame::{Decoded, Decoder};
/// let mut decoder = Decoder::new();
/// let mut frame = [0; 8];
/// assert_eq!(decoder.push(&mut &[2, 1][..], &mut frame), Decoded::More);
/// let end = Decoded::End { len: 2, whole: true };
/// assert_eq!(decoder.push(&mut &[1, 0][..], &mut frame), end);
/// assert_eq!(frame[..2], [1, 0]);
/// ```
#[derive(Debug, Clone, Copy, Default, Hash)]
pub struct Decoder {
    /// How many bytes of the frame came.
    len: usize,
    /// How many bytes of the current block are still to come.
    left: u8,
    /// Whether a zero byte of the frame follows the current block.
    zero: bool,
}

impl Decoder {
    /// Creates a decoder at the beginning of a frame.
    pub const fn new() -> Self {
        Decoder { len: 0, left: 0, zero: false }
    }

    /// Returns how many bytes of the frame came so far.
    pub(in super::super) const fn len(&self) -> usize {
        self.len
    }

    /// Takes bytes from the front of `line`, up to the zero that ends a frame, and puts what they
    /// encode into `frame`, behind what came before.
    ///
    /// After [`Decoded::End`] the next frame begins. Pass the same `frame` in every call.
    pub fn push(&mut self, line: &mut &[u8], frame: &mut [u8]) -> Decoded {
        let Decoder { mut len, left, mut zero } = *self;
        let mut left = left as usize;
        let too_long = frame.len().wrapping_add(1);
        loop {
            let n = run_len(line, left);
            let split = if n > 0 { line.split_at_checked(n) } else { None };
            if let Some((run, rest)) = split {
                len = if copy(frame, len, run) { len.wrapping_add(n) } else { too_long };
                left = left.wrapping_sub(n);
                *line = rest;
            }
            let Some((byte, rest)) = line.split_first() else { break };
            *line = rest;
            if *byte == 0 {
                *self = Decoder::new();
                return Decoded::End { len, whole: left == 0 };
            }
            if zero {
                len = match frame.get_mut(len) {
                    Some(place) => {
                        *place = 0;
                        len.wrapping_add(1)
                    }
                    None => too_long,
                };
            }
            left = (*byte as usize).wrapping_sub(1);
            zero = left != BLOCK;
        }
        *self = Decoder { len, left: left as u8, zero };
        Decoded::More
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
    len.saturating_add(len / BLOCK).saturating_add(1)
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
    let len = encoder.fill(frame, out);
    // Nothing is left if one byte more has room.
    (len < out.len() || encoder.fill(frame, &mut [0]) == 0).then_some(len)
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
    if line.is_empty() || decoder.push(&mut &*line, out) != Decoded::More {
        return None;
    }
    match decoder.push(&mut &[0][..], out) {
        Decoded::End { len, whole: true } if len <= out.len() => Some(len),
        _ => None,
    }
}
