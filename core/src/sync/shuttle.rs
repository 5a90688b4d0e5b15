//! Shuttle's memory under loom's names: a second explorer of the same models. Shuttle follows
//! random schedules. Loom follows all schedules that its rules tell apart. Shuttle treats every
//! ordering as the strongest one.

pub use shuttle::hint;
pub use shuttle::sync;

pub(crate) mod cell {
    /// A cell that nobody watches: loom checks that accesses are ordered.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            UnsafeCell(core::cell::UnsafeCell::new(value))
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}
