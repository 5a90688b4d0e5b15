//! For targets without caches, where reading shared memory costs the same as reading any memory. No
//! words are kept apart, and a side keeps no copies. Twin of `cached`.

use core::marker::PhantomData;

/// The bare value.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// No copy of a word in shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cached;

impl Cached {
    /// Whether handles keep copies.
    pub(crate) const ENABLED: bool = false;

    pub(crate) const fn new(_: u32) -> Self {
        Cached
    }

    /// The copy, where there is one.
    #[inline(always)]
    pub(crate) const fn get(self) -> Option<u32> {
        None
    }
}

/// A word that one operation has read and keeps to its end. The compiler never merges two loads of
/// an atomic, so that each further load takes its time and its flash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local(u32);

impl Local {
    #[inline(always)]
    pub(crate) fn new(word: u32) -> Self {
        Local(word)
    }

    /// The word, where the operation keeps it.
    #[inline(always)]
    pub(crate) fn get(self) -> Option<u32> {
        Some(self.0)
    }
}

/// Does not back off: an interrupt took the word, and is done.
#[allow(dead_code, reason = "only the lock-free queue backs off")]
#[inline(always)]
pub(crate) fn backoff(_: impl Fn() -> u64) -> bool {
    false
}

/// Memory for rarely needed words: none, where there is little memory.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Roomy<T>(PhantomData<T>);

impl<T> Roomy<T> {
    pub(crate) const NONE: Self = Roomy(PhantomData);

    /// A reference to the value, where there is room for it.
    #[inline(always)]
    pub(crate) const fn by_ref(&self) -> RoomyRef<'_, T> {
        RoomyRef(PhantomData)
    }

    /// An exclusive reference to the value, where there is room for it.
    #[inline(always)]
    pub(crate) const fn get_mut(&mut self) -> Option<&mut T> {
        None
    }
}

/// A reference to the value of a [`Roomy`].
#[derive(Debug)]
pub(crate) struct RoomyRef<'a, T: ?Sized>(PhantomData<&'a T>);

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
    pub(crate) unsafe fn at(_: core::ptr::NonNull<T>) -> Self {
        RoomyRef(PhantomData)
    }

    /// The value, where there is room for it.
    #[inline(always)]
    pub(crate) const fn get(self) -> Option<&'a T> {
        None
    }
}

/// A [`Roomy`] of a value.
macro_rules! roomy {
    ($value:expr) => {{
        // Type-checks the value, and never makes it.
        let _ = || $value;
        crate::sync::Roomy::NONE
    }};
}
pub(crate) use roomy;
