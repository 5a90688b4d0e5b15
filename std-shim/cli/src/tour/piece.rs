//! A piece of the input with its number, as a value for shared memory: plain bytes, of which any
//! are a piece or are told from one.

use crate::failure::{Failure, Result};

/// How many bytes of the input a piece has room for.
pub const ROOM: usize = 16 << 10;

/// The number and the length, 8 bytes each, and the bytes.
pub type Piece = [u8; HEAD + ROOM];

const HEAD: usize = 16;

/// Piece `number`, of at most [`ROOM`] bytes.
pub fn new(number: u64, bytes: &[u8]) -> Piece {
    let mut piece = [0; HEAD + ROOM];
    piece[..8].copy_from_slice(&number.to_ne_bytes());
    piece[8..HEAD].copy_from_slice(&(bytes.len() as u64).to_ne_bytes());
    piece[HEAD..HEAD + bytes.len()].copy_from_slice(bytes);
    piece
}

/// Whether it is none: its number is 0, as in zeroed memory.
pub fn is_none(piece: &Piece) -> bool {
    piece.iter().take(8).all(|&byte| byte == 0)
}

/// The number and the bytes of a piece.
pub fn read(piece: &Piece) -> Result<(u64, &[u8])> {
    let word = |at: usize| {
        piece.get(at..at + 8).and_then(|word| word.try_into().ok()).map(u64::from_ne_bytes)
    };
    word(0)
        .zip(word(8))
        .and_then(|(number, len)| Some((number, piece[HEAD..].get(..usize::try_from(len).ok()?)?)))
        .ok_or_else(|| Failure::new("a piece arrived torn"))
}

/// The bytes of a piece, which must be the one of this number.
pub fn numbered(piece: &Piece, expected: u64) -> Result<&[u8]> {
    match read(piece)? {
        (number, bytes) if number == expected => Ok(bytes),
        (number, _) => {
            Err(Failure::new(format!("piece {number} arrived where {expected} was due")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_piece_comes_out_of_it() {
        let piece = new(7, b"seven");
        assert_eq!(read(&piece).unwrap(), (7, &b"seven"[..]));
        assert_eq!(numbered(&piece, 7).unwrap(), b"seven");
        assert!(numbered(&piece, 8).is_err());
        assert!(is_none(&[0; HEAD + ROOM]) && !is_none(&piece));
        assert!(read(&[0xff; HEAD + ROOM]).is_err());
    }
}
