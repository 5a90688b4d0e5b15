//! Operation sequences with an oracle: bytes decide a sequence of operations. After each operation
//! the real structure must agree with a simple one.
//!
//! The same functions are the bodies of the fuzz targets (`fuzz/fuzz_targets`). Ordinary tests run
//! them with seeded bytes (`tests/tests/oracle.rs`) and with the inputs that the fuzzer kept
//! (`tests/tests/replay.rs`).

mod alone;
mod broadcast;
mod bytes;
mod layout;
mod lines;
mod link;
mod link_session;
mod locks;
mod messages;
mod parsers;
mod pipe;
mod queue;
mod ring;
pub mod scribble;
mod signal;
mod untrusted;

pub use broadcast::{broadcast, latest};
pub use bytes::byte_ring;
pub use layout::layout;
pub use link::link;
pub use link_session::link_session;
pub use locks::locks;
pub use messages::messages;
pub use parsers::{addresses, connection, control, python, survey};
pub use pipe::pipe;
pub use queue::queue;
pub use ring::ring;
pub use scribble::scribble;
pub use signal::signal;
pub use untrusted::untrusted;

use crate::kernel;

/// A fuzz target: the name of its file in `fuzz/fuzz_targets`, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every fuzz target.
///
/// `tests/tests/replay.rs` runs each on its corpus and on the cases that were found.
pub const TARGETS: &[Target] = &[
    ("addresses", addresses),
    ("broadcast", broadcast),
    ("byte_ring", byte_ring),
    ("connection", connection),
    ("control", control),
    ("kernel_fifo", kernel::fifo),
    ("kernel_packets", kernel::packets),
    ("kernel_pipe", kernel::pipe),
    ("kernel_streams", kernel::streams),
    ("latest", latest),
    ("layout", layout),
    ("link", link),
    ("link_session", link_session),
    ("locks", locks),
    ("messages", messages),
    ("pipe", pipe),
    ("python", python),
    ("queue", queue),
    ("ring", ring),
    ("scribble", scribble),
    ("signal", signal),
    ("survey", survey),
    ("untrusted", untrusted),
];

/// The bytes that decide what happens, drawn one by one. When they are used up, the sequence ends.
#[derive(Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// Decisions from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Choices(bytes)
    }

    /// The next decision: one of `0..count`. `None` at the end.
    pub fn below(&mut self, count: usize) -> Option<usize> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(usize::from(*first) % count)
    }

    /// All bytes that are left. None is after this.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// True or false, with equal chances.
    pub fn flip(&mut self) -> Option<bool> {
        self.below(2).map(|side| side == 1)
    }
}

/// Random numbers, the same in every run: `SplitMix64` (Steele, Lea and Flood, "Fast Splittable
/// Pseudorandom Number Generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice whose throws `seed` decides.
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// The next number.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `low..=high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.throw() % (high - low + 1) as u64) as usize
    }
}

/// Bytes for a test that must do the same every time: what [`Dice`] of this seed throw.
pub fn seeded_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend(dice.throw().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
