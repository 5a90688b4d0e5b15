//! For targets without caches, where a look at shared memory costs what a look at any memory does: nothing lies apart, and
//! nothing is kept that can be looked up. Twin of `cached`.

/// The bare value.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// No copy of what can be looked up in shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept;

impl Kept {
    /// Whether there is a copy.
    pub(crate) const IS_KEPT: bool = false;

    pub(crate) const fn new(_: u32) -> Self {
        Kept
    }

    /// The copy, where there is one.
    #[inline(always)]
    pub(crate) const fn get(self) -> Option<u32> {
        None
    }
}

/// Nobody to get out of the way of: who took the word was an interrupt, and is done.
#[inline(always)]
pub(crate) fn step_aside(_: impl Fn() -> u64) -> bool {
    false
}
