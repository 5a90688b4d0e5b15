//! For targets with caches: what contexts write lies apart, and what one wrote last is not looked up again without need.
//! Twin of `uncached`.

/// A value on cache lines of its own.
///
/// 128 bytes: two lines are fetched together on x86-64, and a line is that long on some AArch64 and POWER.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// A copy, in a handle, of what can be looked up in shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept(u32);

impl Kept {
    /// Whether there is a copy.
    pub(crate) const IS_KEPT: bool = true;

    pub(crate) const fn new(value: u32) -> Self {
        Kept(value)
    }

    /// The copy, where there is one.
    #[inline(always)]
    pub(crate) const fn get(self) -> Option<u32> {
        Some(self.0)
    }
}
