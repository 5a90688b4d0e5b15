//! Where a side stands that goes through the elements of an array in turn, and begins again behind
//! the last one.
//!
//! The element is that of index `number % len`. Where `len` is a constant power of two, that is one
//! instruction, and the side keeps nothing: [`()`](unit). Where `len` is known only when the
//! program runs, a division would take longer than all the rest; there the side keeps the element's
//! address: [`Steps`].

use core::fmt;

/// Where a side stands: at one of the elements of the array that it was made for, which begins with
/// `first`.
pub trait Cursor<E>: Copy + Send + Sync + fmt::Debug {
    /// One that stands at the element `index`, which is less than `len`, of so many.
    fn new(first: *const E, index: impl FnOnce() -> usize, len: u32) -> Self;

    /// The index of the element. `index` says it to a cursor that keeps nothing.
    fn index(self, first: *const E, index: impl FnOnce() -> usize) -> usize;

    /// The address of the element. `index` says its index to a cursor that keeps nothing.
    fn element(self, first: *const E, index: impl FnOnce() -> usize) -> *const E;

    /// Goes on to the element behind it, or to `first` if it was the last.
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

/// The addresses of an element and of the end of the array. They lie in private memory, so that
/// nobody who shares the array can lead the side out of it.
pub struct Steps<E> {
    at: *const E,
    end: *const E,
}

// SAFETY: they are addresses and give no access: whoever uses one says why that is allowed.
unsafe impl<E> Send for Steps<E> {}
// SAFETY: as above.
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
        self.at = if next == self.end { again(first) } else { next };
    }
}

/// The first element once more. Not a choice of two addresses: the next slot would be known only
/// when the comparison is done.
#[cold]
#[inline(never)]
fn again<E>(first: *const E) -> *const E {
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stands_at_the_element_that_the_number_has_whatever_the_length() {
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
