//! The cell that loom watches, and the memory that is shared as a whole.

use super::const_unless_loom;
use core::ops::{Deref, DerefMut};

/// A cell whose accesses loom watches. The closures get the pointer; the caller states what they
/// may do with it.
#[derive(Debug)]
pub(crate) struct Cell<T: ?Sized> {
    #[cfg(not(loom))]
    inner: core::cell::UnsafeCell<T>,
    #[cfg(loom)]
    inner: super::WatchedCell<T>,
}

impl<T> Cell<T> {
    const_unless_loom! {
        pub(crate) fn new(value: T) -> Self {
            #[cfg(not(loom))]
            let inner = core::cell::UnsafeCell::new(value);
            #[cfg(loom)]
            let inner = super::WatchedCell::new(value);
            Cell { inner }
        }
    }

    /// The value of a cell that is no longer needed.
    pub(crate) fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Cell<T> {
    /// Lends the value of a cell that is borrowed exclusively.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        // SAFETY: the cell is borrowed exclusively for as long as the result.
        self.with_mut(|value| unsafe { &mut *value })
    }

    /// A read. Loom checks that it happens after every write.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        #[cfg(not(loom))]
        return f(self.inner.get());
        #[cfg(loom)]
        return self.inner.with(f);
    }

    /// A write. Loom checks that it happens after every other access.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(not(loom))]
        return f(self.inner.get());
        #[cfg(loom)]
        return self.inner.with_mut(f);
    }
}

/// A value whose memory is shared as a whole, its padding too.
///
/// A reference to it leaves open what others do with any of its bytes. So the same memory can also
/// be seen as another type, which has atomic words where `T` has padding.
#[repr(transparent)]
pub(crate) struct Whole<T: ?Sized>(core::cell::UnsafeCell<T>);

// SAFETY: a shared `Whole` lends the value by shared references alone.
unsafe impl<T: Sync + ?Sized> Sync for Whole<T> {}

impl<T> Whole<T> {
    pub(crate) const fn new(value: T) -> Self {
        Whole(core::cell::UnsafeCell::new(value))
    }
}

impl<T: ?Sized> Deref for Whole<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the `Whole` is borrowed for as long as the result, so nobody has the value
        // exclusively.
        unsafe { &*self.0.get() }
    }
}

impl<T: ?Sized> DerefMut for Whole<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: core::fmt::Debug + ?Sized> core::fmt::Debug for Whole<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        T::fmt(self, f)
    }
}
