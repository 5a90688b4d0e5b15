//! Where the words and the values of a queue lie: loom's memory, each in a place of its own. Twin
//! of `storage.rs`.
#![allow(clippy::disallowed_types, reason = "loom watches the cell beside each value")]

use super::protocol::{Cell, Ends, Shared, Tries};
use crate::sync::{RoomyRef, WatchedCell};
use crate::wait::Wake;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::boxed::Box;

/// The memory of a [`Queue`](super::Queue).
pub(super) struct Fixed<T, const N: usize, W: Wake>(Counted<T, W>);

/// The memory of a [`QueueView`](super::QueueView).
pub(super) struct Counted<T, W: Wake> {
    ends: Ends<W>,
    cells: Box<[Cell]>,
    tries: Box<[Tries]>,
    values: Box<[UnsafeCell<MaybeUninit<T>>]>,
    watch: Box<[WatchedCell<()>]>,
}

impl<T, const N: usize, W: Wake> Fixed<T, N, W> {
    pub(super) fn new() -> Self {
        Fixed(Counted::with_capacity(N))
    }

    /// The same queue, with its capacity in the reference.
    pub(super) fn counted(&self) -> &Counted<T, W> {
        &self.0
    }
}

impl<T, W: Wake> Counted<T, W> {
    fn with_capacity(capacity: usize) -> Self {
        Counted {
            ends: Ends::new(),
            cells: (0..capacity).map(|_| Cell::new()).collect(),
            tries: (0..capacity).map(|_| Tries::new(0)).collect(),
            values: (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
            watch: (0..capacity).map(|_| WatchedCell::new(())).collect(),
        }
    }

    /// The largest number of values that the queue holds.
    pub(super) fn capacity(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn ends(&self) -> &Ends<W> {
        &self.ends
    }

    pub(super) fn shared(&self) -> Shared<'_, W> {
        // SAFETY: the box owns as many attempts words as there are slots, and lives as long as
        // `self`.
        let tries = unsafe { RoomyRef::at(NonNull::from(&*self.tries)) };
        Shared::new(self.ends(), &self.cells, tries)
    }

    /// The address of a slot's value.
    pub(super) fn value(&self, slot: usize) -> *mut T {
        self.values[slot].get().cast()
    }

    /// Tells loom that the caller reads the value of `slot`.
    pub(super) fn touch_read(&self, slot: usize) {
        self.watch[slot].with(|_| ());
    }

    /// Tells loom that the caller writes the value of `slot`.
    pub(super) fn touch_write(&self, slot: usize) {
        self.watch[slot].with_mut(|_| ());
    }
}
