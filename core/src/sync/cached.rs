//! For targets with caches. Words that different contexts write lie on different cache lines. A
//! side keeps a copy of a word that it would otherwise have to read again. Twin of `uncached`.

/// A value on cache lines of its own.
///
/// 128 bytes: x86-64 fetches two lines together, and some AArch64 and POWER have lines of this
/// size.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// A copy, in a handle, of a word in shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cached(u32);

impl Cached {
    /// Whether handles keep copies.
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

/// A word that one operation has read and keeps to its end: nothing, because the handle keeps a
/// copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local;

impl Local {
    #[inline(always)]
    pub(crate) fn new(_: u32) -> Self {
        Local
    }

    /// The word, where the operation keeps it.
    #[inline(always)]
    pub(crate) fn get(self) -> Option<u32> {
        None
    }
}

/// Memory for rarely needed words; `uncached` has none.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Roomy<T>(T);

impl<T> Roomy<T> {
    pub(crate) const fn new(value: T) -> Self {
        Roomy(value)
    }

    /// A reference to the value, where there is room for it.
    #[inline(always)]
    pub(crate) const fn by_ref(&self) -> RoomyRef<'_, T> {
        RoomyRef(&self.0)
    }

    /// An exclusive reference to the value, where there is room for it.
    #[inline(always)]
    pub(crate) const fn get_mut(&mut self) -> Option<&mut T> {
        Some(&mut self.0)
    }
}

/// A reference to the value of a [`Roomy`].
#[derive(Debug)]
pub(crate) struct RoomyRef<'a, T: ?Sized>(&'a T);

impl<T: ?Sized> Clone for RoomyRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for RoomyRef<'_, T> {}

impl<'a, T: ?Sized> RoomyRef<'a, T> {
    /// A reference to the value at `at`.
    ///
    /// # Safety
    /// Where there is room for it, there is a `T` at `at` that may be shared for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn at(at: core::ptr::NonNull<T>) -> Self {
        // SAFETY: the caller guarantees a `T` at `at` that may be shared for `'a`.
        RoomyRef(unsafe { at.as_ref() })
    }

    /// The value, where there is room for it.
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

/// Backs off from a word that others exchange; returns whether that took some time.
///
/// `progress` says how far the others are. While they are quick, this waits longer. A word that
/// several processors exchange costs each of them some hundred steps per transfer. A processor that
/// has the word, and is left alone, takes many steps in that time.
#[allow(dead_code, reason = "only the lock-free queue backs off")]
#[cold]
#[inline(never)]
pub(crate) fn backoff(progress: impl Fn() -> u64) -> bool {
    /// 2^5 pauses first, about a microsecond. Doubled at most twice, so that all take about seven
    /// microseconds.
    const PAUSES: core::ops::RangeInclusive<u32> = 5..=7;
    /// A side that makes less progress in the shortest pause is not slowed down by a look.
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
