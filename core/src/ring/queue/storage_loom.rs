//! Where the words and the values of a queue lie: loom's, each where it likes. Twin of
//! `storage.rs`.
#![allow(clippy::disallowed_types, reason = "loom looks at the watch beside each value")]

use super::shared::{Cell, Ends, Shared};
use crate::sync::{AtomicU64, RoomyRef, WatchedCell};
use crate::wait::Wake;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::boxed::Box;

/// What a [`Queue`](super::Queue) is.
pub(super) struct Fixed<T, const N: usize, W: Wake>(Counted<T, W>);

/// What a [`QueueView`](super::QueueView) is.
pub(super) struct Counted<T, W: Wake> {
    ends: Ends<W>,
    cells: Box<[Cell]>,
    tries: Box<[AtomicU64]>,
    values: Box<[UnsafeCell<MaybeUninit<T>>]>,
    watch: Box<[WatchedCell<()>]>,
}

impl<T, const N: usize, W: Wake> Fixed<T, N, W> {
    pub(super) fn new() -> Self {
        Fixed(Counted::with_capacity(N))
    }

    /// The queue, whose capacity is a part of the reference.
    pub(super) fn counted(&self) -> &Counted<T, W> {
        &self.0
    }
}

impl<T, W: Wake> Counted<T, W> {
    fn with_capacity(capacity: usize) -> Self {
        Counted {
            ends: Ends::new(),
            cells: (0..capacity).map(|_| Cell::new()).collect(),
            tries: (0..capacity).map(|_| AtomicU64::new(0)).collect(),
            values: (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
            watch: (0..capacity).map(|_| WatchedCell::new(())).collect(),
        }
    }

    /// How many values the queue holds.
    pub(super) fn capacity(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn ends(&self) -> &Ends<W> {
        &self.ends
    }

    pub(super) fn shared(&self) -> Shared<'_, W> {
        // SAFETY: a reference to it, which lives as long.
        let tries = unsafe { RoomyRef::at(NonNull::from(&*self.tries)) };
        Shared::new(self.ends(), &self.cells, tries)
    }

    /// Where the value of a slot is.
    pub(super) fn value(&self, slot: usize) -> *mut T {
        self.values[slot].get().cast()
    }

    /// Tells loom that a value is being read.
    pub(super) fn touch_read(&self, slot: usize) {
        self.watch[slot].with(|_| ());
    }

    /// Tells loom that a value is being written.
    pub(super) fn touch_write(&self, slot: usize) {
        self.watch[slot].with_mut(|_| ());
    }
}
