//! Where a structure keeps its slots: in an array, whose length is a constant or known when the program runs.
//!
//! A structure that has slots ends with them, and there is one definition of it for both:
//!
//! | | is | how many slots |
//! |---|---|---|
//! | `RingInner<S, W>` | the structure, for any [`Storage`] `S` | |
//! | `Ring<T, N, W>` | `RingInner<[Slot<T>; N], W>` | a constant: for a `static`, or a part of a region that both sides compile |
//! | `RingView<T, W>` | `RingInner<[Slot<T>], W>` | known when the program runs |
//!
//! `&Ring<T, N, W>` coerces to `&RingView<T, W>`, as `&[T; N]` does to `&[T]`; so do `Box` and `Arc`. Both mean the same
//! bytes. The number of a view's slots is a part of the reference to it: it lies in private memory, and nobody who shares
//! the structure can change it.

use core::fmt;

pub use crate::sync::Slot;

/// The largest capacity: 2^30 slots.
pub(crate) const MAX_CAPACITY: usize = 1 << 30;

/// The array that a structure ends with: `[E; N]`, or `[E]` in its view. See the [module](self).
pub trait Storage: sealed::Storage {}

impl<S: sealed::Storage + ?Sized> Storage for S {}

/// What a [`Storage`] consists of: a [`Slot`], or what another structure has for each of its slots.
pub trait Element: sealed::Element {}

impl<E: sealed::Element> Element for E {}

/// How many slots there are: [`Fixed`], or [`Counted`].
pub trait Capacity: sealed::Capacity {}

impl<C: sealed::Capacity> Capacity for C {}

/// `N` slots. Takes no memory.
///
/// A capacity that cannot work does not compile.
#[derive(Debug, Clone, Copy)]
pub struct Fixed<const N: usize>;

/// As many slots as were counted when the program runs.
#[derive(Clone, Copy)]
pub struct Counted(u32);

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const N: usize> sealed::Capacity for Fixed<N> {
    #[inline(always)]
    fn get(self) -> u32 {
        fixed::<N>()
    }
}

impl sealed::Capacity for Counted {
    #[inline(always)]
    fn get(self) -> u32 {
        self.0
    }
}

/// `N` as positions count. Refuses a capacity that cannot work when the program is compiled.
pub(crate) const fn fixed<const N: usize>() -> u32 {
    const {
        assert!(N > 0, "a capacity of at least 1 is needed");
        assert!(N <= MAX_CAPACITY, "a capacity is at most 2^30");
    }
    N as u32
}

/// Whether a structure can have so many slots.
pub(crate) const fn is_capacity(slots: usize) -> bool {
    0 < slots && slots <= MAX_CAPACITY
}

impl<E: sealed::Element, const N: usize> sealed::Storage for [E; N] {
    type Element = E;
    type Value = E::Value;
    type Capacity = Fixed<N>;

    #[inline(always)]
    fn capacity(&self) -> Fixed<N> {
        Fixed
    }

    #[inline(always)]
    fn as_slice(&self) -> &[E] {
        self
    }
}

impl<E: sealed::Element> sealed::Storage for [E] {
    type Element = E;
    type Value = E::Value;
    type Capacity = Counted;

    #[inline(always)]
    fn capacity(&self) -> Counted {
        // No structure is made with more than `MAX_CAPACITY`.
        Counted(self.len() as u32)
    }

    #[inline(always)]
    fn as_slice(&self) -> &[E] {
        self
    }
}

impl<T> sealed::Element for Slot<T> {
    type Value = T;
}

pub(crate) mod sealed {
    /// See [`Storage`](super::Storage). The number of its elements is that of slots.
    pub trait Storage {
        /// What it consists of.
        type Element;
        /// What the structure holds.
        type Value;
        /// How many elements there are.
        type Capacity: Capacity;

        fn capacity(&self) -> Self::Capacity;
        fn as_slice(&self) -> &[Self::Element];
    }

    /// See [`Element`](super::Element).
    pub trait Element {
        /// What the structure holds.
        type Value;
    }

    /// See [`Capacity`](super::Capacity).
    pub trait Capacity: Copy + core::fmt::Debug {
        /// As positions count.
        fn get(self) -> u32;
    }
}
