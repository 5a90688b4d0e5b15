//! Where the words and the values of a queue lie: the real memory. Twin of `storage_loom.rs`.
//!
//! The ends first; then three arrays of as many elements as there are slots: cells, tries (where
//! there is room for them) and values. A [`Fixed`] knows how many at compile time. A [`Counted`]
//! carries the number in the reference to it, as a slice does: its type ends with an array of
//! [`Bundle`]s, which together are as large as the three arrays.
//!
//! A `Fixed` is not itself made of bundles, because the padding of a `T` that moves with it need
//! not be preserved, and the bytes of a bundle that may be padding are words of the queue.
#![expect(clippy::disallowed_types, reason = "loom has the twin of this file")]

use super::shared::{Cell, Ends, Shared};
use super::word;
use crate::storage::{self, InMemory};
use crate::sync::{AtomicU64, Roomy, RoomyRef, array_of, roomy};
use crate::wait::Wake;
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::{self, NonNull};

/// What a [`Queue`](super::Queue) is. The cell is around all of it, so that a view of it may be
/// used to write all of it.
#[repr(transparent)]
pub(super) struct Fixed<T, const N: usize, W: Wake>(UnsafeCell<FixedBody<T, N, W>>);

/// What a [`QueueView`](super::QueueView) is.
#[repr(transparent)]
pub(super) struct Counted<T, W: Wake>(UnsafeCell<CountedBody<T, W>>);

#[repr(C)]
struct FixedBody<T, const N: usize, W: Wake> {
    ends: Ends<W>,
    arrays: FixedArrays<T, N>,
}

/// As large as the arrays, and as the bundles: of values that need a large alignment, these are
/// larger.
#[repr(C)]
union FixedArrays<T, const N: usize> {
    arrays: ManuallyDrop<Arrays<T, N>>,
    _bundles: ManuallyDrop<[Bundle<T>; N]>,
}

#[repr(C)]
struct Arrays<T, const N: usize> {
    cells: [Cell; N],
    tries: Roomy<[AtomicU64; N]>,
    values: [MaybeUninit<T>; N],
}

#[repr(C)]
struct CountedBody<T, W: Wake> {
    ends: Ends<W>,
    bundles: [Bundle<T>],
}

/// As many bytes as a slot takes of the arrays together.
#[repr(C)]
struct Bundle<T> {
    words: [MaybeUninit<u8>; WORDS],
    value: MaybeUninit<T>,
}

/// How many bytes of words a slot has.
pub(super) const WORDS: usize = size_of::<Cell>() + size_of::<Roomy<AtomicU64>>();

/// Where the values of `n` slots begin, counted from the first cell, when they are aligned to
/// `align`.
#[inline(always)]
pub(super) const fn values_offset(n: usize, align: usize) -> usize {
    (WORDS * n + align - 1) & !(align - 1)
}

impl<T, const N: usize, W: Wake> Fixed<T, N, W> {
    pub(super) const fn new() -> Self {
        let arrays = Arrays {
            cells: array_of!(Cell::new(); N),
            tries: roomy!(array_of!(AtomicU64::new(0); N)),
            values: [const { MaybeUninit::uninit() }; N],
        };
        Fixed(UnsafeCell::new(FixedBody {
            ends: Ends::new(),
            arrays: FixedArrays { arrays: ManuallyDrop::new(arrays) },
        }))
    }

    /// The queue, whose capacity is a part of the reference.
    #[inline(always)]
    pub(super) const fn counted(&self) -> &Counted<T, W> {
        const { assert!(N > 0) };
        let at = ptr::slice_from_raw_parts(ptr::from_ref(self).cast::<Bundle<T>>(), N);
        // SAFETY: a queue of `N` slots, which lives as long, and is as large as its view at least.
        // All of both is in an `UnsafeCell`.
        unsafe { &*(at as *const Counted<T, W>) }
    }
}

// SAFETY: `repr(C)`: the ends, which are written, and behind them the words of all slots, which are
// zero in a fresh queue, and the values, which need not be initialized.
unsafe impl<T, W: Wake> InMemory for Counted<T, W> {
    fn layout(capacity: usize) -> Option<Layout> {
        if capacity > word::MAX_SLOTS {
            return None;
        }
        storage::layout::<Bundle<T>>(Layout::new::<Ends<W>>(), capacity)
    }

