//! What a participant that writes where it may not can do to a ring.

use ringway_core::sync::{AtomicU32, Ordering};
use std::ptr::NonNull;

/// The distance between what the two sides have, in bytes: a cache line, or without caches a
/// position, an owner and the word of a bell.
const SIDE: usize = if cfg!(uncached) { 12 } else { 128 };

/// Overwrites the position of a side, which is its first word: 0 is the producer, 1 the consumer.
/// The sides of the ring sleep on a word of 32 bits, if `side` is 1.
pub fn displace<R>(ring: &R, side: usize, to: u32) {
    // SAFETY: `side` is 0 or 1, and a ring begins with what its two sides have.
    let position = unsafe { NonNull::from(ring).cast::<AtomicU32>().byte_add(SIDE * side) };
    // SAFETY: each side begins with a position, which is an `AtomicU32`.
    unsafe { position.as_ref() }.store(to, Ordering::Relaxed);
}
