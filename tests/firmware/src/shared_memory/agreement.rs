//! What the firmware and the process agree on: the parts of the region, its place, and the
//! questions and answers. Both sides compile this source.
#![allow(dead_code, reason = "each side uses its half")]

use ringway_core::region::{Error, Layout};
use ringway_core::ring::Ring;
use ringway_core::ring::bytes::ByteRing;

/// Values: the number of the message, two words, and a check.
pub type Values = Ring<[u32; 4], 256>;
/// Records of [`RECORD`] bytes, in place.
pub type Records = ByteRing<{ 256 * RECORD }>;

/// The region's parts: to the firmware, and from it.
pub const VALUES_IN: &str = "values in";
pub const VALUES_OUT: &str = "values out";
pub const RECORDS_IN: &str = "records in";
pub const RECORDS_OUT: &str = "records out";

/// The participants.
pub const FIRMWARE: u16 = 1;
pub const PROCESS: u16 = 2;
pub const PROGRAM: u16 = 3;

/// The offset of the region in the memory.
pub const OFFSET: usize = 0x10_0000;

/// The number of the message that asks the firmware to end.
pub const END: u32 = u32::MAX;

pub fn layout() -> Result<Layout<4>, Error> {
    Layout::new(3)
        .part::<Values>(VALUES_IN)?
        .part::<Values>(VALUES_OUT)?
        .part::<Records>(RECORDS_IN)?
        .part::<Records>(RECORDS_OUT)
}

/// A message with its check.
pub fn sealed(n: u32, a: u32, b: u32) -> [u32; 4] {
    [n, a, b, mix(mix(mix(0, n), a), b)]
}

/// The content of a message, if the check holds.
pub fn opened(message: [u32; 4]) -> Option<(u32, u32, u32)> {
    let [n, a, b, _] = message;
    (message == sealed(n, a, b)).then_some((n, a, b))
}

/// The firmware's answer. It has the generation, so that the process knows which life answered.
pub fn answer(n: u32, a: u32, b: u32, generation: u32) -> [u32; 4] {
    sealed(n, mix(a, b), generation)
}

/// The length of a record, in bytes: its number, and bytes computed from it.
pub const RECORD: usize = 32;

/// Record `n`.
pub fn record(n: u32) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    let words = core::iter::successors(Some(n), |&word| Some(mix(word, 1)));
    let all = words.flat_map(u32::to_le_bytes);
    bytes.iter_mut().zip(all).for_each(|(place, byte)| *place = byte);
    bytes
}

/// The number of the record, if these bytes are one.
pub fn record_of(bytes: &[u8; RECORD]) -> Option<u32> {
    let n = u32::from_le_bytes(*bytes.first_chunk()?);
    (*bytes == record(n)).then_some(n)
}

/// The record that the firmware sends back for record `n`.
pub fn record_back(n: u32) -> [u8; RECORD] {
    record(n ^ 0x8000_0000)
}

pub fn mix(sum: u32, word: u32) -> u32 {
    (sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9)
}
