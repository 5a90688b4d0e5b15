//! Where the words and the values of a queue lie: the real memory. Twin of `storage_loom.rs`.
//!
//! The two ends come first. Three arrays follow, with one element for each slot: cells, attempts
//! (where there is room for them) and values. A [`Fixed`] knows their length at compile time. A
//! [`Counted`] carries the length in the reference to it, as a slice does: its type ends with an
//! array of [`Bundle`]s, which together are as large as the three arrays.
//!
//! A `Fixed` does not consist of bundles. A move of a `T` need not preserve its padding, and the
//! bytes of a bundle that may be padding are words of the queue.
#![expect(clippy::disallowed_types, reason = "loom has the twin of this file")]

use super::protocol::{Bundle, Cell, Ends, MAX_SLOTS, Shared, Tries, WORDS};
use crate::storage::{self, InMemory};
use crate::sync::{Roomy, RoomyRef, array_of, roomy};
use crate::wait::Wake;
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::{self, NonNull};

/// The memory of a [`Queue`](super::Queue). The cell is around all of it, so that all of it may be
/// written through a view of it.
#[repr(transparent)]
pub(super) struct Fixed<T, const N: usize, W: Wake>(UnsafeCell<FixedBody<T, N, W>>);

/// The memory of a [`QueueView`](super::QueueView).
#[repr(transparent)]
pub(super) struct Counted<T, W: Wake>(UnsafeCell<CountedBody<T, W>>);

#[repr(C)]
struct FixedBody<T, const N: usize, W: Wake> {
    ends: Ends<W>,
    arrays: FixedArrays<T, N>,
}

/// As large as the arrays, and as the bundles. The bundles are larger when the values need a large
/// alignment.
#[repr(C)]
union FixedArrays<T, const N: usize> {
    arrays: ManuallyDrop<Arrays<T, N>>,
    _bundles: ManuallyDrop<[Bundle<T>; N]>,
}

#[repr(C)]
struct Arrays<T, const N: usize> {
    cells: [Cell; N],
    tries: Roomy<[Tries; N]>,
    values: [MaybeUninit<T>; N],
}

#[repr(C)]
struct CountedBody<T, W: Wake> {
    ends: Ends<W>,
    /// A bundle need not be aligned as a value is.
    _align: [MaybeUninit<T>; 0],
    bundles: [Bundle<T>],
}

/// The offset of the values of `n` slots from the first cell, in bytes. The values are aligned to
/// `align`, a power of two.
#[inline(always)]
pub(super) const fn values_offset(n: usize, align: usize) -> usize {
    (WORDS * n + align - 1) & !(align - 1)
}

impl<T, const N: usize, W: Wake> Fixed<T, N, W> {
    pub(super) const fn new() -> Self {
        let arrays = Arrays {
            cells: array_of!(Cell::new(); N),
            tries: roomy!(array_of!(Tries::new(0); N)),
            values: [const { MaybeUninit::uninit() }; N],
        };
        Fixed(UnsafeCell::new(FixedBody {
            ends: Ends::new(),
            arrays: FixedArrays { arrays: ManuallyDrop::new(arrays) },
        }))
    }

    /// The same queue, with its capacity in the reference.
    #[inline(always)]
    pub(super) const fn counted(&self) -> &Counted<T, W> {
        const { assert!(N > 0) };
        let at = ptr::slice_from_raw_parts(ptr::from_ref(self).cast::<Bundle<T>>(), N);
        // SAFETY: `self` is a queue of `N` slots that lives as long as the result, and is at least
        // as large as its view. All of both is inside an `UnsafeCell`, so both may be written
        // through.
        unsafe { &*(at as *const Counted<T, W>) }
    }
}

