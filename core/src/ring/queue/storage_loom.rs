//! Where the words and the values of a queue lie: loom's, each where it likes. Twin of `storage.rs`.
#![allow(clippy::disallowed_types, reason = "loom looks at the watch beside each value")]

use super::shared::{Cell, Ends, Shared};
use super::{Queue, QueueView};
use crate::sync::{AtomicU64, RoomyRef, WatchedCell};
use crate::wait::Wake;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::boxed::Box;

/// What a [`Queue`] is.
pub(super) type Fixed<T, const N: usize, W> = QueueView<T, W>;

/// What a [`QueueView`] is.
pub(super) struct Counted<T, W: Wake> {
    ends: Ends<W>,
    cells: Box<[Cell]>,
    tries: Box<[AtomicU64]>,
    values: Box<[UnsafeCell<MaybeUninit<T>>]>,
    watch: Box<[WatchedCell<()>]>,
}

impl<T, const N: usize, W: Wake> Queue<T, N, W> {
    pub(super) fn fresh() -> Fixed<T, N, W> {
        QueueView::with_capacity(N)
    }

    /// The queue, whose capacity is a part of the reference.
    pub(super) fn as_view(&self) -> &QueueView<T, W> {
        &self.0
    }
}

impl<T, W: Wake> QueueView<T, W> {
    fn with_capacity(capacity: usize) -> Self {
        QueueView(Counted {
            ends: Ends::new(),
            cells: (0..capacity).map(|_| Cell::new()).collect(),
            tries: (0..capacity).map(|_| AtomicU64::new(0)).collect(),
            values: (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
            watch: (0..capacity).map(|_| WatchedCell::new(())).collect(),
        })
    }

    /// How many values the queue holds.
    pub fn capacity(&self) -> usize {
        self.0.cells.len()
    }

    pub(super) fn ends(&self) -> &Ends<W> {
        &self.0.ends
    }

    pub(super) fn shared(&self) -> Shared<'_, W> {
        // SAFETY: a reference to it, which lives as long.
        let tries = unsafe { RoomyRef::at(NonNull::from(&*self.0.tries)) };
        Shared::new(self.ends(), &self.0.cells, tries)
    }

    /// Where the value of a slot is.
    pub(super) fn value(&self, slot: usize) -> *mut T {
        self.0.values[slot].get().cast()
    }

    /// Tells loom that a value is being read.
    pub(super) fn touch_read(&self, slot: usize) {
        self.0.watch[slot].with(|_| ());
    }

    /// Tells loom that a value is being written.
    pub(super) fn touch_write(&self, slot: usize) {
        self.0.watch[slot].with_mut(|_| ());
    }
}
