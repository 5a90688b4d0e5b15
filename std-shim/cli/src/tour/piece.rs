//! A piece of the input with its number, as a value for shared memory.
//!
//! It is plain bytes: any bytes either are a piece or are recognized as none.

use crate::failure::{Failure, Result};

/// The most bytes of the input in a piece.
pub const ROOM: usize = 16 << 10;

/// The number and the length, 8 bytes each, then the bytes.
pub type Piece = [u8; HEAD + ROOM];

const HEAD: usize = 16;

/// Piece `number` with `bytes`, at most [`ROOM`] of them.
pub fn new(number: u64, bytes: &[u8]) -> Piece {
    let mut piece = [0; HEAD + ROOM];
    piece[..8].copy_from_slice(&number.to_ne_bytes());
    piece[8..HEAD].copy_from_slice(&(bytes.len() as u64).to_ne_bytes());
    piece[HEAD..HEAD + bytes.len()].copy_from_slice(bytes);
    piece
}

/// Whether this is no piece: its number is 0, as in zeroed memory.
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

/// The bytes of a piece, whose number must be `expected`.
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
    fn piece_returns_what_was_put_in() {
        let piece = new(7, b"seven");
        assert_eq!(read(&piece).unwrap(), (7, &b"seven"[..]));
        assert_eq!(numbered(&piece, 7).unwrap(), b"seven");
        assert!(numbered(&piece, 8).is_err());
        assert!(is_none(&[0; HEAD + ROOM]) && !is_none(&piece));
        assert!(read(&[0xff; HEAD + ROOM]).is_err());
    }
}
