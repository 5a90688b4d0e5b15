//! How much memory a slot takes, for the lock-free protocol.

use super::{Cell, Tries};
use crate::sync::Roomy;
use core::alloc::Layout;
use core::mem::MaybeUninit;

/// As many bytes as one slot takes in the three arrays of a queue together.
#[repr(C)]
pub(in crate::ring::queue) struct Bundle<T> {
    words: [MaybeUninit<u8>; WORDS],
    value: MaybeUninit<T>,
}

/// The size of a slot's words, in bytes.
pub(in crate::ring::queue) const WORDS: usize = size_of::<Cell>() + size_of::<Roomy<Tries>>();

/// The size of the bundle of a slot whose value has the layout `item`.
pub(in crate::ring::queue) fn bundle_size(item: Layout) -> Option<usize> {
    WORDS.checked_next_multiple_of(item.align())?.checked_add(item.pad_to_align().size())
}
