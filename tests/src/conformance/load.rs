//! The data that is sent: pieces of a known sequence of bytes, so the receiver can check each byte
//! by its position alone.

use super::{Content, Promises, Reader, Writer};
use crate::oracle::{Dice, seeded_bytes};
use ringway::CoreError;

/// The sequence repeats after this many bytes. It is a prime, so that it differs from the size of
/// every buffer or block.
const PERIOD: usize = 65_521;

/// The known sequence of bytes.
pub struct Sequence(Vec<u8>);

impl Sequence {
    /// The sequence that both sides know.
    pub fn new() -> Self {
        Sequence(seeded_bytes(1, PERIOD))
    }

    /// Fills `buf` with the bytes from place `at` on.
    pub fn fill(&self, at: usize, mut buf: &mut [u8]) {
        let mut from = at % PERIOD;
        while !buf.is_empty() {
            let count = buf.len().min(PERIOD - from);
            let (now, rest) = buf.split_at_mut(count);
            now.copy_from_slice(&self.0[from..from + count]);
            buf = rest;
            from = 0;
        }
    }

    /// The bytes from place `at` on.
    pub fn take(&self, at: usize, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.fill(at, &mut bytes);
        bytes
    }

    /// Whether `buf` holds the bytes from place `at` on; says where it does not.
    #[track_caller]
    pub fn check(&self, at: usize, buf: &[u8]) {
        if let Some(wrong) = self.first_wrong(at, buf) {
            panic!("byte {} of the sequence is not what was sent", at + wrong);
        }
    }

    fn first_wrong(&self, at: usize, buf: &[u8]) -> Option<usize> {
        let expected = self.take(at, buf.len());
        if expected == buf {
            return None;
        }
        expected.iter().zip(buf).position(|(expected, got)| expected != got)
    }
}

impl Default for Sequence {
    fn default() -> Self {
        Self::new()
    }
}

/// Pieces of the sequence, given by their sizes. Each piece is one message, or the bytes of one
/// write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    pieces: Vec<usize>,
}

impl Load {
    /// One piece of this size.
    pub fn one(size: usize) -> Self {
        Load { pieces: vec![size] }
    }

    /// This many pieces of the same size.
    pub fn same(count: usize, size: usize) -> Self {
        Load { pieces: vec![size; count] }
    }

    /// This many pieces, of sizes up to `most`; small ones are as likely as large ones.
    pub fn random(seed: u64, count: usize, most: usize, promises: &Promises) -> Self {
        let mut dice = Dice::new(seed);
        let (least, most) = match promises.content {
            Content::Bytes => (1, most),
            Content::Messages { max, empty, .. } => (usize::from(!empty), most.min(max)),
        };
        let pieces = (0..count)
            .map(|_| {
                let most = most.min(1 << dice.between(0, 24));
                dice.between(least.min(most), most)
            })
            .collect();
        Load { pieces }
    }

    /// The number of all bytes together.
    pub fn len(&self) -> usize {
        self.pieces.iter().sum()
    }

    /// Whether there is no piece.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Sends all pieces, and waits where necessary.
    #[track_caller]
    pub fn send(&self, tx: &mut Writer, content: Content) {
        let sequence = Sequence::new();
        let mut at = 0;
        for &size in &self.pieces {
            let piece = sequence.take(at, size);
            write_whole(tx, &piece, content);
            at += size;
        }
    }

    /// Receives all pieces and checks every byte, and every boundary where there are any.
    #[track_caller]
    pub fn receive(&self, rx: &mut Reader, content: Content) {
        self.receive_into(rx, content, 40_000);
    }

    /// [`receive`](Self::receive) with buffers of at most `most` bytes (for messages: as large as
    /// they need to be).
    #[track_caller]
    pub fn receive_into(&self, rx: &mut Reader, content: Content, most: usize) {
        let sequence = Sequence::new();
        match content {
            Content::Bytes => {
                let mut dice = Dice::new(2);
                let mut buf = vec![0; most];
                let (mut at, total) = (0, self.len());
                while at < total {
                    let want = dice.between(1, most);
                    let count = rx.read(&mut buf[..want]).expect("the bytes come");
                    assert!(count > 0, "the end of file came after {at} of {total} bytes");
                    assert!(count <= want, "a read of {want} gave {count}");
                    sequence.check(at, &buf[..count]);
                    at += count;
                }
                assert_eq!(at, total, "more came than was sent");
            }
            Content::Messages { .. } => {
                let largest = self.pieces.iter().max().copied().unwrap_or(0);
                let mut buf = vec![0; largest + 1];
                let mut at = 0;
                for (number, &size) in self.pieces.iter().enumerate() {
                    let count = rx.read(&mut buf).expect("the message comes");
                    assert_eq!(count, size, "the size of message {number}");
                    sequence.check(at, &buf[..count]);
                    at += count;
                }
            }
        }
    }
}

/// Writes all of `piece`: a message at once, bytes in as many writes as it takes.
#[track_caller]
pub fn write_whole(tx: &mut Writer, piece: &[u8], content: Content) {
    match content {
        Content::Messages { .. } => {
            assert_eq!(tx.write(piece), Ok(piece.len()), "a message goes as a whole");
        }
        Content::Bytes => {
            let mut left = piece;
            while !left.is_empty() {
                let count = tx.write(left).expect("somebody reads");
                assert!(count > 0 && count <= left.len(), "a write of {} gave {count}", left.len());
                left = &left[count..];
            }
        }
    }
}

/// Reads until `buf` is full: for bytes.
#[track_caller]
pub fn read_whole(rx: &mut Reader, buf: &mut [u8]) {
    let mut done = 0;
    while done < buf.len() {
        let count = rx.read(&mut buf[done..]).expect("the bytes come");
        assert!(count > 0, "the end of file came after {done} of {} bytes", buf.len());
        done += count;
    }
}

/// Whether an answer of a reader says that the last writer is gone and everything was read.
pub fn is_end(answer: &Result<usize, CoreError>, content: Content) -> bool {
    match content {
        Content::Bytes => *answer == Ok(0),
        Content::Messages { .. } => *answer == Err(CoreError::EndOfFile),
    }
}
