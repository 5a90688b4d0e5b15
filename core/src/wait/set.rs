//! A set of wakers, for several tasks that wait for the same thing.

use super::waker::WakerCell;
use crate::finally::finish;
use crate::sync::{array_of, const_unless_loom};
use core::task::Waker;

/// The wakers of up to `TASKS` tasks that sleep for the same thing.
///
/// The set is an array of [`WakerCell`]s, and each keeps its promise: a task that registers and
/// then checks its condition either sees the change or is woken. A wake-up wakes all tasks.
/// Registering and waking go through all cells, so keep `TASKS` small.
///
/// A task may find the waker of another task in every cell. It then replaces the waker in the first
/// cell and wakes the task of the replaced one, so that no task is forgotten. These two then wake
/// each other in turn for as long as both wait; the others are left alone.
///
/// ```
/// use ringway_core::wait::WakerSet;
/// use std::task::Waker;
/// static TASKS: WakerSet<4> = WakerSet::new();
/// TASKS.register(Waker::noop());
/// TASKS.wake();
/// ```
#[derive(Debug)]
pub struct WakerSet<const TASKS: usize> {
    cells: [WakerCell; TASKS],
}

impl<const TASKS: usize> WakerSet<TASKS> {
    const_unless_loom! {
        /// An empty set.
        ///
        /// ```compile_fail
        /// static NOBODY: ringway_core::wait::WakerSet<0> = ringway_core::wait::WakerSet::new();
        /// ```
        pub fn new() -> Self {
            const { assert!(TASKS > 0, "a set of wakers needs room for one task") };
            WakerSet { cells: array_of!(WakerCell::new(); TASKS) }
        }
    }

    /// Stores `waker` for the next [`wake`](Self::wake) to wake.
    ///
    /// A task that registers again stays in the set once. While a wake-up is under way, a task may
    /// get into the set twice; it is then woken twice.
    #[inline]
    pub fn register(&self, waker: &Waker) {
        if TASKS > 1 {
            let mut mine = waker.clone();
            for cell in &self.cells {
                match cell.offer(mine) {
                    Ok(()) => return,
                    Err(back) => mine = back,
                }
            }
        }
        if let Some(first) = self.cells.first() {
            first.register(waker);
        }
    }

    /// Wakes every task that registered since it was last woken.
    ///
    /// Safe in an interrupt and in a signal handler if the wakers are.
    #[inline]
    pub fn wake(&self) {
        let mut cells = self.cells.iter();
        // Wake all of them, even if one panics.
        finish(|| cells.by_ref().for_each(WakerCell::wake));
    }
}

impl<const TASKS: usize> Default for WakerSet<TASKS> {
    fn default() -> Self {
        Self::new()
    }
}
