//! For targets without caches, where a look at shared memory costs what a look at any memory does:
//! nothing lies apart, and nothing is kept that can be looked up. Twin of `cached`.

use core::marker::PhantomData;

/// The bare value.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// No copy of what can be looked up in shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cached;

impl Cached {
    /// Whether there is a copy.
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

/// Nobody to get out of the way of: who took the word was an interrupt, and is done.
#[inline(always)]
pub(crate) fn backoff(_: impl Fn() -> u64) -> bool {
    false
}

/// Memory for what is rarely needed: none, where there is little.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Roomy<T>(PhantomData<T>);

impl<T> Roomy<T> {
    pub(crate) const NONE: Self = Roomy(PhantomData);

    /// What is there, where there is room for it.
    #[inline(always)]
    pub(crate) const fn by_ref(&self) -> RoomyRef<'_, T> {
        RoomyRef(PhantomData)
    }
}

/// A reference to what is in a [`Roomy`].
#[derive(Debug)]
pub(crate) struct RoomyRef<'a, T: ?Sized>(PhantomData<&'a T>);

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
    pub(crate) unsafe fn at(_: core::ptr::NonNull<T>) -> Self {
        RoomyRef(PhantomData)
    }

    /// What is there, where there is room for it.
    #[inline(always)]
    pub(crate) const fn get(self) -> Option<&'a T> {
        None
    }
}

/// A [`Roomy`] of a value.
macro_rules! roomy {
    ($value:expr) => {{
        // Named, and never made.
        let _ = || $value;
        crate::sync::Roomy::NONE
    }};
}
pub(crate) use roomy;