// SAFETY: `Counted` is `repr(C)`: first the ends, which `init_at` writes. The words of all slots
// follow, which are zero in a fresh queue, and then the values, which need not be initialized.
unsafe impl<T, W: Wake> InMemory for Counted<T, W> {
    fn layout(capacity: usize) -> Option<Layout> {
        if capacity > MAX_SLOTS {
            return None;
        }
        let (ends, values) = (Layout::new::<Ends<W>>(), Layout::new::<[MaybeUninit<T>; 0]>());
        storage::layout::<Bundle<T>>(ends.extend(values).ok()?.0, capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        Self::layout(capacity)?;
        NonNull::new(storage::slice(at, capacity) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        let queue = Self::from_raw(at, capacity)?;
        // SAFETY: the caller guarantees memory of `layout(capacity)` at `at`, which begins with the
        // ends.
        unsafe { at.cast::<Ends<W>>().write(Ends::new()) };
        // SAFETY: `queue` points to the memory that the caller guarantees; nothing is read.
        let body = UnsafeCell::raw_get(unsafe { &raw const (*queue.as_ptr()).0 });
        // SAFETY: `body` points to the memory that the caller guarantees; nothing is read.
        let words = unsafe { &raw mut (*body).bundles }.cast::<u8>();
        // SAFETY: the caller guarantees memory of `layout(capacity)`. There the bundles take `WORDS
        // * capacity` bytes or more.
        unsafe { words.write_bytes(0, WORDS * capacity) };
        Some(queue)
    }
}

impl<T, W: Wake> Counted<T, W> {
    #[inline(always)]
    const fn bundles(&self) -> *mut [Bundle<T>] {
        // SAFETY: `self` is a reference, so the place lies in the queue; nothing is read.
        unsafe { &raw mut (*self.0.get()).bundles }
    }

    /// The largest number of values that the queue holds.
    #[inline(always)]
    pub(super) const fn capacity(&self) -> usize {
        self.bundles().len()
    }

    #[inline(always)]
    pub(super) const fn ends(&self) -> &Ends<W> {
        // SAFETY: the ends are words that all users of the queue share. Nobody borrows them
        // exclusively while `self` is borrowed.
        unsafe { &(*self.0.get()).ends }
    }

    #[inline(always)]
    pub(super) fn shared(&self) -> Shared<'_, W> {
        let cells = NonNull::slice_from_raw_parts(self.first_cell(), self.capacity());
        let tries = cells.cast::<Cell>();
        // SAFETY: the queue has one cell for each slot, and behind them one attempts word for each
        // slot, if there is room for them. So the result lies in the queue or at its end.
        let tries = unsafe { tries.add(self.capacity()) }.cast::<Tries>();
        let tries = NonNull::slice_from_raw_parts(tries, self.capacity());
        // SAFETY: the cells and the attempts lie in the queue, initialized, and live as long as
        // `self`. They are cells, so they may be shared. They begin behind the ends, aligned.
        Shared::new(self.ends(), unsafe { cells.as_ref() }, unsafe { RoomyRef::at(tries) })
    }

    #[inline(always)]
    pub(super) fn first_cell(&self) -> NonNull<Cell> {
        // SAFETY: the address of a place in the queue is not null.
        unsafe { NonNull::new_unchecked(self.bundles().cast()) }
    }

    /// The address of a slot's value. In bounds if the slot exists.
    #[inline(always)]
    pub(super) fn value(&self, slot: usize) -> *mut T {
        let values = values_offset(self.capacity(), align_of::<T>());
        self.bundles().cast::<u8>().wrapping_add(values).cast::<T>().wrapping_add(slot)
    }

    /// Tells loom that a value is being read; loom has no part in this twin.
    #[inline(always)]
    pub(super) fn touch_read(&self, _slot: usize) {}

    /// Tells loom that a value is being written; loom has no part in this twin.
    #[inline(always)]
    pub(super) fn touch_write(&self, _slot: usize) {}
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::wait::{Async, Nobody};

    fn assert_same_layout<T, const N: usize, W: Wake>() {
        let queue = Fixed::<T, N, W>::new();
        assert_eq!(Counted::<T, W>::layout(N), Some(Layout::new::<Fixed<T, N, W>>()));
        let view = queue.counted();
        assert!(size_of_val(view) <= size_of_val(&queue));
        assert_eq!((align_of_val(view), view.capacity()), (align_of_val(&queue), N));
        // SAFETY: the place lies in `queue`; nothing is read.
        let arrays = unsafe { &raw const (*queue.0.get()).arrays }.cast::<Arrays<T, N>>();
        assert_eq!(arrays.cast(), view.first_cell().as_ptr());
        // SAFETY: the place lies in `queue`; nothing is read.
        assert_eq!(unsafe { &raw const (*arrays).values }.cast(), view.value(0).cast_const());
        let end = view.value(N).addr() - ptr::from_ref(&queue).addr();
        assert!(end <= size_of_val(view), "the values lie in the view");
    }

    #[test]
    fn queue_and_view_mean_the_same_bytes() {
        #[repr(align(16))]
        struct Wide([u8; 48]);
        #[repr(align(256))]
        struct Wider(#[expect(dead_code, reason = "for its size")] u8);
        assert_same_layout::<u8, 1, Nobody>();
        assert_same_layout::<(), 5, Nobody>();
        assert_same_layout::<[u8; 3], 5, Async>();
        assert_same_layout::<(u8, u32), 4, Nobody>();
        assert_same_layout::<Wide, 3, Nobody>();
        assert_same_layout::<Wide, 1, Async>();
        assert_same_layout::<Wider, 7, Nobody>();
        let _ = Wide([0; 48]).0;
    }
}
