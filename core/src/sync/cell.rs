//! The cell that loom watches.

use super::const_unless_loom;

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
