//! What a participant that writes where it may not can do to a ring.

use ringway_core::sync::{AtomicU32, Ordering};
use std::ptr::NonNull;

/// Overwrites the position of a side, which is the first word of its cache line: 0 is the producer,
/// 1 the consumer.
pub fn displace<R>(ring: &R, side: usize, to: u32) {
    // SAFETY: `side` is 0 or 1, and a ring begins with two lines of 128 bytes.
    let position = unsafe { NonNull::from(ring).cast::<AtomicU32>().byte_add(128 * side) };
    // SAFETY: each of these lines begins with a position, which is an `AtomicU32`.
    unsafe { position.as_ref() }.store(to, Ordering::Relaxed);
}
