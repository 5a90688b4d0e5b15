//! SHA-256 of an input before it is sent, and of what arrives, computed by the receiver.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// What arrived at the far end, as the far end saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub bytes: u64,
    /// Seconds it took to receive the bytes, without the hashing.
    pub seconds: f64,
    /// The SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
}

/// Bytes to receive between two turns of hashing.
///
/// The sender goes on while the receiver hashes. So the receiver gets what the mechanism itself
/// holds (64 KiB in a pipe) for free. This size keeps that share below 2 %.
const BATCH: usize = 4 << 20;

/// The most bytes that one read may fetch.
const READ: usize = 256 << 10;

/// Hashes what arrives, and times the arriving without the hashing.
///
/// So the measured rate is the mechanism's and not the digest's.
#[derive(Debug)]
pub struct Intake {
    hasher: Sha256,
    batch: Vec<u8>,
    filled: usize,
    bytes: u64,
    spent: Duration,
    since: Option<Instant>,
}

impl Intake {
    /// An empty intake; its clock starts with the first [`spare`](Self::spare) or
    /// [`take`](Self::take).
    pub fn new() -> Self {
        // Write every page once here, so that the kernel's work for the pages is not on the clock.
        Intake {
            hasher: Sha256::new(),
            batch: vec![0xa5; BATCH],
            filled: 0,
            bytes: 0,
            spent: Duration::ZERO,
            since: None,
        }
    }

    /// The buffer for the next bytes: room for 256 KiB.
    pub fn spare(&mut self) -> &mut [u8] {
        if self.filled + READ > self.batch.len() {
            self.hash();
        }
        self.since.get_or_insert_with(Instant::now);
        &mut self.batch[self.filled..self.filled + READ]
    }

    /// Records that `n` bytes of [`spare`](Self::spare) were filled.
    pub fn filled(&mut self, n: usize) {
        self.filled += n;
        self.bytes += n as u64;
    }

    /// Takes bytes from elsewhere, such as a message that was checked first.
    pub fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spare = self.spare();
            let n = bytes.len().min(spare.len());
            spare[..n].copy_from_slice(&bytes[..n]);
            self.filled(n);
            bytes = &bytes[n..];
        }
    }

    /// Reads to the end of file; returns the receipt.
    pub fn read_all(mut self, mut from: impl Read) -> io::Result<Receipt> {
        loop {
            match from.read(self.spare()) {
                Ok(0) => return Ok(self.finish()),
                Ok(n) => self.filled(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops the clock; returns the receipt.
    pub fn finish(mut self) -> Receipt {
        self.hash();
        Receipt {
            bytes: self.bytes,
            seconds: self.spent.as_secs_f64(),
            sha256: hex(&self.hasher.finalize()),
        }
    }

    /// Hashes the batch while the clock is stopped.
    fn hash(&mut self) {
        if let Some(since) = self.since.take() {
            self.spent += since.elapsed();
        }
        self.hasher.update(&self.batch[..self.filled]);
        self.filled = 0;
    }
}

/// The length and the SHA-256 of everything that `from` gives.
pub fn sum(from: impl Read) -> io::Result<(u64, String)> {
    let receipt = Intake::new().read_all(from)?;
    Ok((receipt.bytes, receipt.sha256))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_abc_is_the_standards() {
        let (bytes, sha256) = sum(&b"abc"[..]).unwrap();
        assert_eq!(bytes, 3);
        // FIPS 180-4: the example of one block.
        assert_eq!(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn digest_does_not_depend_on_the_pieces() {
        let data: Vec<u8> = (0..BATCH * 2 + 12_345).map(|i| (i * 31 % 251) as u8).collect();
        let (bytes, whole) = sum(&data[..]).unwrap();
        assert_eq!(bytes, data.len() as u64);
        let mut intake = Intake::new();
        data.chunks(100_003).for_each(|piece| intake.take(piece));
        let receipt = intake.finish();
        assert_eq!((receipt.bytes, receipt.sha256), (bytes, whole));
        assert!(receipt.seconds > 0.0);
    }

    #[test]
    fn empty_input_has_a_digest() {
        let (bytes, sha256) = sum(io::empty()).unwrap();
        assert_eq!(bytes, 0);
        assert_eq!(sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
