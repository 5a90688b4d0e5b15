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

/// How one that another was faster than, or is in the way of, gets out of its way: for longer each time. A word that several
/// exchange goes from one to the next at the price of some hundred steps of either; one that has it and is left alone takes
/// many in that time.
#[derive(Debug)]
pub(crate) struct StepAside(u32);

impl StepAside {
    /// 2^5 pauses the first time, at most 2^7: half a microsecond to some three.
    const SHORTEST: u32 = 5;
    const LONGEST: u32 = 7;

    pub(crate) const fn new() -> Self {
        StepAside(Self::SHORTEST)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn step(&mut self) {
        super::pause(1 << self.0);
        self.0 = (self.0 + 1).min(Self::LONGEST);
    }
}
