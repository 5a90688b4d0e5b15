//! Places where several tasks leave their wakers.

use super::waker::WakerCell;
use crate::finally::finish;
use crate::sync::{array_of, const_unless_loom};
use core::task::Waker;

/// The wakers of up to `TASKS` tasks that sleep for the same thing.
///
/// As many [`WakerCell`]s, each of which keeps what it promises: a task that registers and then
/// looks either sees the change or is woken. A wake-up wakes them all. Registering looks through
/// the cells, and so does a wake-up: keep `TASKS` small.
///
/// A task that finds the waker of another in every cell takes the first place, and the one that had
/// it is woken, so that no task is forgotten. These two then wake each other in turn for as long as
/// both wait; the others are left alone.
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

    /// Leaves `waker` to be woken by the next [`wake`](Self::wake). A task that is in the set
    /// already is in it once.
    ///
    /// While a wake-up is under way a task may come to be in it twice, and is then woken twice.
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

    /// Wakes every task that registered since it was woken last. Safe in an interrupt and in a
    /// signal handler when the wakers are.
    #[inline]
    pub fn wake(&self) {
        let mut cells = self.cells.iter();
        // All of them, also when one panics.
        finish(|| cells.by_ref().for_each(WakerCell::wake));
    }
}

impl<const TASKS: usize> Default for WakerSet<TASKS> {
    fn default() -> Self {
        Self::new()
    }
}