    fn from_raw(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        Self::layout(capacity)?;
        NonNull::new(storage::slice(at, capacity) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, capacity: usize) -> Option<NonNull<Self>> {
        let queue = Self::from_raw(at, capacity)?;
        // SAFETY: there is room for the ends, as the caller states.
        unsafe { at.cast::<Ends<W>>().write(Ends::new()) };
        // SAFETY: a place in the memory that the caller states.
        let body = UnsafeCell::raw_get(unsafe { &raw const (*queue.as_ptr()).0 });
        // SAFETY: as above.
        let words = unsafe { &raw mut (*body).bundles }.cast::<u8>();
        // SAFETY: as above; so many bytes at least.
        unsafe { words.write_bytes(0, WORDS * capacity) };
        Some(queue)
    }
}

impl<T, W: Wake> Counted<T, W> {
    #[inline(always)]
    const fn bundles(&self) -> *mut [Bundle<T>] {
        // SAFETY: nothing is read; it is a place in the queue.
        unsafe { &raw mut (*self.0.get()).bundles }
    }

    /// How many values the queue holds.
    #[inline(always)]
    pub(super) const fn capacity(&self) -> usize {
        self.bundles().len()
    }

    #[inline(always)]
    pub(super) const fn ends(&self) -> &Ends<W> {
        // SAFETY: the ends are words that all who use the queue share, and that nobody has
        // exclusively.
        unsafe { &(*self.0.get()).ends }
    }

    #[inline(always)]
    pub(super) fn shared(&self) -> Shared<'_, W> {
        let cells = NonNull::slice_from_raw_parts(self.first_cell(), self.capacity());
        let tries = cells.cast::<Cell>();
        // SAFETY: there are as many cells as slots, and then as many tries, if there is room for
        // them. What is in the queue stays in it.
        let tries = unsafe { tries.add(self.capacity()) }.cast::<AtomicU64>();
        let tries = NonNull::slice_from_raw_parts(tries, self.capacity());
        // SAFETY: as above; atomics, which begin behind the ends, on a boundary of 8 bytes.
        Shared::new(self.ends(), unsafe { cells.as_ref() }, unsafe { RoomyRef::at(tries) })
    }

    #[inline(always)]
    pub(super) fn first_cell(&self) -> NonNull<Cell> {
        // SAFETY: a place in the queue is not null.
        unsafe { NonNull::new_unchecked(self.bundles().cast()) }
    }

    /// Where the value of a slot is. In bounds, if there is such a slot.
    #[inline(always)]
    pub(super) fn value(&self, slot: usize) -> *mut T {
        let values = values_offset(self.capacity(), align_of::<T>());
        self.bundles().cast::<u8>().wrapping_add(values).cast::<T>().wrapping_add(slot)
    }

    /// Tells loom that a value is being read, where loom looks.
    #[inline(always)]
    pub(super) fn touch_read(&self, _slot: usize) {}

    /// Tells loom that a value is being written, where loom looks.
    #[inline(always)]
    pub(super) fn touch_write(&self, _slot: usize) {}
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::wait::{Async, Nobody};

    fn is_laid_out_alike<T, const N: usize, W: Wake>() {
        let queue = Fixed::<T, N, W>::new();
        assert_eq!(Counted::<T, W>::layout(N), Some(Layout::new::<Fixed<T, N, W>>()));
        let view = queue.counted();
        assert!(size_of_val(view) <= size_of_val(&queue));
        assert_eq!((align_of_val(view), view.capacity()), (align_of_val(&queue), N));
        // SAFETY: nothing is read.
        let arrays = unsafe { &raw const (*queue.0.get()).arrays }.cast::<Arrays<T, N>>();
        assert_eq!(arrays.cast(), view.first_cell().as_ptr());
        // SAFETY: as above.
        assert_eq!(unsafe { &raw const (*arrays).values }.cast(), view.value(0).cast_const());
        let end = view.value(N).addr() - ptr::from_ref(&queue).addr();
        assert!(end <= size_of_val(view), "the values lie in the view");
    }

    #[test]
    fn a_queue_and_its_view_mean_the_same_bytes() {
        #[repr(align(16))]
        struct Wide([u8; 48]);
        #[repr(align(256))]
        struct Wider(#[expect(dead_code, reason = "for its size")] u8);
        is_laid_out_alike::<u8, 1, Nobody>();
        is_laid_out_alike::<(), 5, Nobody>();
        is_laid_out_alike::<[u8; 3], 5, Async>();
        is_laid_out_alike::<(u8, u32), 4, Nobody>();
        is_laid_out_alike::<Wide, 3, Nobody>();
        is_laid_out_alike::<Wide, 1, Async>();
        is_laid_out_alike::<Wider, 7, Nobody>();
        let _ = Wide([0; 48]).0;
    }
}
