//! The place where a task leaves its waker, and the way of sleeping built on it.

use super::{Register, Spin, TimedOut, Wait};
use crate::finally::Finally;
use crate::sync::{AtomicU32, Cell, Ordering, RmwU32, const_unless_loom};
use core::task::Waker;

/// One waker: registered by the task that sleeps, taken by whoever wakes it.
///
/// `register`, then look at the condition; change the condition, then `wake`: whichever way the two interleave,
/// either the look sees the change or the task is woken. What happened before a `wake` is seen by the task that it
/// woke, once that task registers again.
///
/// The state is two bits, and the cell belongs to whoever made the transition that names it:
///
/// ```text
///              1 register              2 registered
///      IDLE ──────────────▶ REGISTERING ───────────▶ IDLE
///        │                       │
///      3 │ wake                4 │ wake: only marks it
///        ▼                       ▼
///      WAKING ──▶ IDLE      REGISTERING|WAKING ──▶ IDLE, and the registering side wakes itself (5)
/// ```
///
/// In IDLE nobody touches the cell, in REGISTERING (marked or not) the registering side does, in WAKING the waker
/// of transition 3 does.
///
/// ```
/// use ringway_core::wait::WakerCell;
/// use std::task::Waker;
/// let cell = WakerCell::new();
/// cell.register(Waker::noop());
/// cell.wake();
/// ```
#[derive(Debug)]
pub struct WakerCell {
    state: RmwU32,
    waker: Cell<Option<Waker>>,
}

const IDLE: u32 = 0;
const REGISTERING: u32 = 1;
const WAKING: u32 = 2;

// SAFETY: the cell is touched only by the side that the state names, see the type's diagram; `Waker` is `Send`
// and `Sync` by itself.
unsafe impl Sync for WakerCell {}

impl WakerCell {
    const_unless_loom! {
        /// An empty cell.
        pub fn new() -> Self {
            WakerCell { state: RmwU32::new(IDLE), waker: Cell::new(None) }
        }
    }

    /// Leaves `waker` to be woken by the next [`wake`](Self::wake). One that was there and belongs to another
    /// task is woken, so that no task is forgotten.
    pub fn register(&self, waker: &Waker) {
        // Cloned outside the transition: foreign code does not run while we own the cell.
        let mine = waker.clone();
        // 1. Acquire: partner is the release of whoever made it IDLE (2 by another task, 3's `fetch_and`, 5), whose
        // access to the cell happened before ours; and the release of every `fetch_or` before that, whose
        // announcement the caller's look now sees. Failure: relaxed, because the task wakes itself, and acquires
        // when it registers again.
        match self.state.compare_exchange(IDLE, REGISTERING, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {
                let mut replaced = self.swap(Some(mine));
                // Also when the waker below panics. Dropped if it is the task's own.
                let _wake_replaced = Finally(|| {
                    if let Some(other) = replaced.take().filter(|other| !other.will_wake(waker)) {
                        other.wake();
                    }
                });
                // 2. Release: partner is the acquire in `wake`'s `fetch_or` and in 1 by another task, which then
                // own the cell that we filled. Failure: relaxed, the cell is still ours.
                let registered = self.state.compare_exchange(
                    REGISTERING,
                    IDLE,
                    Ordering::Release,
                    Ordering::Relaxed,
                );
                if registered.is_err() {
                    // 5. A wake came while we registered: it left the waking to us.
                    let ours = self.swap(None);
                    // Release: partner is the acquire of 1 and 3 for the next access to the cell. What the wake
                    // that marked us announced, 1 acquires when the task registers again.
                    self.state.swap(IDLE, Ordering::Release);
                    if let Some(waker) = ours {
                        waker.wake();
                    }
                }
            }
            // Being woken just now, with an older waker, or another task registers: come back and look.
            Err(_) => mine.wake(),
        }
    }

    /// Wakes the task that registered, if one did. Safe in an interrupt and in a signal handler when the waker is.
    pub fn wake(&self) {
        // 3, 4. Acquire: partner is the release of 2, 5 or another wake's `fetch_and`, whose access to the cell
        // happened before ours. Release: partner is the acquire of 1: what we announce is seen by the task that
        // registers next, also when the waking is left to another side.
        if self.state.fetch_or(WAKING, Ordering::AcqRel) == IDLE {
            let waker = self.swap(None);
            // Release: partner is the acquire of 1 and 3 for the next access to the cell.
            self.state.fetch_and(!WAKING, Ordering::Release);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Exchanges the content of the cell; only for the side that owns it by the state.
    fn swap(&self, new: Option<Waker>) -> Option<Waker> {
        // SAFETY: called between the transitions that give this side the cell, see the type's diagram.
        self.waker.with_mut(|cell| unsafe { core::mem::replace(&mut *cell, new) })
    }
}

impl Default for WakerCell {
    fn default() -> Self {
        Self::new()
    }
}

/// Sleeping for tasks and for threads at once: a [`WakerCell`] around another way of sleeping.
///
/// The waker is a pointer, so that this way of sleeping belongs in one program's memory, never in a region that
/// processes share.
///
/// ```
/// use ringway_core::wait::{Async, Doorbell, Spin};
/// use std::task::{Context, Poll, Waker};
/// let bell = Doorbell::new(Async::new(Spin));
/// let mut cx = Context::from_waker(Waker::noop());
/// assert!(bell.poll_until(&mut cx, || None::<()>).is_pending());
/// assert_eq!(bell.poll_until(&mut cx, || Some(1)), Poll::Ready(1));
/// ```
#[derive(Debug, Default)]
pub struct Async<W = Spin> {
    cell: WakerCell,
    inner: W,
}

impl<W> Async<W> {
    const_unless_loom! {
        /// Adds tasks to those who can sleep as `inner` says.
        pub fn new(inner: W) -> Self {
            Async { cell: WakerCell::new(), inner }
        }
    }
}

impl<W: Wait> Wait for Async<W> {
    type Deadline = W::Deadline;

    fn looks(&self) -> u32 {
        self.inner.looks()
    }

    fn learn(&self, were_enough: bool) {
        self.inner.learn(were_enough);
    }

    fn is_unwinding(&self) -> bool {
        self.inner.is_unwinding()
    }

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Self::Deadline>,
    ) -> Result<(), TimedOut> {
        self.inner.wait(word, expected, deadline)
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        // The threads are woken also when the task's waker panics.
        let _threads = Finally(|| self.inner.wake(word, n));
        self.cell.wake();
    }
}

impl<W: Wait> Register for Async<W> {
    fn register(&self, waker: &Waker) {
        self.cell.register(waker);
    }
}
