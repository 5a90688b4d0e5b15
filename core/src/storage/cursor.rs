//! Cursors: a side goes through the elements of an array in turn, and starts again after the last
//! one.
//!
//! The element of a number has the index `number % len`. If `len` is a constant power of two, that
//! takes one instruction, and the cursor keeps nothing: [`()`](unit). If `len` is known only at run
//! time, a division would take longer than everything else. Then the cursor keeps the element's
//! address: [`Steps`].

use core::fmt;

/// A side's position in the array that starts at `first`: at one of its elements.
pub trait Cursor<E>: Copy + Send + Sync + fmt::Debug {
    /// A cursor at the element `index` of `len` elements; `index` is less than `len`.
    fn new(first: *const E, index: impl FnOnce() -> usize, len: u32) -> Self;

    /// The index of the element. A cursor that keeps nothing calls `index` for it.
    fn index(self, first: *const E, index: impl FnOnce() -> usize) -> usize;

    /// The address of the element. A cursor that keeps nothing calls `index` for its index.
    fn element(self, first: *const E, index: impl FnOnce() -> usize) -> *const E;

    /// Goes to the next element, or to `first` after the last one.
    fn advance(&mut self, first: *const E);
}

impl<E> Cursor<E> for () {
    #[inline(always)]
    fn new(_: *const E, _: impl FnOnce() -> usize, _: u32) {}

    #[inline(always)]
    fn index(self, _: *const E, index: impl FnOnce() -> usize) -> usize {
        index()
    }

    #[inline(always)]
    fn element(self, first: *const E, index: impl FnOnce() -> usize) -> *const E {
        first.wrapping_add(index())
    }

    #[inline(always)]
    fn advance(&mut self, _: *const E) {}
}

/// The addresses of an element and of the array's end.
///
/// They lie in private memory, so nobody who shares the array can lead the side out of it.
pub struct Steps<E> {
    at: *const E,
    end: *const E,
}

// SAFETY: the addresses give no access. Whoever uses one states why that is allowed.
unsafe impl<E> Send for Steps<E> {}
// SAFETY: the addresses give no access. Whoever uses one states why that is allowed.
unsafe impl<E> Sync for Steps<E> {}

impl<E> Clone for Steps<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E> Copy for Steps<E> {}

impl<E> fmt::Debug for Steps<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.at, f)
    }
}

impl<E> Cursor<E> for Steps<E> {
    #[inline(always)]
    fn new(first: *const E, index: impl FnOnce() -> usize, len: u32) -> Self {
        Steps { at: first.wrapping_add(index()), end: first.wrapping_add(len as usize) }
    }

    #[inline(always)]
    fn index(self, first: *const E, _: impl FnOnce() -> usize) -> usize {
        let bytes = self.at.addr().wrapping_sub(first.addr());
        bytes.checked_div(size_of::<E>()).unwrap_or(0)
    }

    #[inline(always)]
    fn element(self, _: *const E, _: impl FnOnce() -> usize) -> *const E {
        self.at
    }

    #[inline(always)]
    fn advance(&mut self, first: *const E) {
        let next = self.at.wrapping_add(1);
        self.at = if next == self.end { wrap(first) } else { next };
    }
}

/// Returns the first element. A call, and no conditional move: with that, the processor would know
/// the next slot only after the comparison.
#[cold]
#[inline(never)]
fn wrap<E>(first: *const E) -> *const E {
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_cursors_are_at_the_same_element() {
        let array = [0_u64; 7];
        let first = array.as_ptr();
        for len in 1..=array.len() {
            let mut steps = Steps::new(first, || 2 % len, len as u32);
            for number in 2..40 {
                let index = || number % len;
                assert_eq!(steps.element(first, || unreachable!()), ().element(first, index));
                assert_eq!(steps.index(first, || unreachable!()), ().index(first, index));
                steps.advance(first);
            }
        }
    }
}
