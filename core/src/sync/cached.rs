//! For targets with caches: what contexts write lies apart, and what one wrote last is not looked
//! up again without need. Twin of `uncached`.

/// A value on cache lines of its own.
///
/// 128 bytes: two lines are fetched together on x86-64, and a line is that long on some AArch64 and
/// POWER.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// A copy, in a handle, of what can be looked up in shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cached(u32);

impl Cached {
    /// Whether there is a copy.
    pub(crate) const ENABLED: bool = true;

    pub(crate) const fn new(value: u32) -> Self {
        Cached(value)
    }

    /// The copy, where there is one.
    #[inline(always)]
    pub(crate) const fn get(self) -> Option<u32> {
        Some(self.0)
    }
}

/// Memory for what is rarely needed: see its twin.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Roomy<T>(T);

impl<T> Roomy<T> {
    pub(crate) const fn new(value: T) -> Self {
        Roomy(value)
    }

    /// What is there, where there is room for it.
    #[inline(always)]
    pub(crate) const fn by_ref(&self) -> RoomyRef<'_, T> {
        RoomyRef(&self.0)
    }
}

/// A reference to what is in a [`Roomy`].
#[derive(Debug)]
pub(crate) struct RoomyRef<'a, T: ?Sized>(&'a T);

impl<T: ?Sized> Clone for RoomyRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for RoomyRef<'_, T> {}

impl<'a, T: ?Sized> RoomyRef<'a, T> {
    /// What is at `at`.
    ///
    /// # Safety
    /// Where there is room for it, there is a `T`, for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn at(at: core::ptr::NonNull<T>) -> Self {
        // SAFETY: as the caller states.
        RoomyRef(unsafe { at.as_ref() })
    }

    /// What is there, where there is room for it.
    #[inline(always)]
    pub(crate) const fn get(self) -> Option<&'a T> {
        Some(self.0)
    }
}

/// A [`Roomy`] of a value.
macro_rules! roomy {
    ($value:expr) => {
        crate::sync::Roomy::new($value)
    };
}
pub(crate) use roomy;

/// Gets out of the way of others, and for longer as long as they get on quickly: `progress` says
/// how far they are. Whether that took some time. A word that several exchange goes from one to the
/// next at the price of some hundred steps of either; one that has it and is left alone takes many
/// in that time.
#[cold]
#[inline(never)]
pub(crate) fn backoff(progress: impl Fn() -> u64) -> bool {
    /// 2^5 pauses first, about a microsecond; doubled twice at most, so that all take about seven.
    const PAUSES: core::ops::RangeInclusive<u32> = 5..=7;
    /// Who gets on by fewer in the shortest of these is not hindered by a look.
    const QUICK: u64 = 8;

    if cfg!(loom) {
        return false;
    }
    let mut before = progress();
    for exponent in PAUSES {
        super::pause(1 << exponent);
        let now = progress();
        if now.wrapping_sub(before) < QUICK {
            break;
        }
        before = now;
    }
    true
}
