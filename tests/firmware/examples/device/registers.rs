//! The protocol: a peer reads and writes the device's registers. It knows of no UART: bytes come
//! in, answers go out.
//!
//! A frame is `COBS(operation: u8 | register: u8 | value: u16 | crc: u32) 0x00`, little-endian.
//! The answer has the operation with bit 7, and the value that the register had before. A frame
//! that fails its check gets no answer: the peer sends it again.

use ringway_core::channel::frame::{Crc32, Decoded, Decoder, encode, max_encoded_len};

const READ: u8 = 1;
const WRITE: u8 = 2;
const END: u8 = 3;
const ANSWER: u8 = 0x80;
const REFUSED: u8 = 0xff;

/// Bytes of a frame, and of what goes on the line.
const FRAME: usize = 8;
const LINE: usize = max_encoded_len(FRAME) + 1;

/// The registers, and the session with the peer.
#[derive(Default)]
pub struct Registers {
    values: [u16; 4],
    decoder: Decoder,
    /// The frame that is coming in.
    frame: [u8; FRAME],
    /// The last answer, as it goes on the line.
    answer: [u8; LINE],
    /// How many requests were answered.
    pub answers: u32,
    /// Whether the peer ended the session.
    pub is_ended: bool,
}

impl Registers {
    /// Takes a byte of the line. Returns the answer, if it ends a request.
    pub fn push(&mut self, byte: u8) -> Option<&[u8]> {
        match self.decoder.push(&mut &[byte][..], &mut self.frame) {
            // Between frames comes an empty one.
            Decoded::More | Decoded::End { len: 0, .. } => None,
            Decoded::End { len: FRAME, whole: true } => self.answer(),
            Decoded::End { len, .. } => {
                defmt::warn!("a frame of {=usize} bytes", len);
                None
            }
        }
    }

    fn answer(&mut self) -> Option<&[u8]> {
        let [operation, register, low, high, crc @ ..] = self.frame;
        let request = [operation, register, low, high];
        if Crc32::new().update(&request).finish() != u32::from_le_bytes(crc) {
            defmt::warn!("a frame fails its check");
            return None;
        }
        let new = u16::from_le_bytes([low, high]);
        let (kind, old) = match (operation, self.values.get_mut(usize::from(register))) {
            (READ, Some(value)) => (READ | ANSWER, *value),
            (WRITE, Some(value)) => {
                defmt::info!("register {=u8} is {=u16} instead of {=u16}", register, new, *value);
                (WRITE | ANSWER, core::mem::replace(value, new))
            }
            (END, _) => {
                defmt::info!("the peer ends the session");
                self.is_ended = true;
                (END | ANSWER, 0)
            }
            _ => {
                defmt::error!("operation {=u8} on register {=u8}", operation, register);
                (REFUSED, 0)
            }
        };
        self.answers += 1;
        let [low, high] = old.to_le_bytes();
        let [a, b, c, d] = Crc32::new().update(&[kind, register, low, high]).finish().to_le_bytes();
        let len = encode(&[kind, register, low, high, a, b, c, d], &mut self.answer)?;
        // The zero that ends the frame.
        *self.answer.get_mut(len)? = 0;
        self.answer.get(..=len)
    }
}
